"""How media travel: today `mesh`, browsers directly to each other; chosen when the call opens."""

from __future__ import annotations

from typing import Protocol

from balie.calls.rules import limits_of


class MediaBackend(Protocol):
    """What a call needs to know of the way its media travel."""

    name: str

    def limits(self, participants: int) -> dict[str, int]:
        """The ceiling of what each page sends with so many in the call."""


class Mesh:
    """Each page sends to each other page; no media pass our server."""

    name = "mesh"

    def limits(self, participants: int) -> dict[str, int]:
        """The table of calls.md section 8."""
        return limits_of(participants)


MESH: MediaBackend = Mesh()
