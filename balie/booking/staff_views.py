"""The staff's agenda: appointments of a day; booking, moving and cancelling for somebody on the phone."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from aiohttp import web

from balie.booking import forms, service
from balie.booking.choosing import details_errors, new_key, staff_name, times_for
from balie.booking.pages import AgendaLine, AgendaPage, BookForPage, ChangeForPage, Times
from balie.booking.rules import (
    Appointment,
    AppointmentState,
    Audience,
    Companion,
    Desk,
    Interpreter,
    Needs,
    Product,
    ProductState,
    local_date_of,
)
from balie.booking.service import Wish
from balie.booking.slots import make_slot
from balie.errors import AlreadyBooked, BalieError, Invalid, NotFound, SlotNotOffered, SlotTaken, TooLate
from balie.privacy.purposes import HELP_CITIZEN, MAKE_APPOINTMENT
from balie.privacy.service import audit
from balie.web.forms import Form, read_form
from balie.web.keys import ACTOR, WORKS
from balie.web.pages import look_of, render
from balie.web.requests import match_id, url, work_for
from balie.work import Work

DONE = ("booked", "rescheduled", "cancelled", "link_sent")


async def _desks(request: web.Request, work: Work) -> list[Desk]:
    """The desks of this staff member; raises NotFound when there is none."""
    desks = [desk for desk in await service.desks(work) if desk.id in request[ACTOR].desks]
    if not desks:
        raise NotFound
    return desks


async def _desk(request: web.Request, work: Work, desk_id: str | None) -> tuple[Desk, list[Desk]]:
    desks = await _desks(request, work)
    chosen = [desk for desk in desks if desk.id == desk_id] if desk_id else desks[:1]
    if not chosen:
        raise NotFound
    return chosen[0], desks


def _day(request: web.Request, today: date) -> date:
    try:
        return forms.read_date(request.query.get("dag", ""))
    except ValueError:
        return today


async def agenda(request: web.Request) -> web.Response:
    """The appointments of a day with state, needs and what did not arrive; an empty day says why."""
    async with work_for(request, HELP_CITIZEN) as work:
        desk, desks = await _desk(request, work, request.query.get("balie"))
        today = local_date_of(work.now, service.zone_of(work))
        day = _day(request, today)
        found = await service.appointments_of_day(work, desk.id, day)
        await audit(work, "booking.agenda", desk.id)
        done = request.query.get("klaar", "")
        page = AgendaPage(
            staff_name=staff_name(request),
            desk_id=desk.id,
            desk=desk.name,
            desks=tuple((each.id, each.name) for each in desks),
            local_date=day,
            before=day - timedelta(days=1),
            after=day + timedelta(days=1),
            lines=await _lines(request, work, found),
            reason=await _why_empty(work, desk, day) if not found else "",
            done=done if done in DONE else "",
        )
    return render(request, "booking/agenda", page)


async def _why_empty(work: Work, desk: Desk, day: date) -> str:
    """The reason of §2 for the desk's first product, or none when times are free."""
    for product in await service.products(work, ProductState.LIVE):
        if desk in await service.desks_of(work, product.id):
            wish = Wish(desk.id, ((product, 1),), Needs(), Audience.STAFF)
            reason = (await service.find_slots(work, wish, day, day))[0].reason
            return reason.value if reason else "free"
    return "closed"


async def _lines(request: web.Request, work: Work, found: list[Appointment]) -> tuple[AgendaLine, ...]:
    products = {each.id: each for each in await service.products(work)}
    undelivered = await service.undelivered(work, [each.id for each in found])
    language = look_of(request).language
    return tuple(
        AgendaLine(
            appointment_id=each.id,
            slot=make_slot(each.starts_at, each.ends_at, service.zone_of(work)),
            reference=each.reference,
            name=each.name or "",
            product=products[each.product_id].name_in(language),
            state=each.state.value,
            needs=badges(each.needs),
            conflict=each.conflict_reason or "",
            is_over_capacity=each.is_over_capacity,
            is_undelivered=each.id in undelivered,
            may_change=each.state is AppointmentState.BOOKED,
        )
        for each in found
    )


