"""A seat is never given twice, on PostgreSQL with requests at the same moment; and a control that must fail."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from balie.actors import ANONYMOUS, RUN_SERVICE, system
from balie.booking import holding, service, store
from balie.booking.rules import Appointment, AppointmentState, Audience, ContactDetails
from balie.booking.slots import LocalPeriod, WeeklyHours
from balie.errors import BalieError, Conflict, HoldExpired, SlotTaken, TooLate
from balie.ids import new_id
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.work import Work, Works
from tests.booking.builders import Town, a_hold, a_town, an_appointment, claims, tomorrow
from tests.conftest import Clock

pytestmark = pytest.mark.postgresql
S = AppointmentState


async def states(works: Works) -> list[tuple[str, str]]:
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        rows = await work.db.execute(select(store.appointment.c.id, store.appointment.c.state))
        return [(row.id, row.state) for row in rows]


async def execute(works: Works, statement: str) -> None:
    async with works.begin(system("test"), RUN_SERVICE) as work:
        await work.db.execute(text(statement))


def outcomes(results: list[Any]) -> Counter[str]:
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, BalieError):
            raise result
    return Counter(type(result).__name__ for result in results)


async def check_claims(works: Works, most: int) -> None:
    """No tick has more than its seats; who holds or booked has every tick, and nobody else has any."""
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        appointments = (await work.db.execute(select(store.appointment))).mappings().all()
    found = await claims(works)
    per_tick = Counter((tick) for _, tick, _ in found)
    assert not [tick for tick, seats in per_tick.items() if seats > most]
    assert len({(tick, seat) for _, tick, seat in found}) == len(found)
    for row in appointments:
        minutes = (row["ends_at"] - row["starts_at"]).total_seconds() / 60 + row["buffer_minutes"]
        expected = minutes / 5 if row["state"] in ("held", "booked") else 0
        assert sum(1 for appointment_id, _, _ in found if appointment_id == row["id"]) == expected, row["state"]


async def test_fifty_at_once_for_one_time_give_one_appointment(works: Works, now: datetime) -> None:
    town = await a_town(works, buffer_minutes=5)
    tries = [a_hold(town, tomorrow(now), f"browser {n}") for n in range(50)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes(results) == {"Appointment": 1, "SlotTaken": 49}
    assert [state for _, state in await states(works)] == ["held"]
    await check_claims(works, 1)


async def test_fifty_at_once_for_seven_seats_give_seven(works: Works, now: datetime) -> None:
    town = await a_town(works, seats=7)
    tries = [a_hold(town, tomorrow(now), f"browser {n}") for n in range(50)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes(results) == {"Appointment": 7, "SlotTaken": 43}
    await check_claims(works, 7)


class Barrier:
    """Lets nobody through before all have come; put between the check and the insert, or before the commit."""

    def __init__(self, parties: int) -> None:
        self._barrier = asyncio.Barrier(parties)
        self._has_opened = False

    async def wait(self) -> None:
        if self._has_opened:
            return  # a second try finds nobody to wait for
        await self._barrier.wait()
        self._has_opened = True


@pytest.fixture
def pause_before_insert(monkeypatch: pytest.MonkeyPatch) -> Barrier:
    """Two requests both check before either inserts."""
    barrier = Barrier(2)
    add_claims = store.add_claims

    async def slowly(work: Work, appointment_id: Any, chosen: Any) -> None:
        await barrier.wait()
        await add_claims(work, appointment_id, chosen)

    monkeypatch.setattr(store, "add_claims", slowly)
    return barrier


async def two_at_once(town: Town, at: datetime) -> Counter[str]:
    tries = [a_hold(town, at, f"browser {n}") for n in range(2)]
    return outcomes(await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), 60))


async def test_two_who_both_saw_the_last_seat_free_get_one(
    works: Works, now: datetime, pause_before_insert: Barrier
) -> None:
    town = await a_town(works)
    assert await two_at_once(town, tomorrow(now)) == {"Appointment": 1, "SlotTaken": 1}
    await check_claims(works, 1)


async def test_control_without_the_key_both_get_the_last_seat(
    works: Works, now: datetime, pause_before_insert: Barrier
) -> None:
    town = await a_town(works)
    await execute(works, "ALTER TABLE claim DROP CONSTRAINT pk_claim")
    assert await two_at_once(town, tomorrow(now)) == {"Appointment": 2}


async def test_a_barrier_just_before_the_commit_changes_nothing(
    works: Works, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = await a_town(works)
    new_hold = holding._new_hold

    async def held_back(*arguments: Any) -> Appointment:
        held = await new_hold(*arguments)
        await asyncio.sleep(0.2)  # the other request waits for our key meanwhile
        return held

    monkeypatch.setattr(holding, "_new_hold", held_back)
    assert await two_at_once(town, tomorrow(now)) == {"Appointment": 1, "SlotTaken": 1}
    await check_claims(works, 1)


async def test_one_browser_in_two_tabs_has_one_hold(works: Works, now: datetime) -> None:
    town = await a_town(works, seats=3)
    for _ in range(5):
        times = [tomorrow(now) + timedelta(minutes=20 * n) for n in range(4)]
        results = await asyncio.gather(*(a_hold(town, at, "one browser") for at in times), return_exceptions=True)
        outcomes(results)
        assert [state for _, state in await states(works)].count("held") == 1
        await check_claims(works, 3)


@pytest.mark.parametrize("seed", range(5))
async def test_twelve_at_random_never_break_the_claims(works: Works, clock: Clock, now: datetime, seed: int) -> None:
    town = await a_town(works, seats=3, max_persons=4)
    chance = random.Random(seed)
    times = [tomorrow(now) + timedelta(minutes=10 * n) for n in range(12)]

    async def one(person: int) -> None:
        contact = ContactDetails(mail=f"inwoner{person}@voorbeeld.nl")
        mine: Appointment | None = None
        for _ in range(6):
            try:
                if mine is None:
                    hold_only = chance.random() < 0.3
                    make = a_hold(town, chance.choice(times), f"{person}") if hold_only else None
                    if make is not None:
                        await make
                        clock.move(minutes=chance.choice((0, 11)))
                    else:
                        mine = await an_appointment(town, chance.choice(times), f"{person}", contact)
                elif chance.random() < 0.6:
                    mine = await service.reschedule(works, ANONYMOUS, mine.id, chance.choice(times), Audience.STAFF)
                else:
                    async with works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
                        await service.cancel(work, mine.id, Audience.STAFF, "reden")
                    mine = None
            except (Conflict, SlotTaken, HoldExpired):
                continue

    await asyncio.wait_for(asyncio.gather(*(one(n) for n in range(12))), 120)
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        rows = await work.db.execute(select(store.appointment.c.id).where(store.appointment.c.expires_at <= clock.now))
        expired = [row.id for row in rows]
    for appointment_id in expired:
        async with works.begin(system("test"), RUN_SERVICE) as work:
            await holding.expire(work, appointment_id)
    await check_claims(works, 3)


async def confirm_and_expire(town: Town, at: datetime, clock: Clock, expire: Any) -> None:
    """One confirms while the other clears the hold, at the very end of its time."""
    held = await a_hold(town, at, new_id())
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
        contact = ContactDetails(mail=f"{held.id}@voorbeeld.nl")
        await service.put_person(work, held.id, held.booked_by or "", "Fatima de Vries", contact)
    assert held.expires_at is not None

    async def confirm() -> None:
        async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
            work.now = held.expires_at - timedelta(milliseconds=5)
            await service.confirm(work, held.id, held.booked_by or "")

    async def clear() -> None:
        async with town.works.begin(system("test"), RUN_SERVICE) as work:
            work.now = held.expires_at + timedelta(milliseconds=5)
            await expire(work, held.id)

    acts = [confirm(), clear()]
    random.shuffle(acts)
    outcomes(await asyncio.gather(*acts, return_exceptions=True))


async def lost_claims(works: Works) -> int:
    """Booked appointments without claims."""
    found = {appointment_id for appointment_id, _, _ in await claims(works)}
    return len([each for each, state in await states(works) if state == "booked" and each not in found])


async def test_confirm_and_expiry_at_one_moment_never_lose_claims(works: Works, clock: Clock, now: datetime) -> None:
    town = await a_town(works, seats=200)
    for _ in range(100):
        await confirm_and_expire(town, tomorrow(now), clock, holding.expire)
    assert await lost_claims(works) == 0
    assert {state for _, state in await states(works)} <= {"booked", "expired"}


async def test_control_a_sweeper_that_selects_first_does_lose_claims(works: Works, clock: Clock, now: datetime) -> None:
    town = await a_town(works, seats=200)

    async def careless(work: Work, appointment_id: Any) -> None:
        held = await store.appointment_by_id(work, appointment_id)
        if held is not None and held.state is S.HELD:
            await asyncio.sleep(0.02)
            await store.remove_claims(work, appointment_id)
            await store.expire(work, appointment_id)

    for _ in range(20):
        await confirm_and_expire(town, tomorrow(now), clock, careless)
    assert await lost_claims(works) > 0


async def test_cancel_check_in_and_cancel_by_staff_at_once_change_it_once(works: Works, now: datetime) -> None:
    town = await a_town(works, seats=20)
    for n in range(10):
        contact = ContactDetails(mail=f"inwoner{n}@voorbeeld.nl")
        booked = await an_appointment(town, tomorrow(now), f"browser {n}", contact)

        async def act(use_case: Any, *arguments: Any) -> None:
            async with works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
                await use_case(work, *arguments)

        results = await asyncio.gather(
            act(service.cancel, booked.id, Audience.CITIZEN),
            act(service.cancel, booked.id, Audience.STAFF, "reden"),
            act(service.keep, booked.id, booked.version),
            return_exceptions=True,
        )
        assert outcomes(results)["NoneType"] == 1
        async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
            assert len(await store.events_of(work, booked.id)) == 3
    await check_claims_of_ended(works)


async def check_claims_of_ended(works: Works) -> None:
    found = {appointment_id for appointment_id, _, _ in await claims(works)}
    assert not [each for each, state in await states(works) if state == "cancelled" and each in found]


async def test_two_who_move_to_one_time_get_it_once_and_the_other_keeps_the_old(works: Works, now: datetime) -> None:
    town = await a_town(works)
    both = [
        await an_appointment(
            town, tomorrow(now) + timedelta(minutes=20 * n), f"{n}", ContactDetails(mail=f"inwoner{n}@voorbeeld.nl")
        )
        for n in range(2)
    ]
    wanted = tomorrow(now) + timedelta(minutes=60)
    moves = [service.reschedule(works, ANONYMOUS, each.id, wanted, Audience.CITIZEN) for each in both]
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert outcomes(results) == {"Appointment": 1, "SlotTaken": 1}
    await check_claims(works, 1)


async def test_hours_change_waits_for_who_is_booking(works: Works, now: datetime) -> None:
    town = await a_town(works)

    async def add_hours() -> None:
        async with works.begin(system("test"), RUN_SERVICE) as work:
            row = WeeklyHours(6, LocalPeriod("18:00", "20:00"))
            await service.put_opening_hours(work, town.pool.id, row)

    results = await asyncio.gather(
        *(a_hold(town, tomorrow(now) + timedelta(minutes=20 * n), f"{n}") for n in range(8)),
        add_hours(),
        return_exceptions=True,
    )
    assert outcomes(results) == {"Appointment": 8, "NoneType": 1}
    assert not [each for each in results if isinstance(each, TooLate)]
