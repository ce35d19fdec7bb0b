"""What the staff's pages show: frozen values, filled by the views, without any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class DeskLine:
    """A desk of this staff member, for the choice of desks."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One waiting visit: what a card may show, and nothing of earlier contacts."""

    visit_id: str
    place: int
    number: str
    name: str
    starts_at: datetime
    waited_minutes: int
    urgency: str  # calm, amber, red
    product: str
    badges: tuple[str, ...] = ()
    device: tuple[tuple[str, str], ...] = ()  # part, word
    step: str = ""
    rung: int = 0
    is_away: bool = False
    is_ready: bool = False
    has_undelivered: bool = False


@dataclass(frozen=True, slots=True)
class HelpedRow:
    """A visit in the hands of a staff member: rung, helped, on hold or being written down."""

    visit_id: str
    name: str
    product: str
    state: str
    staff_name: str
    is_mine: bool
    since: datetime
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """An appointment of today that has not checked in."""

    starts_at: datetime
    name: str
    product: str
    state: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """`/medewerker/balie/{desk_id}`."""

    desk: DeskLine
    desks: tuple[DeskLine, ...]
    staff_name: str
    is_open: bool
    is_paused: bool
    counters: int
    longest_minutes: int
    waiting: tuple[QueueRow, ...] = ()
    helped: tuple[HelpedRow, ...] = ()
    expected: tuple[ExpectedRow, ...] = ()
    finished: tuple[tuple[str, int], ...] = ()  # outcome, how many
    finished_total: int = 0
    my_visit_id: str | None = None
    notice: str = ""  # code of a sentence: nobody_waiting, not_waiting, …
    ticket: str = ""
    live_after: str | None = None
    is_lead: bool = False


@dataclass(frozen=True, slots=True)
class NoDeskPage:
    """A staff member whose claims name no desk."""

    staff_name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who this is and what was booked."""

    name: str
    product: str
    starts_at: datetime
    language: str
    badges: tuple[str, ...] = ()
    device: tuple[tuple[str, str], ...] = ()
    reference: str = ""
    verification: str = "never"  # never, none, or a VerificationState
    method: str = ""
    level: str = ""
    proven_name: str = ""
    verified_at: datetime | None = None
    asked_at: datetime | None = None
    verification_id: str | None = None
    failure: str = ""
    phone: str | None = None
    has_mobile: bool = False
    needed_level: str = "none"


@dataclass(frozen=True, slots=True)
class CounterPage:
    """`/medewerker/balie/{desk_id}/bezoek/{visit_id}`: everything of one conversation."""

    desk: DeskLine
    visit_id: str
    staff_name: str
    state: str
    is_owner: bool
    person: Person
    owner_name: str = ""
    acts: frozenset[str] = frozenset()
    documents: Any = None
    record: Any = None
    earlier: Any = None
    hold_reason: str = ""
    hold_until: datetime | None = None
    interrupted_reason: str = ""
    is_begun: bool = False
    not_yet_count: int = 0
    ring_ends_at: datetime | None = None
    outcome: str | None = None
    is_signing_in: bool = False
    has_second_device: bool = False
    writes_along: bool = False
    call_topic: str | None = None
    ticket: str = ""
    topics: tuple[tuple[str, str | None], ...] = ()
    csrf_names: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class FinishedPage:
    """A visit that has ended, for the staff member who had it or whose page still shows it."""

    desk: DeskLine
    staff_name: str
    outcome: str
    reference: str = ""
    day: date | None = None
