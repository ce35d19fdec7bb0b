"""Every route names who may call it, and only they get past the door: all routes and kinds of callers (T1)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from balie.actors import ANONYMOUS, RUN_SERVICE, Role, system
from balie.app import make_app, make_works, own_features
from balie.booking.rules import ContactDetails
from balie.calls import service as calls
from balie.desk import service as desk
from balie.desk import store as desk_store
from balie.history.channels import make_api_client
from balie.identity import service as identity
from balie.ids import new_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.web.access import Access
from balie.web.csrf import CsrfKey
from balie.web.features import Route
from balie.work import Works
from tests.booking.builders import Town, a_town, an_appointment
from tests.conftest import Clock, create_tables
from tests.launch import free_port
from tests.races.two_servers import citizen_actor

ROUTES = [route for feature in own_features() for route in feature.routes]
KINDS = ("anonymous", "citizen", "staff", "team_lead", "admin", "privacy_officer", "api_client")
MAY = {
    Access.PUBLIC: set(KINDS),
    Access.LINK: {"citizen"},
    Access.CALL: {"citizen", "staff", "team_lead", "admin", "privacy_officer"},
    Access.STAFF: {"staff", "team_lead"},
    Access.TEAM_LEAD: {"team_lead"},
    Access.ADMIN: {"admin"},
    Access.PRIVACY_OFFICER: {"privacy_officer"},
    Access.API: {"api_client"},
}
STAFF_PAGES = ("/medewerker", "/beheer", "/inloggen/medewerker")
REFUSED = (401, 403, 404)


@dataclass
class Caller:
    """One kind of caller: the cookies or token they have, and what their forms are bound to."""

    kind: str
    cookies: dict[str, str]
    headers: dict[str, str]
    scope: str


@dataclass
class House:
    """The whole application on loopback, two citizens, and a caller of each kind."""

    works: Works
    town: Town
    origin: str
    client: aiohttp.ClientSession
    callers: dict[str, Caller]
    other_visit: str

    def path_of(self, route: Route) -> str:
        """Its address with ids that belong to somebody else, or to nobody."""
        known = {"desk_id": new_id(), "visit_id": self.other_visit, "slug": self.town.product.slug, "token": "x" * 43}
        return re.sub(r"\{(\w+)(:[^}]*)?\}", lambda found: known.get(found[1], new_id()), route.path)

    async def call(self, route: Route, caller: Caller, path: str | None = None) -> tuple[int, str, str]:
        """Status, where it leads, text."""
        csrf = CsrfKey(self.works.get(Keyring).derive("csrf")).value(caller.scope, route.name)
        headers = {**caller.headers, "X-Balie-CSRF": csrf}
        if caller.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in caller.cookies.items())
        async with self.client.request(
            route.method, self.origin + (path or self.path_of(route)), headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.text(errors="replace")


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    settings = Settings(
        demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", origin=f"http://127.0.0.1:{free_port()}",
        links_per_network=100_000, unknown_links_per_network=100_000, sign_ins_per_network=100_000,
        holds_per_network=100_000, bookings_per_network=100_000,
    )  # fmt: skip
    works = make_works(settings, clock)
    await create_tables(works.engine)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(make_app(works))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", int(settings.public_origin.rsplit(":", 1)[1])).start()
        client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        town = await a_town(works, seats=5, check_in_opens_minutes=1440)
        callers = {"anonymous": Caller("anonymous", {}, {}, "")}
        callers["citizen"], _ = await a_citizen(works, town, clock, 1)
        _, other = await a_citizen(works, town, clock, 2)
        for role in Role:
            callers[role.value] = await a_member(works, town, role)
        callers["api_client"] = await an_api_client(works)
        yield House(works, town, settings.public_origin, client, callers, other)


async def a_citizen(works: Works, town: Town, clock: Clock, number: int) -> tuple[Caller, str]:
    """Fatima with her link, checked in; her visit."""
    starts_at = clock.now.replace(minute=30 * (number - 1)) + (clock.now - clock.now)
    booked = await an_appointment(
        town, starts_at.replace(hour=15), f"browser {number}", ContactDetails(f"+3161234567{number}", None)
    )
    async with works.begin(ANONYMOUS, HELP_CITIZEN) as work:
        invitation = await identity.invite(
            work, appointment_id=booked.id, participant_kind="citizen", language="nl",
            valid_from=work.now, valid_until=booked.ends_at,
        )  # fmt: skip
        opened = await identity.open_link(work, await identity.link_token(work, invitation.id))
        session = await identity.start_link_session(work, opened)
        await calls.take_seat(work, appointment_id=booked.id, participant="citizen", session_id=session.session_id)
    async with works.begin(citizen_actor(booked.id, session.session_id), HELP_CITIZEN) as work:
        visit = await desk.check_in(work)
    return Caller("citizen", {"balie": session.token}, {}, session.session_id), visit.id


async def a_member(works: Works, town: Town, role: Role) -> Caller:
    async with works.begin(ANONYMOUS, RUN_SERVICE) as work:
        member, session = await identity.sign_in_staff(
            work, issuer="https://provider.example", subject=role.value, name="Anna", email=None,
            roles=(role.value,), desks=(town.desk.name,),
        )  # fmt: skip
        await identity.set_desks(work, member.id, (town.desk.id,))
    return Caller(role.value, {"balie-medewerker": session.token}, {}, session.session_id)


async def an_api_client(works: Works) -> Caller:
    async with works.begin(system("test"), RUN_SERVICE) as work:
        _, token = await make_api_client(work, name="Telefoon", channel="Telefoon", domain="burgerzaken")
    return Caller("api_client", {}, {"Authorization": f"Token {token}"}, "")


def test_every_route_names_who_may_call_it() -> None:
    assert len(ROUTES) > 60
    assert all(isinstance(route.access, Access) and route.access in MAY for route in ROUTES)
    names = [f"{route.method} {route.name}" for route in ROUTES]
    assert len(names) == len(set(names))


def test_a_page_of_staff_is_no_public_page() -> None:
    doors = {route.path for route in ROUTES if route.path.startswith(STAFF_PAGES[:2]) and route.access is Access.PUBLIC}
    assert doors == set()


def test_only_what_reads_its_own_body_goes_without_proof_of_origin() -> None:
    free = {route.name for route in ROUTES if route.method != "GET" and route.csrf == "none"}
    assert {name for name in free if not name.startswith(("history.", "identity."))} == set()


def cells() -> Iterator[tuple[Route, str]]:
    for route in ROUTES:
        for kind in KINDS:
            yield route, kind


async def test_only_whom_a_route_names_gets_past_its_door(house: House) -> None:
    """Whoever may not is refused before anything happens; who may, is not told to sign in."""
    wrong = []
    for route, kind in cells():
        status, location, _ = await house.call(route, house.callers[kind])
        is_sign_in = status == 303 and location.startswith("/inloggen/medewerker")
        if kind not in MAY[route.access]:
            if status not in REFUSED and not is_sign_in:
                wrong.append((route.method, route.name, kind, status))
        elif status == 500 or (status == 401 and route.access is not Access.PUBLIC):
            wrong.append((route.method, route.name, kind, status))
    assert wrong == []
    async with house.works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        other = await desk_store.visit_by_id(work, house.other_visit)
        assert other is not None and other.state == "waiting"


async def test_what_is_somebody_elses_looks_like_what_does_not_exist(house: House) -> None:
    """One status and one body, whether the id is of another desk's visit or of nothing at all."""
    elsewhere = await a_town(house.works, seats=2)
    stranger = await a_member(house.works, elsewhere, Role.TEAM_LEAD)
    for route in ROUTES:
        if "{visit_id}" not in route.path or route.access is not Access.STAFF:
            continue
        theirs = house.path_of(route)
        nothing = theirs.replace(house.other_visit, new_id())
        answers = [await house.call(route, stranger, path) for path in (theirs, nothing)]
        assert answers[0][0] == answers[1][0], route.name
        assert answers[0][0] in (400, 404, 415), (
            route.name
        )  # 400, 415: what was sent is looked at first, whatever the visit
        bodies = [re.sub(r'value="[^"]*"', "", text) for _, _, text in answers]
        assert bodies[0] == bodies[1], route.name
