"""The citizen's pages of booking, one question per page; all of them work without scripts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from aiohttp import web

from balie.booking import forms, service
from balie.booking.choosing import details_errors, new_key, times_for
from balie.booking.messages import link_address
from balie.booking.pages import (
    BookedPage,
    CheckAnswersPage,
    ChooseProductPage,
    ChooseTimePage,
    HeldTime,
    NotMadePage,
    ProductCard,
    Summary,
    Times,
    YourDetailsPage,
)
from balie.booking.rules import (
    LANGUAGES,
    Appointment,
    AppointmentState,
    Audience,
    Companion,
    ContactDetails,
    Desk,
    Identification,
    Needs,
    Product,
    ProductState,
    mobile_in_words,
)
from balie.booking.service import Wish
from balie.booking.slots import Slot, make_slot
from balie.errors import AlreadyBooked, HoldExpired, Invalid, NotFound, SlotNotOffered, SlotTaken, TooManyAppointments
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.web import csrf, limits
from balie.web.forms import Form, fields, read_form
from balie.web.keys import ACTOR, SETTINGS, WORKS
from balie.web.pages import View, look_of, render
from balie.web.requests import match_id, see_other, url, work_for
from balie.work import Work


async def choose_product(request: web.Request) -> web.Response:
    """Step 1: what is it about?"""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        language = look_of(request).language
        found = await service.products(work, ProductState.LIVE)
        cards = [await _card(work, p, language) for p in found if p.bookable_by is Audience.CITIZEN]
    return render(request, "booking/choose_product", ChooseProductPage(tuple(c for c in cards if c.desks)))


async def _card(work: Work, product: Product, language: str) -> ProductCard:
    papers = await service.document_slots(work, product.id)
    desks = await service.desks_of(work, product.id)
    return ProductCard(
        slug=product.slug,
        name=product.name_in(language),
        explanation=product.explanation.get(language, product.explanation.get("nl", "")),
        minutes=product.duration_minutes,
        papers=tuple(paper.name_in(language) for paper in papers),
        asks_sign_in=product.identification is not Identification.NEVER,
        desks=tuple((desk.id, desk.name) for desk in desks),
    )


# Step 2: when?


async def _product_and_desk(work: Work, slug: str, desk_id: str | None) -> tuple[Product, list[Desk]]:
    """The product, and its desks with the chosen one first."""
    product = await service.live_product(work, slug)
    desks = await service.desks_of(work, product.id)
    if product.bookable_by is not Audience.CITIZEN or not desks:
        raise NotFound
    if desk_id and desk_id not in [desk.id for desk in desks]:
        raise NotFound
    return product, sorted(desks, key=lambda desk: desk.id != desk_id)


def _needs_of(request: web.Request) -> Needs:
    look = look_of(request)
    return Needs(language=look.language, simplified=look.view is View.SIMPLIFIED)


async def choose_time(request: web.Request) -> web.Response:
    """Step 2: the first free moment, and times per date."""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        product, desks = await _product_and_desk(work, request.match_info["slug"], request.query.get("balie"))
        wish = Wish(desks[0].id, ((product, 1),), _needs_of(request), Audience.CITIZEN)
        here = url(request, "booking.choose_time", slug=product.slug)
        times = await times_for(request, work, wish, f"{here}?balie={desks[0].id}")
    return render(request, "booking/choose_time", _time_page(request, product, desks, new_key(), times))


def _time_page(request: web.Request, product: Product, desks: list[Desk], key: str, times: Times) -> ChooseTimePage:
    return ChooseTimePage(
        slug=product.slug,
        product=product.name_in(look_of(request).language),
        desk_id=desks[0].id,
        desk=desks[0].name,
        key=key,
        times=times,
        desks=tuple((desk.id, desk.name) for desk in desks),
    )


def browser(request: web.Request, work: Work) -> str:
    """How this browser is known in `booked_by`."""
    return service.browser_ref(work, csrf.scope(request))


async def hold(request: web.Request) -> web.Response:
    """A time was pressed: keep it, then ask who comes."""
    form = await read_form(request, forms.ChosenTime)
    slug = request.match_info["slug"]
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        product, desks = await _product_and_desk(work, slug, form.values.get("desk_id"))
        booked_by = browser(request, work)
        own = await service.hold_of(work, booked_by)
    needs = own.needs if own else _needs_of(request)
    wish = Wish(desks[0].id, ((product, 1),), needs, Audience.CITIZEN)
    if form.model is None:
        return await _times_again(request, product, desks, wish, None, form.values.get("key") or new_key(), "choose")
    if own is None:
        _limit_holds(request)
    chosen = form.model
    try:
        held = await service.hold(
            request.app[WORKS], request[ACTOR], wish, chosen.starts_at, booked_by, chosen.key, chosen.after
        )
    except (SlotTaken, SlotNotOffered) as error:
        return await _times_again(request, product, desks, wish, chosen.starts_at, chosen.key, error.code)
    except AlreadyBooked:
        async with work_for(request, MAKE_APPOINTMENT) as work:
            source = await service.own_appointment(work, own.id if own else chosen.after or "", booked_by)
            contact = await service.contact_details(work, source.id)
        return await _not_made(request, chosen.starts_at, contact)
    if held.state is AppointmentState.BOOKED:
        return see_other(request, "booking.booked", appointment_id=held.id)
    has_answers = held.has_contact_details or bool(chosen.after)
    return see_other(request, "booking.check_answers" if has_answers else "booking.your_details")


def _limit_holds(request: web.Request) -> None:
    settings = request.app[SETTINGS]
    network = limits.network_of(request)
    limits.take(request, "booking.hold", network, settings.holds_per_network, settings.hold_minutes * 60)


async def _times_again(
    request: web.Request,
    product: Product,
    desks: list[Desk],
    wish: Wish,
    wanted: datetime | None,
    key: str,
    problem: str,
) -> web.Response:
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        near = tuple(await service.near(work, wish, wanted)) if wanted else ()
        here = f"{url(request, 'booking.choose_time', slug=product.slug)}?balie={wish.desk_id}"
        times = await times_for(request, work, wish, here, near, problem)
    page = _time_page(request, product, desks, key, times)
    return render(request, "booking/choose_time", page, status=409 if wanted else 400)


# Step 3: who comes?


async def _own_hold(request: web.Request, work: Work) -> Appointment:
    held = await service.hold_of(work, browser(request, work))
    if held is None:
        raise HoldExpired
    return held


def _held_time(work: Work, held: Appointment) -> HeldTime:
    slot = make_slot(held.starts_at, held.ends_at, service.zone_of(work))
    return HeldTime(slot, held.expires_at, may_extend=not held.was_extended)


def values_of(held: Appointment, details: ContactDetails) -> dict[str, str]:
    """What was answered before, as the form's fields."""
    values = {
        "name": held.name or "",
        "mobile": mobile_in_words(details.mobile) if details.mobile else "",
        "mail": details.mail or "",
        "language": held.needs.language,
        "interpreter": held.needs.interpreter.value,
    }
    chosen = {
        "companion": held.needs.companion is Companion.BESIDE,
        "text": held.needs.text,
        "simplified": held.needs.simplified,
    }
    return values | {name: "ja" for name, is_chosen in chosen.items() if is_chosen}


