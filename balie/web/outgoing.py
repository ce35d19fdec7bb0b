"""What one browser still has to hear: reads its topics on, bounded, and cuts a browser that does not read."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from balie.bus import Bus, Entry, Watch

MOST_WAITING = 256
MOST_BYTES = 1024 * 1024
CLOSE_WITHIN_S = 2.0
SESSION = "session:"
CLOSING = {"session.ended": 4401, "session.moved": 4409, "visit.over": 4410}
"""Entries that close the socket when they have been told."""


class Outgoing:
    """One bounded queue and one writer for one socket; whoever else is slow does not matter here."""

    def __init__(self, socket: web.WebSocketResponse, bus: Bus, watch: Watch, abort: Callable[[], None]) -> None:
        self._socket = socket
        self._bus = bus
        self._watch = watch
        self._abort = abort
        self.page_id: str | None = None
        self._queue: deque[str] = deque()
        self._bytes = 0
        self._ready = asyncio.Event()
        self._reading: dict[str, tuple[str, str]] = {}  # topic → (last id told, as whom)
        self._tasks = [asyncio.create_task(self._read_on()), asyncio.create_task(self._write())]
        self._closing: asyncio.Task[None] | None = None
        self.close_code: int | None = None

    def put(self, message: dict[str, Any]) -> None:
        """Queue a message; more than fits means that the browser does not read, and it is cut."""
        if self.close_code is not None:
            return
        # Only ASCII leaves: half a character that a page sent must not break the socket of another.
        text = json.dumps(message, separators=(",", ":"))
        self._queue.append(text)
        self._bytes += len(text)
        if len(self._queue) > MOST_WAITING or self._bytes > MOST_BYTES:
            self._queue.clear()
            self.close(1013)
        self._ready.set()

    def listen(self, topic: str, participant: str, after: str) -> None:
        """Tell everything of a topic that is later than `after` and meant for this participant."""
        self._reading[topic] = (after, participant)
        self._bus.add_topic(self._watch, topic)
        self._watch.wake()

    def participant_on(self, topic: str) -> str | None:
        """As whom this socket listens to a topic."""
        reading = self._reading.get(topic)
        return reading[1] if reading else None

    def heard(self) -> list[tuple[str, str]]:
        """The topics this socket listens to, with the participant as whom."""
        return [(topic, participant) for topic, (_, participant) in self._reading.items()]

    def close(self, code: int) -> None:
        """Close after what is queued; a browser that does not read gets no more time than a moment."""
        if self.close_code is None:
            self.close_code = code
            self._ready.set()
            self._closing = asyncio.create_task(self._close_soon(code))

    async def closed(self) -> None:
        """Wait until a close that was begun is done."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def ended(self) -> None:
        """Stop both tasks and wait for a close that was begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._closing is not None and self._closing is not asyncio.current_task():
            await asyncio.gather(self._closing, return_exceptions=True)

    async def _close_soon(self, code: int) -> None:
        writer = self._tasks[1]
        await asyncio.wait([writer], timeout=CLOSE_WITHIN_S)
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._socket.close(code=code, drain=False)
        except (TimeoutError, ConnectionError, RuntimeError):
            self._abort()
        writer.cancel()

    async def _read_on(self) -> None:
        while True:
            await self._watch.changed()
            for topic in list(self._reading):
                self._read_topic(topic)

    def _read_topic(self, topic: str) -> None:
        after, participant = self._reading[topic]
        reading = self._bus.read_after(topic, after)
        for entry in reading.entries:
            self._tell(topic, participant, entry)
        if reading.gap and not reading.entries:
            self.close(1013)  # it comes back with its last id and reads in `welcome` that there is a gap
        if reading.entries or reading.gap:
            self._reading[topic] = (reading.last, participant)

    def _tell(self, topic: str, participant: str, entry: Entry) -> None:
        if entry.to not in (None, participant) or entry.message.get("from") == participant:
            return
        kind = entry.message.get("type", "")
        # The page that began a sign-in keeps its socket; every other page of that session is closed.
        kept = entry.message.get("except_page_id")
        if kind == "session.ended" and kept is not None and kept == self.page_id:
            return
        if kind == "session.moved":
            self.put({"type": "moved"})
        if not topic.startswith(SESSION):
            at = datetime.fromtimestamp(entry.told_at, UTC).isoformat(timespec="milliseconds")
            self.put({**entry.message, "topic": topic, "id": entry.id, "at": at})
        if kind in CLOSING:
            self.close(CLOSING[kind])

    async def _write(self) -> None:
        while True:
            while self._queue:
                text = self._queue.popleft()
                self._bytes -= len(text)
                try:
                    await self._socket.send_str(text)
                except (ConnectionError, RuntimeError):
                    return
            if self.close_code is not None:
                return
            self._ready.clear()
            await self._ready.wait()
