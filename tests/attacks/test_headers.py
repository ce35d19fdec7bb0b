"""T21: the exact headers of section 3 on each kind of answer, in the demo and in production."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from balie.settings import Settings
from balie.web import headers as security
from balie.web.keys import SETTINGS
from tests.conftest import Clock
from tests.house.whole import House

DEVICES = ("camera", "microphone", "display-capture", "screen-wake-lock", "fullscreen")
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def policy(origin: str) -> str:
    """The policy as section 3 writes it, without a theme of its own."""
    return (
        f"default-src 'none'; script-src {origin}/static/; style-src {origin}/static/; img-src 'self' blob:; "
        f"media-src 'self' blob:; font-src {origin}/static/; connect-src 'self' {origin.replace('http', 'ws', 1)}; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def devices(are_allowed: bool) -> str:
    return ", ".join(f"{device}={'(self)' if are_allowed else '()'}" for device in DEVICES)


def check(headers: Mapping[str, str], origin: str, uses_camera: bool = False, cache: str = "no-store") -> None:
    for name, value in FIXED.items():
        assert headers[name] == value, name
    assert headers["Content-Security-Policy"] == policy(origin)
    assert headers["Permissions-Policy"] == devices(uses_camera)
    assert headers["Cache-Control"] == cache
    assert "Server" not in headers
    assert "Strict-Transport-Security" not in headers
    assert "Clear-Site-Data" not in headers


@pytest.mark.parametrize(
    ("method", "path", "kind", "status", "uses_camera"),
    [
        ("GET", "/afspraak/maken", "anonymous", 200, False),
        ("GET", "/", "anonymous", 302, False),
        ("GET", "/gesprek", "citizen", 200, True),
        ("GET", "/gesprek", "anonymous", 401, True),
        ("GET", "/medewerker", "anonymous", 303, False),
        ("GET", "/bestaat-niet", "anonymous", 404, False),
        ("GET", "/a/onbekend", "anonymous", 404, False),
        ("DELETE", "/afspraak/maken", "anonymous", 405, False),
        ("POST", "/gesprek/stop", "citizen", 403, False),
        ("GET", "/static/bestaat/niet.js", "anonymous", 404, False),
        ("GET", "/healthz", "anonymous", 200, False),
        ("GET", "/api/v1/openapi.json", "anonymous", 200, False),
        ("GET", "/klantinteracties/api/v1/klantcontacten", "anonymous", 401, False),
        ("GET", "/.well-known/security.txt", "anonymous", 200, False),
    ],
)
async def test_every_kind_of_answer_has_exactly_the_headers_of_the_table(
    house: House, method: str, path: str, kind: str, status: int, uses_camera: bool
) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in house.callers[kind].cookies.items())
    async with house.client.request(
        method, house.origin + path, headers={"Cookie": cookies}, allow_redirects=False
    ) as answer:
        assert answer.status == status
        check(answer.headers, house.origin, uses_camera)
        assert "Traceback" not in await answer.text()


async def test_static_files_are_kept_for_ever_and_nothing_else_is(house: House) -> None:
    async with house.client.get(house.origin + "/afspraak/maken") as page:
        address = (await page.text()).split('rel="stylesheet" href="')[1].split('"')[0]
    async with house.client.get(house.origin + address) as answer:
        assert answer.status == 200
        check(answer.headers, house.origin, cache="public, max-age=31536000, immutable")
        assert "Set-Cookie" not in answer.headers


async def test_a_refused_upgrade_has_them_too(house: House) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await house.client.ws_connect(house.origin + "/live", headers={"Origin": "https://elsewhere.example"})
    assert refused.value.status == 403
    check(refused.value.headers or {}, house.origin)


async def test_production_asks_for_https_for_a_year(tmp_path: Path, clock: Clock) -> None:
    settings = Settings(
        demo=False, origin="https://balie.example.nl", citizen_issuer="https://c.nl", staff_issuer="https://s.nl",
        data_dir=tmp_path / "data", keys_dir=tmp_path / "keys",
    )  # fmt: skip
    app = web.Application()
    app[SETTINGS] = settings
    response = web.Response(headers={"Server": "x"})
    await security.set_headers(make_mocked_request("GET", "/", app=app), response)
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert response.headers["Content-Security-Policy"] == policy("https://balie.example.nl")
    assert "Server" not in response.headers


async def test_what_the_parser_refuses_has_no_page(house: House) -> None:
    port = int(house.origin.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /afspraak/maken HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 20_000 + b"\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(65_536), 10)
    writer.close()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"<html" not in answer and b"Traceback" not in answer and b".py" not in answer
