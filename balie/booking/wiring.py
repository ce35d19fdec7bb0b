"""What booking plugs in: pages of citizens, staff and administrators, the message job, tables with their periods."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from aiohttp import web

from balie.booking import admin_views, link_views, service, staff_views, store, views
from balie.booking.messages import Post, send_message
from balie.booking.screens import SCREENS
from balie.external.http import Http
from balie.external.mail import MailServer
from balie.external.notifynl import NotifyNL
from balie.privacy.rules import BATCH
from balie.web import pages
from balie.web.access import Access
from balie.web.features import Feature, Route, TableRule, View
from balie.web.keys import SETTINGS, WORKS
from balie.work import Work

HOLDS_KEPT = timedelta(hours=24)
CONTACT_DETAILS_KEPT = timedelta(days=30)


async def _destroy_holds(work: Work, now: datetime) -> int:
    return await store.destroy_holds(work, now - HOLDS_KEPT, BATCH)


async def _erase_contact_details(work: Work, now: datetime) -> int:
    return await store.erase_contact_details(work, now - CONTACT_DETAILS_KEPT, BATCH)


def _public(method: str, path: str, view: View, name: str) -> Route:
    return Route(method, path, view, f"booking.{name}", Access.PUBLIC)


def _staff(method: str, path: str, view: View, name: str) -> Route:
    return Route(method, f"/medewerker/agenda{path}", view, f"booking.{name}", Access.STAFF)


def _admin(method: str, path: str, view: View, name: str) -> Route:
    return Route(method, f"/beheer/{path}", view, f"booking.{name}", Access.ADMIN)


CITIZEN = [
    _public("GET", "/afspraak/maken", views.choose_product, "choose_product"),
    _public("GET", "/afspraak/maken/{slug}", views.choose_time, "choose_time"),
    _public("POST", "/afspraak/maken/{slug}/tijd", views.hold, "hold"),
    _public("GET", "/afspraak/gegevens", views.your_details, "your_details"),
    _public("POST", "/afspraak/gegevens/bewaren", views.put_details, "put_details"),
    _public("GET", "/afspraak/controle", views.check_answers, "check_answers"),
    _public("POST", "/afspraak/bevestigen", views.confirm, "confirm"),
    _public("POST", "/afspraak/langer", views.extend_hold, "extend_hold"),
    _public("POST", "/afspraak/stoppen", views.let_go, "let_go"),
    _public("GET", "/afspraak/klaar/{appointment_id}", views.booked, "booked"),
    _public("GET", "/afspraak/afgezegd", link_views.cancelled, "cancelled"),
    _public("GET", "/a/{token}/afzeggen", link_views.manage, "manage"),
    _public("POST", "/a/{token}/afzeggen", link_views.cancel, "cancel"),
    _public("GET", "/a/{token}/verzetten", link_views.choose_other_time, "choose_other_time"),
    _public("POST", "/a/{token}/verzetten", link_views.reschedule, "reschedule"),
    _public("GET", "/a/{token}/verzet", link_views.rescheduled, "rescheduled"),
    _public("GET", "/a/{token}/afspraak.ics", link_views.calendar_file, "calendar_file"),
]

STAFF = [
    _staff("GET", "", staff_views.agenda, "agenda"),
    _staff("GET", "/nieuw", staff_views.book_for_page, "book_for_page"),
    _staff("POST", "/nieuw", staff_views.book_for, "book_for"),
    _staff("GET", "/{appointment_id}/verzetten", staff_views.reschedule_for_page, "reschedule_for_page"),
    _staff("POST", "/{appointment_id}/verzetten", staff_views.reschedule_for, "reschedule_for"),
    _staff("GET", "/{appointment_id}/afzeggen", staff_views.cancel_for_page, "cancel_for_page"),
    _staff("POST", "/{appointment_id}/afzeggen", staff_views.cancel_for, "cancel_for"),
    _staff("POST", "/{appointment_id}/nieuwe-link", staff_views.send_link_again, "send_link_again"),
]

ADMIN = [
    _admin("GET", "producten", admin_views.products, "products"),
    _admin("GET", "producten/{product_id}", admin_views.product, "product"),
    _admin("POST", "producten/{product_id}", admin_views.put_product, "put_product"),
    _admin("GET", "openingstijden", admin_views.opening_hours, "opening_hours"),
    _admin("POST", "openingstijden", admin_views.put_opening_hours, "put_opening_hours"),
    _admin("POST", "openingstijden/afwijkend", admin_views.put_special_hours, "put_special_hours"),
    _admin("POST", "openingstijden/{hours_id}/weg", admin_views.remove_opening_hours, "remove_opening_hours"),
    _admin("POST", "openingstijden/afwijkend/{pool_id}/weg", admin_views.remove_special_hours, "remove_special_hours"),
    _admin("GET", "gesloten-dagen", admin_views.closed_days, "closed_days"),
    _admin("POST", "gesloten-dagen", admin_views.put_closed_day, "put_closed_day"),
    _admin("POST", "gesloten-dagen/{closed_day_id}/weg", admin_views.remove_closed_day, "remove_closed_day"),
]


async def _post(app: web.Application) -> AsyncIterator[None]:
    """The ways out for messages, as long as the application runs."""
    settings = app[SETTINGS]
    async with Http(settings.trusted_ca) as http:
        app[WORKS].put(Post, Post(app[pages.KEY], MailServer(settings), NotifyNL(settings, http)))
        yield


_WITH_APPOINTMENT = "with the appointment; contact details and messages 30 days after the start"
_CATALOGUE = "as long as the municipality offers it; no personal data"

FEATURE = Feature(
    name="booking",
    routes=[*CITIZEN, *STAFF, *ADMIN],
    jobs={service.SEND_MESSAGE: send_message},
    tables=[
        TableRule("appointment", "holds 24 hours; contact details 30 days after the start", _erase_contact_details),
        TableRule("claim", "holds 24 hours, then the end of the visit", _destroy_holds),
        TableRule("appointment_event", _WITH_APPOINTMENT),
        TableRule("message", _WITH_APPOINTMENT),
        *(
            TableRule(name, _CATALOGUE)
            for name in (
                "desk", "pool", "product", "document_slot", "product_pool",
                "opening_hours", "special_hours", "closed_day",
            )
        ),
    ],
    screens=SCREENS,
    contexts=[_post],
)  # fmt: skip