def badges(needs: Needs) -> tuple[str, ...]:
    """The codes of the badges of what a citizen asked for."""
    chosen = {
        "simplified": needs.simplified,
        "interpreter": needs.interpreter is not Interpreter.NONE,
        "language": needs.language != "nl",
        "companion": needs.companion in (Companion.BESIDE, Companion.ELSEWHERE),
        "text": needs.text,
    }
    return tuple(code for code, is_chosen in chosen.items() if is_chosen)


def _to_agenda(request: web.Request, desk_id: str, day: date, done: str) -> web.Response:
    address = f"{url(request, 'booking.agenda')}?balie={desk_id}&dag={day.isoformat()}&klaar={done}"
    return web.Response(status=303, headers={"Location": address})


# For somebody on the phone


async def book_for_page(request: web.Request) -> web.Response:
    """Product, then time, then who, on one address that grows."""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        desk, _ = await _desk(request, work, request.query.get("balie"))
        try:
            chosen = forms.read_instant(request.query.get("starts_at", ""))
        except ValueError:
            chosen = None
        page = await _book_for(request, work, desk, request.query.get("product", ""), chosen)
    return render(request, "booking/book_for", page)


async def _book_for(request: web.Request, work: Work, desk: Desk, slug: str, chosen: Any, **more: Any) -> BookForPage:
    language = look_of(request).language
    live = [
        product
        for product in await service.products(work, ProductState.LIVE)
        if desk.id in [each.id for each in await service.desks_of(work, product.id)]
    ]
    product = next((each for each in live if each.slug == slug), None)
    times: Times | None = None
    slot = None
    if product is not None:
        wish = _wish(desk, product, more.get("needs", Needs()))
        here = f"{url(request, 'booking.book_for_page')}?balie={desk.id}&product={product.slug}"
        if chosen is None:
            times = await times_for(request, work, wish, here)
        else:
            slot = make_slot(chosen, chosen + timedelta(minutes=wish.length_minutes), service.zone_of(work))
        if more.get("problem"):
            more["near"] = tuple(await service.near(work, wish, chosen or work.now))
    more.pop("needs", None)
    return BookForPage(
        staff_name=staff_name(request),
        desk_id=desk.id,
        desk=desk.name,
        products=tuple((each.slug, each.name_in(language)) for each in live),
        slug=product.slug if product else "",
        product=product.name_in(language) if product else "",
        times=times,
        starts_at=forms.instant_text(chosen) if chosen else "",
        chosen=slot,
        key=more.pop("key", None) or new_key(),
        **more,
    )


def _wish(desk: Desk, product: Product, needs: Needs) -> Wish:
    return Wish(desk.id, ((product, 1),), needs, Audience.STAFF)


async def book_for(request: web.Request) -> web.Response:
    """Book in one go; the same form sent twice gives one appointment."""
    form = await read_form(request, forms.Details)
    errors = details_errors(form)
    if form.model is None or errors:
        return await _book_again(request, form, errors, 400)
    details = form.model
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        desk, _ = await _desk(request, work, details.desk_id)
        product = await service.live_product(work, details.slug)
    wish = _wish(desk, product, details.needs)
    try:
        booked = await service.book_for(
            request.app[WORKS], request[ACTOR], wish, details.starts_at, details.name, details.contact, details.key
        )
    except (SlotTaken, SlotNotOffered) as error:
        return await _book_again(request, form, {}, 409, error.code)
    except AlreadyBooked:
        return await _book_again(request, form, {"mobile": "already_booked"}, 409)
    async with work_for(request, MAKE_APPOINTMENT) as work:
        await audit(work, "booking.book_for", booked.id)
        day = local_date_of(booked.starts_at, service.zone_of(work))
    return _to_agenda(request, desk.id, day, "booked")


async def _book_again(
    request: web.Request, form: Form[forms.Details], errors: dict[str, str], status: int, problem: str = ""
) -> web.Response:
    values = form.values
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        desk, _ = await _desk(request, work, values.get("desk_id"))
        try:
            chosen = forms.read_instant(values.get("starts_at", ""))
        except ValueError:
            chosen, problem = work.now, "choose"
        needs = form.model.needs if form.model else Needs()
        page = await _book_for(
            request, work, desk, values.get("slug", ""), chosen,
            needs=needs, key=values.get("key"), values=values, errors=errors, problem=problem,
        )  # fmt: skip
    return render(request, "booking/book_for", page, status=status)


