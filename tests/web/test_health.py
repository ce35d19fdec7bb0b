"""/healthz and /readyz say whether this instance is well, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from balie import jobs
from balie.actors import ANONYMOUS, RUN_SERVICE, system
from balie.web import health
from balie.web.application import assemble
from balie.web.health import Check, Pulse
from balie.web.keys import ACTOR, CSRF_SCOPE
from balie.work import Works
from tests.conftest import Clock


class Usage(NamedTuple):
    """What `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


async def identify(request: web.Request) -> None:
    request[ACTOR] = ANONYMOUS
    request[CSRF_SCOPE] = "test"


async def told(works: Works, path: str, *checks: Check, pulse: Pulse | None = None) -> tuple[int, str]:
    app = assemble(works, [health.feature("0001", checks, pulse)], identify, b"k" * 32)
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        body = await response.json()
        assert list(body) == ["status"]
        return response.status, body["status"]


@pytest.fixture(autouse=True)
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the disk is free, whatever this machine has."""
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _path: Usage(100, 50, 50))


@pytest.fixture
async def migrated(works: Works) -> Works:
    """The database as after `balie migrate`."""
    async with works.begin(system("test"), RUN_SERVICE) as work:
        await work.db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        await work.db.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    return works


async def well(works: Works) -> bool:
    return True


async def unwell(works: Works) -> bool:
    raise ConnectionError("secret address")


async def test_a_turning_loop_is_healthy_and_a_stalled_one_is_not(migrated: Works) -> None:
    assert await told(migrated, "/healthz") == (200, "ok")
    stalled = Pulse()
    stalled.lag_s = 0.6
    assert await told(migrated, "/healthz", pulse=stalled) == (503, "slow")


async def test_an_instance_with_everything_is_ready(migrated: Works) -> None:
    assert await told(migrated, "/readyz", Check("keys", well)) == (200, "ready")


async def test_what_is_required_and_away_makes_it_not_ready(migrated: Works) -> None:
    assert await told(migrated, "/readyz", Check("keys", unwell)) == (503, "not_ready")


async def test_what_is_optional_and_away_makes_it_degraded(migrated: Works) -> None:
    assert await told(migrated, "/readyz", Check("scanner", unwell, is_required=False)) == (200, "degraded")


async def test_a_database_without_migrations_is_not_ready(works: Works) -> None:
    assert await told(works, "/readyz") == (503, "not_ready")


async def test_an_older_database_is_not_ready(migrated: Works) -> None:
    async with migrated.begin(system("test"), RUN_SERVICE) as work:
        await work.db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert await told(migrated, "/readyz") == (503, "not_ready")


async def test_a_job_that_waits_too_long_makes_it_degraded(migrated: Works, clock: Clock) -> None:
    async with migrated.begin(system("test"), RUN_SERVICE) as work:
        await jobs.put(work, "test.job", {})
    assert await told(migrated, "/readyz") == (200, "ready")
    clock.now += timedelta(minutes=16)
    assert await told(migrated, "/readyz") == (200, "degraded")


async def test_a_full_disk_makes_it_degraded(migrated: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _path: Usage(100, 91, 9))
    assert await told(migrated, "/readyz") == (200, "degraded")


async def test_an_instance_that_stops_is_not_ready(migrated: Works) -> None:
    stopping = Pulse()
    stopping.is_stopping = True
    assert await told(migrated, "/readyz", pulse=stopping) == (503, "stopping")
