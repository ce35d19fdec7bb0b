"""Every table says how long its rows are kept, and who destroys them; every time is an aware one."""

from __future__ import annotations

import pytest
from sqlalchemy import DateTime

import balie.tables  # noqa: F401
from balie.app import own_features
from balie.db import UtcInstant, metadata
from balie.privacy.purposes import RUN_SERVICE
from balie.web.features import TableRule
from balie.work import Works
from tests.conftest import Clock
from tests.desk.stage import DeskStage, a_stage, finish

RULES: list[TableRule] = [rule for feature in own_features() for rule in feature.tables]


def test_every_table_has_one_retention_rule() -> None:
    named = [rule.table for rule in RULES]
    assert sorted(set(metadata.tables) - set(named)) == []
    assert sorted(set(named) - set(metadata.tables)) == []
    assert len(named) == len(set(named))


def test_every_rule_says_its_period_in_words() -> None:
    assert [rule.table for rule in RULES if len(rule.period.split()) < 2] == []


def test_no_table_has_a_time_without_a_zone() -> None:
    plain = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, DateTime) and not isinstance(column.type, UtcInstant)
    ]
    assert plain == []


@pytest.fixture
async def stage(works: Works, clock: Clock) -> DeskStage:
    return await a_stage(works, clock)


async def destroyed(stage: DeskStage) -> dict[str, int]:
    """What one night destroys, by table."""
    counts = {}
    for rule in RULES:
        if rule.destroy is not None:
            async with stage.works.begin(stage.anna, RUN_SERVICE) as work:
                counts[rule.table] = await rule.destroy(work, work.now)
    return counts


async def test_nothing_of_today_is_destroyed_tonight_and_everything_in_thirty_years(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    await finish(stage, visit)
    await stage.waiting()
    assert not any((await destroyed(stage)).values())
    stage.clock.move(days=30 * 366)
    for _ in range(3):
        await destroyed(stage)
    left = {
        name: count
        for name in ("contact_record", "contact_leg", "contact_party", "invitation", "session", "processing_log")
        if (count := await stage.count(metadata.tables[name]))
    }
    assert left == {}
    assert not any((await destroyed(stage)).values())
