"""What the clock does to a visit, with a clock that the test moves; V-numbers of booking-and-queue.md section 7."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from balie.actors import RUN_SERVICE, system
from balie.booking import service as booking
from balie.desk import service, store, timers
from balie.desk.rules import Outcome, Visit, VisitState
from balie.desk.timers import Started
from balie.history import service as history
from balie.identity.rules import VerificationChanged, VerificationState
from balie.ids import StaffId, VerificationId, new_id
from tests.desk.stage import DeskStage
from tests.desk.test_service import check_events

S = VisitState


async def check_finished(stage: DeskStage, visit: Visit, outcome: Outcome) -> None:
    """It ended with this outcome and one record that says the same."""
    assert (visit.state, visit.outcome) == (S.FINISHED, outcome)
    assert await stage.records(visit.id) == [outcome.value]
    await check_events(stage, visit)


async def test_v6_a_ring_nobody_answers_goes_back_to_its_place(stage: DeskStage) -> None:
    _, visit = await stage.admitted()
    assert (await stage.later(visit, "citizen", "staff", seconds=89)).state is S.ADMITTED
    back = await stage.later(visit, "citizen", "staff", seconds=2)
    assert (back.state, back.staff_id, back.admit_count) == (S.WAITING, None, 0)
    assert back.arrived_at == visit.arrived_at
    await check_events(stage, back)


async def test_v6_a_ring_that_her_browser_showed_counts(stage: DeskStage) -> None:
    _, visit = await stage.admitted()
    await stage.ring_is_seen(visit)
    assert (await stage.later(visit, "citizen", "staff", seconds=91)).admit_count == 1


async def test_v6_annas_page_gone_for_a_minute_while_it_rings_gives_the_visit_back(stage: DeskStage) -> None:
    _, visit = await stage.admitted()
    assert (await stage.later(visit, "citizen", seconds=60)).state is S.ADMITTED
    assert (await stage.later(visit, "citizen", seconds=2)).state is S.WAITING


async def ring_out(stage: DeskStage, visit: Visit, *seen: str) -> Visit:
    """Admit, show the ring, and let it ring until the end."""
    await stage.do(stage.anna, service.pick, visit.id)
    await stage.ring_is_seen(visit)
    return await stage.later(visit, "staff", *seen, seconds=91)


async def test_v7_the_third_unanswered_ring_of_somebody_away_is_a_no_show(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    for count in (1, 2):
        assert (await ring_out(stage, visit, "citizen")).admit_count == count
    await check_finished(stage, await ring_out(stage, visit), Outcome.NO_SHOW)


async def test_v7_anna_records_a_no_show_after_three_rings(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    for _ in range(3):
        back = await ring_out(stage, visit, "citizen")
        assert back.state is S.WAITING
    await stage.do(stage.anna, service.pick, visit.id)
    await check_finished(stage, await stage.do(stage.anna, service.record_no_show, visit.id), Outcome.NO_SHOW)


async def test_v7_a_simplified_visit_is_never_ended_by_a_ring(stage: DeskStage) -> None:
    _, visit = await stage.waiting(simplified=True)
    for _ in range(4):
        assert (await ring_out(stage, visit)).state is S.WAITING


async def test_v8_away_for_ten_minutes_ends_the_wait(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    assert (await stage.later(visit, minutes=9.9)).state is S.WAITING
    await check_finished(stage, await stage.later(visit, minutes=0.2), Outcome.LEFT)


async def test_v8_nine_minutes_away_and_back_keeps_the_place(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    assert await stage.later(visit, "citizen", minutes=9) == visit
    assert await stage.later(visit, minutes=9) == visit


async def test_v8_a_simplified_visit_waits_on_until_the_desk_closes(stage: DeskStage) -> None:
    _, visit = await stage.waiting(simplified=True)
    assert (await stage.later(visit, minutes=40)).state is S.WAITING


async def test_v12_a_hold_that_outlasts_its_time_by_two_minutes_is_released(stage: DeskStage) -> None:
    _, visit = await stage.on_hold(minutes=5)
    assert (await stage.later(visit, "citizen", "staff", minutes=7)).state is S.ON_HOLD
    back = await stage.later(visit, "citizen", "staff", minutes=0.1)
    assert (back.state, back.priority, back.staff_id) == (S.WAITING, 1, None)
    await check_events(stage, back)


async def test_v13_signing_in_for_more_than_ten_minutes_interrupts(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    await stage.announce(VerificationChanged(visit.id, VerificationId(new_id()), VerificationState.SIGNING_IN))
    assert (await stage.later(visit, "staff", minutes=9)).state is S.IN_CONVERSATION
    lost = await stage.later(visit, "staff", minutes=2)
    assert (lost.state, lost.interrupted_reason) == (S.INTERRUPTED, "lost")
    await stage.announce(VerificationChanged(visit.id, VerificationId(new_id()), VerificationState.CONFIRMED))
    await stage.back(visit)
    assert (await stage.visit(visit.id)).state is S.IN_CONVERSATION


async def test_v14_both_drop_and_return_in_time_to_the_same_visit(stage: DeskStage) -> None:
    _, visit = await stage.lost()
    await stage.later(visit, minutes=2)
    await stage.back(visit)
    now = await stage.visit(visit.id)
    assert (now.state, now.staff_id, now.begun_at) == (S.IN_CONVERSATION, visit.staff_id, visit.begun_at)
    await check_events(stage, now)


async def test_v15_anna_gone_for_three_minutes_puts_fatima_first_in_line(stage: DeskStage) -> None:
    _, visit = await stage.lost()
    assert (await stage.later(visit, "citizen", minutes=3)).state is S.INTERRUPTED
    back = await stage.later(visit, "citizen", minutes=0.1)
    assert (back.state, back.priority, back.priority_reason) == (S.WAITING, 1, "interrupted")


async def test_v16_two_minutes_after_stop_what_is_left_is_writing_down(stage: DeskStage) -> None:
    citizen, visit = await stage.talking()
    await stage.do(citizen.actor, service.leave)
    assert (await stage.later(visit, "staff", minutes=2)).state is S.INTERRUPTED
    assert (await stage.later(visit, "staff", minutes=0.1)).state is S.WRAP_UP


async def test_v17_a_citizen_lost_for_fifteen_minutes_is_recorded_as_interrupted(stage: DeskStage) -> None:
    _, visit = await stage.lost()
    assert (await stage.later(visit, "staff", minutes=15)).state is S.INTERRUPTED
    await check_finished(stage, await stage.later(visit, "staff", minutes=0.1), Outcome.INTERRUPTED)


async def test_v23_writing_down_forgotten_for_ten_minutes_ends_unrecorded(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    await stage.do(stage.anna, service.end, visit.id)
    stage.clock.move(minutes=6)
    await stage.do(stage.anna, history.save_draft, visit.id, StaffId(stage.anna.id or ""), {"note": "Bijna"})
    assert (await stage.later(visit, "staff", minutes=9)).state is S.WRAP_UP
    ended = await stage.later(visit, "staff", minutes=1.1)
    await check_finished(stage, ended, Outcome.UNRECORDED)
    assert not ended.has_reliable_times


@pytest.mark.parametrize(
    ("simplified", "seen", "outcome"),
    [
        (False, (), Outcome.NOT_SERVED),
        (True, ("citizen",), Outcome.NOT_SERVED),
        (True, (), Outcome.UNRECORDED),
    ],
)
async def test_v24_who_still_waits_half_an_hour_after_closing(
    stage: DeskStage, simplified: bool, seen: tuple[str, ...], outcome: Outcome
) -> None:
    _, visit = await stage.waiting(simplified=simplified)
    for _ in range(54):  # 14:00 to 18:30, with the page open
        assert (await stage.later(visit, "citizen", minutes=5)).state is S.WAITING
    await check_finished(stage, await stage.later(visit, *seen, minutes=1), outcome)


async def test_v24_a_visit_on_hold_when_the_desk_closes(stage: DeskStage) -> None:
    _, visit = await stage.on_hold(minutes=600)
    await check_finished(stage, await stage.later(visit, "citizen", "staff", minutes=271), Outcome.NOT_SERVED)


@pytest.mark.parametrize(("simplified", "outcome"), [(False, Outcome.NO_SHOW), (True, Outcome.UNRECORDED)])
async def test_v3_an_appointment_nobody_kept_is_born_finished_with_one_record(
    stage: DeskStage, simplified: bool, outcome: Outcome
) -> None:
    citizen = await stage.citizen(simplified=simplified)
    stage.clock.move(hours=11)
    await stage.sweep()
    await stage.sweep()
    async with stage.works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        rows = await work.db.execute(
            select(store.visit.c.id).where(store.visit.c.appointment_id == citizen.appointment_id)
        )
        found = [row.id for row in rows]
        assert (await booking.appointment(work, citizen.appointment_id)).state == "missed"
    assert len(found) == 1
    await check_finished(stage, await stage.visit(found[0]), outcome)


async def test_for_a_minute_after_a_start_the_clock_ends_nothing_and_absence_begins_anew(stage: DeskStage) -> None:
    """Two hours of outage: nobody is away because we were."""
    _, waiting = await stage.waiting()
    _, lost = await stage.lost()
    missed = await stage.citizen(in_minutes=4)
    stage.clock.move(hours=2)
    stage.works.put(Started, Started(stage.clock.now))
    for _ in range(5):
        stage.clock.move(seconds=10)
        await stage.sweep()
    assert (await stage.visit(waiting.id), await stage.visit(lost.id)) == (waiting, lost)
    assert await stage.count(store.visit) == 2
    stage.clock.move(seconds=11)
    await timers.sweep(stage.works)
    assert (await stage.visit(waiting.id)).state is S.WAITING
    assert (await stage.visit(lost.id)).state is S.INTERRUPTED
    assert (await stage.later(waiting, minutes=9.5)).outcome is Outcome.LEFT
    assert await stage.do(missed.actor, service.my_visit) is None  # she may still come: the grace begins anew
    await stage.later(waiting, minutes=10)
    born = await stage.do(missed.actor, service.my_visit)
    assert born is not None and born.outcome is Outcome.NO_SHOW


async def test_wrapping_up_during_an_outage_is_not_idleness(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    await stage.do(stage.anna, service.end, visit.id)
    stage.clock.move(hours=1)
    stage.works.put(Started, Started(stage.clock.now))
    assert (await stage.later(visit, "staff", minutes=9)).state is S.WRAP_UP
    assert (await stage.later(visit, "staff", minutes=1.1)).outcome is Outcome.UNRECORDED


async def test_the_ring_begins_anew_after_a_start_only_when_it_is_over_by_then(stage: DeskStage) -> None:
    _, visit = await stage.admitted()
    stage.works.put(Started, Started(stage.clock.now + timedelta(seconds=50)))
    stage.clock.move(seconds=100)
    await stage.seen(visit, "citizen", "staff")
    await stage.sweep()
    assert (await stage.visit(visit.id)).state is S.ADMITTED
    assert (await stage.later(visit, "citizen", "staff", seconds=11)).state is S.WAITING
