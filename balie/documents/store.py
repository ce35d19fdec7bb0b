"""What we know about each document: requests, documents, keys, pages, uploads, verdicts, rights, events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    RowMapping,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from balie.db import Id, UtcInstant, metadata
from balie.documents.rules import (
    Cause,
    Decision,
    Direction,
    Document,
    DocumentKind,
    DocumentRequest,
    DocumentRequestState,
    DocumentState,
    Given,
    Page,
    Refusal,
    SkipReason,
    UploadState,
    WrappedKey,
)
from balie.errors import AlreadyDecided
from balie.ids import (
    AppointmentId,
    DocumentId,
    DocumentRequestId,
    SessionId,
    StaffId,
    UploadId,
    VisitId,
    new_id,
)
from balie.privacy.sealing import Keyring
from balie.work import Work

document_request = Table(
    "document_request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appointment_id", Id, nullable=False, index=True),
    Column("visit_id", Id, index=True),
    Column("participant_id", String(50), nullable=False),
    Column("slot_code", String(60)),
    Column("title", String(120), nullable=False),
    Column("plain_name", String(120), nullable=False),
    Column("asked_by", String(64)),
    Column("asked_at", UtcInstant, nullable=False),
    Column("state", String(10), nullable=False),
    Column("skip_reason", String(20)),
    Column("retain_days", Integer, nullable=False),
    Column("keep_original", String(200)),
)

document = Table(
    "document",
    metadata,
    Column("id", Id, primary_key=True),
    Column("appointment_id", Id, nullable=False, index=True),
    Column("visit_id", Id, index=True),
    Column("request_id", Id),
    Column("session_id", Id),
    Column("participant_id", String(50), nullable=False),
    Column("direction", String(20), nullable=False),
    Column("title", String(120), nullable=False),
    Column("name_sealed", LargeBinary),
    Column("kind", String(10), nullable=False),
    Column("size", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("sha256_sent", String(64), nullable=False),
    Column("sha256_kept", String(64)),
    Column("state", String(12), nullable=False),
    Column("refusal", String(20)),
    Column("cause", String(20)),
    Column("decision", String(12), nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", UtcInstant),
    Column("was_confirmed", Boolean, nullable=False),
    Column("is_virus_checked", Boolean, nullable=False),
    Column("object_name", String(32)),
    Column("offered_at", UtcInstant, nullable=False),
    Column("shown_at", UtcInstant),
    Column("retain_days", Integer, nullable=False),
    Column("retain_until", Date, index=True),
    Column("version", Integer, nullable=False),
)

document_key = Table(
    "document_key",
    metadata,
    Column("document_id", Id, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("key_version", Integer, nullable=False),
)

document_page = Table(
    "document_page",
    metadata,
    Column("document_id", Id, nullable=False),
    Column("page", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("text_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("document_id", "page"),
)

scan = Table(
    "scan",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", Id, nullable=False, index=True),
    Column("sha256", String(64), nullable=False),
    Column("engine", String(40), nullable=False),
    Column("signature_version", String(20), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("scanned_at", UtcInstant, nullable=False),
)

document_access = Table(
    "document_access",
    metadata,
    Column("visit_id", Id, nullable=False),
    Column("participant_id", String(50), nullable=False),
    Column("right", String(10), nullable=False),
    Column("staff_id", String(64)),
    Column("consent_at", UtcInstant, nullable=False),
    Column("withdrawn_at", UtcInstant),
    PrimaryKeyConstraint("visit_id", "participant_id", "right"),
)

document_event = Table(
    "document_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", Id, nullable=False, index=True),
    Column("happened_at", UtcInstant, nullable=False),
    Column("what", String(20), nullable=False),
    Column("actor", String(64), nullable=False),  # a pseudonym
    Column("page", Integer),
    Column("reason", String(40)),
)

document_visit = Table(
    "document_visit",
    metadata,
    Column("visit_id", Id, primary_key=True),
    Column("appointment_id", Id, nullable=False, index=True),
)

document_shown = Table(
    "document_shown",
    metadata,
    Column("visit_id", Id, primary_key=True),
    Column("document_id", Id, nullable=False),
    Column("page", Integer, nullable=False),
    Column("words_sealed", LargeBinary, nullable=False),
    Column("shown_by", String(64), nullable=False),
    Column("shown_at", UtcInstant, nullable=False),
)

document_ticket = Table(
    "document_ticket",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("document_id", Id, nullable=False),
    Column("session_id", Id),
    Column("actor", String(64), nullable=False),
    Column("expires_at", UtcInstant, nullable=False, index=True),
)

# Full: token_hash, offset and metadata_sealed join for resumable uploads.
upload = Table(
    "upload",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document_id", Id),
    Column("appointment_id", Id, nullable=False, index=True),
    Column("session_id", Id, nullable=False),
    Column("participant_id", String(50), nullable=False),
    Column("offer_id", String(64), nullable=False),
    Column("length", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("end_reason", String(20)),
    Column("object_name", String(32), nullable=False),
    Column("wrapped_key", LargeBinary),
    Column("key_version", Integer, nullable=False),
    Column("begun_at", UtcInstant, nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("lease_owner", String(120), nullable=False),
    Column("lease_until", UtcInstant, nullable=False),
    Column("is_stored", Boolean, nullable=False),  # whether its bytes may still lie in the vault
    Index(
        "uq_upload_offer",
        "session_id",
        "offer_id",
        unique=True,
        sqlite_where=text("state <> 'ended'"),
        postgresql_where=text("state <> 'ended'"),
    ),
)

# --- requests


async def add_request(work: Work, row: dict[str, Any]) -> None:
    """One paper that is asked."""
    await work.db.execute(insert(document_request).values(row))


async def requests_of(work: Work, appointment_id: str) -> list[DocumentRequest]:
    """All papers asked for an appointment, oldest first."""
    query = select(document_request).where(document_request.c.appointment_id == appointment_id)
    rows = await work.db.execute(query.order_by(document_request.c.asked_at, document_request.c.id))
    return [_request(row) for row in rows.mappings()]


async def request_of(work: Work, request_id: str, appointment_id: str) -> DocumentRequest | None:
    """One request of this appointment."""
    query = select(document_request).where(
        document_request.c.id == request_id, document_request.c.appointment_id == appointment_id
    )
    row = (await work.db.execute(query)).mappings().first()
    return _request(row) if row else None


async def note_asked(work: Work, request_id: str, asked_by: str) -> None:
    """Staff ask now for what the product asked before."""
    await work.db.execute(
        update(document_request).where(document_request.c.id == request_id).values(asked_by=asked_by, asked_at=work.now)
    )


async def set_request_state(
    work: Work, request_id: str, state: DocumentRequestState, skip_reason: SkipReason | None = None
) -> None:
    """Answered, skipped, asked again or withdrawn."""
    await work.db.execute(
        update(document_request)
        .where(document_request.c.id == request_id)
        .values(state=state.value, skip_reason=skip_reason.value if skip_reason else None)
    )


async def appointment_of_request(work: Work, visit_id: str, request_id: str) -> str | None:
    """The appointment of a request of this visit."""
    mine = and_(document_request.c.id == request_id, document_request.c.visit_id == visit_id)
    found: str | None = await work.db.scalar(select(document_request.c.appointment_id).where(mine))
    return found


async def end_requests(work: Work, visit_id: str) -> None:
    """What is still asked in this visit is asked no more."""
    open_ones = and_(
        document_request.c.visit_id == visit_id, document_request.c.state == DocumentRequestState.ASKED.value
    )
    withdrawn = {"state": DocumentRequestState.WITHDRAWN.value}
    await work.db.execute(update(document_request).where(open_ones).values(withdrawn))


async def terms_of_request(work: Work, request_id: str | None) -> tuple[int, str | None]:
    """How many days its documents are kept, and why an original is, if it is."""
    if request_id is None:
        return 30, None
    query = select(document_request.c.retain_days, document_request.c.keep_original)
    row = (await work.db.execute(query.where(document_request.c.id == request_id))).mappings().first()
    return (row["retain_days"], row["keep_original"]) if row else (30, None)


def _request(row: RowMapping) -> DocumentRequest:
    return DocumentRequest(
        id=DocumentRequestId(row["id"]),
        appointment_id=AppointmentId(row["appointment_id"]),
        visit_id=VisitId(row["visit_id"]) if row["visit_id"] else None,
        participant_id=row["participant_id"],
        slot_code=row["slot_code"],
        title=row["title"],
        plain_name=row["plain_name"],
        state=DocumentRequestState(row["state"]),
        skip_reason=SkipReason(row["skip_reason"]) if row["skip_reason"] else None,
        asked_at=row["asked_at"],
        asked_by=StaffId(row["asked_by"]) if row["asked_by"] else None,
    )


# --- documents


async def add_document(work: Work, new: Document) -> None:
    """A document whose last byte is safe."""
    await work.db.execute(insert(document).values({"id": new.id} | _columns(work, new)))


async def document_by_id(work: Work, document_id: str) -> Document | None:
    """The document, whoever asks; the service decides who may."""
    row = (await work.db.execute(select(document).where(document.c.id == document_id))).mappings().first()
    return _document(work, row) if row else None


async def documents_where(work: Work, **same: Any) -> list[Document]:
    """Documents with these columns, oldest first."""
    query = select(document).where(*(document.c[name] == value for name, value in same.items()))
    rows = await work.db.execute(query.order_by(document.c.offered_at, document.c.id))
    return [_document(work, row) for row in rows.mappings()]


async def save(work: Work, before: Document, after: Document, decided_by: str | None = None) -> None:
    """Write the change where state and version are as read; AlreadyDecided when somebody was first."""
    values = _columns(work, after)
    if decided_by is not None:
        values["decided_by"] = decided_by
    done = await work.db.execute(
        update(document)
        .where(document.c.id == before.id, document.c.version == before.version, document.c.state == before.state.value)
        .values(values)
    )
    if not done.rowcount:
        raise AlreadyDecided


async def attach_visit(work: Work, appointment_id: str, visit_id: str) -> None:
    """From check-in on, what was asked and given for the appointment belongs to this visit."""
    row = {"visit_id": visit_id, "appointment_id": appointment_id}
    await work.db.execute(delete(document_visit).where(document_visit.c.visit_id == visit_id))
    await work.db.execute(insert(document_visit).values(row))
    for table in (document, document_request):
        mine = table.c.appointment_id == appointment_id
        await work.db.execute(update(table).where(mine).values(visit_id=visit_id))
    again = and_(
        document_request.c.appointment_id == appointment_id,
        document_request.c.slot_code.is_not(None),
        document_request.c.state == DocumentRequestState.WITHDRAWN.value,
    )
    await work.db.execute(update(document_request).where(again).values(state=DocumentRequestState.ASKED.value))


async def appointment_of_visit(work: Work, visit_id: str) -> str | None:
    """The appointment of a visit that has checked in."""
    query = select(document_visit.c.appointment_id).where(document_visit.c.visit_id == visit_id)
    found: str | None = await work.db.scalar(query)
    return found


async def destroy_visits(work: Work, before: datetime, limit: int) -> int:
    """Visits none of whose documents or questions are left."""
    kept = select(document.c.visit_id).where(document.c.visit_id.is_not(None))
    asked = select(document_request.c.visit_id).where(document_request.c.visit_id.is_not(None))
    open_ones = select(document_access.c.visit_id).where(
        or_(document_access.c.withdrawn_at.is_(None), document_access.c.withdrawn_at > before)
    )
    past = select(document_visit.c.visit_id).where(
        document_visit.c.visit_id.not_in(kept),
        document_visit.c.visit_id.not_in(asked),
        document_visit.c.visit_id.not_in(open_ones),
    )
    done = await work.db.execute(delete(document_visit).where(document_visit.c.visit_id.in_(past.limit(limit))))
    return done.rowcount


async def set_retain_until(work: Work, document_id: str, until: date | None) -> None:
    """The last day of a document."""
    await work.db.execute(update(document).where(document.c.id == document_id).values(retain_until=until))


async def past_their_day(work: Work, today: date, limit: int) -> list[Document]:
    """Documents whose last day lies behind us and that still have content."""
    there = [DocumentState.OFFERED.value, DocumentState.SCANNED.value, DocumentState.SHOWN.value]
    query = select(document).where(document.c.retain_until < today, document.c.state.in_(there))
    rows = await work.db.execute(query.order_by(document.c.id).limit(limit))
    return [_document(work, row) for row in rows.mappings()]


async def with_bytes_left(work: Work, limit: int) -> list[Document]:
    """Destroyed or refused documents whose bytes a crash left behind; unreadable, for their key is gone."""
    gone = [DocumentState.REFUSED.value, DocumentState.DESTROYED.value]
    query = select(document).where(document.c.object_name.is_not(None), document.c.state.in_(gone))
    rows = await work.db.execute(query.order_by(document.c.id).limit(limit))
    return [_document(work, row) for row in rows.mappings()]


async def never_checked_in(work: Work, limit: int) -> list[tuple[str, list[Document]]]:
    """Documents given for appointments without a visit, that have no last day yet, by appointment."""
    query = select(document).where(
        document.c.visit_id.is_(None),
        document.c.retain_until.is_(None),
        document.c.state != DocumentState.DESTROYED.value,
    )
    rows = await work.db.execute(query.order_by(document.c.appointment_id).limit(limit))
    found: dict[str, list[Document]] = {}
    for row in rows.mappings():
        found.setdefault(row["appointment_id"], []).append(_document(work, row))
    return list(found.items())


async def still_offered(work: Work, before: datetime) -> list[Document]:
    """Documents that wait for their check since before a moment."""
    query = select(document).where(document.c.state == DocumentState.OFFERED.value, document.c.offered_at < before)
    return [_document(work, row) for row in (await work.db.execute(query)).mappings()]


async def destroy_rows_before(work: Work, before: datetime, limit: int) -> int:
    """Rows without content, of before a moment, with all that hangs on them."""
    gone = [DocumentState.REFUSED.value, DocumentState.DESTROYED.value]
    query = select(document.c.id).where(
        document.c.state.in_(gone), document.c.object_name.is_(None), document.c.offered_at < before
    )
    ids = [row[0] for row in await work.db.execute(query.order_by(document.c.id).limit(limit))]
    if ids:
        for table in (document_event, scan):
            await work.db.execute(delete(table).where(table.c.document_id.in_(ids)))
        await work.db.execute(delete(document).where(document.c.id.in_(ids)))
    return len(ids)


def _columns(work: Work, one: Document) -> dict[str, Any]:
    name = one.name
    return {
        "appointment_id": one.appointment_id,
        "visit_id": one.visit_id,
        "request_id": one.request_id,
        "session_id": one.session_id,
        "participant_id": one.participant_id,
        "direction": one.direction.value,
        "title": one.title,
        "name_sealed": work.get(Keyring).seal(name, "document", one.id, "name_sealed") if name else None,
        "kind": one.kind.value,
        "size": one.size,
        "pages": one.pages,
        "sha256_sent": one.sha256_sent,
        "sha256_kept": one.sha256_kept,
        "state": one.state.value,
        "refusal": one.refusal.value if one.refusal else None,
        "cause": one.cause.value if one.cause else None,
        "decision": one.decision.value,
        "decided_at": one.decided_at,
        "was_confirmed": one.was_confirmed,
        "is_virus_checked": one.is_virus_checked,
        "object_name": one.object_name,
        "offered_at": one.offered_at,
        "shown_at": one.shown_at,
        "retain_days": one.retain_days,
        "retain_until": one.retain_until,
        "version": one.version,
    }


def _document(work: Work, row: RowMapping) -> Document:
    name = row["name_sealed"]
    return Document(
        id=DocumentId(row["id"]),
        appointment_id=AppointmentId(row["appointment_id"]),
        visit_id=VisitId(row["visit_id"]) if row["visit_id"] else None,
        request_id=DocumentRequestId(row["request_id"]) if row["request_id"] else None,
        session_id=SessionId(row["session_id"]) if row["session_id"] else None,
        participant_id=row["participant_id"],
        direction=Direction(row["direction"]),
        title=row["title"],
        name=work.get(Keyring).unseal(name, "document", row["id"], "name_sealed") if name else None,
        kind=DocumentKind(row["kind"]),
        size=row["size"],
        pages=row["pages"],
        sha256_sent=row["sha256_sent"],
        sha256_kept=row["sha256_kept"],
        state=DocumentState(row["state"]),
        refusal=Refusal(row["refusal"]) if row["refusal"] else None,
        cause=Cause(row["cause"]) if row["cause"] else None,
        decision=Decision(row["decision"]),
        was_confirmed=row["was_confirmed"],
        is_virus_checked=row["is_virus_checked"],
        object_name=row["object_name"],
        offered_at=row["offered_at"],
        shown_at=row["shown_at"],
        decided_at=row["decided_at"],
        retain_days=row["retain_days"],
        retain_until=row["retain_until"],
        version=row["version"],
    )


# --- keys and pages


async def add_key(work: Work, document_id: str, key: WrappedKey) -> None:
    """The key of a document."""
    row = {"document_id": document_id, "wrapped_key": key.wrapped, "key_version": key.version}
    await work.db.execute(insert(document_key).values(row))


async def key_of(work: Work, document_id: str) -> bytes | None:
    """The wrapped key; None when the document was destroyed."""
    query = select(document_key.c.wrapped_key).where(document_key.c.document_id == document_id)
    wrapped: bytes | None = await work.db.scalar(query)
    return wrapped


async def destroy_content(work: Work, document_id: str) -> None:
    """The destruction: the key first; then pages, text and showing."""
    await work.db.execute(delete(document_key).where(document_key.c.document_id == document_id))
    await work.db.execute(delete(document_page).where(document_page.c.document_id == document_id))


async def put_page(work: Work, page: Page) -> None:
    """A page that the sandbox drew; drawn again it takes the place of the former."""
    sealed = work.get(Keyring).seal(page.text, "document_page", f"{page.document_id}/{page.number}", "text_sealed")
    same = and_(document_page.c.document_id == page.document_id, document_page.c.page == page.number)
    await work.db.execute(delete(document_page).where(same))
    row = {"document_id": page.document_id, "page": page.number, "width": page.width, "height": page.height}
    await work.db.execute(insert(document_page).values(row | {"text_sealed": sealed}))


async def pages_of(work: Work, document_id: str) -> list[Page]:
    """The pages drawn so far, in order."""
    query = select(document_page).where(document_page.c.document_id == document_id).order_by(document_page.c.page)
    return [_page(work, row) for row in (await work.db.execute(query)).mappings()]


async def page_of(work: Work, document_id: str, number: int) -> Page | None:
    """One page, when it was drawn."""
    query = select(document_page).where(document_page.c.document_id == document_id, document_page.c.page == number)
    row = (await work.db.execute(query)).mappings().first()
    return _page(work, row) if row else None


def _page(work: Work, row: RowMapping) -> Page:
    place = f"{row['document_id']}/{row['page']}"
    words = work.get(Keyring).unseal(row["text_sealed"], "document_page", place, "text_sealed")
    return Page(DocumentId(row["document_id"]), row["page"], row["width"], row["height"], words)


# --- verdicts, rights, events


async def add_scan(work: Work, document_id: str, sha256: str, engine: str, signatures: str, verdict: str) -> None:
    """A verdict on bytes."""
    row = {"id": new_id(), "document_id": document_id, "sha256": sha256, "engine": engine}
    await work.db.execute(
        insert(scan).values(row | {"signature_version": signatures, "verdict": verdict, "scanned_at": work.now})
    )


async def last_clean_scan(work: Work, document_id: str) -> datetime | None:
    """When it was last found clean."""
    query = select(func.max(scan.c.scanned_at)).where(scan.c.document_id == document_id, scan.c.verdict == "clean")
    when: datetime | None = await work.db.scalar(query)
    return when


async def put_access(work: Work, visit_id: str, participant: str, right: str, staff_id: str | None) -> None:
    """Give a right on the documents of a visit, to one staff member where it is staff's."""
    same = and_(
        document_access.c.visit_id == visit_id,
        document_access.c.participant_id == participant,
        document_access.c.right == right,
    )
    values = {"staff_id": staff_id, "consent_at": work.now, "withdrawn_at": None}
    if not (await work.db.execute(update(document_access).where(same).values(values))).rowcount:
        row = {"visit_id": visit_id, "participant_id": participant, "right": right}
        await work.db.execute(insert(document_access).values(row | values))


