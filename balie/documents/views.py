"""For the citizen, `/gesprek/documenten/…`: own papers and their state, pages, the original, taking back, skipping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from aiohttp import web

from balie.documents import checking, rules, service
from balie.documents.rules import (
    AskOfCitizen,
    Document,
    DocumentKind,
    DocumentState,
    SkipReason,
)
from balie.documents.sealing import SealBroken
from balie.documents.service import Content
from balie.documents.vault import Missing, Vault
from balie.errors import BadField, NotFound
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.web.forms import fields
from balie.web.keys import ACTOR, WORKS
from balie.web.pages import render
from balie.web.requests import match_id, see_other, url, wants_json, work_for
from balie.work import Work

PICTURE_HEADERS = {
    "Content-Type": "image/webp",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_MIME = {
    DocumentKind.PDF: ("application/pdf", "pdf"),
    DocumentKind.JPEG: ("image/jpeg", "jpg"),
    DocumentKind.PNG: ("image/png", "png"),
}


@dataclass(frozen=True)
class DocumentLine:
    """One paper in a list: what it is and its state in a word that the template makes a sentence."""

    id: str
    title: str
    name: str
    kind: str
    size_kb: int
    pages: int
    state: str  # checking, there, seen, accepted, not_needed, withdrawn, refused, gone
    given_at: datetime
    refused_because: str = ""
    seen_at: datetime | None = None
    kept_until: date | None = None
    may_open: bool = False
    may_withdraw: bool = False


@dataclass(frozen=True)
class DocumentsOfCitizen:
    """Everything about papers for one citizen: the cards, and what was given."""

    asks: tuple[AskOfCitizen, ...] = ()
    given: tuple[DocumentLine, ...] = ()


@dataclass(frozen=True)
class DocumentPage:
    """The pages of one own paper."""

    document: DocumentLine
    page: int
    text: str = ""


def line_of(document: Document) -> DocumentLine:
    """A document as it stands in a list."""
    return DocumentLine(
        id=document.id,
        title=document.title,
        name=document.name or "",
        kind=document.kind.value,
        size_kb=max(1, round(document.size / 1024)),
        pages=document.pages,
        state=_word(document),
        given_at=document.offered_at,
        refused_because=document.refusal.value if document.refusal else "",
        seen_at=document.shown_at,
        kept_until=document.retain_until,
        may_open=document.is_there,
        may_withdraw=document.awaits_decision,
    )


def _word(document: Document) -> str:
    result = rules.result_of(document)
    if result != "open":
        return result
    if document.state is DocumentState.OFFERED:
        return "checking"
    return "seen" if document.shown_at else "there"


async def documents_of_citizen(work: Work, appointment_id: str) -> DocumentsOfCitizen:
    """What the page of this citizen shows about papers."""
    asks = await service.asks_of_citizen(work, appointment_id=appointment_id)
    given = await service.own_documents(work, appointment_id)
    return DocumentsOfCitizen(tuple(asks), tuple(line_of(document) for document in given))


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
        content = await service.open_own_page(work, document_id, number)
    return await send_picture(request, content)


def page_number(request: web.Request) -> int:
    """The page in the address: ASCII digits only."""
    text = request.match_info["n"]
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) >= 1):
        raise NotFound
    return int(text)


async def send_picture(request: web.Request, content: Content) -> web.StreamResponse:
    """The picture from the vault, verified before it leaves."""
    try:
        body = await request.app[WORKS].get(Vault).read(content.object_name, content.key, content.place)
    except (Missing, SealBroken) as broken:
        raise NotFound from broken
    return web.Response(body=body, headers=PICTURE_HEADERS)


# --- the original


async def ask_original(request: web.Request) -> web.Response:
    """A ticket of one minute, and on to the download."""
    document_id = match_id(request, "document_id")
    async with work_for(request, HANDLE_DOCUMENT) as work:
        ticket = await service.give_ticket(work, document_id)
    return web.Response(status=303, headers={"Location": url(request, "documents.original", ticket=ticket)})


async def original(request: web.Request) -> web.StreamResponse:
    """The download of a ticket."""
    async with work_for(request, HANDLE_DOCUMENT) as work:
        content = await service.use_ticket(work, request.match_info["ticket"][:64])
    return await send_original(request, content)


async def send_original(request: web.Request, content: Content) -> web.StreamResponse:
    """As an attachment; the audit line is committed, and no byte leaves before its chunk was verified."""
    document = content.document
    mime, ending = _MIME[document.kind]
    response = web.StreamResponse(
        headers={
            "Content-Type": mime,
            "Content-Disposition": disposition(document.name or document.title, ending),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    stream = request.app[WORKS].get(Vault).plain(content.object_name, content.key, content.place)
    try:
        first = await anext(stream, b"")
    except (Missing, SealBroken) as broken:
        raise NotFound from broken
    await response.prepare(request)
    await response.write(first)
    async for chunk in stream:
        await response.write(chunk)
    await response.write_eof()
    return response


def disposition(name: str, ending: str) -> str:
    """RFC 6266: one file name, no second header, whatever it was called."""
    stem = rules.clean_name(name).rsplit(".", 1)[0].strip(" .") or "document"
    full = f"{stem}.{ending}"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in full)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"
