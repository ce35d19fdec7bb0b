"""Contact records, drafts, legs, parties, subjects, attachments, follow-ups and API clients: tables and SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    CursorResult,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Select

from balie.db import Id, UtcInstant, metadata
from balie.ids import CitizenId, ContactId
from balie.work import Work

Row = dict[str, Any]
Values = Mapping[str, Any]


def _of_record(**options: Any) -> Column[str]:
    return Column("contact_id", Id, ForeignKey("contact_record.id", ondelete="CASCADE"), nullable=False, **options)


contact_record = Table(
    "contact_record",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(36), nullable=False),  # own, or the id of an api_client
    Column("visit_id", Id, unique=True),
    Column("channel", String(50), nullable=False),
    Column("topic", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("outcome", String(20)),
    Column("has_succeeded", Boolean),
    Column("question_kind", String(20)),
    Column("reason_code", String(30)),
    Column("language", String(3), nullable=False),
    Column("is_confidential", Boolean, nullable=False),
    Column("domain", String(60), nullable=False),
    Column("department", String(100), nullable=False),
    Column("product_id", Id),
    Column("happened_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    Column("duration_s", Integer),
    Column("waited_s", Integer),
    Column("reference", String(10), nullable=False, unique=True),
    Column("purpose", String(40), nullable=False),
    Column("retain_until", Date, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("external_uuid", String(36), unique=True),
    Index("ix_contact_record_retain", "retain_until", "id"),
)

contact_leg = Table(
    "contact_leg",
    metadata,
    _of_record(primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("desk", String(100), nullable=False),
    Column("staff_id", Id),
    Column("began_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    Column("ended_by", String(20), nullable=False),
)

contact_party = Table(
    "contact_party",
    metadata,
    Column("id", Id, primary_key=True),
    _of_record(index=True),
    Column("citizen_id", Id),
    Column("role", String(20), nullable=False),
    Column("is_initiator", Boolean, nullable=False),
    Column("name_sealed", LargeBinary),
    Column("organisation", String(200), nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("method_label", String(60), nullable=False),
    Column("level", String(20), nullable=False),
    Column("verified_at", UtcInstant),
    Column("verification_purpose", String(40), nullable=False),
    Column("happened_at", UtcInstant, nullable=False),
)
Index(
    "ix_contact_party_citizen",
    contact_party.c.citizen_id,
    contact_party.c.happened_at.desc(),
    contact_party.c.contact_id,
)

contact_actor = Table(
    "contact_actor",
    metadata,
    _of_record(primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("actor_key", String(60), primary_key=True),
    Column("name_at_the_time", String(200), nullable=False),
    Column("department", String(100), nullable=False),
)

contact_subject = Table(
    "contact_subject",
    metadata,
    Column("id", Id, primary_key=True),
    _of_record(index=True),
    Column("kind", String(20), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("code_objecttype", String(200), nullable=False),
    Column("code_register", String(200), nullable=False),
    Column("code_soort_object_id", String(200), nullable=False),
    Column("answers_contact_id", Id),
    Index("ix_contact_subject_object", "code_register", "code_objecttype", "object_id", "contact_id"),
)

contact_attachment = Table(
    "contact_attachment",
    metadata,
    Column("id", Id, primary_key=True),
    _of_record(index=True),
    Column("title", String(200), nullable=False),
    Column("object_id", String(200), nullable=False),  # a pointer, never bytes
    Column("sha256", String(64), nullable=False),
    Column("code_objecttype", String(200), nullable=False),
    Column("code_register", String(200), nullable=False),
    Column("code_soort_object_id", String(200), nullable=False),
)

follow_up = Table(
    "follow_up",
    metadata,
    Column("id", Id, primary_key=True),
    _of_record(index=True),
    Column("action", String(200), nullable=False),
    Column("explanation", String(1000), nullable=False),
    Column("team", String(100), nullable=False),
    Column("staff_id", Id),
    Column("due_at", UtcInstant, nullable=False),
    Column("state", String(10), nullable=False),
    Column("done_at", UtcInstant),
    Column("done_by", Id),
    Column("done_contact_id", Id),
    Column("told_citizen_at", UtcInstant),
)
_TO_DO = follow_up.c.state == "to_do"
Index(
    "ix_follow_up_to_do",
    follow_up.c.team,
    follow_up.c.due_at,
    sqlite_where=_TO_DO,
    postgresql_where=_TO_DO,
)

contact_revision = Table(
    "contact_revision",
    metadata,
    _of_record(primary_key=True),
    Column("revision", Integer, primary_key=True),  # the one that was replaced
    Column("revised_at", UtcInstant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("fields", Text, nullable=False),
    Column("old_values_sealed", LargeBinary, nullable=False),
    Column("reason", String(200), nullable=False),
)

contact_draft = Table(
    "contact_draft",
    metadata,
    Column("visit_id", Id, primary_key=True),
    Column("staff_id", Id, primary_key=True),
    Column("form_sealed", LargeBinary, nullable=False),
    Column("saved_at", UtcInstant, nullable=False, index=True),
)

api_client = Table(
    "api_client",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("channel", String(50), nullable=False),
    Column("domain", String(60), nullable=False),
    Column("department", String(100), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("may_read", Boolean, nullable=False),
    Column("may_write", Boolean, nullable=False),
    Column("networks", Text, nullable=False),
    Column("rate_per_s", Integer, nullable=False),
    Column("ends_at", UtcInstant),
    Column("last_used_at", UtcInstant),
)

contact_number = Table(
    "contact_number",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("last_number", Integer, nullable=False),
)


def _all(found: CursorResult[Any]) -> list[Row]:
    return [dict(row) for row in found.mappings()]


def _first(found: CursorResult[Any]) -> Row | None:
    row = found.mappings().first()
    return dict(row) if row else None


async def add(work: Work, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows of one table."""
    if rows:
        await work.db.execute(table.insert(), [dict(row) for row in rows])


