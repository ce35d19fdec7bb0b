"""One multipart form, streamed into the quarantine: own counters, sealed on the way, nothing on disk in clear.

`request.post()` spools files to disk and the server's own body limit does not guard streams, so every byte passes
`_Pace`, which counts and times it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, ClientPayloadError, web

from balie.actors import ActorKind
from balie.booking import service as booking
from balie.documents import offering, rules
from balie.documents.offering import Begun, Offer, Received
from balie.documents.rules import CITIZEN, STAFF, Direction, Document, UploadLimits
from balie.documents.sealing import Sealer
from balie.documents.vault import Missing, Vault, Writer
from balie.errors import BadField, BalieError, FileRefused, Invalid, NotAllowed, TooLarge, TooSlow, UploadGone
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.web import csrf
from balie.web.keys import ACTOR, WORKS
from balie.web.requests import match_id, see_other, wants_json, work_for
from balie.work import Works

FIELDS = {"csrf": 200, "request": 40, "slot": 60, "offer": 64, "title": 400}
_BLOCK = 65_536
_STAY_EVERY_S = 20.0
_DIGITS = re.compile(r"[0-9]{1,15}")


class _Pace:
    """Less than 1 kB/s over 30 s is too slow; more than the form may hold is too large."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._since = time.monotonic()
        self._in_window = 0
        self.total = 0

    async def next(self, part: BodyPartReader) -> bytes:
        """The next bytes of this part; empty at its end."""
        left = self._since + self._limits.window_s - time.monotonic()
        try:
            async with asyncio.timeout(max(left, 0.01)):
                chunk = bytes(await part.read_chunk(_BLOCK))
        except TimeoutError:
            if self._in_window < self._limits.bytes_per_s * self._limits.window_s:
                raise TooSlow from None
            self._since, self._in_window = time.monotonic(), 0
            return await self.next(part)
        self._in_window += len(chunk)
        self.total += len(chunk)
        if self.total > self._limits.body_bytes:
            raise TooLarge({"file": "too_large"})
        return chunk


@dataclass
class _File:
    """What is known of the file while it comes."""

    size: int = 0
    head: bytes = b""
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)


async def offer(request: web.Request) -> web.Response:
    """A citizen sends a paper: POST `/gesprek/documenten`."""
    actor = request[ACTOR]
    if actor.kind is ActorKind.GUEST:
        raise NotAllowed
    document = await _receive(request, None)
    if wants_json(request):
        return _made(document)
    return see_other(request, "desk.conversation")


async def offer_by_staff(request: web.Request) -> web.Response:
    """Staff add a paper to the visit, to show it: POST `/medewerker/documenten/bezoek/{visit_id}`."""
    visit_id = match_id(request, "visit_id")
    document = await _receive(request, visit_id)
    if wants_json(request):
        return _made(document)
    async with work_for(request, HANDLE_DOCUMENT, writes=False) as work:
        desk_id = (await booking.appointment(work, document.appointment_id)).desk_id
    return see_other(request, "desk.counter", desk_id=desk_id, visit_id=visit_id)


def _made(document: Document) -> web.Response:
    return web.json_response({"document_id": document.id, "state": document.state.value}, status=201)


async def _receive(request: web.Request, visit_id: str | None) -> Document:
    limits = request.app[WORKS].get(UploadLimits)
    length = _declared_length(request, limits)
    if request.content_type != "multipart/form-data" or "boundary" not in request.headers.get("Content-Type", ""):
        raise FileRefused({"file": "file_refused"})
    values: dict[str, str] = {}
    pace = _Pace(limits)
    try:
        reader = await request.multipart()
        while True:
            part = await reader.next()
            if part is None:
                raise Invalid({"file": "missing"})
            if not isinstance(part, BodyPartReader):
                raise BadField({"file": "wrong"})
            if part.name == "file":
                csrf.check(request, _route_name(visit_id), request.headers.get(csrf.HEADER) or values.get("csrf", ""))
                return await _receive_file(request, part, pace, _offer_of(request, values, visit_id), length)
            await _read_field(part, pace, values)
    except (ValueError, AssertionError) as error:
        raise BadField({"file": "wrong"}) from error


