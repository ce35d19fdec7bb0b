"""Which files are welcome, the states of a document, who may see it, and until when it is kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from balie.errors import AlreadyAccepted, AlreadyDecided, FileRefused, NotScannedYet, TooLarge, TooManyFiles
from balie.ids import AppointmentId, DocumentId, DocumentRequestId, SessionId, StaffId, VisitId

MIB = 1024 * 1024
CITIZEN = "citizen"
STAFF = "staff"
NAME_LENGTH = 120
TITLE_LENGTH = 80
WORDS_LENGTH = 200
FIRST_PAGES = 20
MOST_PAGES = 200
TICKET_LIFE = timedelta(seconds=60)
VERDICT_LIFE = timedelta(hours=24)
UNCHECKED_AFTER = timedelta(hours=24)
OPENINGS_AN_HOUR = 60


class DocumentKind(StrEnum):
    """The three kinds of file that are welcome."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"


class DocumentState(StrEnum):
    """Where a document is; section 7 of documents.md."""

    OFFERED = "offered"
    SCANNED = "scanned"
    REFUSED = "refused"
    SHOWN = "shown"
    HANDED_OVER = "handed_over"
    DESTROYED = "destroyed"


class UploadState(StrEnum):
    """One file on its way."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    ENDED = "ended"


class Decision(StrEnum):
    """What staff decided on a document they received."""

    OPEN = "open"
    ACCEPTED = "accepted"
    NOT_NEEDED = "not_needed"


class Refusal(StrEnum):
    """Why a document cannot be used; each has a sentence for the citizen."""

    DAMAGED = "damaged"
    WRONG_KIND = "wrong_kind"
    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"
    TOO_MANY_PAGES = "too_many_pages"
    MALWARE = "malware"
    UNCHECKED = "unchecked"
    UNCLEAR = "unclear"  # staff could not read it


class Cause(StrEnum):
    """Why a document was destroyed."""

    WITHDRAWN = "withdrawn"
    NOT_NEEDED = "not_needed"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    RETENTION = "retention"
    ACCESS_REQUEST = "access_request"


class Direction(StrEnum):
    """Who gives it to whom."""

    TO_MUNICIPALITY = "to_municipality"
    TO_CITIZEN = "to_citizen"


class DocumentRequestState(StrEnum):
    """What became of a question for a paper."""

    ASKED = "asked"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"


class SkipReason(StrEnum):
    """Why a citizen does not send a paper."""

    NO_PAPER = "no_paper"
    DOES_NOT_WORK = "does_not_work"
    WILL_BRING = "will_bring"


class Right(StrEnum):
    """What a row of document_access gives."""

    OPEN = "open"


@dataclass(frozen=True)
class UploadLimits:
    """How much, how many and how fast; security-and-reliability.md section 4."""

    file_bytes: int = 25 * MIB
    form_bytes: int = 64 * 1024
    files: int = 10
    visit_bytes: int = 100 * MIB
    open_per_session: int = 3
    bytes_per_s: int = 1024
    window_s: float = 30.0
    life: timedelta = timedelta(hours=2)

    @property
    def body_bytes(self) -> int:
        """The longest request that may be announced."""
        return self.file_bytes + self.form_bytes


@dataclass(frozen=True)
class WrappedKey:
    """A key as it is stored; it opens only in the row it was made for."""

    wrapped: bytes
    version: int


@dataclass(frozen=True)
class DocumentRequest:
    """A paper that is asked of a citizen."""

    id: DocumentRequestId
    appointment_id: AppointmentId
    visit_id: VisitId | None
    participant_id: str
    slot_code: str | None
    title: str
    plain_name: str
    state: DocumentRequestState
    skip_reason: SkipReason | None
    asked_at: datetime
    asked_by: StaffId | None = None


@dataclass(frozen=True)
class Document:
    """What we know about one document; its bytes lie in the vault."""

    id: DocumentId
    appointment_id: AppointmentId
    visit_id: VisitId | None
    request_id: DocumentRequestId | None
    session_id: SessionId | None
    participant_id: str
    direction: Direction
    title: str
    name: str | None
    kind: DocumentKind
    size: int
    pages: int
    sha256_sent: str
    sha256_kept: str | None
    state: DocumentState
    refusal: Refusal | None
    cause: Cause | None
    decision: Decision
    was_confirmed: bool
    is_virus_checked: bool
    object_name: str | None
    offered_at: datetime
    shown_at: datetime | None
    decided_at: datetime | None
    retain_days: int
    retain_until: date | None
    version: int

    @property
    def is_there(self) -> bool:
        """Whether there is content that can be looked at."""
        return self.state in (DocumentState.SCANNED, DocumentState.SHOWN)

    @property
    def is_gone(self) -> bool:
        """Whether its content no longer exists."""
        return self.state in (DocumentState.REFUSED, DocumentState.DESTROYED)

    @property
    def awaits_decision(self) -> bool:
        """Whether staff still have to say what becomes of it."""
        is_received = self.direction is Direction.TO_MUNICIPALITY
        return is_received and self.decision is Decision.OPEN and not self.is_gone


@dataclass(frozen=True)
class Page:
    """One page as a picture of ours, with the text that was on it."""

    document_id: DocumentId
    number: int
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class Shown:
    """What staff show the citizen now."""

    visit_id: VisitId
    document_id: DocumentId
    title: str
    page: int
    pages: int
    width: int
    height: int
    text: str
    words: str


@dataclass(frozen=True)
class Attachment:
    """A pointer for the contact record; never bytes."""

    title: str
    document_id: DocumentId
    sha256: str


@dataclass(frozen=True)
class ReceiptLine:
    """What the goodbye page tells about one paper; `result` is accepted, not_needed, refused, withdrawn or open."""

    title: str
    size: int
    given_at: datetime
    result: str
    seen_at: datetime | None
    kept_until: date | None


@dataclass(frozen=True)
class AskOfCitizen:
    """One card for the citizen: a paper that is asked, and what became of the file that was sent for it.

    `screen` is PAPER_ASKED, PAPER_SENDING (being checked), PAPER_SENT or PAPER_REFUSED; `offer` is a fresh
    random id for the next file.
    """

    request_id: DocumentRequestId
    slot_code: str | None
    title: str
    plain_name: str
    screen: str
    key: str
    offer: str
    document_id: DocumentId | None = None
    refused_because: Refusal | None = None
    is_asked_by_staff: bool = False


# --- announcements


@dataclass(frozen=True)
class DocumentAsked:
    """Staff asked for a paper in the visit."""

    visit_id: VisitId
    request_id: DocumentRequestId


@dataclass(frozen=True)
class DocumentOffered:
    """The last byte is safe."""

    visit_id: VisitId | None
    document_id: DocumentId


@dataclass(frozen=True)
class DocumentScanned:
    """It was found clean and its pages can be seen."""

    visit_id: VisitId | None
    document_id: DocumentId


@dataclass(frozen=True)
class DocumentRefused:
    """It cannot be used and its content is gone."""

    visit_id: VisitId | None
    document_id: DocumentId


@dataclass(frozen=True)
class DocumentChanged:
    """Something else about it or its request changed: seen, accepted, not needed, withdrawn, skipped."""

    visit_id: VisitId | None
    document_id: DocumentId | None


@dataclass(frozen=True)
class DocumentShown:
    """Staff turned to a page, or stopped showing (no document)."""

    visit_id: VisitId
    document_id: DocumentId | None
    page: int


# --- files


_HEADS = (
    (b"%PDF-", DocumentKind.PDF),
    (b"\xff\xd8\xff", DocumentKind.JPEG),
    (b"\x89PNG\r\n\x1a\n", DocumentKind.PNG),
)
HEAD_BYTES = 8


def kind_of_head(head: bytes) -> DocumentKind | None:
    """The kind that the first bytes promise; only a filter, the sandbox reads the whole file."""
    return next((kind for magic, kind in _HEADS if head.startswith(magic)), None)


def clean_name(typed: str, length: int = NAME_LENGTH) -> str:
    """A file name or title as it may be shown: NFC, one line, no control, bidi or path characters."""
    last = unicodedata.normalize("NFC", typed).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    return " ".join(kept.split())[:length]


def clean_title(typed: str) -> str:
    """A title that staff typed; a slash may stand in it."""
    return clean_name(typed.replace("/", "\u2215").replace("\\", "\u2215"), TITLE_LENGTH).replace("\u2215", "/")


def check_size(size: int, limits: UploadLimits) -> None:
    """A whole file that has come in."""
    if size == 0:
        raise EmptyFile({"file": "empty_file"})
    if size > limits.file_bytes:
        raise TooLarge({"file": "too_large"})


class EmptyFile(FileRefused):
    """A file without a byte."""

    status = 400

    @property
    def code(self) -> str:
        """The same sentence as every refused file."""
        return "file_refused"


@dataclass(frozen=True)
class Given:
    """What has been given for a visit so far, files on their way included."""

    files: int
    size: int


def check_room(given: Given, size: int, limits: UploadLimits) -> None:
    """Ten files and 100 MiB a visit."""
    if given.files >= limits.files or given.size + size > limits.visit_bytes:
        raise TooManyFiles


# --- states

_MAY_BECOME = {
    DocumentState.OFFERED: {DocumentState.SCANNED, DocumentState.REFUSED, DocumentState.DESTROYED},
    DocumentState.SCANNED: {
        DocumentState.SHOWN,
        DocumentState.HANDED_OVER,
        DocumentState.REFUSED,
        DocumentState.DESTROYED,
    },
    DocumentState.SHOWN: {DocumentState.HANDED_OVER, DocumentState.REFUSED, DocumentState.DESTROYED},
    DocumentState.REFUSED: {DocumentState.DESTROYED},
    DocumentState.HANDED_OVER: {DocumentState.DESTROYED},
    DocumentState.DESTROYED: set[DocumentState](),
}


def scanned(document: Document, pages: int, sha256_kept: str, is_virus_checked: bool) -> Document:
    """D2: the pipeline found it clean and made its pages."""
    found = replace(document, pages=pages, sha256_kept=sha256_kept, is_virus_checked=is_virus_checked)
    return _become(found, DocumentState.SCANNED)


def refused(document: Document, why: Refusal) -> Document:
    """D3: it cannot be used; name and content go with the change."""
    if document.decision is Decision.ACCEPTED and why is Refusal.UNCLEAR:
        raise AlreadyAccepted
    return replace(_become(document, DocumentState.REFUSED), refusal=why, name=None)


def seen(document: Document, at: datetime) -> Document:
    """D4: the first opening by the other side; later ones change nothing."""
    if document.state is not DocumentState.SCANNED:
        return document
    return replace(_become(document, DocumentState.SHOWN), shown_at=at)


def accepted(document: Document, at: datetime) -> Document:
    """Staff take it; from here on the giver cannot take it back."""
    _check_open(document)
    if not document.is_there:
        raise NotScannedYet
    return _later(replace(document, decision=Decision.ACCEPTED, decided_at=at))


def not_needed(document: Document, at: datetime) -> Document:
    """Staff do not need it: gone at once."""
    _check_open(document)
    return destroyed(replace(document, decision=Decision.NOT_NEEDED, decided_at=at), Cause.NOT_NEEDED)


def withdrawn(document: Document) -> Document:
    """The giver takes it back while the decision is open."""
    if document.decision is Decision.ACCEPTED:
        raise AlreadyAccepted
    _check_open(document)
    return destroyed(document, Cause.WITHDRAWN)


def destroyed(document: Document, cause: Cause) -> Document:
    """D6: no content and no name are left; the row tells what there was."""
    return replace(_become(document, DocumentState.DESTROYED), cause=cause, name=None)


def _check_open(document: Document) -> None:
    if document.is_gone or document.decision is not Decision.OPEN:
        raise AlreadyDecided


def _become(document: Document, state: DocumentState) -> Document:
    if state not in _MAY_BECOME[document.state]:
        raise AlreadyDecided
    return _later(replace(document, state=state))


def _later(document: Document) -> Document:
    return replace(document, version=document.version + 1)


# --- who may see


def is_givers(document: Document, session_id: str | None, participant: str | None, is_confirmed: bool) -> bool:
    """Whether a citizen of this appointment may open it.

    The letterbox rule: a session that came by link opens only what it gave itself, because links
    get forwarded; who has signed in opens all that this participant gave.
    """
    if document.direction is not Direction.TO_MUNICIPALITY or document.participant_id != participant:
        return False
    return is_confirmed or (session_id is not None and document.session_id == session_id)


# --- how long

CANCELLED_DAYS = 1
MISSED_DAYS = 7
GIVEN_TO_CITIZEN_DAYS = 30


def after_visit(document: Document, finished_on: date, case_days: int) -> Document:
    """The last day of a document once the visit is finished (section 10)."""
    if document.direction is Direction.TO_CITIZEN:
        return replace(document, retain_until=finished_on)
    if document.decision is Decision.ACCEPTED:
        days = min(max(document.retain_days, 1), 90)
        return replace(document, retain_until=finished_on + timedelta(days=days))
    return replace(document, retain_until=working_days_after(finished_on, case_days))


def working_days_after(start: date, days: int) -> date:
    """The day that lies `days` working days (Monday to Friday) after `start`."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def cause_of_end(document: Document) -> Cause:
    """Why a document past its day goes: what nobody decided on counts as not needed."""
    is_undecided = document.decision is Decision.OPEN and document.direction is Direction.TO_MUNICIPALITY
    return Cause.NOT_NEEDED if is_undecided and document.visit_id else Cause.RETENTION


