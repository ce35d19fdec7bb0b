"""What can be booked and when the desks are open: desks, pools, products with their papers, hours, closed days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from balie.booking import slots, store
from balie.booking.rules import Desk, DocumentSlot, Pool, PoolKind, Product, ProductState, missing_for_live
from balie.booking.slots import ClosedDay, LocalPeriod, PoolHours, Seating, WeeklyHours
from balie.errors import Invalid, NotFound, NotLive
from balie.ids import DeskId, PoolId, ProductId, new_id
from balie.privacy.service import audit
from balie.work import Work

T = TypeVar("T")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_WHOLE_STEPS = ("duration_minutes", "slot_step_minutes", "buffer_minutes", "extra_per_person_minutes")
_LONGEST_MINUTES = 480


async def desks(work: Work) -> list[Desk]:
    """Every desk, by name."""
    return await store.desks(work)


async def desk(work: Work, desk_id: str) -> Desk:
    """One desk; raises NotFound."""
    return _found([each for each in await store.desks(work) if each.id == desk_id])


async def pools(work: Work, desk_id: DeskId | None = None) -> list[Pool]:
    """The pools of a desk, or of all."""
    return await store.pools(work, desk_id)


async def products(work: Work, state: ProductState | None = None) -> list[Product]:
    """Every product, or those in one state."""
    return [each for each in await store.products(work) if state is None or each.state is state]


async def product(work: Work, product_id: str) -> Product:
    """One product, in whatever state; raises NotFound."""
    return _found([each for each in await store.products(work) if each.id == product_id])


async def live_product(work: Work, slug: str) -> Product:
    """The product with this word in its address, when citizens may see it; raises NotFound."""
    return _found([each for each in await products(work, ProductState.LIVE) if each.slug == slug])


async def document_slots(work: Work, product_id: str | None = None) -> list[DocumentSlot]:
    """The papers that a product asks for."""
    return await store.document_slots(work, ProductId(product_id) if product_id else None)


async def desks_of(work: Work, product_id: ProductId) -> list[Desk]:
    """Where a product can be booked, by name."""
    ids = {desk_id for each, desk_id, _ in await store.product_pools(work) if each == product_id}
    return [each for each in await store.desks(work) if each.id in ids]


async def pools_of(work: Work, product_id: ProductId) -> list[PoolId]:
    """The pools that a product claims, at all its desks."""
    return [pool_id for each, _, pool_id in await store.product_pools(work) if each == product_id]


def _found(rows: list[T]) -> T:
    if not rows:
        raise NotFound
    return rows[0]


async def put_desk(work: Work, put: Desk) -> Desk:
    """Add or change a desk; raises Invalid."""
    faults = {}
    if not 1 <= len(put.name.strip()) <= 80:
        faults["name"] = "missing"
    elif any(each.name == put.name and each.id != put.id for each in await store.desks(work)):
        faults["name"] = "name_in_use"
    if not re.search("[0-9]", put.phone_number) or len(put.phone_number) > 30:
        faults["phone_number"] = "missing"
    _refuse(faults)
    await store.save_desk(work, put)
    await audit(work, "booking.put_desk", put.id)
    return put


async def put_pool(work: Work, put: Pool) -> Pool:
    """Add or change a pool; raises Invalid."""
    faults = {} if 1 <= len(put.name.strip()) <= 80 else {"name": "missing"}
    if put.kind is PoolKind.SKILL and put.parent_id is None:
        faults["parent_id"] = "missing"
    _refuse(faults)
    await desk(work, put.desk_id)
    await store.save_pool(work, put)
    await audit(work, "booking.put_pool", put.id)
    return put


async def put_product(
    work: Work, put: Product, pool_ids: Sequence[PoolId], papers: Sequence[DocumentSlot] | None = None
) -> Product:
    """Add or change a product with its pools and papers; raises Invalid, or NotLive with what is missing."""
    kept = list(await store.document_slots(work, put.id) if papers is None else papers)
    known = {each.id: each.desk_id for each in await store.pools(work)}
    faults = _product_faults(put, kept)
    if not pool_ids or any(pool_id not in known for pool_id in pool_ids):
        faults["pools"] = "choose"
    if any(each.slug == put.slug and each.id != put.id for each in await store.products(work)):
        faults["slug"] = "name_in_use"
    _refuse(faults)
    if put.state is ProductState.LIVE and (missing := missing_for_live(put, kept)):
        raise NotLive(missing)
    await store.save_product(work, put)
    await store.save_product_pools(work, put.id, [(known[pool_id], pool_id) for pool_id in pool_ids])
    await store.save_document_slots(work, put.id, [replace(paper, product_id=put.id) for paper in kept])
    await audit(work, "booking.put_product", put.id)
    return put


def _product_faults(put: Product, papers: Sequence[DocumentSlot]) -> dict[str, str]:
    faults = {name: "missing" for name in ("domain", "department", "purpose") if not getattr(put, name).strip()}
    if not put.name.get("nl", "").strip():
        faults["name"] = "missing"
    if not _SLUG.fullmatch(put.slug) or len(put.slug) > 60:
        faults["slug"] = "slug_wrong"
    for name in _WHOLE_STEPS:
        least = 5 if name in ("duration_minutes", "slot_step_minutes") else 0
        value = getattr(put, name)
        if value % 5 or not least <= value <= _LONGEST_MINUTES:
            faults[name] = "five_minutes"
    for name, most in (("max_persons", 20), ("horizon_days", 400), ("retention_period", 36600)):
        if not 1 <= getattr(put, name) <= most:
            faults[name] = "number_range"
    for name in ("lead_minutes", "staff_lead_minutes", "reschedule_until_minutes", "cancel_until_minutes"):
        if not 0 <= getattr(put, name) <= 60 * 24 * 60:
            faults[name] = "number_range"
    if not 1 <= put.simplified_factor <= 4:
        faults["simplified_factor"] = "number_range"
    if len({paper.code for paper in papers}) < len(papers) or any(not _SLUG.fullmatch(p.code) for p in papers):
        faults["document_slots"] = "slug_wrong"
    return faults


def _refuse(faults: dict[str, str]) -> None:
    if faults:
        raise Invalid(faults)


# Opening


def period_faults(period: LocalPeriod) -> dict[str, str]:
    """What is wrong with an opening, by field."""
    faults = {}
    for name in ("from_local", "until_local"):
        if not slots.is_wall_time(getattr(period, name)):
            faults[name] = "not_a_time"
    if not faults and period.from_local >= period.until_local:
        faults["until_local"] = "end_before_begin"
    if not 1 <= period.seats_public <= 200:
        faults["seats_public"] = "number_range"
    return faults


async def weekly_hours(work: Work, pool_ids: Sequence[PoolId]) -> dict[PoolId, list[WeeklyHours]]:
    """The weekly rows of pools."""
    return await store.weekly_hours(work, pool_ids)


async def special_hours(
    work: Work, pool_ids: Sequence[PoolId], from_date: date, until_date: date
) -> dict[PoolId, dict[date, tuple[LocalPeriod, ...]]]:
    """The dates with other hours, per pool."""
    return await store.special(work, pool_ids, from_date, until_date)


async def put_opening_hours(work: Work, pool_id: PoolId, row: WeeklyHours) -> WeeklyHours:
    """Add a weekly opening; raises Invalid."""
    faults = period_faults(row.period)
    if not 1 <= row.weekday <= 7:
        faults["weekday"] = "choose"
    if row.first_date and row.last_date and row.last_date < row.first_date:
        faults["last_date"] = "end_before_begin"
    _refuse(faults)
    _found([each for each in await store.pools(work) if each.id == pool_id])
    put = replace(row, id=row.id or new_id(), period=_with_seats(row.period))
    await store.raise_rules_version(work, pool_id)
    await store.add_opening_hours(work, pool_id, put)
    await audit(work, "booking.put_opening_hours", pool_id)
    return put


def _with_seats(period: LocalPeriod) -> LocalPeriod:
    return replace(period, seats_staff=max(period.seats_staff, period.seats_public))


async def remove_opening_hours(work: Work, hours_id: str) -> None:
    """Take a weekly opening away; what is booked stays."""
    pool_id = await store.remove_opening_hours(work, hours_id)
    if pool_id is None:
        raise NotFound
    await store.raise_rules_version(work, pool_id)
    await audit(work, "booking.remove_opening_hours", pool_id)


async def put_special_hours(work: Work, pool_id: PoolId, day: date, periods: Sequence[LocalPeriod]) -> None:
    """Other hours on one date, in the place of the weekly ones; no periods: closed. Raises Invalid."""
    for period in periods:
        _refuse(period_faults(period))
    _found([each for each in await store.pools(work) if each.id == pool_id])
    await store.raise_rules_version(work, pool_id)
    await store.save_special_hours(work, new_id(), pool_id, day, [_with_seats(period) for period in periods])
    await audit(work, "booking.put_special_hours", pool_id)


async def remove_special_hours(work: Work, pool_id: PoolId, day: date) -> None:
    """The weekly hours count on this date again."""
    await store.raise_rules_version(work, pool_id)
    await store.remove_special_hours(work, pool_id, day)
    await audit(work, "booking.remove_special_hours", pool_id)


async def closed_days(work: Work, from_date: date) -> list[ClosedDay]:
    """Closed days of all desks from a date on."""
    return await store.closed_days(work, from_date)


async def put_closed_day(work: Work, put: ClosedDay) -> ClosedDay:
    """Add or change a closed day; raises Invalid."""
    _refuse({} if 1 <= len(put.name.strip()) <= 80 else {"name": "missing"})
    same = [
        each
        for each in await store.closed_days(work, put.local_date, put.local_date)
        if each.desk_id == put.desk_id and each.id != put.id
    ]
    _refuse({"local_date": "already_closed"} if same else {})
    saved = replace(put, id=put.id or new_id())
    await store.save_closed_day(work, saved)
    await audit(work, "booking.put_closed_day", saved.id)
    return saved


async def remove_closed_day(work: Work, closed_day_id: str) -> None:
    """The desks are open on this date again."""
    await store.remove_closed_day(work, closed_day_id)
    await audit(work, "booking.remove_closed_day", closed_day_id)


async def opening_until(work: Work, desk_id: str, local_date: date) -> datetime | None:
    """When the opening of this date ends, also past midnight; None when closed, or open day and night."""
    found = await store.pools(work, DeskId(desk_id))
    chosen = tuple(each.id for each in found if each.kind is PoolKind.MAIN)
    until_date = local_date + timedelta(days=slots.LONGEST_OPENING_DAYS)
    weekly = await store.weekly_hours(work, chosen)
    special = await store.special(work, chosen, local_date, until_date)
    closed = await store.closed_days(work, local_date, until_date, DeskId(desk_id))
    seating = Seating(
        {pool_id: PoolHours(tuple(weekly[pool_id]), special[pool_id]) for pool_id in chosen},
        slots.confirmed(closed),
    )
    return slots.closing_after(seating, chosen, local_date, ZoneInfo(work.settings.time_zone))
