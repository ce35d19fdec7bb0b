"""Free slots, pure: from hours, closed days, buffers and claims, in UTC ticks, right in both clock nights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from balie.ids import DeskId, PoolId

TICK_S = 300
LONGEST_QUESTION_DAYS = 31
LONGEST_OPENING_DAYS = 7


class EmptyReason(StrEnum):
    """Why a date offers no time."""

    CLOSED = "closed"
    FULL = "full"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    TOO_SHORT = "too_short"


class HoursKind(StrEnum):
    APPOINTMENT = "appointment"
    WALK_IN = "walk_in"


class ClosedDayState(StrEnum):
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


@dataclass(frozen=True)
class LocalPeriod:
    """Wall times `HH:MM`, whole multiples of 5 minutes; `24:00` is the end of the date."""

    from_local: str
    until_local: str
    seats_public: int = 1
    seats_staff: int = 1
    kind: HoursKind = HoursKind.APPOINTMENT


@dataclass(frozen=True)
class WeeklyHours:
    weekday: int  # 1 is Monday
    period: LocalPeriod
    first_date: date | None = None
    last_date: date | None = None
    id: str = ""

    def counts_on(self, day: date) -> bool:
        if day.isoweekday() != self.weekday:
            return False
        return (self.first_date is None or self.first_date <= day) and (self.last_date is None or day <= self.last_date)


@dataclass(frozen=True)
class ClosedDay:
    id: str
    local_date: date
    name: str
    desk_id: DeskId | None = None
    source: str = "local"
    state: ClosedDayState = ClosedDayState.CONFIRMED


def confirmed(days: Iterable[ClosedDay]) -> frozenset[date]:
    """The dates that are closed: a proposed day closes nothing."""
    return frozenset(day.local_date for day in days if day.state is ClosedDayState.CONFIRMED)


@dataclass(frozen=True)
class PoolHours:
    """The weekly rows of a pool, and the dates that have other hours (no periods: closed)."""

    weekly: tuple[WeeklyHours, ...] = ()
    special: Mapping[date, tuple[LocalPeriod, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Period:
    """An opening in UTC."""

    from_at: datetime
    until_at: datetime
    seats: int


@dataclass(frozen=True)
class Slot:
    """A bookable start; `season` tells the two apart that share a wall time in the autumn night."""

    starts_at: datetime
    ends_at: datetime
    starts_local: datetime  # wall time, without a zone
    season: str = ""  # "", "summer" or "winter"


@dataclass(frozen=True)
class Day:
    local_date: date
    slots: tuple[Slot, ...]
    reason: EmptyReason | None = None


@dataclass(frozen=True)
class Question:
    """What is looked for. `pools` are all claimed, `main_pool` sets the rhythm."""

    zone: ZoneInfo
    now: datetime
    main_pool: PoolId
    pools: tuple[PoolId, ...]
    length_minutes: int
    buffer_minutes: int
    step_minutes: int
    lead_minutes: int
    horizon_days: int
    is_open_on_closed_days: bool = False


@dataclass(frozen=True)
class Seating:
    """Hours, closed days and taken seats of the pools, as read from the database."""

    hours: Mapping[PoolId, PoolHours]
    closed: frozenset[date] = frozenset()
    taken: Mapping[PoolId, Mapping[int, frozenset[int]]] = field(default_factory=dict)


def tick_of(instant: datetime) -> int:
    return int(instant.timestamp()) // TICK_S


def instant_of(tick: int) -> datetime:
    return datetime.fromtimestamp(tick * TICK_S, UTC)


_WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][05]|24:00", re.ASCII)


def is_wall_time(text: str) -> bool:
    """Whether this is `HH:MM` in steps of 5 minutes, up to and with 24:00."""
    return bool(_WALL_TIME.fullmatch(text))


def begin_at(day: date, wall: str, zone: ZoneInfo) -> datetime:
    """The instant at which a period begins: of a time that comes twice, the first."""
    return _instant(day, wall, zone, 0)


def end_at(day: date, wall: str, zone: ZoneInfo) -> datetime:
    """The instant at which a period ends: of a time that comes twice, the second."""
    return _instant(day, wall, zone, 1)


def _instant(day: date, wall: str, zone: ZoneInfo, fold: int) -> datetime:
    hour, minute = (int(part) for part in wall.split(":"))
    local = datetime.combine(day, time()) + timedelta(hours=hour, minutes=minute)
    aware = local.replace(tzinfo=zone, fold=fold)
    instant = aware.astimezone(UTC)
    # Python takes 02:30 in the spring night as it comes; a time that does not exist does not return.
    if instant.astimezone(zone).replace(tzinfo=None) != local:
        before = local.replace(tzinfo=zone, fold=0).utcoffset()
        after = local.replace(tzinfo=zone, fold=1).utcoffset()
        assert before is not None and after is not None
        return _first_after_gap(local, zone, before, after)
    return instant


def _first_after_gap(local: datetime, zone: ZoneInfo, before: timedelta, after: timedelta) -> datetime:
    """The instant of the jump: the only one between the two readings where the offset changes."""
    low = tick_of((local - max(before, after)).replace(tzinfo=UTC))
    high = tick_of((local - min(before, after)).replace(tzinfo=UTC))
    old = instant_of(low).astimezone(zone).utcoffset()
    return next(
        instant_of(tick) for tick in range(low, high + 1) if instant_of(tick).astimezone(zone).utcoffset() != old
    )


def local_periods(hours: PoolHours, day: date, is_closed: bool) -> tuple[LocalPeriod, ...]:
    """Special hours win over a closed day, and that over the weekly rows."""
    if day in hours.special:
        return hours.special[day]
    if is_closed:
        return ()
    return tuple(row.period for row in hours.weekly if row.counts_on(day))


def periods_on(
    hours: PoolHours,
    day: date,
    zone: ZoneInfo,
    is_closed: bool,
    kinds: tuple[HoursKind, ...] = (HoursKind.APPOINTMENT,),
) -> list[Period]:
    """The openings of a local date as instants, in order; what the spring night swallows whole is left out."""
    found = []
    for period in local_periods(hours, day, is_closed):
        if period.kind not in kinds:
            continue
        begin, end = begin_at(day, period.from_local, zone), end_at(day, period.until_local, zone)
        if begin < end:
            found.append(Period(begin, end, period.seats_public))
    return sorted(found, key=lambda period: (period.from_at, period.until_at))


def find(question: Question, seating: Seating, from_date: date, until_date: date) -> list[Day]:
    """Per local date the offered starts, or the one reason why there are none."""
    if (until_date - from_date).days >= LONGEST_QUESTION_DAYS:
        raise ValueError("at most 31 dates per question")
    search = _Search(question, seating, from_date, until_date)
    dates = [from_date + timedelta(days=n) for n in range((until_date - from_date).days + 1)]
    return [search.day(day) for day in dates]


def seats_for(question: Question, seating: Seating, starts_at: datetime) -> list[tuple[int, PoolId, list[int]]]:
    """Per tick and pool, in lock order, the free seats for a service at this start; empty lists where none is."""
    day = starts_at.astimezone(question.zone).date()
    search = _Search(question, seating, day, day)
    needed = []
    for tick, last in _ticks(question, starts_at):
        for pool in sorted(question.pools):
            needed.append((tick, pool, search.free(pool, tick, last)))
    return needed


def nearest(days: Iterable[Day], wanted: datetime, count: int = 3) -> list[Slot]:
    """The offered starts closest to the wanted one, in order of time."""
    slots = [slot for day in days for slot in day.slots]
    close = sorted(slots, key=lambda slot: (abs(slot.starts_at - wanted), slot.starts_at))[:count]
    return sorted(close, key=lambda slot: slot.starts_at)


def _ticks(question: Question, starts_at: datetime) -> Iterator[tuple[int, int]]:
    """Every tick of service and buffer, each with the last tick of the service when it is one of the buffer."""
    first = tick_of(starts_at)
    service = question.length_minutes * 60 // TICK_S
    whole = service + question.buffer_minutes * 60 // TICK_S
    for tick in range(first, first + whole):
        yield tick, (tick if tick < first + service else first + service - 1)


class _Search:
    """Capacity per pool and tick around the asked dates, and what is free of it."""

    def __init__(self, question: Question, seating: Seating, from_date: date, until_date: date) -> None:
        self._question = question
        self._service_ticks = question.length_minutes * 60 // TICK_S
        self._taken = seating.taken
        self._seating = seating
        self._capacity: dict[PoolId, dict[int, int]] = {}
        self._open: dict[PoolId, dict[int, int]] = {}
        self._free: dict[PoolId, dict[int, int]] = {}
        # One date more on either side: a service or a buffer may run through midnight.
        dates = [from_date + timedelta(days=n) for n in range(-1, (until_date - from_date).days + 2)]
        for pool in question.pools:
            seats = capacity([p for day in dates for p in self._periods(pool, day)])
            self._capacity[pool] = seats
            self._open[pool] = _runs(seats)
            self._free[pool] = _runs(tick for tick in seats if self._has_free(pool, tick, tick))

    def _periods(self, pool: PoolId, day: date) -> list[Period]:
        is_closed = day in self._seating.closed and not self._question.is_open_on_closed_days
        hours = self._seating.hours.get(pool, PoolHours())
        return periods_on(hours, day, self._question.zone, is_closed)

    def free(self, pool: PoolId, tick: int, last: int) -> list[int]:
        """The free seats of a tick; after closing, a buffer has the seats of the last service tick."""
        taken = self._taken.get(pool, {}).get(tick, frozenset())
        return [seat for seat in range(1, self._seats(pool, tick, last) + 1) if seat not in taken]

    def _seats(self, pool: PoolId, tick: int, last: int) -> int:
        capacity_of = self._capacity[pool]
        return capacity_of[tick] if tick in capacity_of else capacity_of.get(last, 0)

    def _has_free(self, pool: PoolId, tick: int, last: int) -> bool:
        if tick not in self._taken.get(pool, {}):
            return self._seats(pool, tick, last) > 0
        return bool(self.free(pool, tick, last))

    def day(self, day: date) -> Day:
        question = self._question
        today = question.now.astimezone(question.zone).date()
        if day > today + timedelta(days=question.horizon_days):
            return Day(day, (), EmptyReason.TOO_FAR)
        if not all(self._periods(pool, day) for pool in question.pools):
            return Day(day, (), EmptyReason.CLOSED)
        fitting = [start for start in self._candidates(day) if self._fits(start)]
        if not fitting:
            return Day(day, (), EmptyReason.TOO_SHORT)
        earliest = question.now + timedelta(minutes=question.lead_minutes)
        in_time = [start for start in fitting if start >= earliest]
        if not in_time:
            return Day(day, (), EmptyReason.TOO_SOON)
        free = tuple(self._slot(start) for start in in_time if self._is_free(start))
        return Day(day, free, None if free else EmptyReason.FULL)

    def _candidates(self, day: date) -> list[datetime]:
        starts: list[datetime] = []
        step = timedelta(minutes=self._question.step_minutes)
        for begin, end in _joined(self._periods(self._question.main_pool, day)):
            at = begin
            while at < end:
                starts.append(at)
                at += step
        return starts

    def _fits(self, starts_at: datetime) -> bool:
        """Whether the whole service, not its buffer, lies inside opening time."""
        first = tick_of(starts_at)
        return all(self._open[pool].get(first, 0) >= self._service_ticks for pool in self._question.pools)

    def _is_free(self, starts_at: datetime) -> bool:
        first = tick_of(starts_at)
        end = first + self._service_ticks
        buffer = range(end, end + self._question.buffer_minutes * 60 // TICK_S)
        return all(
            self._free[pool].get(first, 0) >= self._service_ticks
            and all(self._has_free(pool, tick, end - 1) for tick in buffer)
            for pool in self._question.pools
        )

    def _slot(self, starts_at: datetime) -> Slot:
        ends_at = starts_at + timedelta(minutes=self._question.length_minutes)
        return make_slot(starts_at, ends_at, self._question.zone)


def make_slot(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> Slot:
    """A start with its wall time, and which of the two it is where that time comes twice."""
    local = starts_at.astimezone(zone)
    first, second = local.replace(fold=0), local.replace(fold=1)
    season = ""
    if first.utcoffset() != second.utcoffset():
        season = "winter" if local.fold else "summer"
    return Slot(starts_at.astimezone(UTC), ends_at.astimezone(UTC), local.replace(tzinfo=None, fold=0), season)


def capacity(periods: Iterable[Period]) -> dict[int, int]:
    """Seats per tick; overlapping periods add up."""
    seats: dict[int, int] = {}
    for period in periods:
        for tick in range(tick_of(period.from_at), tick_of(period.until_at)):
            seats[tick] = seats.get(tick, 0) + period.seats
    return seats


def _runs(ticks: Iterable[int]) -> dict[int, int]:
    """Per tick how many of them follow each other from there on, itself included."""
    runs: dict[int, int] = {}
    for tick in sorted(ticks, reverse=True):
        runs[tick] = runs.get(tick + 1, 0) + 1
    return runs


def _joined(periods: list[Period]) -> list[tuple[datetime, datetime]]:
    """Periods that meet or overlap are one, so that the rhythm of starts goes on through them."""
    joined: list[tuple[datetime, datetime]] = []
    for period in periods:
        if joined and period.from_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], period.until_at))
        else:
            joined.append((period.from_at, period.until_at))
    return joined


def closing_after(seating: Seating, pools: tuple[PoolId, ...], day: date, zone: ZoneInfo) -> datetime | None:
    """When the opening of this date ends, also past midnight; None when closed, or open day and night."""
    end = max((until for _, until in _open_on(seating, pools, day, zone)), default=None)
    for n in range(LONGEST_OPENING_DAYS):
        if end is None or end != end_at(day + timedelta(days=n), "24:00", zone):
            return end
        following = _open_on(seating, pools, day + timedelta(days=n + 1), zone)
        end = next((until for begin, until in following if begin == end), end)
        if end == end_at(day + timedelta(days=n), "24:00", zone):
            return end
    return None


def _open_on(seating: Seating, pools: tuple[PoolId, ...], day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Openings of any kind in any of the pools."""
    is_closed = day in seating.closed
    periods = [
        period
        for pool in pools
        for period in periods_on(seating.hours.get(pool, PoolHours()), day, zone, is_closed, tuple(HoursKind))
    ]
    return _joined(sorted(periods, key=lambda period: period.from_at))
