"""How long documents are kept: what each night destroys, table by table (documents.md section 10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from balie.booking import service as booking
from balie.booking.rules import AppointmentCancelled, AppointmentState
from balie.documents import rules, service, store
from balie.documents.rules import Document
from balie.errors import AlreadyDecided, NotFound
from balie.ids import AppointmentId
from balie.privacy.rules import BATCH, DEFAULT_CONTACT_DAYS, is_past_period, older_than
from balie.work import Work

_MANY = 1000
_SHORT_DAYS = 30


def _today(work: Work, now: datetime | None = None) -> datetime:
    return (now or work.now).astimezone(ZoneInfo(work.settings.time_zone))


async def on_appointment_cancelled(work: Work, event: AppointmentCancelled) -> None:
    """What was given for it goes after a day."""
    last_day = (_today(work) + timedelta(days=rules.CANCELLED_DAYS)).date()
    for document in await store.documents_where(work, appointment_id=event.appointment_id, visit_id=None):
        if not document.is_gone:
            await store.set_retain_until(work, document.id, last_day)


async def destroy_documents(work: Work, now: datetime) -> int:
    """Destroy documents past their last day; first give a last day to those whose appointment came to nothing."""
    await _note_missed(work, now)
    today = _today(work, now).date()
    past = await store.past_their_day(work, today, BATCH)
    destroyed = 0
    for document in past:
        if document.retain_until is not None and is_past_period(document.retain_until, today):
            destroyed += await _destroy(work, document)
    left = await store.with_bytes_left(work, BATCH)
    for document in left:  # a crash came between key and bytes
        await service.end_content(work, document)
    return destroyed


async def _destroy(work: Work, document: Document) -> int:
    try:
        await service.destroy(work, document, rules.cause_of_end(document))
    except AlreadyDecided:
        return 0
    return 1


async def _note_missed(work: Work, now: datetime) -> None:
    """Given before a check-in that never came: seven days after a missed, one after a cancelled appointment."""
    for appointment_id, documents in await store.never_checked_in(work, _MANY):
        last_day = await _last_day_without_visit(work, appointment_id, now)
        if last_day is None:
            continue
        for document in documents:
            await store.set_retain_until(work, document.id, last_day.date())


async def _last_day_without_visit(work: Work, appointment_id: str, now: datetime) -> datetime | None:
    try:
        appointment = await booking.appointment(work, AppointmentId(appointment_id))
    except NotFound:
        return _today(work, now) - timedelta(days=1)
    if appointment.state is AppointmentState.MISSED:
        return _today(work, appointment.ends_at) + timedelta(days=rules.MISSED_DAYS)
    if appointment.state is AppointmentState.CANCELLED:
        return _today(work, now) + timedelta(days=rules.CANCELLED_DAYS)
    return None


async def destroy_rows(work: Work, now: datetime) -> int:
    """Rows without content go when the contact record of their day goes."""
    return await store.destroy_rows_before(work, older_than(now, DEFAULT_CONTACT_DAYS), BATCH)


async def destroy_both(work: Work, now: datetime) -> int:
    """The rule of the table `document`: first content past its day, then rows past their period."""
    return await destroy_documents(work, now) + await destroy_rows(work, now)


async def destroy_requests(work: Work, now: datetime) -> int:
    """Questions for papers, with the rows of the documents that answered them."""
    return await store.destroy_requests(work, older_than(now, DEFAULT_CONTACT_DAYS), BATCH)


async def destroy_uploads(work: Work, now: datetime) -> int:
    """Rows of uploads whose bytes are gone."""
    return await store.destroy_uploads(work, older_than(now, _SHORT_DAYS), BATCH)


async def destroy_access(work: Work, now: datetime) -> int:
    """Rights that ended."""
    return await store.destroy_access(work, older_than(now, _SHORT_DAYS), BATCH)


async def destroy_visits(work: Work, now: datetime) -> int:
    """Which visit belonged to which appointment, when nothing of it is left."""
    return await store.destroy_visits(work, older_than(now, _SHORT_DAYS), BATCH)


async def destroy_tickets(work: Work, now: datetime) -> int:
    """Tickets past their minute."""
    return await store.destroy_tickets(work, now, BATCH)
