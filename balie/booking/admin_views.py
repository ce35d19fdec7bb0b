"""The administrator's pages: products, opening hours, closed days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from aiohttp import web

from balie.actors import RUN_SERVICE, AssuranceLevel
from balie.booking import forms, service
from balie.booking.choosing import staff_name
from balie.booking.pages import (
    ClosedDayRow,
    ClosedDaysPage,
    HoursRow,
    OpeningHoursPage,
    PoolOfAdmin,
    ProductLineOfAdmin,
    ProductPage,
    ProductsPage,
    SpecialRow,
)
from balie.booking.rules import Audience, DocumentSlot, Identification, Pool, Product, ProductState, local_date_of
from balie.booking.slots import ClosedDay, LocalPeriod, WeeklyHours
from balie.errors import BadField, Invalid, NotFound
from balie.ids import DeskId, PoolId, ProductId, is_id, new_id
from balie.web.forms import Form, fields, read_form
from balie.web.pages import look_of, render
from balie.web.requests import match_id, see_other, url, work_for
from balie.work import Work

_SPECIAL_DAYS = 400
NEW = "nieuw"


def _done(request: web.Request) -> str:
    return "saved" if request.query.get("klaar") == "ja" else ""


def _saved(request: web.Request, name: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url(request, name) + "?klaar=ja"})


async def _pool_names(work: Work) -> dict[PoolId, str]:
    desks = {desk.id: desk.name for desk in await service.desks(work)}
    return {pool.id: f"{desks[pool.desk_id]}: {pool.name}" for pool in await service.pools(work)}


# Products


async def products(request: web.Request) -> web.Response:
    """Every product with its state."""
    async with work_for(request, RUN_SERVICE, writes=False) as work:
        names = await _pool_names(work)
        lines = [
            ProductLineOfAdmin(
                each.id,
                each.name_in(look_of(request).language),
                each.slug,
                each.state.value,
                each.duration_minutes,
                ", ".join(names[pool_id] for pool_id in await service.pools_of(work, each.id)),
            )
            for each in await service.products(work)
        ]
    return render(request, "booking/products", ProductsPage(staff_name(request), tuple(lines), _done(request)))


async def product(request: web.Request) -> web.Response:
    """One product to change, or an empty one."""
    async with work_for(request, RUN_SERVICE, writes=False) as work:
        product_id = request.match_info["product_id"]
        if product_id == NEW:
            values, pools = {"state": "draft"}, []
        else:
            found = await service.product(work, match_id(request, "product_id"))
            values = _values(found, await service.document_slots(work, found.id))
            pools = await service.pools_of(work, found.id)
        page = await _product_page(request, work, product_id, values, {}, pools)
    return render(request, "booking/product", page)


async def _product_page(
    request: web.Request,
    work: Work,
    product_id: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    chosen: list[PoolId],
) -> ProductPage:
    pools = tuple((pool_id, name, pool_id in chosen) for pool_id, name in (await _pool_names(work)).items())
    return ProductPage(staff_name(request), product_id, values.get("name_nl", ""), values, errors, pools)


_TEXTS = ("name", "plain_name", "explanation", "preparation")
_SAME = (
    "slug",
    "duration_minutes",
    "buffer_minutes",
    "slot_step_minutes",
    "simplified_factor",
    "lead_minutes",
    "horizon_days",
    "reschedule_until_minutes",
    "cancel_until_minutes",
    "check_in_opens_minutes",
    "is_discreet",
    "is_confidential",
    "is_open_on_closed_days",
    "purpose",
    "domain",
    "department",
    "is_retention_confirmed",
)


def _values(found: Product, papers: list[DocumentSlot]) -> dict[str, str]:
    """A product as the form's fields."""
    values = {f"{text}_{code}": getattr(found, text).get(code, "") for text in _TEXTS for code in ("nl", "en")}
    for name in _SAME:
        value = getattr(found, name)
        values[name] = ("ja" if value else "") if isinstance(value, bool) else str(value)
    values |= {
        "state": found.state.value,
        "identification": found.identification.value,
        "minimum_level": found.minimum_level.word,
        "bookable_by": found.bookable_by.value,
        "retention_years": str(max(1, round(found.retention_period / 365))),
        "papers": "\n".join(_paper_line(paper) for paper in papers),
    }
    return values


def _paper_line(paper: DocumentSlot) -> str:
    parts = [paper.code, paper.name.get("nl", ""), paper.plain_name.get("nl", ""), paper.name.get("en", "")]
    return " | ".join([*parts, paper.plain_name.get("en", "")]).rstrip(" |")


