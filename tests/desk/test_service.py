"""What staff and citizens do at the desk, on a real database: hold, resume, finish, and one record for each visit."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from balie.desk import service, store
from balie.desk.rules import Outcome, Visit, VisitState
from balie.errors import AlreadyHelping, BalieError, NoCounter, NotFound, NotWaiting, NotYourVisit, OutcomeMissing
from balie.history import service as history
from balie.history import store as history_store
from balie.ids import StaffId, VisitId, new_id
from tests.desk.stage import DeskStage, finish

S = VisitState


async def check_events(stage: DeskStage, visit: Visit) -> None:
    """One event per change; the last one led to where the visit is now."""
    events = await stage.events(visit.id)
    assert len(events) == visit.version
    ends = Counter(e.to_state for e in events)
    ends.subtract(e.from_state for e in events)
    assert +ends == {visit.state: 1}


async def test_hold_frees_anna_for_the_next_and_resume_waits_until_she_is_free(stage: DeskStage) -> None:
    citizen, held = await stage.talking()
    _, next_one = await stage.waiting()
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.pick, next_one.id)
    held = await stage.do(stage.anna, service.put_on_hold, held.id, "looking_up", 5)
    assert (held.state, held.hold_reason, held.wake_up_at) == (
        S.ON_HOLD,
        "looking_up",
        stage.clock.now + timedelta(minutes=5),
    )
    picked = await stage.do(stage.anna, service.pick, next_one.id)
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.resume, held.id)
    await stage.do(stage.anna, service.put_back, picked.id)
    resumed = await stage.do(stage.anna, service.resume, held.id)
    assert (resumed.state, resumed.hold_reason, resumed.wake_up_at) == (S.IN_CONVERSATION, None, None)
    assert resumed.staff_id == stage.anna.id and resumed.admit_count == held.admit_count
    await check_events(stage, resumed)
    assert (await stage.do(citizen.actor, service.my_visit)) == resumed


async def test_two_on_hold_are_the_most_a_staff_member_has(stage: DeskStage) -> None:
    for _ in range(2):
        await stage.on_hold()
    _, third = await stage.talking()
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.put_on_hold, third.id, "looking_up", 5)


async def test_only_who_has_the_visit_holds_resumes_ends_and_finishes_it(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    for use_case, more in (
        (service.put_on_hold, ("looking_up", 5)),
        (service.resume, ()),
        (service.end, ()),
        (service.finish, ({"outcome": "helped"},)),
        (service.put_back, ()),
        (service.phone_number_of, ()),
    ):
        with pytest.raises(NotYourVisit):
            await stage.do(stage.bram, use_case, visit.id, *more)
    elsewhere = stage.bram.__class__(**{**vars(stage.bram), "desks": frozenset()})
    with pytest.raises(NotFound):
        await stage.do(elsewhere, service.visit_of, visit.id)
    assert await stage.visit(visit.id) == visit


async def test_a_second_tab_of_anna_finds_her_helping(stage: DeskStage) -> None:
    await stage.admitted()
    _, other = await stage.waiting()
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.admit_next, stage.town.desk.id)
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.pick, other.id)
    with pytest.raises(AlreadyHelping):
        await stage.do(stage.anna, service.close_counter, stage.town.desk.id)


async def test_without_a_counter_nobody_is_called(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    await stage.do(stage.bram, service.close_counter, stage.town.desk.id)
    with pytest.raises(NoCounter):
        await stage.do(stage.bram, service.pick, visit.id)


async def test_checking_in_twice_is_the_same_visit(stage: DeskStage) -> None:
    citizen, visit = await stage.waiting()
    again = await stage.do(citizen.actor, service.check_in)
    assert again == visit
    assert await stage.count(store.visit) == 1


@pytest.mark.parametrize("outcome", [Outcome.HELPED, Outcome.FOLLOW_UP, Outcome.REDIRECTED, Outcome.INTERRUPTED])
async def test_finishing_writes_one_record_with_the_outcome(stage: DeskStage, outcome: Outcome) -> None:
    _, visit = await stage.talking()
    stage.clock.move(minutes=12)
    done = await finish(stage, visit, outcome)
    assert (done.state, done.outcome) == (S.FINISHED, outcome)
    assert await stage.records(visit.id) == [outcome.value]
    await check_events(stage, done)
    with pytest.raises(BalieError):
        await finish(stage, visit, outcome)
    assert await stage.records(visit.id) == [outcome.value]


async def test_without_an_outcome_nothing_is_finished(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    for outcome in ("", "no_show", "left", "nonsense"):
        with pytest.raises(OutcomeMissing):
            await stage.do(stage.anna, service.finish, visit.id, {"outcome": outcome})
    assert await stage.visit(visit.id) == visit
    assert await stage.records(visit.id) == []


async def test_a_citizen_who_leaves_the_queue_or_does_not_answer_leaves_one_record(stage: DeskStage) -> None:
    from_queue, waiting = await stage.waiting()
    await stage.do(from_queue.actor, service.leave)
    while_ringing, ringing = await stage.admitted()
    await stage.do(while_ringing.actor, service.leave)
    for visit in (waiting, ringing):
        assert await stage.records(visit.id) == ["left"]
        assert (await stage.visit(visit.id)).outcome is Outcome.LEFT
        await check_events(stage, await stage.visit(visit.id))


async def test_stop_during_the_conversation_and_on_hold_leads_to_writing_down(stage: DeskStage) -> None:
    talker, talked = await stage.talking()
    await stage.do(talker.actor, service.leave)
    assert (await stage.visit(talked.id)).interrupted_reason == "stopped"
    await stage.do(talker.actor, service.talk_on)
    assert (await stage.visit(talked.id)).state is S.IN_CONVERSATION
    held = await stage.do(stage.anna, service.put_on_hold, talked.id, "other", 5)
    await stage.do(talker.actor, service.leave)
    held = await stage.visit(held.id)
    assert held.state is S.WRAP_UP
    await finish(stage, held)
    assert await stage.records(held.id) == ["helped"]


async def test_a_failure_while_the_record_is_written_undoes_the_finish(
    stage: DeskStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, visit = await stage.talking()

    async def fail(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(history, "record_visit", fail)
        with pytest.raises(RuntimeError):
            await finish(stage, visit)
        with pytest.raises(RuntimeError):
            waiting, other = await stage.waiting()
            await stage.do(waiting.actor, service.leave)
    assert await stage.visit(visit.id) == visit
    assert (await stage.visit(other.id)).state is S.WAITING
    assert await stage.count(history_store.contact_record) == 0
    await check_events(stage, await stage.visit(visit.id))
    assert (await stage.do(citizen.actor, service.my_visit)) == visit


async def test_release_puts_her_first_in_line_without_an_owner(stage: DeskStage) -> None:
    _, before = await stage.waiting()
    _, held = await stage.on_hold()
    released = await stage.do(stage.anna, service.release, held.id)
    assert (released.state, released.staff_id, released.priority) == (S.WAITING, None, 1)
    taken = await stage.do(stage.bram, service.admit_next, stage.town.desk.id)
    assert taken is not None and taken.id == held.id != before.id
    await check_events(stage, taken)


async def test_both_back_while_anna_helps_another_puts_her_first_in_line(stage: DeskStage) -> None:
    _, visit = await stage.lost()
    _, other = await stage.waiting()
    await stage.do(stage.anna, service.pick, other.id)
    await stage.back(visit)
    now = await stage.visit(visit.id)
    assert (now.state, now.priority, now.staff_id) == (S.WAITING, 1, None)
    await check_events(stage, now)


async def test_a_finished_visit_is_over_for_everybody(stage: DeskStage) -> None:
    citizen, visit = await stage.talking()
    await finish(stage, visit)
    for actor, use_case in ((citizen.actor, service.begin), (citizen.actor, service.leave)):
        with pytest.raises(NotWaiting):
            await stage.do(actor, use_case)
    for use_case, more in ((service.pick, ()), (service.end, ()), (service.resume, ())):
        with pytest.raises(BalieError):
            await stage.do(stage.anna, use_case, visit.id, *more)
    assert len(await stage.records(visit.id)) == 1


async def test_only_who_has_the_visit_keeps_a_draft_of_its_record(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    for who, visit_id in ((stage.bram, visit.id), (stage.anna, VisitId(new_id()))):
        with pytest.raises(NotFound):
            await stage.do(who, history.save_draft, visit_id, StaffId(who.id or ""), {"note": "Bijna"})
    await stage.do(stage.anna, history.save_draft, visit.id, StaffId(stage.anna.id or ""), {"note": "Bijna"})
    assert await stage.count(history_store.contact_draft) == 1
    await finish(stage, visit)
    with pytest.raises(NotFound):
        await stage.do(stage.anna, history.save_draft, visit.id, StaffId(stage.anna.id or ""), {"note": "Te laat"})
