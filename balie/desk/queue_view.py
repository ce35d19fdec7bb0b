"""From visits, appointments and presence to the queue page and the wait that is told."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from balie.booking import service as booking
from balie.booking.rules import Appointment, AppointmentState, Desk, Product, local_date_of
from balie.calls import service as calls
from balie.desk import rules, store
from balie.desk.pages import Wait
from balie.desk.queue import LEARN_FROM, Ahead, expected_length, free_at, in_order, span, wait
from balie.desk.rules import Visit, VisitState
from balie.desk.staff_pages import DeskLine, ExpectedRow, HelpedRow, QueuePage, QueueRow
from balie.desk.started import Started
from balie.identity import service as identity
from balie.work import Work

S = VisitState
DELAY_FROM = timedelta(minutes=5)
AMBER, RED = 15, 30
HELPED = (S.ADMITTED, S.IN_CONVERSATION, S.ON_HOLD, S.INTERRUPTED, S.WRAP_UP)


@dataclass(frozen=True)
class Desktop:
    """What one look at a desk finds: read once, shown in several ways."""

    desk: Desk
    visits: list[Visit]
    appointments: Mapping[str, Appointment]
    products: Mapping[str, Product]
    presence: Mapping[tuple[str, str], Any]

    @property
    def waiting(self) -> list[Visit]:
        """Those who wait."""
        return [v for v in self.visits if v.state is S.WAITING]


async def look_at(work: Work, desk_id: str) -> Desktop:
    """Everything open at a desk, and the appointments of today."""
    zone = ZoneInfo(work.settings.time_zone)
    visits = await store.open_at(work, desk_id)
    today = await booking.appointments_of_day(work, desk_id, local_date_of(work.now, zone))
    appointments = {str(a.id): a for a in today}
    for visit in visits:
        if visit.appointment_id not in appointments:
            appointments[visit.appointment_id] = await booking.appointment(work, visit.appointment_id)
    return Desktop(
        desk=await booking.desk(work, desk_id),
        visits=visits,
        appointments=appointments,
        products={str(p.id): p for p in await booking.products(work)},
        presence=await store.presence_of(work, [v.id for v in visits]),
    )


async def wait_of(work: Work, visit: Visit) -> Wait:
    """What the waiting room tells: people before, and an honest range from this day's own visits."""
    seen = await look_at(work, visit.desk_id)
    order = in_order(seen.waiting, work.now)
    before = order[: next((i for i, v in enumerate(order) if v.id == visit.id), len(order))]
    counters = [c for c in await store.open_counters(work, visit.desk_id) if c.paused_at is None]
    if not counters:
        return Wait(people_before=len(before), no_span_because="nobody_there")
    lengths = await _lengths(work, seen)
    talking = [v for v in seen.visits if v.state in rules.IN_HAND]
    servers = free_at(
        [v.begun_at or work.now for v in talking],
        [lengths[v.product_id] for v in talking],
        max(0, len(counters) - len(talking)),
        work.now,
    )
    ahead = [Ahead(work.now, lengths[v.product_id]) for v in before] + _expected_before(seen, visit, lengths, work)
    waiting = wait(sorted(ahead, key=lambda a: a.ready_at), servers, work.now)
    delay = work.now + (waiting or timedelta()) - visit.starts_at
    if delay < DELAY_FROM:
        return Wait(people_before=len(before), no_span_because="on_time")
    told = span(delay)
    if told.high is None:
        return Wait(people_before=len(before), no_span_because="over_90")
    return Wait(people_before=len(before), low_minutes=told.low, high_minutes=told.high)


def _expected_before(seen: Desktop, visit: Visit, lengths: Mapping[str, timedelta], work: Work) -> list[Ahead]:
    """Booked appointments of today that start before this one and have not checked in."""
    return [
        Ahead(a.starts_at, lengths[a.product_id])
        for a in seen.appointments.values()
        if a.state is AppointmentState.BOOKED and work.now <= a.starts_at < visit.starts_at
    ]


async def _lengths(work: Work, seen: Desktop) -> dict[str, timedelta]:
    """d(product) for every product at this desk."""
    found = {}
    for product in seen.products.values():
        recent = await store.recent_minutes(work, seen.desk.id, product.id, LEARN_FROM)
        found[str(product.id)] = expected_length(recent, product.duration_minutes + product.buffer_minutes)
    return found