async def add_unless_there(work: Work, table: Table, row: Values) -> bool:
    """Insert a row unless one of its keys is taken; whether it was inserted."""
    insert = postgresql.insert if work.db.dialect == "postgresql" else sqlite.insert
    return (await work.db.execute(insert(table).values(dict(row)).on_conflict_do_nothing())).rowcount == 1


async def next_number(work: Work) -> int:
    """The next number of the counter row; never a count of rows."""
    raise_it = (
        update(contact_number)
        .where(contact_number.c.name == "contact")
        .values(last_number=contact_number.c.last_number + 1)
        .returning(contact_number.c.last_number)
    )
    number = await work.db.scalar(raise_it)
    if number is None:
        await add_unless_there(work, contact_number, {"name": "contact", "last_number": 0})
        number = await work.db.scalar(raise_it)
    return int(number)


async def record_where(work: Work, column: str, value: str) -> Row | None:
    """The record with this id, visit_id or reference."""
    found = await work.db.execute(select(contact_record).where(contact_record.c[column] == value))
    return _first(found)


async def revise(work: Work, contact_id: ContactId, revision: int, values: Values) -> bool:
    """Replace values where the revision is as it was read; whether it was."""
    change = update(contact_record).where(contact_record.c.id == contact_id, contact_record.c.revision == revision)
    return (await work.db.execute(change.values(**values, revision=revision + 1))).rowcount == 1


async def clear_parts(work: Work, contact_id: ContactId) -> None:
    """Remove the parts of a record that are about to be written anew."""
    for table in (contact_leg, contact_party, contact_actor, contact_subject, contact_attachment):
        await work.db.execute(delete(table).where(table.c.contact_id == contact_id))
    await work.db.execute(delete(follow_up).where(follow_up.c.contact_id == contact_id, _TO_DO))


async def parts_of(work: Work, table: Table, contact_ids: Sequence[str]) -> Sequence[Row]:
    """The rows of a part table that belong to these records, in the order of their contact."""
    if not contact_ids:
        return []
    query = select(table).where(table.c.contact_id.in_(contact_ids)).order_by(table.c.contact_id, *table.primary_key)
    return _all(await work.db.execute(query))


def _of_citizen(citizen_id: CitizenId) -> Select[Any]:
    seen = contact_party.c.contact_id == contact_record.c.id
    return select(contact_record).join(contact_party, seen).where(contact_party.c.citizen_id == citizen_id)


async def newest_of_citizen(
    work: Work, citizen_id: CitizenId, limit: int, before: tuple[datetime, str] | None = None
) -> Sequence[Row]:
    """The newest records of one person, or the newest before a key; never by offset."""
    query = _of_citizen(citizen_id)
    if before is not None:
        at, contact_id = before
        earlier = and_(contact_party.c.happened_at == at, contact_party.c.contact_id < contact_id)
        query = query.where(or_(contact_party.c.happened_at < at, earlier))
    query = query.order_by(contact_party.c.happened_at.desc(), contact_party.c.contact_id.desc()).limit(limit)
    return _all(await work.db.execute(query))


