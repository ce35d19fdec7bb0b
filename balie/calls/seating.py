"""Seats of a call: take one, come in with a page, be moved by a newer page, give it up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from balie.booking import service as booking
from balie.bus import Bus
from balie.calls import store
from balie.calls.protocol import CallJoin
from balie.calls.roster import CallNow, Member, Roster, call_now, roster_of
from balie.calls.rules import (
    CITIZEN,
    STAFF,
    Call,
    CallState,
    Presence,
    Seat,
    SeatTakenOver,
    is_room_for,
    seat_of,
)
from balie.errors import CallFull, CallOver, NotAllowed, NotBegun, Unavailable
from balie.identity import service as identity
from balie.identity.rules import public_name
from balie.ids import AppointmentId, SessionId, StaffId
from balie.work import Work

LINK_LIVES_AFTER = timedelta(days=2)


class Moved(Exception):
    """Another page has the seat; this one is told and closed."""


@dataclass(frozen=True)
class Joined:
    """What `call.join` led to."""

    call: Call
    now: CallNow
    member: Member
    before: Member


def roster(work: Work) -> Roster:
    """The running calls of this process."""
    return roster_of(work.get(Bus), work.now)


async def take_seat(work: Work, *, appointment_id: AppointmentId, participant: str, session_id: SessionId) -> Seat:
    """*Ga verder*: this session takes the seat, unless somebody talks from it; then it waits for staff."""
    taken = await store.seat(work, appointment_id, participant)
    if taken is None:
        appointment = await booking.appointment(work, appointment_id)
        kept_until = appointment.starts_at + LINK_LIVES_AFTER
        taken = await store.add_seat(work, appointment_id, participant, session_id, kept_until)
    if taken.session_id in (session_id, None):
        await store.change_seat(work, taken, session_id=session_id)
        return replace(taken, session_id=session_id)
    call = await store.newest_call(work, taken.visit_id) if taken.visit_id else None
    if call is not None and call.state is not CallState.ENDED and call.connected_at is not None:
        await _ask(work, call, taken, session_id)
        return taken
    await _hand_seat(work, taken, session_id)
    return replace(taken, session_id=session_id, page_id=None)


async def seat(work: Work, appointment_id: str, participant: str) -> Seat | None:
    """The seat of a participant of this appointment, or None before *Ga verder*."""
    return await store.seat(work, appointment_id, participant)


async def _hand_seat(work: Work, taken: Seat, session_id: str) -> None:
    await store.change_seat(work, taken, session_id=session_id, page_id=None, asking_session_id=None)
    if taken.session_id != session_id:
        work.tell(f"session:{taken.session_id}", {"type": "session.moved"})
    if taken.visit_id is not None:
        await work.announce(SeatTakenOver(taken.visit_id, taken.participant))


async def _ask(work: Work, call: Call, taken: Seat, session_id: str) -> None:
    now = await call_of_now(work, call)
    if taken.asking_session_id == session_id or session_id in now.refused_sessions:
        return
    await store.change_seat(work, taken, asking_session_id=session_id)
    work.tell(call.topic, {"type": "call.second_device", "participant": taken.participant}, to=STAFF)


async def let_take_over(work: Work, visit_id: str, participant: str) -> None:
    """Staff: the second device gets the seat; the first one is told and closed."""
    call, taken = await _asked(work, visit_id, participant)
    assert taken.asking_session_id is not None
    now = await call_of_now(work, call)
    await _hand_seat(work, taken, taken.asking_session_id)
    work.after_commit(lambda: _vacate(now, participant))


async def refuse_take_over(work: Work, visit_id: str, participant: str) -> None:
    """Staff: the second device stays outside."""
    call, taken = await _asked(work, visit_id, participant)
    now = await call_of_now(work, call)
    now.refused_sessions.add(taken.asking_session_id or "")
    await store.change_seat(work, taken, asking_session_id=None)


async def _asked(work: Work, visit_id: str, participant: str) -> tuple[Call, Seat]:
    call = await store.newest_call(work, visit_id)
    if call is None or call.state is CallState.ENDED or seat_of(work.actor, call) != STAFF:
        raise NotAllowed
    taken = await store.seat(work, call.appointment_id, participant)
    if taken is None or taken.asking_session_id is None:
        raise NotAllowed
    return call, taken


def _vacate(now: CallNow, participant: str) -> None:
    member = now.members.get(participant)
    if member is not None:
        if member.send_away is not None:
            member.send_away()
        member.page_id, member.presence, member.why = None, Presence.AWAY, "page_gone"


async def may_listen(work: Work, call_id: str) -> str | None:
    """As whom this session may hear a call: it holds the seat, and the call is not over."""
    call = await store.call_by_id(work, call_id)
    if call is None or call.state is CallState.ENDED:
        return None
    participant = seat_of(work.actor, call)
    taken = await store.seat(work, call.appointment_id, participant) if participant else None
    if taken is None or (participant != STAFF and taken.session_id != work.actor.session_id):
        return None
    return participant


async def join(work: Work, call_id: str, page_id: str, wish: CallJoin) -> Joined | None:
    """A page comes into the call, for the first time, after a reload or after a broken socket.

    None when another page talks from this seat; staff are asked then, which has to be committed.
    """
    call = await store.call_by_id(work, call_id)
    participant = seat_of(work.actor, call) if call else None
    if call is None or participant is None:
        raise NotAllowed
    if call.state is CallState.ENDED:
        raise CallOver
    if participant != STAFF and call.state is not CallState.BEGUN:
        raise NotBegun
    taken = await store.seat(work, call.appointment_id, participant)
    if taken is None:
        raise NotAllowed
    now = await call_of_now(work, call)
    if not is_room_for(participant, [m.participant for m in now.joined()]):
        raise CallFull
    own = await _take_page(work, call, now, taken, page_id, wish.epoch)
    return await _come_in(work, call, now, own, wish) if own is not None else None


async def _take_page(work: Work, call: Call, now: CallNow, taken: Seat, page_id: str, epoch: int | None) -> Seat | None:
    session_id = SessionId(work.actor.session_id or "")
    is_own_session = taken.session_id == session_id
    if is_own_session and taken.page_id == page_id:
        return taken
    if epoch is not None and taken.page_id is not None:
        raise Moved
    member = now.members.get(taken.participant)
    is_alive = taken.page_id is not None and member is not None and member.is_alive(work.now)
    if call.connected_at is not None and (is_alive or (not is_own_session and taken.participant != STAFF)):
        await _ask(work, call, taken, session_id)
        return None
    after = replace(taken, session_id=session_id, page_id=page_id, epoch=taken.epoch + 1, asking_session_id=None)
    changed = await store.change_seat(
        work, taken, session_id=session_id, page_id=page_id, epoch=after.epoch, asking_session_id=None
    )
    if not changed:
        raise Unavailable(retry_after_s=1)
    if is_alive or (taken.page_id is not None and not is_own_session):
        await work.announce(SeatTakenOver(call.visit_id, taken.participant))
    return after


async def _come_in(work: Work, call: Call, now: CallNow, taken: Seat, wish: CallJoin) -> Joined:
    joined_at = await store.note_join(work, call.id, taken, taken.participant, work.actor.id)
    old = now.members.get(taken.participant)
    if old is None:  # the seat was taken after the call was read
        old = next(m for m in await _members(work, call, roster(work)) if m.participant == taken.participant)
    is_same_page = old.page_id == taken.page_id and old.epoch == taken.epoch
    member = replace(
        old,
        session_id=taken.session_id,
        page_id=taken.page_id,
        epoch=taken.epoch,
        joined_at=joined_at,
        audio=wish.audio,
        video=wish.video,
        presence=Presence.HERE,
        why=None,
        away_at=None,
        socket_gone_at=None,
        reports=old.reports if is_same_page else {},
        send_away=None,
        socket=None,
    )
    # Shown to the others as it will be; it becomes so only once the transaction is safe.
    shown = replace(now, members={**now.members, member.participant: member})
    for other in now.joined():
        if other.participant != member.participant:
            entry = {"type": "call.joined", "participant": shown.seen_by(other.participant, member)}
            work.tell(call.topic, entry, to=other.participant)

    def settle() -> None:
        now.members[member.participant] = member
        if not is_same_page:
            now.forget_reports_about(member.participant)

    work.after_commit(settle)
    return Joined(call, now, member, old)


async def call_of_now(work: Work, call: Call) -> CallNow:
    """The running call in memory; after a restart it is read from the database first."""
    rows = roster(work)
    if call.id not in rows.calls:
        appointment = await booking.appointment(work, call.appointment_id)
        desk = await booking.desk(work, appointment.desk_id)
        members = await _members(work, call, rows)
        rows.calls.setdefault(call.id, call_now(call, members, desk.media_lost_s))
    return rows.calls[call.id]


async def _members(work: Work, call: Call, rows: Roster) -> list[Member]:
    appointment = await booking.appointment(work, call.appointment_id)
    staff = await identity.staff_member(work, StaffId(call.staff_id))
    names = {
        CITIZEN: appointment.name or "",
        STAFF: public_name(staff.display_name, work.settings.staff_display),
    }
    joined = await store.joined(work, call.id)
    members = []
    for taken in await store.seats(work, call.appointment_id):
        member = Member(
            taken.participant,
            names.get(taken.participant, ""),
            appointment.needs.language if taken.participant == CITIZEN else "nl",
            session_id=taken.session_id,
            page_id=taken.page_id,
            epoch=taken.epoch,
        )
        if taken.participant in joined:
            # It was in the call when the server stopped; its clock of absence begins anew now.
            member.joined_at = joined[taken.participant]
            member.presence, member.socket_gone_at = Presence.HERE, max(rows.started_at, member.joined_at)
            member.audio = member.video = "on"
        members.append(member)
    return members
