"""The demo's own screens, for the list that testers see."""

from __future__ import annotations

from datetime import UTC, datetime

from balie.demo.outbox import AuthorityPage, Line, OutboxPage
from balie.demo.tester import ScreenLine, TesterPage
from balie.web.screens import Screen

_AT = datetime(2026, 12, 4, 13, 30, tzinfo=UTC)
_TEXT = "Gemeente Voorbeeld. U praat met ons op vrijdag 4 december. Druk dan op de link: "
_SMS = Line(_AT, "sms", "+31612345678", "", ((_TEXT, False), ("http://localhost:8080/a/voorbeeld", True)), ())

SCREENS = [
    Screen(
        "proef-postvak",
        "demo/outbox",
        {"leeg": OutboxPage(()), "berichten": OutboxPage((_SMS,))},
        "admin",
        "Postvak van de proef",
        views=("normal",),
    ),
    Screen(
        "proef-certificaat",
        "demo/authority",
        {"gewoon": AuthorityPage("192.0.2.10")},
        "admin",
        "Deze proef op uw telefoon",
        views=("normal",),
    ),
    Screen(
        "tester",
        "demo/tester",
        {"lijst": TesterPage((ScreenLine("S6", "Wachtkamer", "citizen", ("wacht",), ("normal",)),), total=1)},
        "admin",
        "Alle schermen",
        views=("normal",),
    ),
]
