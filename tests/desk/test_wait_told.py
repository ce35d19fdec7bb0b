"""The range that the waiting room tells is learned from the visits of the desk itself."""

from __future__ import annotations

from balie.desk import service
from balie.desk.pages import Wait
from balie.desk.queue_view import wait_of
from tests.desk.stage import DeskStage, finish


async def help_some(stage: DeskStage, visits: int, minutes: float) -> None:
    """Anna helps some citizens, each for so long."""
    for _ in range(visits):
        _, visit = await stage.talking()
        stage.clock.move(minutes=minutes)
        await stage.do(stage.anna, service.end, visit.id)
        await finish(stage, visit)


async def told_to_the_last_of_four(stage: DeskStage) -> Wait:
    """Four who wait at the time of their appointments, and what the last of them reads."""
    waiting = [await stage.waiting() for _ in range(4)]
    last = max((visit for _, visit in waiting), key=lambda visit: (visit.starts_at, visit.queue_number))
    stage.clock.now = last.starts_at
    told = await stage.do(stage.anna, wait_of, last)
    for citizen, _ in waiting:
        await stage.do(citizen.actor, service.leave)
    return told


async def test_a_quick_day_and_a_slow_day_tell_different_ranges(stage: DeskStage) -> None:
    await help_some(stage, visits=6, minutes=8)
    quick = await told_to_the_last_of_four(stage)
    stage.clock.move(days=1)
    stage.clock.now = stage.clock.now.replace(hour=7, minute=30)
    await help_some(stage, visits=14, minutes=31)
    slow = await told_to_the_last_of_four(stage)
    assert quick.people_before == slow.people_before == 3
    assert quick.high_minutes is not None and slow.low_minutes is not None
    assert quick.high_minutes < slow.low_minutes, (quick, slow)
