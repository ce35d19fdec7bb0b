"""Visits every entry of the register once, in a real browser, and keeps what the gates measure there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.accessibility.register import Entry
from tests.browsers import FLAGS, chromium

HERE = Path(__file__).parent
AXE = (HERE.parent.parent / "node_modules/axe-core/axe.min.js").read_text()
MEASURE = (HERE / "measure.js").read_text()
RUN_AXE = """async () => {
  const found = await axe.run(document, {
    runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
    rules: { 'css-orientation-lock': { enabled: true } }, resultTypes: ['violations', 'incomplete'] })
  const lines = (results) => results.flatMap((rule) => rule.nodes.map((node) =>
    [rule.id, node.target.flat(9).join(' '), node.any.concat(node.all, node.none).map((c) => c.message).join('; ')]))
  return { violations: lines(found.violations), incomplete: lines(found.incomplete) }
}"""
SETTLED = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  const isCall = document.querySelector('[data-module="conversation"][data-step="call"]')
  for (let i = 0; isCall && i < 300 && !document.querySelector('[data-slot="bar"]:not([hidden]) button'); i += 1) {
    await new Promise((done) => setTimeout(done, 20)) // the module dresses the page a moment later
  }
  await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => null)))
}"""
PHONE = {"width": 360, "height": 640}
DESK = {"width": 1440, "height": 900}
NARROW = ({"width": 320, "height": 640}, {"width": 320, "height": 256})
SIZES = {"normal": (44, 44, 8), "simplified": (44, 56, 8)}
PAGES_AT_ONCE = 3


@dataclass
class Seen:
    """What one entry showed."""

    entry: Entry
    axe: dict[str, dict[str, list[list[str]]]] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    reflow: dict[str, list[str]] = field(default_factory=dict)
    moving: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    has_phone: bool = False
    has_bar: bool = False
    bare_links: list[str] = field(default_factory=list)
    title: str = ""
    headings: list[str] = field(default_factory=list)
    status: int = 0


async def measured(page: Page, call: str) -> Any:
    """One answer of measure.js, as `reflow()`."""
    return await page.evaluate(f"() => ({MEASURE})().{call}")


async def axe_of(page: Page) -> dict[str, list[list[str]]]:
    """What axe finds in the page as it stands: [rule, element, what it says]."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE)
    found: dict[str, list[list[str]]] = await page.evaluate(RUN_AXE)
    return found


def targets_of(entry: Entry) -> str:
    """The call that measures the targets of this view; sentences may hold links in the normal view only."""
    least, tall, gap = SIZES[entry.view]
    return f"targets({least}, {tall}, {gap}, {json.dumps(entry.view == 'normal')})"


async def look_at(page: Page, origin: str, entry: Entry) -> Seen:
    """Everything the gates need of one entry: light, dark, narrow, and back."""
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await page.set_viewport_size(DESK if entry.audience in ("staff", "admin") else PHONE)
    answer = await page.goto(origin + entry.path())
    seen = Seen(entry, status=answer.status if answer else 0)
    await page.evaluate("document.fonts.ready")
    await page.evaluate(SETTLED)
    seen.axe["light"] = await axe_of(page)
    await page.emulate_media(color_scheme="dark")
    await page.evaluate(SETTLED)
    seen.axe["dark"] = await axe_of(page)
    seen.targets = await measured(page, targets_of(entry))
    seen.moving = await measured(page, "moving()")
    seen.lines = await measured(page, "text()")
    seen.has_phone = await measured(page, "phone()")
    seen.has_bar = await measured(page, "hasBar()")
    seen.bare_links = await measured(page, "bareLinks()")
    heading = await measured(page, "heading()")
    seen.title, seen.headings = heading["title"], heading["headings"]
    for size in NARROW:
        await page.set_viewport_size(size)
        seen.reflow[f"{size['width']}x{size['height']}"] = await measured(page, "reflow()")
    return seen


async def _take(browser: Browser, origin: str, wanted: list[Entry], found: list[Seen]) -> None:
    page = await browser.new_page(locale="nl-NL")
    while wanted:
        found.append(await look_at(page, origin, wanted.pop()))
    await page.close()


async def look_at_all(origin: str, entries: Iterable[Entry]) -> list[Seen]:
    """Every entry, a few at a time, in one browser."""
    wanted, found = list(reversed(list(entries))), list[Seen]()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            await asyncio.gather(*(_take(browser, origin, wanted, found) for _ in range(PAGES_AT_ONCE)))
        finally:
            await browser.close()
    return sorted(found, key=lambda seen: seen.entry)
