"""From offered to scanned: the jobs that read, scan, parse, keep and announce; a repeat of any step does no harm.

Plaintext lives in memory and pipes only. No verdict is not a verdict: such a document waits, for at most a day.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from balie import jobs
from balie.actors import Actor, system
from balie.documents import looking, rules, service, store
from balie.documents.keys import new_key, unwrap, wrap
from balie.documents.offering import CHECK, quarantine_place
from balie.documents.rules import Document, DocumentKind, DocumentScanned, DocumentState, Page, Refusal
from balie.documents.sandbox import Drawn, Sandbox, Unreadable
from balie.documents.sealing import SealBroken
from balie.documents.vault import Missing, Vault, new_object_name
from balie.errors import AlreadyDecided, NotFound
from balie.external.virus_scanner import Scan, Verdict, VirusScanner
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.privacy.sealing import Keyring
from balie.work import Work, Works

log = structlog.get_logger()
_ACTOR: Actor = system("documents.check")
_LONGEST_WAIT_S = 300


@dataclass(frozen=True)
class _Quarantined:
    document: Document
    object_name: str
    key: bytes
    place: bytes
    keep_original: bool


@dataclass(frozen=True)
class _Found:
    """What came of the steps before keeping."""

    scan: Scan | None
    drawn: Drawn
    pages: int
    kept: bytes


async def check(works: Works, payload: dict[str, Any]) -> None:
    """The whole pipeline for one document."""
    async with works.begin(_ACTOR, HANDLE_DOCUMENT, writes=False) as work:
        todo = await _to_check(work, payload["document_id"])
    if todo is None:
        return
    try:
        found = await _examine(works, todo)
    except Unreadable as no:
        await _refuse(works, todo.document, no.why)
        return
    if found is None:
        await _wait(works, todo.document, int(payload.get("tries", 0)))
        return
    await _keep(works, todo, found)


async def _to_check(work: Work, document_id: str) -> _Quarantined | None:
    document = await store.document_by_id(work, document_id)
    if document is None or document.state is not DocumentState.OFFERED:
        return None
    upload = await store.upload_of_document(work, document_id)
    if upload is None or upload.wrapped_key is None:
        return None
    key = unwrap(work.get(Keyring), upload.wrapped_key, "upload", upload.id)
    _, reason = await store.terms_of_request(work, document.request_id)
    return _Quarantined(document, upload.object_name, key, quarantine_place(upload.id), bool(reason))


async def _examine(works: Works, todo: _Quarantined) -> _Found | None:
    """Steps 1 to 4; None when the scanner gave no verdict, Unreadable with the reason of a refusal."""
    try:
        file = await works.get(Vault).read(todo.object_name, todo.key, todo.place)
    except (SealBroken, Missing) as broken:
        raise Unreadable(Refusal.DAMAGED) from broken
    if hashlib.sha256(file).hexdigest() != todo.document.sha256_sent:
        raise Unreadable(Refusal.DAMAGED)
    kind = rules.kind_of_head(file)
    if kind is None:
        raise Unreadable(Refusal.WRONG_KIND)
    scan = await _scan(works, file)
    if scan is not None and scan.verdict is not Verdict.CLEAN:
        await _note_scan(works, todo.document, scan)
        if scan.verdict is Verdict.MALWARE:
            raise Unreadable(Refusal.MALWARE)
        return None
    return await _parse(works.get(Sandbox), file, kind, scan, todo.keep_original)


async def _parse(sandbox: Sandbox, file: bytes, kind: DocumentKind, scan: Scan | None, keep_original: bool) -> _Found:
    looked = await sandbox.look(file)
    if looked.kind is not kind:
        raise Unreadable(Refusal.WRONG_KIND)
    drawn = await sandbox.draw(file, kind)
    kept = file if drawn.kept is None or keep_original else drawn.kept
    return _Found(scan, drawn, looked.pages, kept)


async def _scan(works: Works, file: bytes) -> Scan | None:
    scanner = works.get(VirusScanner)
    if not scanner.is_configured:
        return None
    return await scanner.scan(_blocks(file))


async def _blocks(file: bytes) -> AsyncIterator[bytes]:
    for place in range(0, len(file), 65_536):
        yield file[place : place + 65_536]


async def _note_scan(works: Works, document: Document, scan: Scan) -> None:
    if scan.verdict is Verdict.NONE:
        log.warning("scanner_gave_no_verdict")
        return
    async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
        await _add_scan(work, document, scan)


async def _add_scan(work: Work, document: Document, scan: Scan) -> None:
    await store.add_scan(
        work, document.id, document.sha256_sent, scan.engine, scan.signature_version, scan.verdict.value
    )


async def _wait(works: Works, document: Document, tries: int) -> None:
    """No verdict: try again after 10 s, later every 5 minutes; after a day it is refused."""
    async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
        if work.now - document.offered_at >= rules.UNCHECKED_AFTER:
            log.error("document_unchecked_for_a_day")
            fresh = await store.document_by_id(work, document.id)
            if fresh is not None and fresh.state is DocumentState.OFFERED:
                await service.refuse_document(work, fresh, Refusal.UNCHECKED)
            return
        delay = timedelta(seconds=min(10 * 2**tries, _LONGEST_WAIT_S))
        await jobs.put(work, CHECK, {"document_id": document.id, "tries": tries + 1}, run_at=work.now + delay)


async def _refuse(works: Works, document: Document, why: Refusal) -> None:
    try:
        async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
            fresh = await store.document_by_id(work, document.id)
            if fresh is not None and fresh.state is DocumentState.OFFERED:
                await service.refuse_document(work, fresh, why)
    except AlreadyDecided:
        return  # withdrawn meanwhile: its content is gone anyhow


async def _keep(works: Works, todo: _Quarantined, found: _Found) -> None:
    """Step 5 and 6: under a key of its own, pages with it; then the quarantined bytes lose their key."""
    document_id = todo.document.id
    name = ""
    try:
        async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
            key = new_key()
            wrapped = wrap(work.get(Keyring), key, "document_key", document_id)
            name, stored = await store.prepare_keeping(work, document_id, new_object_name(), wrapped)
            key = unwrap(work.get(Keyring), stored, "document_key", document_id)
        await _put_parts(works.get(Vault), name, key, document_id, found)
        async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
            await _note_kept(work, document_id, found)
    except AlreadyDecided:
        if name:
            await works.get(Vault).remove(name)


async def _put_parts(vault: Vault, name: str, key: bytes, document_id: str, found: _Found) -> None:
    await vault.put(f"{name}/original", key, looking.place_of(document_id, "original"), found.kept)
    for picture in found.drawn.pages:
        part = f"page-{picture.number}"
        await vault.put(f"{name}/{part}", key, looking.place_of(document_id, part), picture.webp)


async def _note_kept(work: Work, document_id: str, found: _Found) -> None:
    document = await store.document_by_id(work, document_id)
    if document is None or document.state is not DocumentState.OFFERED:
        raise AlreadyDecided
    after = rules.scanned(document, found.pages, hashlib.sha256(found.kept).hexdigest(), found.scan is not None)
    await store.save(work, document, after)
    await _put_pages(work, after, found.drawn)
    if found.scan is not None:
        await _add_scan(work, document, found.scan)
    await store.forget_quarantine(work, document_id)
    await store.add_event(work, document_id, "scanned")
    await jobs.put(work, service.REMOVE_BYTES, {"document_id": document_id})
    await work.announce(DocumentScanned(document.visit_id, document.id))


async def _put_pages(work: Work, document: Document, drawn: Drawn) -> None:
    for picture in drawn.pages:
        page = Page(document.id, picture.number, picture.width, picture.height, picture.text)
        await store.put_page(work, page)


async def remove_bytes(works: Works, payload: dict[str, Any]) -> None:
    """Bytes whose key is gone: of the quarantine always, of a destroyed document its parts too."""
    async with works.begin(_ACTOR, HANDLE_DOCUMENT, writes=False) as work:
        document = await store.document_by_id(work, payload["document_id"])
        upload = await store.upload_of_document(work, payload["document_id"])
    if upload is not None and upload.wrapped_key is None:
        await works.get(Vault).remove(upload.object_name)
    is_gone = document is not None and document.is_gone and document.object_name is not None
    if document is not None and is_gone:
        await works.get(Vault).remove(document.object_name or "")
    async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
        if upload is not None and upload.wrapped_key is None:
            await store.note_removed(work, upload.id)
        if document is not None and is_gone:
            await store.forget_object(work, document.id)


async def draw_missing(works: Works, actor: Actor, document_id: str, number: int) -> None:
    """Pages after the first twenty are drawn when somebody who may see the document asks for one."""
    async with works.begin(actor, HANDLE_DOCUMENT, writes=False) as work:
        document = await store.document_by_id(work, document_id)
        is_there = document is not None and document.is_there and number <= document.pages
        if document is None or not is_there or await store.page_of(work, document_id, number) is not None:
            return
        content = await looking.content_of(work, document, "original")
    file = await works.get(Vault).read(content.object_name, content.key, content.place)
    first = (number - 1) // rules.FIRST_PAGES * rules.FIRST_PAGES + 1
    try:
        drawn = await works.get(Sandbox).draw(file, document.kind, first, first + rules.FIRST_PAGES - 1)
    except Unreadable as no:
        raise NotFound from no
    name = content.object_name.split("/")[0]
    for picture in drawn.pages:
        part = f"page-{picture.number}"
        place = looking.place_of(document_id, part)
        await works.get(Vault).put(f"{name}/{part}", content.key, place, picture.webp)
    async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
        await _put_pages(work, document, drawn)


async def renew_verdict(works: Works, document_id: str) -> None:
    """Before an original leaves: a verdict older than a day is asked again; a find closes the document."""
    async with works.begin(_ACTOR, HANDLE_DOCUMENT, writes=False) as work:
        document = await store.document_by_id(work, document_id)
        if document is None or not document.is_there or not works.get(VirusScanner).is_configured:
            return
        last = await store.last_clean_scan(work, document_id)
        if last is not None and work.now - last <= rules.VERDICT_LIFE:
            return
        content = await looking.content_of(work, document, "original")
    file = await works.get(Vault).read(content.object_name, content.key, content.place)
    scan = await works.get(VirusScanner).scan(_blocks(file))
    async with works.begin(_ACTOR, HANDLE_DOCUMENT) as work:
        fresh = await store.document_by_id(work, document_id)
        if fresh is None or not fresh.is_there:
            return
        if scan.verdict is Verdict.MALWARE:
            await _add_scan(work, fresh, scan)
            await service.refuse_document(work, fresh, Refusal.MALWARE)
            return
        is_clean = scan.verdict is Verdict.CLEAN
        if is_clean:
            await _add_scan(work, fresh, scan)
        if fresh.is_virus_checked != is_clean:
            after = replace(fresh, is_virus_checked=is_clean, version=fresh.version + 1)
            await store.save(work, fresh, after)