async def end_access(work: Work, visit_id: str, participant: str, at: datetime) -> None:
    """Take every right of a participant on the documents of a visit, from a moment on."""
    await work.db.execute(
        update(document_access)
        .where(
            document_access.c.visit_id == visit_id,
            document_access.c.participant_id == participant,
            or_(document_access.c.withdrawn_at.is_(None), document_access.c.withdrawn_at > at),
        )
        .values(withdrawn_at=at)
    )


async def has_access(work: Work, visit_id: str, participant: str, right: str, staff_id: str | None) -> bool:
    """Whether the right stands now."""
    query = select(document_access.c.visit_id).where(
        document_access.c.visit_id == visit_id,
        document_access.c.participant_id == participant,
        document_access.c.right == right,
        or_(document_access.c.withdrawn_at.is_(None), document_access.c.withdrawn_at > work.now),
        document_access.c.staff_id == staff_id if staff_id else document_access.c.staff_id.is_(None),
    )
    return await work.db.scalar(query) is not None


async def add_event(
    work: Work, document_id: str, what: str, page: int | None = None, reason: str | None = None
) -> None:
    """One line of what happened to a document, in the transaction of the change."""
    actor = work.actor
    who = actor.id or actor.session_id or actor.kind.value
    row = {
        "id": new_id(),
        "document_id": document_id,
        "happened_at": work.now,
        "what": what,
        "actor": work.get(Keyring).keyed_hash("actor", who),
        "page": page,
        "reason": reason,
    }
    await work.db.execute(insert(document_event).values(row))


