"""The record form, earlier contacts, and the draft, as staff meet them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from markupsafe import Markup
from yarl import URL

from balie.actors import Actor
from balie.history import service, staff_views, wiring
from balie.history.rules import Outcome
from balie.history.screens import EARLIER_STATES, record_states
from balie.history.staff_views import EarlierPart, RecordForm, RecordPart, earlier_part, record_part
from balie.ids import VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN, RECORD_CONTACT
from balie.settings import Settings
from balie.web import csrf
from balie.web.application import assemble
from balie.web.assets import Assets
from balie.web.forms import Form
from balie.web.keys import ACTOR, CSRF_SCOPE
from balie.web.pages import Look, Pages
from balie.work import Works
from tests.history.builders import ANNA, ANNA_ID, BEGAN_AT, FATIMA, FOLLOW_UP, a_closed_visit

FORM = {"topic": "Geboorte aangeven", "follow_up_team": "Burgerzaken"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The templates, as every page gets them."""
    folder = tmp_path_factory.mktemp("balie")
    settings = Settings(demo=True, data_dir=folder, keys_dir=folder / "keys")
    return Pages(settings, Assets(), lambda name, **match: f"/{name}/{'/'.join(match.values())}")


def html(pages: Pages, template: str, **values: Any) -> str:
    proof = Markup('<input type="hidden" name="csrf" value="x">')
    return pages.html(template, Look(), csrf=lambda _name: proof, **values)


def a_part(**changes: Any) -> RecordPart:
    values = {"outcome": "", "topic": "", "note": "", "answer": ""}
    values |= {"follow_up_action": "", "follow_up_team": "", "follow_up_due": ""}
    parts = {"visit_id": new_id(), "action": "/afronden", "csrf_form": "desk.finish", "values": values}
    return RecordPart(**{**parts, **changes})


async def kept(works: Works, **changes: Any) -> service.ContactRecord:
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        return await service.record_visit(work, a_closed_visit(**changes))


async def looked(works: Works, citizen_id: Any, eerder: str | None = None) -> EarlierPart:
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        return await earlier_part(work, citizen_id, own_domains=["burgerzaken"], eerder=eerder)


async def test_before_the_person_is_confirmed_nothing_of_earlier_contacts_shows(works: Works, pages: Pages) -> None:
    await kept(works, topic="Paspoort kwijt")
    part = await looked(works, None)
    assert part == EarlierPart(is_open=False)
    shown = html(pages, "history/_earlier", earlier=part)
    assert "Eerder contact ziet u na het inloggen." in shown
    assert "Paspoort" not in shown and "<li" not in shown


async def test_from_confirmed_on_every_channel_stands_in_one_list(works: Works, pages: Pages) -> None:
    await kept(works, channel="phone", topic="Paspoort <kwijt>", answer="Bel ons morgen.", note="Belde & vroeg.")
    await kept(works, domain="werk en inkomen", topic="Uitkering")
    await kept(works, outcome=Outcome.FOLLOW_UP, follow_up=FOLLOW_UP)
    shown = html(pages, "history/_earlier", earlier=await looked(works, FATIMA))
    assert "telefoon" in shown and "Paspoort &lt;kwijt&gt;" in shown and "Bel ons morgen." in shown
    assert "contact bij andere afdeling" in shown and "Uitkering" not in shown
    assert "De akte opsturen, door Burgerzaken, voor dinsdag 8 december" in shown
    assert shown.count("<details>") == 2


async def test_somebody_new_has_an_empty_list_in_words(works: Works, pages: Pages) -> None:
    assert "Nog geen eerder contact." in html(pages, "history/_earlier", earlier=await looked(works, FATIMA))


async def test_older_contacts_are_a_page_further(works: Works, pages: Pages) -> None:
    for n in range(25):
        await kept(works, happened_at=BEGAN_AT - timedelta(days=n), topic=f"gesprek {n}")
    first = await looked(works, FATIMA)
    assert len(first.lines) == 20 and first.more is not None
    link = html(pages, "history/_earlier", earlier=first).split('href="?eerder=')[1].split("#")[0]
    second = await looked(works, FATIMA, URL(f"/?eerder={link}").query["eerder"])
    assert [each.contact.topic for each in second.lines] == [f"gesprek {n}" for n in range(20, 25)]
    assert second.more is None and not second.is_first_page
    assert (await looked(works, FATIMA, "onzin")).is_first_page


def test_the_form_says_that_the_note_is_read_by_the_citizen(pages: Pages) -> None:
    shown = html(pages, "history/_record_form", record=a_part())
    assert "De inwoner kan dit lezen." in shown
    assert shown.count('type="radio"') == 4
    assert "<details" in shown and " open>" not in shown
    assert shown.count('name="csrf"') == 2
    assert 'data-most-words="12"' in shown
    assert 'data-most-words="10"' in html(pages, "history/_record_form", record=a_part(is_simplified=True))


def test_the_form_keeps_what_was_typed_and_names_each_error(pages: Pages) -> None:
    values = {**a_part().values, "note": "Zij <b>vroeg</b> iets", "outcome": "follow_up"}
    errors = {"follow_up_action": "follow_up_needed"}
    shown = html(
        pages, "history/_record_form", record=a_part(values=values, errors=errors, open_papers=("Huurcontract",))
    )
    assert "Zij &lt;b&gt;vroeg&lt;/b&gt; iets" in shown
    assert shown.count("Schrijf op wat wij nog doen.") == 2
    assert " open>" in shown and "Huurcontract" in shown
    assert 'value="follow_up" checked' in shown


