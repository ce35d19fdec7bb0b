"""The two logs that are written with the data they tell about: processing log and audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, String, Table, delete, insert, select

from balie.db import Id, UtcInstant, metadata
from balie.work import Work

processing_log = Table(
    "processing_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("trace_id", String(32), nullable=False),
    Column("span_id", String(16), nullable=False),
    Column("parent_span_id", String(16)),
    Column("name", String(100), nullable=False),
    Column("status", String(10), nullable=False),
    Column("started_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant, nullable=False),
    Column("processing_activity_id", String(200), nullable=False),
    Column("data_subject_id", String(64), nullable=False),  # a pseudonym, never a citizen id
    Column("data_subject_id_type", String(40), nullable=False),
    Index("ix_processing_log_subject", "data_subject_id", "started_at"),
    Index("ix_processing_log_started_at", "started_at", "id"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcInstant, nullable=False),
    Column("actor", String(64), nullable=False),  # a pseudonym
    Column("actor_kind", String(10), nullable=False),
    Column("actor_role", String(60), nullable=False),
    Column("action", String(100), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("relation", String(20)),
    Column("result", String(10), nullable=False),
    Column("reason_code", String(40)),
    Column("origin", String(40)),
    Column("trace_id", String(32), nullable=False),
    Index("ix_audit_log_object", "object_id", "at"),
    Index("ix_audit_log_at", "at", "id"),
)


async def add_processing(work: Work, row: dict[str, Any]) -> None:
    """One line of the processing log."""
    await work.db.execute(insert(processing_log).values(row))


async def add_audit(work: Work, row: dict[str, Any]) -> None:
    """One line of the audit log."""
    await work.db.execute(insert(audit_log).values(row))


async def destroy_processing(work: Work, before: datetime, limit: int) -> int:
    """Destroy at most `limit` lines of before a moment; how many there were."""
    return await _destroy(work, processing_log, processing_log.c.started_at, before, limit)


async def destroy_audit(work: Work, before: datetime, limit: int) -> int:
    """Destroy at most `limit` lines of before a moment; how many there were."""
    return await _destroy(work, audit_log, audit_log.c.at, before, limit)


async def _destroy(work: Work, table: Table, at: Column[datetime], before: datetime, limit: int) -> int:
    past = select(table.c.id).where(at < before).order_by(at, table.c.id).limit(limit)
    return (await work.db.execute(delete(table).where(table.c.id.in_(past)))).rowcount
