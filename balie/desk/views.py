"""The citizen's pages: the link, and `/gesprek`, one document from the check to goodbye."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from balie.actors import ANONYMOUS
from balie.booking import service as booking
from balie.calls import service as calls
from balie.desk import service, store
from balie.desk.citizen_view import conversation_page, link_page
from balie.desk.pages import EarlyPage, LinkPage, LinkTrouble, LinkTroublePage
from balie.desk.rules import VisitState
from balie.errors import BadField, Conflict, LinkExpired, LinkReplaced, NotFound
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.identity.cookies import remember_session
from balie.identity.links import LinkState, OpenedLink
from balie.ids import AppointmentId, SessionId, VerificationId, new_id
from balie.privacy.purposes import HELP_CITIZEN, MAKE_APPOINTMENT
from balie.web import limits, pages
from balie.web.forms import fields
from balie.web.keys import ACTOR, SETTINGS, WORKS
from balie.web.pages import render
from balie.web.requests import match_id, see_other, url, wants_json, work_for
from balie.work import Work

PART = "X-Part"  # sent by the page's own script: the answer is the screen alone
# Parts of the document; the last two are pages of their own where scripts do not run.
PARTS = {"scherm": "desk/part", "sjablonen": "desk/templates", "papieren": "desk/part", "stoppen": "desk/part"}
COMPANIONS = ("unknown", "none", "beside", "elsewhere")
RATINGS = ("good", "so_so", "bad")
_TABLET = re.compile(r"iPad|Tablet|Android(?!.*Mobile)")
_PHONE = re.compile(r"iPhone|Android.*Mobile|Mobile")


async def home(request: web.Request) -> web.Response:
    """The front door: making an appointment."""
    return web.Response(status=302, headers={"Location": url(request, "booking.choose_product")})


def device_of(request: web.Request) -> str:
    """Phone, tablet or computer, for the word in a sentence; nothing else depends on it."""
    agent = request.headers.get("User-Agent", "")
    if _TABLET.search(agent):
        return "tablet"
    return "phone" if _PHONE.search(agent) else "computer"


# --- the link


async def link(request: web.Request) -> web.Response:
    """GET `/a/{token}`: shows what and when, and changes nothing."""
    _limit_link(request)
    token = request.match_info["token"]
    try:
        async with request.app[WORKS].begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
            opened = await identity.open_link(work, token)
            page = await _page_behind(request, work, token, opened)
            needs = (await booking.appointment(work, opened.appointment_id)).needs
    except (LinkExpired, LinkReplaced, NotFound) as error:
        return _trouble(request, token, error)
    pages.follow_needs(request, simplified=needs.simplified, language=needs.language, cookies_first=True)
    status = 410 if isinstance(page, LinkTroublePage) else 200
    return render(request, _template(page), page, status=status)


async def _page_behind(
    request: web.Request, work: Work, token: str, opened: OpenedLink
) -> LinkPage | EarlyPage | LinkTroublePage:
    appointment = await booking.appointment(work, opened.appointment_id)
    visit = await store.latest_of_appointment(work, opened.appointment_id)
    other = request[ACTOR].appointment_id
    has_other = other is not None and other != opened.appointment_id and await _has_open_visit(work, other)
    return await link_page(work, token, appointment, visit, has_other, device_of(request))


async def _has_open_visit(work: Work, appointment_id: str) -> bool:
    visit = await store.latest_of_appointment(work, AppointmentId(appointment_id))
    return visit is not None and visit.state is not VisitState.FINISHED


def _template(page: LinkPage | EarlyPage | LinkTroublePage) -> str:
    if isinstance(page, LinkPage):
        return "desk/link"
    return "desk/link_early" if isinstance(page, EarlyPage) else "desk/link_trouble"


def _trouble(request: web.Request, token: str, error: NotFound) -> web.Response:
    """Unknown and malformed links get one page, one status; only who held a link of ours reads why."""
    if isinstance(error, LinkReplaced):
        page = LinkTroublePage(LinkTrouble.MOVED, token=token)
    elif isinstance(error, LinkExpired):
        page = LinkTroublePage(LinkTrouble.PAST)
    else:
        settings = request.app[SETTINGS]
        limits.take(request, "link.unknown", limits.network_of(request), settings.unknown_links_per_network, 600)
        page = LinkTroublePage(LinkTrouble.UNKNOWN)
    return render(request, "desk/link_trouble", page, status=error.status)


def _limit_link(request: web.Request) -> None:
    settings = request.app[SETTINGS]
    limits.take(request, "link.network", limits.network_of(request), settings.links_per_network, 60)
    limits.take(request, "link.one", request.match_info["token"][:64], settings.links_per_link, 60)


async def go_on(request: web.Request) -> web.Response:
    """*Ga verder*: the session of this link, the citizen's seat, and on to `/gesprek`."""
    _limit_link(request)
    token = request.match_info["token"]
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            opened = await identity.open_link(work, token)
            session = await identity.start_link_session(work, opened)
            await calls.take_seat(
                work, appointment_id=opened.appointment_id, participant="citizen", session_id=session.session_id
            )
            await _keep_chosen(request, work, AppointmentId(opened.appointment_id))
    except (LinkExpired, LinkReplaced, NotFound) as error:
        return _trouble(request, token, error)
    response = see_other(request, "desk.conversation")
    remember_session(request, response, session)
    return response


