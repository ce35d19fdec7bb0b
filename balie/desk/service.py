"""The use cases of the desk: check in, admit, hold, end, finish; each is one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from balie.actors import Actor, ActorKind, Role
from balie.booking import service as booking
from balie.booking.rules import Appointment, AppointmentState, Identification, local_date_of
from balie.calls import service as calls
from balie.desk import rules, store
from balie.desk.closing import close_up
from balie.desk.events import CitizenAdmitted, CitizenCheckedIn, VisitChanged
from balie.desk.queue import next_in_line
from balie.desk.rules import PACE, Act, By, Counter, Visit, VisitState
from balie.desk.started import Started
from balie.documents import service as documents
from balie.errors import (
    AlreadyHelping,
    NobodyWaiting,
    NoCounter,
    NotAllowed,
    NotFound,
    NotInCall,
    NotWaiting,
    NotYourVisit,
    TooEarly,
    TooLate,
)
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.ids import AppointmentId, CounterId, DeskId, SessionId, StaffId, VisitId, new_id
from balie.work import Work

TRIES = 3


def by_of(actor: Actor, visit: Visit) -> By:
    """As whom this actor stands to the visit; NotFound for somebody who has nothing to do with it."""
    if actor.kind is ActorKind.SYSTEM:
        return By.SYSTEM
    if actor.kind is ActorKind.CITIZEN and actor.appointment_id == visit.appointment_id:
        return By.CITIZEN
    if actor.kind is ActorKind.STAFF and visit.staff_id == actor.id:
        return By.OWNER
    if actor.kind is ActorKind.STAFF and visit.desk_id in actor.desks:
        return By.LEAD if actor.has_role(Role.TEAM_LEAD) else By.STAFF
    raise NotFound


async def visit_of(work: Work, visit_id: str) -> Visit:
    """The visit, when this actor may know of it; else NotFound."""
    visit = await store.visit_by_id(work, visit_id)
    if visit is None:
        raise NotFound
    by_of(work.actor, visit)
    return visit


async def owned_visit(work: Work, visit_id: str) -> Visit:
    """The visit of this id that this staff member has; NotYourVisit when a colleague has it."""
    visit = await visit_of(work, visit_id)
    if visit.staff_id != work.actor.id:
        raise NotYourVisit
    return visit


async def my_visit(work: Work) -> Visit | None:
    """The citizen's own visit: the open one, else the last."""
    if work.actor.appointment_id is None:
        return None
    return await store.latest_of_appointment(work, AppointmentId(work.actor.appointment_id))


async def my_open_visit(work: Work) -> Visit:
    """The citizen's own open visit; NotWaiting when there is none."""
    visit = await my_visit(work)
    if visit is None or visit.state is VisitState.FINISHED:
        raise NotWaiting
    return visit


async def save(work: Work, before: Visit, after: Visit, reason: str) -> Visit:
    """Compare-and-set; NotWaiting when somebody was first."""
    if not await store.save(work, before, after, reason):
        raise NotWaiting
    if after.version != before.version and after.state is VisitState.FINISHED:
        await close_up(work, before, after)
    elif after.version != before.version:
        await work.announce(VisitChanged(after))
    return after


# --- the citizen


async def check_in(work: Work) -> Visit:
    """V1: from here the citizen waits. Doing it again gives the same visit."""
    mine = await my_visit(work)
    if mine is not None and mine.state is not VisitState.FINISHED:
        return mine
    appointment = await booking.appointment(work, AppointmentId(work.actor.appointment_id or ""))
    await _check_window(work, appointment)
    await booking.keep(work, appointment.id, appointment.version)
    day = local_date_of(appointment.starts_at, ZoneInfo(work.settings.time_zone))
    visit = Visit(
        id=VisitId(new_id()),
        desk_id=appointment.desk_id,
        product_id=appointment.product_id,
        appointment_id=appointment.id,
        local_date=day,
        queue_number=await store.next_number(work, appointment.desk_id, day),
        state=VisitState.WAITING,
        arrived_at=work.now,
        starts_at=appointment.starts_at,
        state_changed_at=work.now,
        needs=appointment.needs.as_json(),
        is_late=work.now > appointment.starts_at + timedelta(minutes=10),
    )
    await store.add(work, visit, "checked_in")
    await store.put_presence(work, visit.id, "citizen", state="here", changed_at=work.now, last_seen_at=work.now)
    await documents.attach_visit(work, appointment.id, visit.id)
    if work.actor.session_id:
        await identity.note_visit(work, SessionId(work.actor.session_id), visit.id)
    await work.announce(CitizenCheckedIn(visit))
    return visit


