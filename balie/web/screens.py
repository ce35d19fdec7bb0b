"""The screen register that tests, screenshots and `/tester` read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Audience = Literal["citizen", "guest", "staff", "admin", "error", "mail"]


@dataclass(frozen=True)
class Screen:
    """One screen with its states: the same template and the same page values as the live one.

    `id` is that of the flow in accessibility.md (S6, D2, …) or a name (staff-queue). `states` maps
    the name of a state to the page value. `template` has no ending; "text" mails are shown as text.
    `serves_both` says that one template serves the normal and the simplified view.
    """

    id: str
    template: str
    states: Mapping[str, Any]
    audience: Audience
    title: str = ""
    actions: frozenset[str] = field(default_factory=frozenset)
    views: tuple[str, ...] = ("normal", "simplified")
    status: int = 200
