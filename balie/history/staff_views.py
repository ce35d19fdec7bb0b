"""The record form, earlier contacts and the receipt of a visit, as page values; the draft that is kept meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, field_validator

from balie.history import service
from balie.history.records import ContactRecord, EarlierContact, FollowUp
from balie.history.rules import (
    ACTION_MOST,
    ANSWER_MOST,
    CHOSEN_BY_STAFF,
    NOTE_MOST,
    TOPIC_MOST,
    Outcome,
    missing_fields,
)
from balie.history.texts import has_bsn, one_line
from balie.ids import CitizenId, StaffId, VisitId, is_id
from balie.privacy.purposes import RECORD_CONTACT
from balie.web.forms import Form, check_form, fields
from balie.web.keys import ACTOR
from balie.web.requests import match_id, work_for
from balie.work import Work

_FIELDS = ("outcome", "topic", "note", "answer", "follow_up_action", "follow_up_team", "follow_up_due")
_PAGE = 20


class RecordForm(BaseModel):
    """What staff fill in about a visit; everything else is known."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    outcome: Outcome | None = None
    topic: str = Field("", max_length=TOPIC_MOST)
    note: str = Field("", max_length=NOTE_MOST)
    answer: str = Field("", max_length=ANSWER_MOST)
    follow_up_action: str = Field("", max_length=ACTION_MOST)
    follow_up_team: str = Field("", max_length=100)
    follow_up_due: date | None = None

    @field_validator("outcome")
    @classmethod
    def _is_for_staff(cls, value: Outcome | None) -> Outcome | None:
        if value is not None and value not in CHOSEN_BY_STAFF:
            raise ValueError("choose")
        return value

    @field_validator("topic", "note", "answer", "follow_up_action", "follow_up_team")
    @classmethod
    def _holds_no_bsn(cls, value: str) -> str:
        if has_bsn(value):
            raise ValueError("bsn_in_text")
        return value


@dataclass(frozen=True)
class RecordPart:
    """The part of the counter page that becomes the contact record (templates/history/_record_form.html).

    `action` and `csrf_form` are the address and the route name of *Afronden*.
    """

    visit_id: str
    action: str
    csrf_form: str
    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)
    is_simplified: bool = False
    may_finish: bool = True
    open_papers: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = tuple(outcome.value for outcome in CHOSEN_BY_STAFF)


@dataclass(frozen=True)
class EarlierLine:
    """One earlier contact, as a line that opens."""

    contact: EarlierContact
    line: str


@dataclass(frozen=True)
class EarlierPart:
    """What this person asked before, over every channel (templates/history/_earlier.html).

    Closed until the person is confirmed: then it holds nothing, also no count.
    """

    is_open: bool
    lines: tuple[EarlierLine, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    more: str | None = None  # the value of the query `eerder` that shows older ones
    is_first_page: bool = True


@dataclass(frozen=True)
class ReceiptPart:
    """What the citizen keeps of a visit, on the goodbye page (templates/history/_receipt.html)."""

    agreed: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    kept_until: date | None = None
    reference: str = ""


async def record_part(
    work: Work,
    visit_id: VisitId,
    *,
    action: str,
    csrf_form: str,
    prefilled: Mapping[str, str],
    is_simplified: bool = False,
    may_finish: bool = True,
    open_papers: tuple[str, ...] = (),
    form: Form[RecordForm] | None = None,
) -> RecordPart:
    """The record form: what was sent last, else the draft of this staff member, else what is known."""
    drafted = await service.draft(work, visit_id, StaffId(work.actor.id or ""))
    return RecordPart(
        visit_id=visit_id,
        action=action,
        csrf_form=csrf_form,
        values={**dict.fromkeys(_FIELDS, ""), **prefilled, **drafted, **(form.values if form else {})},
        errors=dict(form.errors) if form else {},
        is_simplified=is_simplified,
        may_finish=may_finish,
        open_papers=open_papers,
    )


async def earlier_part(
    work: Work,
    citizen_id: CitizenId | None,
    *,
    own_domains: Collection[str],
    eerder: str | None = None,
) -> EarlierPart:
    """Earlier contacts of a confirmed person; `citizen_id` None (not confirmed, unconfirmed) gives it closed."""
    if citizen_id is None:
        return EarlierPart(is_open=False)
    before = cursor(eerder)
    found = await service.earlier_contacts(work, citizen_id, before, _PAGE + 1, own_domains=own_domains)
    page = found[:_PAGE]
    last = page[-1] if len(found) > _PAGE else None
    return EarlierPart(
        is_open=True,
        lines=tuple(EarlierLine(contact, one_line(contact)) for contact in page),
        follow_ups=tuple(await service.open_follow_ups(work, citizen_id, own_domains)),
        more=f"{last.happened_at.isoformat()}_{last.id}" if last else None,
        is_first_page=before is None,
    )


async def receipt_part(work: Work, visit_id: VisitId) -> ReceiptPart | None:
    """What was agreed in a finished visit; None while staff still write it down."""
    record = await service.record_of_visit(work, visit_id)
    if record is None:
        return None
    return receipt_of(record, await service.follow_ups_of(work, record.id))


def receipt_of(record: ContactRecord, follow_ups: Collection[FollowUp]) -> ReceiptPart:
    """The receipt of a record."""
    agreed = tuple(line.strip() for line in record.answer.splitlines() if line.strip())
    return ReceiptPart(agreed, tuple(follow_ups), record.retain_until, record.reference)


async def read_record_form(request: web.Request) -> Form[RecordForm]:
    """The record form as sent."""
    return check_record_form(_known(await fields(request)))


def check_record_form(sent: Mapping[str, str]) -> Form[RecordForm]:
    """The form with everything that must be filled in before the visit can be finished."""
    form = check_form(dict(sent), RecordForm)
    if "outcome" not in form.errors:
        outcome = Outcome(sent["outcome"]) if sent.get("outcome") else None
        missing = missing_fields(outcome, sent.get("answer", ""), bool(sent.get("follow_up_action")))
        for name, code in missing.items():
            form.errors.setdefault(name, code)
    if form.errors:
        form.model = None
    return form


async def save_draft(request: web.Request) -> web.Response:
    """POST /medewerker/bezoek/{visit_id}/concept: keep what is typed until now, as far as it is not too long."""
    form = {name: text[:ANSWER_MOST] for name, text in _known(await fields(request)).items()}
    async with work_for(request, RECORD_CONTACT) as work:
        staff_id = StaffId(request[ACTOR].id or "")
        await service.save_draft(work, VisitId(match_id(request, "visit_id")), staff_id, form)
    return web.Response(status=204)


def cursor(text: str | None) -> tuple[datetime, str] | None:
    """Where the page before ended; what cannot be read begins at the newest."""
    at, _, contact_id = (text or "").replace(" ", "+").partition("_")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, contact_id) if moment.tzinfo and is_id(contact_id) else None


def _known(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: sent[name].strip() for name in _FIELDS if name in sent}
