"""What the pages of citizens, staff and administrators share: times of the asked dates, forms, who is signed in."""

from __future__ import annotations

import secrets
from datetime import date, timedelta

from aiohttp import web

from balie.booking import forms, service
from balie.booking.pages import Times, times_of
from balie.booking.rules import local_date_of
from balie.booking.service import Wish
from balie.booking.slots import Slot
from balie.web.forms import Form
from balie.web.keys import ACTOR
from balie.work import Work

DATES_A_PAGE = 7
_ONE_DAY = timedelta(days=1)


def staff_name(request: web.Request) -> str:
    """Who is signed in, for the top of the page."""
    return request[ACTOR].display_name or ""


def new_key() -> str:
    """A key of a form: the same key again shows the same appointment."""
    return secrets.token_urlsafe(24)


def _asked_date(request: web.Request, name: str) -> date | None:
    try:
        return forms.read_date(request.query[name]) if name in request.query else None
    except ValueError:
        return None


async def times_for(
    request: web.Request, work: Work, wish: Wish, here: str, near: tuple[Slot, ...] = (), problem: str = ""
) -> Times:
    """The dates that the address asks for (`dag`, `vanaf`), else from today on with the first free moment."""
    today = local_date_of(work.now, service.zone_of(work))
    day, begin = _asked_date(request, "dag"), _asked_date(request, "vanaf")
    longest = today + timedelta(days=max(product.horizon_days for product, _ in wish.lines))
    if day is not None:
        day = min(max(day, today), longest)
        found = await service.find_slots(work, wish, day, day)
        earlier, later = day - _ONE_DAY, day + _ONE_DAY
        return times_of(
            found, here, is_one_day=True, earlier=earlier if earlier >= today else None,
            later=later if later <= longest else None, near=near, problem=problem,
        )  # fmt: skip
    first = None if begin else await service.first_free(work, wish)
    if begin is None and first is not None:
        begin = local_date_of(first.starts_at, service.zone_of(work))
    begin = min(max(begin or today, today), longest)
    found = await service.find_slots(work, wish, begin, begin + timedelta(days=DATES_A_PAGE - 1))
    earlier, later = begin - timedelta(days=DATES_A_PAGE), begin + timedelta(days=DATES_A_PAGE)
    return times_of(
        found, here, first_free=first, near=near, problem=problem,
        earlier=max(earlier, today) if begin > today else None, later=later if later <= longest else None,
    )  # fmt: skip


def details_errors(form: Form[forms.Details]) -> dict[str, str]:
    """The model's errors, and one when there is no way to reach this person."""
    errors = dict(form.errors)
    if not form.values.get("mobile") and not form.values.get("mail"):
        errors.setdefault("mobile", "mobile_or_mail")
    return errors
