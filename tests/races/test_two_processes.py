"""Over HTTP, two server processes on one PostgreSQL: one slot, one appointment; nobody twice, nobody forgotten."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from balie.actors import RUN_SERVICE, system
from balie.booking import store as booking_store
from balie.desk import store as desk_store
from balie.desk.rules import Outcome, Visit, VisitState
from balie.history import store as history_store
from balie.work import Works
from tests.booking.browser import Browser, Page
from tests.booking.builders import Town, a_town
from tests.races.two_servers import Person, Two, a_citizen, a_colleague, pages_stay_open, two_servers, works_of
from tests.servers import fresh_database

pytestmark = pytest.mark.postgresql
REQUESTS, STAFF, CITIZENS = 50, 8, 60
ANSWERS = {"name": "Fatima de Vries", "mail": "", "language": "nl", "interpreter": "none"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """The product, twice."""
    with two_servers(tmp_path_factory.mktemp("two"), asyncio.run(fresh_database())) as started:
        yield started


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes every browser at the end of a test."""
    async with AsyncExitStack() as closing:
        yield closing


@pytest.fixture
async def works(two: Two) -> AsyncIterator[Works]:
    async with works_of(two) as made:
        yield made


def in_two_days() -> datetime:
    """Ten in the morning, at a desk that is open then."""
    return (datetime.now(UTC) + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)


async def to_times(two: Two, town: Town, starts_at: datetime, stack: AsyncExitStack) -> list[tuple[Browser, Page]]:
    """Fifty browsers, half of them on each server, that all look at the same free slot."""
    browsers = [Browser(two.origin(number)) for number in range(REQUESTS)]
    for browser in browsers:
        stack.push_async_callback(browser.close)
    path = f"/afspraak/maken/{town.product.slug}?balie={town.desk.id}&dag={starts_at:%Y-%m-%d}"
    return list(zip(browsers, await asyncio.gather(*(b.get(path) for b in browsers)), strict=True))


async def press_at_once(two: Two, town: Town, starts_at: datetime, stack: AsyncExitStack) -> list[tuple[Browser, Page]]:
    """All of them press the same time; the page that each gets."""
    looking = await to_times(two, town, starts_at, stack)
    value = starts_at.strftime("%Y-%m-%dT%H:%MZ")
    assert all(value in [v for _, v in page.buttons("starts_at")] for _, page in looking)
    answers = await asyncio.gather(*(browser.send(page, "/tijd", starts_at=value) for browser, page in looking))
    return [(browser, page) for (browser, _), page in zip(looking, answers, strict=True)]


async def count(works: Works, town: Town, *states: str) -> int:
    table = booking_store.appointment
    query = select(func.count()).where(table.c.desk_id == town.desk.id, table.c.state.in_(states))
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        return int(await work.db.scalar(query))


async def test_fifty_requests_at_once_for_one_slot_give_one_appointment(
    two: Two, works: Works, stack: AsyncExitStack
) -> None:
    town = await a_town(works, seats=1)
    answers = await press_at_once(two, town, in_two_days(), stack)
    won = [(browser, page) for browser, page in answers if page.h1 == "Wie bent u?"]
    lost = [page for _, page in answers if page.h1 != "Wie bent u?"]
    assert len(won) == 1 and len(lost) == REQUESTS - 1
    assert Counter(page.status for page in lost) == {409: REQUESTS - 1}
    assert all("Deze tijd is al weg. Kies een andere tijd." in page.words for page in lost), lost[0].words
    browser, page = won[0]
    checking = await browser.send(page, "/bewaren", **ANSWERS, mobile="06 12 34 56 78")
    # The button pressed twenty times, on both servers: the browser's cookies hold for each.
    address, fields = checking.form("/bevestigen")
    done = await asyncio.gather(*(browser.post(two.origin(n) + address, fields) for n in range(20)))
    assert {(each.status, each.h1) for each in done} == {(200, "Uw afspraak is klaar")}
    assert await count(works, town, "booked") == 1
    assert await count(works, town, "booked", "held") == 1
    assert "Traceback" not in two.logs() and '"fault"' not in two.logs()