async def openings_since(work: Work, moment: datetime) -> int:
    """How many pages and originals this actor opened since a moment."""
    who = work.get(Keyring).keyed_hash("actor", work.actor.id or "")
    query = select(func.count(func.distinct(document_event.c.document_id))).where(
        document_event.c.actor == who, document_event.c.what == "opened", document_event.c.happened_at >= moment
    )
    return int(await work.db.scalar(query) or 0)


# --- what is on show, tickets


async def put_shown(work: Work, visit_id: str, document_id: str, page: int, words: str) -> None:
    """What staff show now; one page at a time per visit."""
    await end_shown(work, visit_id)
    row = {"visit_id": visit_id, "document_id": document_id, "page": page, "shown_at": work.now}
    sealed = work.get(Keyring).seal(words, "document_shown", visit_id, "words_sealed")
    who = work.actor.id or work.actor.kind.value
    await work.db.execute(insert(document_shown).values(row | {"words_sealed": sealed, "shown_by": who}))


async def end_shown(work: Work, visit_id: str, document_id: str | None = None) -> bool:
    """Show nothing any more (or not this document); whether something was shown."""
    query = delete(document_shown).where(document_shown.c.visit_id == visit_id)
    if document_id is not None:
        query = query.where(document_shown.c.document_id == document_id)
    return bool((await work.db.execute(query)).rowcount)


