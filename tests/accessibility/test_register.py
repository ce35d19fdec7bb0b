"""The register holds every screen of the flow marked first, in both views, with the same actions."""

from __future__ import annotations

import pytest

from balie.desk.pages import CitizenScreen
from balie.web.screens import Screen
from tests.accessibility.html import Read
from tests.accessibility.register import screens

# accessibility.md section 4, rows marked first; S0a is the SMS, B7 the page for moving and cancelling.
TO_THE_CALL = "S1 S1b S2 S3 S3b S4 S5a S5b S5c S5d S6 S6b S7"
IN_THE_CALL = "S8 S8b S8c S8d C1 C4 C4a C4b C4c C7 D1 D2 D3 D4 D5 S9"
ERRORS = "E1 E4 E5 E6 E7 E8 E9 E11 E13 F3"
FLOW = [*TO_THE_CALL.split(), *IN_THE_CALL.split(), *ERRORS.split()]
ALSO = ["S0a", "B7", "problem", "accessibility", "help", "staff-queue", "staff-counter", "staff-sign-in"]
BOOKING = ["booking-product", "booking-time", "booking-details", "booking-check", "booking-done"]
# E7, E8, E11, C1: rows that hold more than one text, and the states that show them.
STATES = {
    "E7": {"gone", "sent", "moved", "unknown"},
    "E8": {"past", "cancelled"},
    "C1": {"colleague", "looking_up", "printing", "other"},
    "S9": {"talk-on", "unwritten", "written", "rated"},
    "S8d": {"call", "waiting"},
    "S1": {"today", "discreet", "returning"},
}


def missing(register: dict[str, Screen]) -> list[str]:
    """The ids of the flow that a list lacks, or holds in one view only."""
    lacks = [screen for screen in [*FLOW, *ALSO, *BOOKING] if screen not in register]
    one_view = [s for s in FLOW if s in register and set(register[s].views) != {"normal", "simplified"}]
    return lacks + one_view


def actions(register: dict[str, Screen], view: str) -> set[str]:
    """What can be done on the way from the link to goodbye, in one view."""
    return {action for screen in FLOW if view in register[screen].views for action in actions_in(register[screen], view)}


def actions_in(screen: Screen, view: str) -> frozenset[str]:
    """The actions of a screen; one template or a pair of them offers the same."""
    return screen.actions


def test_every_screen_of_the_flow_is_in_the_list_in_both_views() -> None:
    assert missing(screens()) == []


def test_every_text_of_a_row_has_its_state() -> None:
    assert {screen: wanted - set(screens()[screen].states) for screen, wanted in STATES.items()} == {
        screen: set() for screen in STATES
    }


def test_every_screen_of_the_one_document_is_in_the_list() -> None:
    assert [screen for screen in CitizenScreen if screen.value not in screens()] == []


def test_every_entry_answers_200_to_a_visitor_without_a_cookie(dutch: list[Read]) -> None:
    wanted = {screen.id: screen.status for screen in screens().values()}
    assert [str(read.entry) for read in dutch if read.status != wanted[read.entry.screen]] == []


@pytest.mark.parametrize("gone", ["S6", "E13", "staff-counter"])
def test_a_shorter_list_fails(gone: str) -> None:
    assert missing({name: screen for name, screen in screens().items() if name != gone}) == [gone]
