"""Typed keys for what hangs on the application and on a request."""

from aiohttp import web

from balie.actors import Actor
from balie.settings import Settings
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.work import Works

SETTINGS = web.AppKey("settings", Settings)
WORKS = web.AppKey("works", Works)
FEATURES = web.AppKey("features", list[Feature])
ROUTES = web.AppKey("routes", dict[str, Route])

ACTOR = web.RequestKey("actor", Actor)
ROUTE = web.RequestKey("route", Route)
ACCESS = web.RequestKey("access", Access)
REQUEST_ID = web.RequestKey("request_id", str)
CSRF_SCOPE = web.RequestKey("csrf_scope", str)
PRE_SESSION = web.RequestKey("pre_session", str)
NEW_PRE_SESSION = web.RequestKey("new_pre_session", bool)
FORM = web.RequestKey("form", dict[str, str])