# Moving and cancelling for a citizen


async def _own(request: web.Request, work: Work) -> Appointment:
    """The appointment in the address, at a desk of this staff member; raises NotFound."""
    found = await service.appointment(work, match_id(request, "appointment_id"))
    if found.desk_id not in request[ACTOR].desks:
        raise NotFound
    return found


async def _change_page(request: web.Request, work: Work, about: Appointment, **more: Any) -> ChangeForPage:
    line = (await _lines(request, work, [about]))[0]
    return ChangeForPage(staff_name(request), about.desk_id, line, **more)


async def reschedule_for_page(request: web.Request) -> web.Response:
    """Which other time?"""
    async with work_for(request, HELP_CITIZEN) as work:
        about = await _own(request, work)
        if about.state is not AppointmentState.BOOKED:
            raise TooLate
        page = await _change_page(request, work, about, times=await _other_times(request, work, about))
    return render(request, "booking/reschedule_for", page)


async def _other_times(
    request: web.Request, work: Work, about: Appointment, error: BalieError | None = None, wanted: Any = None
) -> Times:
    wish = await service.wish_for(work, about, Audience.STAFF)
    here = url(request, "booking.reschedule_for_page", appointment_id=about.id) + "?"
    near = tuple(await service.near(work, wish, wanted)) if error and wanted else ()
    return await times_for(request, work, wish, here, near, error.code if error else "")


async def reschedule_for(request: web.Request) -> web.Response:
    """A4 by staff: always, to any time that is offered."""
    form = await read_form(request, forms.NewTime)
    async with work_for(request, HELP_CITIZEN, writes=False) as work:
        about = await _own(request, work)
    if form.model is None:
        raise Invalid(form.errors)
    wanted = form.model.starts_at
    try:
        after = await service.reschedule(request.app[WORKS], request[ACTOR], about.id, wanted, Audience.STAFF)
    except (SlotTaken, SlotNotOffered) as error:
        async with work_for(request, HELP_CITIZEN) as work:
            times = await _other_times(request, work, about, error, wanted)
            page = await _change_page(request, work, about, times=times)
        return render(request, "booking/reschedule_for", page, status=409)
    async with work_for(request, HELP_CITIZEN) as work:
        await audit(work, "booking.reschedule_for", after.id)
        day = local_date_of(after.starts_at, service.zone_of(work))
    return _to_agenda(request, after.desk_id, day, "rescheduled")


async def cancel_for_page(request: web.Request) -> web.Response:
    """Why is it cancelled?"""
    async with work_for(request, HELP_CITIZEN) as work:
        page = await _change_page(request, work, await _own(request, work))
    return render(request, "booking/cancel_for", page)


async def cancel_for(request: web.Request) -> web.Response:
    """A6: by the municipality, with a reason; the citizen reads an apology and a way to book again."""
    form = await read_form(request, forms.Reason)
    async with work_for(request, HELP_CITIZEN) as work:
        about = await _own(request, work)
        if form.model is None:
            reason = form.values.get("reason", "")
            page = await _change_page(request, work, about, errors=form.errors, reason=reason)
            return render(request, "booking/cancel_for", page, status=400)
        await service.cancel(work, about.id, Audience.STAFF, form.model.reason)
        await audit(work, "booking.cancel_for", about.id)
        day = local_date_of(about.starts_at, service.zone_of(work))
    return _to_agenda(request, about.desk_id, day, "cancelled")


async def send_link_again(request: web.Request) -> web.Response:
    """A new link to the address on file; the old one ends."""
    async with work_for(request, HELP_CITIZEN) as work:
        about = await _own(request, work)
        await service.send_link_again(work, about.id)
        day = local_date_of(about.starts_at, service.zone_of(work))
    return _to_agenda(request, about.desk_id, day, "link_sent")
