"""Runs the migrations over the database of the settings, or over the connection that a test hands in."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

import balie.tables  # noqa: F401  completes the metadata
from balie.db import create_engine, metadata
from balie.settings import Settings


def migrate(connection: Connection) -> None:
    """Bring this connection's database to the newest migration."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_own() -> None:
    """The same over an engine of our own."""
    engine = create_engine(Settings().database)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_own())
