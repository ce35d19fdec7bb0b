"""Tables and SQL of desks, pools, products, hours, appointments, claims and messages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    RowMapping,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from balie.actors import AssuranceLevel
from balie.booking.rules import (
    DESK_COLUMNS,
    DESK_SETTINGS,
    Appointment,
    AppointmentState,
    Audience,
    Channel,
    ContactDetails,
    DeliveryState,
    Desk,
    DocumentSlot,
    Identification,
    Message,
    MessageKind,
    Needs,
    Pool,
    PoolKind,
    Product,
    ProductLine,
    ProductState,
)
from balie.booking.slots import ClosedDay, ClosedDayState, HoursKind, LocalPeriod, WeeklyHours
from balie.db import Id, UtcInstant, metadata
from balie.errors import AlreadyBooked
from balie.ids import AppointmentId, DeskId, InvitationId, MessageId, PoolId, ProductId
from balie.privacy.sealing import Keyring
from balie.work import Work, is_lost_race

HELD, BOOKED = AppointmentState.HELD.value, AppointmentState.BOOKED.value

desk = Table(
    "desk",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("phone_number", String(30), nullable=False),
    Column("is_walk_in_open", Boolean, nullable=False),
    Column("queue_prefix", String(4), nullable=False),
    Column("default_team_id", Id),
    Column("settings", JSON, nullable=False),
)

pool = Table(
    "pool",
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk_id", Id, ForeignKey("desk.id"), nullable=False, index=True),
    Column("parent_id", Id, ForeignKey("pool.id")),
    Column("name", String(80), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("rules_version", Integer, nullable=False),
)

product = Table(
    "product",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(60), nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    Column("name", JSON, nullable=False),
    Column("plain_name", JSON, nullable=False),
    Column("explanation", JSON, nullable=False),
    Column("preparation", JSON, nullable=False),
    Column("duration_minutes", Integer, nullable=False),
    Column("buffer_minutes", Integer, nullable=False),
    Column("slot_step_minutes", Integer, nullable=False),
    Column("extra_per_person_minutes", Integer, nullable=False),
    Column("max_persons", Integer, nullable=False),
    Column("simplified_factor", Float, nullable=False),
    Column("lead_minutes", Integer, nullable=False),
    Column("staff_lead_minutes", Integer, nullable=False),
    Column("horizon_days", Integer, nullable=False),
    Column("reschedule_until_minutes", Integer, nullable=False),
    Column("cancel_until_minutes", Integer, nullable=False),
    Column("check_in_opens_minutes", Integer, nullable=False),
    Column("no_show_grace_minutes", Integer, nullable=False),
    Column("bookable_by", String(10), nullable=False),
    Column("is_open_on_closed_days", Boolean, nullable=False),
    Column("is_walk_in", Boolean, nullable=False),
    Column("quarantine_minutes", Integer, nullable=False),
    Column("reminders", JSON),
    Column("identification", String(10), nullable=False),
    Column("minimum_level", String(12), nullable=False),
    Column("has_partner_identification", Boolean, nullable=False),
    Column("has_strict_binding", Boolean, nullable=False),
    Column("is_discreet", Boolean, nullable=False),
    Column("is_confidential", Boolean, nullable=False),
    Column("purpose", String(200), nullable=False),
    Column("domain", String(60), nullable=False),
    Column("department", String(80), nullable=False),
    Column("case_days", Integer, nullable=False),
    Column("follow_up_days", Integer, nullable=False),
    Column("retention_period", Integer, nullable=False),  # days
    Column("is_retention_confirmed", Boolean, nullable=False),
    Column("selection_list_category", String(60)),
    Column("case_type", String(200)),
    Column("text_blocks", JSON),
)

document_slot = Table(
    "document_slot",
    metadata,
    Column("product_id", Id, ForeignKey("product.id"), nullable=False),
    Column("code", String(40), nullable=False),
    Column("name", JSON, nullable=False),
    Column("plain_name", JSON, nullable=False),
    Column("help", JSON, nullable=False),
    Column("example_picture", String(120)),
    Column("given_by", String(10), nullable=False),
    Column("moment", String(10), nullable=False),
    Column("max_count", Integer, nullable=False),
    Column("is_required", Boolean, nullable=False),
    Column("is_id_copy", Boolean, nullable=False),
    Column("unmasked_basis", String(200)),
    Column("keep_original", String(200)),
    Column("case_document_type", String(200)),
    Column("confidentiality", String(40)),
    Column("retain_days", Integer, nullable=False),
    PrimaryKeyConstraint("product_id", "code"),
)

product_pool = Table(
    "product_pool",
    metadata,
    Column("product_id", Id, ForeignKey("product.id"), nullable=False),
    Column("desk_id", Id, ForeignKey("desk.id"), nullable=False),
    Column("pool_id", Id, ForeignKey("pool.id"), nullable=False),
    PrimaryKeyConstraint("product_id", "pool_id"),
)

opening_hours = Table(
    "opening_hours",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pool_id", Id, ForeignKey("pool.id"), nullable=False, index=True),
    Column("kind", String(12), nullable=False),
    Column("weekday", Integer, nullable=False),
    Column("from_local", String(5), nullable=False),
    Column("until_local", String(5), nullable=False),
    Column("first_date", Date),
    Column("last_date", Date),
    Column("seats_public", Integer, nullable=False),
    Column("seats_staff", Integer, nullable=False),
)

special_hours = Table(
    "special_hours",
    metadata,
    Column("id", Id, primary_key=True),
    Column("pool_id", Id, ForeignKey("pool.id"), nullable=False),
    Column("local_date", Date, nullable=False),
    Column("periods", JSON, nullable=False),
    UniqueConstraint("pool_id", "local_date"),
)

closed_day = Table(
    "closed_day",
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk_id", Id, ForeignKey("desk.id")),
    Column("local_date", Date, nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("source", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("decided_by", Id),
    Column("decided_at", UtcInstant),
)

appointment = Table(
    "appointment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reference", String(8), nullable=False, unique=True),
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("desk_id", Id, ForeignKey("desk.id"), nullable=False),
    Column("citizen_id", Id),
    Column("product_lines", JSON, nullable=False),
    Column("starts_at", UtcInstant, nullable=False),
    Column("starts_local", String(16), nullable=False),
    Column("ends_at", UtcInstant, nullable=False),
    Column("buffer_minutes", Integer, nullable=False),
    Column("expires_at", UtcInstant),
    Column("was_extended", Boolean, nullable=False),
    Column("needs", JSON, nullable=False),
    Column("name_sealed", LargeBinary),
    Column("contact_details_sealed", LargeBinary),
    Column("contact_hash", String(64), index=True),
    Column("idempotency_key", String(64), unique=True),
    Column("booked_by", String(64), index=True),
    Column("booked_at", UtcInstant),
    Column("ics_sequence", Integer, nullable=False),
    Column("conflict_reason", String(40)),
    Column("is_over_capacity", Boolean, nullable=False),
    Column("cancelled_by", String(12)),
    Column("cancel_reason", String(200)),
    Column("release_claims_at", UtcInstant),
    Index("ix_appointment_desk", "desk_id", "starts_at"),
    Index("ix_appointment_due", "state", "starts_at"),
)
_open = appointment.c.state.in_((HELD, BOOKED))
Index(
    "uq_appointment_contact",
    appointment.c.contact_hash,
    appointment.c.starts_at,
    unique=True,
    postgresql_where=_open,
    sqlite_where=_open,
)
_held = appointment.c.state == HELD
Index("uq_appointment_hold", appointment.c.booked_by, unique=True, postgresql_where=_held, sqlite_where=_held)

# The primary key is what prevents double booking: the check before the insert only chooses the seat.
claim = Table(
    "claim",
    metadata,
    Column("pool_id", Id, ForeignKey("pool.id"), nullable=False),
    Column("tick", Integer, nullable=False),
    Column("seat", Integer, nullable=False),
    Column("appointment_id", Id, nullable=False, index=True),
    PrimaryKeyConstraint("pool_id", "tick", "seat"),
    UniqueConstraint("pool_id", "appointment_id", "tick"),
    ForeignKeyConstraint(["appointment_id"], ["appointment.id"]),
)

appointment_event = Table(
    "appointment_event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("appointment_id", Id, ForeignKey("appointment.id"), nullable=False, index=True),
    Column("happened_at", UtcInstant, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("actor", String(60), nullable=False),
    Column("old_starts_at", UtcInstant),
    Column("new_starts_at", UtcInstant),
    Column("reason", String(200)),
)

message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appointment_id", Id, ForeignKey("appointment.id"), nullable=False, index=True),
    Column("invitation_id", Id),
    Column("kind", String(30), nullable=False),
    Column("channel", String(6), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("put_at", UtcInstant, nullable=False),
    Column("next_try_at", UtcInstant),
    Column("accepted_at", UtcInstant),
    Column("error_code", String(40)),
)


class LostTry(Exception):
    """Somebody else took a seat, or holds this browser's one hold: read again in a new Work."""


