"""For the citizen, `/gesprek/documenten/…`: own papers and their state, pages, the original, taking back, skipping."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from balie.documents import checking, looking, service
from balie.documents.answers import DocumentLine, line_of, page_number, send_original, send_picture
from balie.documents.rules import (
    SkipReason,
)
from balie.errors import BadField
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.web.forms import fields
from balie.web.keys import ACTOR, WORKS
from balie.web.pages import render
from balie.web.requests import match_id, see_other, url, wants_json, work_for
from balie.work import Work


@dataclass(frozen=True)
class DocumentsOfCitizen:
    """What one citizen gave, and its state."""

    given: tuple[DocumentLine, ...] = ()


@dataclass(frozen=True)
class DocumentPage:
    """The pages of one own paper."""

    document: DocumentLine
    page: int
    text: str = ""


async def documents_of_citizen(work: Work, appointment_id: str) -> DocumentsOfCitizen:
    """What the page of this citizen shows about papers."""
    given = await service.own_documents(work, appointment_id)
    return DocumentsOfCitizen(tuple(line_of(document) for document in given))


# --- pages and posts


async def own(request: web.Request) -> web.Response:
    """What this session gave, and its state; after a reload the browser asks here what arrived."""
    appointment_id = request[ACTOR].appointment_id or ""
    async with work_for(request, HANDLE_DOCUMENT, writes=False) as work:
        service.check_citizen(work)
        page = await documents_of_citizen(work, appointment_id)
    if wants_json(request):
        lines = [{"document_id": line.id, "state": line.state, "title": line.title} for line in page.given]
        return web.json_response({"documents": lines})
    return render(request, "documents/own", page)


async def own_pages(request: web.Request) -> web.Response:
    """The pages of an own paper, with their text for who cannot see them."""
    document_id = match_id(request, "document_id")
    async with work_for(request, HANDLE_DOCUMENT, writes=False) as work:
        document = await service.own_document(work, document_id)
        page = await service.text_of_page(work, document, 1)
    return render(request, "documents/own_pages", DocumentPage(line_of(document), 1, page))


async def skip(request: web.Request) -> web.Response:
    """*Dat heb ik niet*."""
    reason = (await fields(request)).get("reason") or SkipReason.NO_PAPER.value
    if reason not in list(SkipReason):
        raise BadField({"reason": "choose"})
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.skip(work, match_id(request, "request_id"), SkipReason(reason))
    return _back(request)


async def withdraw(request: web.Request) -> web.Response:
    """*Doe de foto weg*."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.withdraw(work, match_id(request, "document_id"))
    return _back(request)


def _back(request: web.Request) -> web.Response:
    if wants_json(request):
        return web.json_response({"ok": True})
    return see_other(request, "desk.conversation")


async def page(request: web.Request) -> web.StreamResponse:
    """One page as a picture of our own making: own, or shown by staff now."""
    document_id, number = match_id(request, "document_id"), page_number(request)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        await service.may_open_own(work, document_id)
    await checking.draw_missing(request.app[WORKS], request[ACTOR], document_id, number)
    async with work_for(request, HANDLE_DOCUMENT) as work:
        content = await looking.open_own_page(work, document_id, number)
    return await send_picture(request, content)


# --- the original


async def ask_original(request: web.Request) -> web.Response:
    """A ticket of one minute, and on to the download."""
    document_id = match_id(request, "document_id")
    async with work_for(request, HANDLE_DOCUMENT) as work:
        ticket = await looking.give_ticket(work, document_id)
    return web.Response(status=303, headers={"Location": url(request, "documents.original", ticket=ticket)})


async def original(request: web.Request) -> web.StreamResponse:
    """The download of a ticket."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        content = await looking.use_ticket(work, request.match_info["ticket"][:64])
    return await send_original(request, content)
