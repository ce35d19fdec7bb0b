"""Counter, visit and its states: which move is legal for whom (booking-and-queue.md section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from balie.errors import NotWaiting, NotYourVisit, OutcomeMissing, TooEarly
from balie.history.rules import CHOSEN_BY_STAFF
from balie.history.rules import Outcome as Outcome
from balie.ids import AppointmentId, CounterId, DeskId, ProductId, StaffId, VisitId


class VisitState(StrEnum):
    """Where a visit is; glossary section 8."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    IN_CONVERSATION = "in_conversation"
    ON_HOLD = "on_hold"
    INTERRUPTED = "interrupted"
    WRAP_UP = "wrap_up"
    FINISHED = "finished"


class By(StrEnum):
    """Who makes a move: the citizen of the visit, its owner, another staff member of the desk, a team lead, a timer."""

    CITIZEN = "citizen"
    OWNER = "owner"
    STAFF = "staff"
    LEAD = "lead"
    SYSTEM = "system"


class Act(StrEnum):
    """The moves of section 7 that stand now; each has one name from button to database."""

    ADMIT = "admit"  # V4
    CONVERSE = "converse"  # V5
    PUT_BACK = "put_back"  # V6, V15
    RING_OUT = "ring_out"  # V6: nobody answered
    FOURTH_NOT_YET = "fourth_not_yet"  # V6
    NO_SHOW = "no_show"  # V7
    LEAVE = "leave"  # V8
    PUT_ON_HOLD = "put_on_hold"  # V9
    RESUME = "resume"  # V10
    RELEASE = "release"  # V12
    INTERRUPT = "interrupt"  # V13: lost
    STOP = "stop"  # V13: the citizen pressed Stop
    TALK_ON = "talk_on"  # V14
    COME_BACK = "come_back"  # V14: both are there again
    GIVE_UP = "give_up"  # V16
    LOSE = "lose"  # V17
    END = "end"  # V20
    FINISH = "finish"  # V22
    LEAVE_UNRECORDED = "leave_unrecorded"  # V23
    CLOSE = "close"  # V24


S = VisitState


@dataclass(frozen=True)
class Move:
    """From which states, to which, and who may."""

    before: frozenset[VisitState]
    after: VisitState
    by: frozenset[By]


def _move(before: set[VisitState], after: VisitState, by: set[By]) -> Move:
    return Move(frozenset(before), after, frozenset(by))


MOVES: Mapping[Act, Move] = {
    Act.ADMIT: _move({S.WAITING}, S.ADMITTED, {By.STAFF, By.LEAD}),
    Act.CONVERSE: _move({S.ADMITTED}, S.IN_CONVERSATION, {By.SYSTEM}),
    Act.PUT_BACK: _move({S.ADMITTED, S.INTERRUPTED}, S.WAITING, {By.OWNER, By.SYSTEM}),
    Act.RING_OUT: _move({S.ADMITTED}, S.WAITING, {By.SYSTEM}),
    Act.FOURTH_NOT_YET: _move({S.ADMITTED}, S.WAITING, {By.CITIZEN}),
    Act.NO_SHOW: _move({S.ADMITTED}, S.FINISHED, {By.OWNER, By.SYSTEM}),
    Act.LEAVE: _move({S.WAITING, S.ADMITTED}, S.FINISHED, {By.CITIZEN, By.SYSTEM}),
    Act.PUT_ON_HOLD: _move({S.IN_CONVERSATION}, S.ON_HOLD, {By.OWNER}),
    Act.RESUME: _move({S.ON_HOLD}, S.IN_CONVERSATION, {By.OWNER}),
    Act.RELEASE: _move({S.ON_HOLD}, S.WAITING, {By.OWNER, By.LEAD, By.SYSTEM}),
    Act.INTERRUPT: _move({S.IN_CONVERSATION}, S.INTERRUPTED, {By.SYSTEM}),
    Act.STOP: _move({S.IN_CONVERSATION}, S.INTERRUPTED, {By.CITIZEN}),
    Act.TALK_ON: _move({S.INTERRUPTED}, S.IN_CONVERSATION, {By.CITIZEN}),
    Act.COME_BACK: _move({S.INTERRUPTED}, S.IN_CONVERSATION, {By.SYSTEM}),
    Act.GIVE_UP: _move({S.INTERRUPTED}, S.WRAP_UP, {By.OWNER, By.SYSTEM}),
    Act.LOSE: _move({S.INTERRUPTED}, S.FINISHED, {By.SYSTEM}),
    Act.END: _move({S.IN_CONVERSATION, S.ON_HOLD}, S.WRAP_UP, {By.OWNER, By.CITIZEN}),
    Act.FINISH: _move({S.WRAP_UP}, S.FINISHED, {By.OWNER}),
    Act.LEAVE_UNRECORDED: _move({S.WRAP_UP}, S.FINISHED, {By.SYSTEM}),
    Act.CLOSE: _move({S.WAITING, S.ON_HOLD}, S.FINISHED, {By.SYSTEM, By.LEAD}),
}

