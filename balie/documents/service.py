"""Ask for papers, look at them, decide on them, show them, and who may: the use cases of a visit's documents."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date
from typing import Any

from balie import jobs
from balie.actors import Actor, ActorKind
from balie.booking import service as booking
from balie.booking.rules import AppointmentBooked, DocumentSlot
from balie.documents import rules, store
from balie.documents.rules import (
    CITIZEN,
    STAFF,
    AskOfCitizen,
    Attachment,
    Decision,
    Direction,
    Document,
    DocumentAsked,
    DocumentChanged,
    DocumentRefused,
    DocumentRequest,
    DocumentRequestState,
    DocumentShown,
    Page,
    ReceiptLine,
    Refusal,
    Right,
    Shown,
    SkipReason,
)
from balie.errors import BadField, Invalid, NotAllowed, NotFound, NotScannedYet, NotShown
from balie.identity import verification
from balie.identity.rules import VerificationState
from balie.ids import AppointmentId, DocumentRequestId, VisitId, new_id
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work

DEFAULT_DAYS = 30
REMOVE_BYTES = "documents.remove_bytes"


# --- asking


async def on_appointment_booked(work: Work, event: AppointmentBooked) -> None:
    """A request for each paper that the product asks of the citizen, in the transaction of the booking."""
    if await store.requests_of(work, event.appointment_id):
        return
    appointment = await booking.appointment(work, event.appointment_id)
    language = appointment.needs.language
    for line in appointment.lines:
        for slot in await booking.document_slots(work, line.product_id):
            if slot.given_by in (CITIZEN, "each") and not slot.is_id_copy:
                row = _request_row(work, appointment.id, slot.name_in(language), slot.plain_name_in(language))
                await store.add_request(
                    work,
                    row
                    | {"slot_code": slot.code, "retain_days": slot.retain_days, "keep_original": slot.keep_original},
                )


async def requests_of(work: Work, *, appointment_id: str) -> list[DocumentRequest]:
    """What is asked for an appointment, the oldest first."""
    return await store.requests_of(work, appointment_id)


async def ask(
    work: Work,
    *,
    visit_id: str,
    appointment_id: str,
    title: str = "",
    slot_code: str | None = None,
    asked_by: str | None = None,
) -> DocumentRequest:
    """Staff ask for a paper in the visit: one of the product's, or one they name."""
    await check_staff(work, visit_id)
    row = await _named_request(work, appointment_id, slot_code, rules.clean_title(title))
    row |= {"visit_id": visit_id, "asked_by": asked_by or work.actor.id}
    open_one = await _same_open(work, appointment_id, row["slot_code"], row["title"])
    if open_one is not None:
        if open_one.asked_by is None:
            await store.note_asked(work, open_one.id, row["asked_by"])
            await work.announce(DocumentAsked(VisitId(visit_id), open_one.id))
        return open_one
    await store.add_request(work, row)
    await work.announce(DocumentAsked(VisitId(visit_id), DocumentRequestId(row["id"])))
    made = await store.request_of(work, row["id"], appointment_id)
    assert made is not None
    return made


async def _named_request(work: Work, appointment_id: str, slot_code: str | None, title: str) -> dict[str, Any]:
    if not slot_code:
        if not title:
            raise Invalid({"title": "missing"})
        return _request_row(work, appointment_id, title, title)
    appointment = await booking.appointment(work, AppointmentId(appointment_id))
    language = appointment.needs.language
    for line in appointment.lines:
        for slot in await booking.document_slots(work, line.product_id):
            if slot.code == slot_code:
                return _slot_row(work, appointment_id, slot, language)
    raise Invalid({"slot": "choose"})


async def _same_open(work: Work, appointment_id: str, slot_code: object, title: object) -> DocumentRequest | None:
    for request in await store.requests_of(work, appointment_id):
        is_same = request.slot_code == slot_code if slot_code else request.title == title
        if is_same and request.state is DocumentRequestState.ASKED:
            return request
    return None


def _slot_row(work: Work, appointment_id: str, slot: DocumentSlot, language: str) -> dict[str, Any]:
    row = _request_row(work, appointment_id, slot.name_in(language), slot.plain_name_in(language))
    return row | {"slot_code": slot.code, "retain_days": slot.retain_days, "keep_original": slot.keep_original}


def _request_row(work: Work, appointment_id: str, title: str, plain_name: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "appointment_id": appointment_id,
        "visit_id": None,
        "participant_id": CITIZEN,
        "slot_code": None,
        "title": title[:120],
        "plain_name": (plain_name or title)[:120],
        "asked_by": None,
        "asked_at": work.now,
        "state": DocumentRequestState.ASKED.value,
        "skip_reason": None,
        "retain_days": DEFAULT_DAYS,
        "keep_original": None,
    }


