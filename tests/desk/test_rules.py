"""The state machine of the visit: every state, every move, everybody who might try."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from balie.desk import rules
from balie.desk.rules import MOVES, Act, By, Outcome, Visit, VisitState
from balie.errors import NotWaiting, NotYourVisit, OutcomeMissing, TooEarly
from balie.ids import AppointmentId, DeskId, ProductId, StaffId, VisitId

NOW = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)
ANNA = StaffId("anna")
S = VisitState

# Section 7 of the specification, written down a second time by hand: (move, from, to, who).
TABLE = {
    Act.ADMIT: ({S.WAITING}, S.ADMITTED, {By.STAFF, By.LEAD}),
    Act.CONVERSE: ({S.ADMITTED}, S.IN_CONVERSATION, {By.SYSTEM}),
    Act.PUT_BACK: ({S.ADMITTED, S.INTERRUPTED}, S.WAITING, {By.OWNER, By.SYSTEM}),
    Act.RING_OUT: ({S.ADMITTED}, S.WAITING, {By.SYSTEM}),
    Act.FOURTH_NOT_YET: ({S.ADMITTED}, S.WAITING, {By.CITIZEN}),
    Act.NO_SHOW: ({S.ADMITTED}, S.FINISHED, {By.OWNER, By.SYSTEM}),
    Act.LEAVE: ({S.WAITING, S.ADMITTED}, S.FINISHED, {By.CITIZEN, By.SYSTEM}),
    Act.PUT_ON_HOLD: ({S.IN_CONVERSATION}, S.ON_HOLD, {By.OWNER}),
    Act.RESUME: ({S.ON_HOLD}, S.IN_CONVERSATION, {By.OWNER}),
    Act.RELEASE: ({S.ON_HOLD}, S.WAITING, {By.OWNER, By.LEAD, By.SYSTEM}),
    Act.INTERRUPT: ({S.IN_CONVERSATION}, S.INTERRUPTED, {By.SYSTEM}),
    Act.STOP: ({S.IN_CONVERSATION}, S.INTERRUPTED, {By.CITIZEN}),
    Act.TALK_ON: ({S.INTERRUPTED}, S.IN_CONVERSATION, {By.CITIZEN}),
    Act.COME_BACK: ({S.INTERRUPTED}, S.IN_CONVERSATION, {By.SYSTEM}),
    Act.GIVE_UP: ({S.INTERRUPTED}, S.WRAP_UP, {By.OWNER, By.SYSTEM}),
    Act.LOSE: ({S.INTERRUPTED}, S.FINISHED, {By.SYSTEM}),
    Act.END: ({S.IN_CONVERSATION, S.ON_HOLD}, S.WRAP_UP, {By.OWNER, By.CITIZEN}),
    Act.FINISH: ({S.WRAP_UP}, S.FINISHED, {By.OWNER}),
    Act.LEAVE_UNRECORDED: ({S.WRAP_UP}, S.FINISHED, {By.SYSTEM}),
    Act.CLOSE: ({S.WAITING, S.ON_HOLD}, S.FINISHED, {By.SYSTEM, By.LEAD}),
}


def a_visit(state: VisitState = S.WAITING, **changes: object) -> Visit:
    visit = Visit(
        id=VisitId("visit"),
        desk_id=DeskId("desk"),
        product_id=ProductId("product"),
        appointment_id=AppointmentId("appointment"),
        local_date=date(2026, 12, 4),
        queue_number=1,
        state=state,
        arrived_at=NOW - timedelta(minutes=5),
        starts_at=NOW,
        state_changed_at=NOW,
    )
    return replace(visit, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("act", "state", "by"), list(itertools.product(Act, VisitState, By)))
def test_a_move_succeeds_exactly_where_the_table_allows_it(act: Act, state: VisitState, by: By) -> None:
    before, after, who = TABLE[act]
    visit = a_visit(state)
    if state in before and by in who:
        moved = rules.go(act, visit, by, NOW)
        assert (moved.state, moved.version) == (after, visit.version + 1)
        assert moved.arrived_at == visit.arrived_at
    else:
        with pytest.raises((NotWaiting, NotYourVisit)):
            rules.go(act, visit, by, NOW)


def test_the_table_of_moves_holds_every_act() -> None:
    assert set(MOVES) == set(TABLE) == set(Act)


def test_a_ring_that_no_browser_showed_does_not_count() -> None:
    ringing = rules.admit(a_visit(admit_count=2), ANNA, By.STAFF, NOW)
    back = rules.ring_out(ringing, is_citizen_away=True, now=NOW)
    assert (back.state, back.admit_count, back.staff_id) == (S.WAITING, 2, None)


def test_the_third_unanswered_ring_of_somebody_away_is_a_no_show() -> None:
    ringing = replace(rules.admit(a_visit(admit_count=2), ANNA, By.STAFF, NOW), ring_seen_at=NOW)
    assert rules.ring_out(ringing, is_citizen_away=True, now=NOW).outcome is Outcome.NO_SHOW
    assert rules.ring_out(ringing, is_citizen_away=False, now=NOW).state is S.WAITING


def test_a_simplified_visit_is_never_made_a_no_show_by_a_timer() -> None:
    ringing = rules.admit(a_visit(admit_count=2, needs={"simplified": True}), ANNA, By.STAFF, NOW)
    after = rules.ring_out(replace(ringing, ring_seen_at=NOW), is_citizen_away=True, now=NOW)
    assert (after.state, after.admit_count) == (S.WAITING, 3)


def test_not_yet_rings_again_three_times_and_the_fourth_goes_back_to_the_queue() -> None:
    visit = rules.admit(a_visit(), ANNA, By.STAFF, NOW)
    for count in (1, 2, 3):
        visit = rules.not_yet(visit, NOW + timedelta(seconds=count))
        assert (visit.state, visit.not_yet_count) == (S.ADMITTED, count)
    assert visit.ring_ends_at == NOW + timedelta(seconds=3) + rules.PACE.ring
    assert rules.not_yet(visit, NOW).state is S.WAITING


def test_no_show_by_staff_needs_three_unanswered_rings() -> None:
    ringing = rules.admit(a_visit(admit_count=2), ANNA, By.STAFF, NOW)
    with pytest.raises(TooEarly):
        rules.no_show(ringing, By.OWNER, NOW)
    assert rules.no_show(replace(ringing, admit_count=3), By.OWNER, NOW).outcome is Outcome.NO_SHOW


def test_who_comes_back_from_a_conversation_goes_before_all_others() -> None:
    back = rules.put_back(a_visit(S.INTERRUPTED, staff_id=ANNA, begun_at=NOW), By.SYSTEM, NOW)
    assert (back.priority, back.staff_id) == (1, None)
    released = rules.release(a_visit(S.ON_HOLD, staff_id=ANNA), By.OWNER, NOW)
    assert (released.priority, released.hold_reason) == (1, None)


def test_leaving_after_an_earlier_conversation_is_an_interruption() -> None:
    assert rules.leave(a_visit(begun_at=NOW), By.CITIZEN, NOW).outcome is Outcome.INTERRUPTED
    assert rules.leave(a_visit(), By.CITIZEN, NOW).outcome is Outcome.LEFT


@pytest.mark.parametrize("outcome", ["", "no_show", "left", "unrecorded", "iets anders"])
def test_staff_finish_only_with_an_outcome_of_theirs(outcome: str) -> None:
    with pytest.raises(OutcomeMissing):
        rules.finish(a_visit(S.WRAP_UP), By.OWNER, outcome, NOW)


def test_a_simplified_visit_of_somebody_away_stays_undecided_when_the_desk_closes() -> None:
    assert rules.close(a_visit(needs={"simplified": True}), True, NOW).outcome is Outcome.UNRECORDED
    assert rules.close(a_visit(needs={"simplified": True}), False, NOW).outcome is Outcome.NOT_SERVED
    assert rules.close(a_visit(), True, NOW).outcome is Outcome.NOT_SERVED
