"""The register holds every screen of the flow marked first, in both views, with the same things to do."""

from __future__ import annotations

import pytest

from balie.desk.pages import CitizenScreen
from balie.web.screens import Screen
from tests.accessibility.html import Read
from tests.accessibility.register import FLOW, screens

# S0a is the SMS, B7 the page for moving and cancelling, which the link page leads to.
ALSO = ("S0a", "B7", "problem", "accessibility", "help", "staff-queue", "staff-counter", "staff-sign-in")
BOOKING = ("booking-product", "booking-time", "booking-details", "booking-check", "booking-done")
# Rows that hold more than one text, and the states that show them.
STATES = {
    "E7": {"gone", "sent", "moved", "unknown"},
    "E8": {"past", "cancelled"},
    "C1": {"colleague", "looking_up", "printing", "other"},
    "S9": {"talk-on", "unwritten", "written", "rated"},
    "S8d": {"call", "waiting"},
    "S1": {"today", "discreet", "returning"},
}
# What leads from one screen to another is not a function: the simplified view has more screens. "Ik zie mezelf niet"
# of the normal check is the "Nee" of S5a: both go to E1. Each view offers the other one.
ON_THE_WAY = {"tap go", "tap back", "tap no_picture_help", "tap dismiss"}
OTHER_VIEW = {"choose weergave=simplified", "choose weergave=normal"}


def missing(register: dict[str, Screen]) -> list[str]:
    """The ids of the flow that a list lacks, or holds in one view only."""
    lacks = [screen for screen in (*FLOW, *ALSO, *BOOKING) if screen not in register]
    return lacks + [s for s in FLOW if s in register and set(register[s].views) != {"normal", "simplified"}]


def functions(pages: list[Read], view: str) -> set[str]:
    """What can be done in one view on the way from the link to goodbye, as the pages themselves offer it."""
    found = {action for page in pages if page.entry.view == view and _is_on_the_way(page) for action in page.actions}
    return found - ON_THE_WAY - OTHER_VIEW


def _is_on_the_way(page: Read) -> bool:
    return page.entry.screen in (*FLOW, *CitizenScreen)


def test_every_screen_of_the_flow_is_in_the_list_in_both_views() -> None:
    assert missing(screens()) == []


def test_every_text_of_a_row_has_its_state() -> None:
    assert {screen: wanted - set(screens()[screen].states) for screen, wanted in STATES.items()} == {
        screen: set() for screen in STATES
    }


def test_every_screen_of_the_one_document_is_in_the_list() -> None:
    assert [screen for screen in CitizenScreen if screen.value not in screens()] == []


def test_every_entry_answers_a_visitor_without_a_cookie(dutch: list[Read]) -> None:
    wanted = {screen.id: screen.status for screen in screens().values()}
    assert [str(page.entry) for page in dutch if page.status != wanted[page.entry.screen]] == []


def test_both_views_can_do_the_same_from_link_to_goodbye(dutch: list[Read]) -> None:
    normal, simplified = functions(dutch, "normal"), functions(dutch, "simplified")
    assert {"post /gesprek/begin", "tap photo", "tap write", "phone"} <= normal
    assert (normal - simplified, simplified - normal) == (set(), set())


def test_a_function_of_one_view_alone_is_found(dutch: list[Read]) -> None:
    poorer = [page for page in dutch if page.entry.view == "normal" or page.entry.screen not in ("S8", "S8b", "S8e")]
    assert functions(poorer, "normal") - functions(poorer, "simplified") >= {"tap flip", "tap own_hidden"}


@pytest.mark.parametrize("gone", ["S6", "E13", "staff-counter"])
def test_a_shorter_list_fails(gone: str) -> None:
    assert missing({name: screen for name, screen in screens().items() if name != gone}) == [gone]
