"""Finding a free time, keeping it while the citizen types, and moving an appointment: all that touches claims.

The primary key of `claim` decides who gets a seat; reading before only chooses which. A lost try
rolls everything back and begins again in a new Work, and each lost try means that somebody else
succeeded. Lock order: pools by id, appointment, claims ascending by (tick, pool), deletes last.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from balie.actors import RUN_SERVICE, Actor, system
from balie.booking import slots, store
from balie.booking.rules import (
    Appointment,
    AppointmentState,
    Audience,
    Needs,
    PoolKind,
    Product,
    ProductLine,
    ProductState,
    Step,
    buffer_minutes,
    length_minutes,
    local_date_of,
    new_reference,
)
from balie.booking.slots import Day, EmptyReason, PoolHours, Question, Seating, Slot
from balie.errors import NotFound, SlotNotOffered, SlotTaken
from balie.ids import AppointmentId, DeskId, PoolId, new_id
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.work import Work, Works

T = TypeVar("T")
_NEAR_DAYS = 7


@dataclass(frozen=True)
class Wish:
    """What a time is sought for. `minutes` are those of an appointment that exists: length and buffer."""

    desk_id: DeskId
    lines: tuple[tuple[Product, int], ...]
    needs: Needs
    audience: Audience
    minutes: tuple[int, int] | None = None
    besides: AppointmentId | None = None

    @property
    def length_minutes(self) -> int:
        return self.minutes[0] if self.minutes else length_minutes(list(self.lines), self.needs)

    @property
    def buffer_minutes(self) -> int:
        return self.minutes[1] if self.minutes else buffer_minutes(list(self.lines))

    def ticks(self, starts_at: datetime) -> range:
        """Every tick of service and buffer."""
        first = slots.tick_of(starts_at)
        return range(first, first + (self.length_minutes + self.buffer_minutes) * 60 // slots.TICK_S)


@dataclass(frozen=True)
class Plan:
    """A wish with the hours and seats that were read for it."""

    question: Question
    seating: Seating


async def plan(work: Work, wish: Wish, from_date: date, until_date: date, ticks: range | None = None) -> Plan:
    """Read what decides on free times between two dates, in four queries; of `ticks` only the claims."""
    products = [product for product, _ in wish.lines]
    weekly = await store.hours_of_products(work, wish.desk_id, [product.id for product in products])
    pools = tuple(pool.id for pool in weekly)
    main = [pool.id for pool in weekly if pool.kind is PoolKind.MAIN]
    if not main:
        raise NotFound
    around = (from_date - timedelta(days=1), until_date + timedelta(days=1))
    special = await store.special(work, pools, *around)
    closed = await store.closed_days(work, *around, wish.desk_id)
    zone = ZoneInfo(work.settings.time_zone)
    question = _question(wish, products, pools, main[0], work.now, zone)
    if ticks is None:
        ticks = _ticks_between(*around, zone)
    taken = await store.taken(work, pools, ticks, wish.besides)
    hours = {pool.id: PoolHours(tuple(rows), special[pool.id]) for pool, rows in weekly.items()}
    return Plan(question, Seating(hours, slots.confirmed(closed), taken))


def _question(
    wish: Wish, products: Sequence[Product], pools: tuple[PoolId, ...], main: PoolId, now: datetime, zone: ZoneInfo
) -> Question:
    is_staff = wish.audience is Audience.STAFF
    return Question(
        zone=zone,
        now=now,
        main_pool=main,
        pools=pools,
        length_minutes=wish.length_minutes,
        buffer_minutes=wish.buffer_minutes,
        step_minutes=max(product.slot_step_minutes for product in products),
        lead_minutes=max(p.staff_lead_minutes if is_staff else p.lead_minutes for p in products),
        horizon_days=min(product.horizon_days for product in products),
        is_open_on_closed_days=all(product.is_open_on_closed_days for product in products),
    )


def _ticks_between(from_date: date, until_date: date, zone: ZoneInfo) -> range:
    begin, end = slots.begin_at(from_date, "00:00", zone), slots.end_at(until_date, "24:00", zone)
    return range(slots.tick_of(begin), slots.tick_of(end))


async def find_slots(work: Work, wish: Wish, from_date: date, until_date: date) -> list[Day]:
    """Per local date a list of starts, or one reason; at most 31 dates."""
    found = await plan(work, wish, from_date, until_date)
    return slots.find(found.question, found.seating, from_date, until_date)


async def near(work: Work, wish: Wish, wanted: datetime) -> list[Slot]:
    """The three free starts nearest to one that cannot be had."""
    zone = ZoneInfo(work.settings.time_zone)
    today = local_date_of(work.now, zone)
    first = max(today, local_date_of(wanted, zone) - timedelta(days=_NEAR_DAYS))
    days = await find_slots(work, wish, first, first + timedelta(days=3 * _NEAR_DAYS))
    return slots.nearest(days, wanted)


async def first_free(work: Work, wish: Wish) -> Slot | None:
    """The first free moment from now on."""
    today = local_date_of(work.now, ZoneInfo(work.settings.time_zone))
    for weeks in range(0, 60, 14):
        begin = today + timedelta(days=weeks)
        days = await find_slots(work, wish, begin, begin + timedelta(days=13))
        if slot := next((slot for day in days for slot in day.slots), None):
            return slot
        if all(day.reason is EmptyReason.TOO_FAR for day in days):
            break
    return None


async def seats_at(work: Work, wish: Wish, starts_at: datetime) -> list[tuple[int, PoolId, int]]:
    """A free seat per tick and pool, at random; raises SlotNotOffered or SlotTaken."""
    day = local_date_of(starts_at, ZoneInfo(work.settings.time_zone))
    found = await plan(work, wish, day, day, wish.ticks(starts_at))
    empty = replace(found.seating, taken={})
    if starts_at not in [slot.starts_at for slot in slots.find(found.question, empty, day, day)[0].slots]:
        raise SlotNotOffered
    chosen = []
    for tick, pool, free in slots.seats_for(found.question, found.seating, starts_at):
        if not free:
            raise SlotTaken
        chosen.append((tick, pool, random.choice(free)))
    return chosen


async def taking(
    works: Works,
    actor: Actor,
    wish: Wish,
    starts_at: datetime,
    attempt: Callable[[Work], Awaitable[T]],
    booked_by: str | None = None,
) -> T:
    """Try in a new Work until it succeeds or is refused; after 1 + 4 × C lost tries the time is taken."""
    tries = 1
    while True:
        seats = await _clear(works, wish, starts_at, booked_by)
        try:
            async with works.begin(actor, MAKE_APPOINTMENT) as work:
                return await attempt(work)
        except Exception as error:
            if not store.is_lost(error):
                raise
        if tries >= 1 + 4 * seats:
            raise SlotTaken
        tries += 1


async def _clear(works: Works, wish: Wish, starts_at: datetime, booked_by: str | None) -> int:
    """Expire the holds in the way, each in its own transaction: within ours that would deadlock.

    Answers how many seats there are at this time.
    """
    clearer = system("booking.expire")
    async with works.begin(clearer, RUN_SERVICE, writes=False) as work:
        day = local_date_of(starts_at, ZoneInfo(work.settings.time_zone))
        found = await plan(work, wish, day, day, wish.ticks(starts_at))
        expired = await store.expired_holds(work, found.question.pools, wish.ticks(starts_at))
        own = await store.hold_of(work, booked_by) if booked_by else None
        if own is not None and not own.is_held(work.now):
            expired.append(own.id)
    for appointment_id in dict.fromkeys(expired):
        async with works.begin(clearer, RUN_SERVICE) as work:
            await expire(work, appointment_id)
    empty = replace(found.seating, taken={})
    return max(len(free) for _, _, free in slots.seats_for(found.question, empty, starts_at))


async def expire(work: Work, appointment_id: AppointmentId) -> None:
    """A3: only who changed the row deletes its claims, so that a confirm at the same moment loses none."""
    if await store.expire(work, appointment_id):
        await store.remove_claims(work, appointment_id)
        await store.add_event(work, appointment_id, Step.EXPIRE)


async def hold(
    works: Works, actor: Actor, wish: Wish, starts_at: datetime, booked_by: str, key: str, after: str | None = None
) -> Appointment:
    """A1: keep a time for this browser or staff member; a hold it has already moves to the new time.

    The same `key` again gives the same appointment. `after` is an expired hold of the same browser
    whose name and contact details go along. Raises SlotTaken, SlotNotOffered, NotFound.
    """
    for product, persons in wish.lines:
        hidden = product.bookable_by is Audience.STAFF and wish.audience is Audience.CITIZEN
        if product.state is not ProductState.LIVE or hidden or not 1 <= persons <= product.max_persons:
            raise NotFound

    async def attempt(work: Work) -> Appointment:
        same = await store.appointment_by_key(work, key)
        if same is not None and same.booked_by == booked_by and same.state is AppointmentState.BOOKED:
            return same
        own = await store.hold_of(work, booked_by)
        if own is not None and not own.is_held(work.now):
            raise store.LostTry
        if own is not None and own.desk_id == wish.desk_id and own.lines == _lines(wish):
            return await _move_hold(work, own, replace(wish, besides=own.id), starts_at)
        fresh = key if same is None else new_id()
        return await _new_hold(work, wish, starts_at, booked_by, fresh, own, after)

    return await taking(works, actor, wish, starts_at, attempt, booked_by)


def _lines(wish: Wish) -> tuple[ProductLine, ...]:
    return tuple(ProductLine(product.id, persons) for product, persons in wish.lines)


async def _new_hold(
    work: Work,
    wish: Wish,
    starts_at: datetime,
    booked_by: str,
    key: str,
    own: Appointment | None,
    after: str | None,
) -> Appointment:
    seats = await _locked_seats(work, wish, starts_at)
    if own is not None:
        await store.end_hold(work, own.id)
        await store.add_event(work, own.id, Step.EXPIRE, reason="left")
    zone = ZoneInfo(work.settings.time_zone)
    held = Appointment(
        id=AppointmentId(new_id()),
        reference=new_reference(),
        state=AppointmentState.HELD,
        version=1,
        desk_id=wish.desk_id,
        lines=_lines(wish),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=wish.length_minutes),
        starts_local=_local_text(starts_at, zone),
        buffer_minutes=wish.buffer_minutes,
        needs=wish.needs,
        expires_at=work.now + timedelta(minutes=_hold_minutes(work, wish.needs)),
        booked_by=booked_by,
        idempotency_key=key,
    )
    await store.insert_held(work, held)
    await store.add_event(work, held.id, "held", new_starts_at=starts_at)
    if after is not None:
        await _copy_person(work, after, held)
    await store.add_claims(work, held.id, seats)
    if own is not None:
        await store.remove_claims(work, own.id)
    return held


async def _copy_person(work: Work, after: str, held: Appointment) -> None:
    before = await store.appointment_by_id(work, AppointmentId(after))
    if before is None or before.booked_by != held.booked_by or before.state is not AppointmentState.EXPIRED:
        return
    if before.name and before.contact_hash:
        details = await store.contact_details(work, before.id)
        await store.save_person(work, held.id, before.name, details, before.contact_hash)


def _local_text(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _hold_minutes(work: Work, needs: Needs) -> int:
    return work.settings.hold_minutes * (2 if needs.simplified else 1)


def longest_hold_until(work: Work, held: Appointment) -> datetime:
    """Until when a hold lasts after its one extension, counted from its beginning."""
    assert held.expires_at is not None
    factor = 2 if held.needs.simplified else 1
    more = work.settings.longest_hold_minutes - work.settings.hold_minutes
    return held.expires_at + timedelta(minutes=more * factor)


async def _locked_seats(work: Work, wish: Wish, starts_at: datetime) -> list[tuple[int, PoolId, int]]:
    pools = await store.hours_of_products(work, wish.desk_id, [product.id for product, _ in wish.lines])
    await store.lock_pools(work, [pool.id for pool in pools])
    return await seats_at(work, wish, starts_at)


async def _move_hold(work: Work, own: Appointment, wish: Wish, starts_at: datetime) -> Appointment:
    """Another time or length while held; the end does not move, else a hold could last for ever."""
    ends_at = starts_at + timedelta(minutes=wish.length_minutes)
    if (own.starts_at, own.ends_at, own.needs) == (starts_at, ends_at, wish.needs):
        return own
    return await move_claims(work, own, wish, starts_at, needs=wish.needs)


async def move_claims(
    work: Work, before: Appointment, wish: Wish, starts_at: datetime, **values: object
) -> Appointment:
    """Put an appointment at another time: missing claims first, then the old ones outside the new range go.

    Nothing changes when the new time cannot be had. Ticks that both times share keep their seats.
    """
    seats = await _locked_seats(work, wish, starts_at)
    moved = {
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=wish.length_minutes),
        "starts_local": _local_text(starts_at, ZoneInfo(work.settings.time_zone)),
    }
    if not await store.change(work, before, before.state, **moved, **values):
        raise store.LostTry
    own = await store.claims_of(work, before.id)
    await store.add_claims(work, before.id, [seat for seat in seats if (seat[0], seat[1]) not in own])
    await store.remove_claims(work, before.id, outside=wish.ticks(starts_at))
    after = await store.appointment_by_id(work, before.id)
    assert after is not None
    return after
