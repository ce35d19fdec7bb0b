"""A desk with a product, and appointments of inwoner Fatima: valid unless a test says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from balie.actors import ANONYMOUS, RUN_SERVICE, Actor, ActorKind, Role, system
from balie.booking import service
from balie.booking.rules import (
    Appointment,
    Audience,
    ContactDetails,
    Desk,
    DocumentSlot,
    Needs,
    Pool,
    Product,
    ProductState,
)
from balie.booking.service import Wish
from balie.booking.slots import LocalPeriod, WeeklyHours
from balie.ids import DeskId, PoolId, ProductId, new_id
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.work import Works

FATIMA = ContactDetails("+31612345678", "fatima@voorbeeld.nl")
BROWSER = "browser-of-fatima"


@dataclass
class Town:
    """A desk with one pool and one product."""

    works: Works
    desk: Desk
    pool: Pool
    product: Product

    def wish(self, audience: Audience = Audience.CITIZEN, **needs: Any) -> Wish:
        return Wish(self.desk.id, ((self.product, 1),), Needs(**needs), audience)

    @property
    def anna(self) -> Actor:
        return Actor(
            ActorKind.STAFF,
            id="00000000-0000-4000-8000-00000000a11a",
            roles=frozenset({Role.STAFF}),
            desks=frozenset({self.desk.id}),
            display_name="Anna",
        )


async def a_town(
    works: Works,
    seats: int = 1,
    from_local: str = "08:00",
    until_local: str = "18:00",
    hours: list[WeeklyHours] | None = None,
    **changed: Any,
) -> Town:
    """A desk that is open every day, with one product of 20 minutes that goes at once."""
    desk = Desk(DeskId(new_id()), f"Burgerzaken {new_id()[:6]}", "14 010")
    pool = Pool(PoolId(new_id()), desk.id, "Loketten")
    values: dict[str, Any] = {
        "state": ProductState.LIVE,
        "is_retention_confirmed": True,
        "lead_minutes": 0,
        "buffer_minutes": 0,
        "staff_lead_minutes": 0,
    }
    product = Product(
        ProductId(new_id()), f"verhuizing-{new_id()[:6]}", {"nl": "Verhuizing doorgeven"}, {"nl": "uw verhuizing"},
        "Bijhouden van de basisregistratie", "burgerzaken", "Burgerzaken",
    )  # fmt: skip
    product = replace(product, **{**values, **changed})
    async with works.begin(system("test"), RUN_SERVICE) as work:
        await service.put_desk(work, desk)
        await service.put_pool(work, pool)
        period = LocalPeriod(from_local, until_local, seats, seats)
        for row in hours if hours is not None else [WeeklyHours(day, period) for day in range(1, 8)]:
            await service.put_opening_hours(work, pool.id, row)
        paper = DocumentSlot(product.id, "huurcontract", {"nl": "Huurcontract"}, {"nl": "uw huurcontract"})
        await service.put_product(work, product, [pool.id], [paper])
    return Town(works, desk, pool, product)


async def a_hold(town: Town, starts_at: datetime, browser: str = BROWSER, key: str | None = None) -> Appointment:
    return await service.hold(town.works, ANONYMOUS, town.wish(), starts_at, browser, key or new_id())


async def an_appointment(
    town: Town, starts_at: datetime, browser: str = BROWSER, contact: ContactDetails = FATIMA, **needs: Any
) -> Appointment:
    """A booked appointment of inwoner Fatima."""
    held = await service.hold(town.works, ANONYMOUS, town.wish(**needs), starts_at, browser, new_id())
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
        await service.put_person(work, held.id, browser, "Fatima de Vries", contact)
        return await service.confirm(work, held.id, browser)


async def claims(works: Works) -> list[tuple[str, int, int]]:
    """Every claim there is: appointment, tick, seat."""
    from sqlalchemy import select

    from balie.booking.store import claim

    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        rows = await work.db.execute(select(claim.c.appointment_id, claim.c.tick, claim.c.seat))
        return sorted((row.appointment_id, row.tick, row.seat) for row in rows)


def tomorrow(now: datetime, hours: float = 24) -> datetime:
    """The same minute a day later: 14:00 in Amsterdam with the clock of the tests."""
    return now + timedelta(hours=hours)
