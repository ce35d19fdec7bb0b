"""What documents plug in: addresses, jobs, sweeps, tables with their retention, vault, sandbox and scanner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from aiohttp import web

from balie.booking.rules import AppointmentBooked, AppointmentCancelled
from balie.documents import checking, keeping, offering, service, staff_views, uploads, views
from balie.documents.rules import MIB, UploadLimits
from balie.documents.sandbox import Sandbox
from balie.documents.screens import SCREENS
from balie.documents.vault import Vault
from balie.external.virus_scanner import Verdict, VirusScanner
from balie.web.access import Access
from balie.web.features import Feature, Route, Sweep, TableRule, View
from balie.web.keys import WORKS
from balie.work import Works

log = structlog.get_logger()
_OURS = "/gesprek/documenten"
_THEIRS = "/medewerker/documenten"
_CLEAR_EVERY_S = 600


def _citizen(method: str, path: str, view: View, name: str) -> Route:
    return Route(method, _OURS + path, view, f"documents.{name}", Access.LINK)


def _staff(method: str, path: str, view: View, name: str) -> Route:
    return Route(method, _THEIRS + path, view, f"documents.{name}", Access.STAFF)


ROUTES = [
    Route("POST", _OURS, uploads.offer, "documents.offer", Access.LINK, csrf="streamed"),
    Route("GET", _OURS, views.own, "documents.offer", Access.LINK),
    _citizen("POST", "/vraag/{request_id}/heb-ik-niet", views.skip, "skip"),
    _citizen("GET", "/origineel/{ticket}", views.original, "original"),
    _citizen("GET", "/{document_id}", views.own_pages, "own_pages"),
    _citizen("GET", "/{document_id}/bladzijde/{n}", views.page, "page"),
    _citizen("POST", "/{document_id}/intrekken", views.withdraw, "withdraw"),
    _citizen("POST", "/{document_id}/origineel", views.ask_original, "ask_original"),
    Route(
        "POST",
        _THEIRS + "/bezoek/{visit_id}",
        uploads.offer_by_staff,
        "documents.offer_by_staff",
        Access.STAFF,
        csrf="streamed",
    ),
    _staff("POST", "/bezoek/{visit_id}/vragen", staff_views.ask, "ask"),
    _staff("POST", "/bezoek/{visit_id}/vraag/{request_id}/intrekken", staff_views.withdraw_request, "withdraw_request"),
    _staff("POST", "/bezoek/{visit_id}/niet-meer-tonen", staff_views.stop_showing, "stop_showing"),
    _staff("GET", "/origineel/{ticket}", staff_views.original, "staff_original"),
    _staff("GET", "/{document_id}/bladzijde/{n}", staff_views.page, "staff_page"),
    _staff("POST", "/{document_id}/aannemen", staff_views.accept, "accept"),
    _staff("POST", "/{document_id}/niet-nodig", staff_views.not_needed, "not_needed"),
    _staff("POST", "/{document_id}/onleesbaar", staff_views.refuse, "refuse"),
    _staff("POST", "/{document_id}/tonen", staff_views.show, "show"),
    _staff("POST", "/{document_id}/origineel", staff_views.ask_original, "staff_ask_original"),
]

_WITH_DOCUMENT = "with the row of its document"
TABLES = [
    TableRule("document", "content by section 10 of the specification, the row 5 years", keeping.destroy_both),
    TableRule("document_request", "5 years, after its documents", keeping.destroy_requests),
    TableRule("document_key", "deleting it destroys the document"),
    TableRule("document_page", "with the key of its document"),
    TableRule("document_event", _WITH_DOCUMENT),
    TableRule("scan", _WITH_DOCUMENT),
    TableRule("document_shown", "until staff stop showing or the visit ends"),
    TableRule("document_access", "30 days after the right ended", keeping.destroy_access),
    TableRule("document_visit", "as long as documents or questions of the visit", keeping.destroy_visits),
    TableRule("document_ticket", "one minute", keeping.destroy_tickets),
    TableRule("upload", "bytes at once, the row 30 days", keeping.destroy_uploads),
]


async def _ready(app: web.Application) -> AsyncIterator[None]:
    """Vault, sandbox and scanner for every piece of work; what a crash left is cleared before the first page."""
    works = app[WORKS]
    prepare(works)
    log.info("sandbox_walls", walls=await works.get(Sandbox).walls())
    await offering.clear_stale(works)
    asking = asyncio.create_task(_check_scanner(works))
    yield
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking


async def _check_scanner(works: Works) -> None:
    """A file of the largest size must get a verdict: a scanner that stops early says OK to what it never read."""
    scanner, size = works.get(VirusScanner), works.get(UploadLimits).file_bytes
    if not scanner.is_configured:
        log.warning("no_virus_scanner")
        return
    scan = await scanner.scan(_zeros(size))
    if scan.verdict is Verdict.CLEAN:
        log.info("virus_scanner", engine=scan.engine, signatures=scan.signature_version)
    else:
        log.error("virus_scanner_refuses_large_files", megabytes=size // MIB)


async def _zeros(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 65_536):
        yield bytes(65_536)


def prepare(works: Works) -> None:
    """Put what documents need on the works, unless somebody put their own there before."""
    for kind, made in (
        (Vault, lambda: Vault(works.settings.data_dir / "vault")),
        (Sandbox, Sandbox),
        (VirusScanner, lambda: VirusScanner(works.settings.clamd)),
        (UploadLimits, UploadLimits),
    ):
        try:
            works.get(kind)
        except KeyError:
            works.put(kind, made())


FEATURE = Feature(
    name="documents",
    routes=ROUTES,
    listeners=[
        (AppointmentBooked, service.on_appointment_booked),
        (AppointmentCancelled, keeping.on_appointment_cancelled),
    ],
    jobs={offering.CHECK: checking.check, service.REMOVE_BYTES: checking.remove_bytes},
    sweeps=[Sweep("documents.clear_stale", _CLEAR_EVERY_S, offering.clear_stale)],
    tables=TABLES,
    screens=SCREENS,
    contexts=[_ready],
)
