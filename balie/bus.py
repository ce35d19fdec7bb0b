"""Topics as short event logs in memory: append, read after an id, wait for more, say when something is missing.

An id holds the run of the bus and one number that rises over all topics, so a topic without entries needs no
memory, and an id from before a restart, a trim or a drop is known for what it is: a gap.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

LONGEST_LOG = 1_000
OLDEST_ENTRY_S = 15 * 60
LOOK_EVERY_S = 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log: a message for all who listen, or for the participant `to` alone."""

    number: int
    id: str
    at: float
    told_at: float
    message: dict[str, Any]
    to: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in a log after an id; with `gap` something before it can no longer be read."""

    entries: tuple[Entry, ...]
    gap: bool
    last: str


@dataclass(slots=True)
class _Log:
    entries: deque[Entry] = field(default_factory=deque)
    lost_until: int = 0  # the highest number that was in this log and is not any more


class Watch:
    """Wakes one listener when one of its topics gets an entry."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait until something was appended since the last call."""
        await self._changed.wait()
        self._changed.clear()

    def wake(self) -> None:
        """Let the listener look, whether or not there is something."""
        self._changed.set()


class Bus:
    """The logs of this process; what is in them is restored by re-reading the page, never the only copy."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._run = secrets.token_hex(4)
        self._number = 0
        self._logs: dict[str, _Log] = {}
        self._watches: dict[str, set[Watch]] = {}
        self._looked_at = clock()

    def append(self, topic: str, message: dict[str, Any], to: str | None = None) -> str:
        """Add a message and wake who listens; gives the id of the entry."""
        self._trim_all_now_and_then()
        self._number += 1
        entry = Entry(self._number, self._id(self._number), self._clock(), time.time(), message, to)
        log = self._logs.setdefault(topic, _Log())
        log.entries.append(entry)
        self._trim(log)
        for watch in tuple(self._watches.get(topic, ())):
            watch.wake()
        return entry.id

    def last(self, topic: str) -> str:
        """The id to go on from: nothing that is in the log of this topic now is later."""
        return self._id(self._number)

    def read_after(self, topic: str, after: str | None) -> Reading:
        """The entries later than `after`; with None, none of those there are now."""
        last = self._id(self._number)
        if after is None:
            return Reading((), False, last)
        log = self._logs.get(topic) or _Log()
        self._trim(log)
        number = self._number_of(after)
        if number is None:
            return Reading((), True, last)
        entries = tuple(entry for entry in log.entries if entry.number > number)
        return Reading(entries, log.lost_until > number, last)

    @contextmanager
    def watch(self, topics: Iterable[str]) -> Iterator[Watch]:
        """A watch on some topics; `add_topic` lets it see one more."""
        watch = Watch()
        for topic in topics:
            self.add_topic(watch, topic)
        try:
            yield watch
        finally:
            self._forget(watch)

    def add_topic(self, watch: Watch, topic: str) -> None:
        """Let a watch see one more topic."""
        self._watches.setdefault(topic, set()).add(watch)

    def drop(self, topic: str, keep_last: bool = False) -> None:
        """Forget what a topic holds; `keep_last` leaves the newest entry, which tells that it is over."""
        log = self._logs.get(topic)
        if log is None or not log.entries:
            return
        kept = log.entries.pop() if keep_last else None
        if log.entries:
            log.lost_until = log.entries[-1].number
        log.entries = deque([kept] if kept else [])

    def _id(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _number_of(self, entry_id: str) -> int | None:
        run, _, digits = entry_id.partition("-")
        if run != self._run or not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
            return None
        number = int(digits)
        return number if number <= self._number else None

    def _trim(self, log: _Log) -> None:
        oldest = self._clock() - OLDEST_ENTRY_S
        while log.entries and (len(log.entries) > LONGEST_LOG or log.entries[0].at < oldest):
            log.lost_until = log.entries.popleft().number

    def _trim_all_now_and_then(self) -> None:
        if self._clock() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = self._clock()
        for topic, log in list(self._logs.items()):
            self._trim(log)
            # A log that has been empty for so long that nobody comes back with an id from before.
            if not log.entries and topic not in self._watches and self._number - log.lost_until > 100_000:
                del self._logs[topic]

    def _forget(self, watch: Watch) -> None:
        for topic, watches in list(self._watches.items()):
            watches.discard(watch)
            if not watches:
                del self._watches[topic]
