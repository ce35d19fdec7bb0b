"""For staff, `/medewerker/documenten/…`: the documents block of the counter, previews, decisions, showing, download."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from balie.booking import service as booking
from balie.booking.rules import Appointment
from balie.documents import checking, looking, service
from balie.documents.answers import DocumentLine, line_of, page_number, send_original, send_picture
from balie.documents.rules import Direction, Document, DocumentRequest, DocumentRequestState, Shown
from balie.errors import BadField
from balie.external.virus_scanner import VirusScanner
from balie.ids import AppointmentId
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.web.forms import fields
from balie.web.keys import ACTOR, WORKS
from balie.web.requests import match_id, see_other, url, wants_json, work_for
from balie.work import Work


@dataclass(frozen=True)
class AskedLine:
    """A paper that is asked, as staff see it."""

    id: str
    title: str
    state: str  # asked, answered, skipped, withdrawn
    skip_reason: str = ""
    asked_at: datetime | None = None
    is_by_staff: bool = False


@dataclass(frozen=True)
class ReceivedLine:
    """A document at the counter, with what may be done with it now."""

    line: DocumentLine
    was_confirmed: bool
    is_virus_checked: bool
    is_from_staff: bool
    needs_words: bool
    page_numbers: tuple[int, ...] = ()
    text: str = ""
    may_decide: bool = False
    may_download: bool = False


@dataclass(frozen=True)
class DocumentsAtCounter:
    """The documents block of the counter page; `is_closed` while it is not sure who sits there."""

    visit_id: str
    desk_id: str
    asked: tuple[AskedLine, ...] = ()
    received: tuple[ReceivedLine, ...] = ()
    slots: tuple[tuple[str, str], ...] = ()
    shown: Shown | None = None
    is_closed: bool = False
    has_scanner: bool = True
    offer: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def open_count(self) -> int:
        """How many documents still wait for a decision."""
        return sum(1 for one in self.received if one.may_decide)

    @property
    def skipped(self) -> tuple[AskedLine, ...]:
        """What the citizen has not got."""
        return tuple(one for one in self.asked if one.state == "skipped")

    @property
    def waiting(self) -> tuple[AskedLine, ...]:
        """What is asked and has not come."""
        return tuple(one for one in self.asked if one.state == "asked")


async def documents_at_counter(work: Work, visit_id: str, appointment_id: str) -> DocumentsAtCounter:
    """What the counter page shows about documents, for the staff member who has the visit."""
    appointment = await booking.appointment(work, AppointmentId(appointment_id))
    is_closed = await service.is_closed_for_staff(work, visit_id)
    received = [
        await _received(work, document, is_closed) for document in await service.documents_of(work, visit_id=visit_id)
    ]
    asked = await service.requests_of(work, appointment_id=appointment_id)
    return DocumentsAtCounter(
        visit_id=visit_id,
        desk_id=appointment.desk_id,
        asked=tuple(_asked(one) for one in asked if one.state is not DocumentRequestState.WITHDRAWN),
        received=tuple(received),
        slots=await _slots(work, appointment),
        shown=None if is_closed else await service.shown_in(work, visit_id),
        is_closed=is_closed,
        has_scanner=work.get(VirusScanner).is_configured,
        offer=service.new_offer(),
    )


async def _slots(work: Work, appointment: Appointment) -> tuple[tuple[str, str], ...]:
    found = []
    for line in appointment.lines:
        for slot in await booking.document_slots(work, line.product_id):
            if not slot.is_id_copy:
                found.append((slot.code, slot.name_in("nl")))
    return tuple(found)


def _asked(request: DocumentRequest) -> AskedLine:
    return AskedLine(
        request.id,
        request.title,
        request.state.value,
        request.skip_reason.value if request.skip_reason else "",
        request.asked_at,
        request.asked_by is not None,
    )


async def _received(work: Work, document: Document, is_closed: bool) -> ReceivedLine:
    line = line_of(document)
    is_from_staff = document.direction is Direction.TO_CITIZEN
    text = await service.text_of_page(work, document, 1) if document.is_there else ""
    is_there = document.is_there and not is_closed
    return ReceivedLine(
        line=line,
        was_confirmed=document.was_confirmed,
        is_virus_checked=document.is_virus_checked,
        is_from_staff=is_from_staff,
        needs_words=not text,
        page_numbers=tuple(range(1, document.pages + 1)) if is_there else (),
        text=text if is_there else "",
        may_decide=document.awaits_decision,
        may_download=is_there and await looking.may_leave(work, document),
    )


# --- posts: all of them end at the counter


async def _back(request: web.Request, visit_id: str) -> web.Response:
    """303 to the counter; a page with scripts reads its part again itself."""
    if wants_json(request):
        return web.json_response({"ok": True})
    async with work_for(request, HANDLE_DOCUMENT, writes=False) as work:
        appointment_id = await service.appointment_of_visit(work, visit_id)
        desk_id = (await booking.appointment(work, AppointmentId(appointment_id))).desk_id
    return see_other(request, "desk.counter", desk_id=desk_id, visit_id=visit_id)


async def ask(request: web.Request) -> web.Response:
    """*Vraag papieren*: a slot of the product, or a title."""
    visit_id = match_id(request, "visit_id")
    form = await fields(request)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        appointment_id = await service.appointment_of_visit(work, visit_id)
        slot = form.get("slot", "")
        title = "" if slot else form.get("title", "").strip()
        if len(title) > 80:
            raise BadField({"title": "too_long"})
        await service.ask(work, visit_id=visit_id, appointment_id=appointment_id, title=title, slot_code=slot or None)
    return await _back(request, visit_id)


async def withdraw_request(request: web.Request) -> web.Response:
    """*Vraag niet meer*."""
    visit_id = match_id(request, "visit_id")
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.withdraw_request(work, visit_id, match_id(request, "request_id"))
    return await _back(request, visit_id)


async def accept(request: web.Request) -> web.Response:
    """*Aannemen*."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        document = await service.accept(work, match_id(request, "document_id"))
    return await _back(request, document.visit_id or "")


