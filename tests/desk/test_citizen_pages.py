"""The citizen's screens, both views: all there, in plain words, without names before there may be any."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import Markup

from balie.desk.pages import CitizenScreen, ConversationPage, Step
from balie.desk.screens_citizen import SCREENS
from balie.settings import Settings
from balie.web.assets import Assets
from balie.web.pages import Look, Pages, View
from balie.web.screens import Screen

FIRST = [
    "S1",
    "S1b",
    "S2",
    "S3",
    "S3b",
    "S4",
    "S5a",
    "S5b",
    "S5c",
    "S5d",
    "S6",
    "S6b",
    "S7",
    "S8",
    "S8b",
    "S8c",
    "S8d",
    "C1",
    "C4",
    "C4a",
    "C4b",
    "C4c",
    "C7",
    "D1",
    "D2",
    "D3",
    "D4",
    "D5",
    "S9",
    "E1",
    "E4",
    "E5",
    "E6",
    "E7",
    "E8",
    "E9",
    "E11",
    "E13",
    "F3",
]
FORBIDDEN = [
    "dient",
    "teneinde",
    "alsmede",
    "middels",
    "conform",
    "betreffende",
    "participant",
    "videoconsult",
    "helaas",
]
FORBIDDEN_SIMPLIFIED = [
    "browser",
    "machtiging",
    "deelnemer",
    "wachtruimte",
    "identificeren",
    "videobellen",
    "beeldbellen",
]
LONGEST = {View.SIMPLIFIED: 10, View.NORMAL: 15}
MOST_WORDS = 40
BLOCKS = frozenset({"p", "li", "h1", "h2", "h3", "button", "a", "legend", "label", "figcaption", "span", "div"})
INLINE = frozenset({"bdi", "b", "span"})
VOID = frozenset({"input", "img", "br", "path", "rect", "meta", "link", "hr"})


class Reader(HTMLParser):
    """The words of the screen that stands, as somebody with scripts reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.blocks: list[str] = [""]
        self.title = ""
        self.h1: list[str] = []
        self.links: list[str] = []

    @property
    def is_hidden(self) -> bool:
        return any(hidden for _, hidden in self.open)

    def _is_in(self, name: str) -> bool:
        return any(tag == name for tag, _ in self.open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "a" and has.get("href"):
            self.links.append(has["href"] or "")
        if tag in VOID:
            return
        hidden = "hidden" in has and "data-scripts" not in has
        hidden = hidden or "data-without-scripts" in has or "balie-hidden" in (has.get("class") or "").split()
        hidden = hidden or tag in ("template", "noscript", "svg") or "agreed" in (has.get("class") or "").split()
        if tag not in INLINE:
            self.blocks.append("")
        if tag == "h1" and not self.is_hidden and not hidden:
            self.h1.append("")
        is_screen = (has.get("class") or "") in ("screen", "screen-body") or tag == "h1"
        self.open.append(("screen" if is_screen else tag, hidden))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.open:
            self.open.pop()
            if tag not in INLINE:
                self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "title":
            self.title += data
        elif not self.is_hidden and self._is_in("screen"):
            self.blocks[-1] += data
            if self.h1 and not self.h1[-1].strip():
                self.h1[-1] += data

    @property
    def sentences(self) -> list[str]:
        text = [" ".join(block.split()) for block in self.blocks]
        return [part for block in text for part in re.split(r"(?<=[.?!:])\s+", block) if part]

    @property
    def words(self) -> int:
        return sum(len(sentence.split()) for sentence in self.sentences)


STATES = [
    pytest.param(screen, page, view, id=f"{screen.id}-{name}-{view.value}")
    for screen in SCREENS
    for name, page in screen.states.items()
    for view in View
]


@pytest.fixture(scope="module")
def pages() -> Pages:
    settings = Settings(demo=True)
    return Pages(settings, Assets(), lambda name, **match: "/".join(["", name, *match.values()]).replace(".", "/"))


def read(pages: Pages, screen: Screen, page: object, view: View) -> Reader:
    reader = Reader()
    reader.feed(html(pages, screen, page, view))
    return reader


def html(pages: Pages, screen: Screen, page: object, view: View) -> str:
    return pages.html(
        screen.template, Look(view=view), page=page, csrf=lambda form: Markup("<i></i>"), here="/", request_path="/"
    )


def test_every_screen_that_is_needed_first_is_registered() -> None:
    assert not set(FIRST) - {screen.id for screen in SCREENS}


def test_every_screen_of_the_conversation_is_in_the_register() -> None:
    assert {screen.value for screen in CitizenScreen} - {screen.id for screen in SCREENS} == set()


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_a_screen_has_one_heading_and_the_title_begins_with_it(
    pages: Pages, screen: Screen, page: object, view: View
) -> None:
    reader = read(pages, screen, page, view)
    assert len(reader.h1) == 1
    assert " ".join(reader.title.split()).startswith(" ".join(reader.h1[0].split()))
    assert reader.h1[0].strip()


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_sentences_are_short_and_simplified_screens_hold_few_words(
    pages: Pages, screen: Screen, page: object, view: View
) -> None:
    reader = read(pages, screen, page, view)
    long = [sentence for sentence in reader.sentences if len(sentence.split()) > LONGEST[view]]
    assert not long
    if view is View.SIMPLIFIED:
        assert reader.words <= MOST_WORDS


def test_a_sentence_of_twelve_words_would_be_noticed() -> None:
    reader = Reader()
    reader.feed('<div class="screen"><p>U moet hier nu eerst nog heel even op ons gaan wachten.</p></div>')
    assert max(len(sentence.split()) for sentence in reader.sentences) > LONGEST[View.SIMPLIFIED]


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_no_stiff_or_difficult_words(pages: Pages, screen: Screen, page: object, view: View) -> None:
    text = " ".join(read(pages, screen, page, view).sentences).lower()
    words = FORBIDDEN + (FORBIDDEN_SIMPLIFIED if view is View.SIMPLIFIED else [])
    assert not [word for word in words if re.search(rf"\b{word}\b", text)]
    assert not re.search(r"\b(je|jij|jouw)\b", text)


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_the_telephone_number_is_one_tap_away(pages: Pages, screen: Screen, page: object, view: View) -> None:
    assert any(link.startswith("tel:") for link in read(pages, screen, page, view).links)


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_no_name_stands_on_a_screen_before_somebody_has_taken_the_visit(
    pages: Pages, screen: Screen, page: object, view: View
) -> None:
    text = html(pages, screen, page, view)
    assert "Fatima" not in text
    if not isinstance(page, ConversationPage) or page.staff is None:
        assert "Anna" not in text


@pytest.mark.parametrize(("screen", "page", "view"), STATES)
def test_no_sentence_has_a_hole_where_a_name_should_be(pages: Pages, screen: Screen, page: object, view: View) -> None:
    assert not [s for s in read(pages, screen, page, view).sentences if re.match(r"(is|heeft|wil|leest|vraagt) ", s)]


def test_the_page_carries_the_browsers_own_screens_of_both_views(pages: Pages) -> None:
    page = ConversationPage(CitizenScreen.CALL, Step.CALL, _appointment())
    text = html(pages, Screen("S8", "desk/conversation", {}, "citizen"), page, View.NORMAL)
    for view, screens in page.client_screens.items():
        for screen in screens:
            assert f'<template data-screen="{screen.value}" data-view="{view}">' in text


def test_a_discreet_product_is_named_nowhere(pages: Pages) -> None:
    for screen in SCREENS:
        for page in screen.states.values():
            appointment = getattr(page, "appointment", None)
            if appointment is not None and appointment.product_name is None:
                for view in View:
                    assert "uitkering" not in html(pages, screen, page, view).lower()


def _appointment() -> Any:
    return next(
        page.appointment for screen in SCREENS for page in screen.states.values() if hasattr(page, "appointment")
    )


def test_the_question_before_stopping_is_a_page_of_its_own_while_somebody_waits(pages: Pages) -> None:
    waits = ConversationPage(CitizenScreen.WAITING, Step.WAITING, _appointment()).opened("stoppen")
    done = ConversationPage(CitizenScreen.GOODBYE, Step.GOODBYE, _appointment()).opened("stoppen")
    assert waits.screen is CitizenScreen.STOP
    assert done.screen is CitizenScreen.GOODBYE
    reader = read(pages, Screen("S8d", "desk/part", {}, "citizen"), waits, View.SIMPLIFIED)
    assert reader.h1 == ["Wilt u stoppen?"]


def test_a_paper_comes_by_itself_in_the_conversation_only() -> None:
    asked = next(s.states["call"] for s in SCREENS if s.id == "D1")
    assert asked.first is asked.asks[0]
    waiting = next(s.states["paper"] for s in SCREENS if s.id == "S6")
    assert waiting.first is None
    assert waiting.opened("papieren").first is waiting.asks[0]
