"""One table from error to status, page, problem+json and live message; no other place answers an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from aiohttp import web

from balie.errors import BalieError, Invalid, NotFound, NotSignedIn, TooLarge, Unavailable
from balie.web.keys import REQUEST_ID, ROUTE
from balie.web.pages import render
from balie.web.requests import url, wants_json

log = structlog.get_logger()
API_PATHS = ("/api/", "/klantinteracties/")
STAFF_PATHS = ("/medewerker", "/beheer")


@dataclass(frozen=True)
class ProblemPage:
    """What templates/errors/problem.html shows: the sentence of `code`, never a text from elsewhere."""

    code: str
    status: int
    retry_after_s: int | None = None


def problem(error: BalieError) -> dict[str, Any]:
    """The error as problem+json (RFC 9457)."""
    kind = next(c for c in type(error).__mro__ if BalieError in c.__bases__)
    body: dict[str, Any] = {
        "type": f"urn:balie:problem:{error.code}",
        "title": kind.__name__,
        "status": error.status,
        "code": error.code,
        "detail": (type(error).__doc__ or "").split("\n")[0],
    }
    if isinstance(error, Invalid) and error.fields:
        body["invalidParams"] = [{"name": n, "code": c, "reason": c} for n, c in error.fields.items()]
    return body


def from_http(error: web.HTTPException) -> BalieError | None:
    """The framework's own refusals in our words; None for redirects and the like."""
    if error.status in (404, 405):
        return NotFound()
    if error.status == 413:
        return TooLarge()
    return Invalid() if error.status == 400 else None


def answer(request: web.Request, error: BalieError, status: int | None = None) -> web.Response:
    """The answer to a refused request, in the form that who asked can read."""
    status = status or error.status
    if request.path.startswith(API_PATHS) or wants_json(request):
        response = web.json_response(
            {**problem(error), "status": status}, status=status, content_type="application/problem+json"
        )
    elif isinstance(error, NotSignedIn) and request.path.startswith(STAFF_PATHS):
        sign_in = url(request, "identity.staff_sign_in") + _way_back(request)
        return web.Response(status=303, headers={"Location": sign_in})
    else:
        retry = error.retry_after_s if isinstance(error, Unavailable) else None
        response = render(request, "errors/problem", ProblemPage(error.code, status, retry), status=status)
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _way_back(request: web.Request) -> str:
    """The page that asked for the sign-in, by route name and ids: identity leads back to it."""
    route = request.get(ROUTE)
    if request.method != "GET" or route is None:
        return ""
    return "?" + urlencode({"terug": ":".join((route.name, *request.match_info.values()))})


def fault(request: web.Request, error: Exception) -> web.Response:
    """One calm answer to what should not have happened; the log holds the kind and where, no content."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
    log.error("fault", error=type(error).__name__, where=where, request_id=request.get(REQUEST_ID))
    return answer(request, BalieFault(), status=500)


class BalieFault(BalieError):
    """Something went wrong on our side."""

    status = 500
