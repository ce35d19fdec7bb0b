"""Two hours without a server: nobody could be heard, so nobody has been away, and nothing ends at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from balie.booking import service as booking
from balie.booking.rules import AppointmentState
from balie.desk import service, store
from balie.desk.started import Started
from balie.identity.rules import VerificationChanged
from balie.ids import VerificationId, new_id
from balie.web.live import Sockets
from balie.work import Works
from tests.conftest import Clock
from tests.desk.stage import DeskStage, a_stage


@pytest.fixture
async def stage(works: Works, clock: Clock) -> DeskStage:
    """A desk whose server has run for an hour."""
    return await a_stage(works, clock)


def restart_after(stage: DeskStage, **outage: float) -> None:
    """The server is away for so long, and starts."""
    stage.clock.move(**outage)
    stage.works.put(Started, Started(stage.clock()))


async def test_who_waited_is_still_next_and_is_not_away(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    restart_after(stage, hours=2)
    admitted = await stage.do(stage.anna, service.admit_next, visit.desk_id)
    assert admitted is not None and admitted.id == visit.id


async def test_absence_begins_anew_at_the_start(stage: DeskStage) -> None:
    _, visit = await stage.waiting()
    restart_after(stage, hours=2)
    assert (await stage.later(visit, seconds=70)).state == "waiting"
    assert (await stage.later(visit, minutes=8)).state == "waiting"
    assert (await stage.later(visit, minutes=3)).state == "finished"


async def test_an_appointment_that_nobody_could_keep_gets_its_grace_again(stage: DeskStage) -> None:
    citizen = await stage.citizen()
    restart_after(stage, hours=2)

    async def state() -> AppointmentState:
        return (await stage.do(stage.anna, booking.appointment, citizen.appointment_id)).state

    stage.clock.move(minutes=14)
    await stage.sweep()
    assert await state() is AppointmentState.BOOKED
    stage.clock.move(minutes=2)
    await stage.sweep()
    assert await state() is AppointmentState.MISSED


async def test_a_sign_in_during_the_outage_does_not_interrupt(stage: DeskStage) -> None:
    _, visit = await stage.talking()
    await stage.announce(VerificationChanged(visit.id, VerificationId(new_id()), "signing_in"))
    restart_after(stage, minutes=20)
    assert (await stage.later(visit, "staff", minutes=9)).state == "in_conversation"
    assert (await stage.later(visit, "staff", minutes=2)).state == "interrupted"


async def test_a_machine_that_slept_ends_nothing_of_those_who_are_connected(stage: DeskStage) -> None:
    _, visit = await stage.waiting()

    class Connected:
        """One page of this citizen is open."""

        def listening(self, _prefix: str) -> set[tuple[str, str]]:
            return {(visit.id, "citizen")}

    stage.works.put(Sockets, Connected())  # type: ignore[arg-type]
    stage.clock.move(hours=1)
    await stage.sweep()
    assert (await stage.visit(visit.id)).state == "waiting"
    seen = await stage.do(stage.anna, store.presence_of, [visit.id])
    assert stage.clock() - seen[(visit.id, "citizen")].last_seen_at < timedelta(seconds=1)
