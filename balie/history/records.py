"""What is kept: contact records, their parts, follow-ups, and the other channels that write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from balie.actors import AssuranceLevel
from balie.history.rules import FollowUpState, Outcome, PartyRole
from balie.ids import CitizenId, ContactId, FollowUpId, ProductId, StaffId, VisitId


@dataclass(frozen=True)
class FollowUp:
    """A planned follow-up as it stands in the database."""

    id: FollowUpId
    contact_id: ContactId
    action: str
    explanation: str
    team: str
    staff_id: StaffId | None
    due_at: datetime
    state: FollowUpState


@dataclass(frozen=True)
class ContactRecord:
    """What is kept about one contact, whatever the channel."""

    id: ContactId
    source: str
    visit_id: VisitId | None
    channel: str
    topic: str
    note: str
    answer: str
    outcome: Outcome | None
    has_succeeded: bool | None
    language: str
    is_confidential: bool
    domain: str
    department: str
    product_id: ProductId | None
    happened_at: datetime
    ended_at: datetime | None
    duration_s: int | None
    waited_s: int | None
    reference: str
    purpose: str
    retain_until: date
    revision: int


@dataclass(frozen=True)
class KeptParty:
    """A party as it stands in the database."""

    id: str
    contact_id: ContactId
    citizen_id: CitizenId | None
    role: PartyRole
    is_initiator: bool
    name: str
    organisation: str
    level: AssuranceLevel


@dataclass(frozen=True)
class KeptAttachment:
    """An attachment as it stands in the database."""

    id: str
    contact_id: ContactId
    title: str
    object_id: str
    sha256: str
    code_objecttype: str
    code_register: str
    code_soort_object_id: str


@dataclass(frozen=True)
class EarlierContact:
    """One line of the customer view; of another domain only date and department are filled."""

    id: ContactId
    happened_at: datetime
    department: str
    is_other_domain: bool
    channel: str = ""
    topic: str = ""
    outcome: Outcome | None = None
    note: str = ""
    answer: str = ""
    follow_ups: tuple[FollowUp, ...] = ()
    attachments: tuple[str, ...] = ()
    revision: int = 1


@dataclass(frozen=True)
class ApiClient:
    """Another channel that reads and writes contacts."""

    id: str
    name: str
    channel: str
    domain: str
    department: str
    purpose: str
    may_read: bool
    may_write: bool
    networks: tuple[str, ...]
    rate_per_s: int
    ends_at: datetime | None
