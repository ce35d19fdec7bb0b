"""Gates 1, 3, 6 and 9 over every entry of the register: axe, reflow, size of targets, stillness; and the telephone."""

from __future__ import annotations

import pytest

from tests.accessibility.looking import Seen
from tests.accessibility.register import FLOW, entries, is_for_citizens
from tests.accessibility.reviewed import REVIEWED, is_reviewed, is_under_the_bar

pytestmark = pytest.mark.browser


def test_every_entry_was_looked_at(seen: list[Seen]) -> None:
    assert {one.entry for one in seen} == set(entries())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(seen: list[Seen], scheme: str) -> None:
    faults = [f"{one.entry}: {' | '.join(line)}" for one in seen for line in one.axe[scheme]["violations"]]
    assert faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_axe_leaves_to_people_was_reviewed(seen: list[Seen], scheme: str) -> None:
    open_questions = [
        f"{one.entry}: {rule} | {element} | {message}"
        for one in seen
        for rule, element, message in one.axe[scheme]["incomplete"]
        if not is_reviewed(rule, element) and not is_under_the_bar(one, rule, element, message)
    ]
    assert open_questions == []


def test_no_line_of_the_review_is_left_over(seen: list[Seen]) -> None:
    used = {
        is_reviewed(rule, element)
        for one in seen
        for scheme in one.axe.values()
        for rule, element, _ in scheme["incomplete"]
    }
    assert [line for line in REVIEWED if line not in used] == []


@pytest.mark.parametrize("size", ["320x640", "320x256"])
def test_every_page_fits_a_narrow_screen_and_every_control_can_be_reached(seen: list[Seen], size: str) -> None:
    assert [f"{one.entry}: {fault}" for one in seen for fault in one.reflow[size]] == []


def test_every_control_is_large_enough_and_apart(seen: list[Seen]) -> None:
    assert [f"{one.entry}: {fault}" for one in seen for fault in one.targets] == []


def test_no_link_stands_inside_a_sentence_of_the_simplified_view(seen: list[Seen]) -> None:
    simplified = [one for one in seen if one.entry.view == "simplified" and one.entry.screen in (*FLOW, "problem")]
    assert [f"{one.entry}: {one.bare_links}" for one in simplified if one.bare_links] == []


def test_nothing_moves_for_who_asked_for_stillness(seen: list[Seen]) -> None:
    assert [f"{one.entry}: {one.moving}" for one in seen if one.moving] == []


def test_every_page_has_one_heading_and_its_title_begins_with_it(seen: list[Seen]) -> None:
    faults = [
        f"{one.entry}: {one.title!r} {one.headings}"
        for one in seen
        if len(one.headings) != 1 or not one.title.startswith(one.headings[0])
    ]
    assert faults == []


def test_no_title_holds_the_name_of_a_citizen(seen: list[Seen]) -> None:
    assert [f"{one.entry}: {one.title}" for one in seen if "Fatima" in one.title or "de Vries" in one.title] == []


def test_the_telephone_is_one_tap_away(seen: list[Seen]) -> None:
    # In the running call it stands under Hulp (S8b), because staff is there.
    without = [one.entry for one in seen if is_for_citizens(one.entry) and not one.has_phone and not one.has_bar]
    assert without == []
    assert {one.has_phone for one in seen if one.entry.screen == "S8b"} == {True}
