"""The server dies and comes back: talking goes on, nobody loses a place, a reload is the same seat."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from playwright.async_api import Page

from tests.browsers import hears, sees
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, Staff, both, into_conversation
from tests.journeys.surviving import Sockets, back, check_media, rows, states, watch_media, writes
from tests.journeys.test_whole_appointment import hold_and_resume
from tests.launch import Server

KILLS = 20
TALKING = ["waiting", "admitted", "in_conversation"]


async def both_are_seen_and_heard(citizen: Citizen, staff: Staff) -> None:
    """Picture and sound, both ways."""
    await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
    await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))


async def test_twenty_killed_servers_in_a_call_change_nothing(server: Server, tmp_path: Path) -> None:
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


async def test_a_server_that_is_stopped_tells_the_pages_to_come_back(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        sockets = Sockets(citizen.page), Sockets(staff.page)
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await both_are_seen_and_heard(citizen, staff)
        await citizen.button("Schrijven").click()
        await watch_media(citizen.page, staff.page)
        await asyncio.to_thread(server.stop)
        assert server.process is not None and server.process.returncode == 0  # in time, else it is killed
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
