"""The screen register as the gates visit it: every entry of `/tester`, in each of its views."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from balie.app import own_features
from balie.demo.identity_provider import FEATURE as PROVIDER
from balie.demo.screens import SCREENS as DEMO_SCREENS
from balie.web.screens import Screen

CITIZEN = ("citizen", "guest", "error")
VIEW_WORDS = {"normal": "gewoon", "simplified": "eenvoudig"}
# accessibility.md section 4, the rows marked first, in their order.
TO_THE_CALL = "S1 S1b S2 S3 S3b S4 S5a S5b S5c S5d S6 S6b S7"
IN_THE_CALL = "S8 S8b S8c S8d C1 C4 C4a C4b C4c C7 D1 D2 D3 D4 D5 S9"
ERRORS = "E1 E4 E5 E6 E7 E8 E9 E11 E13 F3"
FLOW = (*TO_THE_CALL.split(), *IN_THE_CALL.split(), *ERRORS.split())


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One screen in one state and one view."""

    screen: str
    state: str
    view: str
    audience: str

    def __str__(self) -> str:
        return f"{self.screen}/{self.state}/{self.view}"

    def path(self, language: str = "nl") -> str:
        """Its fixed address on `/tester`."""
        return f"/tester/scherm/{self.screen}/{self.state}?weergave={VIEW_WORDS[self.view]}&taal={language}"


@cache
def screens() -> dict[str, Screen]:
    """Every screen of the demo by its id; that an id stands once is checked by the tester's page itself."""
    features = [*own_features(), PROVIDER]
    return {screen.id: screen for screen in (*(s for f in features for s in f.screens), *DEMO_SCREENS)}


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry of the list that a tester sees."""
    return tuple(
        Entry(screen.id, state, view, screen.audience)
        for screen in screens().values()
        for state in screen.states
        for view in screen.views
    )


def is_for_citizens(entry: Entry) -> bool:
    """Whether a citizen or a guest meets this screen."""
    return entry.audience in CITIZEN
