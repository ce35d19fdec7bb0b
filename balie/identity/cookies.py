"""The cookies of identity: names, attributes, and how a session's token gets in and out."""

from __future__ import annotations

import re
import secrets

from aiohttp import web

from balie.identity.links import ATTEMPT_LIFE, NewSession, SessionKind
from balie.web.headers import cookie_name
from balie.web.keys import SETTINGS

_SESSION = {SessionKind.LINK: "balie", SessionKind.CITIZEN: "balie", SessionKind.STAFF: "balie-medewerker"}
_FORM = "balie-formulier"
_SIGN_IN = "balie-inloggen"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")
# Pages of staff use the staff cookie alone, all others the citizen's: neither is read for the other.
STAFF_PATHS = ("/medewerker", "/beheer", "/inloggen/medewerker")


def is_staff_path(path: str) -> bool:
    """Whether a page belongs to staff."""
    return any(path == prefix or path.startswith(prefix + "/") for prefix in STAFF_PATHS)


def _read(request: web.Request, name: str) -> str | None:
    value = request.cookies.get(cookie_name(request.app[SETTINGS], name))
    return value if value is not None and _TOKEN.match(value) else None


def _set(request: web.Request, response: web.Response, name: str, value: str, max_age: int | None = None) -> None:
    settings = request.app[SETTINGS]
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=max_age,
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def session_token(request: web.Request, kind: SessionKind) -> str | None:
    """The token of the citizen's or of the staff member's session in this browser."""
    return _read(request, _SESSION[kind])


def remember_session(request: web.Request, response: web.Response, new: NewSession) -> None:
    """Give the browser the token of a session."""
    _set(request, response, _SESSION[new.kind], new.token)


def forget_session(request: web.Request, response: web.Response, kind: SessionKind) -> None:
    """Take the session's token out of the browser."""
    _set(request, response, _SESSION[kind], "", max_age=0)


def form_value(request: web.Request) -> tuple[str, bool]:
    """The value that binds forms to this browser before a session, and whether it is new."""
    known = _read(request, _FORM)
    return (known, False) if known else (secrets.token_urlsafe(32), True)


def sign_in_value(request: web.Request) -> str | None:
    """What binds a sign-in to this browser."""
    return _read(request, _SIGN_IN)


def set_sign_in(request: web.Request, response: web.Response, value: str) -> None:
    """Bind a sign-in that begins to this browser, for ten minutes."""
    _set(request, response, _SIGN_IN, value, max_age=int(ATTEMPT_LIFE.total_seconds()))


def expire_sign_in(request: web.Request, response: web.Response) -> None:
    """The sign-in is over, however it went."""
    _set(request, response, _SIGN_IN, "", max_age=0)
