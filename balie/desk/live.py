"""Who may listen to what at the desk, and how presence is read from the open sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from balie.actors import ActorKind, system
from balie.desk import store
from balie.desk.rules import Visit, VisitState
from balie.identity import service as identity
from balie.ids import StaffId
from balie.privacy.purposes import HELP_CITIZEN
from balie.web.live import Sockets
from balie.work import Work, Works

WRITE_EVERY = timedelta(seconds=15)


async def may_hear_visit(work: Work, visit_id: str) -> str | None:
    """The citizen of the visit and the staff member who has it."""
    visit = await store.visit_by_id(work, visit_id)
    actor = work.actor
    if visit is None:
        return None
    if actor.kind is ActorKind.CITIZEN and actor.appointment_id == visit.appointment_id:
        return "citizen"
    return "staff" if actor.kind is ActorKind.STAFF and visit.staff_id == actor.id else None


async def may_hear_desk(work: Work, desk_id: str) -> str | None:
    """The staff members of the desk."""
    actor = work.actor
    return f"staff-{actor.id}" if actor.kind is ActorKind.STAFF and desk_id in actor.desks else None


async def note_presence(works: Works) -> None:
    """Write of all visits whose pages are connected here that their people are there, in one batch."""
    heard = works.get(Sockets).listening("visit:")
    if not heard:
        return
    async with works.begin(system("desk.presence"), HELP_CITIZEN, writes=False) as work:
        known = await store.presence_of(work, sorted({visit_id for visit_id, _ in heard}))
    due = [key for key in sorted(heard) if _is_due(known.get(key), works)]
    if not due:
        return
    async with works.begin(system("desk.presence"), HELP_CITIZEN) as work:
        for visit_id, participant in due:
            visit = await store.visit_by_id(work, visit_id)
            if visit is not None and visit.state is not VisitState.FINISHED:
                await store.put_presence(work, visit_id, participant, last_seen_at=work.now)
                await _keep_sessions(work, visit, participant)


async def _keep_sessions(work: Work, visit: Visit, participant: str) -> None:
    # A seat in use counts as activity: no time-out of a session cuts a conversation.
    if participant == "citizen":
        await identity.keep_seats_alive(work, visit_id=visit.id)
    elif participant == "staff" and visit.staff_id is not None:
        await identity.keep_seats_alive(work, staff_id=StaffId(visit.staff_id))


def _is_due(row: Any, works: Works) -> bool:
    return row is None or works.clock() - row.last_seen_at >= WRITE_EVERY
