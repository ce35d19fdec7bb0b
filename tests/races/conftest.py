"""Works on a PostgreSQL database of one test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import balie.booking.store
import balie.identity.store
import balie.privacy.store  # noqa: F401
from balie.bus import Bus
from balie.db import create_engine
from balie.events import Listeners
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works
from tests.conftest import Clock, create_tables
from tests.servers import fresh_database


@pytest.fixture
async def database_url() -> str:
    """A fresh database on the run's own server."""
    return await fresh_database()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", database_url=database_url)


@pytest.fixture
async def works(settings: Settings, clock: Clock, keyring: Keyring) -> AsyncIterator[Works]:
    """The same as on SQLite, on PostgreSQL."""
    engine = create_engine(settings.database)
    await create_tables(engine)
    made = Works(engine, settings, Listeners(), clock)
    made.put(Keyring, keyring)
    made.put(Bus, Bus())
    made.put(Wake, Wake())
    yield made
    await engine.dispose()
