"""What the desk does when a feature below announces something, and what browsers are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from balie.booking import service as booking
from balie.booking.rules import AppointmentCancelled
from balie.calls import service as calls
from balie.calls.rules import CallConnected, PairBack, PairLost, PairStayedDown, RingSeen, SeatTakenOver
from balie.desk import rules, store
from balie.desk.events import CitizenAdmitted, CitizenCheckedIn, VisitChanged, VisitFinished
from balie.desk.rules import PACE, Act, By, Visit, VisitState
from balie.documents.rules import (
    DocumentAsked,
    DocumentChanged,
    DocumentOffered,
    DocumentRefused,
    DocumentScanned,
    DocumentShown,
)
from balie.errors import NotFound
from balie.history.rules import DraftSaved
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.identity.rules import StaffSignedIn, VerificationChanged
from balie.work import Work

S = VisitState


def tell(work: Work, visit: Visit) -> None:
    """Say that a visit changed to whoever sees it; a hint, the page is read again."""
    work.tell(f"visit:{visit.id}", {"type": "visit_changed", "state": visit.state})
    work.tell(f"desk:{visit.desk_id}", {"type": "queue_changed"})


async def on_checked_in(work: Work, event: CitizenCheckedIn) -> None:
    """The queue has one more."""
    work.tell(f"desk:{event.visit.desk_id}", {"type": "queue_changed", "has_arrival": True})


async def on_admitted(work: Work, event: CitizenAdmitted) -> None:
    """The citizen's page rings."""
    tell(work, event.visit)


async def on_changed(work: Work, event: VisitChanged) -> None:
    """Both pages read on."""
    tell(work, event.visit)


async def on_finished(work: Work, event: VisitFinished) -> None:
    """The goodbye page fills, and the citizen's page listens no more."""
    tell(work, event.visit)
    work.tell(f"visit:{event.visit.id}", {"type": "visit.over"}, to="citizen")


async def on_call_connected(work: Work, event: CallConnected) -> None:
    """V5: both are there with picture, sound or text; the clock of the conversation starts."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is None or visit.state is not S.ADMITTED or not visit.has_begun:
        return
    begun_at = visit.begun_at or work.now
    await _go(work, visit, Act.CONVERSE, "connected", begun_at=begun_at, ring_ends_at=None)


async def on_pair_lost(work: Work, event: PairLost) -> None:
    """V13: media and socket of one of the two are gone; not during a sign-in of up to ten minutes."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is None or visit.state is not S.IN_CONVERSATION:
        return
    presence = await store.presence_of(work, [visit.id])
    citizen = presence.get((visit.id, "citizen"))
    if citizen is not None and citizen.why == "signing_in" and work.now - citizen.changed_at <= PACE.signing_in:
        return
    await _go(work, visit, Act.INTERRUPT, "lost", interrupted_reason="lost")


async def on_pair_back(work: Work, event: PairBack) -> None:
    """V14: both are there again; the same visit goes on."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is None or visit.state is not S.INTERRUPTED or visit.interrupted_reason != "lost":
        return
    others = await store.visits_of_staff(work, visit.staff_id or "")
    if any(other.state in rules.IN_HAND for other in others):
        after = rules.put_back(visit, By.SYSTEM, work.now)
        if await store.save(work, visit, after, "owner_busy"):
            await calls.end(work, visit.id, "put_back")
            tell(work, after)
        return
    await _go(work, visit, Act.COME_BACK, "back", interrupted_reason=None)


async def _go(work: Work, visit: Visit, act: Act, reason: str, **changes: Any) -> None:
    after = rules.go(act, visit, By.SYSTEM, work.now, **changes)
    if await store.save(work, visit, after, reason):
        tell(work, after)


async def on_seat_taken_over(work: Work, event: SeatTakenOver) -> None:
    """Another device sits there now: whoever proved who they are proves it again."""
    await verifications.unconfirm(work, event.visit_id, event.participant, "other_device")
    await _tell_visit(work, event.visit_id)


async def on_verification_changed(work: Work, event: VerificationChanged) -> None:
    """Asked, signing in, confirmed, lost: both pages show it; a sign-in keeps the conversation open."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is None:
        return
    if event.state == "signing_in":
        await store.put_presence(work, visit.id, "citizen", state="away", why="signing_in", changed_at=work.now)
    else:
        await store.put_presence(work, visit.id, "citizen", state="here", why=None, changed_at=work.now)
    tell(work, visit)


async def on_pair_stayed_down(work: Work, event: PairStayedDown) -> None:
    """A minute without a connection: whoever sits there now proves again who they are."""
    await verifications.unconfirm(work, event.visit_id, "citizen", "no_connection")
    await _tell_visit(work, event.visit_id)


async def on_ring_seen(work: Work, event: RingSeen) -> None:
    """The browser shows the ring: only such a ring can count as unanswered."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is not None and visit.state is S.ADMITTED and visit.ring_seen_at is None:
        await store.save(work, visit, replace(visit, ring_seen_at=work.now), "ring_seen")


async def on_staff_signed_in(work: Work, event: StaffSignedIn) -> None:
    """Desks come from the claims by name, and replace those of the last sign-in."""
    named = [desk.id for desk in await booking.desks(work) if desk.name in event.desk_names]
    await identity.set_desks(work, event.staff_id, tuple(named))


DocumentEvent = DocumentAsked | DocumentOffered | DocumentScanned | DocumentRefused | DocumentChanged | DocumentShown


async def on_document(work: Work, event: DocumentEvent) -> None:
    """A paper changed: both pages read on."""
    if event.visit_id is not None:
        work.tell(f"visit:{event.visit_id}", {"type": "document_changed"})


async def on_draft_saved(work: Work, event: DraftSaved) -> None:
    """Only who has the visit writes its record; raises NotFound for everybody else, which undoes the draft."""
    visit = await store.visit_by_id(work, event.visit_id)
    if visit is None or visit.staff_id != work.actor.id or visit.state is S.FINISHED:
        raise NotFound


async def on_appointment_cancelled(work: Work, event: AppointmentCancelled) -> None:
    """An open page of the link changes by itself."""
    visit = await store.latest_of_appointment(work, event.appointment_id)
    if visit is not None:
        tell(work, visit)


async def _tell_visit(work: Work, visit_id: str) -> None:
    visit = await store.visit_by_id(work, visit_id)
    if visit is not None:
        tell(work, visit)


LISTENERS: Mapping[type, Any] = {
    CitizenCheckedIn: on_checked_in,
    CitizenAdmitted: on_admitted,
    VisitChanged: on_changed,
    VisitFinished: on_finished,
    CallConnected: on_call_connected,
    PairLost: on_pair_lost,
    PairBack: on_pair_back,
    SeatTakenOver: on_seat_taken_over,
    VerificationChanged: on_verification_changed,
    PairStayedDown: on_pair_stayed_down,
    RingSeen: on_ring_seen,
    StaffSignedIn: on_staff_signed_in,
    DocumentAsked: on_document,
    DocumentOffered: on_document,
    DocumentScanned: on_document,
    DocumentRefused: on_document,
    DocumentChanged: on_document,
    DocumentShown: on_document,
    AppointmentCancelled: on_appointment_cancelled,
    DraftSaved: on_draft_saved,
}
