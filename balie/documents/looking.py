"""Looking at a document and taking its original along: rights, both logs, and the way to verified bytes."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog

from balie.actors import ActorKind
from balie.documents import rules, service, store
from balie.documents.keys import unwrap
from balie.documents.rules import TICKET_LIFE, Document, DocumentChanged, DocumentState
from balie.documents.sealing import context
from balie.errors import NotAllowed, NotFound, NotScannedYet
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work

log = structlog.get_logger()


@dataclass(frozen=True)
class Content:
    """Where verified bytes can be read: an object, its key and its place. Lives in memory only."""

    document: Document
    object_name: str
    key: bytes
    place: bytes


async def open_page(work: Work, document_id: str, number: int) -> Content:
    """Staff look at a page: one line in both logs; the first opening tells the giver."""
    document = await service.staff_document(work, document_id)
    assert document.visit_id is not None
    if await service.is_closed_for_staff(work, document.visit_id, document.participant_id):
        raise NotAllowed
    content = await _page_content(work, document, number)
    after = rules.seen(document, work.now)
    if after is not document:
        await store.save(work, document, after)
        await work.announce(DocumentChanged(document.visit_id, document.id))
    await _note_opened(work, document, number)
    return content


async def open_own_page(work: Work, document_id: str, number: int) -> Content:
    """A citizen looks at a page of an own document, or of what staff show now."""
    try:
        document = await service.own_document(work, document_id)
    except NotFound:
        document = await service.shown_document(work, document_id)
    content = await _page_content(work, document, number)
    await log_processing(work, data_subject=await service.data_subject_of(work, document))
    return content


async def _page_content(work: Work, document: Document, number: int) -> Content:
    if not document.is_there:
        raise NotScannedYet if document.state is DocumentState.OFFERED else NotFound
    if await store.page_of(work, document.id, number) is None:
        raise NotFound
    return await content_of(work, document, f"page-{number}")


async def content_of(work: Work, document: Document, part: str) -> Content:
    """The way to the bytes of one part: `original` or `page-3`."""
    wrapped = await store.key_of(work, document.id)
    if wrapped is None or document.object_name is None:
        raise NotFound
    key = unwrap(work.get(Keyring), wrapped, "document_key", document.id)
    return Content(document, f"{document.object_name}/{part}", key, place_of(document.id, part))


def place_of(document_id: str, part: str) -> bytes:
    """The context of a part, as it is sealed: `page-3` of the store is `page/3`."""
    return context("document", document_id, part.replace("-", "/"))


async def _note_opened(work: Work, document: Document, page: int | None) -> None:
    await store.add_event(work, document.id, "opened", page=page)
    await audit(work, "documents.open", document.id, relation="owner", reason_code=f"page_{page}" if page else None)
    await log_processing(work, data_subject=await service.data_subject_of(work, document))
    if await store.openings_since(work, work.now - timedelta(hours=1)) > rules.OPENINGS_AN_HOUR:
        log.warning("many_documents_opened")


# --- the original


async def may_leave(work: Work, document: Document) -> bool:
    """Whether the original may be downloaded: only what a scanner found clean."""
    return document.is_there and document.is_virus_checked


async def give_ticket(work: Work, document_id: str) -> str:
    """A ticket of one minute for one download by this session."""
    document = await _for_download(work, document_id)
    if not document.is_there:
        raise NotScannedYet
    if work.actor.kind is ActorKind.STAFF and not await may_leave(work, document):
        raise NotAllowed
    token = secrets.token_urlsafe(32)
    await store.add_ticket(work, _hash(token), document.id, work.now + TICKET_LIFE)
    return token


async def use_ticket(work: Work, token: str) -> Content:
    """The original for this ticket; the audit line is committed before a byte leaves."""
    if work.actor.kind is not ActorKind.STAFF:
        service.check_citizen(work)
    document_id = await store.take_ticket(work, _hash(token))
    if document_id is None:
        raise NotFound
    document = await _for_download(work, document_id)
    content = await content_of(work, document, "original")
    if work.actor.kind is ActorKind.STAFF:
        after = rules.seen(document, work.now)
        if after is not document:
            await store.save(work, document, after)
            await work.announce(DocumentChanged(document.visit_id, document.id))
    await store.add_event(work, document.id, "downloaded")
    await audit(work, "documents.download", document.id)
    await log_processing(work, data_subject=await service.data_subject_of(work, document))
    return content


async def _for_download(work: Work, document_id: str) -> Document:
    if work.actor.kind is not ActorKind.STAFF:
        return await service.own_document(work, document_id)
    document = await service.staff_document(work, document_id)
    if await service.is_closed_for_staff(work, document.visit_id or "", document.participant_id):
        raise NotAllowed
    return document


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