def is_lost(error: Exception) -> bool:
    """Whether this try failed because somebody else succeeded."""
    return isinstance(error, LostTry) or (isinstance(error, DBAPIError) and is_lost_race(error))


# Desks, pools and products


def _desk(row: RowMapping) -> Desk:
    return Desk(**{name: row[name] for name in DESK_COLUMNS}, **row["settings"])


async def desks(work: Work) -> list[Desk]:
    rows = (await work.db.execute(select(desk).order_by(desk.c.name))).mappings()
    return [_desk(row) for row in rows]


async def save_desk(work: Work, saved: Desk) -> None:
    values: dict[str, Any] = {name: getattr(saved, name) for name in DESK_COLUMNS}
    values["settings"] = {name: getattr(saved, name) for name in DESK_SETTINGS}
    await _save(work, desk, values, {"id": saved.id})


async def pools(work: Work, desk_id: DeskId | None = None) -> list[Pool]:
    query = select(pool).order_by(pool.c.name, pool.c.id)
    if desk_id is not None:
        query = query.where(pool.c.desk_id == desk_id)
    return [_pool(dict(row)) for row in (await work.db.execute(query)).mappings()]


def _pool(row: Mapping[str, Any]) -> Pool:
    return Pool(**{**row, "kind": PoolKind(row["kind"])})