async def shown_in(work: Work, visit_id: str) -> tuple[str, int, str] | None:
    """Document, page and the words of staff that are shown in this visit."""
    query = select(document_shown).where(document_shown.c.visit_id == visit_id)
    row = (await work.db.execute(query)).mappings().first()
    if row is None:
        return None
    words = work.get(Keyring).unseal(row["words_sealed"], "document_shown", visit_id, "words_sealed")
    return row["document_id"], row["page"], words


async def add_ticket(work: Work, token_hash: str, document_id: str, expires_at: datetime) -> None:
    """A ticket for one download by this session."""
    row = {"token_hash": token_hash, "document_id": document_id, "expires_at": expires_at}
    who = {"session_id": work.actor.session_id, "actor": work.actor.id or ""}
    await work.db.execute(insert(document_ticket).values(row | who))


async def take_ticket(work: Work, token_hash: str) -> str | None:
    """Use a ticket up; the document it was for, when it is this session's and not too old."""
    mine = and_(
        document_ticket.c.token_hash == token_hash,
        document_ticket.c.session_id == work.actor.session_id,
        document_ticket.c.actor == (work.actor.id or ""),
        document_ticket.c.expires_at > work.now,
    )
    found: str | None = await work.db.scalar(select(document_ticket.c.document_id).where(mine))
    taken = await work.db.execute(delete(document_ticket).where(mine))
    return found if taken.rowcount else None


