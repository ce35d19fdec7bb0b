"""Proof that a form came from our page in this browser: HMAC of session and form name, masked afresh per page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from aiohttp import web

from balie.errors import CsrfFailed
from balie.web.keys import CSRF_SCOPE, PRE_SESSION

FIELD = "csrf"
HEADER = "X-Balie-CSRF"
_SIZE = 32


class CsrfKey:
    """The key of the forms, derived from the master key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def value(self, scope: str, form: str) -> str:
        """A fresh value for one form on one page; answers are compressed, so it never repeats (BREACH)."""
        mask = secrets.token_bytes(_SIZE)
        proof = self._proof(scope, form)
        return base64.urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, proof, strict=True))).decode()

    def check(self, scope: str, form: str, value: str) -> None:
        """Raise CsrfFailed unless `value` was made for this scope and form."""
        try:
            data = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError as error:
            raise CsrfFailed from error
        if len(data) != 2 * _SIZE:
            raise CsrfFailed
        proof = bytes(a ^ b for a, b in zip(data[:_SIZE], data[_SIZE:], strict=True))
        if not hmac.compare_digest(proof, self._proof(scope, form)):
            raise CsrfFailed

    def _proof(self, scope: str, form: str) -> bytes:
        return hmac.new(self._key, f"{scope}\0{form}".encode(), hashlib.sha256).digest()


KEY = web.AppKey("csrf_key", CsrfKey)


def scope(request: web.Request, form: str = "") -> str:
    """What forms of this browser are bound to: its session, or before one its form cookie.

    The switches of language and view stand on pages of citizens and of staff, who have different
    sessions in one browser: those forms (`web.…`) are always bound to the form cookie.
    """
    if form.startswith("web.") and PRE_SESSION in request:
        return request[PRE_SESSION]
    return request[CSRF_SCOPE]


def value_for(request: web.Request, form: str) -> str:
    """A value for the form that posts to the route `form`."""
    return request.app[KEY].value(scope(request, form), form)


def check(request: web.Request, form: str, value: str) -> None:
    """Raise CsrfFailed unless the value belongs to this browser and form, and the request to our site."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CsrfFailed
    request.app[KEY].check(scope(request, form), form, value)