async def save_pool(work: Work, saved: Pool) -> None:
    await _save(work, pool, {f.name: getattr(saved, f.name) for f in fields(Pool)}, {"id": saved.id})


def _product(row: RowMapping) -> Product:
    known = {f.name: row[f.name] for f in fields(Product)}
    known |= {
        "state": ProductState(row["state"]),
        "bookable_by": Audience(row["bookable_by"]),
        "identification": Identification(row["identification"]),
        "minimum_level": AssuranceLevel.from_word(row["minimum_level"]),
    }
    return Product(**known)


async def products(work: Work) -> list[Product]:
    rows = (await work.db.execute(select(product).order_by(product.c.slug))).mappings()
    return [_product(row) for row in rows]


async def save_product(work: Work, saved: Product) -> None:
    values = {f.name: getattr(saved, f.name) for f in fields(Product)}
    for name in ("name", "plain_name", "explanation", "preparation"):
        values[name] = dict(values[name])
    values["minimum_level"] = saved.minimum_level.word
    await _save(work, product, values, {"id": saved.id})


async def product_pools(work: Work) -> list[tuple[ProductId, DeskId, PoolId]]:
    rows = await work.db.execute(select(product_pool).order_by(product_pool.c.pool_id))
    return [(ProductId(row.product_id), DeskId(row.desk_id), PoolId(row.pool_id)) for row in rows]


async def save_product_pools(work: Work, product_id: ProductId, chosen: Iterable[tuple[DeskId, PoolId]]) -> None:
    await work.db.execute(delete(product_pool).where(product_pool.c.product_id == product_id))
    for desk_id, pool_id in chosen:
        values = {"product_id": product_id, "desk_id": desk_id, "pool_id": pool_id}
        await work.db.execute(insert(product_pool).values(values))


async def document_slots(work: Work, product_id: ProductId | None = None) -> list[DocumentSlot]:
    query = select(document_slot).order_by(document_slot.c.product_id, document_slot.c.code)
    if product_id is not None:
        query = query.where(document_slot.c.product_id == product_id)
    return [DocumentSlot(**row) for row in (await work.db.execute(query)).mappings()]


