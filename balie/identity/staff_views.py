"""Sign-in and sign-out of staff at the municipality's own provider."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from balie.actors import Actor, ActorKind, AssuranceLevel, Role
from balie.errors import BalieError, NoRole, RolesConflict
from balie.identity import cookies, service
from balie.identity.links import SessionKind
from balie.identity.oidc import STAFF, RelyingParties, Secrets
from balie.identity.pages import StaffSignInPage
from balie.identity.rules import StaffMember, texts_of
from balie.identity.sign_in import come_back, read_callback
from balie.identity.tokens import VerifiedToken
from balie.ids import SessionId, is_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.service import audit
from balie.web import limits
from balie.web.access import Access
from balie.web.forms import fields
from balie.web.keys import ACTOR, PRE_SESSION, ROUTES, SETTINGS, WORKS
from balie.web.pages import look_of, render
from balie.web.requests import see_other, work_for
from balie.work import Work

HOME = "desk.staff_start"
ADMIN_HOME = "booking.products"
_STAFF_PAGES = (Access.STAFF, Access.TEAM_LEAD, Access.ADMIN, Access.PRIVACY_OFFICER)


async def show_sign_in(request: web.Request) -> web.Response:
    """The sign-in page; `terug` names the page that asked for it."""
    page = StaffSignInPage(way_back=_known_way(request, request.query.get("terug", "")))
    return render(request, "identity/staff_sign_in", page)


async def start(request: web.Request) -> web.Response:
    """Write the attempt down and answer with a plain link to the provider."""
    works, settings = request.app[WORKS], request.app[SETTINGS]
    limits.take(request, "identity.sign_in", request[PRE_SESSION], settings.sign_ins_per_session, 60)
    limits.take(request, "identity.sign_in_network", limits.network_of(request), settings.sign_ins_per_network, 60)
    way_back = _known_way(request, (await fields(request)).get("terug", ""))
    party = works.get(RelyingParties)[STAFF]
    metadata, fresh = await party.metadata(works.clock()), Secrets.fresh()
    async with work_for(request, HELP_CITIZEN) as work:
        await service.start_attempt(work, fresh, provider=STAFF, return_to=way_back or HOME)
    link = party.authorization_url(
        metadata, fresh, minimum_level=AssuranceLevel.NONE, is_fresh=False, language=look_of(request).language
    )
    response = render(request, "identity/staff_sign_in", StaffSignInPage(way_back, link))
    cookies.set_sign_in(request, response, fresh.cookie)
    return response


async def come_back_from_provider(request: web.Request) -> web.Response:
    """The provider's answer: take the person on or renew roles and desks, start the session, go back."""
    works = request.app[WORKS]
    answer = read_callback(request.rel_url.raw_query_string)
    party = works.get(RelyingParties)[STAFF]
    attempt, outcome = await come_back(works, party, answer, cookies.sign_in_value(request))
    if isinstance(outcome, BalieError):
        raise outcome
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            member, new = await service.sign_in_staff(work, issuer=party.provider.issuer, **_claims(request, outcome))
            await _end_earlier(work, request[ACTOR])
    except (NoRole, RolesConflict) as refusal:
        async with work_for(request, HELP_CITIZEN) as work:
            await audit(work, "sign_in", attempt.id, result="denied", reason_code=refusal.code)
        raise
    response = _to(request, _landing(attempt.return_to, member))
    cookies.remember_session(request, response, new)
    cookies.expire_sign_in(request, response)
    return response


async def sign_out(request: web.Request) -> web.Response:
    """End the session, close its sockets, take the cookie away."""
    async with work_for(request, HELP_CITIZEN) as work:
        await service.end_session(work, SessionId(request[ACTOR].session_id or ""), "signed_out")
        await audit(work, "sign_out", request[ACTOR].id or "")
    response = see_other(request, "identity.staff_sign_in")
    cookies.forget_session(request, response, SessionKind.STAFF)
    return response


async def _end_earlier(work: Work, actor: Actor) -> None:
    if actor.kind is ActorKind.STAFF and actor.session_id is not None:
        await service.end_session(work, SessionId(actor.session_id), "signed_in_anew")


def _claims(request: web.Request, token: VerifiedToken) -> dict[str, Any]:
    settings, claims = request.app[SETTINGS], token.claims
    name, email = claims.get("name"), claims.get("email")
    return {
        "subject": claims["sub"],
        "name": name if isinstance(name, str) else "",
        "email": email[:255] if isinstance(email, str) else None,
        "roles": texts_of(claims.get(settings.staff_role_claim)),
        "desks": texts_of(claims.get(settings.staff_desk_claim)),
    }


def _known_way(request: web.Request, way: str) -> str:
    """The way back when it is the name of a page of staff with the ids of its address, else nothing."""
    name, *ids = way.split(":")
    route = request.app[ROUTES].get(f"GET {name}")
    is_page = route is not None and route.access in _STAFF_PAGES and all(is_id(each) for each in ids)
    return way if is_page and len(way) <= 120 and len(_places(request, name)) == len(ids) else ""


def _places(request: web.Request, name: str) -> list[str]:
    """The names of the ids in the address of a route, in order."""
    return re.findall(r"\{([a-z_]+)[^}]*\}", request.app[ROUTES][f"GET {name}"].path)


def _landing(way: str, member: StaffMember) -> str:
    """An administrator who helps no citizens begins at the products, everybody else at the queue."""
    is_staff = bool({Role.STAFF, Role.TEAM_LEAD} & member.roles)
    return ADMIN_HOME if way == HOME and Role.ADMIN in member.roles and not is_staff else way


def _to(request: web.Request, way: str) -> web.Response:
    name, *ids = way.split(":")
    return see_other(request, name, **dict(zip(_places(request, name), ids, strict=True)))
