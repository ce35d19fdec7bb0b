"""Calls, seats, who took part, and check results; never sound, picture, text, descriptions or addresses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from balie.calls.rules import Call, CallState, CheckResult, Hold, Seat, Seen, Verdict
from balie.db import Id, UtcInstant, metadata
from balie.ids import AppointmentId, CallId, SessionId, StaffId, VisitId, new_id
from balie.work import Work

call = Table(
    "call",
    metadata,
    Column("id", Id, primary_key=True),
    Column("visit_id", Id, nullable=False),
    Column("appointment_id", Id, nullable=False),
    Column("staff_id", Id, nullable=False),
    Column("state", String(10), nullable=False),
    Column("opened_at", UtcInstant, nullable=False),
    Column("begun_at", UtcInstant),
    Column("connected_at", UtcInstant),
    Column("ended_at", UtcInstant),
    Column("why", String(40)),
    Column("hold_reason", Text),
    Column("hold_until", UtcInstant),
    Column("backend", String(20), nullable=False),
    Column("is_rehearsal", Boolean, nullable=False),
    Index("ix_call_visit_id", "visit_id"),
)

participant_seat = Table(
    "participant_seat",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appointment_id", Id, nullable=False),
    Column("visit_id", Id),
    Column("participant", String(45), nullable=False),
    Column("session_id", Id),
    Column("page_id", String(64)),
    Column("epoch", Integer, nullable=False),
    Column("asking_session_id", Id),
    Column("kept_until", UtcInstant, nullable=False),
    UniqueConstraint("appointment_id", "participant", name="uq_participant_seat"),
    Index("ix_participant_seat_visit_id", "visit_id"),
)

call_participant = Table(
    "call_participant",
    metadata,
    Column("call_id", Id, primary_key=True),
    Column("participant", String(45), primary_key=True),
    Column("seat_id", Id, nullable=False),
    Column("role", String(20), nullable=False),
    Column("who", Id),
    Column("epoch", Integer, nullable=False),
    Column("joined_at", UtcInstant, nullable=False),
    Column("left_at", UtcInstant),
    Column("interrupted_s", Integer, nullable=False),
)

check_result = Table(
    "check_result",
    metadata,
    Column("appointment_id", Id, primary_key=True),
    Column("participant", String(45), primary_key=True),
    Column("measured_at", UtcInstant, nullable=False),
    Column("parts", Text, nullable=False),
    Column("verdict", String(15), nullable=False),
    Column("path", String(10)),
    Column("figures", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kept_until", UtcInstant, nullable=False),
)


def _call(row: Row[Any]) -> Call:
    hold = Hold(row.hold_reason, row.hold_until) if row.hold_reason is not None else None
    return Call(
        id=CallId(row.id),
        visit_id=VisitId(row.visit_id),
        appointment_id=AppointmentId(row.appointment_id),
        staff_id=StaffId(row.staff_id),
        state=CallState(row.state),
        opened_at=row.opened_at,
        begun_at=row.begun_at,
        connected_at=row.connected_at,
        ended_at=row.ended_at,
        why=row.why,
        hold=hold,
        backend=row.backend,
        is_rehearsal=row.is_rehearsal,
    )


def _seat(row: Row[Any]) -> Seat:
    return Seat(
        id=row.id,
        appointment_id=AppointmentId(row.appointment_id),
        visit_id=VisitId(row.visit_id) if row.visit_id else None,
        participant=row.participant,
        session_id=SessionId(row.session_id) if row.session_id else None,
        page_id=row.page_id,
        epoch=row.epoch,
        asking_session_id=SessionId(row.asking_session_id) if row.asking_session_id else None,
    )


async def add_call(work: Work, new: Call) -> None:
    """Write a call that opens."""
    row = {
        "id": new.id,
        "visit_id": new.visit_id,
        "appointment_id": new.appointment_id,
        "staff_id": new.staff_id,
        "state": new.state.value,
        "opened_at": new.opened_at,
        "backend": new.backend,
        "is_rehearsal": new.is_rehearsal,
    }
    await work.db.execute(insert(call).values(row))


async def call_by_id(work: Work, call_id: str) -> Call | None:
    """A call, also one that has ended."""
    row = (await work.db.execute(select(call).where(call.c.id == call_id))).first()
    return _call(row) if row else None


async def newest_call(work: Work, visit_id: str) -> Call | None:
    """The newest call of a visit; a call that has not ended comes before all others."""
    query = select(call).where(call.c.visit_id == visit_id).order_by(call.c.opened_at.desc())
    calls = [_call(row) for row in await work.db.execute(query)]
    running = [found for found in calls if found.state is not CallState.ENDED]
    return next(iter(running or calls), None)


async def running_calls(work: Work) -> list[Call]:
    """Every call that has not ended."""
    query = select(call).where(call.c.state != CallState.ENDED.value)
    return [_call(row) for row in await work.db.execute(query)]


async def change_call(work: Work, call_id: CallId, was: Sequence[CallState], **values: Any) -> bool:
    """Change a call that is in one of these states; whether it was."""
    states = [state.value for state in was]
    statement = update(call).where(call.c.id == call_id, call.c.state.in_(states)).values(**values)
    return (await work.db.execute(statement)).rowcount == 1


async def mark_connected(work: Work, call_id: CallId) -> bool:
    """Note the first time that both were there; whether it was the first."""
    statement = (
        update(call)
        .where(call.c.id == call_id, call.c.connected_at.is_(None), call.c.state == CallState.BEGUN.value)
        .values(connected_at=work.now)
    )
    return (await work.db.execute(statement)).rowcount == 1


async def seat(work: Work, appointment_id: str, participant: str) -> Seat | None:
    """The seat of a participant."""
    query = select(participant_seat).where(
        participant_seat.c.appointment_id == appointment_id, participant_seat.c.participant == participant
    )
    row = (await work.db.execute(query)).first()
    return _seat(row) if row else None


async def seats(work: Work, appointment_id: str) -> list[Seat]:
    """Every seat of an appointment's call."""
    query = (
        select(participant_seat)
        .where(participant_seat.c.appointment_id == appointment_id)
        .order_by(participant_seat.c.participant)
    )
    return [_seat(row) for row in await work.db.execute(query)]