async def your_details(request: web.Request) -> web.Response:
    """Step 3, with what was answered before."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        held = await _own_hold(request, work)
        product = await service.product(work, held.product_id)
        values = values_of(held, await service.contact_details(work, held.id))
        page = YourDetailsPage(
            slug=product.slug,
            product=product.name_in(look_of(request).language),
            desk_id=held.desk_id,
            key=held.idempotency_key or new_key(),
            held=_held_time(work, held),
            starts_at=forms.instant_text(held.starts_at),
            values=values,
        )
    return render(request, "booking/your_details", page)


async def put_details(request: web.Request) -> web.Response:
    """Keep the answers with the time; when the time is gone, everything typed stays and other times are offered."""
    form = await read_form(request, forms.Details)
    errors = details_errors(form)
    if form.model is None or errors:
        return await _details_again(request, replace_errors(form, errors), 400)
    details = form.model
    try:
        held = await _hold_for(request, details)
        if held.state is AppointmentState.BOOKED:
            return see_other(request, "booking.booked", appointment_id=held.id)
        async with work_for(request, MAKE_APPOINTMENT) as work:
            await service.put_person(work, held.id, browser(request, work), details.name, details.contact)
    except (SlotTaken, SlotNotOffered, HoldExpired) as error:
        return await _details_again(request, form, 409, error.code)
    except AlreadyBooked:
        return await _not_made(request, details.starts_at, details.contact)
    return see_other(request, "booking.check_answers")


def replace_errors(form: Form[forms.Details], errors: dict[str, str]) -> Form[forms.Details]:
    """The form with these errors."""
    return Form(form.values, None, errors)


async def _hold_for(request: web.Request, details: forms.Details) -> Appointment:
    """The hold of this browser with these needs and this time; made anew when it had ended and the time is free."""
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        product, desks = await _product_and_desk(work, details.slug, details.desk_id)
        booked_by = browser(request, work)
        own = await service.hold_of(work, booked_by)
    if own is None:
        _limit_holds(request)
    wish = Wish(desks[0].id, ((product, 1),), details.needs, Audience.CITIZEN)
    return await service.hold(request.app[WORKS], request[ACTOR], wish, details.starts_at, booked_by, details.key)


async def _details_again(
    request: web.Request, form: Form[forms.Details], status: int, problem: str = ""
) -> web.Response:
    values = form.values
    async with work_for(request, MAKE_APPOINTMENT, writes=False) as work:
        product, desks = await _product_and_desk(work, values.get("slug", ""), values.get("desk_id"))
        held = await service.hold_of(work, browser(request, work))
        near: tuple[Slot, ...] = ()
        try:
            wanted = forms.read_instant(values.get("starts_at", ""))
        except ValueError:
            wanted, problem = work.now, problem or "choose"
        if problem:
            needs = form.model.needs if form.model else _needs_of(request)
            wish = Wish(desks[0].id, ((product, 1),), needs, Audience.CITIZEN, besides=held.id if held else None)
            near = tuple(await service.near(work, wish, wanted))
        page = YourDetailsPage(
            slug=product.slug,
            product=product.name_in(look_of(request).language),
            desk_id=desks[0].id,
            key=values.get("key") or new_key(),
            held=_held_time(work, held) if held and not problem else None,
            starts_at=values.get("starts_at", ""),
            values=values,
            errors=form.errors,
            near=near,
            problem=problem,
        )
    return render(request, "booking/your_details", page, status=status)


async def _not_made(request: web.Request, starts_at: datetime, contact: ContactDetails) -> web.Response:
    """Another appointment of this contact stands at this time: only its owner is told, by message."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        await service.already_booked(work, starts_at, contact)
        await service.let_go(work, browser(request, work))
    return render(request, "booking/not_made", NotMadePage(tuple(contact.masked())), status=409)


