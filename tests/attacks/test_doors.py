"""T3 link guessing, T5 fixation, T6 forged forms and odd bodies, on every route there is."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlencode

import pytest

from balie.privacy.sealing import Keyring
from balie.web.csrf import CsrfKey
from balie.web.features import Route
from tests.conftest import Clock
from tests.house.whole import ROUTES, Caller, House, whole_house

LINK = next(route for route in ROUTES if route.name == "desk.link")
GO_ON = next(route for route in ROUTES if route.name == "desk.go_on")
FORMS = [route for route in ROUTES if route.method == "POST" and route.csrf == "form"]
ODD_TOKENS = ["x", "x" * 43, "x" * 5000, "%00", "..%2F..%2Fetc", "%D9%A3" * 43, "<script>", "%20" * 43, "A" * 42 + "="]


def caller_of(house: House, route: Route) -> Caller:
    """Somebody whom this route lets in."""
    kinds = {"link": "citizen", "call": "citizen", "api": "api_client", "public": "citizen"}
    is_staff_path = route.path.startswith(("/medewerker", "/beheer"))
    kind = "staff" if route.access.value in ("call", "public") and is_staff_path else None
    return house.callers[kind or kinds.get(route.access.value, route.access.value)]


async def send(house: House, route: Route, caller: Caller, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    sent = {**caller.headers, **headers}
    if caller.cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in caller.cookies.items())
    async with house.client.post(
        house.origin + house.path_of(route), data=body, headers=sent, allow_redirects=False
    ) as answer:
        return answer.status, await answer.text(errors="replace")


def as_one(text: str) -> str:
    """A page without what differs each time, and without the address that was asked for."""
    return re.sub(r'(value|href|action|content)="[^"]*"', "", text)


async def test_t3_a_guessed_link_never_tells_whether_it_was_near(house: House) -> None:
    tokens = [*ODD_TOKENS, *(secrets.token_urlsafe(32) for _ in range(100))]
    anonymous = house.callers["anonymous"]
    for route, prefix in ((LINK, ""), (GO_ON, "/verder")):
        answers = [await house.call(route, anonymous, f"/a/{token}{prefix}") for token in tokens]
        shown = {(status, as_one(text)) for status, _, text in answers if status != 403}
        assert {status for status, _ in shown} == {404}
        assert len(shown) == 1


async def test_t3_the_twenty_first_unknown_link_waits(tmp_path: Path, clock: Clock) -> None:
    async with whole_house(tmp_path, clock, unknown_links_per_network=20) as house:
        anonymous = house.callers["anonymous"]
        statuses = [(await house.call(LINK, anonymous, f"/a/{secrets.token_urlsafe(32)}"))[0] for _ in range(25)]
        assert statuses == [404] * 20 + [429] * 5
        async with house.client.get(f"{house.origin}/a/{secrets.token_urlsafe(32)}") as answer:
            assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0


async def test_t5_a_planted_cookie_is_never_the_session_that_begins(house: House) -> None:
    """Whatever the browser brought, *Ga verder* gives a token of our own."""
    planted = secrets.token_urlsafe(32)
    status, _ = await send(
        house, GO_ON, Caller("anonymous", {"balie": planted, "balie-medewerker": planted}, {}, ""), b"", {}
    )
    assert status in (403, 404)
    for path in ("/gesprek", "/medewerker"):
        async with house.client.get(
            house.origin + path,
            headers={"Cookie": f"balie={planted}; balie-medewerker={planted}"},
            allow_redirects=False,
        ) as answer:
            assert answer.status in (401, 303)


@pytest.mark.parametrize("forged", ["missing", "of another form", "of another browser", "cut", "twice"])
async def test_t6_a_form_that_is_not_from_our_page_changes_nothing(house: House, forged: str) -> None:
    key = CsrfKey(house.works.get(Keyring).derive("csrf"))
    for route in FORMS:
        caller = caller_of(house, route)
        right = key.value(caller.scope, route.name)
        value = {
            "missing": "",
            "of another form": key.value(caller.scope, "desk.other"),
            "of another browser": key.value(house.callers["team_lead"].scope + "x", route.name),
            "cut": right[:-4],
            "twice": f"{right},{right}",
        }[forged]
        status, text = await send(house, route, caller, urlencode({"csrf": value}).encode(), FORM_TYPE)
        assert status == 403, (route.name, status)
        assert "<h1" in text or "csrf_failed" in text


async def test_t6_a_form_from_another_site_is_refused_with_its_right_value(house: House) -> None:
    key = CsrfKey(house.works.get(Keyring).derive("csrf"))
    for route in FORMS:
        caller = caller_of(house, route)
        headers = {"X-Balie-CSRF": key.value(caller.scope, route.name), "Sec-Fetch-Site": "cross-site"}
        assert (await send(house, route, caller, b"", headers))[0] == 403, route.name


FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
BODIES = {
    "bytes that are no text": (b"\xff\xfe=%ff%fe&name=%c3%28", FORM_TYPE),
    "a zero byte": (b"name=Fa%00tima&reason=%00&note=%00&outcome=helped", FORM_TYPE),
    "half a character": (b"name=%ED%A0%80&reason=%ED%A0%80", FORM_TYPE),
    "json in the place of a form": (b'{"name": ["Fatima"]}', {"Content-Type": "application/json"}),
    "a form in parts without an end": (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nFatima',
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    "parts without a border": (b"name=Fatima", {"Content-Type": "multipart/form-data"}),
    "a thousand fields": (b"&".join(b"a%d=b" % n for n in range(5000)), FORM_TYPE),
    "a field of 200 kB": (b"name=" + b"x" * 200_000, FORM_TYPE),
    "a body over the limit": (b"name=" + b"x" * 300_000, FORM_TYPE),
    "an alphabet nobody has": (b"name=x", {"Content-Type": "application/x-www-form-urlencoded; charset=nonsense"}),
}


@pytest.mark.parametrize("kind", BODIES)
async def test_no_body_makes_a_fault_or_shows_how_we_are_built(house: House, kind: str) -> None:
    body, headers = BODIES[kind]
    key = CsrfKey(house.works.get(Keyring).derive("csrf"))
    wrong = []
    for route in [route for route in ROUTES if route.method == "POST"]:
        caller = caller_of(house, route)
        proof = {"X-Balie-CSRF": key.value(caller.scope, route.name)}
        status, text = await send(house, route, caller, body, {**proof, **headers})
        if status == 500 or "Traceback" in text or ".py" in text:
            wrong.append((route.name, status))
    assert wrong == []
