"""The PostgreSQL of a test run: one cluster, started when a test first asks, and a fresh database for each."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache

import asyncpg

from balie.ids import new_id
from tests.leaving_out import leave_out
from tests.machine import find
from tests.races.postgres import cluster


@cache
def postgresql_port() -> int:
    """The port of the run's cluster; without PostgreSQL on this machine the test is left out."""
    if find("postgres") is None:
        leave_out("postgresql")
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(cluster())


async def fresh_database() -> str:
    """An empty database of its own, as an address for SQLAlchemy."""
    port, name = postgresql_port(), "balie_" + new_id().replace("-", "")
    connection = await asyncpg.connect(host="127.0.0.1", port=port, user="balie", database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"postgresql+asyncpg://balie@127.0.0.1:{port}/{name}"
