"""Everybody who goes before the end: each leaves exactly one contact record, with the outcome that it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.browsers import hears, sees
from tests.chaos.visitor import a_visitor
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, Staff, both, into_conversation
from tests.journeys.surviving import eventually, reaches, rows, states
from tests.launch import Server

TALKING = ["waiting", "admitted", "in_conversation"]
RING_S = 95


def records(server: Server) -> list[tuple[Any, ...]]:
    """Outcome and success of every contact record of a visit."""
    return rows(
        server, "SELECT outcome, has_succeeded FROM contact_record WHERE visit_id IS NOT NULL ORDER BY reference"
    )


async def settled(server: Server) -> None:
    """Past the minute after a start in which no clock ends anything."""
    await asyncio.to_thread(server.move_clock, seconds=61)


async def stops(citizen: Citizen) -> None:
    """Hangs up, and says again that this is meant."""
    await citizen.button("Ophangen").click()
    await citizen.screen("S8d")
    await citizen.button("Ja, stop").click()
    await citizen.screen("S9")
    await citizen.page.get_by_text("Anna schrijft nog op wat is afgesproken").wait_for()


async def test_who_stops_may_talk_on_for_two_minutes(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await settled(server)
        await stops(citizen)
        assert not await citizen.page.locator("[data-stage]").is_visible()
        await staff.state("interrupted")
        await citizen.button("Toch verder praten").click()
        await citizen.screen("S8")
        await staff.state("in_conversation")
        await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
        await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))
        assert len(rows(server, "SELECT id FROM call")) == 1

        await stops(citizen)
        await staff.state("interrupted")
        server.move_clock(seconds=125)
        await staff.state("wrap_up")
        await citizen.button("Toch verder praten").wait_for(state="hidden")
        assert records(server) == []
        await staff.finish("helped", "U belt morgen zelf.")
        await citizen.page.get_by_text("U belt morgen zelf.").wait_for()
        back = ["interrupted", "in_conversation", "interrupted"]
        assert states(server) == [*TALKING, *back, "wrap_up", "finished"]
        assert records(server) == [("helped", True)]


async def test_a_conversation_that_breaks_off_is_recorded_and_somebody_phones(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await sees(staff.page, FATIMA)
        await settled(server)
        await citizen.page.context.close()
        await staff.page.locator('[data-participant="citizen"][data-connection="gone"]').wait_for(timeout=20_000)
        server.move_clock(seconds=20)
        await staff.state("interrupted")
        await staff.page.get_by_text("Bel de inwoner op").wait_for()
        assert records(server) == []
        server.move_clock(minutes=16)
        await reaches(server, "finished")
        assert states(server) == [*TALKING, "interrupted", "finished"]
        assert records(server) == [("interrupted", False)]
        ((action, state),) = rows(
            server,
            "SELECT action, state FROM follow_up WHERE done_at IS NULL AND contact_id = "
            "(SELECT id FROM contact_record WHERE visit_id IS NOT NULL)",
        )
        assert (action, state) == ("Terugbellen", "to_do")
        await staff.page.get_by_text("afgebroken").first.wait_for()


async def test_who_never_comes_is_recorded_and_gets_a_way_to_book_again(server: Server) -> None:
    async with a_visitor(server) as fatima, a_visitor(server) as simplified:
        link = await fatima.book("verhuizing-doorgeven")
        await simplified.book("vraag-over-mijn-aanvraag", 1, simplified="ja")
        server.move_clock(minutes=40)
        await eventually(lambda: records(server) == [("no_show", False)])
        page = await fatima.get(link)
        assert page.status == 410
        assert rows(server, "SELECT count(*) FROM message WHERE kind = 'missed'") == [(1,)]
        server.move_clock(hours=24)
        await eventually(lambda: len(records(server)) == 2)
        assert records(server) == [("no_show", False), ("unrecorded", None)]
        assert rows(server, "SELECT count(*) FROM visit WHERE state = 'finished'") == [(2,)]


async def rings(server: Server, staff: Staff, number: int) -> None:
    """Anna rings this citizen; the phone has acknowledged it."""
    if number == 1:
        await staff.admit_next()
    else:
        await staff.page.goto(staff.page.url.split("/bezoek/")[0])
        await staff.page.get_by_role("button", name="Oproepen").first.click()
        await staff.page.wait_for_url("**/bezoek/**")
    await eventually(lambda: rows(server, "SELECT count(*) FROM visit WHERE ring_seen_at >= rung_at") == [(1,)])


async def rings_out(server: Server, number: int) -> None:
    """Nobody answers for the time that a ring takes."""
    server.move_clock(seconds=RING_S)
    counted = "SELECT admit_count FROM visit"
    await eventually(lambda: rows(server, counted) == [(number,)] and states(server)[-1] != "admitted")


async def test_three_rings_without_an_answer_end_as_no_show(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await citizen.book("Vraag over mijn aanvraag")
        await citizen.to_waiting_room()
        await staff.sign_in()
        await staff.open_counter()
        await settled(server)
        for number in (1, 2):
            await rings(server, staff, number)
            await rings_out(server, number)
            assert states(server)[-1] == "waiting"
        await rings(server, staff, 3)
        await citizen.page.close()
        await rings_out(server, 3)
        assert states(server) == ["waiting", "admitted"] * 3 + ["finished"]
        assert records(server) == [("no_show", False)]


async def test_not_yet_for_the_fourth_time_goes_back_to_the_queue_and_stop_ends_it(
    server: Server, tmp_path: Path
) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await citizen.book("Vraag over mijn aanvraag")
        await citizen.to_waiting_room()
        await staff.sign_in()
        await staff.open_counter()
        await staff.admit_next()
        for number in (1, 2, 3):
            await citizen.screen("S7")
            await citizen.button("Nog niet").click()
            await eventually(lambda now=number: rows(server, "SELECT not_yet_count FROM visit") == [(now,)])
            await staff.page.get_by_text("De inwoner zegt: nog niet.").wait_for()
        await citizen.button("Nog niet").click()
        await citizen.screen("S6")
        await staff.state("waiting")
        assert states(server) == ["waiting", "admitted", "waiting"]
        await citizen.button("Stop met wachten").click()
        await citizen.screen("S8d")
        await citizen.button("Ja, stop").click()
        await citizen.screen("S9b")
        await reaches(server, "finished")
        assert records(server) == [("left", False)]