async def _check_window(work: Work, appointment: Appointment) -> None:
    if appointment.state is not AppointmentState.BOOKED:
        raise TooLate
    product = await booking.product(work, appointment.product_id)
    if work.now < appointment.starts_at - timedelta(minutes=product.check_in_opens_minutes):
        raise TooEarly


async def begin(work: Work) -> Visit:
    """*Ja, begin*: while it rings the call may be built; after the ring staff hear that the citizen is ready."""
    visit = await my_open_visit(work)
    if visit.state is VisitState.ADMITTED:
        after = await save(work, visit, replace(visit, has_begun=True), "begun")
        await calls.begin(work, visit.id)
    elif visit.state is VisitState.WAITING:
        after = await save(work, visit, replace(visit, is_ready=True), "ready")
    else:
        return visit
    await work.announce(VisitChanged(after))
    return after


async def not_yet(work: Work) -> Visit:
    """*Nog niet*: staff hear it and the ring starts again."""
    visit = await my_open_visit(work)
    after = await save(work, visit, rules.not_yet(visit, work.now), "not_yet")
    if after.state is VisitState.WAITING:
        await calls.end(work, visit.id, "put_back")
    await work.announce(VisitChanged(after))
    return after


async def leave(work: Work) -> Visit:
    """*Stop*, asked twice by the page: from the queue, from the conversation or from hold."""
    visit = await my_open_visit(work)
    if visit.state is VisitState.IN_CONVERSATION:
        after = rules.go(Act.STOP, visit, By.CITIZEN, work.now, interrupted_reason="stopped")
        return await save(work, visit, after, "stopped")
    if visit.state is VisitState.ON_HOLD:
        await calls.end(work, visit.id, "citizen_left")
        return await save(work, visit, rules.go(Act.END, visit, By.CITIZEN, work.now), "stopped")
    if visit.state in (VisitState.INTERRUPTED, VisitState.WRAP_UP):
        return visit
    return await save(work, visit, rules.leave(visit, By.CITIZEN, work.now), "left")


async def talk_on(work: Work) -> Visit:
    """*Toch verder praten* within two minutes after *Stop* (V14)."""
    visit = await my_open_visit(work)
    if visit.state is VisitState.IN_CONVERSATION:
        return visit
    if visit.interrupted_reason != "stopped" or work.now > visit.state_changed_at + rules.TALK_ON:
        raise TooLate
    await _check_owner_free(work, visit)
    after = rules.go(Act.TALK_ON, visit, By.CITIZEN, work.now, interrupted_reason=None)
    return await save(work, visit, after, "talk_on")


async def _check_owner_free(work: Work, visit: Visit) -> None:
    others = await store.visits_of_staff(work, visit.staff_id or "")
    if any(other.id != visit.id and other.state in rules.IN_HAND for other in others):
        raise AlreadyHelping


async def rate(work: Work, rating: str) -> None:
    """How it went, at goodbye: good, so_so or bad."""
    visit = await my_visit(work)
    if visit is not None:
        await store.save(work, visit, replace(visit, rating=rating), "rated")


async def change_needs(work: Work, **changed: Any) -> None:
    """Simplified view, language, companion: from any moment on, for appointment and visit."""
    visit = await my_visit(work)
    if visit is not None:
        await store.save(work, visit, replace(visit, needs={**visit.needs, **changed}), "needs")
        await work.announce(VisitChanged(visit))


async def note_seen(work: Work, visit_id: str) -> None:
    """A page without scripts is seen when it is read again."""
    await store.put_presence(work, visit_id, "citizen", last_seen_at=work.now)


# --- staff


