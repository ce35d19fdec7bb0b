"""What every test may ask for: a clock, a real database, a keyring, an application of some features."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

import balie.jobs  # noqa: F401  the job table belongs to every database
from balie.bus import Bus
from balie.db import create_engine, metadata
from balie.events import Listeners
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.web import logs
from balie.work import Works


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Go on by a timedelta: `clock.move(minutes=5)`."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """Friday 4 December 2026, 14:00 in Amsterdam."""
    return Clock(datetime(2026, 12, 4, 13, 0, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Demo settings with a database of this test alone."""
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys")


@pytest.fixture
def keyring() -> Keyring:
    """Keys of this test run."""
    return Keyring({name: name.encode().ljust(32, b".") for name in ("master", "link", "pepper")})


async def create_tables(engine: AsyncEngine) -> None:
    """All tables that the imported stores define."""
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


@pytest.fixture
async def works(settings: Settings, clock: Clock, keyring: Keyring) -> AsyncIterator[Works]:
    """Works on a fresh SQLite database with the tables of every store that the test imported."""
    engine = create_engine(settings.database)
    await create_tables(engine)
    made = Works(engine, settings, Listeners(), clock)
    made.put(Keyring, keyring)
    made.put(Bus, Bus())
    made.put(Wake, Wake())
    yield made
    await engine.dispose()


@pytest.fixture
def now(clock: Clock) -> datetime:
    """The time at which the test begins."""
    return clock.now


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """Everything that is logged, with the configuration that the server has."""
    root, access = logging.getLogger(), logging.getLogger("aiohttp.access")
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.REDACTIONS.total = 0
    logs.configure("r1", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    access.disabled = False
