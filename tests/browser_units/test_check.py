"""The measuring before the call, against the product's own echo process."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser_units.conftest import Side
from tests.browser_units.relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def echo(relay: Relay) -> AsyncIterator[None]:
    """The echo beside the relay."""
    pipe = asyncio.subprocess.PIPE
    relay.echo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "balie.calls.echo", stdin=pipe, stdout=pipe, limit=1 << 20
    )
    yield
    relay.echo.stdin.close()  # type: ignore[union-attr]
    await relay.echo.wait()


async def test_camera_microphone_connection_and_path_are_measured(sides: tuple[Side, Side], echo: None) -> None:
    citizen, _ = sides
    await citizen.ready()
    found = await citizen.do("T.check()")
    print(found)
    assert found["browser"] == "ok"
    assert found["camera"]["outcome"] == "ok"
    assert found["microphone"]["outcome"] == "ok"
    assert max(await citizen.do("T.levels")) > 0.01
    assert found["path"]["path"] == "udp"
    figures = found["path"]["figures"]
    assert figures["loss_pct"] < 3 and figures["rtt_ms"] < 400 and figures["up_kbps"] > 0
    assert figures["frames_sent"] > 40 and figures["sound_sent"] > 100
    assert found["ping"] is not None


async def test_without_camera_and_microphone_the_path_is_measured_all_the_same(
    sides: tuple[Side, Side], echo: None
) -> None:
    citizen, _ = sides
    await citizen.ready(audio=False, video=False)
    found = await citizen.do("T.check()")
    print(found)
    assert found["camera"]["outcome"] == "not_asked"
    assert found["path"]["path"] == "udp" and found["path"]["figures"]["frames_sent"] > 40


async def test_without_echo_the_path_is_not_known_and_the_rest_is_measured(sides: tuple[Side, Side]) -> None:
    citizen, _ = sides
    await citizen.ready()
    found = await citizen.do("T.check()")
    assert found["path"] is None
    assert found["camera"]["outcome"] == "ok"


async def test_denied_devices_are_told_as_denied(chromium: Browser, relay: Relay) -> None:
    context = await chromium.new_context(permissions=[])
    side = Side(await context.new_page(), "citizen", relay.address)
    await side.page.goto(f"{relay.address}/?who=citizen")
    await side.until("Boolean(window.T?.ready)")
    await side.do(
        "void (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')))"
    )
    outcomes = await side.do("T.ready().then(() => T.outcomes)")
    assert outcomes == {"audio": "denied", "video": "denied"} or outcomes["audio"] == "denied_by_system"
    await context.close()
