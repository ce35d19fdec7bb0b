"""From session cookie to the request's actor, and to what its forms are bound to."""

from __future__ import annotations

from aiohttp import web

from balie.actors import ANONYMOUS, RUN_SERVICE, Actor
from balie.identity import cookies, service
from balie.identity.links import SessionKind
from balie.web.keys import ACTOR, CSRF_SCOPE, NEW_PRE_SESSION, PRE_SESSION, ROUTE, WORKS
from balie.work import Work, Works

_CITIZEN = (SessionKind.LINK, SessionKind.CITIZEN)
_STAFF = (SessionKind.STAFF,)


async def identify(request: web.Request) -> None:
    """Put actor and CSRF scope on the request; pages of staff use the staff cookie, all others the citizen's."""
    request[PRE_SESSION], request[NEW_PRE_SESSION] = cookies.form_value(request)
    route = request.get(ROUTE)
    is_file = route is not None and route.name.startswith("static.")
    request[ACTOR] = ANONYMOUS if is_file else await actor_of(request, request.app[WORKS])
    request[CSRF_SCOPE] = csrf_scope(request)


async def actor_of(request: web.Request, works: Works) -> Actor:
    """Who sent this request."""
    kinds = _STAFF if cookies.is_staff_path(request.path) else _CITIZEN
    token = cookies.session_token(request, kinds[0])
    if token is None:
        return ANONYMOUS
    async with works.begin(ANONYMOUS, RUN_SERVICE, writes=False) as work:
        found = await service.session_of(work, token, kinds)
        actor = await service.actor_of(work, found) if found is not None else ANONYMOUS
    if found is not None and service.needs_touch(found.session, works.clock()):
        async with works.begin(ANONYMOUS, RUN_SERVICE) as work:
            await service.touch(work, found.session)
    return actor


def csrf_scope(request: web.Request) -> str:
    """What the forms of this page are bound to: its session, before one this browser."""
    return request[ACTOR].session_id or request[PRE_SESSION]


async def has_cookie_of(work: Work, request: web.Request, session_id: str) -> bool:
    """Whether the browser that sent this holds the cookie of that session; for /live."""
    for kinds in (_CITIZEN, _STAFF):
        token = cookies.session_token(request, kinds[0])
        found = await service.session_of(work, token, kinds) if token else None
        if found is not None and found.session.id == session_id:
            return True
    return False
