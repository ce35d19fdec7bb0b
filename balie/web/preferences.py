"""The visitor's own choices: view and language, the page about accessibility, and help."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from balie.errors import BadField
from balie.web import error_screens
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.forms import fields
from balie.web.headers import cookie_name
from balie.web.keys import SETTINGS, WORKS
from balie.web.pages import View, render
from balie.web.screens import Screen
from balie.web.translations import LANGUAGES

_A_YEAR_S = 365 * 24 * 3600
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # one slash first; no backslash, blank, control or other host


@dataclass(frozen=True)
class Choice:
    """What a visitor chose just now; the other one is None."""

    view: View | None = None
    language: str | None = None


# Keeps a choice with the appointment of a citizen who has a link session; app.py hands it over.
KeepChoice = Callable[[web.Request, Choice], Awaitable[None]]
KEEP_CHOICE: web.AppKey[KeepChoice] = web.AppKey("keep_choice")


@dataclass(frozen=True)
class AccessibilityPage:
    """What /toegankelijkheid shows."""

    statement: str
    contact: str


@dataclass(frozen=True)
class HelpPage:
    """What /hulp shows: the texts are all in the template."""


async def choose_view(request: web.Request) -> web.Response:
    """Go on in the normal or the simplified view, on the same page."""
    posted = await fields(request)
    chosen = posted.get("weergave", "")
    if chosen not in list(View):
        raise BadField({"weergave": "choose"})
    return await _keep(request, Choice(view=View(chosen)), "weergave", chosen)


async def choose_language(request: web.Request) -> web.Response:
    """Go on in another language, on the same page."""
    posted = await fields(request)
    chosen = posted.get("taal", "")
    if chosen not in LANGUAGES:
        raise BadField({"taal": "choose"})
    return await _keep(request, Choice(language=chosen), "taal", chosen)


async def accessibility(request: web.Request) -> web.Response:
    """The page about accessibility: statement, contact, other ways, features and known limits."""
    settings = request.app[SETTINGS]
    return render(
        request, "help/accessibility", AccessibilityPage(settings.accessibility_statement, settings.contact_mail)
    )


async def help_page(request: web.Request) -> web.Response:
    """How a video conversation goes, and what to do when it does not."""
    return render(request, "help/help", HelpPage())


async def security_contact(request: web.Request) -> web.Response:
    """/.well-known/security.txt (RFC 9116): whom to tell of a hole."""
    expires = request.app[WORKS].clock() + timedelta(days=180)
    contact = request.app[SETTINGS].security_contact
    lines = (f"Contact: {contact}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: nl, en")
    return web.Response(text="\n".join(lines) + "\n")


def local_path(text: str) -> str:
    """The path when it stays on this site, else the start."""
    return text if _LOCAL.fullmatch(text) else "/"


async def _keep(request: web.Request, choice: Choice, cookie: str, value: str) -> web.Response:
    keep = request.app.get(KEEP_CHOICE)
    if keep is not None:
        await keep(request, choice)
    settings = request.app[SETTINGS]
    response = web.Response(status=303, headers={"Location": local_path((await fields(request)).get("terug", "/"))})
    response.set_cookie(
        cookie_name(settings, cookie),
        value,
        max_age=_A_YEAR_S,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )
    return response


SCREENS = [
    Screen(
        "accessibility",
        "help/accessibility",
        {"statement": AccessibilityPage("https://www.toegankelijkheidsverklaring.nl/", "balie@gemeente.example")},
        "citizen",
        title="Toegankelijkheid",
    ),
    Screen("help", "help/help", {"now": HelpPage()}, "citizen", title="Hulp bij uw videogesprek"),
]

FEATURE = Feature(
    "web",
    screens=[*SCREENS, *error_screens.SCREENS],
    routes=[
        Route("POST", "/weergave", choose_view, "web.choose_view", Access.PUBLIC),
        Route("POST", "/taal", choose_language, "web.choose_language", Access.PUBLIC),
        Route("GET", "/toegankelijkheid", accessibility, "web.accessibility", Access.PUBLIC),
        Route("GET", "/.well-known/security.txt", security_contact, "web.security_contact", Access.PUBLIC),
        Route("GET", "/hulp", help_page, "web.help", Access.PUBLIC),
    ],
)