async def put_product(request: web.Request) -> web.Response:
    """Save a product; with errors everything typed stays."""
    form = await read_form(request, forms.ProductForm)
    product_id = request.match_info["product_id"]
    if product_id != NEW and not is_id(product_id):
        raise NotFound
    errors = dict(form.errors)
    async with work_for(request, RUN_SERVICE) as work:
        chosen = [PoolId(each) for each in form.values.get("pools", "").split(",") if each]
        if form.model is not None:
            try:
                await _save_product(work, product_id, form.model, chosen)
                return _saved(request, "booking.products")
            except Invalid as error:
                errors = {_FIELD_OF.get(name, name): code for name, code in error.fields.items()}
        page = await _product_page(request, work, product_id, form.values, errors, chosen)
    return render(request, "booking/product", page, status=400)


# Where a fault of the catalogue stands in the form.
_FIELD_OF = {
    "name": "name_nl",
    "plain_name": "plain_name_nl",
    "document_slots": "papers",
    "retention_period": "retention_years",
}


async def _save_product(work: Work, product_id: str, typed: forms.ProductForm, pools: list[PoolId]) -> None:
    before = None if product_id == NEW else await service.product(work, product_id)
    texts = {text: {c: t for c in ("nl", "en") if (t := getattr(typed, f"{text}_{c}"))} for text in _TEXTS}
    values = {name: getattr(typed, name) for name in _SAME} | texts
    try:
        values |= {
            "state": ProductState(typed.state),
            "identification": Identification(typed.identification),
            "minimum_level": AssuranceLevel.from_word(typed.minimum_level),
            "bookable_by": Audience(typed.bookable_by),
        }
    except (ValueError, KeyError):
        raise Invalid({"state": "choose"}) from None
    values["retention_period"] = typed.retention_years * 365
    saved = replace(before, **values) if before else Product(id=ProductId(new_id()), **values)
    old = {paper.code: paper for paper in await service.document_slots(work, saved.id)}
    await service.put_product(work, saved, pools, _papers(saved.id, typed.papers, old))


def _papers(product_id: ProductId, text: str, old: Mapping[str, DocumentSlot]) -> list[DocumentSlot]:
    """A paper per line: code | name | short name | English name | English short name."""
    papers = []
    for line in text.splitlines():
        if not line.strip():
            continue
        code, name, plain, name_en, plain_en = ([part.strip() for part in line.split("|")] + [""] * 4)[:5]
        if not name:
            raise Invalid({"papers": "paper_line"})
        names = {"nl": name} | ({"en": name_en} if name_en else {})
        plains = ({"nl": plain} if plain else {}) | ({"en": plain_en} if plain_en else {})
        before = old.get(code, DocumentSlot(product_id, code, names, plains))
        papers.append(replace(before, name=names, plain_name=plains))
    return papers


# Opening hours


async def opening_hours(request: web.Request) -> web.Response:
    """Per pool the weekly rows and the dates with other hours."""
    async with work_for(request, RUN_SERVICE, writes=False) as work:
        page = await _hours_page(request, work, {}, {}, "")
    return render(request, "booking/opening_hours", page)


async def _hours_page(
    request: web.Request, work: Work, values: Mapping[str, str], errors: Mapping[str, str], form: str
) -> OpeningHoursPage:
    pools = await service.pools(work)
    names = await _pool_names(work)
    today = local_date_of(work.now, service.zone_of(work))
    ids = [pool.id for pool in pools]
    weekly = await service.weekly_hours(work, ids)
    special = await service.special_hours(work, ids, today, today + timedelta(days=_SPECIAL_DAYS))
    shown = tuple(_pool_of_admin(pool, names[pool.id], weekly[pool.id], special[pool.id]) for pool in pools)
    return OpeningHoursPage(staff_name(request), shown, values, errors, form, _done(request))


def _pool_of_admin(
    pool: Pool, name: str, weekly: list[WeeklyHours], special: Mapping[date, tuple[LocalPeriod, ...]]
) -> PoolOfAdmin:
    rows = tuple(
        HoursRow(
            row.id, row.weekday, row.period.from_local, row.period.until_local, row.period.seats_public,
            row.period.kind.value, row.first_date, row.last_date,
        )
        for row in weekly
    )  # fmt: skip
    dates = tuple(
        SpecialRow(day, tuple(f"{p.from_local}–{p.until_local} ({p.seats_public})" for p in periods))
        for day, periods in sorted(special.items())
    )
    return PoolOfAdmin(pool.id, name, rows, dates)