async def save_document_slots(work: Work, product_id: ProductId, saved: Iterable[DocumentSlot]) -> None:
    await work.db.execute(delete(document_slot).where(document_slot.c.product_id == product_id))
    for slot in saved:
        values = {f.name: getattr(slot, f.name) for f in fields(DocumentSlot)}
        for name in ("name", "plain_name", "help"):
            values[name] = dict(values[name])
        await work.db.execute(insert(document_slot).values(values))


async def _save(work: Work, table: Table, values: Mapping[str, Any], key: Mapping[str, Any]) -> None:
    """Update the row with this key, or insert it."""
    where = and_(*(table.c[name] == value for name, value in key.items()))
    if not (await work.db.execute(update(table).where(where).values(**values))).rowcount:
        await work.db.execute(insert(table).values(**values))


# Opening and closed days


async def weekly_hours(work: Work, pool_ids: Sequence[PoolId]) -> dict[PoolId, list[WeeklyHours]]:
    """Weekly rows per pool, in order of the week."""
    query = select(opening_hours).where(opening_hours.c.pool_id.in_(pool_ids))
    found: dict[PoolId, list[WeeklyHours]] = {pool_id: [] for pool_id in pool_ids}
    for row in (await work.db.execute(query.order_by(opening_hours.c.weekday, opening_hours.c.from_local))).mappings():
        found[row["pool_id"]].append(_weekly(dict(row)))
    return found


async def hours_of_products(
    work: Work, desk_id: DeskId, product_ids: Sequence[ProductId]
) -> dict[Pool, list[WeeklyHours]]:
    """Every pool that these products claim at this desk, with its weekly rows, in one query."""
    query = (
        select(pool, *(column.label(f"hours_{column.name}") for column in opening_hours.c))
        .join(product_pool, product_pool.c.pool_id == pool.c.id)
        .outerjoin(opening_hours, opening_hours.c.pool_id == pool.c.id)
        .where(product_pool.c.desk_id == desk_id, product_pool.c.product_id.in_(product_ids))
        .order_by(pool.c.id)
    )
    found: dict[Pool, list[WeeklyHours]] = {}
    for row in (await work.db.execute(query)).mappings():
        rows = found.setdefault(_pool({column.name: row[column.name] for column in pool.c}), [])
        weekly = {column.name: row[f"hours_{column.name}"] for column in opening_hours.c}
        if weekly["id"] and weekly["id"] not in [each.id for each in rows]:
            rows.append(_weekly(weekly))
    return found


async def special(
    work: Work, pool_ids: Sequence[PoolId], from_date: date, until_date: date
) -> dict[PoolId, dict[date, tuple[LocalPeriod, ...]]]:
    """Special hours between two dates, per pool."""
    found: dict[PoolId, dict[date, tuple[LocalPeriod, ...]]] = {pool_id: {} for pool_id in pool_ids}
    between = special_hours.c.local_date.between(from_date, until_date)
    query = select(special_hours).where(special_hours.c.pool_id.in_(pool_ids), between)
    for row in (await work.db.execute(query)).mappings():
        found[row["pool_id"]][row["local_date"]] = tuple(_period(p) for p in row["periods"])
    return found


def _weekly(row: Mapping[str, Any]) -> WeeklyHours:
    return WeeklyHours(row["weekday"], _period(row), row["first_date"], row["last_date"], row["id"])


def _period(row: Mapping[str, Any]) -> LocalPeriod:
    return LocalPeriod(
        row["from_local"], row["until_local"], row["seats_public"], row["seats_staff"], HoursKind(row["kind"])
    )


def _period_values(period: LocalPeriod) -> dict[str, Any]:
    return {
        "from_local": period.from_local,
        "until_local": period.until_local,
        "seats_public": period.seats_public,
        "seats_staff": period.seats_staff,
        "kind": period.kind.value,
    }


async def add_opening_hours(work: Work, pool_id: PoolId, row: WeeklyHours) -> None:
    values = {"id": row.id, "pool_id": pool_id, "weekday": row.weekday}
    values |= {"first_date": row.first_date, "last_date": row.last_date, **_period_values(row.period)}
    await work.db.execute(insert(opening_hours).values(values))


