"""The same two pages over the product's own server: /live, calls, rights and policy are the real ones."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from aiohttp import web
from playwright.async_api import Browser, async_playwright

from balie.actors import Actor
from balie.calls import service
from balie.web import csrf
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.work import Works
from tests.browser_units.conftest import CHROMIUM, FLAGS, Side
from tests.browser_units.relay import HERE, STATIC
from tests.browser_units.test_hold_and_return import received
from tests.browser_units.test_text import TYPE, shows
from tests.calls.stage import Site, Stage, a_site, a_stage

pytestmark = pytest.mark.browser


async def page(_request: web.Request) -> web.Response:
    """The page of the tests, under the product's headers."""
    return web.Response(text=(HERE / "page.html").read_text(), content_type="text/html")


async def file(request: web.Request) -> web.FileResponse:
    """Files of the product, and the test's own beside them."""
    path = request.match_info["path"]
    return web.FileResponse(HERE / path.removeprefix("test/") if path.startswith("test/") else STATIC / path)


PAGES = Feature(
    name="probe",
    routes=[
        Route("GET", "/", page, "probe.page", Access.PUBLIC, uses_camera=True),
        Route("GET", "/static/{path:.+}", file, "probe.file", Access.PUBLIC),
    ],
)


@pytest.fixture
async def stage(works: Works) -> Stage:
    """Fatima has an appointment and Anna has admitted her."""
    made = await a_stage(works)
    await made.take_seat()
    await made.admit()
    return made


@pytest.fixture
async def site(stage: Stage) -> AsyncIterator[Site]:
    """The server with /live, calls and the page."""
    async with a_site(stage, PAGES) as made:
        yield made


@pytest.fixture
async def real_chromium(site: Site) -> AsyncIterator[Browser]:
    """A browser that finds the server's public origin at the test's port."""
    host = site.origin.removeprefix("http://")
    rule = f"--host-resolver-rules=MAP {host} 127.0.0.1:{site.server.port}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, rule])
        yield browser
        await browser.close()


async def side_of(browser: Browser, site: Site, actor: Actor) -> Side:
    """A window with this person's cookie."""
    session_id = actor.session_id or ""
    site.tickets.sessions[session_id] = actor
    context = await browser.new_context(permissions=["camera", "microphone"])
    await context.add_cookies([{"name": "sessies", "value": session_id, "url": site.origin}])
    form = "live.ticket" if actor is site.stage.fatima else "live.staff_ticket"
    proof = site.app[csrf.KEY].value(session_id, form)
    query = f"&topic={quote(site.stage.call.topic)}&csrf={quote(proof)}"
    return Side(await context.new_page(), actor.participant or "", site.origin, query)


async def test_two_pages_talk_write_hold_reload_and_end_over_the_real_server(
    site: Site, stage: Stage, real_chromium: Browser
) -> None:
    citizen = await side_of(real_chromium, site, stage.fatima)
    staff = await side_of(real_chromium, site, stage.anna)
    sides = (citizen, staff)
    await asyncio.gather(citizen.ready(), staff.ready())
    await staff.do("T.join()")
    await stage.begin()
    await citizen.do("T.join()")
    await asyncio.gather(*(side.sees_and_hears() for side in sides))
    assert "CallConnected" in stage.names_of_events()
    assert await citizen.do("T.call.others[0].name") == "Anna"
    await citizen.do(TYPE, ["ik heb het bij mij", 30])
    await shows(staff, "ik heb het bij mij")

    await stage.do(service.hold, stage.visit_id, "Anna zoekt iets op", None)
    await citizen.until("T.call.hold?.reason === 'Anna zoekt iets op'")
    await asyncio.sleep(1)
    before = await received(sides)
    await asyncio.sleep(1)
    assert await received(sides) == before
    await stage.do(service.resume, stage.visit_id)
    await asyncio.gather(*(side.sees_and_hears() for side in sides))
    assert await citizen.do("T.pair().round") == 1

    await citizen.ready()
    await citizen.do("T.join()")
    assert await citizen.do("T.call.epoch") == 2
    await asyncio.gather(*(side.sees_and_hears() for side in sides))
    await citizen.do(TYPE, ["ja", 0])
    await shows(staff, "ja")

    await stage.do(service.end, stage.visit_id, "finished")
    for side in sides:
        await side.until("T.events.includes('ended')")
        assert await side.errors() == []
