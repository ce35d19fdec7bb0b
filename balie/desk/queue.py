"""The order of the queue and the honest range for the wait (booking-and-queue.md section 6)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from balie.desk.rules import PACE, Pace, Visit

LEARN_FROM = 20
LEARN_AT_LEAST = 5
LOW_FACTOR = 0.8
HIGH_FACTOR = 1.3
STEP_MINUTES = 5
MOST_MINUTES = 90
BUSY_AT_LEAST = timedelta(minutes=2)


def rank(visit: Visit, now: datetime, pace: Pace = PACE) -> tuple[int, datetime]:
    """What the queue is sorted by: the rank of section 6 and the moment within it."""
    if visit.priority == 1:
        return 1, visit.arrived_at
    if visit.is_late:
        return 3, visit.arrived_at
    if visit.starts_at <= now + pace.look_ahead:
        return 2, visit.starts_at
    return 4, visit.starts_at


def in_order(visits: Iterable[Visit], now: datetime, pace: Pace = PACE) -> list[Visit]:
    """Waiting visits in the order in which they would be admitted; equal ones by number."""
    return sorted(visits, key=lambda visit: (*rank(visit, now, pace), visit.queue_number, visit.id))


def next_in_line(
    visits: Iterable[Visit], away_since: Mapping[str, datetime], now: datetime, pace: Pace = PACE
) -> list[Visit]:
    """Who may be admitted by *Volgende*, in order: without those away for long or rung just now.

    `away_since` holds, by visit, since when nothing was heard of the citizen.
    """
    return [visit for visit in in_order(visits, now, pace) if not _is_skipped(visit, away_since, now, pace)]


def _is_skipped(visit: Visit, away_since: Mapping[str, datetime], now: datetime, pace: Pace) -> bool:
    since = away_since.get(visit.id)
    if since is not None and now - since > pace.skip_away:
        return True
    return visit.rung_at is not None and visit.priority != 1 and now - visit.rung_at < pace.admit_again


@dataclass(frozen=True)
class Ahead:
    """Somebody who is helped before: from when, and how long it takes."""

    ready_at: datetime
    length: timedelta


@dataclass(frozen=True)
class Span:
    """The range that is told, in whole minutes; `high` None means more than 90."""

    low: int
    high: int | None


def expected_length(recent_minutes: Sequence[float], planned_minutes: int) -> timedelta:
    """d(product): the median of the last 20 visits, the planned length while there are fewer than 5."""
    if len(recent_minutes) < LEARN_AT_LEAST:
        return timedelta(minutes=planned_minutes)
    return timedelta(minutes=median(recent_minutes[:LEARN_FROM]))


def free_at(began: Sequence[datetime], lengths: Sequence[timedelta], idle: int, now: datetime) -> list[datetime]:
    """When each open counter is free: busy ones at the end of their conversation, idle ones now."""
    busy = [max(now + BUSY_AT_LEAST, start + length) for start, length in zip(began, lengths, strict=True)]
    return busy + [now] * idle


def wait(ahead: Sequence[Ahead], servers: Sequence[datetime], now: datetime) -> timedelta | None:
    """W: how long until a counter is free after all who go first; None without a counter."""
    if not servers:
        return None
    free = sorted(servers)
    for one in ahead:
        free[0] = max(free[0], one.ready_at) + one.length
        free.sort()
    return max(free[0] - now, timedelta())


def span(waiting: timedelta) -> Span:
    """0.8 W rounded down and 1.3 W rounded up to 5 minutes, at least 5 wide; above 90 only a lower end."""
    minutes = waiting.total_seconds() / 60
    low = math.floor(minutes * LOW_FACTOR / STEP_MINUTES) * STEP_MINUTES
    high = max(math.ceil(minutes * HIGH_FACTOR / STEP_MINUTES) * STEP_MINUTES, low + STEP_MINUTES)
    return Span(MOST_MINUTES, None) if low >= MOST_MINUTES else Span(low, high)