async def destroy_tickets(work: Work, before: datetime, limit: int) -> int:
    """Tickets past their minute."""
    past = select(document_ticket.c.token_hash).where(document_ticket.c.expires_at < before).limit(limit)
    return (await work.db.execute(delete(document_ticket).where(document_ticket.c.token_hash.in_(past)))).rowcount


async def destroy_requests(work: Work, before: datetime, limit: int) -> int:
    """Requests of long ago whose documents are gone."""
    used = select(document.c.request_id).where(document.c.request_id.is_not(None))
    past = select(document_request.c.id).where(document_request.c.asked_at < before, document_request.c.id.not_in(used))
    done = await work.db.execute(delete(document_request).where(document_request.c.id.in_(past.limit(limit))))
    return done.rowcount


async def destroy_access(work: Work, before: datetime, limit: int) -> int:
    """Rights that ended before a moment."""
    past = select(document_access.c.visit_id).where(document_access.c.withdrawn_at < before).limit(limit)
    ended = and_(document_access.c.visit_id.in_(past), document_access.c.withdrawn_at < before)
    return (await work.db.execute(delete(document_access).where(ended))).rowcount


# --- uploads


@dataclass(frozen=True)
class Upload:
    """One file on its way."""

    id: UploadId
    document_id: DocumentId | None
    appointment_id: AppointmentId
    session_id: str
    participant_id: str
    offer_id: str
    state: UploadState
    object_name: str
    wrapped_key: bytes | None
    lease_owner: str
    lease_until: datetime
    expires_at: datetime


