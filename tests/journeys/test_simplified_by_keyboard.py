"""The simplified view from the link to goodbye with the keyboard alone: no scripted focus, no click."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import FileChooser, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.browsers import hears, sees
from tests.faces import ANNA, FATIMA
from tests.journeys.people import Citizen, Staff, both
from tests.launch import Server

MOST_STOPS = 60
AFTER_A_LOAD = ("S2", "C4b")
AT = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return '';
  const shown = [...at.querySelectorAll('*')].length ? at.innerText : at.textContent;
  return (at.getAttribute('aria-label') ?? shown ?? '').replace(/\\s+/g, ' ').trim();
}"""


async def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has focus says these words; reading where focus is moves nothing."""
    said = []
    for _ in range(MOST_STOPS):
        if await page.evaluate(AT) == words:
            return
        await page.keyboard.press("Tab")
        said.append(await page.evaluate(AT))
    raise AssertionError(f"{words!r} cannot be reached with Tab; reached were {said}")


async def press(page: Page, words: str, key: str = "Enter") -> None:
    """Reach a button or link and press it."""
    await tab_to(page, words)
    await page.keyboard.press(key)


async def on(citizen: Citizen, *screens: str) -> str:
    """Wait for one of these screens; its heading has focus, except after a load of the page. Gives which."""
    await citizen.screen(*screens)
    name: str = await citizen.page.evaluate(
        "() => [...document.querySelectorAll('.screen')].find((s) => s.checkVisibility()).dataset.screen"
    )
    if name not in AFTER_A_LOAD:
        await citizen.page.wait_for_function("() => document.activeElement?.matches('h1, [data-safe]')")
    return name


async def to_the_waiting_room(citizen: Citizen) -> None:
    """S1 to S6, each screen with one press."""
    page = citizen.page
    await press(page, "Ga verder")
    await citizen.ready()
    for screen, words in (
        ("S2", "Ga verder"),
        ("S3", "Nee, ik ben alleen"),
        ("S4", "Zet camera en geluid aan"),
        ("S5a", "Ja"),
        ("S5b", "Ja"),
        ("S5c", "Ga verder"),
    ):
        await on(citizen, screen)
        await press(page, words, "Space" if screen == "S5a" else "Enter")
    if await on(citizen, "S5d", "S6", "S6b") == "S5d":
        await press(page, "Ga verder")
    await on(citizen, "S6", "S6b")


async def sign_in(citizen: Citizen, staff: Staff) -> None:
    """C4 to C4b, over the provider's own page."""
    page = citizen.page
    await staff.press("Vraag om in te loggen")
    await on(citizen, "C4")
    await press(page, "Ga naar DigiD")
    await on(citizen, "C4a")
    await press(page, "Open DigiD")
    await page.wait_for_url("**/proef-inlog/burger/**")
    for _ in range(MOST_STOPS):
        if (await page.evaluate(AT)).startswith("Fatima"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await on(citizen, "C4b")
    await citizen.ready()
    await press(page, "Praat verder")
    await staff.badge("bevestigd, laag")


async def open_chooser(page: Page) -> FileChooser:
    """The telephone's own chooser; who pressed while the card was read again presses once more."""
    for last in (False, True):
        try:
            async with page.expect_file_chooser(timeout=5_000) as chooser:
                await press(page, "Maak een foto")
            return await chooser.value
        except PlaywrightTimeout:
            if last:
                raise
    raise AssertionError


async def send_photo(citizen: Citizen, staff: Staff, photo: Path) -> None:
    """D1 to D4; the telephone's own chooser gives the photo."""
    page = citizen.page
    await page.screenshot(path=str(photo))
    await staff.page.get_by_text("Vraag papieren").first.click()
    await staff.press("Vraag dit")
    await on(citizen, "D1")
    await (await open_chooser(page)).set_files(str(photo))
    await on(citizen, "D2")
    await press(page, "Ja, stuur de foto")
    await on(citizen, "D4")
    await staff.page.locator('[data-part="documents"]').get_by_role("button", name="Aannemen").first.wait_for()
    await press(page, "Praat verder")


async def test_the_simplified_view_works_with_the_keyboard_alone(server: Server, tmp_path: Path) -> None:
    async with both(server, tmp_path, viewport={"width": 390, "height": 780}) as (citizen, staff):
        page = citizen.page
        link = await citizen.book("Verhuizing doorgeven", simplified=True)
        await page.goto(link)
        await to_the_waiting_room(citizen)

        await staff.sign_in()
        await staff.open_counter()
        await staff.admit_next()
        await on(citizen, "S7")
        await press(page, "Ja, begin")
        await staff.state("in_conversation")
        await asyncio.gather(sees(page, ANNA), sees(staff.page, FATIMA))
        await asyncio.gather(hears(page, ANNA), hears(staff.page, FATIMA))

        await sign_in(citizen, staff)
        await send_photo(citizen, staff, tmp_path / "huurcontract.png")

        await staff.press("Ophangen")
        await on(citizen, "S9")
        await staff.finish("helped", "U woont op uw nieuwe adres.")
        await page.get_by_text("U woont op uw nieuwe adres.").wait_for()
        await press(page, "Goed")
        await page.get_by_text("Dank u wel").first.wait_for()