def result_of(document: Document) -> str:
    """The word of a document on the receipt."""
    if document.state is DocumentState.REFUSED:
        return "refused"
    if document.decision is Decision.ACCEPTED:
        return "accepted"
    if document.state is DocumentState.DESTROYED:
        return "withdrawn" if document.cause is Cause.WITHDRAWN else "not_needed"
    return "open"


def receipt(documents: Sequence[Document]) -> list[ReceiptLine]:
    """What the citizen gave in this visit and what became of it, in order."""
    given = [d for d in documents if d.direction is Direction.TO_MUNICIPALITY]
    return [
        ReceiptLine(d.title, d.size, d.offered_at, result_of(d), d.shown_at, d.retain_until)
        for d in sorted(given, key=lambda d: d.offered_at)
    ]


def card_for(request: DocumentRequest, own: Sequence[Document], offer: str) -> AskOfCitizen | None:
    """The card of one request; `own` are the documents that this session gave for it, oldest first."""
    last = own[-1] if own else None
    if request.state is DocumentRequestState.ASKED:
        if last is not None and last.state is DocumentState.REFUSED:
            return _card(request, "PAPER_REFUSED", f"refused-{last.id}", offer, None, last.refusal)
        return _card(request, "PAPER_ASKED", f"asked-{len(own)}", offer)
    is_open = last is not None and not last.is_gone and last.decision is Decision.OPEN
    if request.state is not DocumentRequestState.ANSWERED or last is None or not is_open:
        return None
    screen = "PAPER_SENDING" if last.state is DocumentState.OFFERED else "PAPER_SENT"
    return _card(request, screen, f"{screen}-{last.id}", offer, last.id)


def _card(
    request: DocumentRequest,
    screen: str,
    key: str,
    offer: str,
    document_id: DocumentId | None = None,
    refused_because: Refusal | None = None,
) -> AskOfCitizen:
    return AskOfCitizen(
        request.id,
        request.slot_code,
        request.title,
        request.plain_name,
        screen,
        key,
        offer,
        document_id,
        refused_because,
        request.asked_by is not None,
    )
