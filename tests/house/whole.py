"""The whole application on loopback with a caller of each kind, for tests that knock on every door."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from balie.actors import ANONYMOUS, RUN_SERVICE, Role, system
from balie.app import make_app, make_works, own_features
from balie.booking.rules import ContactDetails
from balie.calls import service as calls
from balie.desk import service as desk
from balie.history.channels import make_api_client
from balie.identity import service as identity
from balie.ids import new_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.web.csrf import CsrfKey
from balie.web.features import Route
from balie.work import Works
from tests.booking.builders import Town, a_town, an_appointment
from tests.conftest import Clock, create_tables
from tests.launch import free_port
from tests.races.two_servers import citizen_actor

ROUTES = [route for feature in own_features() for route in feature.routes]
WIDE: dict[str, Any] = {
    name: 100_000
    for name in (
        "links_per_network", "links_per_link", "unknown_links_per_network", "sign_ins_per_network",
        "holds_per_network", "bookings_per_network",
    )
}  # fmt: skip


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


@asynccontextmanager
async def whole_house(folder: Path, clock: Clock, **settings_of_test: Any) -> AsyncIterator[House]:
    """Start it, with limits per network out of the way unless the test names them."""
    settings = Settings(
        demo=True,
        data_dir=folder,
        keys_dir=folder / "keys",
        origin=f"http://127.0.0.1:{free_port()}",
        **{**WIDE, **settings_of_test},
    )
    works = make_works(settings, clock)
    await create_tables(works.engine)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(make_app(works))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", int(settings.public_origin.rsplit(":", 1)[1])).start()
        client = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        town = await a_town(works, seats=5, check_in_opens_minutes=1440)
        browser = secrets.token_urlsafe(32)  # what binds forms before a session
        callers = {"anonymous": Caller("anonymous", {"balie-formulier": browser}, {}, browser)}
        callers["citizen"], _ = await a_citizen(works, town, clock, 1)
        _, other = await a_citizen(works, town, clock, 2)
        for role in Role:
            callers[role.value] = await a_member(works, town, role)
        callers["api_client"] = await an_api_client(works)
        yield House(works, town, settings.public_origin, client, callers, other)


async def a_citizen(works: Works, town: Town, clock: Clock, number: int) -> tuple[Caller, str]:
    """Fatima with her link, checked in; her visit."""
    starts_at = clock.now.replace(minute=0) + timedelta(minutes=90 + 30 * number)
    contact = ContactDetails(f"+3161234567{number}", None)
    booked = await an_appointment(town, starts_at, f"browser {number}", contact)
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
