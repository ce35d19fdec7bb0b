"""The staff's pages: the queue and the counter."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from balie.booking import service as booking
from balie.bus import Bus
from balie.desk import service
from balie.desk.counter_view import counter_page, finished_page
from balie.desk.queue_view import desks_of, queue_page
from balie.desk.rules import Visit, VisitState
from balie.desk.staff_pages import NoDeskPage, QueuePage
from balie.errors import BalieError, Conflict, Invalid, NobodyWaiting, NotWaiting
from balie.history import staff_views as history_views
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.ids import SessionId, VerificationId, new_id
from balie.privacy.purposes import HELP_CITIZEN, VERIFY_IDENTITY
from balie.privacy.service import audit
from balie.web.forms import fields
from balie.web.keys import ACTOR
from balie.web.pages import render
from balie.web.requests import match_id, see_other, url, wants_json, work_for
from balie.work import Work

HOLD_MINUTES = (2, 5, 10, 15)
HOLD_REASONS = ("colleague", "looking_up", "printing", "other")


async def start(request: web.Request) -> web.Response:
    """After signing in: the queue of the first desk."""
    async with work_for(request, HELP_CITIZEN, writes=False) as work:
        desks = await desks_of(work)
    if desks:
        return see_other(request, "desk.queue", desk_id=desks[0].id)
    return render(request, "desk/no_desk", NoDeskPage(request[ACTOR].display_name or ""))


# --- the queue


async def queue(request: web.Request) -> web.Response:
    """Who waits, who is helped, who is expected."""
    async with work_for(request, HELP_CITIZEN) as work:
        page = await _queue_page(work, match_id(request, "desk_id"))
    return render(request, "desk/queue", page)


async def _queue_page(work: Work, desk_id: str, notice: str = "") -> QueuePage:
    service.check_desk(work, desk_id)
    after = work.get(Bus).last(f"desk:{desk_id}")
    ticket = await identity.issue_page_ticket(work, SessionId(work.actor.session_id or ""), new_id())
    return await queue_page(work, desk_id, notice, ticket, after)


async def _refused(request: web.Request, desk_id: str, error: BalieError) -> web.Response:
    """The queue as it is now, with a sentence that says what was in the way."""
    async with work_for(request, HELP_CITIZEN) as work:
        page = await _queue_page(work, desk_id, error.code)
    return render(request, "desk/queue", page, status=error.status)


async def open_counter(request: web.Request) -> web.Response:
    """*Loket openen*."""
    desk_id = match_id(request, "desk_id")
    async with work_for(request, HELP_CITIZEN) as work:
        await service.open_counter(work, desk_id)
    return see_other(request, "desk.queue", desk_id=desk_id)


async def close_counter(request: web.Request) -> web.Response:
    """*Loket sluiten*."""
    desk_id = match_id(request, "desk_id")
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            await service.close_counter(work, desk_id)
    except Conflict as error:
        return await _refused(request, desk_id, error)
    return see_other(request, "desk.queue", desk_id=desk_id)


async def pause_counter(request: web.Request) -> web.Response:
    """*Pauze* and back."""
    desk_id = match_id(request, "desk_id")
    is_paused = (await fields(request)).get("paused") == "ja"
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            await service.pause_counter(work, desk_id, is_paused)
    except Conflict as error:
        return await _refused(request, desk_id, error)
    return see_other(request, "desk.queue", desk_id=desk_id)


async def admit_next(request: web.Request) -> web.Response:
    """*Volgende*: two who press at once never get the same citizen."""
    desk_id = match_id(request, "desk_id")
    try:
        for _ in range(2):
            async with work_for(request, HELP_CITIZEN) as work:
                visit = await service.admit_next(work, desk_id)
            if visit is not None:
                return see_other(request, "desk.counter", desk_id=desk_id, visit_id=visit.id)
        raise NobodyWaiting
    except Conflict as error:
        return await _refused(request, desk_id, error)


async def pick(request: web.Request) -> web.Response:
    """*Oproepen*: this one out of the queue."""
    desk_id, visit_id = match_id(request, "desk_id"), match_id(request, "visit_id")
    try:
        async with work_for(request, HELP_CITIZEN) as work:
            await service.pick(work, visit_id)
    except Conflict as error:
        return await _refused(request, desk_id, error)
    return see_other(request, "desk.counter", desk_id=desk_id, visit_id=visit_id)


# --- the counter


async def counter(request: web.Request) -> web.Response:
    """Everything of one conversation on one page."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.visit_of(work, match_id(request, "visit_id"))
        if visit.state is VisitState.FINISHED:
            return render(request, "desk/finished", await finished_page(work, visit))
        page = await counter_page(
            work, visit, action=_finish_address(request, visit), eerder=request.query.get("eerder")
        )
    return render(request, "desk/counter", page)


