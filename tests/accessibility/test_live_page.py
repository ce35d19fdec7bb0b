"""Gate 11 in a real call: focus goes to the heading of each new screen, the title follows; axe on both pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.accessibility.looking import axe_of, measured
from tests.browsers import sees, until
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, both
from tests.launch import Server, running
from tests.leaving_out import leave_out
from tests.machine import find

pytestmark = pytest.mark.browser
# Where focus is, what the heading of the screen that stands says, and the title.
WHERE = """() => {
  const screen = [...document.querySelectorAll('.screen')].find((each) => each.checkVisibility());
  const at = document.activeElement;
  return { heading: screen?.querySelector('h1').innerText.trim() ?? '', title: document.title,
    focus: at?.matches('h1') ? at.innerText.trim() : at?.matches('[data-safe]') ? 'safe' : at?.localName ?? '' };
}"""


def faults(where: dict[str, str], may_be_safe: bool = False) -> list[str]:
    """What a change of screen left undone."""
    found = []
    if where["focus"] != where["heading"] and not (may_be_safe and where["focus"] == "safe"):
        found.append(f"focus is on {where['focus']!r}, not on {where['heading']!r}")
    if not where["title"].startswith(where["heading"]):
        found.append(f"the title is {where['title']!r}, not {where['heading']!r}")
    if "Fatima" in where["title"] or "Vries" in where["title"]:
        found.append(f"a name stands in the title {where['title']!r}")
    return found


async def arrives(citizen: Citizen, *screens: str, may_be_safe: bool = False) -> None:
    """The screen comes, and with it focus and title."""
    await citizen.screen(*screens)
    await until(citizen.page, WHERE, lambda where: faults(where, may_be_safe) == [])


async def is_clean(page: Page) -> None:
    """axe finds nothing on the page as it is lived in."""
    found = await axe_of(page)
    assert found["violations"] == []


async def test_focus_and_title_follow_each_screen_of_a_real_call(tmp_path: Path) -> None:
    if find("chromium") is None:
        leave_out("Chromium")
    with running() as server:
        await walk(server, tmp_path)


async def walk(server: Server, folder: Path) -> None:
    """From the link to goodbye in the normal view."""
    async with both(server, folder) as (citizen, staff):
        page = citizen.page
        await citizen.book("Verhuizing doorgeven")
        await page.goto(citizen.link)
        heading = await measured(page, "heading()")
        assert heading["title"].startswith(heading["headings"][0])
        await citizen.button("Ga verder").click()
        await citizen.screen("S4")
        await citizen.button("Zet camera en geluid aan").click()
        await arrives(citizen, "S5a")
        await citizen.button("Naar de wachtkamer").click()
        await arrives(citizen, "S6")
        await staff.sign_in()
        await staff.open_counter()
        await staff.admit_next()
        await arrives(citizen, "S7")
        await citizen.button("Ja, begin").click()
        await staff.state("in_conversation")
        await arrives(citizen, "S8")
        await sees(page, ANNA)
        await sees(staff.page, FATIMA)
        await is_clean(page)
        await is_clean(staff.page)
        assert faults({**await staff.page.evaluate(WHERE), "focus": "", "heading": ""}) == []
        await staff.press("Vraag om in te loggen")
        await arrives(citizen, "C4")
        await citizen.button("Niet nu").click()
        await arrives(citizen, "S8")
        await citizen.button("Ophangen").click()
        await arrives(citizen, "S8d", may_be_safe=True)
        await page.locator('.screen[data-screen="S8d"] form button').locator("visible=true").last.click()
        await arrives(citizen, "S9")


def test_focus_left_behind_and_a_name_in_the_title_are_found() -> None:
    assert faults({"heading": "Hallo", "title": "Hallo - G", "focus": "Hallo"}) == []
    assert len(faults({"heading": "Hallo", "title": "Wacht - G", "focus": "body"})) == 2
    assert len(faults({"heading": "Fatima", "title": "Fatima - G", "focus": "Fatima"})) == 1
    assert len(faults({"heading": "Stop", "title": "Stop - G", "focus": "safe"})) == 1
    assert faults({"heading": "Stop", "title": "Stop - G", "focus": "safe"}, may_be_safe=True) == []
