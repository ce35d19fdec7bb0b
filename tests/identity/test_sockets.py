"""Sockets and sessions: who a socket speaks for, and which ones close when a session is lifted or ends."""

from __future__ import annotations

import asyncio

import aiohttp

from balie.actors import system
from balie.identity import service
from balie.privacy.purposes import HELP_CITIZEN
from tests.identity.conftest import Browser, City, fatima_is_asked, whole_sign_in
from tests.identity.test_staff_sign_in import sign_in

Socket = aiohttp.ClientWebSocketResponse


async def open_socket(browser: Browser, page_id: str, staff: bool = False) -> tuple[Socket, str]:
    """A page's socket after its hello, and as whom it speaks."""
    path, form = ("/medewerker/live/kaartje", "live.staff_ticket") if staff else ("/live/kaartje", "live.ticket")
    where = "/medewerker/proef/csrf/" if staff else "/proef/csrf/"
    async with await browser.get(where + form) as answer:
        proof = await answer.text()
    async with await browser.post(path, csrf=proof, page_id=page_id) as answer:
        assert answer.status == 200, await answer.text()
        ticket = (await answer.json())["ticket"]
    socket = await browser.client.ws_connect(
        browser.origin + "/live", protocols=("balie.1", ticket), origin=browser.origin
    )
    await socket.send_json({"type": "hello", "v": 1, "page_id": page_id, "topics": []})
    welcome = await asyncio.wait_for(socket.receive_json(), 10)
    return socket, welcome["you"]["kind"]


async def closed_with(socket: Socket) -> int | None:
    """The code that the server closes with, within ten seconds."""
    async with asyncio.timeout(10):
        while not socket.closed:
            await socket.receive()
    return socket.close_code


async def still_answers(socket: Socket) -> bool:
    await socket.send_json({"type": "ping", "t": 7})
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return False
            if message.json().get("type") == "pong":
                return True


async def test_a_planted_socket_closes_at_the_step_up_and_the_page_that_began_it_stays(city: City) -> None:
    guest, thief = await fatima_is_asked(city), city.browser()
    thief.set_cookie("balie", guest.session.token)
    own, _ = await open_socket(guest.browser, "page-of-fatima")
    planted, _ = await open_socket(thief, "page-of-a-thief")
    listening = asyncio.create_task(closed_with(planted))  # a browser always reads
    await whole_sign_in(guest, page_id="page-of-fatima")
    assert await listening == 4401
    assert await still_answers(own)


async def test_with_citizen_and_staff_in_one_browser_each_socket_speaks_for_its_ticket(city: City) -> None:
    guest = await fatima_is_asked(city)
    await sign_in(guest.browser, "anna")
    _, first = await open_socket(guest.browser, "page-of-fatima")
    _, second = await open_socket(guest.browser, "page-of-anna", staff=True)
    assert (first, second) == ("citizen", "staff")


async def test_signing_out_closes_the_sockets_of_that_session_alone(city: City) -> None:
    guest = await fatima_is_asked(city)
    await sign_in(guest.browser, "anna")
    citizen, _ = await open_socket(guest.browser, "page-of-fatima")
    staff, _ = await open_socket(guest.browser, "page-of-anna", staff=True)
    async with await guest.browser.get("/medewerker/proef/csrf/identity.staff_sign_out") as answer:
        proof = await answer.text()
    (await guest.browser.post("/medewerker/uitloggen", csrf=proof)).release()
    assert await closed_with(staff) == 4401
    assert await still_answers(citizen)


async def test_cancelling_the_appointment_closes_its_sockets(city: City) -> None:
    guest = await fatima_is_asked(city)
    socket, _ = await open_socket(guest.browser, "page-of-fatima")
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        visitor = await service.session_of(work, guest.session.token, (guest.session.kind,))
        assert visitor is not None and visitor.appointment_id is not None
        await service.revoke_links(work, visitor.appointment_id)
    assert await closed_with(socket) == 4401
    async with await guest.browser.get("/gesprek") as answer:
        assert answer.status == 401