def _back(request: web.Request, visit: Visit) -> web.Response:
    if wants_json(request):
        return web.json_response({"ok": True, "state": visit.state})
    return see_other(request, "desk.counter", desk_id=visit.desk_id, visit_id=visit.id)


async def put_back(request: web.Request) -> web.Response:
    """*Terugzetten*."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.put_back(work, match_id(request, "visit_id"))
    return see_other(request, "desk.queue", desk_id=visit.desk_id)


async def record_no_show(request: web.Request) -> web.Response:
    """*Niet verschenen*."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.record_no_show(work, match_id(request, "visit_id"))
    return see_other(request, "desk.queue", desk_id=visit.desk_id)


async def put_on_hold(request: web.Request) -> web.Response:
    """*In de wacht*: with a reason and until when."""
    posted = await fields(request)
    reason, minutes = posted.get("reason", ""), posted.get("minutes", "")
    if reason not in HOLD_REASONS or minutes not in map(str, HOLD_MINUTES):
        raise Invalid({"reason": "choose"})
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.put_on_hold(work, match_id(request, "visit_id"), reason, int(minutes))
    return _back(request, visit)


async def resume(request: web.Request) -> web.Response:
    """*Hervatten*."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.resume(work, match_id(request, "visit_id"))
    return _back(request, visit)


async def release(request: web.Request) -> web.Response:
    """*Vrijgeven*."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.release(work, match_id(request, "visit_id"))
    return see_other(request, "desk.queue", desk_id=visit.desk_id)


async def end(request: web.Request) -> web.Response:
    """*Ophangen*: the conversation is over, what is left is writing down."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.end(work, match_id(request, "visit_id"))
    return _back(request, visit)


async def finish(request: web.Request) -> web.Response:
    """*Afronden*; what was typed stays when something is missing, or when the visit was just moved on."""
    form = await history_views.read_record_form(request)
    visit_id = match_id(request, "visit_id")
    status = 400
    if form.model is not None:
        try:
            desk_id = await _finished(request, visit_id, form.values)
            return see_other(request, "desk.queue", desk_id=desk_id)
        except Invalid as error:
            form.errors.update(error.fields or {"note": error.code})
        except Conflict as error:
            form.errors["outcome"], status = error.code, error.status
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.owned_visit(work, visit_id)
        if visit.state is VisitState.FINISHED:
            return see_other(request, "desk.queue", desk_id=visit.desk_id)
        page = await counter_page(work, visit, action=_finish_address(request, visit), form=form)
    return render(request, "desk/counter", page, status=status)


async def _finished(request: web.Request, visit_id: str, form: Mapping[str, str]) -> str:
    """Finish, a second time when the visit moved on meanwhile (*Ophangen* was still on its way); gives the desk."""
    for last in (False, True):
        try:
            async with work_for(request, HELP_CITIZEN) as work:
                return (await service.finish(work, visit_id, form)).desk_id
        except Conflict:
            if last:
                raise
    raise NotWaiting


def _finish_address(request: web.Request, visit: Visit) -> str:
    return url(request, "desk.finish", desk_id=visit.desk_id, visit_id=visit.id)


# --- who this is


async def ask_identification(request: web.Request) -> web.Response:
    """*Vraag om in te loggen*."""
    async with work_for(request, VERIFY_IDENTITY) as work:
        visit = await service.ask_identification(work, match_id(request, "visit_id"))
    return _back(request, visit)


async def withdraw_identification(request: web.Request) -> web.Response:
    """*Intrekken*."""
    async with work_for(request, VERIFY_IDENTITY) as work:
        visit = await service.owned_visit(work, match_id(request, "visit_id"))
        current = await verifications.current(work, visit.id, "citizen")
        if current is not None:
            await verifications.withdraw(work, VerificationId(current.id))
    return _back(request, visit)


async def show_phone(request: web.Request) -> web.Response:
    """*Bel inwoner*: the number is shown on request, and that is written down."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.owned_visit(work, match_id(request, "visit_id"))
        phone = await service.phone_number_of(work, visit.id)
        await audit(work, "desk.show_phone", visit.id)
        page = await counter_page(work, visit, action=_finish_address(request, visit), phone=phone or "")
    return render(request, "desk/counter", page)


async def send_link_again(request: web.Request) -> web.Response:
    """*Stuur nieuwe link*."""
    async with work_for(request, HELP_CITIZEN) as work:
        visit = await service.owned_visit(work, match_id(request, "visit_id"))
        await booking.send_link_again(work, visit.appointment_id)
        await audit(work, "desk.send_link_again", visit.id)
    return _back(request, visit)