IN_HAND = frozenset({S.ADMITTED, S.IN_CONVERSATION})
OPEN = frozenset(S) - {S.FINISHED}
TALK_ON = timedelta(minutes=2)
MOST_NOT_YET = 3


@dataclass(frozen=True)
class Pace:
    """The figures of a desk (booking-and-queue.md section 10)."""

    look_ahead: timedelta = timedelta(minutes=2)
    ring: timedelta = timedelta(seconds=90)
    max_admits: int = 3
    admit_again: timedelta = timedelta(minutes=2)
    skip_away: timedelta = timedelta(minutes=2)
    away: timedelta = timedelta(seconds=45)
    away_limit: timedelta = timedelta(minutes=10)
    owner_gone: timedelta = timedelta(minutes=3)
    owner_gone_ringing: timedelta = timedelta(seconds=60)
    citizen_gone: timedelta = timedelta(minutes=15)
    wrap_up_idle: timedelta = timedelta(minutes=10)
    max_wrap_up: int = 1
    wake_up: timedelta = timedelta(minutes=15)
    wake_up_grace: timedelta = timedelta(minutes=2)
    max_on_hold: int = 2
    signing_in: timedelta = timedelta(minutes=10)
    close_grace: timedelta = timedelta(minutes=30)
    after_start: timedelta = timedelta(seconds=60)


PACE = Pace()


@dataclass(frozen=True)
class Visit:
    """One citizen's way through the desk. `version` rises on a change of state only; `arrived_at` never changes."""

    id: VisitId
    desk_id: DeskId
    product_id: ProductId
    appointment_id: AppointmentId
    local_date: date
    queue_number: int
    state: VisitState
    arrived_at: datetime
    starts_at: datetime
    state_changed_at: datetime
    pool_id: str | None = None
    channel: str = "video"
    outcome: Outcome | None = None
    version: int = 1
    priority: int = 3
    priority_reason: str | None = None
    is_late: bool = False
    is_ready: bool = False
    has_begun: bool = False
    staff_id: StaffId | None = None
    admit_count: int = 0
    not_yet_count: int = 0
    rung_at: datetime | None = None
    ring_ends_at: datetime | None = None
    ring_seen_at: datetime | None = None
    begun_at: datetime | None = None
    leg: int = 1
    wake_up_at: datetime | None = None
    hold_reason: str | None = None
    interrupted_reason: str | None = None
    needs: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    first_estimate_low_minutes: int | None = None
    first_estimate_high_minutes: int | None = None
    has_reliable_times: bool = True
    rating: str | None = None

    @property
    def is_simplified(self) -> bool:
        """Whether a timer alone may never end this visit as no_show or left."""
        return bool(self.needs.get("simplified"))


@dataclass(frozen=True)
class Counter:
    """The place of one staff member at a desk, from opening to closing."""

    id: CounterId
    desk_id: DeskId
    staff_id: StaffId
    label: str
    opened_at: datetime
    closed_at: datetime | None = None
    paused_at: datetime | None = None
    last_seen_at: datetime | None = None


def may(act: Act, visit: Visit, by: By) -> bool:
    """Whether the table allows this move in this state for this person."""
    move = MOVES[act]
    return visit.state in move.before and by in move.by


def go(act: Act, visit: Visit, by: By, now: datetime, **changes: Any) -> Visit:
    """The visit after a move; raises NotYourVisit or NotWaiting when the table does not allow it."""
    move = MOVES[act]
    if by not in move.by:
        raise NotYourVisit
    if visit.state not in move.before:
        raise NotWaiting
    return replace(visit, state=move.after, version=visit.version + 1, state_changed_at=now, **changes)