async def remove_opening_hours(work: Work, hours_id: str) -> PoolId | None:
    found = await work.db.scalar(select(opening_hours.c.pool_id).where(opening_hours.c.id == hours_id))
    await work.db.execute(delete(opening_hours).where(opening_hours.c.id == hours_id))
    return PoolId(found) if found else None


async def save_special_hours(
    work: Work, row_id: str, pool_id: PoolId, day: date, periods: Iterable[LocalPeriod]
) -> None:
    await remove_special_hours(work, pool_id, day)
    values = {"id": row_id, "pool_id": pool_id, "local_date": day, "periods": [_period_values(p) for p in periods]}
    await work.db.execute(insert(special_hours).values(values))


async def remove_special_hours(work: Work, pool_id: PoolId, day: date) -> None:
    await work.db.execute(
        delete(special_hours).where(special_hours.c.pool_id == pool_id, special_hours.c.local_date == day)
    )


async def closed_days(
    work: Work, from_date: date, until_date: date | None = None, desk_id: DeskId | None = None
) -> list[ClosedDay]:
    """Closed days from a date on; with a desk, those that count for it."""
    query = select(closed_day).where(closed_day.c.local_date >= from_date).order_by(closed_day.c.local_date)
    if until_date is not None:
        query = query.where(closed_day.c.local_date <= until_date)
    if desk_id is not None:
        query = query.where(or_(closed_day.c.desk_id.is_(None), closed_day.c.desk_id == desk_id))
    rows = (await work.db.execute(query)).mappings()
    return [
        ClosedDay(r["id"], r["local_date"], r["name"], r["desk_id"], r["source"], ClosedDayState(r["state"]))
        for r in rows
    ]


async def save_closed_day(work: Work, saved: ClosedDay) -> None:
    values = {f.name: getattr(saved, f.name) for f in fields(ClosedDay)}
    await _save(work, closed_day, {**values, "decided_by": work.actor.id, "decided_at": work.now}, {"id": saved.id})


async def remove_closed_day(work: Work, closed_day_id: str) -> None:
    await work.db.execute(delete(closed_day).where(closed_day.c.id == closed_day_id))


async def raise_rules_version(work: Work, pool_id: PoolId) -> None:
    """Also waits for whoever reads this pool to book, and makes later ones read the new rules."""
    await work.db.execute(update(pool).where(pool.c.id == pool_id).values(rules_version=pool.c.rules_version + 1))


async def lock_pools(work: Work, pool_ids: Iterable[PoolId]) -> None:
    """First in the lock order: rules stay as they are until the end of this Work."""
    query = select(pool.c.id).where(pool.c.id.in_(sorted(pool_ids))).order_by(pool.c.id)
    await work.db.execute(query.with_for_update(read=True))


# Claims


async def taken(
    work: Work, pool_ids: Sequence[PoolId], ticks: range, besides: AppointmentId | None = None
) -> dict[PoolId, dict[int, frozenset[int]]]:
    """Taken seats per pool and tick. Of a hold past its end, they count as free from that moment."""
    gone = or_(
        and_(appointment.c.state == HELD, appointment.c.expires_at <= work.now),
        and_(
            appointment.c.state == AppointmentState.CANCELLED.value,
            appointment.c.release_claims_at <= work.now,
        ),
    )
    query = (
        select(claim.c.pool_id, claim.c.tick, claim.c.seat)
        .join(appointment, appointment.c.id == claim.c.appointment_id)
        .where(claim.c.pool_id.in_(pool_ids), claim.c.tick.between(ticks.start, ticks.stop - 1))
        .where(func.coalesce(not_(gone), True))
    )
    if besides is not None:
        query = query.where(claim.c.appointment_id != besides)
    seats: dict[PoolId, dict[int, set[int]]] = {pool_id: {} for pool_id in pool_ids}
    for row in await work.db.execute(query):
        seats[row.pool_id].setdefault(row.tick, set()).add(row.seat)
    return {pool_id: {t: frozenset(s) for t, s in of_pool.items()} for pool_id, of_pool in seats.items()}


async def add_claims(work: Work, appointment_id: AppointmentId, chosen: Sequence[tuple[int, PoolId, int]]) -> None:
    """Claim seats, ascending by (tick, pool); raises LostTry when one of them was taken meanwhile."""
    rows = [{"pool_id": p, "tick": t, "seat": s, "appointment_id": appointment_id} for t, p, s in sorted(chosen)]
    if not rows:
        return
    try:
        await work.db.execute(insert(claim), rows)
    except IntegrityError as error:
        raise LostTry from error