async def add_seat(work: Work, appointment_id: str, participant: str, session_id: str, kept_until: datetime) -> Seat:
    """Make a seat that no page has taken yet, or give the one that somebody else made at the same moment."""
    row = {
        "id": new_id(),
        "appointment_id": appointment_id,
        "participant": participant,
        "session_id": session_id,
        "epoch": 0,
        "kept_until": kept_until,
    }
    make = pg_insert if work.db.dialect == "postgresql" else sqlite_insert
    await work.db.execute(make(participant_seat).values(row).on_conflict_do_nothing())
    made = await seat(work, appointment_id, participant)
    assert made is not None
    return made


async def change_seat(work: Work, before: Seat, **values: Any) -> bool:
    """Change a seat that nobody changed meanwhile; whether it worked."""
    statement = (
        update(participant_seat)
        .where(participant_seat.c.id == before.id, participant_seat.c.epoch == before.epoch)
        .values(**values)
    )
    return (await work.db.execute(statement)).rowcount == 1


async def clear_pages(work: Work, appointment_id: str) -> None:
    """At the end of a call no page holds a seat; sessions stay, for a page may come again."""
    statement = (
        update(participant_seat)
        .where(participant_seat.c.appointment_id == appointment_id)
        .values(page_id=None, asking_session_id=None)
    )
    await work.db.execute(statement)


