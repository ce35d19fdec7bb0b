"""The WebSocket /live: page ticket (it names the session), hello, topics, messages in, acknowledgements."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from balie.actors import ANONYMOUS, RUN_SERVICE, Actor
from balie.bus import Bus
from balie.errors import BadField, BalieError, NotAllowed, NotSignedIn, TooFast, Unavailable
from balie.ids import SessionId
from balie.settings import Settings
from balie.web import limits
from balie.web.access import Access
from balie.web.connection import Connection, Rules
from balie.web.envelope import LONGEST_FRAME, PageMemory
from balie.web.features import Feature, Route
from balie.web.forms import fields
from balie.web.keys import ACTOR, FEATURES, SETTINGS, WORKS
from balie.web.outgoing import Outgoing
from balie.web.problems import problem
from balie.work import Work

PROTOCOL = "balie.1"
TICKET_S = 30
HEARTBEAT_S = 13.0  # with half of it for the answer: a dead socket is noticed within 20 s
KEEP_MEMORY_S = 15 * 60
PAGE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


@dataclass(frozen=True)
class Door:
    """What /live needs of identity; `app.py` hands it in."""

    use_ticket: Callable[[Work, str], Awaitable[Actor]]
    issue_ticket: Callable[[Work, SessionId, str], Awaitable[str]]
    has_cookie_of: Callable[[Work, web.Request, str], Awaitable[bool]]


class Sockets:
    """The open sockets of this process, by session and by network, and what their pages were answered."""

    def __init__(self, hello_within_s: float = 10.0) -> None:
        self.hello_within_s = hello_within_s
        self.is_stopping = False
        self._open: dict[Connection, tuple[str, str]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._memories: dict[tuple[str, str], PageMemory] = {}

    def check_room(self, settings: Settings, session_id: str, network: str) -> None:
        """Raise TooFast when this session or network has its share, Unavailable when the process is full."""
        if self.is_stopping or len(self._open) >= settings.sockets:
            raise Unavailable(retry_after_s=5)
        places = list(self._open.values())
        if sum(s == session_id for s, _ in places) >= settings.sockets_per_session:
            raise TooFast(retry_after_s=5)
        if sum(n == network for _, n in places) >= settings.sockets_per_network:
            raise TooFast(retry_after_s=5)

    def add(self, connection: Connection, session_id: str, network: str) -> None:
        """Count a socket."""
        self._open[connection] = (session_id, network)

    def remove(self, connection: Connection) -> None:
        """Count it no more; what its page was answered stays for a while."""
        self._open.pop(connection, None)
        if connection.memory is not None:
            connection.memory.left_at = monotonic()

    def listening(self, prefix: str) -> set[tuple[str, str]]:
        """Who listens here to topics of this prefix ("visit:"): pairs of what follows it and the participant."""
        heard = [pair for connection in self._open for pair in connection.outgoing.heard()]
        return {(topic.removeprefix(prefix), who) for topic, who in heard if topic.startswith(prefix)}

    def closing(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that lives until it is done, whoever waits for it."""
        task = asyncio.create_task(what)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def memory_of(self, session_id: str, page_id: str) -> PageMemory:
        """What this page was answered on earlier sockets."""
        old = monotonic() - KEEP_MEMORY_S
        for key, memory in list(self._memories.items()):
            if memory.left_at is not None and memory.left_at < old:
                del self._memories[key]
        memory = self._memories.setdefault((session_id, page_id), PageMemory())
        memory.left_at = None
        return memory

    async def stop(self) -> None:
        """Tell every page to come back at a random moment, and close."""
        self.is_stopping = True
        connections = list(self._open)
        for connection in connections:
            connection.send({"type": "server_restart", "resume_after_ms": random.randint(0, 2_000)})
            connection.close(1001)
        await asyncio.gather(*(c.outgoing.closed() for c in connections), return_exceptions=True)
        await asyncio.gather(*self._closing, return_exceptions=True)


DOOR = web.AppKey("live_door", Door)
SOCKETS = web.AppKey("live_sockets", Sockets)
RULES = web.AppKey("live_rules", Rules)


def install(app: web.Application, door: Door, sockets: Sockets | None = None) -> None:
    """Make /live work on this application: after `assemble`, before the start."""
    app[DOOR] = door
    app[SOCKETS] = sockets or Sockets()
    app[RULES] = Rules(
        messages={m.type: m for f in app[FEATURES] for m in f.live_messages},
        topics={t.prefix: t for f in app[FEATURES] for t in f.live_topics},
    )
    app.on_shutdown.append(_stop)


