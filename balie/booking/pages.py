"""What the pages of booking show: one frozen value per template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from balie.booking.slots import Day, Slot

FEW = 3  # times in the simplified view
AT_FIRST = 8  # times per day before "Meer tijden"


@dataclass(frozen=True)
class ProductCard:
    """A product as a citizen chooses it."""

    slug: str
    name: str
    explanation: str
    minutes: int
    papers: tuple[str, ...]
    asks_sign_in: bool
    desks: tuple[tuple[str, str], ...]  # id and name


@dataclass(frozen=True)
class ChooseProductPage:
    products: tuple[ProductCard, ...]


@dataclass(frozen=True)
class DayTimes:
    """A date with its times, or why there are none."""

    local_date: date
    slots: tuple[Slot, ...]
    reason: str
    has_more: bool = False


@dataclass(frozen=True)
class Times:
    """The times of a few dates, and the way to others; `near` stands on top when a time could not be had."""

    days: tuple[DayTimes, ...]
    few: tuple[Slot, ...]
    first_free: Slot | None
    near: tuple[Slot, ...]
    problem: str
    here: str
    earlier: date | None
    later: date | None
    is_one_day: bool = False
    after: str = ""


def times_of(
    days: list[Day],
    here: str,
    *,
    earlier: date | None,
    later: date | None,
    first_free: Slot | None = None,
    is_one_day: bool = False,
    near: tuple[Slot, ...] = (),
    problem: str = "",
    after: str = "",
) -> Times:
    """Of many times a day only the first, unless one day was asked for."""
    shown = tuple(
        DayTimes(
            day.local_date,
            day.slots if is_one_day else day.slots[:AT_FIRST],
            day.reason.value if day.reason else "",
            has_more=not is_one_day and len(day.slots) > AT_FIRST,
        )
        for day in days
    )
    few = tuple(slot for day in days for slot in day.slots)[:FEW]
    return Times(shown, few, first_free, near, problem, here, earlier, later, is_one_day, after)


@dataclass(frozen=True)
class ChooseTimePage:
    slug: str
    product: str
    desk_id: str
    desk: str
    key: str
    times: Times
    desks: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class HeldTime:
    """The time that is kept for this browser."""

    slot: Slot
    expires_at: datetime | None
    may_extend: bool


@dataclass(frozen=True)
class YourDetailsPage:
    """`values` is what was typed; on `problem` the times of `near` stand in the form."""

    slug: str
    product: str
    desk_id: str
    key: str
    held: HeldTime | None
    starts_at: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    near: tuple[Slot, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Summary:
    """An appointment in words."""

    product: str
    desk: str
    slot: Slot
    name: str = ""
    mobile: str = ""
    mail: str = ""
    language: str = ""
    interpreter: str = "none"
    companion: str = "unknown"
    text: bool = False
    simplified: bool = False
    papers: tuple[str, ...] = ()
    preparation: str = ""
    asks_sign_in: bool = False


@dataclass(frozen=True)
class CheckAnswersPage:
    appointment_id: str
    slug: str
    desk_id: str
    key: str
    summary: Summary
    held: HeldTime | None
    near: tuple[Slot, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class BookedPage:
    """After booking or moving; the link stands here too, in case the message does not arrive."""

    summary: Summary
    link: str
    calendar: str
    reach: tuple[str, ...]
    was_moved: bool = False


@dataclass(frozen=True)
class NotMadePage:
    """The appointment could not be made, and nothing is said about another one."""

    reach: tuple[str, ...]


@dataclass(frozen=True)
class ManagePage:
    token: str
    product: str
    slot: Slot
    may_reschedule: bool
    may_cancel: bool


@dataclass(frozen=True)
class ChooseOtherTimePage:
    token: str
    slot: Slot
    times: Times


@dataclass(frozen=True)
class CancelledPage:
    """Nothing of the appointment: its link has ended."""


# Staff


@dataclass(frozen=True)
class AgendaLine:
    appointment_id: str
    slot: Slot
    reference: str
    name: str
    product: str
    state: str
    needs: tuple[str, ...]
    conflict: str
    is_over_capacity: bool
    is_undelivered: bool
    may_change: bool


@dataclass(frozen=True)
class AgendaPage:
    staff_name: str
    desk_id: str
    desk: str
    desks: tuple[tuple[str, str], ...]
    local_date: date
    before: date
    after: date
    lines: tuple[AgendaLine, ...]
    reason: str
    done: str = ""


@dataclass(frozen=True)
class BookForPage:
    """Booking for somebody on the phone: product, then time, then who."""

    staff_name: str
    desk_id: str
    desk: str
    products: tuple[tuple[str, str], ...]
    slug: str
    product: str
    times: Times | None
    starts_at: str
    chosen: Slot | None
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    near: tuple[Slot, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ChangeForPage:
    """Moving or cancelling for a citizen."""

    staff_name: str
    desk_id: str
    line: AgendaLine
    times: Times | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


# Admin


@dataclass(frozen=True)
class ProductLineOfAdmin:
    id: str
    name: str
    slug: str
    state: str
    minutes: int
    pools: str


@dataclass(frozen=True)
class ProductsPage:
    staff_name: str
    products: tuple[ProductLineOfAdmin, ...]
    done: str = ""


@dataclass(frozen=True)
class ProductPage:
    staff_name: str
    product_id: str
    title: str
    values: Mapping[str, str]
    errors: Mapping[str, str]
    pools: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class HoursRow:
    id: str
    weekday: int
    from_local: str
    until_local: str
    seats: int
    kind: str
    first_date: date | None
    last_date: date | None


@dataclass(frozen=True)
class SpecialRow:
    local_date: date
    periods: tuple[str, ...]


@dataclass(frozen=True)
class PoolOfAdmin:
    id: str
    name: str
    rows: tuple[HoursRow, ...]
    special: tuple[SpecialRow, ...]


@dataclass(frozen=True)
class OpeningHoursPage:
    staff_name: str
    pools: tuple[PoolOfAdmin, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    done: str = ""


@dataclass(frozen=True)
class ClosedDayRow:
    id: str
    local_date: date
    name: str
    desk: str
    state: str


@dataclass(frozen=True)
class ClosedDaysPage:
    staff_name: str
    days: tuple[ClosedDayRow, ...]
    desks: tuple[tuple[str, str], ...]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    done: str = ""
