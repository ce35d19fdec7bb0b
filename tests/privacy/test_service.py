"""Both logs stand or fall with the work they tell about, and every table knows its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from balie.actors import RUN_SERVICE, Actor, ActorKind, Role, system
from balie.ids import new_id
from balie.privacy import service, store
from balie.privacy.purposes import ALL, HELP_CITIZEN, VERIFY_IDENTITY
from balie.privacy.rules import BATCH, is_past_period, retain_until
from balie.privacy.sealing import load_keyring
from balie.privacy.service import RetentionRules, audit, destroy_past_period, log_processing
from balie.privacy.wiring import Nightly, feature, keys_are_there
from balie.settings import Settings
from balie.web.features import TableRule
from balie.work import Work, Works
from tests.conftest import Clock

ANNA = Actor(ActorKind.STAFF, id=new_id(), roles=frozenset({Role.STAFF, Role.TEAM_LEAD}))
FATIMA = new_id()


async def lines(works: Works, table: Any) -> list[dict[str, Any]]:
    async with works.begin(system("test"), RUN_SERVICE) as work:
        return [dict(row) for row in (await work.db.execute(select(table))).mappings()]


async def test_a_processing_line_names_the_activity_and_a_pseudonym_and_no_staff(works: Works) -> None:
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        await log_processing(work, data_subject=FATIMA)
        await log_processing(work, activity=VERIFY_IDENTITY, data_subject=FATIMA, name="read_level")
    first, second = sorted(await lines(works, store.processing_log), key=lambda line: line["processing_activity_id"])
    assert first["processing_activity_id"] == HELP_CITIZEN.uri
    assert (second["processing_activity_id"], second["name"]) == (VERIFY_IDENTITY.uri, "read_level")
    assert first["data_subject_id"] == second["data_subject_id"] != FATIMA
    assert (len(first["trace_id"]), len(first["span_id"])) == (32, 16)
    assert ANNA.id not in str(first)


async def test_an_audit_line_tells_who_did_what_when_for_which_purpose(works: Works, now: datetime) -> None:
    visit_id = new_id()
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        await audit(work, "desk.admit_next", visit_id, relation="queue")
        await audit(work, "documents.show", visit_id, "denied", reason_code="not_yours")
    allowed, denied = sorted(await lines(works, store.audit_log), key=lambda line: line["action"])
    assert (allowed["action"], allowed["object_id"], allowed["result"]) == ("desk.admit_next", visit_id, "allowed")
    assert (allowed["at"], allowed["purpose"], allowed["relation"]) == (now, "HELP_CITIZEN", "queue")
    assert (allowed["actor_kind"], allowed["actor_role"]) == ("staff", "staff,team_lead")
    assert (denied["result"], denied["reason_code"]) == ("denied", "not_yours")
    assert allowed["actor"] == denied["actor"] != ANNA.id


async def test_no_line_no_commit_and_no_commit_no_line(works: Works) -> None:
    with pytest.raises(RuntimeError):
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            await log_processing(work, data_subject=FATIMA)
            await audit(work, "desk.admit_next", FATIMA)
            raise RuntimeError
    assert await lines(works, store.processing_log) == await lines(works, store.audit_log) == []


async def test_a_trace_that_came_along_is_kept(works: Works) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with structlog.contextvars.bound_contextvars(trace_id=trace):
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            await audit(work, "desk.admit_next", FATIMA)
    assert (await lines(works, store.audit_log))[0]["trace_id"] == trace


def test_the_last_day_is_kept_and_the_day_after_destroys() -> None:
    last = retain_until(date(2026, 12, 4), 30)
    assert last == date(2027, 1, 3)
    assert not is_past_period(last, date(2027, 1, 3))
    assert is_past_period(last, date(2027, 1, 4))


def test_every_purpose_has_a_name_of_its_own_and_a_basis() -> None:
    assert len({purpose.name for purpose in ALL}) == len({purpose.uri for purpose in ALL}) == len(ALL)


async def test_both_logs_are_destroyed_after_three_years(works: Works, clock: Clock) -> None:
    works.put(RetentionRules, RetentionRules(feature().tables))
    for _ in range(2):
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            await log_processing(work, data_subject=FATIMA)
            await audit(work, "desk.admit_next", FATIMA)
        clock.move(days=700)
    assert dict(await destroy_past_period(works)) == {"processing_log": 1, "audit_log": 1, "job": 0}
    assert dict(await destroy_past_period(works)) == {"processing_log": 0, "audit_log": 0, "job": 0}
    assert len(await lines(works, store.processing_log)) == len(await lines(works, store.audit_log)) == 1


@dataclass
class Pile:
    """A table with so many rows past their period."""

    rows: int
    batches: int = 0

    async def destroy(self, work: Work, now: datetime) -> int:
        gone = min(BATCH, self.rows)
        self.rows -= gone
        self.batches += 1
        return gone


async def test_destruction_goes_in_batches_and_a_failing_table_keeps_nobody_waiting(works: Works) -> None:
    async def fails(work: Work, now: datetime) -> int:
        raise RuntimeError

    pile = Pile(2500)
    broken, along = TableRule("broken", "never", fails), TableRule("goes_along", "with pile")
    works.put(RetentionRules, RetentionRules([broken, along, TableRule("pile", "now", pile.destroy)]))
    assert dict(await destroy_past_period(works)) == {"pile": 2500}
    assert pile.batches == 3


async def test_it_runs_once_a_night_after_three(works: Works, clock: Clock) -> None:
    pile = Pile(0)
    works.put(RetentionRules, RetentionRules([TableRule("pile", "now", pile.destroy)]))
    nightly = Nightly()
    clock.now = datetime(2026, 12, 5, 1, 59, tzinfo=UTC)  # 2:59 in Amsterdam
    await nightly.run(works)
    assert pile.batches == 0
    clock.move(minutes=2)
    await nightly.run(works)
    clock.move(hours=10)
    await nightly.run(works)
    assert pile.batches == 1
    clock.now += timedelta(days=1)
    await nightly.run(works)
    assert pile.batches == 2


async def test_a_citizen_without_an_id_has_a_pseudonym_too(works: Works) -> None:
    async with works.begin(Actor(ActorKind.CITIZEN, session_id="s1", participant="citizen"), HELP_CITIZEN) as work:
        await audit(work, "desk.check_in", "x")
        assert service.subject_pseudonym(work, "a") != service.subject_pseudonym(work, "b")
    (line,) = await lines(works, store.audit_log)
    assert (len(line["actor"]), line["actor_role"]) == (64, "citizen")


async def test_readiness_looks_at_the_key_files(works: Works, settings: Settings) -> None:
    with pytest.raises(FileNotFoundError):
        await keys_are_there(works)
    load_keyring(settings.keys_dir, may_make=True)
    assert await keys_are_there(works)
    (settings.keys_dir / "pepper.key").chmod(0o644)
    with pytest.raises(PermissionError):
        await keys_are_there(works)
