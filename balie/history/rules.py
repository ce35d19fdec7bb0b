"""Contact record, outcome, follow-up; what must be filled in before a visit can be finished."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from balie.actors import AssuranceLevel
from balie.ids import AppointmentId, CitizenId, ContactId, DocumentId, FollowUpId, ProductId, StaffId, VisitId

OWN = "own"  # the source of records that our own visits made; else the id of an api_client
OWN_CHANNEL = "video"
TOPIC_MOST = 200
NOTE_MOST = 1000
ANSWER_MOST = 4000
ACTION_MOST = 200


class Outcome(StrEnum):
    """How a visit ended."""

    HELPED = "helped"
    FOLLOW_UP = "follow_up"
    REDIRECTED = "redirected"
    INTERRUPTED = "interrupted"
    NO_SHOW = "no_show"
    LEFT = "left"
    NOT_SERVED = "not_served"
    REFUSED = "refused"
    UNRECORDED = "unrecorded"


HAS_SUCCEEDED: dict[Outcome, bool | None] = {
    Outcome.HELPED: True,
    Outcome.FOLLOW_UP: True,
    Outcome.REDIRECTED: True,
    Outcome.INTERRUPTED: False,
    Outcome.NO_SHOW: False,
    Outcome.LEFT: False,
    Outcome.NOT_SERVED: False,
    Outcome.REFUSED: False,
    Outcome.UNRECORDED: None,
}
CHOSEN_BY_STAFF = (Outcome.HELPED, Outcome.FOLLOW_UP, Outcome.REDIRECTED, Outcome.INTERRUPTED)
_CALLED_BACK = (Outcome.INTERRUPTED, Outcome.NOT_SERVED)


class LegKind(StrEnum):
    """By what means people spoke."""

    VIDEO = "video"
    AUDIO = "audio"
    PHONE = "phone"
    TEXT = "text"


class PartyRole(StrEnum):
    """As whom somebody took part."""

    CITIZEN = "citizen"
    REPRESENTATIVE = "representative"


class ActorKind(StrEnum):
    """Who did the contact for the municipality."""

    STAFF = "staff"
    UNIT = "unit"
    SYSTEM = "system"


class FollowUpState(StrEnum):
    """Whether something still has to be done."""

    TO_DO = "to_do"
    DONE = "done"


@dataclass(frozen=True)
class ContactLeg:
    """A stretch of a visit; a hand-over or a fall-back to phone begins the next."""

    kind: LegKind | Literal["video", "audio", "phone", "text"]
    desk: str
    staff_id: StaffId | None
    began_at: datetime
    ended_at: datetime | None
    ended_by: str = ""


@dataclass(frozen=True)
class Proof:
    """That somebody signed in, and nothing of what the sign-in told."""

    is_confirmed: bool
    method_label: str
    level: AssuranceLevel
    at: datetime
    purpose: str


@dataclass(frozen=True)
class ContactParty:
    """Somebody who took part; without proven identity there is no citizen_id."""

    citizen_id: CitizenId | None
    role: PartyRole | Literal["citizen", "representative"] = PartyRole.CITIZEN
    is_initiator: bool = True
    name: str = ""
    organisation: str = ""
    proof: Proof | None = None


@dataclass(frozen=True)
class ContactActor:
    """Who did the contact, as it was at the time."""

    kind: ActorKind | Literal["staff", "unit", "system"]
    actor_key: str
    name: str
    department: str = ""


@dataclass(frozen=True)
class ContactSubject:
    """The case, appointment, product or form that a contact was about."""

    kind: Literal["case", "appointment", "product", "form", "contact", "other"]
    object_id: str
    code_objecttype: str = ""
    code_register: str = ""
    code_soort_object_id: str = ""
    answers_contact_id: ContactId | None = None


@dataclass(frozen=True)
class ContactAttachment:
    """A pointer to a document, never its bytes."""

    title: str
    document_id: DocumentId | str
    sha256: str = ""
    code_objecttype: str = "enkelvoudiginformatieobject"
    code_register: str = "digitale-balie"
    code_soort_object_id: str = "uuid"


@dataclass(frozen=True)
class FollowUpPlan:
    """Something a team still has to do; `team` is required, a person never stands alone."""

    action: str
    team: str
    due_at: datetime
    explanation: str = ""
    staff_id: StaffId | None = None


@dataclass(frozen=True)
class ClosedVisit:
    """Everything `desk` knows about a visit that ends now; of it one contact record is made.

    `call_back_team` names the team that phones after a call that broke off, or after a visit that
    was not served (only when a number is known). `call_back_due_at` is the end of the next working day.
    """

    visit_id: VisitId
    appointment_id: AppointmentId | None
    product_id: ProductId
    topic: str
    domain: str
    department: str
    outcome: Outcome
    happened_at: datetime
    ended_at: datetime | None
    channel: str = OWN_CHANNEL
    is_confidential: bool = False
    language: str = "nld"
    note: str = ""
    answer: str = ""
    waited_s: int | None = None
    admit_count: int = 0
    has_talked: bool = False
    legs: tuple[ContactLeg, ...] = ()
    parties: tuple[ContactParty, ...] = ()
    actors: tuple[ContactActor, ...] = ()
    attachments: tuple[ContactAttachment, ...] = ()
    subjects: tuple[ContactSubject, ...] = ()
    follow_up: FollowUpPlan | None = None
    call_back_team: str = ""
    call_back_due_at: datetime | None = None
    retention_days: int = 5 * 365 + 1
    reason: str = ""


@dataclass(frozen=True)
class FollowUpPlanned:
    """Announced when a follow-up is planned."""

    contact_id: ContactId
    follow_up_id: FollowUpId


@dataclass(frozen=True)
class DraftSaved:
    """Somebody typed in the record form of a visit; whoever knows the visit refuses when it is not theirs."""

    visit_id: VisitId


def missing_fields(outcome: Outcome | None, answer: str, has_follow_up: bool) -> dict[str, str]:
    """What must be filled in before a visit can be finished with this outcome."""
    if outcome is None:
        return {"outcome": "outcome_missing"}
    if outcome is Outcome.FOLLOW_UP and not has_follow_up:
        return {"follow_up_action": "follow_up_needed"}
    if outcome is Outcome.REDIRECTED and not answer.strip():
        return {"answer": "redirected_needs_answer"}
    return {}


def planned_follow_up(closed: ClosedVisit) -> FollowUpPlan | None:
    """What staff planned, or the call-back that a broken contact asks for."""
    if closed.follow_up is not None:
        return closed.follow_up
    if closed.outcome in _CALLED_BACK and closed.call_back_team and closed.call_back_due_at:
        return FollowUpPlan("Terugbellen", closed.call_back_team, closed.call_back_due_at)
    return None


def next_working_day(today: date, closed_days: Collection[date] = ()) -> date:
    """The first day after today that is no weekend and no closed day."""
    day = today + timedelta(days=1)
    while day.isoweekday() > 5 or day in closed_days:
        day += timedelta(days=1)
    return day
