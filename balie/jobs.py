"""Work without a visitor: rows put in the same transaction, leased, tried again, given up loudly."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Column, Index, Integer, String, Table, Text, delete, insert, or_, select, update

from balie.actors import RUN_SERVICE, system
from balie.db import Id, UtcInstant, metadata
from balie.ids import new_id
from balie.work import Work, Works

LEASE_S = 60
FIRST_DELAY_S = 10
LONGEST_DELAY_S = 3600
DEAD_KEPT = timedelta(days=30)
GIVE_UP_AFTER = timedelta(hours=24)

JobFunction = Callable[[Works, dict[str, Any]], Awaitable[None]]
log = structlog.get_logger()

job = Table(
    "job",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String(10), nullable=False),  # waiting, dead
    Column("attempts", Integer, nullable=False),
    Column("put_at", UtcInstant, nullable=False),
    Column("next_try_at", UtcInstant, nullable=False),
    Column("lease_until", UtcInstant),
    Index("ix_job_due", "state", "next_try_at"),
)


class Stop(Exception):
    """Raised by a job that can never succeed: it is given up at once."""


class Wake:
    """Tells the runner that a job was put, so that it need not wait for its next look."""

    def __init__(self) -> None:
        self.event = asyncio.Event()


async def put(work: Work, kind: str, payload: dict[str, Any], run_at: datetime | None = None) -> None:
    """Put a job in this transaction; the payload holds ids, never personal data."""
    row = {
        "id": new_id(),
        "kind": kind,
        "payload": json.dumps(payload),
        "state": "waiting",
        "attempts": 0,
        "put_at": work.now,
        "next_try_at": run_at or work.now,
    }
    await work.db.execute(insert(job).values(row))
    work.after_commit(work.get(Wake).event.set)


class Runner:
    """Runs due jobs one after another until it is cancelled."""

    def __init__(self, works: Works, functions: dict[str, JobFunction], look_every_s: float = 2.0) -> None:
        self._works = works
        self._functions = functions
        self._look_every_s = look_every_s

    async def run(self) -> None:
        """Look for due jobs whenever one was put, and every few seconds."""
        wake = self._works.get(Wake).event
        while True:
            wake.clear()
            try:
                while await self.run_one():
                    pass
            except Exception as error:  # the database may be away for a while
                log.error("jobs_look_failed", error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), self._look_every_s)

    async def run_one(self) -> bool:
        """Lease and run one due job; False when none is due."""
        leased = await self._lease()
        if leased is None:
            return False
        try:
            await self._functions[leased["kind"]](self._works, json.loads(leased["payload"]))
        except Exception as error:
            await self._put_off(leased, error)
        else:
            async with self._work() as work:
                await work.db.execute(delete(job).where(job.c.id == leased["id"]))
        return True

    def _work(self) -> Any:
        return self._works.begin(system("jobs"), RUN_SERVICE)

    async def _lease(self) -> dict[str, Any] | None:
        async with self._works.begin(system("jobs"), RUN_SERVICE, writes=False) as work:
            due = (await work.db.execute(_due(work.now))).mappings().first()
        if due is None:
            return None
        async with self._work() as work:
            lease = update(job).where(job.c.id == due["id"], job.c.attempts == due["attempts"], _is_free(work.now))
            done = await work.db.execute(
                lease.values(lease_until=work.now + timedelta(seconds=LEASE_S), attempts=due["attempts"] + 1)
            )
        return {**due, "attempts": due["attempts"] + 1} if done.rowcount else await self._lease()

    async def _put_off(self, leased: dict[str, Any], error: Exception) -> None:
        async with self._work() as work:
            is_dead = isinstance(error, Stop) or work.now - leased["put_at"] > GIVE_UP_AFTER
            delay = min(FIRST_DELAY_S * 2 ** (leased["attempts"] - 1), LONGEST_DELAY_S) * random.uniform(0.8, 1.2)
            await work.db.execute(
                update(job)
                .where(job.c.id == leased["id"])
                .values(
                    state="dead" if is_dead else "waiting",
                    lease_until=None,
                    next_try_at=work.now + timedelta(seconds=delay),
                )
            )
        log.warning("job_given_up" if is_dead else "job_put_off", kind=leased["kind"], error=type(error).__name__)


def _is_free(now: datetime) -> Any:
    return or_(job.c.lease_until.is_(None), job.c.lease_until < now)


def _due(now: datetime) -> Any:
    query = select(job.c.id, job.c.kind, job.c.payload, job.c.attempts, job.c.put_at)
    return (
        query.where(job.c.state == "waiting", job.c.next_try_at <= now, _is_free(now))
        .order_by(job.c.next_try_at)
        .limit(1)
    )


async def oldest_due(work: Work) -> datetime | None:
    """Since when the oldest due job waits, for `/readyz`."""
    oldest: datetime | None = await work.db.scalar(
        select(job.c.next_try_at).where(job.c.state == "waiting").order_by(job.c.next_try_at).limit(1)
    )
    return oldest


async def destroy_dead(work: Work, now: datetime) -> int:
    """Destroy jobs that were given up, once operators had time to look."""
    old = select(job.c.id).where(job.c.state == "dead", job.c.put_at < now - DEAD_KEPT).limit(1000)
    ids = [row.id for row in await work.db.execute(old)]
    await work.db.execute(delete(job).where(job.c.id.in_(ids)))
    return len(ids)