async def _stop(app: web.Application) -> None:
    await app[SOCKETS].stop()


async def ticket(request: web.Request) -> web.Response:
    """A fresh page ticket for the session of this request."""
    session_id = request[ACTOR].session_id
    if session_id is None:
        raise NotSignedIn
    limits.take(request, "live.ticket", session_id, 60, 60)
    page_id = (await fields(request)).get("page_id", "")
    if not PAGE_ID.match(page_id):
        raise BadField({"page_id": "bad_field"})
    async with request.app[WORKS].begin(request[ACTOR], RUN_SERVICE) as work:
        text = await request.app[DOOR].issue_ticket(work, SessionId(session_id), page_id)
    return web.json_response({"ticket": text, "expires_in_s": TICKET_S}, headers={"Cache-Control": "no-store"})


async def connect(request: web.Request) -> web.StreamResponse:
    """One page's socket, from the upgrade to its close."""
    try:
        actor, last = await _admitted(request)
    except BalieError as error:
        return web.json_response(problem(error), status=error.status)
    # Compression and any origin are what aiohttp does when it is told nothing.
    socket = web.WebSocketResponse(
        protocols=(PROTOCOL,), max_msg_size=LONGEST_FRAME + 1, heartbeat=HEARTBEAT_S, compress=False
    )
    await socket.prepare(request)
    app, session_id = request.app, actor.session_id or ""
    bus = app[WORKS].get(Bus)
    with bus.watch(()) as watch:
        outgoing = Outgoing(socket, bus, watch, lambda: _abort(request))
        outgoing.listen(f"session:{session_id}", "", last)
        connection = Connection(
            app[WORKS], actor, outgoing, app[RULES], lambda page: app[SOCKETS].memory_of(session_id, page)
        )
        app[SOCKETS].add(connection, session_id, limits.network_of(request))
        try:
            await _serve(app, socket, connection)
        finally:
            app[SOCKETS].remove(connection)
            was_clean = socket.close_code in (1000, 1001) and outgoing.close_code is None
            # A server may cancel this handler when the browser goes; what follows is done all the same.
            await asyncio.shield(app[SOCKETS].closing(_closed(connection, was_clean)))
    return socket


async def _closed(connection: Connection, was_clean: bool) -> None:
    await connection.outgoing.ended()
    await connection.closed(was_clean)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _admitted(request: web.Request) -> tuple[Actor, str]:
    """Origin first, then the ticket with its session's cookie, then room; all before the upgrade."""
    app = request.app
    if request.headers.get("Origin") not in origins(app[SETTINGS]):
        raise NotAllowed
    offered = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if PROTOCOL not in offered or len(offered) != 2:
        raise BadField({"protocol": "bad_field"})
    offered.remove(PROTOCOL)
    network = limits.network_of(request)
    async with app[WORKS].begin(ANONYMOUS, RUN_SERVICE) as work:
        actor = await app[DOOR].use_ticket(work, offered[0])
        session_id = actor.session_id
        # Read before anything is looked up, so that an end of the session in between is heard.
        last = work.get(Bus).last(f"session:{session_id}")
        if session_id is None or not await app[DOOR].has_cookie_of(work, request, session_id):
            raise NotSignedIn
    app[SOCKETS].check_room(app[SETTINGS], session_id, network)
    return actor, last


def origins(settings: Settings) -> frozenset[str]:
    """From which origins a socket may come; in the demo every name of loopback with our port."""
    parts = urlsplit(settings.public_origin)
    found = {settings.public_origin}
    if settings.demo and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        port = f":{parts.port}" if parts.port else ""
        found |= {f"{parts.scheme}://{host}{port}" for host in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(found)


async def _serve(app: web.Application, socket: web.WebSocketResponse, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    timer = loop.call_later(app[SOCKETS].hello_within_s, connection.silent)
    try:
        async for frame in socket:
            if frame.type is WSMsgType.BINARY:
                connection.close(1003)
            elif frame.type is WSMsgType.TEXT and connection.outgoing.close_code is None:
                await connection.take(frame.data)
    finally:
        timer.cancel()


FEATURE = Feature(
    name="live",
    routes=[
        Route("GET", "/live", connect, "live.connect", Access.PUBLIC, csrf="none"),
        Route("POST", "/live/kaartje", ticket, "live.ticket", Access.LINK),
        Route("POST", "/medewerker/live/kaartje", ticket, "live.staff_ticket", Access.STAFF),
    ],
)
