"""What axe cannot decide by itself and a person has looked at: one line per rule and element, each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.accessibility.looking import Seen


@dataclass(frozen=True)
class Reviewed:
    """One thing that axe leaves to people."""

    rule: str
    element: str  # the end of the selector that axe names
    why: str


REVIEWED = (
    Reviewed("video-caption", "video", "live pictures of a call: no captions are due, and text is there"),
    Reviewed(
        "color-contrast",
        ".balie-stage__connecting",
        "stands on the plain stage (on-stage on stage, gate 7); the element above it is an empty holder of pictures",
    ),
    Reviewed(
        "color-contrast",
        'span[data-own-state=""]',
        "stands on its own plate over the own picture; gate 7 holds its pair of colours",
    ),
)
# A card taller than the screen goes on below the bar of the call, which stays in place: axe sees a button half under
# it. Its colours are those of every other button, which axe does judge; gate 3 shows that it can be reached.
UNDER_THE_BAR = re.compile(r"overlapped by another element|partially overlaps")


def is_reviewed(rule: str, element: str) -> Reviewed | None:
    """The line that answers for this, if any."""
    return next((line for line in REVIEWED if line.rule == rule and element.endswith(line.element)), None)


def is_under_the_bar(entry_seen: Seen, rule: str, element: str, message: str) -> bool:
    """Whether this is a button of a card in the call that has to be scrolled to."""
    return (
        rule == "color-contrast"
        and entry_seen.has_bar
        and ("button" in element)
        and bool(UNDER_THE_BAR.search(message))
    )
