"""What identity plugs into the application: routes, the sweep of what is due, retention, the relying parties."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from balie.external.http import Http
from balie.identity import service, staff_views, verification, views
from balie.identity.oidc import RelyingParties, providers_from
from balie.identity.screens import SCREENS
from balie.web.access import Access
from balie.web.features import Feature, Route, Sweep, TableRule
from balie.web.keys import WORKS
from balie.work import Works

SWEEP_S = 2.0


def prepare(works: Works) -> Http:
    """Put the shared client and the relying parties on the works; refuses settings that cannot sign in."""
    http = Http(works.settings.trusted_ca)
    works.put(Http, http)
    works.put(RelyingParties, RelyingParties(providers_from(works.settings), http))
    return http


async def providers(app: web.Application) -> AsyncIterator[None]:
    """The shared client for as long as the application runs."""
    http = prepare(app[WORKS])
    yield
    await http.close()


FEATURE = Feature(
    name="identity",
    routes=[
        Route("POST", "/gesprek/identificatie/{verification_id}/start", views.start, "identity.start", Access.LINK),
        Route(
            "POST",
            "/gesprek/identificatie/{verification_id}/niet-nu",
            views.decline,
            "identity.decline",
            Access.LINK,
        ),
        Route(
            "GET",
            "/inloggen/burger/terug",
            views.come_back_from_provider,
            "identity.come_back",
            Access.PUBLIC,
            csrf="none",
        ),
        Route("GET", "/inloggen/medewerker", staff_views.show_sign_in, "identity.staff_sign_in", Access.PUBLIC),
        Route("POST", "/inloggen/medewerker", staff_views.start, "identity.staff_sign_in", Access.PUBLIC),
        Route(
            "GET",
            "/inloggen/medewerker/terug",
            staff_views.come_back_from_provider,
            "identity.staff_come_back",
            Access.PUBLIC,
            csrf="none",
        ),
        Route("POST", "/medewerker/uitloggen", staff_views.sign_out, "identity.staff_sign_out", Access.STAFF),
    ],
    sweeps=[Sweep("identity.expire", SWEEP_S, verification.expire_due)],
    tables=[
        TableRule("session", "24 hours after its end", service.destroy_sessions),
        TableRule("page_ticket", "24 hours after its end", service.destroy_tickets),
        TableRule("sign_in_attempt", "24 hours after its end", service.destroy_attempts),
        TableRule("invitation", "30 days after its end", service.destroy_invitations),
        TableRule("citizen", "with the contact history: retain_until", service.destroy_citizens),
        TableRule("staff_member", "three years after the last sign-in", service.destroy_staff),
        TableRule("desk_membership", "with staff_member"),
        TableRule("team", "until an administrator removes it"),
        TableRule("verification", "30 days after it was asked", verification.destroy_verifications),
    ],
    screens=SCREENS,
    contexts=[providers],
)
