"""A small server with the wire of calls/PROTOCOL.md, whose network and memory a test can break."""

import asyncio
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

HERE = Path(__file__).parent
STATIC = HERE.parent.parent / "static"
CALL = "call:1"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
RELAYED = {"signal", "state", "text"}
ICE = {"servers": [], "policy": "all", "expires_at": "2999-01-01T00:00:00Z"}


@dataclass
class Seat:
    """The place of one participant, as the server knows it."""

    participant: str
    epoch: int = 0
    page_id: str = ""
    joined_at: int | None = None
    presence: str | None = None
    audio: str = "none"
    video: str = "none"


@dataclass
class Page:
    """One socket."""

    socket: web.WebSocketResponse
    participant: str
    page_id: str
    topics: set[str] = field(default_factory=set)
    seat: Seat | None = None


class Relay:
    """Everything a call needs of a server, in memory; `drop_memory` is what kill -9 does to it."""

    def __init__(self) -> None:
        self.tickets: dict[str, tuple[str, str]] = {}
        self.seats = {name: Seat(name) for name in ("citizen", "staff")}
        self.pages: list[Page] = []
        self.entries: list[tuple[str, str | None, dict[str, Any]]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.run = secrets.token_hex(3)
        self.joins = 0
        self.begun = True
        self.hold: dict[str, Any] | None = None
        self.is_down = False
        self.said: Counter[str] = Counter()
        self.refused: list[str] = []
        self.cut_after: dict[str, int] = {}
        self.address = ""
        self.tasks: set[asyncio.Task[None]] = set()
        self.echo: asyncio.subprocess.Process | None = None

    # What a test does to it

    def append(self, message: dict[str, Any], to: str | None = None) -> str:
        """Puts an entry in the log of the call and hands it to who listens."""
        entry_id = f"{self.run}-{len(self.entries) + 1}"
        entry = {**message, "topic": CALL, "id": entry_id, "at": "2026-11-23T14:30:00Z"}
        self.entries.append((entry_id, to, entry))
        for page in self.pages:
            if CALL in page.topics:
                self.hand(page, to, entry)
        return entry_id

    def hand(self, page: Page, to: str | None, entry: dict[str, Any]) -> None:
        """To the addressee only, and never back to who said it."""
        if to in (None, page.participant) and entry.get("from") != page.participant:
            self.write(page, entry)

    def write(self, page: Page, message: dict[str, Any]) -> None:
        """Writes in order."""
        if page.socket.closed:
            return
        text = json.dumps(message)
        send = page.socket.send_str

        async def later() -> None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await send(text)

        self.spawn(later())

    def spawn(self, what: Coroutine[Any, Any, None]) -> None:
        """Does it beside the rest, and remembers it until it is done."""
        task = asyncio.get_running_loop().create_task(what)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self, page: Page, code: int) -> None:
        """Closes one socket."""
        await page.socket.close(code=code)

    def begin(self) -> None:
        """The citizen tapped on begin."""
        self.begun = True
        self.append({"type": "call.begun"})

    def set_hold(self, reason: str | None) -> None:
        """Staff put the visit on hold, or resume it."""
        self.hold = {"reason": reason, "until": None} if reason else None
        self.append({"type": "call.hold", "on": bool(reason), "reason": reason or "", "until": None})

    def cut(self, participant: str | None = None) -> None:
        """The network is gone: no close frame."""
        for page in list(self.pages):
            transport = page.socket._req.transport if page.socket._req else None
            if transport and participant in (None, page.participant):
                transport.abort()

    def drop_memory(self) -> None:
        """What a killed server forgets; seats are in a database."""
        self.entries.clear()
        self.answers.clear()
        self.run = secrets.token_hex(3)
        self.cut()

    # The wire

    async def ticket(self, request: web.Request) -> web.Response:
        """POST /live/kaartje, and staff's."""
        if self.is_down:
            raise web.HTTPServiceUnavailable
        form = await request.post()
        ticket = secrets.token_urlsafe(16)
        who = "staff" if request.path.startswith("/medewerker/") else "citizen"
        self.tickets[ticket] = (who, str(form["page_id"]))
        return web.json_response({"ticket": ticket, "expires_in_s": 30})

    async def live(self, request: web.Request) -> web.StreamResponse:
        """GET /live."""
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        known = self.tickets.pop(offered[-1], None)
        if self.is_down or offered[0] != "balie.1" or known is None:
            raise web.HTTPUnauthorized
        socket = web.WebSocketResponse(protocols=["balie.1"], compress=False, max_msg_size=65536)
        await socket.prepare(request)
        page = Page(socket, *known)
        self.pages.append(page)
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self.hear(page, json.loads(frame.data))
        finally:
            self.pages.remove(page)
            if page.seat and page.seat.page_id == page.page_id and socket.close_code in (1000, 1001):
                self.present(page.seat, "lost", "page_gone")
        return socket

    def present(self, seat: Seat, presence: str, why: str | None) -> None:
        """Presence of somebody, for the others."""
        seat.presence = presence
        message = {"type": "call.presence", "participant": seat.participant, "presence": presence, "why": why}
        for other in self.seats.values():
            if other is not seat:
                self.append(message, other.participant)

    def hear(self, page: Page, message: dict[str, Any]) -> None:
        """One message of a page."""
        kind = message["type"]
        self.said[kind] += 1
        if kind == "hello":
            return self.welcome(page, message)
        if kind == "ping":
            return self.write(page, {"type": "pong", "t": message["t"]})
        if kind == "call.join":
            return self.join(page, message)
        if kind == "ice.get":
            return self.write(page, {"type": "ice", "seq": message["seq"], **ICE})
        answer = self.answers.get(message["message_id"])
        if answer is None:
            answer = self.answer(page, message)
            self.answers[message["message_id"]] = answer
        self.write(page, {**answer, "seq": message["seq"]})
        left = self.cut_after.get(page.participant)
        if left is not None:
            self.cut_after[page.participant] = left - 1
            if left <= 1:
                del self.cut_after[page.participant]
                self.cut(page.participant)

    def answer(self, page: Page, message: dict[str, Any]) -> dict[str, Any]:
        """What the wire says to a message for a log."""
        seat = page.seat
        if seat is None:
            return self.refuse("not_in_call")
        if message["type"] == "call.leave":
            self.present(seat, "left", message["why"])
            return {"type": "ok", "id": None}
        if message["type"] == "call.away":
            self.present(seat, "away", message["why"])
            return {"type": "ok", "id": None}
        to = str(message.get("to")) if "to" in message else None
        if message["type"] == "signal":
            if not self.begun:
                return self.refuse("not_begun")
            if self.seats[to or ""].epoch != message["to_epoch"]:
                return self.refuse("stale_epoch")
            self.count(page, message)
        if message["type"] == "text" and self.hold:
            return self.refuse("on_hold")
        if message["type"] in RELAYED:
            entry = {key: value for key, value in message.items() if key != "message_id"}
            entry_id = self.append({**entry, "from": page.participant, "from_epoch": seat.epoch}, to)
            return {"type": "ok", "id": entry_id}
        return {"type": "ok", "id": None}

    def refuse(self, code: str) -> dict[str, Any]:
        """A refusal, noted for the test."""
        self.refused.append(code)
        return {"type": "refused", "code": code, "field": None, "text": ""}

    def count(self, page: Page, message: dict[str, Any]) -> None:
        """How many descriptions of each kind each round had."""
        if "description" in message:
            kind = message["description"]["type"]
            self.said[f"{kind} round {message['round']}"] += 1
        for kind in ("candidates", "rebuild"):
            if kind in message:
                self.said[kind] += 1

    def welcome(self, page: Page, message: dict[str, Any]) -> None:
        """Answers hello, then gives what was missed."""
        topics = []
        missed: list[tuple[str, str | None, dict[str, Any]]] = []
        ids = [entry_id for entry_id, _, _ in self.entries]
        last = ids[-1] if ids else f"{self.run}-0"
        for asked in message["topics"]:
            after = asked["after"]
            page.topics.add(asked["topic"])
            gap = bool(after) and after not in ids and not (after or "").startswith(self.run)
            topics.append({"topic": asked["topic"], "last": last, "gap": gap})
            if after and not gap and asked["topic"] == CALL:
                missed = self.entries[ids.index(after) + 1 if after in ids else 0 :]
        you = {"participant": page.participant, "kind": page.participant}
        self.write(page, {"type": "welcome", "v": 1, "you": you, "topics": topics, "now": "2026-11-23T14:30:00Z"})
        for _, to, entry in missed:
            self.hand(page, to, entry)

    def join(self, page: Page, message: dict[str, Any]) -> None:
        """Takes the seat, or says that it still is this page's."""
        seat = self.seats[page.participant]
        if not self.begun and page.participant == "citizen":
            return self.write(page, {**self.refuse("not_begun"), "seq": message["seq"]})
        if message["epoch"] is None:
            seat.epoch += 1
            seat.page_id = page.page_id
        elif seat.page_id != page.page_id:
            self.write(page, {"type": "moved"})
            self.spawn(self.close(page, 4409))
            return None
        if seat.joined_at is None:
            self.joins += 1
            seat.joined_at = self.joins
        seat.audio, seat.video, seat.presence = message["audio"], message["video"], "here"
        page.seat = seat
        last = self.entries[-1][0] if self.entries else f"{self.run}-0"
        page.topics.add(CALL)
        self.write(page, {
            "type": "joined", "seq": message["seq"], "topic": CALL, "last": last, "seat": seat.participant,
            "epoch": seat.epoch, "participants": [self.person(other, seat) for other in self.seats.values()],
            "limits": {"height": 720, "fps": 30, "kbps": 1500, "audio_kbps": 32}, "backend": "mesh",
            "begun": self.begun, "hold": self.hold, "ice": ICE,
        })  # fmt: skip
        for other in self.seats.values():
            if other is not seat:
                self.append({"type": "call.joined", "participant": self.person(seat, other)}, other.participant)
        return None

    def person(self, seat: Seat, reader: Seat) -> dict[str, Any]:
        """Somebody, as that reader is told."""
        has_both = seat.joined_at is not None and reader.joined_at is not None and seat is not reader
        is_polite = has_both and (reader.joined_at or 0) > (seat.joined_at or 0)
        return {
            "participant": seat.participant, "role": seat.participant, "language": "nl",
            "name": "Anna" if seat.participant == "staff" else "Fatima de Vries",
            "epoch": seat.epoch or None, "polite": is_polite if has_both else None,
            "audio": seat.audio, "video": seat.video, "screen": False, "writing": False, "signing": False,
            "presence": seat.presence, "why": None, "sends": ["audio", "video"],
        }  # fmt: skip

    async def page(self, request: web.Request) -> web.Response:
        """The test's own page, under the product's security policy."""
        html = (HERE / "page.html").read_text()
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": CSP})

    async def check(self, request: web.Request) -> web.Response:
        """POST /gesprek/check/aanbod, answered by the product's own echo process."""
        if self.echo is None:
            raise web.HTTPServiceUnavailable
        sent = await request.json()
        command = {"id": 1, "do": "offer", "check": "1", "sdp": sent["sdp"], "sources": ["127.0.0.1"], "is_demo": True}
        assert self.echo.stdin and self.echo.stdout
        self.echo.stdin.write(json.dumps(command).encode() + b"\n")
        answer = json.loads(await self.echo.stdout.readline())
        return web.json_response({"check_id": "1", "sdp": answer["sdp"]})

    def app(self) -> web.Application:
        """Everything on one address."""
        app = web.Application()
        app.add_routes([
            web.get("/", self.page), web.get("/live", self.live), web.post("/live/kaartje", self.ticket),
            web.post("/medewerker/live/kaartje", self.ticket),
            web.post("/gesprek/check/aanbod", self.check),
            web.static("/static/test", HERE), web.static("/static", STATIC),
        ])  # fmt: skip
        return app


@contextlib.asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[str]:
    """Serves on a free port."""
    runner = web.AppRunner(relay.app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        for page in list(relay.pages):
            await page.socket.close(code=WSCloseCode.GOING_AWAY)
        await runner.cleanup()
