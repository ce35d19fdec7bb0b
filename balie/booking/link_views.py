"""Behind the citizen's link: move, cancel, and the calendar file; GET shows, POST acts."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from balie.booking import forms, service
from balie.booking.choosing import times_for
from balie.booking.messages import Post, calendar_of, letter_page, link_address
from balie.booking.pages import CancelledPage, ChooseOtherTimePage, ManagePage
from balie.booking.rules import Appointment, Audience, MessageKind, check_cancel, check_reschedule
from balie.booking.slots import make_slot
from balie.booking.views import booked_page
from balie.errors import BalieError, NotFound, SlotNotOffered, SlotTaken, TooLate
from balie.identity import service as identity
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.web import limits
from balie.web.forms import read_form
from balie.web.keys import ACTOR, SETTINGS, WORKS
from balie.web.pages import follow_needs, look_of, render
from balie.web.requests import see_other, url, work_for
from balie.work import Work


async def _opened(request: web.Request, work: Work) -> Appointment:
    """The appointment of the link; raises NotFound, LinkExpired, LinkReplaced. From here on pages follow its needs."""
    settings = request.app[SETTINGS]
    limits.take(request, "link.network", limits.network_of(request), settings.links_per_network, 60)
    limits.take(request, "link.one", request.match_info["token"][:64], settings.links_per_link, 60)
    try:
        opened = await identity.open_link(work, request.match_info["token"])
    except NotFound as error:
        if type(error) is NotFound:
            network = limits.network_of(request)
            limits.take(request, "link.unknown", network, settings.unknown_links_per_network, 600)
        raise
    found = await service.appointment(work, opened.appointment_id)
    follow_needs(request, simplified=found.needs.simplified, language=found.needs.language, cookies_first=True)
    return found


async def manage(request: web.Request) -> web.Response:
    """ "Kunt u niet komen?": another time, or not at all."""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        page = await _manage_page(request, work, await _opened(request, work))
    return render(request, "booking/manage", page)


async def _manage_page(request: web.Request, work: Work, about: Appointment) -> ManagePage:
    product = await service.product(work, about.product_id)
    allowed = []
    for check in (check_reschedule, check_cancel):
        try:
            check(about, product, work.now, Audience.CITIZEN)
            allowed.append(True)
        except TooLate:
            allowed.append(False)
    return ManagePage(
        token=request.match_info["token"],
        product="" if product.is_discreet else product.name_in(look_of(request).language),
        slot=make_slot(about.starts_at, about.ends_at, service.zone_of(work)),
        may_reschedule=allowed[0],
        may_cancel=allowed[1],
    )


async def cancel(request: web.Request) -> web.Response:
    """A5: the citizen does not come."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        about = await _opened(request, work)
        await service.cancel(work, about.id, Audience.CITIZEN)
    return see_other(request, "booking.cancelled")


async def cancelled(request: web.Request) -> web.Response:
    """After cancelling; the link has ended, so this page knows nothing of the appointment."""
    return render(request, "booking/cancelled", CancelledPage())


async def choose_other_time(request: web.Request) -> web.Response:
    """Which other time?"""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        about = await _opened(request, work)
        check_reschedule(about, await service.product(work, about.product_id), work.now, Audience.CITIZEN)
        page = await _other_time_page(request, work, about)
    return render(request, "booking/choose_other_time", page)


async def _other_time_page(
    request: web.Request, work: Work, about: Appointment, error: BalieError | None = None, wanted: str = ""
) -> ChooseOtherTimePage:
    token = request.match_info["token"]
    wish = await service.wish_for(work, about, Audience.CITIZEN)
    near = tuple(await service.near(work, wish, forms.read_instant(wanted))) if error else ()
    here = url(request, "booking.choose_other_time", token=token) + "?"
    times = await times_for(request, work, wish, here, near, error.code if error else "")
    return ChooseOtherTimePage(token, make_slot(about.starts_at, about.ends_at, service.zone_of(work)), times)


async def reschedule(request: web.Request) -> web.Response:
    """A4: the old time stands until the new one is sure."""
    form = await read_form(request, forms.NewTime)
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        about = await _opened(request, work)
        if form.model is None:
            page = await _other_time_page(request, work, about)
            page = replace(page, times=replace(page.times, problem="choose"))
            return render(request, "booking/choose_other_time", page, status=400)
    try:
        after = await service.reschedule(
            request.app[WORKS], request[ACTOR], about.id, form.model.starts_at, Audience.CITIZEN
        )
    except (SlotTaken, SlotNotOffered) as error:
        async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
            page = await _other_time_page(request, work, about, error, form.values["starts_at"])
        return render(request, "booking/choose_other_time", page, status=409)
    async with work_for(request, MAKE_APPOINTMENT) as work:
        token = await service.link_of(work, after.id)
    return see_other(request, "booking.rescheduled", token=token or "")


async def rescheduled(request: web.Request) -> web.Response:
    """After moving: the new time, and the new link."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        about = await _opened(request, work)
        page = await booked_page(request, work, about, was_moved=True)
        # Whoever holds the link sees what and when, and nothing of the person.
        product = await service.product(work, about.product_id)
        shown = replace(page.summary, product="" if product.is_discreet else page.summary.product, name="")
        page = replace(page, summary=replace(shown, mobile="", mail=""))
    return render(request, "booking/booked", page)


async def calendar_file(request: web.Request) -> web.Response:
    """The appointment for the citizen's own calendar."""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        about = await _opened(request, work)
        link = link_address(work.settings, request.match_info["token"])
        letter = await letter_page(work, about, MessageKind.BOOKED, link)
        file = calendar_of(work.get(Post).pages, work.settings, about, letter, work.now, None)
    response = web.Response(body=file, content_type="text/calendar", charset="utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="afspraak.ics"'
    return response
