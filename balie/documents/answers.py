"""What the pages of citizens and staff share: a document as a line, a page as a picture, an original as a download."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from aiohttp import web

from balie.documents import rules
from balie.documents.looking import Content
from balie.documents.rules import Document, DocumentKind, DocumentState
from balie.documents.sealing import SealBroken
from balie.documents.vault import Missing, Vault
from balie.errors import NotFound
from balie.web.keys import WORKS

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