def test_a_visit_that_still_rings_cannot_be_finished(pages: Pages) -> None:
    shown = html(pages, "history/_record_form", record=a_part(may_finish=False))
    assert "Afronden kan na het gesprek." in shown and "data-finish" not in shown


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({"outcome": "helped"}, {}),
        ({}, {"outcome": "outcome_missing"}),
        ({"outcome": "no_show"}, {"outcome": "choose"}),
        ({"outcome": "anders"}, {"outcome": "choose"}),
        ({"outcome": "follow_up"}, {"follow_up_action": "follow_up_needed"}),
        ({"outcome": "follow_up", "follow_up_action": "Bellen", "follow_up_due": "2026-12-08"}, {}),
        ({"outcome": "follow_up", "follow_up_action": "Bellen", "follow_up_due": "8-12"}, {"follow_up_due": "wrong"}),
        ({"outcome": "redirected"}, {"answer": "redirected_needs_answer"}),
        ({"outcome": "helped", "note": "x" * 1001}, {"note": "too_long"}),
        ({"outcome": "helped", "answer": "nummer 999990019"}, {"answer": "bsn_in_text"}),
    ],
)
async def test_the_form_tells_what_is_missing(sent: dict[str, str], errors: dict[str, str]) -> None:
    form = staff_views.check_record_form(sent)
    assert form.errors == errors
    assert (form.model is None) is bool(errors)
    assert form.values == sent


async def test_the_form_opens_with_what_was_sent_else_the_draft_else_what_is_known(works: Works) -> None:
    visit_id = VisitId(new_id())

    async def opened(form: Form[RecordForm] | None = None) -> RecordPart:
        async with works.begin(ANNA, HELP_CITIZEN) as work:
            return await record_part(work, visit_id, action="/", csrf_form="desk.finish", prefilled=FORM, form=form)

    assert (await opened()).values["topic"] == "Geboorte aangeven"
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        await service.save_draft(work, visit_id, ANNA_ID, {"topic": "Naam van het kind", "note": "a"})
    assert (await opened()).values["topic"] == "Naam van het kind"
    sent = Form[RecordForm]({"note": "b"}, errors={"outcome": "outcome_missing"})
    part = await opened(sent)
    assert (part.values["note"], part.values["topic"]) == ("b", "Naam van het kind")
    assert part.errors == {"outcome": "outcome_missing"}


async def test_the_receipt_tells_what_was_agreed_and_until_when_it_is_kept(works: Works) -> None:
    visit_id = VisitId(new_id())
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        assert await staff_views.receipt_part(work, visit_id) is None
    answer = "De akte ligt klaar.\nNeem uw paspoort mee."
    await kept(works, visit_id=visit_id, answer=answer, outcome=Outcome.FOLLOW_UP, follow_up=FOLLOW_UP)
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        receipt = await staff_views.receipt_part(work, visit_id)
    assert receipt is not None
    assert receipt.agreed == ("De akte ligt klaar.", "Neem uw paspoort mee.")
    assert [each.action for each in receipt.follow_ups] == ["De akte opsturen"]
    assert receipt.kept_until == date(2027, 1, 3)


@pytest.fixture
async def browser(works: Works) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Anna's browser."""
    who: dict[str, Actor] = {"actor": ANNA}

    async def identify(request: web.Request) -> None:
        request[ACTOR] = who["actor"]
        request[CSRF_SCOPE] = "anna"

    app = assemble(works, [wiring.feature()], identify, b"k" * 32)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_draft_saves_itself_and_needs_the_proof_of_its_form(
    works: Works, browser: TestClient[web.Request, web.Application]
) -> None:
    visit_id = VisitId(new_id())
    address = f"/medewerker/bezoek/{visit_id}/concept"
    request = type("R", (dict,), {"app": browser.app})({CSRF_SCOPE: "anna"})
    proof = csrf.value_for(request, "history.save_draft")
    typed = {"note": "Zij vroeg", "answer": "x" * 5000, "anders": "niet van ons"}
    async with browser.post(address, data={**typed, "csrf": proof}) as response:
        assert response.status == 204
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        draft = await service.draft(work, visit_id, ANNA_ID)
    assert draft == {"note": "Zij vroeg", "answer": "x" * 4000}
    headers = {"Accept": "application/json"}
    async with browser.post(address, data=typed, headers=headers) as response:
        assert response.status == 403
    async with browser.post("/medewerker/bezoek/x/concept", data={"csrf": proof}, headers=headers) as response:
        assert response.status == 404


@pytest.mark.parametrize("state", list(EARLIER_STATES))
def test_every_sample_of_earlier_contacts_can_be_shown(pages: Pages, state: str) -> None:
    assert html(pages, "history/_earlier", earlier=EARLIER_STATES[state]).strip()


@pytest.mark.parametrize("state", ["new", "filled", "errors"])
def test_every_sample_of_the_record_form_can_be_shown(pages: Pages, state: str) -> None:
    assert "Afronden" in html(pages, "history/_record_form", record=record_states("/afronden")[state])