async def page_of_citizen(
    work: Work, citizen_id: CitizenId, domain: str, limit: int, offset: int
) -> tuple[int, Sequence[Row]]:
    """How many records of one person this domain may know of (at most 10,000 are counted), and one page."""
    may_know = or_(contact_record.c.domain == domain, contact_record.c.is_confidential.is_(False))
    query = _of_citizen(citizen_id).where(may_know)
    counted = query.with_only_columns(contact_record.c.id).limit(10_000).subquery()
    count = int(await work.db.scalar(select(func.count()).select_from(counted)))
    newest = query.order_by(contact_party.c.happened_at.desc(), contact_party.c.contact_id.desc())
    return count, _all(await work.db.execute(newest.limit(limit).offset(offset)))


async def open_follow_ups_of(work: Work, citizen_id: CitizenId) -> Sequence[Row]:
    """What still has to be done for one person, soonest first, with the domain of its record."""
    query = (
        select(follow_up, contact_record.c.domain)
        .join(contact_record, contact_record.c.id == follow_up.c.contact_id)
        .join(contact_party, contact_party.c.contact_id == contact_record.c.id)
        .where(contact_party.c.citizen_id == citizen_id, _TO_DO)
        .order_by(follow_up.c.due_at)
        .limit(20)
    )
    return _all(await work.db.execute(query))


async def put_draft(work: Work, visit_id: str, staff_id: str, sealed: bytes) -> None:
    """Keep a draft in the place of an earlier one."""
    insert = postgresql.insert if work.db.dialect == "postgresql" else sqlite.insert
    statement = insert(contact_draft).values(
        visit_id=visit_id, staff_id=staff_id, form_sealed=sealed, saved_at=work.now
    )
    new = {"form_sealed": statement.excluded.form_sealed, "saved_at": statement.excluded.saved_at}
    await work.db.execute(statement.on_conflict_do_update(index_elements=["visit_id", "staff_id"], set_=new))


async def draft(work: Work, visit_id: str, staff_id: str) -> bytes | None:
    """The sealed draft of one staff member about one visit."""
    mine = and_(contact_draft.c.visit_id == visit_id, contact_draft.c.staff_id == staff_id)
    sealed: bytes | None = await work.db.scalar(select(contact_draft.c.form_sealed).where(mine))
    return sealed


async def draft_saved_at(work: Work, visit_id: str) -> datetime | None:
    """When the newest draft of a visit was saved."""
    saved_at: datetime | None = await work.db.scalar(
        select(contact_draft.c.saved_at)
        .where(contact_draft.c.visit_id == visit_id)
        .order_by(contact_draft.c.saved_at.desc())
        .limit(1)
    )
    return saved_at


async def drop_drafts(work: Work, visit_id: str) -> None:
    """Remove the drafts of a visit that was finished."""
    await work.db.execute(delete(contact_draft).where(contact_draft.c.visit_id == visit_id))


async def destroy_drafts(work: Work, before: datetime, limit: int) -> int:
    """Destroy drafts saved before a moment; how many."""
    past = select(contact_draft.c.visit_id).where(contact_draft.c.saved_at < before).limit(limit)
    statement = delete(contact_draft).where(contact_draft.c.visit_id.in_(past), contact_draft.c.saved_at < before)
    return (await work.db.execute(statement)).rowcount


async def destroy_records(work: Work, today: date, limit: int) -> int:
    """Destroy records past their last day, with all their parts; an open follow-up postpones."""
    waits = select(follow_up.c.id).where(follow_up.c.contact_id == contact_record.c.id, _TO_DO).exists()
    past = select(contact_record.c.id).where(contact_record.c.retain_until < today, ~waits)
    ids = past.order_by(contact_record.c.retain_until, contact_record.c.id).limit(limit)
    return (await work.db.execute(delete(contact_record).where(contact_record.c.id.in_(ids)))).rowcount


async def destroy_api_clients(work: Work, before: datetime, limit: int) -> int:
    """Destroy clients whose time ended before a moment."""
    past = select(api_client.c.id).where(api_client.c.ends_at < before).limit(limit)
    return (await work.db.execute(delete(api_client).where(api_client.c.id.in_(past)))).rowcount


async def client_where(work: Work, column: str, value: str) -> Row | None:
    """The API client with this id or token_hash."""
    found = await work.db.execute(select(api_client).where(api_client.c[column] == value))
    return _first(found)


async def note_client_used(work: Work, client_id: str) -> None:
    """Remember when a client was last seen."""
    await work.db.execute(update(api_client).where(api_client.c.id == client_id).values(last_used_at=work.now))
