"""Puts features, middlewares and shared objects on one aiohttp application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import structlog
from aiohttp import web

from balie.jobs import JobFunction, Runner
from balie.web import csrf, limits
from balie.web.features import Feature, Sweep
from balie.web.headers import set_headers
from balie.web.keys import FEATURES, ROUTES, SETTINGS, WORKS
from balie.web.middlewares import Identify, allowed, identified, problems, proof_of_origin, request_log
from balie.work import Works

log = structlog.get_logger()
FORM_LIMIT = 256 * 1024


def assemble(works: Works, features: Sequence[Feature], identify: Identify, csrf_key: bytes) -> web.Application:
    """An application that serves `features`; `identify` puts actor and CSRF scope on each request."""
    app = web.Application(
        middlewares=[request_log, problems, identified(identify), proof_of_origin, allowed],
        client_max_size=FORM_LIMIT,
    )
    app[WORKS] = works
    app[SETTINGS] = works.settings
    app[FEATURES] = list(features)
    app[csrf.KEY] = csrf.CsrfKey(csrf_key)
    app[limits.LIMITS] = limits.Limits()
    app[ROUTES] = {}
    for feature in features:
        add_feature(app, feature)
    app.on_response_prepare.append(set_headers)
    return app


def add_feature(app: web.Application, feature: Feature) -> None:
    """Add routes, listeners and contexts of one feature."""
    for route in feature.routes:
        resource = next((r for r in app.router.resources() if r.name == route.name), None)
        if resource is None:
            resource = app.router.add_resource(route.path, name=route.name)
        assert isinstance(resource, web.Resource)
        resource.add_route(route.method, route.view)
        app[ROUTES][f"{route.method} {route.name}"] = route
        if route.method == "GET":
            resource.add_route("HEAD", route.view)
            app[ROUTES][f"HEAD {route.name}"] = route
    for event_type, listener in feature.listeners:
        app[WORKS].listeners.add(event_type, listener)
    for context in feature.contexts:
        app.cleanup_ctx.append(context)


def background(features: Sequence[Feature]) -> Callable[[web.Application], AsyncIterator[None]]:
    """A context that runs the jobs and sweeps of `features` beside the pages."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        functions: dict[str, JobFunction] = {}
        for feature in features:
            functions.update(feature.jobs)
        tasks = [asyncio.create_task(Runner(app[WORKS], functions).run())]
        tasks += [asyncio.create_task(_sweep(app[WORKS], s)) for f in features for s in f.sweeps]
        yield
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)

    return context


async def _sweep(works: Works, sweep: Sweep) -> None:
    while True:
        await asyncio.sleep(sweep.every_s)
        try:
            await sweep.run(works)
        except Exception as error:  # one look that fails must not end the looking
            log.error("sweep_failed", sweep=sweep.name, error=type(error).__name__)
