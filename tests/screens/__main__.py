"""Renders every screen of `/tester` into `screenshots/`: three sizes, light, dark and forced colours, both views.

`python -m tests.screens [FOLDER] [--only ID …]`; each screen at most 15 seconds, all of it at most half an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

from tests.accessibility.looking import SETTLED
from tests.accessibility.register import Entry, entries
from tests.browsers import FLAGS, chromium
from tests.launch import running

ROOT = Path(__file__).resolve().parent.parent.parent
SIZES = ((360, 640), (768, 1024), (1440, 900))
COLOURS: tuple[Literal["light", "dark", "forced"], ...] = ("light", "dark", "forced")
AT_ONCE = 3
EACH_WITHIN_MS = 15_000
ALL_WITHIN_S = 30 * 60


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of one entry."""

    entry: Entry
    width: int
    colours: str

    @property
    def name(self) -> str:
        """Its place in the folder."""
        entry = self.entry
        return f"{entry.screen}/{entry.state}-{entry.view}-{self.width}-{self.colours}.jpg"


def pictures(wanted: list[Entry]) -> Iterator[Picture]:
    """All pictures of these entries."""
    for entry in wanted:
        for colours in COLOURS:
            for width, _ in SIZES:
                yield Picture(entry, width, colours)


async def photograph(page: Page, origin: str, entry: Entry, colours: str, folder: Path) -> None:
    """The three sizes of one entry in one set of colours."""
    await page.goto(origin + entry.path(), timeout=EACH_WITHIN_MS)
    await page.evaluate("document.fonts.ready")
    await page.evaluate(SETTLED)
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        path = folder / Picture(entry, width, colours).name
        path.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=path, full_page=True, type="jpeg", quality=70, timeout=EACH_WITHIN_MS)


async def context_in(browser: Browser, colours: str) -> BrowserContext:
    """A profile that asks for these colours."""
    return await browser.new_context(
        color_scheme="dark" if colours == "dark" else "light",
        forced_colors="active" if colours == "forced" else "none",
        reduced_motion="reduce",
        locale="nl-NL",
    )


async def work_off(browser: Browser, origin: str, jobs: list[tuple[str, Entry]], folder: Path) -> list[str]:
    """Take from the list until it is empty or time is up; gives what failed."""
    failed: list[str] = []
    contexts = {colours: await context_in(browser, colours) for colours in COLOURS}
    pages = {colours: await context.new_page() for colours, context in contexts.items()}
    while jobs:
        colours, entry = jobs.pop()
        try:
            await photograph(pages[colours], origin, entry, colours, folder)
        except Error as error:
            failed.append(f"{entry} {colours}: {error.message.splitlines()[0]}")
    for context in contexts.values():
        await context.close()
    return failed


async def photograph_all(origin: str, wanted: list[Entry], folder: Path) -> list[str]:
    """Every entry in every set of colours, a few at a time."""
    jobs = [(colours, entry) for entry in reversed(wanted) for colours in reversed(COLOURS)]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            async with asyncio.timeout(ALL_WITHIN_S):
                failed = await asyncio.gather(*(work_off(browser, origin, jobs, folder) for _ in range(AT_ONCE)))
        except TimeoutError:
            return [f"time is up; {len(jobs)} pages were left out"]
        finally:
            await browser.close()
    return [line for lines in failed for line in lines]


def contact_sheet(wanted: list[Entry], folder: Path) -> None:
    """One page with everything on it, each picture a link to itself."""
    rows = []
    for entry in wanted:
        shown = [picture for picture in pictures([entry]) if (folder / picture.name).exists()]
        images = "".join(
            f'<a href="{escape(p.name)}"><img loading="lazy" src="{escape(p.name)}" alt="{p.width} {p.colours}"'
            f' width="{ {360: 120, 768: 200, 1440: 320}[p.width] }"></a>'
            for p in shown
        )
        rows.append(f"<h2>{escape(str(entry))}</h2><p>{images}</p>")
    style = "body{font:16px system-ui;margin:2rem}img{border:1px solid #888;margin:2px;vertical-align:top}"
    head = f'<!doctype html><html lang="nl"><meta charset="utf-8"><title>Schermen</title><style>{style}</style>'
    (folder / "index.html").write_text(f"{head}<h1>Schermen</h1>{''.join(rows)}")


def main() -> int:
    """1 when a screen could not be rendered."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "screenshots")
    parser.add_argument("--only", nargs="+", default=None, help="ids of screens")
    chosen = parser.parse_args()
    wanted = [entry for entry in entries() if chosen.only is None or entry.screen in chosen.only]
    if chosen.only is None and chosen.folder.exists():
        shutil.rmtree(chosen.folder)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with running() as server:
        failed = asyncio.run(photograph_all(server.origin, wanted, chosen.folder))
    contact_sheet(wanted, chosen.folder)
    made = sum(1 for _ in chosen.folder.rglob("*.jpg"))
    print(f"{made} pictures in {time.monotonic() - began:.0f} s: {chosen.folder / 'index.html'}")
    for line in failed:
        print("failed:", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
