"""Screens: every page is in the register, and every citizen's page has its simplified partner."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from balie.desk.pages import ConversationPage
from balie.web.screens import Screen
from tests.accessibility.register import CITIZEN, screens

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
FRAMES = {"base", "staff"}
# Parts of the one document, read again by its module; conversation.html shows the same sections from the register.
READ_AGAIN = {"desk/part", "desk/templates"}
# The stand-in for DigiD and the staff's provider: another party's page, that no city has.
OF_ANOTHER_PARTY = {"demo/provider"}
# Shown as text, by mail and SMS.
MESSAGE = {"demo/message"}
SERVES_BOTH = re.compile(r"\{#.*\bserves both views\b.*#\}", re.IGNORECASE)


def pages(folder: Path = TEMPLATES) -> set[str]:
    """Every template that is a page by itself, without its ending and without its view."""
    found = {path.relative_to(folder).as_posix().removesuffix(".html") for path in folder.rglob("*.html")}
    return {
        name.removesuffix(".simplified")
        for name in found
        if not name.rpartition("/")[2].startswith("_") and not name.startswith(("parts/", "mail/"))
    }


def shown(register: Iterable[Screen]) -> set[str]:
    """The templates that the register shows, those of the one document included."""
    register = list(register)
    documents = [page for s in register for page in s.states.values() if isinstance(page, ConversationPage)]
    inside = {f"desk/screens/{(page.first or page).screen.file}" for page in documents}
    return inside | {screen.template for screen in register}


def without_partner(register: Iterable[Screen], folder: Path = TEMPLATES) -> list[str]:
    """Citizen's pages that have no simplified partner and do not say that they serve both views."""
    citizens = {screen.template for screen in register if screen.audience in CITIZEN}
    parts = {name for name in pages(folder) if name.startswith("desk/screens/")}
    return sorted(name for name in citizens | parts if not _serves_both(folder, name))


def _serves_both(folder: Path, name: str) -> bool:
    if (folder / f"{name}.simplified.html").exists():
        return True
    first_line = (folder / f"{name}.html").read_text().split("\n", 1)[0]
    return bool(SERVES_BOTH.search(first_line))


def test_every_page_is_in_the_register() -> None:
    assert sorted(pages() - FRAMES - READ_AGAIN - OF_ANOTHER_PARTY - MESSAGE - shown(screens().values())) == []


def test_the_register_shows_templates_that_exist() -> None:
    lacks = [
        s.id for s in screens().values() if s.audience != "mail" and not (TEMPLATES / f"{s.template}.html").exists()
    ]
    assert lacks == []


def test_every_message_is_in_the_register() -> None:
    messages = {path.relative_to(TEMPLATES).as_posix() for path in (TEMPLATES / "mail").iterdir()}
    wanted = {name for name in messages if not Path(name).name.startswith("_") and "calendar" not in name}
    assert sorted(wanted - {screen.template for screen in screens().values()}) == []


def test_every_citizens_page_has_its_simplified_partner() -> None:
    assert without_partner(screens().values()) == []


def test_a_page_that_nobody_registered_is_found(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "forgotten.html").write_text("x")
    (tmp_path / "desk" / "_part.html").write_text("x")
    assert pages(tmp_path) - shown(screens().values()) == {"desk/forgotten"}


@pytest.mark.parametrize(("first_line", "faults"), [("{# A page. #}", 1), ("{# Serves both views: a page. #}", 0)])
def test_a_page_without_partner_is_found(tmp_path: Path, first_line: str, faults: int) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "alone.html").write_text(first_line + "\n<p>x</p>")
    screen = Screen("X1", "desk/alone", {}, "citizen")
    assert len(without_partner([screen], tmp_path)) == faults
