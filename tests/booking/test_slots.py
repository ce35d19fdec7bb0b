"""Free slots: hours, boundaries, both clock nights, pools, and the one reason of an empty day."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balie.booking import slots
from balie.booking.slots import (
    ClosedDay,
    ClosedDayState,
    EmptyReason,
    LocalPeriod,
    PoolHours,
    Question,
    Seating,
    WeeklyHours,
)
from balie.ids import PoolId

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MAIN, SKILL = PoolId("main"), PoolId("skill")
FRIDAY = date(2026, 12, 4)


def every_day(from_local: str, until_local: str, seats: int = 1) -> PoolHours:
    period = LocalPeriod(from_local, until_local, seats, seats)
    return PoolHours(tuple(WeeklyHours(weekday, period, id=str(weekday)) for weekday in range(1, 8)))


def question(**changed: object) -> Question:
    values: dict[str, object] = {
        "zone": AMSTERDAM,
        "now": datetime(2026, 11, 30, 8, 0, tzinfo=UTC),
        "main_pool": MAIN,
        "pools": (MAIN,),
        "length_minutes": 20,
        "buffer_minutes": 0,
        "step_minutes": 10,
        "lead_minutes": 0,
        "horizon_days": 400,
    }
    return Question(**{**values, **changed})  # type: ignore[arg-type]


def at(hour: int, minute: int = 0, day: date = FRIDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=AMSTERDAM).astimezone(UTC)


def walls(day: slots.Day) -> list[str]:
    return [slot.starts_local.strftime("%H:%M") for slot in day.slots]


def on(day: date, seating: Seating, **changed: object) -> slots.Day:
    return slots.find(question(**changed), seating, day, day)[0]


def taken(*spans: tuple[datetime, datetime, int]) -> dict[PoolId, dict[int, frozenset[int]]]:
    ticks: dict[int, frozenset[int]] = {}
    for begin, end, seat in spans:
        for tick in range(slots.tick_of(begin), slots.tick_of(end)):
            ticks[tick] = ticks.get(tick, frozenset()) | {seat}
    return {MAIN: ticks}


def test_a_service_ends_before_closing_and_its_buffer_may_run_past_it() -> None:
    seating = Seating({MAIN: every_day("11:00", "12:00")})
    assert walls(on(FRIDAY, seating)) == ["11:00", "11:10", "11:20", "11:30", "11:40"]
    assert walls(on(FRIDAY, seating, buffer_minutes=15)) == ["11:00", "11:10", "11:20", "11:30", "11:40"]


def test_the_buffer_past_closing_still_blocks_that_seat() -> None:
    seating = Seating({MAIN: every_day("11:00", "12:00")}, taken=taken((at(12), at(12, 5), 1)))
    assert walls(on(FRIDAY, seating, buffer_minutes=5)) == ["11:00", "11:10", "11:20", "11:30"]


def test_a_break_ends_the_service_but_not_its_buffer() -> None:
    weekly = every_day("09:00", "10:00").weekly + every_day("10:30", "11:00").weekly
    day = on(FRIDAY, Seating({MAIN: PoolHours(weekly)}), buffer_minutes=10)
    assert walls(day) == ["09:00", "09:10", "09:20", "09:30", "09:40", "10:30", "10:40"]


def test_seats_are_no_lanes() -> None:
    busy = taken((at(9, 10), at(9, 30), 1), (at(9, 30), at(9, 50), 2))
    seating = Seating({MAIN: every_day("09:00", "10:00", seats=2)}, taken=busy)
    assert "09:20" in walls(on(FRIDAY, seating))


def test_a_full_skill_pool_refuses_although_the_main_pool_is_free() -> None:
    hours = {MAIN: every_day("09:00", "10:00", 5), SKILL: every_day("09:00", "10:00")}
    busy = {SKILL: taken((at(9), at(10), 1))[MAIN]}
    day = on(FRIDAY, Seating(hours, taken=busy), pools=(MAIN, SKILL))
    assert (day.slots, day.reason) == ((), EmptyReason.FULL)


def test_overlapping_rows_add_up() -> None:
    hours = PoolHours(every_day("09:00", "11:00").weekly + every_day("10:00", "11:00").weekly)
    seating = Seating({MAIN: hours}, taken=taken((at(9), at(11), 1)))
    assert walls(on(FRIDAY, seating))[0] == "10:00"


def test_lead_time_and_horizon_count_at_their_exact_edge() -> None:
    seating = Seating({MAIN: every_day("09:00", "10:00")})
    assert walls(on(FRIDAY, seating, now=at(7, 20), lead_minutes=120))[0] == "09:20"
    assert walls(on(FRIDAY, seating, now=at(7, 21), lead_minutes=120))[0] == "09:30"
    today = FRIDAY - timedelta(days=60)
    assert on(FRIDAY, seating, now=at(12, day=today), horizon_days=60).reason is None
    assert on(FRIDAY, seating, now=at(12, day=today), horizon_days=59).reason is EmptyReason.TOO_FAR


def test_each_empty_day_has_its_reason() -> None:
    open_hours = {MAIN: every_day("09:00", "10:00")}
    assert on(FRIDAY, Seating(open_hours, frozenset({FRIDAY}))).reason is EmptyReason.CLOSED
    assert on(FRIDAY, Seating({})).reason is EmptyReason.CLOSED
    assert on(FRIDAY, Seating(open_hours), length_minutes=65).reason is EmptyReason.TOO_SHORT
    assert on(FRIDAY, Seating(open_hours), now=at(11)).reason is EmptyReason.TOO_SOON
    full = Seating(open_hours, taken=taken((at(9), at(10), 1)))
    assert on(FRIDAY, full).reason is EmptyReason.FULL
    assert on(FRIDAY, full, now=at(9, 5)).reason is EmptyReason.FULL


def test_special_hours_win_over_a_closed_day_and_over_the_week() -> None:
    half_day = PoolHours(every_day("09:00", "17:00").weekly, {FRIDAY: (LocalPeriod("09:00", "09:30"),)})
    assert walls(on(FRIDAY, Seating({MAIN: half_day}, frozenset({FRIDAY})))) == ["09:00", "09:10"]
    shut = PoolHours(every_day("09:00", "17:00").weekly, {FRIDAY: ()})
    assert on(FRIDAY, Seating({MAIN: shut})).reason is EmptyReason.CLOSED


def test_only_a_confirmed_day_closes_and_not_for_a_product_that_is_open_then() -> None:
    days = [ClosedDay("1", FRIDAY, "Sinterklaas", state=state) for state in ClosedDayState]
    assert slots.confirmed(days[:1]) == frozenset()
    assert slots.confirmed(days) == frozenset({FRIDAY})
    seating = Seating({MAIN: every_day("09:00", "09:30")}, slots.confirmed(days))
    assert walls(on(FRIDAY, seating, is_open_on_closed_days=True)) == ["09:00", "09:10"]


def test_hours_through_midnight_give_an_unbroken_row_of_starts() -> None:
    seating = Seating({MAIN: every_day("00:00", "24:00")})
    days = slots.find(question(), seating, FRIDAY, FRIDAY + timedelta(days=1))
    starts = [slot.starts_at for day in days for slot in day.slots]
    assert len(starts) == 288
    assert {b - a for a, b in itertools.pairwise(starts)} == {timedelta(minutes=10)}


@pytest.mark.parametrize("night", [date(2026, 3, 29), date(2027, 3, 28)])
def test_the_spring_night_has_two_of_three_hours_and_no_start_at_two(night: date) -> None:
    seating = Seating({MAIN: every_day("01:00", "04:00")})
    day = on(night, seating, now=datetime(2026, 3, 1, tzinfo=UTC), length_minutes=10)
    assert len(day.slots) == 12
    assert not [wall for wall in walls(day) if wall.startswith("02")]
    assert walls(day)[5:7] == ["01:50", "03:00"]


@pytest.mark.parametrize("night", [date(2026, 10, 25), date(2027, 10, 31)])
def test_the_autumn_night_offers_half_past_two_twice_with_different_labels(night: date) -> None:
    seating = Seating({MAIN: every_day("01:00", "04:00")})
    day = on(night, seating, now=datetime(2026, 10, 1, tzinfo=UTC), length_minutes=10)
    assert len(day.slots) == 24
    twice = [slot for slot in day.slots if slot.starts_local.strftime("%H:%M") == "02:30"]
    assert [slot.season for slot in twice] == ["summer", "winter"]
    assert twice[1].starts_at - twice[0].starts_at == timedelta(hours=1)
    assert all(slot.season == "" for slot in day.slots if slot.starts_local.hour != 2)


def test_an_opening_that_begins_in_the_gap_begins_after_it() -> None:
    spring = date(2026, 3, 29)
    assert slots.begin_at(spring, "02:30", AMSTERDAM) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert slots.end_at(spring, "02:05", AMSTERDAM) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    only_gap = Seating({MAIN: every_day("02:00", "03:00")})
    day = on(spring, only_gap, now=datetime(2026, 3, 1, tzinfo=UTC))
    assert day.reason is EmptyReason.CLOSED


def test_a_time_that_comes_twice_begins_at_the_first_and_ends_at_the_second() -> None:
    autumn = date(2026, 10, 25)
    assert slots.begin_at(autumn, "02:30", AMSTERDAM) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert slots.end_at(autumn, "02:30", AMSTERDAM) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (FRIDAY, 24)])
def test_a_whole_day_has_as_many_hours_as_that_day(day: date, hours: int) -> None:
    period = slots.periods_on(every_day("00:00", "24:00"), day, AMSTERDAM, False)[0]
    assert period.until_at - period.from_at == timedelta(hours=hours)


def test_nine_in_the_morning_stays_nine_on_both_sides_of_the_change() -> None:
    seating = Seating({MAIN: every_day("09:00", "09:30")})
    days = slots.find(question(now=datetime(2026, 10, 1, tzinfo=UTC)), seating, date(2026, 10, 24), date(2026, 10, 25))
    assert [walls(day)[0] for day in days] == ["09:00", "09:00"]
    assert days[1].slots[0].starts_at - days[0].slots[0].starts_at == timedelta(hours=25)


def test_the_three_nearest_times_are_offered_in_order() -> None:
    busy = taken((at(9, 20), at(9, 30), 1))
    day = on(FRIDAY, Seating({MAIN: every_day("08:50", "10:10")}, taken=busy))
    near = slots.nearest([day], at(9, 20))
    assert [slot.starts_local.strftime("%H:%M") for slot in near] == ["09:00", "09:30", "09:40"]


def test_more_than_31_dates_are_not_asked_at_once() -> None:
    with pytest.raises(ValueError, match="31"):
        slots.find(question(), Seating({}), FRIDAY, FRIDAY + timedelta(days=31))


@pytest.mark.parametrize(
    ("weekly", "expected"),
    [
        (every_day("09:00", "17:00").weekly, at(17)),
        (
            every_day("20:00", "24:00").weekly + every_day("00:00", "02:00").weekly,
            at(2, day=FRIDAY + timedelta(days=1)),
        ),
        (every_day("00:00", "24:00").weekly, None),
        ((), None),
    ],
)
def test_closing_time_is_the_end_of_the_opening_also_past_midnight(
    weekly: tuple[WeeklyHours, ...], expected: datetime | None
) -> None:
    seating = Seating({MAIN: PoolHours(weekly)})
    assert slots.closing_after(seating, (MAIN,), FRIDAY, AMSTERDAM) == expected


@pytest.mark.parametrize("text", ["9:00", "09:01", "24:05", "25:00", "٠٩:٠٠", "09:00 ", "", "0900", "-1:00"])
def test_odd_wall_times_are_refused(text: str) -> None:
    assert not slots.is_wall_time(text)


minutes = st.integers(0, 24 * 12).map(lambda n: f"{n * 5 // 60:02}:{n * 5 % 60:02}")


@given(
    begin=minutes,
    end=minutes,
    day=st.dates(date(2026, 1, 1), date(2031, 12, 31)),
    length=st.integers(1, 24).map(lambda n: n * 5),
    step=st.integers(1, 12).map(lambda n: n * 5),
    busy=st.sets(st.integers(0, 287), max_size=40),
)
def test_what_is_offered_is_open_free_and_on_the_rhythm(
    begin: str, end: str, day: date, length: int, step: int, busy: set[int]
) -> None:
    if begin >= end:
        return
    hours = every_day(begin, end)
    first = slots.tick_of(slots.begin_at(day, "00:00", AMSTERDAM))
    seating = Seating({MAIN: hours}, taken={MAIN: {first + n: frozenset({1}) for n in busy}})
    asked = question(now=datetime(2025, 12, 1, tzinfo=UTC), length_minutes=length, step_minutes=step, horizon_days=3000)
    found = slots.find(asked, seating, day, day)[0]
    assert bool(found.slots) == (found.reason is None)
    opening = slots.periods_on(hours, day, AMSTERDAM, False)
    for slot in found.slots:
        assert (slot.starts_at - opening[0].from_at) % timedelta(minutes=step) == timedelta()
        assert slot.starts_at.astimezone(AMSTERDAM).date() == day
        ticks = range(slots.tick_of(slot.starts_at), slots.tick_of(slot.ends_at))
        assert not {first + n for n in busy} & set(ticks)
        assert slot.ends_at <= slots.end_at(day, end, AMSTERDAM) or end == "24:00"
