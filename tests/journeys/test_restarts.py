"""The server dies and comes back: talking goes on, nobody loses a place, a reload is the same seat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from tests.browsers import PHONE, Watch, browser_of, context_of, hears, sees
from tests.chaos.visitor import a_visitor
from tests.faces import ANNA, FATIMA
from tests.journeys.line import FarServer, Line
from tests.journeys.people import Citizen, Staff, both, into_conversation
from tests.journeys.surviving import Sockets, back, check_media, eventually, rows, states, watch_media, writes
from tests.journeys.test_whole_appointment import hold_and_resume
from tests.journeys.warm import WarmServer, a_warm_server
from tests.launch import Server
from tests.leaving_out import leave_out
from tests.machine import find

KILLS = 20
TALKING = ["waiting", "admitted", "in_conversation"]


async def both_are_seen_and_heard(citizen: Citizen, staff: Staff) -> None:
    """Picture and sound, both ways."""
    await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
    await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))


@pytest.fixture
def warm() -> Iterator[WarmServer]:
    """A server that is soon back."""
    if find("chromium") is None:
        leave_out("Chromium")
    with a_warm_server() as server:
        yield server


async def test_twenty_killed_servers_in_a_call_change_nothing(warm: WarmServer, tmp_path: Path) -> None:
    server = warm
    async with both(server, tmp_path) as (citizen, staff):
        sockets = Sockets(citizen.page), Sockets(staff.page)
        await into_conversation(citizen, staff, "Geboorte aangeven")
        await both_are_seen_and_heard(citizen, staff)
        await citizen.button("Schrijven").click()
        await watch_media(citizen.page, staff.page)
        began = time.monotonic()
        for number in range(KILLS):
            await asyncio.to_thread(server.kill)
            if number % 5 == 0:  # nobody but the two browsers is there to carry it
                await writes(citizen.page, staff.page, f"heen {number} ")
                await writes(staff.page, citizen.page, f"terug {number} ")
            await asyncio.to_thread(server.start)
            if number % 4 == 3:
                await back(*sockets)
        await back(*sockets)
        seconds = await check_media(citizen.page, staff.page)
        print(f"{KILLS} kills in {time.monotonic() - began:.0f} s, {seconds} seconds of media")
        assert states(server) == TALKING
        await the_visit_goes_on(server, citizen, staff)


async def the_visit_goes_on(server: Server, citizen: Citizen, staff: Staff) -> None:
    """Past the minute in which no clock runs nothing ends, and every button does what it did."""
    server.move_clock(minutes=2)
    await writes(citizen.page, staff.page, "bent u er nog")
    await staff.press("Vraag om in te loggen")
    await citizen.screen("C4")
    await citizen.page.locator('.screen[data-screen="C4"] button').locator("visible=true").last.click()
    await hold_and_resume(citizen, staff)
    assert states(server) == [*TALKING, "on_hold", "in_conversation"]
    await staff.press("Ophangen")
    await citizen.screen("S9")
    await staff.finish("helped", "U krijgt een brief.")
    await citizen.page.get_by_text("U krijgt een brief.").wait_for()
    assert len(rows(server, "SELECT id FROM call")) == 1


async def test_a_server_that_is_stopped_tells_the_pages_to_come_back(warm: WarmServer, tmp_path: Path) -> None:
    server = warm
    async with both(server, tmp_path) as (citizen, staff):
        sockets = Sockets(citizen.page), Sockets(staff.page)
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await both_are_seen_and_heard(citizen, staff)
        await citizen.button("Schrijven").click()
        await watch_media(citizen.page, staff.page)
        await asyncio.to_thread(server.stop)  # it ends well, of itself
        await writes(citizen.page, staff.page, "ik hoor u nog")
        await asyncio.to_thread(server.start)
        await back(*sockets)
        await writes(staff.page, citizen.page, "ik u ook")
        await check_media(citizen.page, staff.page)
        assert states(server) == TALKING


async def test_a_reload_on_either_side_is_the_same_seat_of_the_same_call(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await both_are_seen_and_heard(citizen, staff)
        for number, page in enumerate((citizen.page, staff.page, citizen.page), start=1):
            await reload(page)
            await both_are_seen_and_heard(citizen, staff)
            assert states(server) == TALKING
            epochs = rows(server, "SELECT sum(epoch) FROM participant_seat")
            assert epochs == [(2 + number,)]
        assert len(rows(server, "SELECT id FROM call")) == 1


async def reload(page: Page) -> None:
    """As a person does who thinks that something hangs."""
    await page.reload()


async def test_who_was_muted_is_still_muted_after_a_reload(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await both_are_seen_and_heard(citizen, staff)
        await citizen.button("Geluid is aan").click()
        await staff.page.locator('[data-participant="citizen"][data-audio="off"]').wait_for()
        await reload(citizen.page)
        await sees(staff.page, FATIMA)
        await citizen.button("Geluid is uit").wait_for()
        await staff.page.locator('[data-participant="citizen"][data-audio="off"]').wait_for()


# --- the waiting room


@asynccontextmanager
async def waiting(server: Server, folder: Path, many: int = 1) -> AsyncIterator[list[Citizen]]:
    """So many citizens in the waiting room, each with a phone; they booked by plain forms."""
    async with async_playwright() as playwright, browser_of(playwright, FATIMA, folder) as browser:
        citizens = []
        for number in range(many):
            async with a_visitor(server) as visitor:
                link = await visitor.book("vraag-over-mijn-aanvraag", number)
            page = await (await context_of(browser, **PHONE)).new_page()
            citizen = Citizen(page, server, Watch(page), f"{server.origin}{link}")
            await page.goto(citizen.link)
            await citizen.button("Ga verder").click()
            await citizen.button("Naar de wachtkamer zonder test").click()
            await citizen.screen("S6")
            citizens.append(citizen)
        yield citizens
        assert [citizen.watch.faults for citizen in citizens] == [[]] * len(citizens)


def places(server: Server) -> list[tuple[Any, ...]]:
    """Everything that makes somebody's place in the queue."""
    columns = "id, queue_number, arrived_at, state, version, priority"
    return rows(server, f"SELECT {columns} FROM visit ORDER BY queue_number")


