"""What a test looks at while the server comes and goes: sockets, media, and the rows that are left on disk."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from playwright.async_api import Page, WebSocket

from tests.browsers import RECEIVED, until
from tests.launch import Server

AFTER_KILL_S = 20.0
TEXT_OF = "() => [...document.querySelectorAll('[data-entries] > li')].map((e) => e.innerText).join('\\n')"

# Notes from now on every change of state of the open connections, and each second what they received so far.
WATCH = """() => {
  const hears = (one) => one.getTransceivers().some((line) => line.currentDirection?.includes('recv'));
  const open = window.testConnections.filter((one) => one.connectionState !== 'closed' && hears(one));
  const watch = (window.testWatch = { states: [], received: [], before: window.testConnections.length });
  for (const one of open) {
    one.addEventListener('connectionstatechange', () => watch.states.push(one.connectionState));
    one.addEventListener('iceconnectionstatechange', () => watch.states.push(one.iceConnectionState));
  }
  const received = RECEIVED;
  watch.timer = setInterval(async () => watch.received.push(await received()), 1000);
  return open.length;
}""".replace("RECEIVED", RECEIVED)
WATCHED = """() => {
  clearInterval(window.testWatch.timer);
  const { states, received, before } = window.testWatch;
  return { states, received, made: window.testConnections.length - before };
}"""


class Sockets:
    """The /live sockets of a page: whether the newest one was welcomed by the server that runs now."""

    def __init__(self, page: Page) -> None:
        self.welcomed = 0
        self._is_up = False
        page.on("websocket", self._opened)

    @property
    def is_up(self) -> bool:
        """Whether the page can be told something now."""
        return self._is_up

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._heard)
        socket.on("close", self._closed)

    def _heard(self, frame: str | bytes) -> None:
        if '"type": "welcome"' in str(frame) or '"type":"welcome"' in str(frame):
            self.welcomed += 1
            self._is_up = True

    def _closed(self, _socket: WebSocket) -> None:
        self._is_up = False


async def eventually(holds: Callable[[], Any], within_s: float = AFTER_KILL_S) -> Any:
    """Ask until the answer is yes; fails with the last answer."""
    end = time.monotonic() + within_s
    while not (answer := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen within {within_s} s; last seen: {answer!r}")
        await asyncio.sleep(0.05)
    return answer


async def back(*sockets: Sockets) -> None:
    """Wait until the pages have come back to the server by themselves."""
    await eventually(lambda: all(one.is_up for one in sockets))


def rows(server: Server, query: str, *values: str) -> list[tuple[Any, ...]]:
    """What stands in the database of this server now."""
    path = server.folder / "data" / "balie.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
        return connection.execute(query, values).fetchall()


def states(server: Server) -> list[str]:
    """The states that the newest visit went through."""
    return [
        row[0]
        for row in rows(
            server,
            "SELECT to_state FROM visit_event WHERE visit_id = "
            "(SELECT id FROM visit ORDER BY arrived_at DESC LIMIT 1) ORDER BY happened_at, rowid",
        )
    ]


async def reaches(server: Server, state: str) -> None:
    """Wait until the newest visit is in this state."""
    await eventually(lambda: states(server)[-1:] == [state])


async def watch_media(*pages: Page) -> None:
    """Note from now on what the connections of these pages do."""
    for page in pages:
        assert await page.evaluate(WATCH) == 1


async def check_media(*pages: Page) -> int:
    """Nothing broke since `watch_media`, and more came in each second; gives how many seconds that were."""
    seconds = 0
    for page in pages:
        seen = await page.evaluate(WATCHED)
        assert set(seen["states"]) <= {"connected", "completed"}, seen["states"]
        assert seen["made"] == 0
        received = seen["received"]
        assert all(later > earlier for earlier, later in pairwise(received)), received
        seconds = len(received)
    return seconds


async def writes(writer: Page, reader: Page, words: str) -> None:
    """What one side types is read by the other."""
    field = writer.locator("textarea[data-own-text]").locator("visible=true")
    await field.press_sequentially(words)
    await until(reader, TEXT_OF, lambda text: words.strip() in text, int(AFTER_KILL_S * 1000))
