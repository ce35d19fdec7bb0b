"""A visit that was admitted, the people in it, and an application with nothing but /live and calls."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import insert

from balie.actors import RUN_SERVICE, Actor, ActorKind, Role, system
from balie.booking import store as booking_store
from balie.booking.rules import Desk, Needs
from balie.bus import Bus
from balie.calls import service, wiring
from balie.calls.rules import Call, CallConnected, PairBack, PairLost, PairStayedDown, RingSeen, SeatTakenOver
from balie.errors import NotSignedIn
from balie.identity import store as identity_store
from balie.ids import AppointmentId, DeskId, SessionId, StaffId, VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.sealing import Keyring
from balie.web import csrf, live
from balie.web.application import assemble
from balie.web.features import Feature
from balie.web.keys import ACTOR, CSRF_SCOPE, SETTINGS
from balie.work import Work, Works

EVENTS = (CallConnected, PairBack, PairLost, PairStayedDown, SeatTakenOver, RingSeen)
DEVICE = {"browser": "Chrome", "system": "Android"}


@dataclass
class Stage:
    """Fatima's appointment and Anna, in the database."""

    works: Works
    appointment_id: AppointmentId
    visit_id: VisitId
    fatima: Actor
    anna: Actor
    opened: Call | None = None
    heard: list[object] = field(default_factory=list)

    async def do(self, use_case: Any, *arguments: Any, actor: Actor | None = None, **named: Any) -> Any:
        """A use case in a Work of its own."""
        async with self.works.begin(actor or self.anna, HELP_CITIZEN) as work:
            return await use_case(work, *arguments, **named)

    async def take_seat(self, session_id: str | None = None) -> Any:
        return await self.do(
            service.take_seat,
            appointment_id=self.appointment_id,
            participant="citizen",
            session_id=SessionId(session_id or self.fatima.session_id or ""),
        )

    async def admit(self) -> Call:
        self.opened = await self.do(
            service.open_call,
            visit_id=self.visit_id,
            appointment_id=self.appointment_id,
            owner_session_id=self.anna.session_id,
            staff_id=self.anna.id,
        )
        return self.call

    @property
    def call(self) -> Call:
        assert self.opened is not None, "nobody was admitted yet"
        return self.opened

    async def begin(self) -> None:
        await self.do(service.begin, self.visit_id, actor=self.fatima)

    def names_of_events(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]


async def a_stage(works: Works) -> Stage:
    """Fatima has an appointment in two minutes; Anna works."""
    appointment_id, desk_id, staff_id = AppointmentId(new_id()), DeskId(new_id()), StaffId(new_id())
    async with works.begin(system("test"), RUN_SERVICE) as work:
        await booking_store.save_desk(work, Desk(desk_id, f"Burgerzaken {desk_id[:4]}", "14 010"))
        sealed = work.get(Keyring).seal("Fatima de Vries", "appointment", appointment_id, "name")
        row = {
            "id": appointment_id,
            "reference": appointment_id[:8],
            "state": "kept",
            "version": 1,
            "desk_id": desk_id,
            "product_lines": [[new_id(), 1]],
            "starts_at": work.now + timedelta(minutes=2),
            "ends_at": work.now + timedelta(minutes=32),
            "starts_local": "2026-12-04T14:02",
            "buffer_minutes": 5,
            "was_extended": False,
            "needs": Needs().as_json(),
            "name_sealed": sealed,
            "ics_sequence": 0,
            "is_over_capacity": False,
        }
        await work.db.execute(insert(booking_store.appointment).values(row))
        staff = {"issuer": "https://x.test", "subject": staff_id, "display_name": "Anna Bakker", "roles": "staff"}
        await identity_store.put_staff(work, staff_id, True, {**staff, "last_signed_in_at": work.now})
    fatima = Actor(ActorKind.CITIZEN, participant="citizen", session_id=new_id(), appointment_id=appointment_id)
    anna = Actor(ActorKind.STAFF, id=staff_id, roles=frozenset({Role.STAFF}), participant="staff", session_id=new_id())
    stage = Stage(works, appointment_id, VisitId(new_id()), fatima, anna)

    async def hear(_work: Work, event: object) -> None:
        stage.heard.append(event)

    for event_type in EVENTS:
        works.listeners.add(event_type, hear)
    return stage


class Tickets:
    """Identity as /live sees it: a ticket works once and names its actor."""

    def __init__(self) -> None:
        self.actors: dict[str, Actor] = {}
        self.sessions: dict[str, Actor] = {}

    def make(self, actor: Actor) -> str:
        ticket = new_id().replace("-", "")
        self.actors[ticket] = actor
        self.sessions[actor.session_id or ""] = actor
        return ticket

    async def use(self, _work: Work, ticket: str) -> Actor:
        actor = self.actors.pop(ticket, None)
        if actor is None:
            raise NotSignedIn
        return actor

    async def issue(self, _work: Work, session_id: SessionId, _page_id: str) -> str:
        return self.make(self.sessions[session_id])

    async def has_cookie(self, _work: Work, request: web.Request, session_id: str) -> bool:
        return session_id in request.cookies.get("sessies", "").split(".")

    async def identify(self, request: web.Request) -> None:
        session_id = request.cookies.get("sessies", "").split(".")[0]
        request[ACTOR] = self.sessions.get(session_id, Actor(ActorKind.ANONYMOUS))
        request[CSRF_SCOPE] = session_id


