"""Pages in two views and two languages, and the visitor's own choices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp import web

from balie import errors
from balie.errors import BalieError
from balie.settings import Settings
from balie.web import pages, preferences
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.pages import Look, View
from balie.web.preferences import Choice, local_path
from balie.web.problems import BalieFault
from balie.web.sentences import FIELD_SENTENCES, PROBLEMS, sentence
from tests.web.pages_app import Browser, Serve, pages_app


async def chosen(browser: Browser, path: str, **fields: str) -> web.Response:
    """Send one of the switches as it stands on the help page."""
    page = await (await browser.get("/hulp")).text()
    form = re.search(rf'action="{path}".*?name="csrf" value="([^"]+)"', page, re.DOTALL)
    assert form, "the switch stands on every page"
    return await browser.post(path, data={"csrf": form[1], **fields}, allow_redirects=False)


async def test_a_page_has_language_title_and_phone_number(settings: Settings, serve: Serve) -> None:
    browser = await serve(pages_app(settings))
    page = await (await browser.get("/hulp")).text()
    assert '<html lang="nl" dir="ltr"' in page
    assert "<title>Hulp bij uw videogesprek - Gemeente Voorbeeld</title>" in page
    assert 'href="tel:14010"' in page
    assert page.index("<main") < page.index("<h1") < page.index("<footer")


async def test_a_chosen_language_stays_and_leads_back_to_the_same_page(settings: Settings, serve: Serve) -> None:
    browser = await serve(pages_app(settings))
    answer = await chosen(browser, "/taal", taal="en", terug="/toegankelijkheid")
    assert (answer.status, answer.headers["Location"]) == (303, "/toegankelijkheid")
    page = await (await browser.get("/toegankelijkheid")).text()
    assert '<html lang="en"' in page
    assert "Accessibility" in page


async def test_a_chosen_view_is_seen_on_the_next_page(settings: Settings, serve: Serve) -> None:
    browser = await serve(pages_app(settings))
    await chosen(browser, "/weergave", weergave="simplified")
    page = await (await browser.get("/bestaat-niet")).text()
    assert "balie-simplified" in page
    assert "Gewone weergave" in page


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        ("/a/abc?x=1", "/a/abc?x=1"),
        ("//elders.example/", "/"),
        ("/\\elders.example", "/"),
        ("https://elders.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_a_choice_leads_back_within_this_site_only(posted: str, expected: str) -> None:
    assert local_path(posted) == expected


@pytest.mark.parametrize(("path", "field"), [("/taal", "taal"), ("/weergave", "weergave")])
async def test_an_unknown_choice_is_refused_and_sets_nothing(
    settings: Settings, serve: Serve, path: str, field: str
) -> None:
    browser = await serve(pages_app(settings))
    answer = await chosen(browser, path, **{field: "xx"})
    assert answer.status == 400
    assert field not in answer.cookies


async def test_a_choice_needs_the_proof_of_its_form(settings: Settings, serve: Serve) -> None:
    browser = await serve(pages_app(settings))
    answer = await browser.post("/taal", data={"taal": "en"}, allow_redirects=False)
    assert answer.status == 403
    assert "Dit formulier is te oud" in await answer.text()


async def test_a_choice_is_kept_with_the_appointment_of_a_link_session(settings: Settings, serve: Serve) -> None:
    app = pages_app(settings)
    kept: list[Choice] = []

    async def keep(request: web.Request, choice: Choice) -> None:
        kept.append(choice)

    app[preferences.KEEP_CHOICE] = keep
    browser = await serve(app)
    await chosen(browser, "/weergave", weergave="simplified")
    await chosen(browser, "/taal", taal="en")
    assert kept == [Choice(view=View.SIMPLIFIED), Choice(language="en")]


async def test_the_needs_of_the_appointment_go_before_the_cookies(settings: Settings, serve: Serve) -> None:
    async def as_booked(request: web.Request) -> web.Response:
        pages.follow_needs(request, simplified=True, language="en", cookies_first="eerst" in request.query)
        look = pages.look_of(request)
        return web.json_response([look.view, look.language])

    seen = Feature("seen", routes=[Route("GET", "/gezien", as_booked, "seen.seen", Access.PUBLIC)])
    browser = await serve(pages_app(settings, seen))
    await chosen(browser, "/weergave", weergave="normal")
    await chosen(browser, "/taal", taal="nl")
    assert await (await browser.get("/gezien")).json() == ["simplified", "en"]
    assert await (await browser.get("/gezien?eerst")).json() == ["normal", "nl"]


def test_the_simplified_partner_is_taken_where_there_is_one(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text("normal {{ page }}")
    (tmp_path / "one.simplified.html").write_text("simplified {{ page }}")
    (tmp_path / "two.html").write_text("both {{ view }}")
    made = pages_app(settings, templates=tmp_path)[pages.KEY]
    easy = Look(View.SIMPLIFIED)
    assert made.html("one", Look(), page=1) == "normal 1"
    assert made.html("one", easy, page=1) == "simplified 1"
    assert made.html("two", easy, page=1) == "both simplified"


def test_what_is_shown_is_escaped(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text('<p title="{{ page }}">{{ page }}</p>')
    made = pages_app(settings, templates=tmp_path)[pages.KEY]
    assert "<script" not in made.html("one", Look(), page='"><script>alert(1)</script>')


async def test_a_form_of_an_address_without_page_leads_back_to_the_start(settings: Settings, serve: Serve) -> None:
    async def refuse(request: web.Request) -> web.Response:
        raise errors.SlotTaken

    only_post = Feature("p", routes=[Route("POST", "/alleen-post", refuse, "p.p", Access.PUBLIC, csrf="none")])
    browser = await serve(pages_app(settings, only_post))
    answer = await browser.post("/alleen-post")
    page = await answer.text()
    assert answer.status == 409
    assert "Deze tijd is al weg" in page
    assert 'name="terug" value="/"' in page


def every_error() -> list[type[BalieError]]:
    """All classes of balie/errors.py but the root."""
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, BalieError) and kind is not BalieError
    ]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence_of_its_own(kind: type[BalieError]) -> None:
    assert kind().code in PROBLEMS


ROOT = Path(__file__).resolve().parent.parent.parent / "balie"
_OF_A_FIELD = re.compile(
    r"""(?:faults|missing|errors)\[[^]]+\] = "([a-z_]+)"|ValueError\("([a-z_]+)"\)"""
    r"""|Invalid\(\{"[a-z_]+": "([a-z_]+)"\}"""
)


def codes_of_fields() -> set[str]:
    """Every code that stands beside a field, found in the source; the API has words of its own."""
    paths = [path for path in ROOT.rglob("*.py") if "history/api" not in path.as_posix()]
    sources = [path.read_text() for path in paths if path.name != "channels.py" and path != ROOT / "web/forms.py"]
    return {code for source in sources for found in _OF_A_FIELD.findall(source) for code in found if code}


def test_every_code_beside_a_field_has_a_sentence() -> None:
    assert codes_of_fields() - set(FIELD_SENTENCES) == set()


def test_an_unknown_error_gets_the_calm_sentence() -> None:
    assert sentence("what_nobody_thought_of") is sentence(BalieFault().code)


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_sentences_are_short_and_friendly(code: str) -> None:
    problem = sentence(code)
    parts = [s for text in (problem.title, problem.text) for s in re.split(r"(?<=[.!?])\s", text)]
    assert max(len(part.split()) for part in parts) <= 15
    easy = [s for text in (problem.easy_title, *problem.easy) for s in re.split(r"(?<=[.!?])\s", text)]
    assert max(len(part.split()) for part in easy) <= 10
    words = " ".join((*parts, *easy)).lower()
    assert not re.search(r"\b(dient|helaas|fout|error|middels|conform|je|jij|jouw)\b", words)


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("path", ["/bestaat-niet", "/a/onbekend", "/medewerker/onbekend"])
async def test_a_page_that_is_not_there_is_answered_calmly(
    settings: Settings, serve: Serve, path: str, view: View
) -> None:
    browser = await serve(pages_app(settings))
    browser.session.cookie_jar.update_cookies({"weergave": view.value})
    answer = await browser.get(path)
    page = await answer.text()
    assert answer.status == 404
    assert page.count("<h1") == 1
    assert "Traceback" not in page
    assert ("Deze link werkt niet" in page) is path.startswith("/a/")
