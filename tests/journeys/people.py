"""What Fatima and Anna do, step by step, in their own browsers; used by every journey."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page, async_playwright

from tests.browsers import DESK, PHONE, Watch, browser_of, context_of
from tests.faces import ANNA, FATIMA
from tests.launch import Server

NAME = "Fatima de Vries"
MOBILE = "06 12345678"


@dataclass
class Citizen:
    """Fatima with a phone."""

    page: Page
    server: Server
    watch: Watch
    link: str = ""
    mobile: str = MOBILE

    def button(self, words: str) -> Locator:
        """The visible button or link with these words."""
        exact = f'span:text-is("{words}")'
        found = self.page.locator(f"button:has({exact}), a.utrecht-button:has({exact})")
        return found.locator("visible=true").first

    async def book(self, product: str, *, simplified: bool = False) -> str:
        """Book one of the first free times; gives the link."""
        page = self.page
        await page.goto(f"{self.server.origin}/afspraak/maken")
        card = page.locator("section, li, article").filter(has_text=product).last
        await card.locator('a:has-text("Kies een tijd"), button:has-text("Kies een tijd")').first.click()
        # Not the very first: its minute may pass between looking and pressing.
        await page.locator("button[name=starts_at]").nth(2).click()
        await page.fill("[name=name]", NAME)
        await page.fill("[name=mobile]", self.mobile)
        if simplified:
            await page.locator('label[for="simplified"]').click()
        await page.locator("main form button.utrecht-button--primary-action").last.click()
        await page.get_by_role("button", name="Ja, maak de afspraak").click()
        await page.wait_for_url(re.compile("/afspraak/klaar/"))
        self.link = await self.link_on_page()
        return self.link

    async def link_on_page(self) -> str:
        """The link that the page after booking shows."""
        text = await self.page.inner_text("main")
        found = re.search(r"https?://\S+/a/[A-Za-z0-9_-]{43}", text)
        assert found is not None
        return found.group()

    async def link_in_message(self) -> str:
        """The link that the text message holds."""
        await self.page.goto(f"{self.server.origin}/proef/postvak")
        href = await self.page.locator('a[href*="/a/"]').first.get_attribute("href")
        assert href is not None
        return href

    async def ready(self) -> None:
        """The document's module has started: a person is slower than it, a script on a busy machine is not."""
        await self.page.locator('[data-module="conversation"][data-started="ready"]').wait_for(state="attached")

    async def to_waiting_room(self) -> None:
        """From the link, over the check, to the waiting room: three taps."""
        await self.page.goto(self.link)
        await self.button("Ga verder").click()
        await self.ready()
        await self.button("Zet camera en geluid aan").click()
        await self.button("Naar de wachtkamer").click()
        await self.screen("S6")

    async def screen(self, *names: str) -> None:
        """Wait until one of these screens is in view."""
        wanted = ", ".join(f'.screen[data-screen="{name}"]:not([hidden])' for name in names)
        await self.page.locator(wanted).locator("visible=true").first.wait_for(state="attached")

    async def begin(self) -> None:
        """Answer the ring with yes."""
        await self.screen("S7")
        await self.button("Ja, begin").click()


@dataclass
class Staff:
    """Anna at her desk."""

    page: Page
    server: Server
    watch: Watch

    async def sign_in(self, who: str = "Anna") -> None:
        """Sign in at the provider and come to the queue."""
        page = self.page
        await page.goto(f"{self.server.origin}/medewerker")
        await page.locator("main form button").first.click()
        await page.locator("main a.utrecht-button").first.click()
        await page.locator(f'button:has-text("{who}")').first.click()
        await page.wait_for_url(re.compile("/medewerker/balie/"))

    async def open_counter(self) -> None:
        """Open a counter."""
        await self.page.get_by_role("button", name="Loket openen").click()
        await self.page.get_by_role("button", name="Volgende binnenlaten").wait_for()

    async def admit_next(self) -> None:
        """Take the next citizen."""
        await self.page.get_by_role("button", name="Volgende binnenlaten").click()
        await self.page.wait_for_url(re.compile("/bezoek/"))

    async def press(self, words: str) -> None:
        """Press a button of the counter."""
        await self.page.get_by_role("button", name=words, exact=True).click()

    async def state(self, state: str) -> None:
        """Wait until the visit is in this state on the page."""
        await self.page.locator(f'[data-part="state"][data-state="{state}"]').wait_for()

    async def badge(self, words: str) -> None:
        """Wait until who this is says these words."""
        await self.page.locator('[data-part="person"]').get_by_text(words).first.wait_for()

    async def finish(self, outcome: str, answer: str) -> None:
        """Fill in the record and finish."""
        chosen = self.page.locator(f'input[name="outcome"][value="{outcome}"]')
        await self.page.locator(f'label[for="{await chosen.get_attribute("id")}"]').click()
        await self.page.fill("[name=answer]", answer)
        await self.press("Afronden")
        await self.page.wait_for_url(re.compile(r"/medewerker/balie/[^/]+$"), wait_until="commit")


@asynccontextmanager
async def both(server: Server, folder: Path, **phone: object) -> AsyncIterator[tuple[Citizen, Staff]]:
    """Fatima's phone and Anna's desk: two Chromiums, each with its own picture and tone."""
    async with (
        async_playwright() as playwright,
        browser_of(playwright, FATIMA, folder) as first,
        browser_of(playwright, ANNA, folder) as second,
    ):
        on_phone = await (await context_of(first, **{**PHONE, **phone})).new_page()
        at_desk = await (await context_of(second, **DESK)).new_page()
        citizen = Citizen(on_phone, server, Watch(on_phone))
        staff = Staff(at_desk, server, Watch(at_desk))
        yield citizen, staff
        assert citizen.watch.faults == []
        assert staff.watch.faults == []


async def into_conversation(citizen: Citizen, staff: Staff, product: str, *, simplified: bool = False) -> None:
    """Everything up to where both see each other."""
    await citizen.book(product, simplified=simplified)
    await citizen.to_waiting_room()
    await staff.sign_in()
    await staff.open_counter()
    await staff.admit_next()
    await citizen.begin()
    await staff.state("in_conversation")


async def sign_in_with_digid(citizen: Citizen, who: str = "Fatima") -> None:
    """Answer the card, go to the provider in the same tab, and come back into the same seat."""
    page = citizen.page
    await citizen.screen("C4")
    await page.locator('.screen[data-screen="C4"] button[type=submit]').locator("visible=true").first.click()
    await citizen.screen("C4a")
    await page.locator('.screen[data-screen="C4a"] a.utrecht-button').locator("visible=true").first.click()
    await page.locator(f'button:has-text("{who}")').first.click()
    await citizen.screen("C4b")
    await citizen.ready()
    await page.locator('.screen[data-screen="C4b"] button').locator("visible=true").first.click()
