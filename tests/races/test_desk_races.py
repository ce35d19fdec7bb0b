"""Two who act on one visit at the same moment, on both databases: one event, and the other sees the new state."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from balie.actors import ANONYMOUS
from balie.booking import service as booking
from balie.booking.rules import AppointmentState, Audience, ContactDetails, Identification
from balie.bus import Bus
from balie.calls import service as calls
from balie.db import create_engine
from balie.desk import service, store
from balie.desk.rules import Outcome, VisitState
from balie.errors import AlreadyHelping, BalieError, Conflict, NobodyWaiting, NotWaiting
from balie.events import Listeners
from balie.identity import store as identity_store
from balie.ids import new_id
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works
from tests.booking.builders import an_appointment
from tests.conftest import Clock, create_tables
from tests.desk.stage import DeskStage, a_stage, finish
from tests.desk.test_service import check_events
from tests.servers import fresh_database

S = VisitState
ROUNDS = 8


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = await fresh_database() if request.param == "postgresql" else ""
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", database_url=url)


@pytest.fixture
async def works(settings: Settings, clock: Clock, keyring: Keyring) -> AsyncIterator[Works]:
    engine = create_engine(settings.database)
    await create_tables(engine)
    made = Works(engine, settings, Listeners(), clock)
    for kind, value in ((Keyring, keyring), (Bus, Bus()), (Wake, Wake())):
        made.put(kind, value)
    yield made
    await engine.dispose()


@pytest.fixture
async def stage(works: Works, clock: Clock) -> DeskStage:
    return await a_stage(works, clock)


async def at_once(*acts: Awaitable[Any]) -> list[Any]:
    """All together; what each gave or was refused with. A fault is no refusal."""
    answers = await asyncio.gather(*acts, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, BalieError):
            raise answer
    return answers


async def check_visit(stage: DeskStage, visit_id: str) -> None:
    """One event per change, and one record exactly when it is finished."""
    visit = await stage.visit(visit_id)
    await check_events(stage, visit)
    assert len(await stage.records(visit_id)) == (visit.state is S.FINISHED)


async def test_two_staff_who_pick_the_same_citizen(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        _, visit = await stage.waiting()
        answers = await at_once(
            stage.do(stage.anna, service.pick, visit.id), stage.do(stage.bram, service.pick, visit.id)
        )
        refused = [answer for answer in answers if isinstance(answer, BalieError)]
        won = next(answer for answer in answers if not isinstance(answer, BalieError))
        assert [type(answer) for answer in refused] == [NotWaiting]
        assert (await stage.visit(visit.id)).staff_id == won.staff_id
        await check_visit(stage, visit.id)
        owner = stage.anna if won.staff_id == stage.anna.id else stage.bram
        await stage.do(owner, service.put_back, visit.id)
        stage.clock.move(minutes=1)
        await stage.seen(visit, "citizen")


async def test_two_staff_who_press_next_get_two_citizens(stage: DeskStage) -> None:
    visits = [(await stage.waiting())[1] for _ in range(2)]
    desk_id = stage.town.desk.id
    taken = await at_once(
        *(stage.do(who, service.admit_next, desk_id) for who in (stage.anna, stage.bram)),
    )
    assert sorted(v.id for v in taken) == sorted(v.id for v in visits)
    for visit in visits:
        await check_visit(stage, visit.id)


async def test_one_staff_member_in_two_tabs_helps_one(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        visits = [(await stage.waiting())[1] for _ in range(2)]
        answers = await at_once(*(stage.do(stage.anna, service.pick, visit.id) for visit in visits))
        refused = [answer for answer in answers if isinstance(answer, BalieError)]
        assert [type(answer) for answer in refused] == [AlreadyHelping]
        states = Counter([(await stage.visit(v.id)).state for v in visits])
        assert states == {S.ADMITTED: 1, S.WAITING: 1}
        for visit in visits:
            await check_visit(stage, visit.id)
            if (await stage.visit(visit.id)).state is S.ADMITTED:
                await stage.do(stage.anna, service.put_back, visit.id)


async def test_next_in_two_tabs_helps_one(stage: DeskStage) -> None:
    for _ in range(3):
        await stage.waiting()
    answers = await at_once(*(stage.do(stage.anna, service.admit_next, stage.town.desk.id) for _ in range(2)))
    assert Counter(type(answer).__name__ for answer in answers) == {"Visit": 1, "AlreadyHelping": 1}


async def test_opening_a_counter_in_two_tabs_opens_one(stage: DeskStage) -> None:
    desk_id = stage.town.desk.id
    await stage.do(stage.anna, service.close_counter, desk_id)
    opened = await at_once(*(stage.do(stage.anna, service.open_counter, desk_id) for _ in range(4)))
    assert len({counter.id for counter in opened}) == 1
    counters = await stage.do(stage.anna, store.open_counters, desk_id)
    assert len([counter for counter in counters if counter.staff_id == stage.anna.id]) == 1


async def test_admit_against_leave(stage: DeskStage) -> None:
    for turn in range(ROUNDS):
        citizen, visit = await stage.waiting()
        acts = [stage.do(stage.anna, service.pick, visit.id), stage.do(citizen.actor, service.leave)]
        await at_once(*(acts if turn % 2 else reversed(acts)))
        now = await stage.visit(visit.id)
        await check_visit(stage, visit.id)
        assert now.state in (S.ADMITTED, S.FINISHED)
        if now.state is S.ADMITTED:
            await stage.do(citizen.actor, service.leave)
            await check_visit(stage, visit.id)


async def test_the_sweeper_against_admit(stage: DeskStage) -> None:
    """Away for more than ten minutes, and called by hand at that very moment."""
    for turn in range(ROUNDS):
        _, visit = await stage.waiting()
        stage.clock.move(minutes=11)
        acts: list[Awaitable[Any]] = [stage.do(stage.anna, service.pick, visit.id), stage.sweep()]
        await at_once(*(acts if turn % 2 else reversed(acts)))
        now = await stage.visit(visit.id)
        await check_visit(stage, visit.id)
        assert (now.state, now.outcome) in ((S.ADMITTED, None), (S.FINISHED, Outcome.LEFT))
        if now.state is S.ADMITTED:
            await stage.do(stage.anna, service.put_back, visit.id)
            await stage.sweep()
            assert (await stage.visit(visit.id)).outcome is Outcome.LEFT


async def test_two_sweepers_of_two_processes_do_everything_once(stage: DeskStage) -> None:
    visits = [(await stage.waiting())[1] for _ in range(5)]
    missed = await stage.citizen()
    stage.clock.move(minutes=40)
    await at_once(*(stage.sweep() for _ in range(4)))
    for visit in visits:
        await check_visit(stage, visit.id)
        assert (await stage.visit(visit.id)).outcome is Outcome.LEFT
    born = await stage.do(missed.actor, service.my_visit)
    assert born is not None and await stage.records(born.id) == ["no_show"]
    assert await stage.count(store.visit) == 6


async def test_twenty_check_ins_at_once_get_twenty_numbers(stage: DeskStage) -> None:
    citizens = [await stage.citizen() for _ in range(20)]
    visits = await at_once(*(stage.do(citizen.actor, service.check_in) for citizen in citizens))
    assert sorted(visit.queue_number for visit in visits) == list(range(1, 21))


async def test_numbers_start_again_on_the_next_local_day(stage: DeskStage) -> None:
    _, first = await stage.waiting()
    stage.clock.move(hours=20)
    _, second = await stage.waiting()
    assert (first.queue_number, second.queue_number) == (1, 1)
    assert second.local_date == first.local_date + timedelta(days=1)


async def test_checking_in_from_two_pages_is_one_visit(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        citizen = await stage.citizen()
        answers = await at_once(*(stage.do(citizen.actor, service.check_in) for _ in range(3)))
        ids = {answer.id for answer in answers if not isinstance(answer, BalieError)}
        assert len(ids) == 1
        assert all(isinstance(a, Conflict) for a in answers if isinstance(a, BalieError))
    assert await stage.count(store.visit) == ROUNDS


async def test_cancel_against_check_in(stage: DeskStage) -> None:
    async def cancel(appointment_id: str) -> Any:
        return await stage.do(stage.bram, booking.cancel, appointment_id, Audience.STAFF, "ziek")

    for turn in range(ROUNDS):
        citizen = await stage.citizen()
        acts: list[Awaitable[Any]] = [
            cancel(citizen.appointment_id),
            stage.do(citizen.actor, service.check_in),
        ]
        await at_once(*(acts if turn % 2 else reversed(acts)))
        now = await stage.do(stage.anna, booking.appointment, citizen.appointment_id)
        visit = await stage.do(citizen.actor, service.my_visit)
        assert (now.state, visit is not None) in ((AppointmentState.KEPT, True), (AppointmentState.CANCELLED, False))


async def test_finishing_twice_at_once_writes_one_record(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        _, visit = await stage.talking()
        await at_once(*(finish(stage, visit) for _ in range(3)))
        await check_visit(stage, visit.id)
        assert await stage.records(visit.id) == ["helped"]


async def test_finish_against_the_sweeper_against_put_back(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        citizen, visit = await stage.talking()
        await stage.do(citizen.actor, service.leave)
        stage.clock.move(minutes=3)
        await at_once(
            finish(stage, await stage.visit(visit.id)),
            stage.sweep(),
            stage.do(stage.anna, service.put_back, visit.id),
        )
        await check_visit(stage, visit.id)
        now = await stage.visit(visit.id)
        if now.state is S.WRAP_UP:
            await finish(stage, now)
        elif now.state is S.WAITING:
            await stage.do(citizen.actor, service.leave)
        await check_visit(stage, visit.id)


async def test_resume_against_pick_leaves_one_visit_in_hand(stage: DeskStage) -> None:
    for _ in range(ROUNDS):
        _, held = await stage.on_hold()
        _, other = await stage.waiting()
        await at_once(stage.do(stage.anna, service.resume, held.id), stage.do(stage.anna, service.pick, other.id))
        mine = await stage.do(stage.anna, store.visits_of_staff, stage.anna.id)
        in_hand = [visit for visit in mine if visit.state in (S.ADMITTED, S.IN_CONVERSATION)]
        assert len(in_hand) == 1
        for visit in (held, other):
            await check_visit(stage, visit.id)
        await clear(stage)


async def clear(stage: DeskStage) -> None:
    """Anna's visits end."""
    for visit in await stage.do(stage.anna, store.visits_of_staff, stage.anna.id):
        if visit.state is S.ADMITTED:
            await stage.do(stage.anna, service.put_back, visit.id)
        else:
            await stage.do(stage.anna, service.end, visit.id)
            await finish(stage, await stage.visit(visit.id))