async def skip(work: Work, request_id: str, reason: SkipReason) -> None:
    """The citizen has not got it; staff see why."""
    request = await store.request_of(work, request_id, _own_appointment(work.actor))
    if request is None or request.participant_id != work.actor.participant:
        raise NotFound
    if request.state is DocumentRequestState.ASKED:
        await store.set_request_state(work, request.id, DocumentRequestState.SKIPPED, reason)
        await work.announce(DocumentChanged(request.visit_id, None))


async def withdraw_request(work: Work, visit_id: str, request_id: str) -> None:
    """Staff no longer ask for it."""
    await check_staff(work, visit_id)
    appointment_id = await _appointment_of(work, visit_id, request_id)
    request = await store.request_of(work, request_id, appointment_id)
    if request is None or request.state is not DocumentRequestState.ASKED:
        raise NotFound
    await store.set_request_state(work, request.id, DocumentRequestState.WITHDRAWN)
    await work.announce(DocumentChanged(VisitId(visit_id), None))


async def _appointment_of(work: Work, visit_id: str, request_id: str) -> str:
    found = await store.appointment_of_request(work, visit_id, request_id)
    if found is None:
        raise NotFound
    return found


# --- who may


async def attach_visit(work: Work, appointment_id: str, visit_id: str) -> None:
    """At check-in: what was asked and given before belongs to the visit from now on."""
    await store.attach_visit(work, appointment_id, visit_id)


async def appointment_of_visit(work: Work, visit_id: str) -> str:
    """The appointment of a visit that this staff member has."""
    await check_staff(work, visit_id)
    found = await store.appointment_of_visit(work, visit_id)
    if found is None:
        raise NotFound
    return found


def new_offer() -> str:
    """A fresh random id for the next file of a form."""
    return secrets.token_urlsafe(16)


async def grant_access(
    work: Work, visit_id: str, participant: str, staff_id: str | None = None, right: Right = Right.OPEN
) -> None:
    """Open the documents of a visit to its owner, or to a participant."""
    who = staff_id or (work.actor.id if participant == STAFF else None)
    await store.put_access(work, visit_id, participant, right.value, who)


async def withdraw_access(work: Work, visit_id: str, participant: str) -> None:
    """Close them again, now."""
    await store.end_access(work, visit_id, participant, work.now)


async def check_staff(work: Work, visit_id: str) -> None:
    """Only the staff member who has this visit; for everybody else there is no such visit."""
    actor = work.actor
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotFound
    if not await store.has_access(work, visit_id, STAFF, Right.OPEN.value, actor.id):
        raise NotFound


async def is_closed_for_staff(work: Work, visit_id: str, participant: str = CITIZEN) -> bool:
    """While it is not sure any more who sits there, what that person gave stays closed."""
    proven = await verification.current(work, VisitId(visit_id), participant)
    return proven is not None and proven.state is VerificationState.UNCONFIRMED


async def is_confirmed(work: Work, visit_id: str | None, participant: str) -> bool:
    """Whether this participant has proven who they are."""
    if visit_id is None:
        return False
    proven = await verification.current(work, VisitId(visit_id), participant)
    return proven is not None and proven.state is VerificationState.CONFIRMED


def _own_appointment(actor: Actor) -> str:
    if actor.kind is ActorKind.GUEST:
        raise NotAllowed
    if actor.kind is not ActorKind.CITIZEN or actor.appointment_id is None:
        raise NotFound
    return actor.appointment_id


def check_citizen(work: Work) -> str:
    """The appointment of the citizen who asks; guests have no documents at all."""
    return _own_appointment(work.actor)


async def may_open_own(work: Work, document_id: str) -> None:
    """Raise unless this citizen may see the pages: own, or on show now."""
    try:
        await own_document(work, document_id)
    except NotFound:
        await shown_document(work, document_id)


async def text_of_page(work: Work, document: Document, number: int) -> str:
    """The text that stands on a page, for who cannot see it."""
    page = await store.page_of(work, document.id, number)
    return page.text.strip() if page else ""


async def own_document(work: Work, document_id: str) -> Document:
    """A document that this citizen gave and may open; NotFound for all others."""
    appointment_id = _own_appointment(work.actor)
    document = await store.document_by_id(work, document_id)
    if document is None or document.appointment_id != appointment_id:
        raise NotFound
    actor = work.actor
    is_proven = await is_confirmed(work, document.visit_id, actor.participant or "")
    if not rules.is_givers(document, actor.session_id, actor.participant, is_proven):
        raise NotFound
    return document


