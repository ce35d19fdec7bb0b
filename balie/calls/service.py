"""Calls: open with admit, begin with the citizen's yes, hold, note who is there, end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from balie.bus import Bus
from balie.calls import store
from balie.calls.backend import MESH
from balie.calls.roster import CallNow, Member
from balie.calls.rules import (
    CITIZEN,
    STAFF,
    Call,
    CallConnected,
    CallEnded,
    CallState,
    CheckResult,
    Hold,
    PairBack,
    PairLost,
    PairStayedDown,
    Presence,
    Seen,
)
from balie.calls.seating import LINK_LIVES_AFTER, call_of_now, roster
from balie.calls.seating import let_take_over as let_take_over
from balie.calls.seating import refuse_take_over as refuse_take_over
from balie.calls.seating import seat as seat
from balie.calls.seating import take_seat as take_seat
from balie.errors import CallOver
from balie.ids import AppointmentId, CallId, SessionId, StaffId, VisitId, new_id
from balie.work import Work

RUNNING = (CallState.OPEN, CallState.BEGUN)


async def open_call(
    work: Work,
    *,
    visit_id: VisitId,
    appointment_id: AppointmentId,
    owner_session_id: SessionId,
    staff_id: StaffId,
) -> Call:
    """Admit: a call with the citizen's seat, which is there, and the owner's. One runs at a time."""
    await end(work, visit_id, "replaced")
    call = Call(
        id=CallId(new_id()),
        visit_id=visit_id,
        appointment_id=appointment_id,
        staff_id=staff_id,
        state=CallState.OPEN,
        opened_at=work.now,
        backend=MESH.name,
    )
    await store.add_call(work, call)
    own = await store.seat(work, appointment_id, STAFF)
    if own is None:
        kept_until = work.now + LINK_LIVES_AFTER
        own = await store.add_seat(work, appointment_id, STAFF, owner_session_id, kept_until)
    await store.change_seat(work, own, session_id=owner_session_id, page_id=None, visit_id=visit_id)
    citizen = await store.seat(work, appointment_id, CITIZEN)
    if citizen is not None:
        await store.change_seat(work, citizen, page_id=None, visit_id=visit_id)
    work.tell(call.topic, {"type": "call.opened"})
    return call


async def begin(work: Work, visit_id: VisitId) -> Call:
    """*Ja, begin*: from now on the two sides may find each other. Twice is once."""
    call = await _running(work, visit_id)
    if await store.change_call(work, call.id, [CallState.OPEN], state=CallState.BEGUN.value, begun_at=work.now):
        work.tell(call.topic, {"type": "call.begun"})
        _later(work, call.id, lambda now: setattr(now, "is_begun", True))
    return call


async def hold(work: Work, visit_id: VisitId, reason: str, until: datetime | None) -> None:
    """Every page sends and plays nothing until `resume`; the connection stays."""
    call = await _running(work, visit_id)
    await store.change_call(work, call.id, RUNNING, hold_reason=reason, hold_until=until)
    said = {"on": True, "reason": reason, "until": until.isoformat() if until else None}
    work.tell(call.topic, {"type": "call.hold", **said})
    _later(work, call.id, lambda now: setattr(now, "hold", Hold(reason, until)))


async def resume(work: Work, visit_id: VisitId) -> None:
    """The conversation goes on, without a new admit."""
    call = await _running(work, visit_id)
    await store.change_call(work, call.id, RUNNING, hold_reason=None, hold_until=None)
    work.tell(call.topic, {"type": "call.hold", "on": False, "reason": None, "until": None})

    def go_on(now: CallNow) -> None:
        now.hold, now.was_lost_told = None, False

    _later(work, call.id, go_on)


async def end(work: Work, visit_id: VisitId, why: str) -> None:
    """The call is over and its log forgotten; without a running call there is nothing to do."""
    call = await store.newest_call(work, visit_id)
    if call is None or call.state is CallState.ENDED:
        return
    ended = {"state": CallState.ENDED.value, "ended_at": work.now, "why": why}
    if not await store.change_call(work, call.id, RUNNING, **ended, hold_reason=None, hold_until=None):
        return
    await store.note_left(work, call.id)
    await store.clear_pages(work, call.appointment_id)
    work.tell(call.topic, {"type": "call.ended", "why": why})
    bus, rows = work.get(Bus), roster(work)

    def forget() -> None:
        rows.forget(call.id)
        bus.drop(call.topic, keep_last=True)  # only `call.ended` is left for who comes late

    work.after_commit(forget)
    await work.announce(CallEnded(visit_id, why))


async def note_presence(
    work: Work, visit_id: VisitId, participant: str, presence: Presence, why: str | None = None
) -> None:
    """Somebody is here, away for a reason, lost, or left; the others are told when it changes."""
    call = await store.newest_call(work, visit_id)
    if call is None or call.state is CallState.ENDED:
        return
    now = await call_of_now(work, call)
    member = now.members.get(participant)
    if member is None or (member.presence, member.why) == (presence, why):
        return
    if presence is Presence.LEFT:
        await store.note_left(work, call.id, participant)
        taken = await store.seat(work, call.appointment_id, participant)
        if taken is not None:
            await store.change_seat(work, taken, page_id=None)
    tell_presence(work, now, member, presence, why)


def tell_presence(work: Work, now: CallNow, member: Member, presence: Presence, why: str | None) -> None:
    """Tell all in the call, and know it from then on."""
    message = {
        "type": "call.presence",
        "participant": member.participant,
        "presence": presence.value,
        "why": why,
    }
    work.tell(now.topic, message)

    def settle() -> None:
        member.presence, member.why = presence, why
        member.away_at = work.now if presence is Presence.AWAY else None
        if presence is Presence.LEFT:
            member.page_id, member.socket_gone_at = None, work.now

    work.after_commit(settle)


async def note_connected(work: Work, now: CallNow) -> None:
    """Both are there: for the first time in this call, or again."""
    if await store.mark_connected(work, now.id):
        await work.announce(CallConnected(now.visit_id))
    else:
        await work.announce(PairBack(now.visit_id))

    def settle() -> None:
        now.was_connected, now.was_lost_told, now.was_down_told = True, False, False

    work.after_commit(settle)


async def note_lost(work: Work, now: CallNow, who: str) -> None:
    """Media and socket of somebody have been gone for too long."""
    await work.announce(PairLost(now.visit_id, who))

    def settle() -> None:
        now.was_lost_told, now.is_up = True, False

    work.after_commit(settle)


async def note_long_down(work: Work, now: CallNow) -> None:
    """Both sides say for a minute that their pair is down."""
    await work.announce(PairStayedDown(now.visit_id))
    work.after_commit(lambda: setattr(now, "was_down_told", True))


async def call_of(work: Work, visit_id: str) -> Call | None:
    """The call of a visit: the one that runs, else the newest."""
    return await store.newest_call(work, visit_id)


async def call_by_id(work: Work, call_id: str) -> Call | None:
    """A call by its own id; who may do what with it is `seat_of`."""
    return await store.call_by_id(work, call_id)


async def running(work: Work) -> list[CallNow]:
    """Every running call, also those of which no page has come back since a restart."""
    return [await call_of_now(work, call) for call in await store.running_calls(work)]


async def participants_seen(work: Work, visit_id: str) -> list[Seen]:
    """Who took part in the calls of a visit."""
    return await store.seen(work, visit_id)


async def check_result_of(work: Work, appointment_id: str, participant: str = CITIZEN) -> CheckResult | None:
    """The last check of device and connection."""
    return await store.check_of(work, appointment_id, participant)


async def _running(work: Work, visit_id: VisitId) -> Call:
    call = await store.newest_call(work, visit_id)
    if call is None or call.state is CallState.ENDED:
        raise CallOver
    return call


def _later(work: Work, call_id: CallId, change: Callable[[CallNow], object]) -> None:
    rows = roster(work)

    def settle() -> None:
        now = rows.calls.get(call_id)
        if now is not None:
            change(now)

    work.after_commit(settle)