async def put_opening_hours(request: web.Request) -> web.Response:
    """Add a weekly opening."""
    form = await read_form(request, forms.OpeningRow)
    async with work_for(request, RUN_SERVICE) as work:
        errors = dict(form.errors)
        if (typed := form.model) is not None:
            period = LocalPeriod(typed.from_local, typed.until_local, typed.seats, typed.seats)
            row = WeeklyHours(typed.weekday, period, typed.first_date, typed.last_date)
            try:
                await service.put_opening_hours(work, PoolId(typed.pool_id), row)
                return _saved(request, "booking.opening_hours")
            except Invalid as error:
                errors = _seats_error(error)
        page = await _hours_page(request, work, form.values, errors, "weekly")
    return render(request, "booking/opening_hours", page, status=400)


def _seats_error(error: Invalid) -> dict[str, str]:
    return {"seats" if name == "seats_public" else name: code for name, code in error.fields.items()}


async def remove_opening_hours(request: web.Request) -> web.Response:
    """Take a weekly opening away."""
    async with work_for(request, RUN_SERVICE) as work:
        await service.remove_opening_hours(work, match_id(request, "hours_id"))
    return _saved(request, "booking.opening_hours")


async def put_special_hours(request: web.Request) -> web.Response:
    """Other hours on one date; without times the pool is closed."""
    form = await read_form(request, forms.SpecialRow)
    async with work_for(request, RUN_SERVICE) as work:
        errors = dict(form.errors)
        if (typed := form.model) is not None:
            has_times = typed.from_local or typed.until_local
            period = LocalPeriod(typed.from_local, typed.until_local, typed.seats, typed.seats)
            try:
                periods = [period] if has_times else []
                await service.put_special_hours(work, PoolId(typed.pool_id), typed.local_date, periods)
                return _saved(request, "booking.opening_hours")
            except Invalid as error:
                errors = _seats_error(error)
        page = await _hours_page(request, work, form.values, errors, "special")
    return render(request, "booking/opening_hours", page, status=400)


async def remove_special_hours(request: web.Request) -> web.Response:
    """The weekly hours count on this date again."""
    values = await fields(request)
    try:
        day = forms.read_date(values.get("local_date", ""))
    except ValueError:
        raise BadField({"local_date": "not_a_date"}) from None
    async with work_for(request, RUN_SERVICE) as work:
        await service.remove_special_hours(work, PoolId(match_id(request, "pool_id")), day)
    return _saved(request, "booking.opening_hours")


# Closed days


async def closed_days(request: web.Request) -> web.Response:
    """The closed days still to come."""
    async with work_for(request, RUN_SERVICE, writes=False) as work:
        page = await _closed_page(request, work, Form({}))
    return render(request, "booking/closed_days", page)


async def _closed_page(request: web.Request, work: Work, form: Form[forms.ClosedDayForm]) -> ClosedDaysPage:
    desks = {desk.id: desk.name for desk in await service.desks(work)}
    today = local_date_of(work.now, service.zone_of(work))
    rows = tuple(
        ClosedDayRow(
            day.id, day.local_date, day.name, desks.get(day.desk_id, "") if day.desk_id else "", day.state.value
        )
        for day in await service.closed_days(work, today)
    )
    return ClosedDaysPage(staff_name(request), rows, tuple(desks.items()), form.values, form.errors, _done(request))


async def put_closed_day(request: web.Request) -> web.Response:
    """Close a date, for one desk or for all."""
    form = await read_form(request, forms.ClosedDayForm)
    async with work_for(request, RUN_SERVICE) as work:
        if (typed := form.model) is not None:
            desk_id = DeskId((await service.desk(work, typed.desk_id)).id) if typed.desk_id else None
            try:
                await service.put_closed_day(work, ClosedDay("", typed.local_date, typed.name, desk_id))
                return _saved(request, "booking.closed_days")
            except Invalid as error:
                form.errors = error.fields
        page = await _closed_page(request, work, form)
    return render(request, "booking/closed_days", page, status=400)


async def remove_closed_day(request: web.Request) -> web.Response:
    """Open on this date again."""
    async with work_for(request, RUN_SERVICE) as work:
        await service.remove_closed_day(work, match_id(request, "closed_day_id"))
    return see_other(request, "booking.closed_days")