async def test_when_nobody_waits_next_says_so(stage: DeskStage) -> None:
    with pytest.raises(NobodyWaiting):
        await stage.do(stage.anna, service.admit_next, stage.town.desk.id)


async def test_going_on_twice_at_once_takes_one_seat(stage: DeskStage) -> None:
    for number in range(4):
        starts_at = stage.works.clock() + timedelta(minutes=10)
        contact = ContactDetails(f"+3161234567{number}", None)
        booked = await an_appointment(stage.town, starts_at, f"browser {number}", contact)
        seats = await at_once(
            *(
                stage.do(
                    ANONYMOUS, calls.take_seat, appointment_id=booked.id, participant="citizen", session_id=new_id()
                )
                for _ in range(3)
            )
        )
        assert len([seat for seat in seats if not isinstance(seat, BalieError)]) >= 1
        assert (await stage.do(stage.anna, calls.seat, booked.id, "citizen")) is not None


async def test_asking_to_sign_in_six_times_at_once_asks_once(works: Works, clock: Clock) -> None:
    stage = await a_stage(works, clock, identification=Identification.IN_CALL)
    _, visit = await stage.talking()
    await at_once(*(stage.visit(visit.id) for _ in range(6)))  # so that no press waits for a connection to be made
    await at_once(*(stage.do(stage.anna, service.ask_identification, visit.id) for _ in range(6)))
    assert await stage.count(identity_store.verification) == 1