async def note_join(work: Work, call_id: str, taken: Seat, role: str, who: str | None) -> datetime:
    """Write that a participant is in the call; gives when it first joined."""
    where = (call_participant.c.call_id == call_id, call_participant.c.participant == taken.participant)
    row = (await work.db.execute(select(call_participant).where(*where))).first()
    if row is not None:
        await work.db.execute(update(call_participant).where(*where).values(epoch=taken.epoch, left_at=None))
        joined_at: datetime = row.joined_at
        return joined_at
    first = {
        "call_id": call_id,
        "participant": taken.participant,
        "seat_id": taken.id,
        "role": role,
        "who": who,
        "epoch": taken.epoch,
        "joined_at": work.now,
        "interrupted_s": 0,
    }
    await work.db.execute(insert(call_participant).values(first))
    return work.now


async def note_left(work: Work, call_id: str, participant: str | None = None) -> None:
    """Write that one participant, or all who are still in, left the call now."""
    statement = update(call_participant).where(
        call_participant.c.call_id == call_id, call_participant.c.left_at.is_(None)
    )
    if participant is not None:
        statement = statement.where(call_participant.c.participant == participant)
    await work.db.execute(statement.values(left_at=work.now))


async def joined(work: Work, call_id: str) -> dict[str, datetime]:
    """When each participant of a call first joined it."""
    query = select(call_participant).where(call_participant.c.call_id == call_id)
    return {row.participant: row.joined_at for row in await work.db.execute(query)}


async def seen(work: Work, visit_id: str) -> list[Seen]:
    """Who took part in the calls of a visit, in the order of first joining."""
    query = (
        select(call_participant)
        .join(call, call.c.id == call_participant.c.call_id)
        .where(call.c.visit_id == visit_id)
        .order_by(call_participant.c.joined_at, call_participant.c.participant)
    )
    return [
        Seen(row.participant, row.role, row.who, row.joined_at, row.left_at) for row in await work.db.execute(query)
    ]


async def put_check(work: Work, result: CheckResult, kept_until: datetime) -> None:
    """Keep the last check of a participant; the one before goes."""
    await work.db.execute(
        delete(check_result).where(
            check_result.c.appointment_id == result.appointment_id,
            check_result.c.participant == result.participant,
        )
    )
    row = {
        "appointment_id": result.appointment_id,
        "participant": result.participant,
        "measured_at": result.measured_at,
        "parts": json.dumps(result.parts),
        "verdict": result.verdict.value,
        "path": result.path,
        "figures": json.dumps(result.figures),
        "device": json.dumps(result.device),
        "attempt": result.attempt,
        "kept_until": kept_until,
    }
    await work.db.execute(insert(check_result).values(row))


async def check_of(work: Work, appointment_id: str, participant: str) -> CheckResult | None:
    """The last check of a participant."""
    query = select(check_result).where(
        check_result.c.appointment_id == appointment_id, check_result.c.participant == participant
    )
    row = (await work.db.execute(query)).first()
    if row is None:
        return None
    return CheckResult(
        appointment_id=AppointmentId(row.appointment_id),
        participant=row.participant,
        measured_at=row.measured_at,
        parts=json.loads(row.parts),
        verdict=Verdict(row.verdict),
        path=row.path,
        figures=json.loads(row.figures),
        device=json.loads(row.device),
        attempt=row.attempt,
    )


async def destroy_places(work: Work, now: datetime) -> int:
    """Seats and check results whose link has ended; at most 1,000 of each."""
    done = 0
    for table, key in ((participant_seat, participant_seat.c.id), (check_result, check_result.c.appointment_id)):
        old = select(key).where(table.c.kept_until < now).limit(1000).scalar_subquery()
        done += (await work.db.execute(delete(table).where(key.in_(old)))).rowcount
    return done


async def destroy_calls(work: Work, ended_before: datetime) -> int:
    """Calls that ended before this moment, and who took part; at most 1,000."""
    old = select(call.c.id).where(call.c.ended_at < ended_before).order_by(call.c.id).limit(1000).scalar_subquery()
    await work.db.execute(delete(call_participant).where(call_participant.c.call_id.in_(old)))
    return (await work.db.execute(delete(call).where(call.c.id.in_(old)))).rowcount