async def _keep_chosen(request: web.Request, work: Work, appointment_id: AppointmentId) -> None:
    """What was chosen on the link page, when only this browser could remember it, goes with the appointment."""
    view, language = pages.cookies_of(request)
    if view is not None:
        await booking.change_needs(work, appointment_id, simplified=view is pages.View.SIMPLIFIED)
    if language is not None:
        await booking.change_needs(work, appointment_id, language=language)


async def send_new_link(request: web.Request) -> web.Response:
    """A moved link asks for the new one: it goes to the address on file, and the page says so whatever happens."""
    _limit_link(request)
    token = request.match_info["token"]
    async with work_for(request, MAKE_APPOINTMENT) as work:
        invitation, state = await identity.find_link(work, token)
        if state is LinkState.REPLACED:
            await booking.send_link_again(work, invitation.appointment_id)
    return render(request, "desk/link_trouble", LinkTroublePage(LinkTrouble.MOVED, is_sent=True))


# --- the one document


async def conversation(request: web.Request) -> web.Response:
    """GET `/gesprek`: the step where the citizen is; a reload lands on it."""
    if PART in request.headers:
        return await _show(request, "desk/part")
    return await _show(request, "desk/conversation", with_ticket=True)


async def conversation_part(request: web.Request) -> web.Response:
    """The screen of now alone, which the page reads again after a hint."""
    part = request.match_info["part"]
    if part not in PARTS:
        raise NotFound
    return await _show(request, PARTS[part], part=part)


async def _show(request: web.Request, template: str, with_ticket: bool = False, part: str = "") -> web.Response:
    actor = request[ACTOR]
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.my_visit(work)
        ticket = ""
        if with_ticket and actor.session_id:
            ticket = await identity.issue_page_ticket(work, SessionId(actor.session_id), new_id())
        page = (await conversation_page(work, visit, device_of(request), ticket)).opened(part)
        needs = (await booking.appointment(work, AppointmentId(actor.appointment_id or ""))).needs
        if visit is not None and visit.state is not VisitState.FINISHED:
            await service.note_seen(work, visit.id)
    simplified = bool(visit.needs.get("simplified")) if visit else needs.simplified
    pages.follow_needs(request, simplified=simplified, language=needs.language)
    return render(request, template, page)


async def _answer(request: web.Request) -> web.Response:
    """303 to the document; a page with scripts gets the screen of now at once."""
    if PART in request.headers:
        return await _show(request, "desk/part")
    if wants_json(request):
        return web.json_response({"ok": True})
    return see_other(request, "desk.conversation")


async def check_in(request: web.Request) -> web.Response:
    """From here the citizen waits."""
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            await service.check_in(work)
    except Conflict:  # pressed twice: the second finds the visit of the first; else this says why again
        async with work_for(request, HELP_CITIZEN) as work:
            await service.check_in(work)
    return await _answer(request)


async def begin(request: web.Request) -> web.Response:
    """*Ja, begin*."""
    async with work_for(request, HELP_CITIZEN) as work:
        await service.begin(work)
    return await _answer(request)


async def not_yet(request: web.Request) -> web.Response:
    """*Nog niet*."""
    async with work_for(request, HELP_CITIZEN) as work:
        await service.not_yet(work)
    return await _answer(request)


async def leave(request: web.Request) -> web.Response:
    """*Stop*, after its second question."""
    async with work_for(request, HELP_CITIZEN) as work:
        await service.leave(work)
    return await _answer(request)


async def talk_on(request: web.Request) -> web.Response:
    """*Toch verder praten*."""
    async with work_for(request, HELP_CITIZEN) as work:
        await service.talk_on(work)
    return await _answer(request)


async def rate(request: web.Request) -> web.Response:
    """How it went."""
    rating = (await fields(request)).get("rating", "")
    if rating not in RATINGS:
        raise BadField({"rating": "choose"})
    async with work_for(request, HELP_CITIZEN) as work:
        await service.rate(work, rating)
    return await _answer(request)


async def set_companion(request: web.Request) -> web.Response:
    """Whether somebody helps, and where."""
    companion = (await fields(request)).get("companion", "")
    if companion not in COMPANIONS:
        raise BadField({"companion": "choose"})
    async with work_for(request, HELP_CITIZEN) as work:
        await keep_needs(work, companion=companion)
    return await _answer(request)


async def keep_needs(work: Work, **changed: Any) -> None:
    """Write changed needs on appointment and visit."""
    if work.actor.appointment_id is not None:
        await booking.change_needs(work, AppointmentId(work.actor.appointment_id), **changed)
        await service.change_needs(work, **changed)


async def identified(request: web.Request) -> web.Response:
    """Back from the provider: the proof counts once, and the same seat of the same call is waiting."""
    verification_id = VerificationId(match_id(request, "verification_id"))
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.my_open_visit(work)
        is_open = visit.state in (VisitState.IN_CONVERSATION, VisitState.INTERRUPTED)
        await verifications.complete(work, verification_id, is_visit_open=is_open)
    return see_other(request, "desk.conversation")
