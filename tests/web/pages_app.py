"""A small application with the pages, files and preferences alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient

from balie.actors import ANONYMOUS
from balie.errors import NotFound
from balie.settings import Settings
from balie.web import assets, csrf, pages, preferences
from balie.web.features import Feature
from balie.web.headers import set_headers
from balie.web.keys import ACTOR, CSRF_SCOPE, ROUTE, ROUTES, SETTINGS
from balie.web.middlewares import problems, proof_of_origin

Browser = TestClient[web.Request, web.Application]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[web.Application], Awaitable[Browser]]


@web.middleware
async def _as_anonymous(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[ACTOR] = ANONYMOUS
    request[CSRF_SCOPE] = "a browser"
    name = request.match_info.route.resource.name if request.match_info.route.resource else None
    route = request.app[ROUTES].get(f"{request.method} {name}")
    if route is None:
        raise NotFound
    request[ROUTE] = route
    return await handler(request)


def pages_app(settings: Settings, *features: Feature, templates: Path | None = None) -> web.Application:
    """The application; a test adds the routes that it looks at as a Feature of its own."""
    app = web.Application(middlewares=[problems, _as_anonymous, proof_of_origin])
    app[SETTINGS] = settings
    app[csrf.KEY] = csrf.CsrfKey(b"k" * 32)
    app[ROUTES] = {}
    for feature in (assets.FEATURE, preferences.FEATURE, *features):
        for route in feature.routes:
            app.router.add_resource(route.path, name=route.name).add_route(route.method, route.view)
            app[ROUTES][f"{route.method} {route.name}"] = route
    pages.install(app)
    if templates is not None:
        app[pages.KEY] = pages.Pages(
            settings, app[assets.KEY], lambda name, **match: str(app.router[name].url_for(**match)), templates
        )
    app.on_response_prepare.append(set_headers)
    return app