async def claims_of(work: Work, appointment_id: AppointmentId) -> set[tuple[int, PoolId]]:
    rows = await work.db.execute(select(claim.c.tick, claim.c.pool_id).where(claim.c.appointment_id == appointment_id))
    return {(row.tick, PoolId(row.pool_id)) for row in rows}


async def remove_claims(work: Work, appointment_id: AppointmentId, outside: range | None = None) -> None:
    """Free the seats of an appointment; with `outside`, only those not in this range of ticks."""
    query = delete(claim).where(claim.c.appointment_id == appointment_id)
    if outside is not None:
        query = query.where(not_(claim.c.tick.between(outside.start, outside.stop - 1)))
    await work.db.execute(query)


async def expired_holds(work: Work, pool_ids: Sequence[PoolId], ticks: range) -> list[AppointmentId]:
    """Holds past their end whose claims lie in the way."""
    query = (
        select(appointment.c.id)
        .distinct()
        .join(claim, claim.c.appointment_id == appointment.c.id)
        .where(appointment.c.state == HELD, appointment.c.expires_at <= work.now)
        .where(claim.c.pool_id.in_(pool_ids), claim.c.tick.between(ticks.start, ticks.stop - 1))
    )
    return [AppointmentId(row.id) for row in await work.db.execute(query)]


# Appointments


# Columns that are the same in the value and in the row.
_SAME = tuple(f.name for f in fields(Appointment) if f.name in appointment.c and f.name not in ("state", "needs"))
_AT_FIRST = ("booked_at", "citizen_id", "contact_hash", "conflict_reason", "cancelled_by", "cancel_reason")


def _appointment(work: Work, row: RowMapping) -> Appointment:
    sealed = row["name_sealed"]
    return Appointment(
        **{name: row[name] for name in _SAME},
        state=AppointmentState(row["state"]),
        lines=tuple(ProductLine(ProductId(p), persons) for p, persons in row["product_lines"]),
        needs=Needs.from_json(row["needs"]),
        name=work.get(Keyring).unseal(sealed, "appointment", row["id"], "name") if sealed else None,
        has_contact_details=row["contact_details_sealed"] is not None,
    )


async def _one(work: Work, *where: Any) -> Appointment | None:
    row = (await work.db.execute(select(appointment).where(*where))).mappings().first()
    return _appointment(work, row) if row else None


async def appointment_by_id(work: Work, appointment_id: AppointmentId) -> Appointment | None:
    return await _one(work, appointment.c.id == appointment_id)


async def appointment_by_key(work: Work, key: str) -> Appointment | None:
    return await _one(work, appointment.c.idempotency_key == key)


async def hold_of(work: Work, booked_by: str) -> Appointment | None:
    """The one row in state held of this browser or staff member, also when its time is over."""
    return await _one(work, appointment.c.booked_by == booked_by, _held)


async def last_expired_of(work: Work, booked_by: str) -> Appointment | None:
    query = (
        select(appointment)
        .where(appointment.c.booked_by == booked_by, appointment.c.state == AppointmentState.EXPIRED.value)
        .order_by(appointment.c.expires_at.desc())
        .limit(1)
    )
    row = (await work.db.execute(query)).mappings().first()
    return _appointment(work, row) if row else None


async def booked_at_time(work: Work, contact_hash: str, starts_at: datetime) -> Appointment | None:
    where = (appointment.c.contact_hash == contact_hash, appointment.c.starts_at == starts_at)
    return await _one(work, *where, appointment.c.state == BOOKED)


async def count_open(work: Work, contact_hash: str) -> int:
    """Booked appointments still to come of one mobile number or mail address."""
    query = select(func.count()).where(
        appointment.c.contact_hash == contact_hash,
        appointment.c.state == BOOKED,
        appointment.c.starts_at > work.now,
    )
    return int(await work.db.scalar(query))


