"""Works on a PostgreSQL database of one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

import balie.booking.store
import balie.identity.store
import balie.privacy.store  # noqa: F401
from balie.bus import Bus
from balie.db import create_engine
from balie.events import Listeners
from balie.ids import new_id
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works
from tests.conftest import Clock, create_tables
from tests.leaving_out import leave_out
from tests.machine import find
from tests.races.postgres import cluster


@pytest.fixture(scope="session")
def postgresql_port() -> Iterator[int]:
    """One cluster for all races."""
    if find("postgres") is None:
        leave_out("postgresql")
    with cluster() as port:
        yield port


@pytest.fixture
async def database_url(postgresql_port: int) -> str:
    """A fresh database."""
    name = "balie_" + new_id().replace("-", "")
    connection = await asyncpg.connect(host="127.0.0.1", port=postgresql_port, user="balie", database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"postgresql+asyncpg://balie@127.0.0.1:{postgresql_port}/{name}"


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
