"""Two pages of one browser and a relay between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.browser_units.relay import Relay, running

BOUND_S = 10
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
    "--allow-loopback-in-peer-connection", "--disable-renderer-backgrounding",
]  # fmt: skip


async def until(what: Callable[[], Awaitable[Any]], bound_s: float = BOUND_S) -> Any:
    """Asks until it is so; bounds that it happens, not how fast."""
    async with asyncio.timeout(bound_s):
        while not (answer := await what()):  # noqa: ASYNC110  a page tells nobody when it changes
            await asyncio.sleep(0.05)
    return answer


class Side:
    """One page with a participant in it."""

    def __init__(self, page: Page, participant: str, address: str, query: str = "") -> None:
        self.page = page
        self.participant = participant
        self.address = address
        self.query = query

    async def ready(self, **options: Any) -> None:
        """Loads the page, opens devices and the live connection."""
        await self.page.goto(f"{self.address}/?who={self.participant}{self.query}")
        await self.until("Boolean(window.T?.ready)")
        await self.page.evaluate("(options) => T.ready(options)", options)

    async def do(self, script: str, argument: Any = None) -> Any:
        """Runs a line of script in the page."""
        return await self.page.evaluate(script, argument)

    async def until(self, script: str, argument: Any = None, bound_s: float = BOUND_S) -> Any:
        """Waits until a line of script says yes; playwright's own way would need eval in the page."""
        return await until(lambda: self.page.evaluate(script, argument), bound_s)

    async def sees_and_hears(self) -> None:
        """Decoded frames and the energy of the sound grow."""
        before = await self.do("T.received()")

        async def grown() -> bool:
            now = await self.do("T.received()")
            return bool(now["frames"] > before["frames"] + 5 and now["energy"] > before["energy"])

        await until(grown)

    async def errors(self) -> list[str]:
        """What went wrong in this page without anybody catching it."""
        return list(await self.do("[...T.errors, ...(T.peer()?.errors ? ['candidate'] : [])]"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The machine's Chromium with devices of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def relay() -> AsyncIterator[Relay]:
    """A server with an empty memory."""
    server = Relay()
    async with running(server) as server.address:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def sides(chromium: Browser, relay: Relay) -> AsyncIterator[tuple[Side, Side]]:
    """Fatima's page and Anna's page, loaded and ready, not yet in the call."""
    contexts = [await chromium.new_context(permissions=["camera", "microphone"]) for _ in range(2)]
    citizen, staff = [
        Side(await context.new_page(), who, relay.address)
        for context, who in zip(contexts, ("citizen", "staff"), strict=True)
    ]
    yield citizen, staff
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def talking(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """Both in the call and connected."""
    citizen, staff = sides
    await asyncio.gather(citizen.ready(), staff.ready())
    await staff.do("T.join()")
    await citizen.do("T.join()")
    for side in sides:
        await side.until("T.events.includes('connected')")
    return sides
