"""`/tester`: every screen of the register in every state, by the same templates and values as the live ones."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from balie.errors import NotFound
from balie.web.features import Feature
from balie.web.keys import FEATURES
from balie.web.pages import KEY, Look, View, render
from balie.web.screens import Screen

AUDIENCES = ("citizen", "guest", "staff", "admin", "error", "mail")
SCHEMES = ("", "light", "dark")


@dataclass(frozen=True, slots=True)
class ScreenLine:
    """One screen with its states."""

    id: str
    title: str
    audience: str
    states: tuple[str, ...]
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TesterPage:
    """The list, and what was chosen."""

    lines: tuple[ScreenLine, ...]
    audience: str = ""
    language: str = "nl"
    scheme: str = ""
    total: int = 0


@dataclass(frozen=True, slots=True)
class MessageScreen:
    """A mail or text message, shown as text."""

    title: str
    text: str


def screens_of(features: list[Feature]) -> dict[str, Screen]:
    """The register by id; an id that stands twice is a fault."""
    found: dict[str, Screen] = {}
    for feature in features:
        for screen in feature.screens:
            if screen.id in found:
                raise ValueError(f"screen {screen.id} is registered twice")
            found[screen.id] = screen
    return found


async def show_list(request: web.Request) -> web.Response:
    """GET `/tester`, with a filter."""
    query = request.query
    audience = query.get("soort", "") if query.get("soort") in AUDIENCES else ""
    lines = tuple(
        ScreenLine(s.id, s.title or s.id, s.audience, tuple(s.states), s.views)
        for s in screens_of(request.app[FEATURES]).values()
        if not audience or s.audience == audience
    )
    page = TesterPage(lines, audience, _language(query.get("taal", "")), _scheme(query.get("kleur", "")), _total(lines))
    return render(request, "demo/tester", page)


def _total(lines: tuple[ScreenLine, ...]) -> int:
    return sum(len(line.states) * len(line.views) for line in lines)


async def show_screen(request: web.Request) -> web.Response:
    """GET `/tester/scherm/{id}/{state}`: one screen in one state; needs no sign-in and writes nothing."""
    screen = screens_of(request.app[FEATURES]).get(request.match_info["id"])
    if screen is None or request.match_info["state"] not in screen.states:
        raise NotFound
    page = screen.states[request.match_info["state"]]
    query = request.query
    view = View.SIMPLIFIED if query.get("weergave") == "eenvoudig" else View.NORMAL
    language = _language(query.get("taal", ""))
    look = Look(view, language, scheme=_scheme(query.get("kleur", "")) or None)
    if screen.audience == "mail":
        text = request.app[KEY].text(screen.template, language, page)
        return render(request, "demo/message", MessageScreen(screen.title or screen.id, text), look=look)
    return render(request, screen.template, page, status=screen.status, look=look)


def _language(text: str) -> str:
    return "en" if text == "en" else "nl"


def _scheme(text: str) -> str:
    return {"licht": "light", "donker": "dark"}.get(text, "")
