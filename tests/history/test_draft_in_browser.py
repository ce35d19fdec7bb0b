"""The record form in a real browser: it saves itself, survives a reload, and is done with the keyboard alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from playwright.async_api import Page, async_playwright

from balie.history import service, wiring
from balie.history.staff_views import RecordForm, check_record_form, earlier_part, record_part
from balie.ids import VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN, RECORD_CONTACT
from balie.settings import Settings
from balie.web import assets, pages, preferences
from balie.web.access import Access
from balie.web.application import assemble
from balie.web.features import Feature, Route
from balie.web.forms import Form, fields
from balie.web.keys import ACTOR, CSRF_SCOPE
from balie.web.pages import Pages
from balie.web.requests import work_for
from balie.work import Works
from tests.history.builders import ANNA, ANNA_ID, FATIMA, a_closed_visit
from tests.machine import find

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find("chromium") is None, reason="needs Chromium"),
]
VISIT = VisitId(new_id())
COUNTER = """{% extends "staff.html" %}{% set modules = ["draft", "contact_lines"] %}
{% block title %}Proef{% endblock %}
{% block main %}<h1>Proef</h1>{% with earlier = page.earlier %}{% include "history/_earlier.html" %}{% endwith %}
{% with record = page.record %}{% include "history/_record_form.html" %}{% endwith %}{% endblock %}"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose origin is that of the test server, because scripts come from it alone."""
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", port=unused_port())


async def counter(request: web.Request, form: Form[RecordForm] | None = None) -> web.Response:
    """The two parts of history as the counter shows them."""
    async with work_for(request, HELP_CITIZEN) as work:
        parts = {
            "record": await record_part(
                work, VISIT, action="/loket", csrf_form="test.finish", prefilled={"topic": "Geboorte"}, form=form
            ),
            "earlier": await earlier_part(work, FATIMA, own_domains=["burgerzaken"]),
        }
    return pages.render(request, "proef", parts, status=400 if form else 200)


async def finish(request: web.Request) -> web.Response:
    """*Afronden*."""
    form = check_record_form({n: t for n, t in (await fields(request)).items() if n != "csrf" and t})
    if form.errors:
        return await counter(request, form)
    async with work_for(request, RECORD_CONTACT) as work:
        assert form.model is not None and form.model.outcome is not None
        closed = a_closed_visit(visit_id=VISIT, outcome=form.model.outcome, answer=form.model.answer)
        await service.record_visit(work, closed)
    return web.Response(text="klaar")


@pytest.fixture
async def page(works: Works, settings: Settings, tmp_path: Path) -> AsyncIterator[Page]:
    """Anna's counter in Chromium."""

    async def identify(request: web.Request) -> None:
        request[ACTOR] = ANNA
        request[CSRF_SCOPE] = "anna"

    routes = [
        Route("GET", "/loket", counter, "test.counter", Access.STAFF),
        Route("POST", "/loket", finish, "test.finish", Access.STAFF),
    ]
    own = [wiring.feature(), assets.FEATURE, preferences.FEATURE, Feature("test", routes)]
    app = assemble(works, own, identify, b"k" * 32)
    pages.install(app)
    folder = tmp_path / "templates"
    _with_proef(folder)
    app[pages.KEY] = Pages(
        settings, app[assets.KEY], lambda name, **match: str(app.router[name].url_for(**match)), folder
    )
    async with TestServer(app, port=settings.port, host="127.0.0.1"), async_playwright() as play:
        browser = await play.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(base_url=settings.public_origin)
        page.set_default_timeout(10_000)
        yield page
        await browser.close()


def _with_proef(folder: Path) -> None:
    folder.mkdir()
    for entry in pages.TEMPLATES.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / "proef.html").write_text(COUNTER)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Bounds that it happens, not how fast."""
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110  what is waited for happens in the browser
            await asyncio.sleep(0.05)


async def tab_to(page: Page, holds: str) -> None:
    """Press Tab until this holds of what has focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate(holds):
            return
    raise AssertionError(f"never reached: {holds}")


async def test_what_is_typed_is_kept_and_is_there_after_a_reload(works: Works, page: Page) -> None:
    async def is_kept() -> bool:
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            return (await service.draft(work, VISIT, ANNA_ID)).get("note") == "Zij vroeg naar de akte"

    await page.goto("/loket")
    await page.get_by_label("Notitie").fill("Zij vroeg naar de akte")
    await until(is_kept)
    await page.get_by_text("Bewaard als concept.").wait_for()
    await page.reload()
    assert await page.get_by_label("Notitie").input_value() == "Zij vroeg naar de akte"


async def test_what_was_typed_just_before_leaving_is_kept_too(works: Works, page: Page) -> None:
    await page.goto("/loket")
    await page.get_by_label("Notitie").fill("nog snel iets")
    await page.goto("about:blank")

    async def is_kept() -> bool:
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            return (await service.draft(work, VISIT, ANNA_ID)).get("note") == "nog snel iets"

    await until(is_kept)


async def test_a_long_sentence_is_told_while_typing(page: Page) -> None:
    await page.goto("/loket")
    await page.get_by_label("Afgesproken").fill("een twee drie vier vijf zes zeven acht negen tien elf twaalf.")
    hint = page.locator('[data-hint-of="answer"]')
    assert await hint.text_content() == ""
    await page.get_by_label("Afgesproken").fill("een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien.")
    assert await hint.text_content() == "Een zin heeft 13 woorden. Korter leest makkelijker."


async def test_helped_is_two_actions_with_the_keyboard_alone(works: Works, page: Page) -> None:
    await page.goto("/loket")
    await tab_to(page, "document.activeElement?.name === 'outcome'")
    await page.keyboard.press("Space")
    await tab_to(page, "'finish' in document.activeElement.dataset")
    await page.keyboard.press("Enter")
    await page.get_by_text("klaar").wait_for()
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        record = await service.record_of_visit(work, VISIT)
    assert record is not None and record.outcome == "helped"


async def test_what_is_missing_is_named_and_the_rest_stays(page: Page) -> None:
    await page.goto("/loket")
    await page.get_by_label("Notitie").fill("blijft staan")
    await page.get_by_role("button", name="Afronden").click()
    await page.get_by_role("link", name="Kies hoe het gesprek afliep.").wait_for()
    assert await page.get_by_label("Notitie").input_value() == "blijft staan"


async def test_a_line_opens_with_enter_and_closes_with_escape(works: Works, page: Page) -> None:
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        await service.record_visit(work, a_closed_visit(note="Alles besproken."))
    await page.goto("/loket")
    line = page.locator(".balie-contacts summary")
    await line.focus()
    await page.keyboard.press("Enter")
    await page.get_by_text("Alles besproken.").wait_for(state="visible")
    await page.keyboard.press("Escape")
    await page.get_by_text("Alles besproken.").wait_for(state="hidden")
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
