"""/healthz: does the loop turn; /readyz: can this instance serve; no details for strangers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from aiohttp import web

from balie.actors import RUN_SERVICE, system
from balie.db import TOUCH_VERSION
from balie.jobs import oldest_due
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.keys import WORKS
from balie.work import Works

MOST_LAG_S = 0.5
OLDEST_JOB = timedelta(minutes=15)
_TICK_S = 0.5
_CHECK_S = 5.0
log = structlog.get_logger()


@dataclass(frozen=True)
class Check:
    """Something that this instance needs; without a part that is not required it is degraded, not away.

    `run(works)` answers whether it is well; raising or taking five seconds is a no.
    """

    name: str
    run: Callable[[Works], Awaitable[bool]]
    is_required: bool = True


class Pulse:
    """How late the loop last was, and whether the server was told to stop."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self.is_stopping = False

    async def beat(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.lag_s = loop.time() - due


class Health:
    """The two addresses, for the checks of one application."""

    def __init__(self, checks: Sequence[Check], pulse: Pulse) -> None:
        self._checks = checks
        self._pulse = pulse

    async def is_healthy(self, request: web.Request) -> web.Response:
        """GET /healthz: 200 while the loop turns in time."""
        is_well = self._pulse.lag_s < MOST_LAG_S
        return _told("ok" if is_well else "slow", 200 if is_well else 503)

    async def is_ready(self, request: web.Request) -> web.Response:
        """GET /readyz: 200 while everything required answers; "degraded" when something optional does not."""
        if self._pulse.is_stopping:
            return _told("stopping", 503)
        works = request.app[WORKS]
        answers = await asyncio.gather(*(_passes(check, works) for check in self._checks))
        failed = [check for check, is_well in zip(self._checks, answers, strict=True) if not is_well]
        if failed:
            log.warning("not_ready", failed=[check.name for check in failed])
        if any(check.is_required for check in failed):
            return _told("not_ready", 503)
        return _told("degraded" if failed else "ready", 200)

    async def beating(self, app: web.Application) -> AsyncIterator[None]:
        """Measures the loop while the application runs."""
        task = asyncio.create_task(self._pulse.beat())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def database_writes(works: Works) -> bool:
    """Whether a write goes through; it is rolled back."""
    return await _version(works) is not None


async def migrations_at(newest: str | None, works: Works) -> bool:
    """Whether the database stands at the newest migration of this code."""
    return await _version(works) == newest


async def jobs_run(works: Works) -> bool:
    """Whether no due job has waited for a quarter of an hour."""
    async with works.begin(system("health"), RUN_SERVICE, writes=False) as work:
        oldest = await oldest_due(work)
        return oldest is None or work.now - oldest < OLDEST_JOB


async def disk_has_room(works: Works) -> bool:
    """Whether a tenth of the disk is free; under that, uploads are refused and the rest goes on."""
    usage = await asyncio.to_thread(shutil.disk_usage, works.settings.data_dir)
    return usage.free * 10 >= usage.total


def feature(newest_migration: str | None, checks: Sequence[Check] = (), pulse: Pulse | None = None) -> Feature:
    """The feature health. `checks` are those of others, such as key files; `pulse` is told of a stop."""
    own = [
        Check("database", database_writes),
        Check("migrations", partial(migrations_at, newest_migration)),
        Check("jobs", jobs_run, is_required=False),
        Check("disk", disk_has_room, is_required=False),
    ]
    health = Health([*own, *checks], pulse or Pulse())
    return Feature(
        name="health",
        routes=[
            Route("GET", "/healthz", health.is_healthy, "health.is_healthy", Access.PUBLIC),
            Route("GET", "/readyz", health.is_ready, "health.is_ready", Access.PUBLIC),
        ],
        contexts=[health.beating],
    )


class _Enough(Exception):
    """Ends a piece of work without a commit."""


async def _version(works: Works) -> str | None:
    version: str | None = None
    with suppress(_Enough):
        async with works.begin(system("health"), RUN_SERVICE) as work:
            version = await work.db.scalar(TOUCH_VERSION)
            raise _Enough
    return version


async def _passes(check: Check, works: Works) -> bool:
    try:
        return await asyncio.wait_for(check.run(works), _CHECK_S)
    except Exception as error:
        log.warning("check_failed", check=check.name, error=type(error).__name__)
        return False


def _told(status: str, code: int) -> web.Response:
    return web.json_response({"status": status}, status=code, headers={"Cache-Control": "no-store"})
