"""Gate 22: with scripts off the pages before the call can be read, and the telephone is there."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from tests.accessibility.looking import PHONE, measured
from tests.accessibility.register import Entry, entries
from tests.browsers import FLAGS, chromium
from tests.launch import Server
from tests.leaving_out import leave_out
from tests.machine import find

pytestmark = pytest.mark.browser
BEFORE_THE_CALL = ("S1", "S1b", "S2", "S6", "S6b", "S7", "S9", "E7", "E8", "B7", "B2", "B8", "help", "accessibility")
# One page of refusals is like the other; three of them stand for all.
PROBLEMS = ("balie_fault", "slot_taken", "not_found")


def is_meant(entry: Entry) -> bool:
    """Whether this gate looks at the entry."""
    if entry.screen == "problem":
        return entry.state in PROBLEMS
    return entry.screen in BEFORE_THE_CALL or entry.screen.startswith("booking-")


async def test_pages_before_the_call_can_be_read_without_scripts(site: Server) -> None:
    if find("chromium") is None:
        leave_out("Chromium")
    faults = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = await browser.new_context(java_script_enabled=False, viewport=PHONE)
        page = await context.new_page()
        for entry in filter(is_meant, entries()):
            await page.goto(site.origin + entry.path())
            heading, lines = await measured(page, "heading()"), await measured(page, "text()")
            if len(heading["headings"]) != 1 or len(lines) < 2 or not await measured(page, "phone()"):
                faults.append(f"{entry}: {heading} {lines}")
        await browser.close()
    assert faults == []
