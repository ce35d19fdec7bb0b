"""Counters, visits, presence, visit events and queue numbers in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from balie.db import Id, UtcInstant, metadata
from balie.desk.rules import IN_HAND, OPEN, Counter, Outcome, Visit, VisitState
from balie.errors import AlreadyHelping
from balie.ids import AppointmentId, CounterId, DeskId, new_id
from balie.work import Work

counter = Table(
    "counter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk_id", Id, nullable=False),
    Column("staff_id", Id, nullable=False),
    Column("label", String(60), nullable=False),
    Column("opened_at", UtcInstant, nullable=False),
    Column("closed_at", UtcInstant),
    Column("paused_at", UtcInstant),
    Column("last_seen_at", UtcInstant),
)
Index(
    "ux_counter_open",
    counter.c.staff_id,
    unique=True,
    sqlite_where=counter.c.closed_at.is_(None),
    postgresql_where=counter.c.closed_at.is_(None),
)

visit = Table(
    "visit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk_id", Id, nullable=False),
    Column("pool_id", Id),
    Column("product_id", Id, nullable=False),
    Column("appointment_id", Id, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("queue_number", Integer, nullable=False),
    Column("channel", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("outcome", String(20)),
    Column("version", Integer, nullable=False),
    Column("arrived_at", UtcInstant, nullable=False),
    Column("starts_at", UtcInstant, nullable=False),
    Column("state_changed_at", UtcInstant, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("priority_reason", String(40)),
    Column("is_late", Boolean, nullable=False),
    Column("is_ready", Boolean, nullable=False),
    Column("has_begun", Boolean, nullable=False),
    Column("staff_id", Id),
    Column("admit_count", Integer, nullable=False),
    Column("not_yet_count", Integer, nullable=False),
    Column("rung_at", UtcInstant),
    Column("ring_ends_at", UtcInstant),
    Column("ring_seen_at", UtcInstant),
    Column("begun_at", UtcInstant),
    Column("leg", Integer, nullable=False),
    Column("wake_up_at", UtcInstant),
    Column("hold_reason", String(40)),
    Column("interrupted_reason", String(20)),
    Column("needs", JSON, nullable=False),
    Column("note", Text, nullable=False),
    Column("first_estimate_low_minutes", Integer),
    Column("first_estimate_high_minutes", Integer),
    Column("has_reliable_times", Boolean, nullable=False),
    Column("rating", String(10)),
    Index("ix_visit_desk_state", "desk_id", "state"),
)
_in_hand = visit.c.state.in_([str(s) for s in sorted(IN_HAND)])
_open = visit.c.state != "finished"
Index("ux_visit_in_hand", visit.c.staff_id, unique=True, sqlite_where=_in_hand, postgresql_where=_in_hand)
Index("ux_visit_open", visit.c.appointment_id, unique=True, sqlite_where=_open, postgresql_where=_open)

visit_presence = Table(
    "visit_presence",
    metadata,
    Column("visit_id", Id, nullable=False),
    Column("participant", String(50), nullable=False),
    Column("state", String(10), nullable=False),  # here, away, lost, left
    Column("why", String(20)),
    Column("changed_at", UtcInstant, nullable=False),
    Column("last_seen_at", UtcInstant, nullable=False),
    Column("is_connected", Boolean, nullable=False),
    Column("device_state", String(200)),
    PrimaryKeyConstraint("visit_id", "participant"),
)

visit_event = Table(
    "visit_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("visit_id", Id, nullable=False),
    Column("happened_at", UtcInstant, nullable=False),
    Column("from_state", String(20)),
    Column("to_state", String(20), nullable=False),
    Column("actor", String(20), nullable=False),
    Column("staff_id", Id),
    Column("reason", String(60)),
    Column("leg", Integer, nullable=False),
    Index("ix_visit_event_visit_id", "visit_id", "happened_at"),
)

queue_number = Table(
    "queue_number",
    metadata,
    Column("desk_id", Id, nullable=False),
    Column("local_date", Date, nullable=False),
    Column("last_number", Integer, nullable=False),
    PrimaryKeyConstraint("desk_id", "local_date"),
)

_VISIT_FIELDS = [f.name for f in fields(Visit)]


def _visit(row: Row[Any]) -> Visit:
    values = {name: row._mapping[name] for name in _VISIT_FIELDS}
    values["state"] = VisitState(values["state"])
    values["outcome"] = Outcome(values["outcome"]) if values["outcome"] else None
    return Visit(**values)


def _values(one: Visit) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in _VISIT_FIELDS}
    values["needs"] = dict(one.needs)
    return values


async def add(work: Work, one: Visit, reason: str) -> None:
    """A new visit with its first event."""
    await work.db.execute(insert(visit).values(_values(one)))
    await _add_event(work, None, one, reason)


async def save(work: Work, before: Visit, after: Visit, reason: str) -> bool:
    """Compare-and-set on state and version; False when somebody was first. A change of state writes an event.

    Raises AlreadyHelping when its staff member has another visit in hand.
    """
    changed = {n: v for n, v in _values(after).items() if getattr(before, n) != getattr(after, n)}
    if not changed:
        return True
    guard = and_(visit.c.id == before.id, visit.c.state == before.state, visit.c.version == before.version)
    try:
        done = await work.db.execute(update(visit).where(guard).values(changed))
    except IntegrityError as error:  # ux_visit_in_hand: another tab of this staff member was first
        raise AlreadyHelping from error
    if done.rowcount != 1:
        return False
    if after.version != before.version:
        await _add_event(work, before, after, reason)
    return True


async def _add_event(work: Work, before: Visit | None, after: Visit, reason: str) -> None:
    row = {
        "id": new_id(),
        "visit_id": after.id,
        "happened_at": work.now,
        "from_state": before.state if before else None,
        "to_state": after.state,
        "actor": work.actor.kind,
        "staff_id": after.staff_id or (before.staff_id if before else None),
        "reason": reason,
        "leg": after.leg,
    }
    await work.db.execute(insert(visit_event).values(row))


async def visit_by_id(work: Work, visit_id: str) -> Visit | None:
    """The visit of this id."""
    row = (await work.db.execute(select(visit).where(visit.c.id == visit_id))).first()
    return _visit(row) if row else None


async def lock(work: Work, visit_id: str) -> None:
    """Let nobody else change this visit until the end of this Work (SQLite has one writer anyway)."""
    await work.db.execute(select(visit.c.id).where(visit.c.id == visit_id).with_for_update())


async def latest_of_appointment(work: Work, appointment_id: AppointmentId) -> Visit | None:
    """The open visit of an appointment, else the last finished one."""
    query = select(visit).where(visit.c.appointment_id == appointment_id)
    rows = [_visit(row) for row in await work.db.execute(query)]
    rows.sort(key=lambda v: (v.state is not VisitState.FINISHED, v.arrived_at))
    return rows[-1] if rows else None


async def open_at(work: Work, desk_id: str) -> list[Visit]:
    """Every open visit of a desk."""
    states = [str(s) for s in OPEN]
    query = select(visit).where(visit.c.desk_id == desk_id, visit.c.state.in_(states))
    return [_visit(row) for row in await work.db.execute(query)]


async def open_everywhere(work: Work) -> list[Visit]:
    """Every open visit, for the sweep."""
    query = select(visit).where(visit.c.state.in_([str(s) for s in OPEN]))
    return [_visit(row) for row in await work.db.execute(query)]


async def finished_on(work: Work, desk_id: str, local_date: date) -> list[Visit]:
    """The finished visits of a day at a desk, newest first."""
    query = (
        select(visit)
        .where(visit.c.desk_id == desk_id, visit.c.local_date == local_date, visit.c.state == "finished")
        .order_by(visit.c.state_changed_at.desc())
    )
    return [_visit(row) for row in await work.db.execute(query)]


async def visits_of_staff(work: Work, staff_id: str) -> list[Visit]:
    """The open visits that a staff member owns."""
    query = select(visit).where(visit.c.staff_id == staff_id, visit.c.state != "finished")
    return [_visit(row) for row in await work.db.execute(query)]


async def recent_minutes(work: Work, desk_id: str, product_id: str, limit: int) -> list[float]:
    """Minutes from begin to finish of the last visits that were helped, newest first."""
    query = (
        select(visit.c.begun_at, visit.c.state_changed_at)
        .where(
            visit.c.desk_id == desk_id,
            visit.c.product_id == product_id,
            visit.c.state == "finished",
            visit.c.outcome.in_(["helped", "follow_up"]),
            visit.c.has_reliable_times,
            visit.c.begun_at.is_not(None),
        )
        .order_by(visit.c.state_changed_at.desc())
        .limit(limit)
    )
    rows = (await work.db.execute(query)).all()
    return [(row.state_changed_at - row.begun_at).total_seconds() / 60 for row in rows]


async def next_number(work: Work, desk_id: DeskId, local_date: date) -> int:
    """The next queue number of a day; two at once never get the same."""
    make = pg_insert if work.db.dialect == "postgresql" else sqlite_insert
    first = make(queue_number).values(desk_id=desk_id, local_date=local_date, last_number=1)
    raise_it = first.on_conflict_do_update(
        index_elements=["desk_id", "local_date"], set_={"last_number": queue_number.c.last_number + 1}
    ).returning(queue_number.c.last_number)
    number: int = await work.db.scalar(raise_it)
    return number


async def events_of(work: Work, visit_id: str) -> Sequence[Row[Any]]:
    """The events of a visit in order."""
    query = select(visit_event).where(visit_event.c.visit_id == visit_id).order_by(visit_event.c.happened_at)
    return (await work.db.execute(query)).all()


def _counter(row: Row[Any]) -> Counter:
    return Counter(**row._mapping)


async def open_counter_of(work: Work, staff_id: str) -> Counter | None:
    """The counter that a staff member has open."""
    query = select(counter).where(counter.c.staff_id == staff_id, counter.c.closed_at.is_(None))
    row = (await work.db.execute(query)).first()
    return _counter(row) if row else None


async def open_counters(work: Work, desk_id: str) -> list[Counter]:
    """The open counters of a desk."""
    query = select(counter).where(counter.c.desk_id == desk_id, counter.c.closed_at.is_(None))
    return [_counter(row) for row in await work.db.execute(query)]


async def add_counter(work: Work, one: Counter) -> None:
    """A counter that has just been opened; nothing when another tab opened one at the same moment."""
    make = pg_insert if work.db.dialect == "postgresql" else sqlite_insert
    values = {f.name: getattr(one, f.name) for f in fields(Counter)}
    await work.db.execute(make(counter).values(values).on_conflict_do_nothing())


async def change_counter(work: Work, counter_id: CounterId, **values: Any) -> None:
    """Close, pause or see a counter."""
    await work.db.execute(update(counter).where(counter.c.id == counter_id).values(values))


async def presence_of(work: Work, visit_ids: Sequence[str]) -> dict[tuple[str, str], Row[Any]]:
    """Presence rows by visit and participant."""
    query = select(visit_presence).where(visit_presence.c.visit_id.in_(visit_ids))
    return {(row.visit_id, row.participant): row for row in await work.db.execute(query)}


async def put_presence(work: Work, visit_id: str, participant: str, **values: Any) -> None:
    """Write what is known of a participant's presence."""
    make = pg_insert if work.db.dialect == "postgresql" else sqlite_insert
    first = {
        "state": "here",
        "changed_at": work.now,
        "last_seen_at": work.now,
        "is_connected": False,
        **values,
        "visit_id": visit_id,
        "participant": participant,
    }
    statement = make(visit_presence).values(first)
    await work.db.execute(
        statement.on_conflict_do_update(index_elements=["visit_id", "participant"], set_=values or first)
    )


async def destroy_presence(work: Work, visit_id: str) -> None:
    """Forget the presence of a finished visit."""
    await work.db.execute(delete(visit_presence).where(visit_presence.c.visit_id == visit_id))


async def destroy_before(work: Work, day: date) -> int:
    """Forget up to 1,000 finished visits of before `day`, with their events; figures of `full` come before it."""
    old = select(visit.c.id).where(visit.c.local_date < day, visit.c.state == "finished").limit(1000)
    ids = [row.id for row in await work.db.execute(old)]
    await work.db.execute(delete(visit_event).where(visit_event.c.visit_id.in_(ids)))
    await work.db.execute(delete(visit_presence).where(visit_presence.c.visit_id.in_(ids)))
    await work.db.execute(delete(visit).where(visit.c.id.in_(ids)))
    return len(ids)


async def destroy_numbers_before(work: Work, day: date) -> int:
    """Forget the queue numbers of before `day`."""
    return (await work.db.execute(delete(queue_number).where(queue_number.c.local_date < day))).rowcount


async def destroy_counters_before(work: Work, instant: datetime) -> int:
    """Forget counters that were closed before `instant`."""
    return (await work.db.execute(delete(counter).where(counter.c.closed_at < instant))).rowcount