@dataclass
class Site:
    """A running server with /live, the stage behind it, and ways to open pages."""

    stage: Stage
    app: web.Application
    server: TestServer
    tickets: Tickets
    http: aiohttp.ClientSession

    @property
    def origin(self) -> str:
        return self.app[SETTINGS].public_origin

    @asynccontextmanager
    async def page(self, actor: Actor, *topics: str, page_id: str | None = None) -> AsyncIterator[Page]:
        """A page that said hello."""
        async with self.socket(actor) as socket:
            page = Page(socket, page_id or f"page-{new_id()[:8]}")
            await page.hello(*topics)
            yield page

    @asynccontextmanager
    async def socket(self, actor: Actor, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A socket as a browser opens it; headers replace the usual ones."""
        usual = {"Origin": self.origin, "Cookie": f"sessies={actor.session_id}"}
        async with self.http.ws_connect(
            self.server.make_url("/live"),
            protocols=("balie.1", self.tickets.make(actor)),
            headers={**usual, **headers},
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        ) as socket:
            yield socket

    async def post(self, path: str, form: str, actor: Actor, **kwargs: Any) -> aiohttp.ClientResponse:
        """A POST of this actor's page with its proof of origin."""
        self.tickets.sessions[actor.session_id or ""] = actor
        key = self.app[csrf.KEY]
        headers = {
            "Cookie": f"sessies={actor.session_id}",
            "X-Balie-CSRF": key.value(actor.session_id or "", form),
            "Accept": "application/json",
        }
        return await self.http.post(self.server.make_url(path), headers=headers, **kwargs)

    async def get(self, path: str, actor: Actor) -> aiohttp.ClientResponse:
        self.tickets.sessions[actor.session_id or ""] = actor
        headers = {"Cookie": f"sessies={actor.session_id}", "Accept": "application/json"}
        return await self.http.get(self.server.make_url(path), headers=headers)


class Page:
    """One page's JavaScript, as far as the wire goes."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, page_id: str) -> None:
        self.socket = socket
        self.page_id = page_id
        self.seq = itertools.count(1)
        self.heard: list[dict[str, Any]] = []
        self.epoch: int | None = None

    async def hello(self, *topics: str | dict[str, Any]) -> dict[str, Any]:
        asked = [t if isinstance(t, dict) else {"topic": t, "after": None} for t in topics]
        await self.say("hello", v=1, page_id=self.page_id, topics=asked)
        return await self.hear("welcome")

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send with a fresh seq and message_id, and give the answer."""
        seq = fields.pop("seq", None) or next(self.seq)
        fields.setdefault("message_id", new_id())
        await self.say(kind, seq=seq, **fields)
        return await self.answer(seq)

    async def answer(self, seq: int) -> dict[str, Any]:
        return await self._first(lambda m: m.get("seq") == seq and m["type"] in ("ok", "refused", "joined", "ice"))

    async def hear(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of this kind with these fields; it is taken out of what was heard."""
        return await self._first(lambda m: m["type"] == kind and all(m.get(k) == v for k, v in fields.items()))

    async def _first(self, fits: Any) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                for message in self.heard:
                    if fits(message):
                        self.heard.remove(message)
                        return message
                self.heard.append(await self.socket.receive_json())

    async def everything(self) -> list[dict[str, Any]]:
        """All that has come until a ping comes back."""
        await self.say("ping", t=7)
        await self.hear("pong", t=7)
        return self.heard

    async def join(self, call: Call, epoch: int | None = None, audio: str = "on", video: str = "on") -> dict[str, Any]:
        joined = await self.ask("call.join", topic=call.topic, epoch=epoch, audio=audio, video=video, device=DEVICE)
        self.epoch = joined.get("epoch", self.epoch)
        return joined

    async def report(self, about: str, is_connected: bool = True) -> dict[str, Any]:
        pair = {"participant": about, "round": 1, "is_connected": is_connected, "word": "good"}
        return await self.ask("state", pairs=[pair])

    async def closed(self) -> int:
        """The close code, once it comes."""
        async with asyncio.timeout(10):
            while True:
                frame = await self.socket.receive()
                if frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                    return self.socket.close_code or 0
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self.heard.append(frame.json())


@asynccontextmanager
async def a_site(
    stage: Stage, *more: Feature, sockets: live.Sockets | None = None, has_echo: bool = False
) -> AsyncIterator[Site]:
    """The server; the echo is left out, for most tests need none."""
    tickets = Tickets()
    calls = replace(wiring.FEATURE, contexts=wiring.FEATURE.contexts if has_echo else [])
    app = assemble(stage.works, [live.FEATURE, calls, *more], tickets.identify, b"k" * 32)
    live.install(app, live.Door(tickets.use, tickets.issue, tickets.has_cookie), sockets)
    server = TestServer(app)
    await server.start_server()
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield Site(stage, app, server, tickets, http)
    finally:
        await server.close()


def bus_of(site: Site) -> Bus:
    return site.stage.works.get(Bus)