async def test_without_the_key_one_slot_is_given_more_than_once(tmp_path: Path, stack: AsyncExitStack) -> None:
    with two_servers(tmp_path, await fresh_database(), "tests.races.without_keys") as two:
        async with works_of(two) as works:
            async with works.begin(system("test"), RUN_SERVICE) as work:
                await work.db.execute(text("ALTER TABLE claim DROP CONSTRAINT pk_claim"))
            town = await a_town(works, seats=1)
            answers = await press_at_once(two, town, in_two_days(), stack)
            assert len([page for _, page in answers if page.h1 == "Wie bent u?"]) > 1
            assert await count(works, town, "held") > 1
            taken = await everybody_is_called(two, works, stack, citizens=8, most=STAFF)
            assert max(Counter(taken).values()) > 1


async def test_eight_staff_and_sixty_citizens_nobody_twice_nobody_forgotten(
    two: Two, works: Works, stack: AsyncExitStack
) -> None:
    taken = await everybody_is_called(two, works, stack, CITIZENS)
    assert Counter(Counter(taken).values()) == {1: CITIZENS}
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        visits = [v for v in [await desk_store.visit_by_id(work, visit_id) for visit_id in taken] if v is not None]
        assert {(v.state, v.outcome) for v in visits} == {(VisitState.FINISHED, Outcome.LEFT)}
        assert sorted(v.queue_number for v in visits) == list(range(1, CITIZENS + 1))
        reasons = Counter([e.reason for v in visits for e in await desk_store.events_of(work, v.id)])
        assert reasons == {"checked_in": CITIZENS, "admitted": CITIZENS, "left": CITIZENS}
        record = history_store.contact_record
        query = select(func.count()).where(record.c.visit_id.in_(taken))
        assert await work.db.scalar(query) == CITIZENS
    assert "Traceback" not in two.logs() and '"fault"' not in two.logs()


async def everybody_is_called(
    two: Two, works: Works, stack: AsyncExitStack, citizens: int, most: int = 10_000
) -> list[str]:
    """Citizens check in, eight colleagues press *Volgende*, all at once; whom each of them got, until nobody waits."""
    town = await a_town(works, seats=citizens, check_in_opens_minutes=10_080)
    waiting: dict[str, Person] = {}
    for number in range(citizens):
        person, appointment_id = await a_citizen(works, town, two.origin(number), in_two_days(), number + 1)
        stack.push_async_callback(person.close)
        waiting[appointment_id] = person
    checked_in = await asyncio.gather(
        *(person.post("/gesprek/aanmelden", "desk.check_in") for person in waiting.values())
    )
    assert {status for status, _, _ in checked_in} == {303}
    await pages_stay_open(works, town)
    colleagues = [(await a_colleague(works, town, two.origin(number), number))[0] for number in range(STAFF)]
    for each in colleagues:
        stack.push_async_callback(each.close)
    opened = await asyncio.gather(*(each.post(f"{_desk(town)}/openen", "desk.open_counter") for each in colleagues))
    assert {status for status, _, _ in opened} == {303}
    taken: list[str] = []
    await asyncio.gather(*(_keep_pressing(works, town, each, waiting, taken, most) for each in colleagues))
    return taken


def _desk(town: Town) -> str:
    return f"/medewerker/balie/{town.desk.id}"


async def _keep_pressing(
    works: Works, town: Town, colleague: Person, waiting: dict[str, Person], taken: list[str], most: int
) -> None:
    """One colleague: *Volgende*, and whoever was called goes away again, until nobody waits."""
    while len(taken) < most:
        status, location, page = await colleague.post(f"{_desk(town)}/volgende", "desk.admit_next")
        if status == 409:
            assert "wacht" in page
            if not await _who_waits(works, town):
                return
            continue
        found = re.fullmatch(rf"{_desk(town)}/bezoek/([0-9a-f-]{{36}})", location)
        assert status == 303 and found is not None, (status, location)
        taken.append(found[1])
        async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
            visit = await desk_store.visit_by_id(work, found[1])
        assert visit is not None
        await waiting[visit.appointment_id].post("/gesprek/stop", "desk.leave")


async def _who_waits(works: Works, town: Town) -> list[Visit]:
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        return [v for v in await desk_store.open_at(work, town.desk.id) if v.state is VisitState.WAITING]