async def appointments_between(work: Work, desk_id: DeskId, from_at: datetime, until_at: datetime) -> list[Appointment]:
    """What was ever booked at this desk for these hours, in order of time."""
    query = (
        select(appointment)
        .where(appointment.c.desk_id == desk_id, appointment.c.booked_at.is_not(None))
        .where(appointment.c.starts_at >= from_at, appointment.c.starts_at < until_at)
        .order_by(appointment.c.starts_at, appointment.c.reference)
    )
    return [_appointment(work, row) for row in (await work.db.execute(query)).mappings()]


async def booked_before(work: Work, before: datetime) -> list[Appointment]:
    """Booked appointments that began before a moment."""
    query = select(appointment).where(appointment.c.state == BOOKED, appointment.c.starts_at <= before)
    rows = (await work.db.execute(query.order_by(appointment.c.starts_at))).mappings()
    return [_appointment(work, row) for row in rows]


async def insert_held(work: Work, held: Appointment) -> None:
    """Raises LostTry when this browser got a hold, or this key a row, meanwhile."""
    values = {
        **_plain(held),
        "product_lines": [[line.product_id, line.persons] for line in held.lines],
        "needs": held.needs.as_json(),
        "state": HELD,
    }
    try:
        await work.db.execute(insert(appointment).values(values))
    except IntegrityError as error:
        raise LostTry from error


def _plain(held: Appointment) -> dict[str, Any]:
    return {name: getattr(held, name) for name in _SAME if name not in _AT_FIRST}


async def change(
    work: Work,
    before: Appointment,
    to: AppointmentState,
    **values: Any,
) -> bool:
    """Compare-and-set: the row must be in the state and version that was read. False: somebody was first."""
    query = update(appointment).where(
        appointment.c.id == before.id,
        appointment.c.state == before.state.value,
        appointment.c.version == before.version,
    )
    if before.state is AppointmentState.HELD:
        alive = appointment.c.expires_at > work.now
        query = query.where(not_(alive) if to is AppointmentState.EXPIRED else alive)
    if "needs" in values:
        values["needs"] = values["needs"].as_json()
    try:
        return bool((await work.db.execute(query.values(state=to.value, **values))).rowcount)
    except IntegrityError as error:
        raise AlreadyBooked from error  # this contact has another appointment at the new time


async def expire(work: Work, appointment_id: AppointmentId) -> bool:
    """Compare-and-set from held to expired; only who changed the row deletes its claims."""
    query = update(appointment).where(appointment.c.id == appointment_id, _held, appointment.c.expires_at <= work.now)
    return bool((await work.db.execute(query.values(state=AppointmentState.EXPIRED.value))).rowcount)


async def end_hold(work: Work, appointment_id: AppointmentId) -> bool:
    """The hold ends now because its citizen leaves it."""
    query = update(appointment).where(appointment.c.id == appointment_id, _held)
    values = {"state": AppointmentState.EXPIRED.value, "expires_at": work.now}
    return bool((await work.db.execute(query.values(values))).rowcount)


async def save_person(
    work: Work, appointment_id: AppointmentId, name: str, details: ContactDetails, contact_hash: str
) -> None:
    """Seal name and contact details; raises AlreadyBooked when this contact has an appointment at this time."""
    keyring = work.get(Keyring)
    text = json.dumps({"mobile": details.mobile, "mail": details.mail})
    values = {
        "name_sealed": keyring.seal(name, "appointment", appointment_id, "name"),
        "contact_details_sealed": keyring.seal(text, "appointment", appointment_id, "contact_details"),
        "contact_hash": contact_hash,
    }
    try:
        await work.db.execute(update(appointment).where(appointment.c.id == appointment_id).values(values))
    except IntegrityError as error:
        raise AlreadyBooked from error


async def contact_details(work: Work, appointment_id: AppointmentId) -> ContactDetails:
    """Empty when they were erased or never given."""
    query = select(appointment.c.contact_details_sealed).where(appointment.c.id == appointment_id)
    sealed = await work.db.scalar(query)
    if sealed is None:
        return ContactDetails()
    opened = work.get(Keyring).unseal(sealed, "appointment", appointment_id, "contact_details")
    return ContactDetails(**json.loads(opened))