async def add_upload(work: Work, new: Upload, length: int, key_version: int) -> bool:
    """Begin an upload; False when this session has one with the same offer."""
    row = {
        "id": new.id,
        "appointment_id": new.appointment_id,
        "session_id": new.session_id,
        "participant_id": new.participant_id,
        "offer_id": new.offer_id,
        "length": length,
        "state": new.state.value,
        "object_name": new.object_name,
        "wrapped_key": new.wrapped_key,
        "key_version": key_version,
        "begun_at": work.now,
        "expires_at": new.expires_at,
        "lease_owner": new.lease_owner,
        "lease_until": new.lease_until,
        "is_stored": True,
    }
    dialect = postgresql if work.db.dialect == "postgresql" else sqlite
    return bool((await work.db.execute(dialect.insert(upload).values(row).on_conflict_do_nothing())).rowcount)


async def uploads_where(work: Work, *conditions: ColumnElement[bool], **same: Any) -> list[Upload]:
    """Uploads with these columns."""
    query = select(upload).where(*conditions, *(upload.c[name] == value for name, value in same.items()))
    return [_upload(row) for row in (await work.db.execute(query)).mappings()]


async def upload_of_offer(work: Work, appointment_id: str, participant: str, offer_id: str) -> Upload | None:
    """The upload of this offer that is under way or complete, also of an earlier session of this appointment."""
    found = await uploads_where(
        work,
        upload.c.state != UploadState.ENDED.value,
        appointment_id=appointment_id,
        participant_id=participant,
        offer_id=offer_id,
    )
    return next(iter(sorted(found, key=lambda one: one.state is not UploadState.COMPLETE)), None)


