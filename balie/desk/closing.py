"""What ends with a visit: its one contact record, the call, the rights, the claims (contact-history.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from balie.booking import service as booking
from balie.booking.rules import Appointment, Product
from balie.calls import service as calls
from balie.desk import store
from balie.desk.events import VisitFinished
from balie.desk.rules import Outcome, Visit, VisitState
from balie.documents import service as documents
from balie.history import service as history
from balie.history.rules import (
    ClosedVisit,
    ContactActor,
    ContactAttachment,
    ContactLeg,
    ContactParty,
    ContactSubject,
    FollowUpPlan,
    Proof,
    next_working_day,
)
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.identity.rules import Verification
from balie.work import Work

LANGUAGES = {
    "nl": "nld",
    "en": "eng",
    "tr": "tur",
    "ar": "ara",
    "pl": "pol",
    "uk": "ukr",
    "bg": "bul",
    "es": "spa",
    "pt": "por",
    "pap": "pap",
}
_PHONE_TIME = time(17, 0)


async def close_up(work: Work, before: Visit, after: Visit, form: Mapping[str, str] | None = None) -> None:
    """Everything that goes with a visit that has just become finished; if the record fails, so does the finish."""
    await calls.end(work, after.id, "finished")
    await history.record_visit(work, await closed_visit(work, before, after, form or {}))
    await booking.free_claims(work, after.appointment_id)
    zone = ZoneInfo(work.settings.time_zone)
    if before.state is not VisitState.FINISHED and after.outcome is Outcome.NO_SHOW:
        await booking.tell_missed(work, after.appointment_id)
    await documents.close_visit(work, after.id, work.now.astimezone(zone).date())
    await verifications.erase_attributes(work, after.id)
    await identity.note_goodbye(work, after.id)
    await store.destroy_presence(work, after.id)
    await work.announce(VisitFinished(after))


async def closed_visit(work: Work, before: Visit, after: Visit, form: Mapping[str, str]) -> ClosedVisit:
    """What the record is made of, from every feature that knows a part of it."""
    appointment = await booking.appointment(work, after.appointment_id)
    product = await booking.product(work, after.product_id)
    owner = after.staff_id or before.staff_id
    details = await booking.contact_details(work, after.appointment_id)
    legs = await _legs(work, after)
    return ClosedVisit(
        visit_id=after.id,
        appointment_id=after.appointment_id,
        product_id=after.product_id,
        topic=form.get("topic") or product.name_in("nl"),
        domain=product.domain,
        department=product.department,
        outcome=after.outcome or Outcome.UNRECORDED,
        happened_at=after.begun_at or (after.starts_at if before is after else after.arrived_at),
        ended_at=legs[-1].ended_at if legs else work.now,
        is_confidential=product.is_confidential,
        language=LANGUAGES.get(appointment.needs.language, "nld"),
        note=form.get("note", ""),
        answer=form.get("answer", ""),
        waited_s=_waited_s(after),
        admit_count=after.admit_count,
        has_talked=after.begun_at is not None,
        legs=legs,
        parties=(await _party(work, after, appointment),),
        actors=await _actors(work, owner, product),
        attachments=await _attachments(work, after),
        subjects=(ContactSubject("appointment", after.appointment_id, "afspraak", "digitale-balie", "uuid"),),
        follow_up=_follow_up(work, form, product),
        call_back_team=product.department if details.mobile else "",
        call_back_due_at=_due(work, product),
        retention_days=product.retention_days,
        reason=after.interrupted_reason or "",
    )


async def _legs(work: Work, visit: Visit) -> tuple[ContactLeg, ...]:
    """One leg from the first word to the end of the conversation; hold and interruption belong to it."""
    if visit.begun_at is None:
        return ()
    events = await store.events_of(work, visit.id)
    ended_at, by = work.now, "system"
    for event in reversed(events):
        if event.to_state in (VisitState.WRAP_UP, VisitState.INTERRUPTED):
            ended_at, by = event.happened_at, event.actor
            break
    staff_id = next((e.staff_id for e in reversed(events) if e.staff_id), None)
    return (ContactLeg("video", visit.desk_id, staff_id, visit.begun_at, ended_at, by),)


def _waited_s(visit: Visit) -> int | None:
    until = visit.rung_at
    if until is None:
        return None
    return max(0, round((until - max(visit.arrived_at, visit.starts_at)).total_seconds()))


async def _party(work: Work, visit: Visit, appointment: Appointment) -> ContactParty:
    proven = await verifications.current(work, visit.id, "citizen")
    if proven is None or not proven.is_confirmed or proven.citizen_id is None or proven.verified_at is None:
        return ContactParty(citizen_id=None, name=appointment.name or "")
    return ContactParty(
        citizen_id=proven.citizen_id,
        name=appointment.name or "",
        proof=_proof(proven, proven.verified_at),
    )


def _proof(proven: Verification, at: datetime) -> Proof | None:
    if proven.level is None:
        return None
    return Proof(proven.state == "confirmed", proven.method_label or "", proven.level, at, proven.purpose)


async def _actors(work: Work, staff_id: str | None, product: Product) -> tuple[ContactActor, ...]:
    if staff_id is None:
        return (ContactActor("unit", product.department, product.department, product.department),)
    member = await identity.staff_member(work, staff_id)
    return (ContactActor("staff", staff_id, member.display_name, product.department),)


async def _attachments(work: Work, visit: Visit) -> tuple[ContactAttachment, ...]:
    found = await documents.attachments_of(work, visit.id)
    return tuple(ContactAttachment(a.title, a.document_id, a.sha256) for a in found)


def _follow_up(work: Work, form: Mapping[str, str], product: Product) -> FollowUpPlan | None:
    action = form.get("follow_up_action", "").strip()
    if not action:
        return None
    due = form.get("follow_up_due")
    team = form.get("follow_up_team") or product.department
    zone = ZoneInfo(work.settings.time_zone)
    due_at = datetime.combine(date.fromisoformat(due), _PHONE_TIME, zone) if due else _due(work, product)
    return FollowUpPlan(action, team, due_at)


def _due(work: Work, _product: Product) -> datetime:
    zone = ZoneInfo(work.settings.time_zone)
    return datetime.combine(next_working_day(work.now.astimezone(zone).date()), _PHONE_TIME, zone)


async def born_finished(work: Work, visit: Visit, reason: str) -> None:
    """V3: an appointment that was never kept is a visit all the same, so that its contact record exists."""
    await store.add(work, visit, reason)
    await close_up(work, visit, visit)