def _route_name(visit_id: str | None) -> str:
    return "documents.offer_by_staff" if visit_id else "documents.offer"


def _declared_length(request: web.Request, limits: UploadLimits) -> int:
    """What the header announces; more than may be is refused before a byte is read."""
    declared = request.headers.get("Content-Length")
    if declared is None:
        return 0
    if not _DIGITS.fullmatch(declared):
        raise BadField({"file": "wrong"})
    if int(declared) > limits.body_bytes:
        raise TooLarge({"file": "too_large"})
    return int(declared)


async def _read_field(part: BodyPartReader, pace: _Pace, values: dict[str, str]) -> None:
    name = part.name or ""
    if name not in FIELDS or name in values:
        raise BadField({name[:40] or "file": "unknown"})
    text = b""
    while chunk := await pace.next(part):
        text += chunk
        if len(text) > FIELDS[name]:
            raise BadField({name: "too_long"})
    try:
        values[name] = text.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise BadField({name: "wrong"}) from error


def _offer_of(request: web.Request, values: dict[str, str], visit_id: str | None) -> Offer:
    actor = request[ACTOR]
    if visit_id is not None:
        return Offer(values.get("offer", ""), "", visit_id, STAFF, Direction.TO_CITIZEN, title=values.get("title", ""))
    return Offer(
        values.get("offer", ""),
        actor.appointment_id or "",
        None,
        actor.participant or CITIZEN,
        Direction.TO_MUNICIPALITY,
        request_id=values.get("request") or None,
        slot_code=values.get("slot") or None,
    )


async def _receive_file(
    request: web.Request, part: BodyPartReader, pace: _Pace, offered: Offer, length: int
) -> Document:
    works = request.app[WORKS]
    limits = works.get(UploadLimits)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        offered = await offering.complete_offer(work, offered)
        begun = await offering.begin(work, offered, length, limits)
    if begun.done is not None:
        return begun.done
    reason = "broken"
    try:
        async with works.get(Vault).writer(begun.object_name, Sealer(begun.key, begun.place)) as writer:
            received = await _store_file(works, request, part, pace, begun, writer)
            await writer.keep()
        async with work_for(request, HANDLE_DOCUMENT) as work:
            document = await offering.complete(work, begun, offered, received, limits)
        reason = ""
        return document
    except BalieError as error:
        reason = error.code[:20]
        raise
    except Missing as gone:  # its time was over, and the sweep has cleared it
        reason = "stale"
        raise UploadGone from gone
    except (ConnectionError, ClientPayloadError, asyncio.IncompleteReadError) as error:
        raise ConnectionResetError from error
    finally:
        if reason:
            await asyncio.shield(offering.give_up(works, begun, reason))


async def _store_file(
    works: Works, request: web.Request, part: BodyPartReader, pace: _Pace, begun: Begun, writer: Writer
) -> Received:
    limits, file, said_at = works.get(UploadLimits), _File(), time.monotonic()
    while chunk := await pace.next(part):
        file.size += len(chunk)
        if file.size > limits.file_bytes:
            raise TooLarge({"file": "too_large"})
        _check_head(file, chunk)
        file.sha256.update(chunk)
        await writer.write(chunk)
        if time.monotonic() - said_at > _STAY_EVERY_S:
            said_at = time.monotonic()
            async with work_for(request, HANDLE_DOCUMENT) as work:
                await offering.stay(work, begun.upload_id or "")
    rules.check_size(file.size, limits)
    kind = rules.kind_of_head(file.head)
    if kind is None:
        raise FileRefused({"file": "file_refused"})
    return Received(rules.clean_name(part.filename or ""), kind, file.size, file.sha256.hexdigest())


def _check_head(file: _File, chunk: bytes) -> None:
    """Refuse as soon as the first bytes are of no welcome kind."""
    if len(file.head) < rules.HEAD_BYTES:
        file.head = (file.head + chunk)[: rules.HEAD_BYTES]
        if len(file.head) == rules.HEAD_BYTES and rules.kind_of_head(file.head) is None:
            raise FileRefused({"file": "file_refused"})