async def staff_document(work: Work, document_id: str) -> Document:
    """A document of the visit that this staff member has; NotFound for all others."""
    document = await store.document_by_id(work, document_id)
    if document is None or document.visit_id is None:
        raise NotFound
    await check_staff(work, document.visit_id)
    return document


async def documents_of(work: Work, *, appointment_id: str | None = None, visit_id: str | None = None) -> list[Document]:
    """All documents of a visit or an appointment, for features above; views show what their reader may see."""
    if visit_id is not None:
        return await store.documents_where(work, visit_id=visit_id)
    return await store.documents_where(work, appointment_id=appointment_id)


async def own_documents(work: Work, appointment_id: str) -> list[Document]:
    """What this citizen gave and may see the state of, oldest first."""
    actor = work.actor
    found = []
    for document in await store.documents_where(work, appointment_id=appointment_id):
        is_proven = await is_confirmed(work, document.visit_id, actor.participant or "")
        if rules.is_givers(document, actor.session_id, actor.participant, is_proven):
            found.append(document)
    return found


async def asks_of_citizen(work: Work, *, appointment_id: str) -> list[AskOfCitizen]:
    """The cards about papers for this citizen: asked, being checked, sent, refused."""
    own = await own_documents(work, appointment_id)
    cards = [
        rules.card_for(request, [d for d in own if d.request_id == request.id], new_offer())
        for request in await store.requests_of(work, appointment_id)
        if request.participant_id == work.actor.participant
    ]
    return [card for card in cards if card is not None]


async def data_subject_of(work: Work, document: Document) -> str:
    """Who the document is about, for the processing log: the proven citizen, else a hash of the appointment."""
    if document.visit_id is not None:
        proven = await verification.current(work, document.visit_id, document.participant_id)
        if proven is not None and proven.citizen_id is not None:
            return proven.citizen_id
    return work.get(Keyring).keyed_hash("appointment", document.appointment_id)


async def shown_document(work: Work, document_id: str) -> Document:
    """A document that staff show this citizen now."""
    document = await store.document_by_id(work, document_id)
    if document is None or document.visit_id is None or document.appointment_id != _own_appointment(work.actor):
        raise NotFound
    shown = await store.shown_in(work, document.visit_id)
    if shown is None or shown[0] != document.id:
        raise NotShown
    return document


# --- deciding


async def accept(work: Work, document_id: str) -> Document:
    """Staff take it; its giver cannot take it back any more."""
    document = await staff_document(work, document_id)
    after = rules.accepted(document, work.now)
    await store.save(work, document, after, decided_by=work.actor.id)
    await _note_decided(work, after, "accepted")
    return after


async def not_needed(work: Work, document_id: str) -> Document:
    """Staff do not need it: its content is gone with this change."""
    document = await staff_document(work, document_id)
    after = rules.not_needed(document, work.now)
    await store.save(work, document, after, decided_by=work.actor.id)
    await end_content(work, after)
    await _note_decided(work, after, "not_needed")
    return after


async def refuse(work: Work, document_id: str, why: Refusal = Refusal.UNCLEAR) -> Document:
    """Staff cannot read it: gone, and asked for again."""
    document = await staff_document(work, document_id)
    return await refuse_document(work, document, why)


async def refuse_document(work: Work, document: Document, why: Refusal) -> Document:
    """It cannot be used: key, name and pages go with this change; the question stands open again."""
    after = rules.refused(document, why)
    await store.save(work, document, after)
    await end_content(work, after)
    if document.request_id is not None:
        await store.set_request_state(work, document.request_id, DocumentRequestState.ASKED)
    await store.add_event(work, document.id, "refused", reason=why.value)
    await work.announce(DocumentRefused(document.visit_id, document.id))
    return after


async def withdraw(work: Work, document_id: str) -> Document:
    """The giver takes it back: gone, and the question stands open again."""
    document = await own_document(work, document_id)
    if document.session_id != work.actor.session_id and not await is_confirmed(work, document.visit_id, CITIZEN):
        raise NotFound
    after = rules.withdrawn(document)
    await store.save(work, document, after)
    await end_content(work, after)
    if document.request_id is not None:
        await store.set_request_state(work, document.request_id, DocumentRequestState.ASKED)
    await _note_decided(work, after, "withdrawn")
    return after


async def _note_decided(work: Work, document: Document, what: str) -> None:
    await store.add_event(work, document.id, what)
    await audit(work, f"documents.{what}", document.id)
    await log_processing(work, data_subject=await data_subject_of(work, document))
    await work.announce(DocumentChanged(document.visit_id, document.id))


