"""What is due by the clock: each change in its own Work, by compare-and-set (booking-and-queue.md section 7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from balie.actors import system
from balie.booking import service as booking
from balie.booking.rules import Appointment, local_date_of
from balie.calls import service as calls
from balie.desk import live, rules, store
from balie.desk.closing import born_finished
from balie.desk.rules import PACE, Act, By, Outcome, Visit, VisitState
from balie.desk.service import save
from balie.desk.started import Started as Started
from balie.errors import BalieError
from balie.history import service as history
from balie.ids import VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.work import Work, Works

log = structlog.get_logger()
S = VisitState
SWEEP = system("desk.sweep")


async def sweep(works: Works) -> None:
    """Look at every open visit and at appointments that nobody kept."""
    started = works.get(Started)
    if not started.is_settled(works.clock()):
        return
    # Whoever is connected is there, also when this machine slept and the last note is old.
    await live.note_presence(works)
    async with works.begin(SWEEP, HELP_CITIZEN, writes=False) as work:
        visits = await store.open_everywhere(work)
        missed = await booking.due_to_miss(work, started.at)
    for visit in visits:
        await _each(works, visit.id, _look)
    for appointment in missed:
        await _each(works, appointment.id, _miss)


async def _each(works: Works, row_id: str, act: Callable[[Work, str], Awaitable[None]]) -> None:
    try:
        async with works.begin(SWEEP, HELP_CITIZEN) as work:
            await act(work, row_id)
    except BalieError:
        pass  # somebody was first: the next look sees the new state
    except Exception as error:
        log.error("sweep_failed", sweep="desk", error=type(error).__name__)


async def _look(work: Work, visit_id: str) -> None:
    visit = await store.visit_by_id(work, visit_id)
    if visit is None:
        return
    presence = await store.presence_of(work, [visit_id])
    citizen = _Absence(work, presence.get((visit_id, "citizen")))
    owner = _Absence(work, presence.get((visit_id, "staff")))
    looks = {
        S.WAITING: _look_at_waiting,
        S.ADMITTED: _look_at_admitted,
        S.IN_CONVERSATION: _look_at_conversation,
        S.ON_HOLD: _look_at_hold,
        S.INTERRUPTED: _look_at_interrupted,
        S.WRAP_UP: _look_at_wrap_up,
    }
    await looks[visit.state](work, visit, citizen, owner)


class _Absence:
    """How long somebody has not been heard of."""

    def __init__(self, work: Work, row: Any) -> None:
        started = work.get(Started)
        self.row = row
        self.for_s = (work.now - started.heard(row.last_seen_at)).total_seconds() if row is not None else None
        self.is_away = row is not None and started.is_away(row.last_seen_at, work.now)

    def longer_than(self, limit_s: float) -> bool:
        return self.for_s is not None and self.for_s > limit_s


async def _look_at_waiting(work: Work, visit: Visit, citizen: _Absence, _owner: _Absence) -> None:
    if await _is_closed(work, visit):
        await save(work, visit, rules.close(visit, citizen.is_away, work.now), "desk_closed")
    elif citizen.longer_than(PACE.away_limit.total_seconds()) and not visit.is_simplified:
        await save(work, visit, rules.leave(visit, By.SYSTEM, work.now), "away_too_long")


async def _look_at_admitted(work: Work, visit: Visit, citizen: _Absence, owner: _Absence) -> None:
    if owner.longer_than(PACE.owner_gone_ringing.total_seconds()):
        await _to_queue(work, visit, rules.put_back(visit, By.SYSTEM, work.now), "owner_gone")
    elif visit.ring_ends_at and work.now >= visit.ring_ends_at and not visit.has_begun:
        await _to_queue(work, visit, rules.ring_out(visit, citizen.is_away, work.now), "not_answered")


async def _to_queue(work: Work, visit: Visit, after: Visit, reason: str) -> None:
    await save(work, visit, after, reason)
    if after.state is not S.FINISHED:
        await calls.end(work, visit.id, "put_back")


async def _look_at_conversation(work: Work, visit: Visit, citizen: _Absence, _owner: _Absence) -> None:
    row = citizen.row
    if row is None or row.why != "signing_in":
        return
    if work.now - work.get(Started).heard(row.changed_at) > PACE.signing_in:
        after = rules.go(Act.INTERRUPT, visit, By.SYSTEM, work.now, interrupted_reason="lost")
        await save(work, visit, after, "signing_in_too_long")


async def _look_at_hold(work: Work, visit: Visit, citizen: _Absence, _owner: _Absence) -> None:
    if await _is_closed(work, visit):
        await save(work, visit, rules.close(visit, citizen.is_away, work.now), "desk_closed")
    elif visit.wake_up_at and work.now > visit.wake_up_at + PACE.wake_up_grace:
        await _to_queue(work, visit, rules.release(visit, By.SYSTEM, work.now), "wake_up")


async def _look_at_interrupted(work: Work, visit: Visit, citizen: _Absence, owner: _Absence) -> None:
    age = work.now - visit.state_changed_at
    if visit.interrupted_reason == "stopped":
        if age > rules.TALK_ON:
            await save(work, visit, rules.go(Act.GIVE_UP, visit, By.SYSTEM, work.now), "stopped")
            await calls.end(work, visit.id, "ended")
    elif citizen.longer_than(PACE.citizen_gone.total_seconds()):
        after = rules.go(Act.LOSE, visit, By.SYSTEM, work.now, outcome=Outcome.INTERRUPTED)
        await save(work, visit, after, "citizen_gone")
    elif owner.longer_than(PACE.owner_gone.total_seconds()):
        await _to_queue(work, visit, rules.put_back(visit, By.SYSTEM, work.now), "owner_gone")


async def _look_at_wrap_up(work: Work, visit: Visit, _citizen: _Absence, _owner: _Absence) -> None:
    draft_at = await history.draft_saved_at(work, visit.id)
    active_at = max(visit.state_changed_at, draft_at or visit.state_changed_at, work.get(Started).at)
    if work.now - active_at > PACE.wrap_up_idle:
        after = rules.go(
            Act.LEAVE_UNRECORDED,
            visit,
            By.SYSTEM,
            work.now,
            outcome=Outcome.UNRECORDED,
            has_reliable_times=False,
        )
        await save(work, visit, after, "wrap_up_idle")


async def _is_closed(work: Work, visit: Visit) -> bool:
    until = await booking.opening_until(work, visit.desk_id, visit.local_date)
    return until is not None and work.now > until + PACE.close_grace


async def _miss(work: Work, appointment_id: str) -> None:
    """A8 and V3: an appointment that nobody kept."""
    appointment = await booking.miss(work, appointment_id)
    await born_finished(work, _missed_visit(work, appointment), "no_show")


def _missed_visit(work: Work, appointment: Appointment) -> Visit:
    outcome = Outcome.UNRECORDED if appointment.needs.simplified else Outcome.NO_SHOW
    return Visit(
        id=VisitId(new_id()),
        desk_id=appointment.desk_id,
        product_id=appointment.product_id,
        appointment_id=appointment.id,
        local_date=local_date_of(appointment.starts_at, ZoneInfo(work.settings.time_zone)),
        queue_number=0,
        state=S.FINISHED,
        outcome=outcome,
        arrived_at=appointment.starts_at,
        starts_at=appointment.starts_at,
        state_changed_at=work.now,
        needs=appointment.needs.as_json(),
        has_reliable_times=False,
    )