async def not_needed(request: web.Request) -> web.Response:
    """*Niet nodig*."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        document = await service.not_needed(work, match_id(request, "document_id"))
    return await _back(request, document.visit_id or "")


async def refuse(request: web.Request) -> web.Response:
    """*Onleesbaar*."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        document = await service.refuse(work, match_id(request, "document_id"))
    return await _back(request, document.visit_id or "")


async def show(request: web.Request) -> web.Response:
    """*Toon*, and turning a page of what is shown."""
    form = await fields(request)
    text = form.get("page", "1") or "1"
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise BadField({"page": "not_a_number"})
    document_id = match_id(request, "document_id")
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.staff_document(work, document_id)
    await checking.draw_missing(request.app[WORKS], request[ACTOR], document_id, int(text))
    async with work_for(request, HANDLE_DOCUMENT) as work:
        shown = await service.show(work, document_id, int(text), form.get("words", ""))
    return await _back(request, shown.visit_id)


async def stop_showing(request: web.Request) -> web.Response:
    """*Niet meer tonen*."""
    visit_id = match_id(request, "visit_id")
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.stop_showing(work, visit_id)
    return await _back(request, visit_id)


async def page(request: web.Request) -> web.StreamResponse:
    """One page as a picture; each opening is logged."""
    document_id, number = match_id(request, "document_id"), page_number(request)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.staff_document(work, document_id)
    await checking.draw_missing(request.app[WORKS], request[ACTOR], document_id, number)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        content = await looking.open_page(work, document_id, number)
    return await send_picture(request, content)


async def ask_original(request: web.Request) -> web.Response:
    """*Origineel downloaden*: staff confirm that it comes from outside; an old verdict is asked again first."""
    document_id = match_id(request, "document_id")
    if (await fields(request)).get("from_outside") != "ja":
        raise BadField({"from_outside": "missing"})
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.staff_document(work, document_id)
    await checking.renew_verdict(request.app[WORKS], document_id)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        ticket = await looking.give_ticket(work, document_id)
    return web.Response(status=303, headers={"Location": url(request, "documents.staff_original", ticket=ticket)})


async def original(request: web.Request) -> web.StreamResponse:
    """The download of a ticket."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        content = await looking.use_ticket(work, request.match_info["ticket"][:64])
    return await send_original(request, content)
