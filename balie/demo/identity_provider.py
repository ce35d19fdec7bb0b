"""The built-in test provider in the place of DigiD and of staff's provider: two issuers, for the demo only.

Beside the pages of the demo, or as a process of its own:
`BALIE_DEMO=true python -m balie.demo.identity_provider --port 8090 --clients clients.json`,
where the file holds a list of what `balie.identity.oidc.registration` gives.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from balie.demo.people import LEVELS, REALMS, Realm, person_of
from balie.demo.provider_tokens import Client, Grant, Issuer, Refused
from balie.identity.oidc import BUILT_IN, STAFF, providers_from, registration
from balie.settings import Settings
from balie.web import translations
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.keys import SETTINGS, WORKS
from balie.web.pages import TEMPLATES

SLOW_S = 5.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Provider:
    """Both issuers under one origin."""

    def __init__(self, origin: str, clients: Sequence[Client], clock: Callable[[], datetime]) -> None:
        check_origin(origin)
        self.issuers = {
            realm.path: Issuer(
                origin + BUILT_IN + realm.path, [c for c in clients if c.provider == realm.provider], clock
            )
            for realm in REALMS
        }


PROVIDER = web.AppKey("test_provider", Provider)


def check_origin(origin: str) -> None:
    """Loopback, or a private address over https: raises ValueError for any other origin."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if host in _LOOPBACK:
        return
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = host.endswith(".local")
    if parts.scheme != "https" or not is_private:
        raise ValueError("the test identity provider serves loopback, or a private address over https")


def clients_of(registrations: Sequence[dict[str, Any]]) -> list[Client]:
    """The relying parties that a list of registrations names."""
    return [Client.from_registration(each) for each in registrations]


def _realm(request: web.Request) -> tuple[Realm, Issuer]:
    for realm in REALMS:
        if request.match_info["realm"] == realm.path:
            return realm, request.app[PROVIDER].issuers[realm.path]
    raise web.HTTPNotFound


async def discovery(request: web.Request) -> web.Response:
    """The provider's metadata."""
    return web.json_response(_realm(request)[1].metadata())


async def keys(request: web.Request) -> web.Response:
    """The public keys of the ID tokens."""
    return web.json_response(_realm(request)[1].public_keys())


async def authorize(request: web.Request) -> web.Response:
    """Who signs in, with which level, or not at all."""
    realm, issuer = _realm(request)
    try:
        grant = issuer.read_request(request.query)
    except Refused as refused:
        return _page(request, realm, error=refused.error, status=400)
    if request.method == "GET":
        return _page(request, realm, grant=grant)
    chosen = await request.post()
    if chosen.get("langzaam"):
        await asyncio.sleep(SLOW_S)
    if chosen.get("actie") == "afbreken":
        return _back(issuer, grant, {"error": "access_denied"})
    person = person_of(realm, str(chosen.get("persoon", "")))
    if person is None:
        return _page(request, realm, grant=grant, status=400)
    acr = LEVELS.get(str(chosen.get("niveau", ""))) if realm.provider != STAFF else None
    return _back(issuer, grant, {"code": issuer.code_for(grant, person, acr.acr if acr else None)})


def _back(issuer: Issuer, grant: Grant, answer: dict[str, str]) -> web.Response:
    query = urlencode(answer | {"state": grant.state, "iss": issuer.url})
    return web.Response(status=303, headers={"Location": f"{grant.redirect_uri}?{query}"})


async def token(request: web.Request) -> web.Response:
    """An ID token for a code."""
    _, issuer = _realm(request)
    form = {name: str(value) for name, value in (await request.post()).items()}
    try:
        answer = issuer.exchange(form)
    except Refused as refused:
        return web.json_response({"error": refused.error}, status=400)
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def claims_of_token(request: web.Request) -> web.Response:
    """The claims of whoever an access token stands for."""
    _, issuer = _realm(request)
    claims = issuer.claims_of(request.headers.get("Authorization", "").removeprefix("Bearer "))
    return web.json_response(claims) if claims else web.json_response({"error": "invalid_token"}, status=401)


async def end_session(request: web.Request) -> web.Response:
    """Signed out: this provider remembers nobody."""
    return _page(request, _realm(request)[0], is_out=True)


async def style(request: web.Request) -> web.Response:
    """The provider's own style sheet: it is another party than the municipality."""
    _realm(request)
    return web.Response(text=(TEMPLATES / "demo" / "provider.css").read_text(), content_type="text/css")


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
    )


def _page(
    request: web.Request,
    realm: Realm,
    *,
    grant: Grant | None = None,
    error: str | None = None,
    is_out: bool = False,
    status: int = 200,
) -> web.Response:
    language = translations.known(request.query.get("ui_locales", "")[:2]) or translations.DEFAULT
    environment = _environment()
    environment.install_gettext_translations(translations.catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(grant.redirect_uri)) if grant else ""
    text = environment.get_template("demo/provider.html").render(
        realm=realm,
        levels=LEVELS,
        lang=language,
        error=error,
        is_out=is_out,
        chosen_level=_asked_level(grant),
        asks_level=realm.provider != STAFF,
    )
    # Its answer leads back to the municipality, and Chromium checks that hop too.
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)


def _asked_level(grant: Grant | None) -> str:
    asked = [name for name, level in LEVELS.items() if grant is not None and level.acr in grant.acr_values]
    return asked[0] if asked else "substantial"


_PATH = BUILT_IN + "{realm}"
_ROUTES = (
    ("GET", "/.well-known/openid-configuration", discovery, "discovery"),
    ("GET", "/jwks", keys, "keys"),
    ("GET", "/inloggen", authorize, "authorize"),
    ("POST", "/inloggen", authorize, "authorize"),
    ("POST", "/token", token, "token"),
    ("GET", "/userinfo", claims_of_token, "userinfo"),
    ("GET", "/uitloggen", end_session, "end_session"),
    ("GET", "/stijl.css", style, "style"),
)


async def _provide(app: web.Application) -> Any:
    app[PROVIDER] = beside(app[SETTINGS], app[WORKS].clock)
    yield


def beside(settings: Settings, clock: Callable[[], datetime]) -> Provider:
    """The provider that runs in the demo's own server; refuses production mode."""
    if not settings.demo:
        raise ValueError("the test identity provider is for the demo only")
    registrations = [registration(provider) for provider in providers_from(settings).values()]
    return Provider(settings.public_origin, clients_of(registrations), clock)


FEATURE = Feature(
    name="test_provider",
    routes=[
        Route(method, _PATH + path, view, f"demo.provider_{name}", Access.DEMO, csrf="none")
        for method, path, view, name in _ROUTES
    ],
    contexts=[_provide],
)


def own_application(origin: str, registrations: Sequence[dict[str, Any]]) -> web.Application:
    """The provider alone, for a process of its own."""
    app = web.Application()
    app[PROVIDER] = Provider(origin, clients_of(registrations), lambda: datetime.now(UTC))
    for method, path, view, _name in _ROUTES:
        app.router.add_route(method, _PATH + path, view)
    return app


def main() -> None:
    """Serve the provider on a loopback port of its own."""
    arguments = argparse.ArgumentParser(description="Test identity provider, for the demo only")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--clients", type=Path, required=True, help="JSON list of registrations")
    given = arguments.parse_args()
    if not Settings().demo:
        arguments.error("the test identity provider is for the demo only: set BALIE_DEMO=true")
    if given.host not in _LOOPBACK:
        arguments.error("plain http is served on loopback only")
    app = own_application(f"http://{given.host}:{given.port}", json.loads(given.clients.read_text()))
    web.run_app(app, host=given.host, port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