async def queue_page(
    work: Work, desk_id: str, notice: str = "", ticket: str = "", after: str | None = None
) -> QueuePage:
    """The page of the queue for this staff member."""
    seen = await look_at(work, desk_id)
    counters = await store.open_counters(work, desk_id)
    mine = next((c for c in counters if c.staff_id == work.actor.id), None)
    rows = [await _row(work, seen, v, place) for place, v in enumerate(in_order(seen.waiting, work.now), 1)]
    done = await store.finished_on(work, desk_id, local_date_of(work.now, ZoneInfo(work.settings.time_zone)))
    tally = Tally(str(v.outcome) for v in done)
    in_hand = next((v.id for v in seen.visits if v.staff_id == work.actor.id and v.state in HELPED), None)
    return QueuePage(
        desk=DeskLine(seen.desk.id, seen.desk.name),
        desks=await desks_of(work),
        staff_name=work.actor.display_name or "",
        is_open=mine is not None,
        is_paused=mine is not None and mine.paused_at is not None,
        counters=len(counters),
        longest_minutes=max((row.waited_minutes for row in rows), default=0),
        waiting=tuple(rows),
        helped=tuple([await _helped(work, seen, v) for v in seen.visits if v.state in HELPED]),
        expected=_expected(seen, work),
        finished=tuple(sorted(tally.items())),
        finished_total=len(done),
        my_visit_id=in_hand,
        notice=notice,
        ticket=ticket,
        live_after=after,
    )


async def desks_of(work: Work) -> tuple[DeskLine, ...]:
    """The desks of this staff member."""
    return tuple(DeskLine(d.id, d.name) for d in await booking.desks(work) if d.id in work.actor.desks)


async def _row(work: Work, seen: Desktop, visit: Visit, place: int) -> QueueRow:
    appointment = seen.appointments[visit.appointment_id]
    waited = max(timedelta(), work.now - max(visit.arrived_at, visit.starts_at))
    minutes = int(waited.total_seconds() // 60)
    presence = seen.presence.get((visit.id, "citizen"))
    return QueueRow(
        visit_id=visit.id,
        place=place,
        number=f"{seen.desk.queue_prefix}{visit.queue_number}",
        name=appointment.name or "",
        starts_at=visit.starts_at,
        waited_minutes=minutes,
        urgency="red" if minutes >= RED else "amber" if minutes >= AMBER else "calm",
        product=seen.products[visit.product_id].name_in("nl"),
        badges=badges(visit),
        device=await device_words(work, visit.appointment_id),
        rung=visit.admit_count,
        is_away=presence is not None and work.get(Started).is_away(presence.last_seen_at, work.now),
        is_ready=visit.is_ready,
        has_undelivered=bool(await booking.undelivered(work, [visit.appointment_id])),
    )


async def device_words(work: Work, appointment_id: str) -> tuple[tuple[str, str], ...]:
    """The last check of camera, microphone and connection: part and outcome."""
    result = await calls.check_result_of(work, appointment_id)
    if result is None:
        return ()
    found = [(part, result.parts[part]) for part in ("camera", "microphone") if part in result.parts]
    return (*found, ("connection", result.verdict.value))


def badges(visit: Visit) -> tuple[str, ...]:
    """What staff see of the needs: never a reason."""
    needs = visit.needs
    found = ["simplified"] if visit.is_simplified else []
    found += ["interpreter"] if needs.get("interpreter", "none") != "none" else []
    found += ["language"] if needs.get("language", "nl") != "nl" else []
    found += ["companion"] if needs.get("companion") in ("beside", "elsewhere") else []
    found += ["text"] if needs.get("text") else []
    return tuple(found + (["late"] if visit.is_late else []))


async def _helped(work: Work, seen: Desktop, visit: Visit) -> HelpedRow:
    member = await identity.staff_member(work, visit.staff_id) if visit.staff_id else None
    return HelpedRow(
        visit_id=visit.id,
        name=seen.appointments[visit.appointment_id].name or "",
        product=seen.products[visit.product_id].name_in("nl"),
        state=visit.state,
        staff_name=member.display_name if member else "",
        is_mine=visit.staff_id == work.actor.id,
        since=visit.state_changed_at,
        reason=visit.hold_reason or visit.interrupted_reason or "",
        until=visit.wake_up_at,
    )


def _expected(seen: Desktop, work: Work) -> tuple[ExpectedRow, ...]:
    due = [
        a
        for a in seen.appointments.values()
        if a.state is AppointmentState.BOOKED and a.ends_at > work.now - timedelta(hours=1)
    ]
    due.sort(key=lambda a: a.starts_at)
    return tuple(
        ExpectedRow(a.starts_at, a.name or "", seen.products[a.product_id].name_in("nl"), a.state) for a in due[:20]
    )
