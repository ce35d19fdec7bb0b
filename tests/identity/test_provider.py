"""The built-in provider: what it checks, where it may run, and as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestServer

from balie.bus import Bus
from balie.db import create_engine
from balie.demo.identity_provider import beside, check_origin
from balie.events import Listeners
from balie.identity.oidc import providers_from, registration
from balie.identity.rules import VerificationState
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works
from tests.conftest import create_tables
from tests.identity.conftest import (
    CITY,
    City,
    fatima_is_asked,
    free_port,
    make_app,
    query_of,
    sign_in_at_provider,
    start_sign_in,
    state_of,
    whole_sign_in,
)


async def test_its_page_says_that_it_is_no_real_digid(city: City) -> None:
    guest = await fatima_is_asked(city)
    async with await guest.browser.get(await start_sign_in(guest)) as answer:
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert answer.status == 200
    assert "Proef: geen echte DigiD" in page and "Fatima de Vries" in page and "999990019" in page
    assert f"form-action 'self' {city.origin}" in policy
    async with await guest.browser.get("/proef-inlog/burger/stijl.css") as answer:
        assert answer.content_type == "text/css"


async def test_its_page_speaks_english_when_asked(city: City) -> None:
    guest = await fatima_is_asked(city)
    link = (await start_sign_in(guest)).replace("ui_locales=nl", "ui_locales=en")
    async with await guest.browser.get(link) as answer:
        assert 'lang="en"' in await answer.text()


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "https://elders.example/"},
        {"response_type": "token"},
        {"scope": "profile"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"nonce": ""},
        {"state": ""},
    ],
)
async def test_a_request_that_is_not_right_goes_nowhere(city: City, changed: dict[str, str]) -> None:
    guest = await fatima_is_asked(city)
    link = await start_sign_in(guest)
    query = query_of(link) | changed
    browser = city.browser()
    url = link.partition("?")[0]
    async with browser.client.get(url, params=query, allow_redirects=False) as answer:
        assert answer.status == 400 and "Location" not in answer.headers


async def test_a_code_needs_our_proof_our_verifier_and_counts_once(city: City) -> None:
    guest = await fatima_is_asked(city)
    link = await start_sign_in(guest)
    back = query_of(await sign_in_at_provider(guest.browser, link))
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": city.origin + "/inloggen/burger/terug",
        "client_id": "balie",
        "code_verifier": "guessed",
    }
    async with await guest.browser.post("/proef-inlog/burger/token", **form) as answer:
        assert answer.status == 400 and (await answer.json()) == {"error": "invalid_client"}
    async with await guest.browser.get("/proef-inlog/burger/userinfo", Authorization="Bearer x") as answer:
        assert answer.status == 401


async def test_two_issuers_share_nobody_and_no_client(city: City) -> None:
    assert city.digid.url != city.work_account.url
    assert city.digid.public_keys() != city.work_account.public_keys()
    guest = await fatima_is_asked(city)
    link = (await start_sign_in(guest)).replace("/proef-inlog/burger/", "/proef-inlog/medewerker/")
    async with await guest.browser.get(link) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("origin", "may_serve"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("https://192.168.1.10:8443", True),
        ("https://balie.local", True),
        ("http://192.168.1.10:8080", False),
        ("https://balie.example.nl", False),
        ("https://8.8.8.8", False),
    ],
)
def test_it_serves_loopback_and_private_addresses_over_https_only(origin: str, may_serve: bool) -> None:
    if may_serve:
        check_origin(origin)
    else:
        with pytest.raises(ValueError, match="loopback"):
            check_origin(origin)


def production(tmp_path: Path, **more: object) -> Settings:
    told = {
        "origin": "https://balie.example.nl",
        "citizen_issuer": "https://digid.example",
        "staff_issuer": "https://staff.example",
        "data_dir": tmp_path / "data",
        "keys_dir": tmp_path / "keys",
        "citizen_client_secret": "x" * 32,
        "staff_client_secret": "x" * 32,
    }
    return Settings(**(told | more))  # type: ignore[arg-type]


def test_production_refuses_it(tmp_path: Path) -> None:
    assert providers_from(production(tmp_path))
    with pytest.raises(ValueError, match="demo only"):
        beside(production(tmp_path), lambda: datetime.now(UTC))
    with pytest.raises(ValueError, match="demo only"):
        providers_from(production(tmp_path, citizen_issuer="https://balie.example.nl/proef-inlog/burger"))
    with pytest.raises(ValueError, match="http only in the demo"):
        production(tmp_path, origin="http://balie.example.nl")
    with pytest.raises(ValueError, match="http only in the demo"):
        Settings(demo=True, origin="http://192.168.1.10:8080")
    with pytest.raises(ValueError, match="CLIENT_KEY"):
        providers_from(production(tmp_path, citizen_client_secret=None))


@pytest.mark.parametrize(
    ("demo", "host", "reason"), [("false", "127.0.0.1", "demo only"), ("true", "0.0.0.0", "loopback only")]
)
def test_as_a_process_it_refuses_production_and_other_addresses(
    tmp_path: Path, demo: str, host: str, reason: str
) -> None:
    told = {
        "BALIE_DEMO": demo,
        "BALIE_ORIGIN": "https://balie.example.nl",
        "BALIE_CITIZEN_ISSUER": "https://digid.example",
        "BALIE_STAFF_ISSUER": "https://staff.example",
        "BALIE_KEYS_DIR": str(tmp_path / "keys"),
    }
    ended = subprocess.run(
        [*PROGRAM, "--port", "1", "--host", host, "--clients", "none"],
        env=os.environ | told,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2 and reason in ended.stderr


PROGRAM = [sys.executable, "-m", "balie.demo.identity_provider"]


@asynccontextmanager
async def own_process(settings: Settings, port: int, tmp_path: Path) -> AsyncIterator[None]:
    """The provider in a process of its own, until it answers."""
    clients = tmp_path / "clients.json"
    clients.write_text(json.dumps([registration(p) for p in providers_from(settings).values()]))
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "--port", str(port), "--clients", str(clients), env=os.environ | {"BALIE_DEMO": "true"}
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_a_whole_sign_in_with_the_provider_in_a_process_of_its_own(tmp_path: Path, keyring: Keyring) -> None:
    port, issuer_port = free_port(), free_port()
    settings = Settings(
        demo=True,
        data_dir=tmp_path,
        keys_dir=tmp_path / "keys",
        origin=f"http://127.0.0.1:{port}",
        citizen_issuer=f"http://127.0.0.1:{issuer_port}/proef-inlog/burger",
        staff_issuer=f"http://127.0.0.1:{issuer_port}/proef-inlog/medewerker",
    )
    works = Works(create_engine(settings.database), settings, Listeners())
    await create_tables(works.engine)
    for kind, value in ((Keyring, keyring), (Bus, Bus()), (Wake, Wake())):
        works.put(kind, value)  # type: ignore[arg-type]
    app = make_app(works, with_provider=False)
    city = City(works, settings.origin, app)
    app[CITY] = city
    async with own_process(settings, issuer_port, tmp_path), TestServer(app, host="127.0.0.1", port=port):
        guest = await fatima_is_asked(city)
        assert urlsplit(await start_sign_in(guest)).port == issuer_port
        assert await whole_sign_in(guest) == "/gesprek"
        assert (await state_of(city, guest)).state is VerificationState.CONFIRMED
        await guest.browser.close()
    await works.engine.dispose()


async def test_without_the_provider_the_citizen_stays_in_the_call_with_a_calm_answer(
    tmp_path: Path, works: Works
) -> None:
    away = works.settings.model_copy(update={"citizen_issuer": f"http://127.0.0.1:{free_port()}/proef-inlog/burger"})
    works.settings = away
    app = make_app(works)
    city = City(works, away.origin, app)
    app[CITY] = city
    async with TestServer(app, host="127.0.0.1", port=urlsplit(away.origin).port or 0):
        guest = await fatima_is_asked(city)
        address = f"/gesprek/identificatie/{guest.asked.id}/start"
        proof = await guest.browser.csrf("identity.start")
        async with await guest.browser.post(address, csrf=proof) as answer:
            assert answer.status == 502
        assert (await state_of(city, guest)).state is VerificationState.REQUESTED
        await guest.browser.close()


async def test_a_rotated_key_of_the_provider_is_found_within_a_minute(city: City) -> None:
    from joserfc.jwk import ECKey

    first = await fatima_is_asked(city)
    await whole_sign_in(first)
    city.digid.key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    second = await fatima_is_asked(city)
    await whole_sign_in(second)  # read anew at most once a minute: too soon here
    assert (await state_of(city, second)).state is VerificationState.FAILED
    city.works.clock.move(seconds=61)  # type: ignore[attr-defined]
    third = await fatima_is_asked(city)
    await whole_sign_in(third)
    assert (await state_of(city, third)).state is VerificationState.CONFIRMED


async def test_a_token_that_the_provider_signs_wrongly_leaves_the_person_unproven(city: City) -> None:
    for name, value in (("aud", "else"), ("iss", "https://elders.example"), ("nonce", "x"), ("exp", 1)):
        city.digid.alter = lambda _header, claims, name=name, value=value: claims.update({name: value})  # type: ignore[misc]
        guest = await fatima_is_asked(city)
        await whole_sign_in(guest)
        assert (await state_of(city, guest)).state is VerificationState.FAILED