# Step 4: is this right?


async def check_answers(request: web.Request) -> web.Response:
    """Step 4: everything once more, with a way back to each answer."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        held = await _own_hold(request, work)
        if not held.has_contact_details:
            return see_other(request, "booking.your_details")
        page = await _check_page(request, work, held)
    return render(request, "booking/check_answers", page)


async def _check_page(
    request: web.Request, work: Work, held: Appointment, near: tuple[Slot, ...] = (), problem: str = ""
) -> CheckAnswersPage:
    product = await service.product(work, held.product_id)
    return CheckAnswersPage(
        appointment_id=held.id,
        slug=product.slug,
        desk_id=held.desk_id,
        key=new_key() if problem else held.idempotency_key or new_key(),
        summary=await summary_of(request, work, held),
        held=_held_time(work, held) if held.is_held(work.now) else None,
        near=near,
        problem=problem,
    )


async def summary_of(request: web.Request, work: Work, about: Appointment) -> Summary:
    """An appointment in words, for the browser that made it."""
    language = look_of(request).language
    product = await service.product(work, about.product_id)
    details = await service.contact_details(work, about.id)
    papers = await service.document_slots(work, product.id)
    return Summary(
        product=product.name_in(language),
        desk=(await service.desk(work, about.desk_id)).name,
        slot=make_slot(about.starts_at, about.ends_at, service.zone_of(work)),
        name=about.name or "",
        mobile=mobile_in_words(details.mobile) if details.mobile else "",
        mail=details.mail or "",
        language=LANGUAGES[about.needs.language],
        interpreter=about.needs.interpreter.value,
        companion=about.needs.companion.value,
        text=about.needs.text,
        simplified=about.needs.simplified,
        papers=tuple(paper.name_in(language) for paper in papers),
        preparation=product.preparation.get(language, product.preparation.get("nl", "")),
        asks_sign_in=product.identification is not Identification.NEVER,
    )


async def confirm(request: web.Request) -> web.Response:
    """A2: make the appointment; pressing twice gives one."""
    values = await fields(request)
    appointment_id = values.get("appointment_id", "")
    settings = request.app[SETTINGS]
    limits.take(request, "booking.confirm", limits.network_of(request), settings.bookings_per_network, 3600)
    try:
        async with work_for(request, MAKE_APPOINTMENT) as work:
            booked = await service.confirm(work, appointment_id, browser(request, work))
    except (HoldExpired, TooManyAppointments) as error:
        return await _check_again(request, appointment_id, error.code)
    except Invalid:
        return see_other(request, "booking.your_details")
    return see_other(request, "booking.booked", appointment_id=booked.id)


async def _check_again(request: web.Request, appointment_id: str, problem: str) -> web.Response:
    async with work_for(request, MAKE_APPOINTMENT) as work:
        held = await service.own_appointment(work, appointment_id, browser(request, work))
        near: tuple[Slot, ...] = ()
        if problem == "hold_expired":
            wish = replace(await service.wish_for(work, held, Audience.CITIZEN), minutes=None)
            near = tuple(await service.near(work, wish, held.starts_at))
        page = await _check_page(request, work, held, near, problem)
    return render(request, "booking/check_answers", page, status=409)


async def extend_hold(request: web.Request) -> web.Response:
    """Keep the time a while longer, once; then back to where the citizen was."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        held = await _own_hold(request, work)
        await service.extend_hold(work, held.id, browser(request, work))
    return see_other(request, "booking.check_answers" if held.has_contact_details else "booking.your_details")


async def let_go(request: web.Request) -> web.Response:
    """The citizen leaves: the time is free again at once."""
    async with work_for(request, MAKE_APPOINTMENT) as work:
        await service.let_go(work, browser(request, work))
    return see_other(request, "booking.choose_product")


async def booked(request: web.Request) -> web.Response:
    """Done: when, what to have ready, and the link, also when no message can be sent."""
    appointment_id = match_id(request, "appointment_id")
    async with work_for(request, MAKE_APPOINTMENT) as work:
        about = await service.own_appointment(work, appointment_id, browser(request, work))
        if about.state is not AppointmentState.BOOKED:
            raise NotFound
        page = await booked_page(request, work, about)
    return render(request, "booking/booked", page)


async def booked_page(request: web.Request, work: Work, about: Appointment, was_moved: bool = False) -> BookedPage:
    """What the pages after booking and after moving show."""
    token = await service.link_of(work, about.id)
    if token is None:
        raise NotFound
    summary = await summary_of(request, work, about)
    details = await service.contact_details(work, about.id)
    calendar = url(request, "booking.calendar_file", token=token)
    return BookedPage(summary, link_address(work.settings, token), calendar, tuple(details.masked()), was_moved)
