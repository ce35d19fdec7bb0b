"""The check before the call over its addresses: offer, report, result; and without an echo."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiortc import RTCSessionDescription

from balie.calls import service
from balie.calls.check import Checks, EchoUnavailable
from balie.ids import new_id
from tests.calls.stage import Site, Stage, a_site
from tests.calls.test_echo import a_peer, answers

GOOD: dict[str, Any] = {
    "parts": {"browser": "ok", "camera": "ok", "microphone": "ok", "speaker": "yes"},
    "path": "udp",
    "figures": {"ping_ms": 12, "rtt_ms": 20.5, "jitter_ms": 3, "loss_pct": 0, "up_kbps": 1400, "frames_sent": 120},
    "attempt": 2,
    "device": {"browser": "Safari", "system": "iOS"},
}


@pytest.fixture
async def site(stage: Stage) -> AsyncIterator[Site]:
    await stage.take_seat()
    async with a_site(stage, has_echo=True) as made:
        yield made


async def offer(site: Site, sdp: str) -> ClientResponse:
    return await site.post("/gesprek/check/aanbod", "calls.check_offer", site.stage.fatima, json={"sdp": sdp})


async def result(site: Site, body: Any) -> ClientResponse:
    return await site.post("/gesprek/check/uitslag", "calls.check_result", site.stage.fatima, json=body)


async def ready(site: Site) -> Checks:
    checks = site.stage.works.get(Checks)
    async with asyncio.timeout(10):
        await answers(checks.echo)
    return checks


async def test_offer_report_result_and_what_staff_read(site: Site) -> None:
    await ready(site)
    fatima = site.stage.fatima
    async with a_peer() as peer:
        answer = await (await offer(site, peer.localDescription.sdp)).json()
        await peer.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
        path = f"/gesprek/check/{answer['check_id']}"
        report: dict[str, Any] = {}
        async with asyncio.timeout(10):
            while not report.get("frames"):
                report = await (await site.get(path, fatima)).json()
        assert report["connected"] is True
        assert (await site.get(f"/gesprek/check/{new_id()}", fatima)).status == 404
        assert (await site.post(f"{path}/klaar", "calls.check_done", fatima)).status == 204
        assert (await site.get(path, fatima)).status == 404
    assert await (await result(site, {**GOOD, "check_id": answer["check_id"]})).json() == {"verdict": "good"}
    kept = await site.stage.do(service.check_result_of, site.stage.appointment_id)
    assert (kept.verdict, kept.attempt, kept.parts["camera"]) == ("good", 2, "ok")
    assert kept.figures["up_kbps"] == 1400 and "sound_sent" not in kept.figures
    blocked = {"parts": {"camera": "denied", "microphone": "denied_by_system"}, "path": "no", "figures": {"ping_ms": 9}}
    assert await (await result(site, blocked)).json() == {"verdict": "text_only"}
    kept = await site.stage.do(service.check_result_of, site.stage.appointment_id)
    assert (kept.verdict, kept.parts["camera"], kept.device) == ("text_only", "denied", {})


async def test_the_fourth_check_in_ten_minutes_is_refused_and_the_result_still_taken(site: Site) -> None:
    await ready(site)
    statuses = [(await offer(site, "geen SDP")).status for _ in range(4)]
    assert statuses == [400, 400, 400, 429]
    assert await (await result(site, {"parts": {}})).json() == {"verdict": "not_measured"}


@pytest.mark.parametrize("kill", [signal.SIGSTOP, signal.SIGKILL])
async def test_without_an_echo_the_verdict_is_not_measured_and_nothing_else_changes(
    site: Site, kill: signal.Signals
) -> None:
    checks = await ready(site)
    checks.echo._answer_within_s = 0.5
    assert checks.echo.pid is not None
    os.kill(checks.echo.pid, kill)
    async with a_peer() as peer, site.page(site.stage.fatima) as page:
        answer = await offer(site, peer.localDescription.sdp)
        assert (answer.status, (await answer.json())["code"]) == (503, "echo_unavailable")
        assert await (await result(site, {"parts": GOOD["parts"]})).json() == {"verdict": "not_measured"}
        assert (await page.ask("ice.get"))["servers"] == []
        call = await site.stage.admit()
        await site.stage.begin()
        assert (await page.join(call))["type"] == "joined"


@pytest.mark.parametrize(
    "body",
    [
        *([], "x", {}, {"parts": {"camera": "mooi"}}, {"parts": {}, "path": "carrier pigeon"}),
        *({"parts": {}, "figures": {"rtt_ms": n}} for n in (-1, "snel", 1e12)),
        *({"parts": {}, "ip": "10.0.0.1"}, {"parts": {}, "attempt": 0}, {"parts": {}, "figures": {"loss_pct": 101}}),
    ],
)
async def test_a_result_of_another_form_is_refused(site: Site, body: Any) -> None:
    assert (await result(site, body)).status == 400


async def test_who_has_no_link_or_no_proof_of_origin_cannot_check(site: Site) -> None:
    url = site.server.make_url("/gesprek/check/aanbod")
    json = {"Accept": "application/json"}
    assert (await site.http.post(url, json={"sdp": "x"}, headers=json)).status in (401, 403)
    answer = await site.post("/gesprek/check/aanbod", "calls.check_result", site.stage.fatima, json={"sdp": "x"})
    assert answer.status == 403
    answer = await site.post("/medewerker/check/uitslag", "calls.staff_check_result", site.stage.anna, json=GOOD)
    assert await answer.json() == {"verdict": "good"}
    assert await site.stage.do(service.check_result_of, site.stage.appointment_id, "staff") is None


async def test_a_stop_of_the_server_ends_the_echo(stage: Stage) -> None:
    async with a_site(stage, has_echo=True) as site:
        echo = (await ready(site)).echo
        pid = echo.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(EchoUnavailable):
        await echo.ask({"do": "ping"})