async def extend_lease(work: Work, upload_id: str, until: datetime) -> bool:
    """Say that its process still lives; False when the upload was ended meanwhile."""
    mine = and_(upload.c.id == upload_id, upload.c.state == UploadState.RECEIVING.value)
    return bool((await work.db.execute(update(upload).where(mine).values(lease_until=until))).rowcount)


async def complete_upload(work: Work, upload_id: str, document_id: str, size: int) -> bool:
    """Receiving → complete; False when it was ended meanwhile."""
    mine = and_(upload.c.id == upload_id, upload.c.state == UploadState.RECEIVING.value)
    values = {"state": UploadState.COMPLETE.value, "document_id": document_id, "length": size}
    return bool((await work.db.execute(update(upload).where(mine).values(values))).rowcount)


async def end_upload(work: Work, upload_id: str, reason: str) -> bool:
    """Receiving → ended; its key goes with the change, its bytes follow."""
    mine = and_(upload.c.id == upload_id, upload.c.state == UploadState.RECEIVING.value)
    values = {"state": UploadState.ENDED.value, "end_reason": reason, "wrapped_key": None}
    return bool((await work.db.execute(update(upload).where(mine).values(values))).rowcount)


async def forget_quarantine(work: Work, document_id: str) -> str | None:
    """Destroy the key of the quarantined bytes; the object's name, for removing it."""
    mine = upload.c.document_id == document_id
    name: str | None = await work.db.scalar(select(upload.c.object_name).where(mine))
    await work.db.execute(update(upload).where(mine).values(wrapped_key=None))
    return name