async def add_event(
    work: Work,
    appointment_id: AppointmentId,
    kind: str,
    old_starts_at: datetime | None = None,
    new_starts_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    values = {
        "appointment_id": appointment_id,
        "happened_at": work.now,
        "kind": kind,
        "actor": f"{work.actor.kind.value}:{work.actor.id}" if work.actor.id else work.actor.kind.value,
        "old_starts_at": old_starts_at,
        "new_starts_at": new_starts_at,
        "reason": reason,
    }
    await work.db.execute(insert(appointment_event).values(values))


async def events_of(work: Work, appointment_id: AppointmentId) -> list[str]:
    """The kinds of what happened to an appointment, in order."""
    query = select(appointment_event.c.kind).where(appointment_event.c.appointment_id == appointment_id)
    return [row.kind for row in await work.db.execute(query.order_by(appointment_event.c.id))]


# Messages


async def add_message(work: Work, added: Message) -> None:
    values = {f.name: getattr(added, f.name) for f in fields(Message)}
    await work.db.execute(insert(message).values(**values, put_at=work.now, next_try_at=work.now))


def _message(row: RowMapping) -> Message:
    return Message(
        MessageId(row["id"]),
        AppointmentId(row["appointment_id"]),
        InvitationId(row["invitation_id"]) if row["invitation_id"] else None,
        MessageKind(row["kind"]),
        Channel(row["channel"]),
        DeliveryState(row["state"]),
        row["attempts"],
        row["error_code"],
    )


async def message_by_id(work: Work, message_id: MessageId) -> Message | None:
    row = (await work.db.execute(select(message).where(message.c.id == message_id))).mappings().first()
    return _message(row) if row else None


async def messages_of(work: Work, appointment_ids: Sequence[AppointmentId]) -> list[Message]:
    query = select(message).where(message.c.appointment_id.in_(appointment_ids)).order_by(message.c.put_at)
    return [_message(row) for row in (await work.db.execute(query)).mappings()]


async def save_message(work: Work, before: Message, state: DeliveryState, **values: Any) -> bool:
    """Compare-and-set on state and attempts."""
    query = update(message).where(
        message.c.id == before.id, message.c.state == before.state.value, message.c.attempts == before.attempts
    )
    return bool((await work.db.execute(query.values(state=state.value, **values))).rowcount)


async def message_put_at(work: Work, message_id: MessageId) -> datetime:
    put_at: datetime = await work.db.scalar(select(message.c.put_at).where(message.c.id == message_id))
    return put_at


async def count_accepted(work: Work, contact_hash: str, since: datetime) -> int:
    """Messages that providers took for one contact since a moment."""
    query = (
        select(func.count())
        .select_from(message.join(appointment, appointment.c.id == message.c.appointment_id))
        .where(appointment.c.contact_hash == contact_hash, message.c.accepted_at > since)
    )
    return int(await work.db.scalar(query))


# Retention


async def destroy_holds(work: Work, before: datetime, limit: int) -> int:
    """Destroy held and expired rows whose hold ended before a moment."""
    ended = (HELD, AppointmentState.EXPIRED.value)
    chosen = select(appointment.c.id).where(appointment.c.state.in_(ended), appointment.c.expires_at < before)
    ids = [row.id for row in await work.db.execute(chosen.limit(limit))]
    if not ids:
        return 0
    for table in (claim, appointment_event, message):
        await work.db.execute(delete(table).where(table.c.appointment_id.in_(ids)))
    return (await work.db.execute(delete(appointment).where(appointment.c.id.in_(ids)))).rowcount


async def erase_contact_details(work: Work, before: datetime, limit: int) -> int:
    """Empty name and contact details of appointments that began before a moment, and drop their messages."""
    chosen = select(appointment.c.id).where(
        appointment.c.starts_at < before,
        or_(appointment.c.contact_details_sealed.is_not(None), appointment.c.name_sealed.is_not(None)),
    )
    ids = [row.id for row in await work.db.execute(chosen.limit(limit))]
    if not ids:
        return 0
    await work.db.execute(delete(message).where(message.c.appointment_id.in_(ids)))
    empty: dict[str, Any] = {"name_sealed": None, "contact_details_sealed": None, "contact_hash": None, "needs": {}}
    return (await work.db.execute(update(appointment).where(appointment.c.id.in_(ids)).values(empty))).rowcount
