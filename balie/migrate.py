"""Brings the database to the newest migration."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

FOLDER = Path(__file__).parent.parent / "migrations"


def config() -> Config:
    """Where the migrations are."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    return made


def newest() -> str | None:
    """The newest migration of this code."""
    return ScriptDirectory.from_config(config()).get_current_head()


def _upgrade(connection: Connection) -> None:
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")


def current(connection: Connection) -> str | None:
    """The migration that this database stands at."""
    return MigrationContext.configure(connection).get_current_revision()


async def migrate(engine: AsyncEngine) -> None:
    """Run what is missing; two processes at once are safe on PostgreSQL and on SQLite."""
    async with engine.connect() as connection:
        await connection.run_sync(_upgrade)
        await connection.commit()