async def open_counter(work: Work, desk_id: str) -> Counter:
    """Open a counter at one of this staff member's desks; doing it again gives the open one."""
    check_desk(work, desk_id)
    open_one = await store.open_counter_of(work, work.actor.id or "")
    if open_one is not None and open_one.desk_id == desk_id:
        return open_one
    if open_one is not None:
        await _close(work, open_one)
    number = len(await store.open_counters(work, desk_id)) + 1
    counter = Counter(
        id=CounterId(new_id()),
        desk_id=DeskId(desk_id),
        staff_id=StaffId(work.actor.id or ""),
        label=str(number),
        opened_at=work.now,
        last_seen_at=work.now,
    )
    await store.add_counter(work, counter)
    _tell_queue(work, desk_id)
    return await store.open_counter_of(work, counter.staff_id) or counter


async def close_counter(work: Work, desk_id: str) -> None:
    """Close it; not with a visit in hand."""
    counter = await store.open_counter_of(work, work.actor.id or "")
    if counter is None:
        return
    if any(v.state in rules.IN_HAND for v in await store.visits_of_staff(work, counter.staff_id)):
        raise AlreadyHelping
    await _close(work, counter)
    _tell_queue(work, desk_id)


async def _close(work: Work, counter: Counter) -> None:
    await store.change_counter(work, counter.id, closed_at=work.now)


async def pause_counter(work: Work, desk_id: str, is_paused: bool) -> None:
    """A pause: no estimate counts on this counter meanwhile."""
    counter = await store.open_counter_of(work, work.actor.id or "")
    if counter is None:
        raise NoCounter
    await store.change_counter(work, counter.id, paused_at=work.now if is_paused else None)
    _tell_queue(work, desk_id)


def check_desk(work: Work, desk_id: str) -> None:
    """NotFound for a desk that is not this staff member's."""
    if desk_id not in work.actor.desks:
        raise NotFound


def _tell_queue(work: Work, desk_id: str) -> None:
    work.tell(f"desk:{desk_id}", {"type": "queue_changed"})


async def admit_next(work: Work, desk_id: str) -> Visit | None:
    """Take the next in line: the best three, one by one. None when each was taken by a colleague meanwhile."""
    await _check_may_admit(work, desk_id)
    waiting = [v for v in await store.open_at(work, desk_id) if v.state is VisitState.WAITING]
    away = await away_since(work, waiting)
    candidates = next_in_line(waiting, away, work.now)
    if not candidates:
        raise NobodyWaiting
    for visit in candidates[:TRIES]:
        admitted = await _admit(work, visit)
        if admitted is not None:
            return admitted
    return None


async def pick(work: Work, visit_id: str) -> Visit:
    """Take this one out of the queue; NotWaiting when a colleague was first."""
    visit = await visit_of(work, visit_id)
    await _check_may_admit(work, visit.desk_id)
    admitted = await _admit(work, visit)
    if admitted is None:
        raise NotWaiting
    return admitted


async def _check_may_admit(work: Work, desk_id: str) -> None:
    check_desk(work, desk_id)
    if await store.open_counter_of(work, work.actor.id or "") is None:
        raise NoCounter
    mine = await store.visits_of_staff(work, work.actor.id or "")
    if any(v.state in rules.IN_HAND for v in mine):
        raise AlreadyHelping
    if sum(v.state is VisitState.WRAP_UP for v in mine) > PACE.max_wrap_up:
        raise AlreadyHelping


async def _admit(work: Work, visit: Visit) -> Visit | None:
    by = by_of(work.actor, visit)
    staff_id = StaffId(work.actor.id or "")
    after = rules.admit(visit, staff_id, By.STAFF if by is By.OWNER else by, work.now)
    if not await store.save(work, visit, after, "admitted"):
        return None
    await calls.open_call(
        work,
        visit_id=visit.id,
        appointment_id=visit.appointment_id,
        owner_session_id=SessionId(work.actor.session_id or ""),
        staff_id=staff_id,
    )
    await documents.grant_access(work, visit.id, "staff", staff_id)
    await store.put_presence(work, visit.id, "staff", state="here", changed_at=work.now, last_seen_at=work.now)
    await work.announce(CitizenAdmitted(after))
    return after


async def away_since(work: Work, visits: list[Visit]) -> dict[str, Any]:
    """By visit, since when nothing was heard of the citizen; only those who are away."""
    presence = await store.presence_of(work, [v.id for v in visits])
    started = work.get(Started)
    since = {
        v.id: started.heard(row.last_seen_at) for v in visits if (row := presence.get((v.id, "citizen"))) is not None
    }
    return {visit_id: seen for visit_id, seen in since.items() if started.is_away(seen, work.now)}


