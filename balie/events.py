"""Announcements in this process: a feature tells what happened, listeners act within the transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from balie.work import Work

Listener = Callable[["Work", Any], Awaitable[None]]


class Listeners:
    """Who hears which event; the order is the order of registration."""

    def __init__(self) -> None:
        self._by_type: defaultdict[type, list[Listener]] = defaultdict(list)

    def add(self, event_type: type, listener: Listener) -> None:
        """Let `listener(work, event)` hear events of exactly this type."""
        self._by_type[event_type].append(listener)

    def of(self, event: object) -> list[Listener]:
        """The listeners of this event."""
        return self._by_type[type(event)]
