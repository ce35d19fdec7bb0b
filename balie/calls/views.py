"""Offer, report and result of the check; a page that goes; staff's answer to a second device."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from balie.actors import ActorKind
from balie.calls import check, ice, service
from balie.calls.check import Checks, Offer, Result
from balie.calls.rules import CITIZEN, TURN_TTL_CHECK_S, Presence, seat_of, verdict_of
from balie.errors import BadField, NotAllowed
from balie.ids import VisitId, is_id
from balie.privacy.purposes import HELP_CITIZEN
from balie.web import limits
from balie.web.envelope import read_fields
from balie.web.forms import fields
from balie.web.keys import ACTOR, SETTINGS, WORKS
from balie.web.requests import match_id, work_for

M = TypeVar("M", bound=BaseModel)
PRIVATE = {"Cache-Control": "no-store"}


async def check_offer(request: web.Request) -> web.Response:
    """The echo's answer to the page's offer; three checks of one link in ten minutes."""
    offer = await _body(request, Offer)
    session_id = _session(request)
    limits.take(request, "calls.check", session_id, 3, 600)
    settings = request.app[SETTINGS]
    servers = ice.servers(settings, request.app[WORKS].clock(), TURN_TTL_CHECK_S)["servers"]
    source = limits.address_of(request)
    check_id, sdp = await request.app[WORKS].get(Checks).offer(session_id, offer.sdp, servers, source, settings.demo)
    return web.json_response({"check_id": check_id, "sdp": sdp}, headers=PRIVATE)


async def check_report(request: web.Request) -> web.Response:
    """What came in at the echo until now."""
    report = await request.app[WORKS].get(Checks).report(_session(request), match_id(request, "check_id"))
    return web.json_response(report, headers=PRIVATE)


async def check_done(request: web.Request) -> web.Response:
    """The page needs the echo no more."""
    await request.app[WORKS].get(Checks).end(_session(request), match_id(request, "check_id"))
    return web.Response(status=204)


async def check_result(request: web.Request) -> web.Response:
    """The verdict of what the page measured; a citizen's is kept for the staff card."""
    result = await _body(request, Result)
    actor = request[ACTOR]
    if actor.kind is ActorKind.STAFF or actor.appointment_id is None:
        known = {k: v for k, v in result.figures.model_dump().items() if v is not None}
        verdict = verdict_of(result.path, known)
    else:
        async with work_for(request, HELP_CITIZEN) as work:
            verdict = await check.keep_result(work, actor.appointment_id, actor.participant or CITIZEN, result)
    return web.json_response({"verdict": verdict.value}, headers=PRIVATE)


async def page_gone(request: web.Request) -> web.Response:
    """A beacon at `pagehide`: the seat may be taken again at once."""
    form = await fields(request)
    call_id = form.get("topic", "").removeprefix("call:")
    # Whatever else took the person away: the page is gone, and only a sign-in is waited for.
    why = "signing_in" if form.get("why") == "signing_in" else "page_gone"
    if not is_id(call_id):
        raise BadField({"topic": "bad_field"})
    async with work_for(request, HELP_CITIZEN) as work:
        call = await service.call_by_id(work, call_id)
        participant = seat_of(work.actor, call) if call else None
        if call is None or participant is None:
            raise NotAllowed
        taken = await service.seat(work, call.appointment_id, participant)
        if taken is not None and taken.page_id == form.get("page_id"):
            await service.note_presence(work, call.visit_id, participant, Presence.AWAY, why)
    return web.Response(status=204)


async def second_device(request: web.Request) -> web.Response:
    """Staff let a second device take over, or keep it outside."""
    answer = (await fields(request)).get("answer")
    visit_id = VisitId(match_id(request, "visit_id"))
    act = {"let_take_over": service.let_take_over, "refuse": service.refuse_take_over}.get(answer or "")
    if act is None:
        raise BadField({"answer": "choose"})
    async with work_for(request, HELP_CITIZEN) as work:
        await act(work, visit_id, CITIZEN)
    back = request.headers.get("Referer", "")
    if "application/json" in request.headers.get("Accept", "") or not back.startswith(
        request.app[SETTINGS].public_origin + "/"
    ):
        return web.Response(status=204)
    return web.Response(status=303, headers={"Location": back})


def _session(request: web.Request) -> str:
    session_id = request[ACTOR].session_id
    if session_id is None:
        raise NotAllowed
    return session_id


async def _body(request: web.Request, model: type[M]) -> M:
    try:
        sent: Any = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError) as error:
        raise BadField({"": "bad_field"}) from error
    if not isinstance(sent, dict):
        raise BadField({"": "bad_field"})
    read = read_fields(model, sent)
    assert isinstance(read, model)
    return read