async def end_content(work: Work, document: Document) -> None:
    """The destruction: keys and pages now, the bytes by a job of this same transaction."""
    await store.destroy_content(work, document.id)
    await store.forget_quarantine(work, document.id)
    if document.visit_id is not None and await store.end_shown(work, document.visit_id, document.id):
        await work.announce(DocumentShown(document.visit_id, None, 0))
    await jobs.put(work, REMOVE_BYTES, {"document_id": document.id})


# --- showing


async def show(work: Work, document_id: str, page: int, words: str = "") -> Shown:
    """Put a page on the citizen's card; where it has no text, staff say in one sentence what is on it."""
    document = await staff_document(work, document_id)
    assert document.visit_id is not None
    if await is_closed_for_staff(work, document.visit_id, document.participant_id):
        raise NotAllowed
    if not document.is_there:
        raise NotScannedYet
    found = await store.page_of(work, document.id, page)
    if found is None:
        raise NotFound
    said = await _words_for(work, document, found, words)
    await store.put_shown(work, document.visit_id, document.id, page, said)
    await store.add_event(work, document.id, "put_on_show", page=page)
    await audit(work, "documents.show", document.id, reason_code=f"page_{page}")
    await work.announce(DocumentShown(document.visit_id, document.id, page))
    return _shown(document, found, said)


async def _words_for(work: Work, document: Document, page: Page, words: str) -> str:
    said = " ".join(rules.clean_title(words[: rules.WORDS_LENGTH]).split())
    if said or page.text.strip():
        return said
    now = await store.shown_in(work, document.visit_id or "")
    if now is not None and now[0] == document.id and now[1] == page.number and now[2]:
        return now[2]
    raise BadField({"words": "missing"})


async def stop_showing(work: Work, visit_id: str) -> None:
    """Nothing is shown any more, and nothing is left to fetch."""
    await check_staff(work, visit_id)
    if await store.end_shown(work, visit_id):
        await work.announce(DocumentShown(VisitId(visit_id), None, 0))


async def shown_in(work: Work, visit_id: str) -> Shown | None:
    """What is shown in this visit now."""
    now = await store.shown_in(work, visit_id)
    if now is None:
        return None
    document = await store.document_by_id(work, now[0])
    page = await store.page_of(work, now[0], now[1])
    if document is None or page is None or not document.is_there:
        return None
    return _shown(document, page, now[2])


def _shown(document: Document, page: Page, words: str) -> Shown:
    assert document.visit_id is not None
    return Shown(
        document.visit_id,
        document.id,
        document.title,
        page.number,
        document.pages,
        page.width,
        page.height,
        page.text.strip(),
        words,
    )


# --- after the visit


async def attachments_of(work: Work, visit_id: str) -> list[Attachment]:
    """Pointers to what staff took in this visit, for its contact record."""
    taken = [d for d in await store.documents_where(work, visit_id=visit_id) if d.decision is Decision.ACCEPTED]
    return [Attachment(d.title, d.id, d.sha256_kept or d.sha256_sent) for d in taken]


async def receipt_of(work: Work, *, appointment_id: str) -> list[ReceiptLine]:
    """What the goodbye page tells about each paper: of a link session, what this session gave."""
    return rules.receipt(await own_documents(work, appointment_id))


async def close_visit(work: Work, visit_id: str, finished_on: date, case_days: int = 5) -> None:
    """At the end of wrap-up: nothing on show, no question open, and a last day for every document.

    Whoever helped keeps looking for `case_days` working days; what staff only showed is gone now.
    """
    if await store.end_shown(work, visit_id):
        await work.announce(DocumentShown(VisitId(visit_id), None, 0))
    await store.end_requests(work, visit_id)
    for document in await store.documents_where(work, visit_id=visit_id):
        if document.is_gone:
            continue
        if document.direction is Direction.TO_CITIZEN:
            await destroy(work, document, rules.Cause.RETENTION)
            continue
        after = rules.after_visit(document, finished_on, case_days)
        await store.set_retain_until(work, document.id, after.retain_until)
    last_day = rules.working_days_after(finished_on, case_days)
    await store.end_access(work, visit_id, STAFF, work.now + (last_day - finished_on))


async def destroy(work: Work, document: Document, cause: rules.Cause) -> None:
    """D6: key, name, pages and bytes go; the row tells what there was."""
    before = document
    if cause is rules.Cause.NOT_NEEDED and document.decision is Decision.OPEN:
        document = replace(document, decision=Decision.NOT_NEEDED, decided_at=work.now)
    after = rules.destroyed(document, cause)
    await store.save(work, before, after)
    await end_content(work, after)
    await store.add_event(work, document.id, "destroyed", reason=cause.value)
    await work.announce(DocumentChanged(document.visit_id, document.id))
