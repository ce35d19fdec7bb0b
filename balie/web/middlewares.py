"""What happens around every request, outermost first.

The order: request id and access log (so that every answer is counted) → problems (so that every
error below becomes an answer) → route, session and actor → body limit and CSRF (needs the session)
→ access (needs the actor). Headers are set when the answer is prepared.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from balie.errors import BalieError, CsrfFailed, NotFound, TooLarge
from balie.web import access, csrf
from balie.web.features import Route
from balie.web.forms import fields
from balie.web.keys import ACTOR, REQUEST_ID, ROUTE, ROUTES, SETTINGS
from balie.web.problems import answer, fault, from_http

log = structlog.get_logger()
View = Callable[[web.Request], Awaitable[web.StreamResponse]]  # passed by aiohttp under the name `handler`
Identify = Callable[[web.Request], Awaitable[None]]
SAFE = ("GET", "HEAD", "OPTIONS")


@web.middleware
async def request_log(request: web.Request, handler: View) -> web.StreamResponse:
    """Name the request and log it by route, never by address."""
    request[REQUEST_ID] = secrets.token_hex(8)
    began = time.perf_counter()
    response = await handler(request)
    route = request.get(ROUTE)
    if route is None or not route.name.startswith("static."):
        log.info(
            "request",
            method=request.method if request.method in ("GET", "POST", "HEAD") else "other",
            route=route.name if route else None,
            status=response.status,
            ms=round((time.perf_counter() - began) * 1000, 1),
            request_id=request[REQUEST_ID],
        )
    return response


@web.middleware
async def problems(request: web.Request, handler: View) -> web.StreamResponse:
    """Turn every error into an answer."""
    try:
        return await handler(request)
    except BalieError as error:
        return answer(request, error)
    except web.HTTPException as error:
        known = from_http(error)
        if known is None:
            raise
        return answer(request, known, status=error.status)
    except ConnectionResetError:
        raise
    except Exception as error:
        return fault(request, error)


def identified(identify: Identify) -> Middleware:
    """Find the route and who asks; `identify` (of identity) puts actor and CSRF scope on the request."""

    @web.middleware
    async def middleware(request: web.Request, handler: View) -> web.StreamResponse:
        name = request.match_info.route.resource.name if request.match_info.route.resource else None
        route = request.app[ROUTES].get(f"{request.method} {name}") if name else None
        if route is not None:
            request[ROUTE] = route
        await identify(request)
        if request.match_info.http_exception is not None and request.match_info.http_exception.status == 405:
            raise request.match_info.http_exception
        if route is None:
            raise NotFound
        return await handler(request)

    return middleware


@web.middleware
async def proof_of_origin(request: web.Request, handler: View) -> web.StreamResponse:
    """Forms that change something come from our own page; bodies stay within the route's limit."""
    route = request[ROUTE]
    if request.method in SAFE or route.csrf == "none":
        return await handler(request)
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CsrfFailed
    if route.csrf == "streamed":
        return await handler(request)
    if (request.content_length or 0) > route.max_body:
        raise TooLarge
    value = request.headers.get(csrf.HEADER)
    if value is None:
        value = (await fields(request)).get(csrf.FIELD, "")
    csrf.check(request, route.name, value)
    return await handler(request)


@web.middleware
async def allowed(request: web.Request, handler: View) -> web.StreamResponse:
    """Only whom the route's access names comes through."""
    route: Route = request[ROUTE]
    access.check(route.access, request[ACTOR], request.app[SETTINGS].demo)
    return await handler(request)
