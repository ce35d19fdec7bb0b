"""Order of the queue and the range that is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balie.desk.queue import Ahead, Span, expected_length, free_at, in_order, next_in_line, span, wait
from tests.desk.test_rules import NOW, a_visit

MINUTE = timedelta(minutes=1)


def test_the_vector_of_the_specification_is_thirty_to_fifty_five_minutes() -> None:
    length = 20 * MINUTE
    servers = free_at([NOW, NOW], [length, length], 0, NOW)
    waiting = wait([Ahead(NOW, length)] * 3, servers, NOW)
    assert waiting == 40 * MINUTE
    assert span(40 * MINUTE) == Span(30, 55)


def test_without_a_counter_there_is_no_number() -> None:
    assert wait([], [], NOW) is None


def test_more_than_ninety_minutes_has_no_upper_end() -> None:
    assert span(120 * MINUTE).high is None


@given(st.integers(0, 300))
def test_a_range_is_at_least_five_wide_and_holds_the_wait(minutes: int) -> None:
    told = span(minutes * MINUTE)
    if told.high is not None:
        assert told.high - told.low >= 5
        assert told.low <= minutes <= told.high


def test_two_different_days_give_different_ranges() -> None:
    quick, slow = expected_length([8.0] * 6, 20), expected_length([31.0] * 6, 20)
    few = expected_length([5.0] * 4, 20)
    told = [span(wait([Ahead(NOW, d)] * 2, [NOW], NOW) or timedelta()) for d in (quick, slow, few)]
    assert len(set(told)) == 3
    assert few == 20 * MINUTE


def test_due_goes_before_late_and_early_and_priority_before_all() -> None:
    first = a_visit(id="first", priority=1, arrived_at=NOW, starts_at=NOW + 60 * MINUTE)
    due = a_visit(id="due", starts_at=NOW - 3 * MINUTE)
    due_later = a_visit(id="due_later", starts_at=NOW + 2 * MINUTE)
    late = a_visit(id="late", is_late=True, starts_at=NOW - 40 * MINUTE, arrived_at=NOW)
    early = a_visit(id="early", starts_at=NOW + 30 * MINUTE, arrived_at=NOW - 60 * MINUTE)
    order = in_order([early, late, due_later, due, first], NOW)
    assert [visit.id for visit in order] == ["first", "due", "due_later", "late", "early"]


@pytest.mark.parametrize(("away_minutes", "is_skipped"), [(1, False), (3, True)])
def test_next_skips_who_is_away_longer_than_two_minutes(away_minutes: int, is_skipped: bool) -> None:
    visits = [a_visit(id="away"), a_visit(id="there", starts_at=NOW + MINUTE)]
    line = next_in_line(visits, {"away": NOW - away_minutes * MINUTE}, NOW)
    assert (line[0].id == "there") is is_skipped


def test_next_does_not_ring_somebody_again_at_once_but_the_place_is_kept() -> None:
    rung = a_visit(id="rung", rung_at=NOW - MINUTE)
    assert next_in_line([rung], {}, NOW) == []
    assert [v.id for v in in_order([a_visit(id="next", starts_at=NOW + MINUTE), rung], NOW)] == ["rung", "next"]
    assert next_in_line([rung], {}, NOW + 2 * MINUTE) == [rung]
