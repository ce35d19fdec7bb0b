"""What every view needs: a Work for this request, an address, a redirect."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from aiohttp import web

from balie.actors import Purpose
from balie.errors import NotFound
from balie.ids import is_id
from balie.web.keys import ACTOR, WORKS
from balie.work import Work


def work_for(request: web.Request, purpose: Purpose, writes: bool = True) -> AbstractAsyncContextManager[Work]:
    """A piece of work by whoever sent this request."""
    return request.app[WORKS].begin(request[ACTOR], purpose, writes=writes)


def url(request: web.Request, name: str, **match: str) -> str:
    """The path of a route by its name."""
    return str(request.app.router[name].url_for(**match))


def see_other(request: web.Request, name: str, **match: str) -> web.Response:
    """303 to a route: what a form that did something answers."""
    return web.Response(status=303, headers={"Location": url(request, name, **match)})


def match_id(request: web.Request, name: str) -> str:
    """An id from the address; NotFound when it has not the form of one."""
    text = request.match_info[name]
    if not is_id(text):
        raise NotFound
    return text


def wants_json(request: web.Request) -> bool:
    """Whether the page's script asked, rather than the browser itself."""
    return "application/json" in request.headers.get("Accept", "")
