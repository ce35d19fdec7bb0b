"""kill -9 around the commit of booking, upload and finish: what was stored is there once, and asking again gives it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.chaos.visitor import NoAnswer, Visitor, a_visitor
from tests.documents.stage import a_pdf
from tests.journeys.people import both, into_conversation
from tests.journeys.surviving import eventually, reaches, rows
from tests.journeys.warm import WarmServer
from tests.launch import Server
from tests.leaving_out import leave_out
from tests.machine import find

MOMENTS = ["before", "after"]
FILE = a_pdf("Huurcontract") + bytes(300_000)


async def arm(server: WarmServer, use_case: str, moment: str) -> None:
    """Start it anew, so that it dies at this commit."""
    await asyncio.to_thread(server.stop)
    server.environment = {"CHAOS_USE_CASE": use_case, "CHAOS_MOMENT": moment}
    await asyncio.to_thread(server.start)


async def revive(server: WarmServer) -> None:
    """It died at the commit, by nothing else; start it without the failpoint."""
    assert await asyncio.to_thread(server.ended) == -signal.SIGKILL
    server.environment = {}
    await asyncio.to_thread(server.start)


def count(server: Server, table: str, where: str = "1=1") -> int:
    """Rows of a table."""
    return int(rows(server, f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_booking_is_there_once_or_not_at_all(doomed: WarmServer, moment: str) -> None:
    async with a_visitor(doomed) as fatima:
        await arm(doomed, "balie.booking.service:confirm", moment)
        check = await fatima.to_check("verhuizing-doorgeven")
        with pytest.raises(NoAnswer):
            await fatima.send(check, "/bevestigen")
        await revive(doomed)
        is_stored = 1 if moment == "after" else 0
        assert count(doomed, "appointment", "state = 'booked'") == is_stored
        assert count(doomed, "message") == is_stored
        again = await fatima.send(check, "/bevestigen")
        twice = await fatima.send(check, "/bevestigen")
        assert (again.status, again.h1) == (200, "Uw afspraak is klaar")
        assert again.path == twice.path
        assert count(doomed, "appointment") == 1
        assert count(doomed, "invitation") == 1
        assert count(doomed, "document_request") == 1
        claims = rows(doomed, "SELECT tick, count(*) FROM claim GROUP BY tick")
        assert len(claims) >= 3 and {many for _, many in claims} == {1}
        await eventually(lambda: rows(doomed, "SELECT state FROM message") == [("done",)])
        outbox = await fatima.get("/proef/postvak")
        assert len(outbox.tree.xpath("//h2")) == 1


def stored(server: Server) -> list[Path]:
    """Every file that lies in the folder of documents."""
    return [path for path in (server.folder / "data" / "vault").rglob("*") if path.is_file()]


def names(server: Server) -> set[str]:
    """The objects that these files belong to."""
    return {path.relative_to(server.folder / "data" / "vault").parts[1] for path in stored(server)}


async def a_question(fatima: Visitor) -> dict[str, str]:
    """The form for the one paper that is asked of Fatima, who waits."""
    page = await fatima.wait(await fatima.book("verhuizing-doorgeven"))
    return page.form("/gesprek/documenten")[1]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_an_upload_is_there_once_or_not_at_all(doomed: WarmServer, moment: str) -> None:
    async with a_visitor(doomed) as fatima:
        await arm(doomed, "balie.documents.offering:complete", moment)
        form = await a_question(fatima)
        with pytest.raises(NoAnswer):
            await fatima.give(form, FILE)
        assert len(stored(doomed)) == 1
        await revive(doomed)
        if moment == "before":
            await eventually(lambda: stored(doomed) == [])
            assert count(doomed, "document") == 0
            assert count(doomed, "upload", "state = 'receiving'") == 0
        else:
            assert count(doomed, "document") == 1
        status, text = await fatima.give(form, FILE)
        assert status == 201, text
        document_id = rows(doomed, "SELECT id FROM document")[0][0]
        assert json.loads(text)["document_id"] == document_id
        assert json.loads((await fatima.give(form, FILE))[1])["document_id"] == document_id
        await eventually(lambda: rows(doomed, "SELECT state FROM document") == [("scanned",)])
        await eventually(lambda: names(doomed) == {rows(doomed, "SELECT object_name FROM document")[0][0]})


async def test_a_finished_conversation_is_recorded_once(doomed: WarmServer, tmp_path: Path) -> None:
    if find("chromium") is None:
        leave_out("Chromium")
    async with both(doomed, tmp_path) as (citizen, staff):
        await into_conversation(citizen, staff, "Vraag over mijn aanvraag")
        await staff.press("Ophangen")
        await reaches(doomed, "wrap_up")
        form = staff.page.locator("form").filter(has=staff.page.locator("[name=answer]"))
        address = await form.get_attribute("action")
        csrf = await form.locator("[name=csrf]").input_value()
        fields = {"csrf": csrf, "outcome": "helped", "answer": "U krijgt een brief."}
        for moment in MOMENTS:
            await arm(doomed, "balie.desk.service:finish", moment)
            with pytest.raises(Exception, match=r"socket hang up|ECONNRESET"):
                await staff.page.request.post(f"{doomed.origin}{address}", form=fields)
            await revive(doomed)
            is_stored = 1 if moment == "after" else 0
            assert count(doomed, "contact_record", "visit_id IS NOT NULL") == is_stored
            assert count(doomed, "visit", "state = 'finished'") == is_stored
        again = await staff.page.request.post(f"{doomed.origin}{address}", form=fields)
        assert again.status in (200, 409)
        assert count(doomed, "contact_record", "visit_id IS NOT NULL") == 1
        assert rows(doomed, "SELECT outcome FROM visit") == [("helped",)]
        await citizen.page.get_by_text("U krijgt een brief.").wait_for()
