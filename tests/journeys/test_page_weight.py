"""From the link to the waiting room: little over the wire, few requests, nothing from anybody else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import CDPSession, Page, async_playwright

from tests.browsers import PHONE, Watch, browser_of, context_of, until
from tests.faces import FATIMA
from tests.journeys.people import Citizen
from tests.launch import Server

pytestmark = pytest.mark.browser
MOST_BYTES = 120_000
MOST_REQUESTS = 24  # under 25
# The check measures by posting and by its own connection; the socket is the talk, not the page.
NOT_COUNTED = ("/live", "/gesprek/check/")
# What only the call needs begins with this file, and is asked for when the waiting room stands.
FIRST_OF_THE_CALL = "/js/modules/talk.js"
SIMPLIFIED_WAY = (
    ("S2", "Ga verder"),
    ("S3", "Nee, ik ben alleen"),
    ("S4", "Zet camera en geluid aan"),
    ("S5a", "Ja"),
    ("S5b", "Ja"),
    ("S5c", "Ga verder"),
)
CHECK_IN = "/gesprek/aanmelden"


@dataclass
class Sent:
    """One request and what its answer weighed."""

    url: str
    kind: str
    bytes: int = 0
    is_cached: bool = False
    is_done: bool = False


@dataclass
class Wire:
    """Everything a page asked for, as the browser itself counts it: headers and packed bodies."""

    sent: dict[str, Sent] = field(default_factory=dict)
    is_waiting: bool = False
    was_checked_in: bool = False
    _number: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    async def listen(self, cdp: CDPSession) -> None:
        """Begin counting."""
        cdp.on("Network.requestWillBeSent", self._asked)
        cdp.on("Network.requestServedFromCache", self._from_cache)
        cdp.on("Network.responseReceived", self._answered)
        cdp.on("Network.loadingFinished", self._finished)
        await cdp.send("Network.enable")
        await cdp.send("Network.clearBrowserCache")

    def _asked(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.endswith(FIRST_OF_THE_CALL) and not self.is_waiting:
            self.is_waiting = True
            self.was_checked_in = any(one.is_done and one.url.endswith(CHECK_IN) for one in self.sent.values())
        if self.is_waiting:
            return
        before = event.get("redirectResponse")
        if before is not None:
            # A redirect is a request of its own: the browser gives the next one the same id.
            old = self.sent.pop(event["requestId"])
            old.bytes = int(before["encodedDataLength"])
            old.is_done = True
            self.sent[f"{event['requestId']}-{next(self._number)}"] = old
        self.sent[event["requestId"]] = Sent(url, event.get("type", ""))

    def _from_cache(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.sent:
            self.sent[event["requestId"]].is_cached = True

    def _answered(self, event: dict[str, Any]) -> None:
        one = self.sent.get(event["requestId"])
        if one is not None and event["response"].get("fromDiskCache"):
            one.is_cached = True

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.sent:
            self.sent[event["requestId"]].bytes = math.ceil(event["encodedDataLength"])
            self.sent[event["requestId"]].is_done = True

    @property
    def counted(self) -> list[Sent]:
        """What went over the wire and belongs to the page."""
        return [
            one
            for one in self.sent.values()
            if not one.is_cached and one.url.startswith("http") and not urlsplit(one.url).path.startswith(NOT_COUNTED)
        ]

    def report(self) -> str:
        """The requests by weight, for who has to make it lighter."""
        lines = [f"{one.bytes:>7} {one.kind:<10} {urlsplit(one.url).path}" for one in self.counted]
        total = sum(one.bytes for one in self.counted)
        return "\n".join(["", *sorted(lines, reverse=True), f"{total:>7} in {len(lines)} requests"])


async def to_waiting_room(citizen: Citizen, *, simplified: bool) -> None:
    """The taps of this view."""
    if not simplified:
        return await citizen.to_waiting_room()
    await citizen.page.goto(citizen.link)
    # The module opens its connection when it has started; a tap before that goes on without scripts, past the check.
    async with citizen.page.expect_websocket():
        await citizen.button("Ga verder").click()
    for screen, words in SIMPLIFIED_WAY:
        await citizen.screen(screen)
        await citizen.button(words).click()
    await citizen.screen("S5d", "S6")
    if await citizen.page.locator('.screen[data-screen="S5d"]').locator("visible=true").count():
        await citizen.button("Ga verder").click()
    await citizen.screen("S6")


@pytest.mark.parametrize("simplified", [False, True], ids=["normal", "simplified"])
async def test_the_way_to_the_waiting_room_is_light(server: Server, tmp_path: Path, simplified: bool) -> None:
    async with async_playwright() as playwright, browser_of(playwright, FATIMA, tmp_path) as browser:
        link = await book(await new_page(browser), server, simplified=simplified)
        page = await new_page(browser)
        wire = Wire()
        await wire.listen(await page.context.new_cdp_session(page))
        citizen = Citizen(page, server, Watch(page), link)
        await to_waiting_room(citizen, simplified=simplified)
        await until(page, "() => 0", lambda _: wire.is_waiting and all(one.is_done for one in wire.counted))
        counted = wire.counted

        assert wire.was_checked_in, "what only the call needs came before the waiting room stood"
        assert len(counted) <= MOST_REQUESTS, wire.report()
        assert sum(one.bytes for one in counted) <= MOST_BYTES, wire.report()
        # The counting itself is sound: document, style and script are all there, and weigh something.
        assert {"Document", "Stylesheet", "Script", "Font"} <= {one.kind for one in counted if one.bytes > 0}, (
            wire.report()
        )
        own = urlsplit(server.origin).netloc
        assert {urlsplit(one.url).netloc for one in wire.sent.values() if one.url.startswith("http")} == {own}


async def new_page(browser: Any) -> Page:
    """A page with a cache and cookies of its own."""
    context = await context_of(browser, **PHONE)
    return await context.new_page()


async def book(page: Page, server: Server, *, simplified: bool) -> str:
    """An appointment made in another browser profile, so that nothing of it lies in the cache."""
    link = await Citizen(page, server, Watch(page)).book("Verhuizing doorgeven", simplified=simplified)
    await page.context.close()
    return link