async def test_a_killed_server_keeps_everybodys_place(warm: WarmServer, tmp_path: Path) -> None:
    server = warm
    async with waiting(server, tmp_path, 3) as citizens:
        before = places(server)
        assert [(place[1], place[3]) for place in before] == [(1, "waiting"), (2, "waiting"), (3, "waiting")]
        sockets = [Sockets(citizen.page) for citizen in citizens]
        for _ in range(2):
            server.kill()
            await asyncio.to_thread(server.start)
            await back(*sockets)
        server.kill()
        server.move_clock(hours=2)  # nobody could be heard for so long
        await asyncio.to_thread(server.start)
        page = await citizens[0].page.context.new_page()
        staff = Staff(page, server, Watch(page))
        await staff.sign_in()
        await staff.open_counter()
        assert places(server) == before
        await staff.admit_next()  # at once: a citizen whom nobody could hear is not away
        await citizens[0].screen("S7")
        await back(*sockets)
        server.move_clock(seconds=65)
        await eventually(lambda: [place[3] for place in places(server)] == ["admitted", "waiting", "waiting"])
        for citizen in citizens[1:]:
            await citizen.screen("S6", "S6b", "E9")


async def test_a_reload_a_lost_connection_and_nine_minutes_keep_the_place(tmp_path: Path) -> None:
    if find("chromium") is None:
        leave_out("Chromium")
    server = FarServer(tmp_path)
    server.environment["BALIE_ORIGIN"] = server.origin
    server.start()
    try:
        async with Line().to(server) as line, waiting(server, tmp_path) as (citizen,):
            before, page = places(server), citizen.page
            sockets = Sockets(page)
            await page.reload()
            await citizen.screen("S6")
            await back(sockets)
            line.cut()
            await eventually(lambda: not sockets.is_up)
            line.mend()
            await back(sockets)
            await citizen.screen("S6")
            assert places(server) == before
            await page.goto("about:blank")
            server.move_clock(minutes=9)
            await page.goto(f"{server.origin}/gesprek")
            await citizen.screen("S6b")
            assert places(server) == before
    finally:
        server.stop()


async def test_eleven_minutes_away_is_left_but_not_in_the_simplified_view(server: Server, tmp_path: Path) -> None:
    async with waiting(server, tmp_path) as (citizen,), a_visitor(server) as simplified:
        await simplified.wait(await simplified.book("vraag-over-mijn-aanvraag", 1, simplified="ja"))
        await citizen.page.goto("about:blank")
        server.move_clock(minutes=11)
        await eventually(lambda: [place[3] for place in places(server)] == ["finished", "waiting"])
        await citizen.page.goto(f"{server.origin}/gesprek")
        await citizen.screen("S9b")
        assert "Fijn dat u er weer bent" in (await simplified.get("/gesprek")).words
        assert rows(server, "SELECT outcome FROM contact_record WHERE visit_id IS NOT NULL") == [("left",)]


async def test_a_module_that_could_not_be_fetched_is_fetched_again(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        failed = []

        async def fail_twice(route: Route) -> None:
            if len(failed) == 2:
                return await route.continue_()
            failed.append(route.request.url)
            await route.abort()

        await citizen.page.route("**/modules/talk.js", fail_twice)
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        assert len(failed) == 2
        await both_are_seen_and_heard(citizen, staff)
