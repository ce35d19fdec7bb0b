"""The far end of the connection check stands still: the verdict says so, and everything else goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browsers import hears, sees
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, both
from tests.journeys.surviving import eventually, rows
from tests.launch import Server

NOT_MEASURED = "Wij konden uw verbinding niet meten. U kunt gewoon verder."


def echo_of(server: Server) -> int | None:
    """The process of the server's own that runs aiortc."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    for child in {pid for path in children for pid in path.read_text().split()}:
        if b"balie.calls.echo" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


@contextmanager
def held(process: int) -> Iterator[None]:
    """Stopped for a while, not dead."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def verdict(server: Server) -> list[tuple[str]]:
    """What the check of the citizen found."""
    return rows(server, "SELECT verdict FROM check_result WHERE participant = 'citizen'")


async def tries_the_phone(citizen: Citizen) -> None:
    """Up to where the parts of the check appear one by one."""
    await citizen.page.goto(citizen.link)
    await citizen.button("Ga verder").click()
    await citizen.button("Zet camera en geluid aan").click()
    await citizen.screen("S5a")


async def test_a_stopped_echo_changes_the_verdict_and_nothing_else(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, staff):
        await citizen.book("Vraag over mijn aanvraag")
        echo = await eventually(lambda: echo_of(server))
        with held(echo):
            await tries_the_phone(citizen)
            finding = citizen.page.locator('[data-finding="connection"]').locator("visible=true")
            await finding.get_by_text(NOT_MEASURED).wait_for(timeout=20_000)
            assert verdict(server) == [("not_measured",)]
            await citizen.button("Naar de wachtkamer").click()
            await citizen.screen("S6")
            await staff.sign_in()
            await staff.open_counter()
            await staff.page.get_by_text("verbinding niet gemeten").first.wait_for()
            await staff.admit_next()
            await citizen.begin()
            await staff.state("in_conversation")
            await staff.page.get_by_text("verbinding niet gemeten").first.wait_for()
            await asyncio.gather(sees(citizen.page, ANNA), sees(staff.page, FATIMA))
            await asyncio.gather(hears(citizen.page, ANNA), hears(staff.page, FATIMA))
            assert echo_of(server) == echo


async def test_with_a_running_echo_the_same_check_is_measured(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path) as (citizen, _staff):
        await citizen.book("Vraag over mijn aanvraag")
        await tries_the_phone(citizen)
        await eventually(lambda: verdict(server) not in ([], [("not_measured",)]), within_s=30)