async def put_back(work: Work, visit_id: str) -> Visit:
    """Back to its own place; the open call ends, the next admit opens another."""
    visit = await owned_visit(work, visit_id)
    after = await save(work, visit, rules.put_back(visit, By.OWNER, work.now), "put_back")
    await calls.end(work, visit.id, "put_back")
    await documents.withdraw_access(work, visit.id, "staff")
    return after


async def record_no_show(work: Work, visit_id: str) -> Visit:
    """V7 by the owner, after three rings without answer."""
    visit = await owned_visit(work, visit_id)
    return await save(work, visit, rules.no_show(visit, By.OWNER, work.now), "no_show")


async def put_on_hold(work: Work, visit_id: str, reason: str, minutes: int) -> Visit:
    """V9: sound and picture stop both ways; the citizen reads why and until when."""
    visit = await owned_visit(work, visit_id)
    mine = await store.visits_of_staff(work, work.actor.id or "")
    if sum(v.state is VisitState.ON_HOLD for v in mine) >= PACE.max_on_hold:
        raise AlreadyHelping
    until = work.now + timedelta(minutes=minutes)
    after = await save(work, visit, rules.put_on_hold(visit, By.OWNER, reason, until, work.now), "on_hold")
    await calls.hold(work, visit.id, reason, until)
    return after


async def resume(work: Work, visit_id: str) -> Visit:
    """V10: the conversation goes on, without a new admit."""
    visit = await owned_visit(work, visit_id)
    await _check_owner_free(work, visit)
    presence = await store.presence_of(work, [visit.id])
    citizen = presence.get((visit.id, "citizen"))
    if citizen is not None and citizen.state == "left":
        raise NotInCall
    after = rules.go(Act.RESUME, visit, By.OWNER, work.now, hold_reason=None, wake_up_at=None)
    await save(work, visit, after, "resumed")
    await calls.resume(work, visit.id)
    return after


async def release(work: Work, visit_id: str) -> Visit:
    """V12: from hold back to the queue, before all others."""
    visit = await visit_of(work, visit_id)
    after = await save(work, visit, rules.release(visit, by_of(work.actor, visit), work.now), "released")
    await calls.end(work, visit.id, "put_back")
    return after


async def end(work: Work, visit_id: str) -> Visit:
    """The conversation is over (V16, V20); what is left is writing down."""
    visit = await owned_visit(work, visit_id)
    act = Act.GIVE_UP if visit.state is VisitState.INTERRUPTED else Act.END
    after = await save(work, visit, rules.go(act, visit, By.OWNER, work.now), "ended")
    await calls.end(work, visit.id, "ended")
    return after


async def finish(work: Work, visit_id: str, form: Mapping[str, str]) -> Visit:
    """V22: outcome and text become the one contact record, in this transaction."""
    visit = await owned_visit(work, visit_id)
    if visit.state in (VisitState.IN_CONVERSATION, VisitState.INTERRUPTED):
        visit = await end(work, visit_id)
    after = rules.finish(visit, By.OWNER, form.get("outcome", ""), work.now)
    if not await store.save(work, visit, after, "finished"):
        raise NotWaiting
    await close_up(work, visit, after, form)
    return after


async def ask_identification(work: Work, visit_id: str) -> Visit:
    """Ask the citizen to sign in; purpose and level come from the product. Pressed twice at once, it asks once."""
    await store.lock(work, visit_id)
    visit = await owned_visit(work, visit_id)
    product = await booking.product(work, visit.product_id)
    if product.identification is not Identification.IN_CALL:
        raise NotAllowed
    if visit.state is not VisitState.IN_CONVERSATION:
        raise NotWaiting
    await verifications.ask(
        work,
        visit_id=visit.id,
        participant="citizen",
        purpose=product.purpose,
        minimum_level=product.minimum_level,
    )
    return visit


async def phone_number_of(work: Work, visit_id: str) -> str | None:
    """The citizen's number, for *Bel inwoner*; shown on request and audited."""
    visit = await owned_visit(work, visit_id)
    details = await booking.contact_details(work, visit.appointment_id)
    return details.mobile
