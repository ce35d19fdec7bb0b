"""Record a contact, plan a follow-up, keep a draft, look back over every channel."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from balie import actors
from balie.errors import BsnInText, NotAllowed, OutcomeMissing
from balie.history import reading, store
from balie.history.records import ContactRecord, EarlierContact, FollowUp
from balie.history.rules import (
    HAS_SUCCEEDED,
    OWN,
    TOPIC_MOST,
    ClosedVisit,
    ContactSubject,
    DraftSaved,
    FollowUpPlan,
    FollowUpPlanned,
    FollowUpState,
    missing_fields,
    planned_follow_up,
)
from balie.history.texts import cut, full_note, has_bsn, without_bsn
from balie.identity import service as identity
from balie.ids import CitizenId, ContactId, FollowUpId, StaffId, VisitId, new_id
from balie.privacy.purposes import RECORD_CONTACT
from balie.privacy.rules import BATCH, retain_until
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work

DRAFT_HOURS = 24
CLIENT_DAYS = 3 * 365 + 1
_NEVER_REVISED = ("id", "source", "visit_id", "reference", "revision")


async def record_visit(work: Work, closed: ClosedVisit) -> ContactRecord:
    """The one record of a visit: made at the first call, a new revision at every later one.

    Runs in the transaction that finishes the visit; raises OutcomeMissing or BsnInText, and then
    nothing is finished. `visit_id` is unique, so timer, button and restart may race.
    """
    closed = _readable(work, closed)
    missing = missing_fields(closed.outcome, closed.answer, closed.follow_up is not None)
    if missing:
        raise OutcomeMissing(missing)
    values = _values(work, closed)
    contact_id = await _insert(work, closed.visit_id, values) or await _revise(work, closed, values)
    await _add_parts(work, contact_id, closed)
    await store.drop_drafts(work, closed.visit_id)
    for party in closed.parties:
        if party.citizen_id is not None:
            await log_processing(work, RECORD_CONTACT, data_subject=party.citizen_id)
            await identity.forget_bsn(work, party.citizen_id)  # nothing is delivered elsewhere, so nothing needs it
    await audit(work, "history.record_visit", contact_id)
    record = await record_of_visit(work, closed.visit_id)
    assert record is not None
    return record


async def record_of_visit(work: Work, visit_id: VisitId) -> ContactRecord | None:
    """The record of a visit that was finished; None while it is open."""
    row = await store.record_where(work, "visit_id", visit_id)
    return reading.record(row) if row else None


async def follow_ups_of(work: Work, contact_id: ContactId) -> list[FollowUp]:
    """What is still done after a contact."""
    return [reading.follow_up(row) for row in await store.parts_of(work, store.follow_up, [contact_id])]


async def plan_follow_up(
    work: Work, contact_id: ContactId, plan: FollowUpPlan, told_citizen_at: datetime | None = None
) -> FollowUp:
    """Give a team something to do after a contact."""
    row = {
        "id": new_id(),
        "contact_id": contact_id,
        "action": plan.action,
        "explanation": plan.explanation,
        "team": plan.team,
        "staff_id": plan.staff_id,
        "due_at": plan.due_at,
        "state": FollowUpState.TO_DO.value,
        "told_citizen_at": told_citizen_at,
    }
    await store.add(work, store.follow_up, [row])
    planned = reading.follow_up(row)
    await work.announce(FollowUpPlanned(contact_id, FollowUpId(planned.id)))
    return planned


async def earlier_contacts(
    work: Work,
    citizen_id: CitizenId,
    before: tuple[datetime, str] | None = None,
    limit: int = 20,
    *,
    own_domains: Collection[str] = (),
) -> list[EarlierContact]:
    """The contacts of a confirmed person over every channel, newest first, for the staff member who helps.

    A contact of a domain outside `own_domains` tells its date only: nothing is shared unless a
    domain is named. Each look writes a processing line and an audit line.
    """
    if work.actor.kind is not actors.ActorKind.STAFF:
        raise NotAllowed
    await log_processing(work, data_subject=citizen_id, name="earlier_contacts")
    await audit(work, "history.earlier_contacts", citizen_id, relation="admitted")
    rows = await store.newest_of_citizen(work, citizen_id, limit, before)
    ids = [row["id"] for row in rows if row["domain"] in own_domains]
    follow_ups = await store.parts_of(work, store.follow_up, ids)
    attachments = await store.parts_of(work, store.contact_attachment, ids)
    return [reading.earlier(row, own_domains, follow_ups, attachments) for row in rows]


async def open_follow_ups(work: Work, citizen_id: CitizenId, own_domains: Collection[str]) -> list[FollowUp]:
    """What a confirmed person still waits for in these domains; asked together with `earlier_contacts`."""
    rows = await store.open_follow_ups_of(work, citizen_id)
    return [reading.follow_up(row) for row in rows if row["domain"] in own_domains]


async def save_draft(work: Work, visit_id: VisitId, staff_id: StaffId, form: Mapping[str, str]) -> None:
    """Keep what is typed in the record form, sealed; each staff member has an own draft."""
    place = ("contact_draft", f"{visit_id}:{staff_id}", "form_sealed")
    sealed = work.get(Keyring).seal(json.dumps(dict(form)), *place)
    await store.put_draft(work, visit_id, staff_id, sealed)
    await work.announce(DraftSaved(visit_id))


async def draft(work: Work, visit_id: VisitId, staff_id: StaffId) -> dict[str, str]:
    """What was typed in the record form until now; empty when nothing was."""
    sealed = await store.draft(work, visit_id, staff_id)
    if sealed is None:
        return {}
    place = ("contact_draft", f"{visit_id}:{staff_id}", "form_sealed")
    form: dict[str, str] = json.loads(work.get(Keyring).unseal(sealed, *place))
    return form


async def draft_saved_at(work: Work, visit_id: VisitId) -> datetime | None:
    """When somebody last typed in the record form of a visit; None when nobody did."""
    return await store.draft_saved_at(work, visit_id)


async def destroy_records(work: Work, now: datetime) -> int:
    """Destroy records past their last day with all their parts; an open follow-up postpones."""
    return await store.destroy_records(work, _local_date(work, now), BATCH)


async def destroy_drafts(work: Work, now: datetime) -> int:
    """Destroy drafts of more than a day ago."""
    return await store.destroy_drafts(work, now - timedelta(hours=DRAFT_HOURS), BATCH)


async def destroy_api_clients(work: Work, now: datetime) -> int:
    """Destroy clients three years after their end, because the logs name them."""
    return await store.destroy_api_clients(work, now - timedelta(days=CLIENT_DAYS), BATCH)


async def next_reference(work: Work) -> str:
    """The next free number of ten digits; numbers that other channels brought along are passed over."""
    while True:
        reference = f"{await store.next_number(work):010d}"
        if await store.record_where(work, "reference", reference) is None:
            return reference


def _readable(work: Work, closed: ClosedVisit) -> ClosedVisit:
    # A person is asked to take the number out; a timer cannot be asked and must not be stopped.
    texts = {"topic": closed.topic, "note": closed.note, "answer": closed.answer}
    action = closed.follow_up.action if closed.follow_up else ""
    explanation = closed.follow_up.explanation if closed.follow_up else ""
    faults = {name: "bsn_in_text" for name, text in texts.items() if has_bsn(text)}
    if has_bsn(action) or has_bsn(explanation):
        faults["follow_up_action"] = "bsn_in_text"
    if not faults:
        return closed
    if work.actor.kind is actors.ActorKind.STAFF:
        raise BsnInText(faults)
    plan = closed.follow_up
    if plan is not None:
        plan = replace(plan, action=without_bsn(action), explanation=without_bsn(explanation))
    return replace(
        closed,
        topic=without_bsn(closed.topic),
        note=without_bsn(closed.note),
        answer=without_bsn(closed.answer),
        follow_up=plan,
    )


def _values(work: Work, closed: ClosedVisit) -> dict[str, Any]:
    ended_at = closed.ended_at
    talked = (ended_at - closed.happened_at).total_seconds() if ended_at else None
    return {
        "channel": closed.channel,
        "topic": cut(closed.topic, TOPIC_MOST),
        "note": full_note(closed),
        "answer": closed.answer.strip(),
        "outcome": closed.outcome.value,
        "has_succeeded": HAS_SUCCEEDED[closed.outcome],
        "language": closed.language,
        "is_confidential": closed.is_confidential,
        "domain": closed.domain,
        "department": closed.department,
        "product_id": closed.product_id,
        "happened_at": closed.happened_at,
        "ended_at": ended_at,
        "duration_s": None if talked is None else max(0, int(talked)),
        "waited_s": closed.waited_s,
        "purpose": RECORD_CONTACT.name,
        "retain_until": retain_until(_local_date(work, ended_at or closed.happened_at), closed.retention_days),
    }


async def _insert(work: Work, visit_id: VisitId, values: Mapping[str, Any]) -> ContactId | None:
    contact_id = ContactId(new_id())
    own = {"id": contact_id, "source": OWN, "visit_id": visit_id, "revision": 1}
    while await store.record_where(work, "visit_id", visit_id) is None:
        reference = await next_reference(work)
        if await store.add_unless_there(work, store.contact_record, {**values, **own, "reference": reference}):
            return contact_id
    return None


async def _revise(work: Work, closed: ClosedVisit, values: Mapping[str, Any]) -> ContactId:
    while True:
        row = await store.record_where(work, "visit_id", closed.visit_id)
        assert row is not None
        contact_id = ContactId(row["id"])
        if await store.revise(work, contact_id, row["revision"], values):
            break
    old = {name: row[name] for name, value in values.items() if row[name] != value}
    place = ("contact_revision", f"{contact_id}:{row['revision']}", "old_values_sealed")
    revision = {
        "contact_id": contact_id,
        "revision": row["revision"],
        "revised_at": work.now,
        "actor": work.actor.id or work.actor.kind.value,
        "fields": ",".join(sorted(old)),
        "old_values_sealed": work.get(Keyring).seal(json.dumps(old, default=str), *place),
        "reason": closed.reason,
    }
    await store.add(work, store.contact_revision, [revision])
    await store.clear_parts(work, contact_id)
    return contact_id


async def _add_parts(work: Work, contact_id: ContactId, closed: ClosedVisit) -> None:
    subjects = (*_own_subjects(closed), *closed.subjects)
    await store.add(work, store.contact_leg, reading.leg_rows(contact_id, closed.legs))
    await store.add(
        work,
        store.contact_party,
        reading.party_rows(work.get(Keyring), contact_id, closed.parties, closed.happened_at),
    )
    await store.add(work, store.contact_actor, reading.actor_rows(contact_id, closed.actors))
    await store.add(work, store.contact_subject, reading.subject_rows(contact_id, subjects))
    await store.add(work, store.contact_attachment, reading.attachment_rows(contact_id, closed.attachments))
    plan = planned_follow_up(closed)
    if plan is not None:
        told_at = work.now if closed.follow_up else None
        await plan_follow_up(work, contact_id, plan, told_at)


def _own_subjects(closed: ClosedVisit) -> Sequence[ContactSubject]:
    product = ContactSubject("product", closed.product_id, "product", "digitale-balie", "uuid")
    if closed.appointment_id is None:
        return (product,)
    return (ContactSubject("appointment", closed.appointment_id, "afspraak", "digitale-balie", "uuid"), product)


def _local_date(work: Work, moment: datetime) -> Any:
    return moment.astimezone(ZoneInfo(work.settings.time_zone)).date()