def admit(visit: Visit, staff_id: StaffId, by: By, now: datetime, pace: Pace = PACE) -> Visit:
    """V4: the staff member takes the visit and it rings."""
    return go(
        Act.ADMIT,
        visit,
        by,
        now,
        staff_id=staff_id,
        rung_at=now,
        ring_ends_at=now + pace.ring,
        ring_seen_at=None,
        not_yet_count=0,
        has_begun=False,
        is_ready=False,
    )


def not_yet(visit: Visit, now: datetime, pace: Pace = PACE) -> Visit:
    """*Nog niet*: the ring starts again, three times; the fourth puts the visit back (V6)."""
    if visit.state is not S.ADMITTED:
        raise NotWaiting
    if visit.not_yet_count >= MOST_NOT_YET:
        return _back(go(Act.FOURTH_NOT_YET, visit, By.CITIZEN, now))
    return replace(visit, not_yet_count=visit.not_yet_count + 1, ring_ends_at=now + pace.ring)


def put_back(visit: Visit, by: By, now: datetime) -> Visit:
    """V6, V15: to its own place in the queue; after a conversation before all others."""
    after = go(Act.PUT_BACK, visit, by, now)
    return _first(_back(after), "interrupted") if visit.state is S.INTERRUPTED else _back(after)


def ring_out(visit: Visit, is_citizen_away: bool, now: datetime, pace: Pace = PACE) -> Visit:
    """V6 and V7 at `ring_ends_at`: only a ring that the browser acknowledged counts.

    The last unanswered one ends as no_show when the citizen is away or silent, never in the simplified view.
    """
    count = visit.admit_count + (1 if visit.ring_seen_at is not None else 0)
    if count >= pace.max_admits and is_citizen_away and not visit.is_simplified:
        return go(Act.NO_SHOW, visit, By.SYSTEM, now, outcome=Outcome.NO_SHOW, admit_count=count)
    return _back(go(Act.RING_OUT, visit, By.SYSTEM, now, admit_count=count))


def no_show(visit: Visit, by: By, now: datetime, pace: Pace = PACE) -> Visit:
    """V7 by the owner, after `max_admits` unanswered rings."""
    if visit.admit_count < pace.max_admits:
        raise TooEarly
    return go(Act.NO_SHOW, visit, by, now, outcome=Outcome.NO_SHOW)


def leave(visit: Visit, by: By, now: datetime) -> Visit:
    """V8: gone before being helped; after an earlier conversation the outcome is interrupted."""
    outcome = Outcome.INTERRUPTED if visit.begun_at else Outcome.LEFT
    return go(Act.LEAVE, visit, by, now, outcome=outcome)


def put_on_hold(visit: Visit, by: By, reason: str, wake_up_at: datetime, now: datetime) -> Visit:
    """V9: the citizen reads why and until when."""
    return go(Act.PUT_ON_HOLD, visit, by, now, hold_reason=reason, wake_up_at=wake_up_at)


def release(visit: Visit, by: By, now: datetime) -> Visit:
    """V12: from hold back to the queue, before all others."""
    return _first(_back(go(Act.RELEASE, visit, by, now)), "released")


def finish(visit: Visit, by: By, outcome: str, now: datetime) -> Visit:
    """V22; raises OutcomeMissing for none or one that staff cannot choose."""
    if outcome not in CHOSEN_BY_STAFF:
        raise OutcomeMissing({"outcome": "choose"})
    return go(Act.FINISH, visit, by, now, outcome=Outcome(outcome))


def close(visit: Visit, is_citizen_away: bool, now: datetime) -> Visit:
    """V24: the desk closes; a simplified visit of somebody away stays open to a decision as unrecorded."""
    undecided = visit.is_simplified and is_citizen_away
    outcome = Outcome.UNRECORDED if undecided else Outcome.NOT_SERVED
    return go(Act.CLOSE, visit, By.SYSTEM, now, outcome=outcome)


def _back(visit: Visit) -> Visit:
    return replace(visit, staff_id=None, ring_ends_at=None, hold_reason=None, wake_up_at=None, has_begun=False)


def _first(visit: Visit, reason: str) -> Visit:
    return replace(visit, priority=1, priority_reason=reason, interrupted_reason=None)
