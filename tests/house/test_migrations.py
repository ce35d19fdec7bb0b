"""Migrating an empty database gives exactly the tables that the stores describe, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

import balie.tables  # noqa: F401
from balie.db import create_engine, metadata
from balie.migrate import config, current, migrate, newest
from tests.servers import fresh_database


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def partial_indexes(connection: Connection) -> dict[str, str]:
    """The condition of each partial index: the comparison of alembic does not look at it."""
    dialect, found = connection.dialect.name, {}
    for table in metadata.tables:
        for index in inspect(connection).get_indexes(table):
            condition = index.get("dialect_options", {}).get(f"{dialect}_where")
            if condition is not None and index["name"] is not None:
                found[index["name"]] = str(condition)
    return found


def wanted_partial(dialect: str) -> set[str]:
    indexes = [index for table in metadata.tables.values() for index in table.indexes]
    return {str(i.name) for i in indexes if i.dialect_options[dialect].get("where") is not None}


def keys(connection: Connection) -> dict[str, tuple[str, ...]]:
    looked_at = inspect(connection)
    return {name: tuple(looked_at.get_pk_constraint(name)["constrained_columns"]) for name in metadata.tables}


async def check(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        assert set(await connection.run_sync(partial_indexes)) == wanted_partial(engine.dialect.name)
        wanted = {name: tuple(c.name for c in table.primary_key) for name, table in metadata.tables.items()}
        assert await connection.run_sync(keys) == wanted
        assert await connection.run_sync(current) == newest()
    await migrate(engine)  # once more changes nothing
    await engine.dispose()


async def test_an_empty_sqlite_database_becomes_what_the_stores_describe(tmp_path: Path) -> None:
    await check(create_engine(f"sqlite+aiosqlite:///{tmp_path / 'balie.sqlite3'}"))


@pytest.mark.postgresql
async def test_an_empty_postgresql_database_becomes_what_the_stores_describe() -> None:
    await check(create_engine(await fresh_database()))


def test_there_is_one_newest_migration() -> None:
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_no_table_has_a_check_that_alembic_would_not_compare() -> None:
    checked = [
        f"{table.name}.{constraint.name}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    assert checked == []
