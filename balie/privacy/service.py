"""Write both logs with the data they tell about; each night destroy what is past its period."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from balie.actors import RUN_SERVICE, Purpose, Role, system
from balie.ids import new_id
from balie.privacy import store
from balie.privacy.rules import AUDIT_LOG_DAYS, BATCH, PROCESSING_LOG_DAYS, older_than
from balie.privacy.sealing import Keyring
from balie.work import Work, Works

log = structlog.get_logger()


class RetentionRule(Protocol):
    """What this needs of a table's rule; `web/features.py: TableRule` is one."""

    @property
    def table(self) -> str: ...

    @property
    def destroy(self) -> Callable[[Work, datetime], Awaitable[int]] | None: ...


class RetentionRules:
    """The rules of every table of every feature, as `app.py` collected them."""

    def __init__(self, rules: Iterable[RetentionRule]) -> None:
        self.rules = tuple(rules)


async def log_processing(
    work: Work, activity: Purpose | None = None, *, data_subject: str, name: str | None = None
) -> None:
    """One line per processing activity and data subject, in this transaction: no line, no commit.

    `data_subject` is a citizen id, or a keyed hash for somebody unproven; only its pseudonym is kept.
    """
    activity = activity or work.purpose
    await store.add_processing(
        work,
        {
            "id": new_id(),
            "trace_id": _trace_id(),
            "span_id": secrets.token_hex(8),
            "name": name or activity.name,
            "status": "ok",
            "started_at": work.now,
            "ended_at": work.now,
            "processing_activity_id": activity.uri,
            "data_subject_id": subject_pseudonym(work, data_subject),
            "data_subject_id_type": "urn:balie:pseudonym",
        },
    )


async def audit(
    work: Work,
    action: str,
    object_id: str,
    result: str = "allowed",
    *,
    relation: str | None = None,
    reason_code: str | None = None,
) -> None:
    """One line about who did what, in this transaction. For a refusal, begin a Work of its own."""
    actor = work.actor
    who = actor.id or actor.verification_id or actor.session_id or actor.kind
    await store.add_audit(
        work,
        {
            "id": new_id(),
            "at": work.now,
            "actor": work.get(Keyring).keyed_hash("actor", who),
            "actor_kind": actor.kind.value,
            "actor_role": _roles(actor.roles) or actor.participant or actor.channel or actor.kind.value,
            "action": action,
            "object_id": object_id,
            "purpose": work.purpose.name,
            "relation": relation,
            "result": result,
            "reason_code": reason_code,
            "trace_id": _trace_id(),
        },
    )


def subject_pseudonym(work: Work, data_subject: str) -> str:
    """The pseudonym under which the processing log knows somebody."""
    return work.get(Keyring).keyed_hash("data_subject", data_subject)


async def destroy_past_period(works: Works) -> Mapping[str, int]:
    """Destroy what is past its period, table by table, in batches; how many rows of each.

    A table that fails is told loudly and does not keep the others waiting.
    """
    counts: dict[str, int] = {}
    for rule in works.get(RetentionRules).rules:
        if rule.destroy is None:
            continue
        try:
            counts[rule.table] = await _destroy_all(works, rule.destroy)
        except Exception as error:
            log.error("retention_failed", table=rule.table, error=type(error).__name__)
    log.info("retention_done", destroyed=sum(counts.values()), tables=len(counts))
    return counts


async def _destroy_all(works: Works, destroy: Callable[[Work, datetime], Awaitable[int]]) -> int:
    total = 0
    while True:
        async with works.begin(system("retention"), RUN_SERVICE) as work:
            destroyed = await destroy(work, work.now)
        total += destroyed
        if destroyed < BATCH:
            return total


async def destroy_processing_log(work: Work, now: datetime) -> int:
    """Destroy lines of the processing log that are past the register's period."""
    return await store.destroy_processing(work, older_than(now, PROCESSING_LOG_DAYS), BATCH)


async def destroy_audit_log(work: Work, now: datetime) -> int:
    """Destroy lines of the audit log that are past their period."""
    return await store.destroy_audit(work, older_than(now, AUDIT_LOG_DAYS), BATCH)


def _roles(roles: frozenset[Role]) -> str:
    return ",".join(sorted(role.value for role in roles))


def _trace_id() -> str:
    bound = structlog.contextvars.get_contextvars().get("trace_id")
    return bound if isinstance(bound, str) else secrets.token_hex(16)
