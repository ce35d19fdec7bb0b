"""A desk with Anna and colleague Bram at their counters and inwoner Fatima on her way, on the whole application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select

import balie.tables  # noqa: F401
from balie.actors import ANONYMOUS, RUN_SERVICE, Actor, ActorKind, Role, system
from balie.app import own_features
from balie.booking.rules import ContactDetails
from balie.calls import service as calls
from balie.calls.rules import CallConnected, PairBack, PairLost, RingSeen
from balie.desk import service, store, timers
from balie.desk.rules import Outcome, Visit
from balie.desk.timers import Started
from balie.documents import wiring as documents
from balie.history import store as history_store
from balie.identity import service as identity
from balie.ids import AppointmentId, new_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.web.live import Sockets
from balie.work import Works
from tests.booking.builders import Town, a_town, an_appointment
from tests.conftest import Clock

T = TypeVar("T")
NOTE = {"note": "Alles is besproken.", "answer": "De verhuizing is doorgegeven."}


@dataclass
class Citizen:
    """Fatima at one appointment."""

    actor: Actor
    appointment_id: AppointmentId


@dataclass
class DeskStage:
    """The desk; its people act through use cases, each in a Work of its own."""

    works: Works
    clock: Clock
    town: Town
    anna: Actor
    bram: Actor
    made: int = 0

    async def do(self, actor: Actor, use_case: Callable[..., Awaitable[T]], *arguments: Any, **named: Any) -> T:
        """One use case by one person."""
        async with self.works.begin(actor, HELP_CITIZEN) as work:
            return await use_case(work, *arguments, **named)

    async def announce(self, event: object) -> None:
        """What the calls below would say."""
        async with self.works.begin(system("calls"), HELP_CITIZEN) as work:
            await work.announce(event)

    async def citizen(self, in_minutes: float = 2, **needs: Any) -> Citizen:
        """Fatima with a booked appointment and her seat."""
        self.made += 1
        starts_at = self.works.clock().replace(second=0, microsecond=0) + timedelta(minutes=in_minutes)
        starts_at = starts_at.replace(minute=starts_at.minute // 10 * 10) + timedelta(minutes=10)
        contact = ContactDetails(f"+316{self.made:08}", None)
        booked = await an_appointment(self.town, starts_at, f"browser {new_id()}", contact, **needs)
        session_id = new_id()
        async with self.works.begin(ANONYMOUS, HELP_CITIZEN) as work:
            await calls.take_seat(work, appointment_id=booked.id, participant="citizen", session_id=session_id)
        actor = Actor(ActorKind.CITIZEN, participant="citizen", session_id=session_id, appointment_id=booked.id)
        return Citizen(actor, booked.id)

    async def waiting(self, **needs: Any) -> tuple[Citizen, Visit]:
        """She waits."""
        citizen = await self.citizen(**needs)
        return citizen, await self.do(citizen.actor, service.check_in)

    async def admitted(self, **needs: Any) -> tuple[Citizen, Visit]:
        """It rings at her; Anna took her."""
        citizen, visit = await self.waiting(**needs)
        return citizen, await self.do(self.anna, service.pick, visit.id)

    async def talking(self, **needs: Any) -> tuple[Citizen, Visit]:
        """She said yes and both are connected."""
        citizen, visit = await self.admitted(**needs)
        await self.do(citizen.actor, service.begin)
        await self.announce(CallConnected(visit.id))
        return citizen, await self.visit(visit.id)

    async def on_hold(self, minutes: int = 5) -> tuple[Citizen, Visit]:
        """Anna looks something up."""
        citizen, visit = await self.talking()
        return citizen, await self.do(self.anna, service.put_on_hold, visit.id, "looking_up", minutes)

    async def lost(self) -> tuple[Citizen, Visit]:
        """The connection went away."""
        citizen, visit = await self.talking()
        await self.announce(PairLost(visit.id, "citizen"))
        return citizen, await self.visit(visit.id)

    async def back(self, visit: Visit) -> None:
        """Both are there again."""
        await self.announce(PairBack(visit.id))

    async def ring_is_seen(self, visit: Visit) -> None:
        """Her browser shows the ring."""
        await self.announce(RingSeen(visit.id))

    async def visit(self, visit_id: str) -> Visit:
        """The visit as it is now."""
        found = await self.do(system("test"), store.visit_by_id, visit_id)
        assert found is not None
        return found

    async def seen(self, visit: Visit, *participants: str) -> None:
        """These pages are open now; the others have not been heard of."""
        async with self.works.begin(system("test"), RUN_SERVICE) as work:
            for participant in participants:
                await store.put_presence(work, visit.id, participant, last_seen_at=work.now)

    async def later(self, visit: Visit, *seen: str, **by: float) -> Visit:
        """Some time later, with these people still there, the sweep looks."""
        self.clock.move(**by)
        await self.seen(visit, *seen)
        await self.sweep()
        return await self.visit(visit.id)

    async def sweep(self) -> None:
        """What the clock does."""
        await timers.sweep(self.works)

    async def events(self, visit_id: str) -> list[Any]:
        """The events of a visit in order."""
        return list(await self.do(system("test"), store.events_of, visit_id))

    async def records(self, visit_id: str) -> list[str]:
        """The outcomes of the contact records of a visit."""
        table = history_store.contact_record
        async with self.works.begin(system("test"), RUN_SERVICE, writes=False) as work:
            rows = await work.db.execute(select(table.c.outcome).where(table.c.visit_id == visit_id))
            return [row.outcome for row in rows]

    async def count(self, table: Any) -> int:
        """How many rows there are."""
        async with self.works.begin(system("test"), RUN_SERVICE, writes=False) as work:
            return int(await work.db.scalar(select(func.count()).select_from(table)))


async def a_stage(works: Works, clock: Clock, seats: int = 40, **town: Any) -> DeskStage:
    """The desk, open from 8 to 18, with Anna and Bram at their counters; the server started an hour ago."""
    for feature in own_features():
        for event, listener in feature.listeners:
            works.listeners.add(event, listener)
    documents.prepare(works)
    works.put(Started, Started(clock() - timedelta(hours=1)))
    works.put(Sockets, Sockets())
    made = await a_town(works, seats=seats, check_in_opens_minutes=1440, **town)
    stage = DeskStage(works, clock, made, await _staff(works, made, "Anna"), await _staff(works, made, "Bram"))
    for who in (stage.anna, stage.bram):
        await stage.do(who, service.open_counter, made.desk.id)
    return stage


async def _staff(works: Works, town: Town, name: str, role: Role = Role.STAFF) -> Actor:
    async with works.begin(ANONYMOUS, RUN_SERVICE) as work:
        member, session = await identity.sign_in_staff(
            work,
            issuer="https://provider.example",
            subject=new_id(),
            name=name,
            email=None,
            roles=(role,),
            desks=(town.desk.name,),
        )
    return Actor(
        ActorKind.STAFF,
        id=member.id,
        roles=frozenset({role}),
        desks=frozenset({town.desk.id}),
        participant="staff",
        session_id=session.session_id,
        display_name=name,
    )


async def finish(stage: DeskStage, visit: Visit, outcome: Outcome = Outcome.HELPED) -> Visit:
    """Anna writes down how it went."""
    form = {"outcome": outcome.value, **NOTE}
    if outcome is Outcome.FOLLOW_UP:
        form["follow_up_action"] = "De akte opsturen"
    return await stage.do(stage.anna, service.finish, visit.id, form)