async def upload_of_document(work: Work, document_id: str) -> Upload | None:
    """The quarantined bytes of a document."""
    return next(iter(await uploads_where(work, document_id=document_id)), None)


async def receiving(work: Work) -> list[Upload]:
    """Every upload that somebody seems to be sending."""
    return await uploads_where(work, state=UploadState.RECEIVING.value)


async def left_in_quarantine(work: Work) -> list[Upload]:
    """Uploads without a key whose bytes may still lie there."""
    return await uploads_where(work, upload.c.wrapped_key.is_(None), upload.c.is_stored.is_(True))


async def note_removed(work: Work, upload_id: str) -> None:
    """Its bytes are gone."""
    await work.db.execute(update(upload).where(upload.c.id == upload_id).values(is_stored=False))


async def given_for(work: Work, appointment_id: str) -> Given:
    """How much was given for an appointment: what is there, and what is on its way."""
    gone = [DocumentState.REFUSED.value, DocumentState.DESTROYED.value]
    there = select(func.count(), func.coalesce(func.sum(document.c.size), 0)).where(
        document.c.appointment_id == appointment_id, document.c.state.not_in(gone)
    )
    coming = select(func.count(), func.coalesce(func.sum(upload.c.length), 0)).where(
        upload.c.appointment_id == appointment_id, upload.c.state == UploadState.RECEIVING.value
    )
    (files, size), (more, more_size) = [tuple((await work.db.execute(q)).one()) for q in (there, coming)]
    return Given(int(files) + int(more), int(size) + int(more_size))


async def open_uploads(work: Work, session_id: str) -> int:
    """How many files this session is sending now."""
    query = select(func.count()).where(upload.c.session_id == session_id, upload.c.state == UploadState.RECEIVING.value)
    return int(await work.db.scalar(query) or 0)


async def destroy_uploads(work: Work, before: datetime, limit: int) -> int:
    """Rows of uploads that ended or were completed long ago and have no bytes left."""
    past = select(upload.c.id).where(upload.c.begun_at < before, upload.c.is_stored.is_(False)).limit(limit)
    return (await work.db.execute(delete(upload).where(upload.c.id.in_(past)))).rowcount


def _upload(row: RowMapping) -> Upload:
    return Upload(
        id=UploadId(row["id"]),
        document_id=DocumentId(row["document_id"]) if row["document_id"] else None,
        appointment_id=AppointmentId(row["appointment_id"]),
        session_id=row["session_id"],
        participant_id=row["participant_id"],
        offer_id=row["offer_id"],
        state=UploadState(row["state"]),
        object_name=row["object_name"],
        wrapped_key=row["wrapped_key"],
        lease_owner=row["lease_owner"],
        lease_until=row["lease_until"],
        expires_at=row["expires_at"],
    )


async def prepare_keeping(work: Work, document_id: str, object_name: str, key: WrappedKey) -> tuple[str, bytes]:
    """Note name and key of a document before its bytes are kept; a repeat gets the first ones back."""
    is_offered = and_(document.c.id == document_id, document.c.state == DocumentState.OFFERED.value)
    mine = and_(is_offered, document.c.object_name.is_(None))
    if (await work.db.execute(update(document).where(mine).values(object_name=object_name))).rowcount:
        await add_key(work, document_id, key)
    name = await work.db.scalar(select(document.c.object_name).where(is_offered))
    wrapped = await key_of(work, document_id)
    if name is None or wrapped is None:
        raise AlreadyDecided
    return name, wrapped


async def forget_object(work: Work, document_id: str) -> None:
    """The bytes of a destroyed document are gone."""
    await work.db.execute(update(document).where(document.c.id == document_id).values(object_name=None))
