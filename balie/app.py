"""Puts the application together, top to bottom: settings, database, keys, bus, features, middlewares, files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from balie.booking import wiring as booking
from balie.bus import Bus
from balie.calls import wiring as calls
from balie.db import create_engine
from balie.desk import views as desk_views
from balie.desk import wiring as desk
from balie.desk.timers import Started
from balie.documents import wiring as documents
from balie.events import Listeners
from balie.history import wiring as history
from balie.history.api import api_client_of
from balie.identity import middleware as identity_middleware
from balie.identity import service as identity_service
from balie.identity import wiring as identity
from balie.jobs import Wake
from balie.migrate import migrate, newest
from balie.privacy import wiring as privacy
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.sealing import Keyring, load_keyring
from balie.settings import Settings
from balie.web import assets, health, live, openapi, pages, preferences
from balie.web.access import Access
from balie.web.application import assemble, background
from balie.web.features import Feature
from balie.web.keys import ACTOR, ROUTE, WORKS
from balie.web.requests import work_for
from balie.work import Clock, Works, system_clock


def make_works(settings: Settings, clock: Clock = system_clock) -> Works:
    """Database, keys and what is shared by type."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    works = Works(create_engine(settings.database), settings, Listeners(), clock)
    works.put(Keyring, load_keyring(settings.keys_dir, may_make=settings.demo))
    works.put(Bus, Bus())
    works.put(Wake, Wake())
    works.put(Started, Started(clock()))
    return works


def own_features() -> list[Feature]:
    """What every installation has."""
    return [
        assets.FEATURE,
        preferences.FEATURE,
        live.FEATURE,
        openapi.feature(),
        health.feature(newest(), [health.Check("keys", privacy.keys_are_there)]),
        privacy.feature(),
        identity.FEATURE,
        booking.FEATURE,
        calls.FEATURE,
        documents.FEATURE,
        history.feature(),
        desk.FEATURE,
    ]


def make_app(works: Works, more: Sequence[Feature] = ()) -> web.Application:
    """The application on these works; `more` are the features of the demo."""
    features = [*own_features(), *more]
    app = assemble(works, features, identify, works.get(Keyring).derive("csrf"))
    pages.install(app)
    sockets = live.Sockets()
    works.put(live.Sockets, sockets)
    door = live.Door(
        use_ticket=identity_service.use_page_ticket,
        issue_ticket=identity_service.issue_page_ticket,
        has_cookie_of=identity_middleware.has_cookie_of,
    )
    live.install(app, door, sockets)
    app[preferences.KEEP_CHOICE] = keep_choice
    app.cleanup_ctx.append(_database)
    app.cleanup_ctx.append(background(features))
    return app


async def identify(request: web.Request) -> None:
    """Who asks: an API client by its token, everybody else by the session cookie."""
    await identity_middleware.identify(request)
    route = request.get(ROUTE)
    if route is not None and route.access is Access.API:
        request[ACTOR] = await api_client_of(request, request.app[WORKS])


async def keep_choice(request: web.Request, choice: preferences.Choice) -> None:
    """Write the view or language that a citizen with a link chose on the appointment and the visit."""
    if request[ACTOR].appointment_id is None:
        return
    changed: dict[str, object] = {}
    if choice.view is not None:
        changed["simplified"] = choice.view is pages.View.SIMPLIFIED
    if choice.language is not None:
        changed["language"] = choice.language
    async with work_for(request, HELP_CITIZEN) as work:
        await desk_views.keep_needs(work, **changed)


async def _database(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[WORKS].engine.dispose()


async def prepare(works: Works) -> None:
    """Bring the database up to date before the first request."""
    await migrate(works.engine)
