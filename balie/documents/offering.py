"""From the first to the last byte of one file: begin, keep alive, complete, give up, and clear what a crash left."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from balie import jobs
from balie.actors import RUN_SERVICE, Actor, ActorKind, system
from balie.booking import service as booking
from balie.booking.rules import AppointmentState
from balie.documents import rules, service, store
from balie.documents.keys import new_key, wrap
from balie.documents.rules import (
    Decision,
    Direction,
    Document,
    DocumentKind,
    DocumentOffered,
    DocumentRequest,
    DocumentRequestState,
    DocumentState,
    UploadLimits,
    UploadState,
)
from balie.documents.sealing import context
from balie.documents.store import Upload
from balie.documents.vault import Vault, new_object_name
from balie.errors import BadField, NotAllowed, NotFound, StorageFull, TooFast, UploadBusy, UploadGone
from balie.ids import AppointmentId, DocumentId, DocumentRequestId, SessionId, UploadId, VisitId, new_id
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit
from balie.work import Work, Works

CHECK = "documents.check"
LEASE = timedelta(seconds=60)


@dataclass(frozen=True)
class Offer:
    """What a form says before its file."""

    offer_id: str
    appointment_id: str
    visit_id: str | None
    participant: str
    direction: Direction
    request_id: str | None = None
    slot_code: str | None = None
    title: str = ""


@dataclass(frozen=True)
class Begun:
    """Where the bytes of a new upload go; or the document that this offer became before."""

    upload_id: UploadId | None
    object_name: str
    key: bytes
    done: Document | None = None

    @property
    def place(self) -> bytes:
        """The context of the quarantined bytes."""
        return quarantine_place(self.upload_id or "")


@dataclass(frozen=True)
class Received:
    """What came in."""

    name: str
    kind: DocumentKind
    size: int
    sha256: str


def quarantine_place(upload_id: str) -> bytes:
    """The context of bytes in quarantine."""
    return context("upload", upload_id, "piece/0")


async def complete_offer(work: Work, offer: Offer) -> Offer:
    """For staff: the appointment of the visit, once it is sure that they have it."""
    if work.actor.kind is not ActorKind.STAFF:
        return offer
    await service.check_staff(work, offer.visit_id or "")
    appointment_id = await store.appointment_of_visit(work, offer.visit_id or "")
    if appointment_id is None:
        raise NotFound
    return replace(offer, appointment_id=appointment_id)


async def begin(work: Work, offer: Offer, length: int, limits: UploadLimits) -> Begun:
    """Make room for one file; the same offer again gives what it became."""
    if not 8 <= len(offer.offer_id) <= 64 or not offer.offer_id.isascii():
        raise BadField({"offer": "wrong"})
    request = await _check_may_give(work, offer)
    earlier = await store.upload_of_offer(work, offer.appointment_id, offer.participant, offer.offer_id)
    if earlier is not None and earlier.document_id is not None:
        done = await store.document_by_id(work, earlier.document_id)
        if done is None:
            raise UploadGone
        return Begun(None, "", b"", done)
    if earlier is not None:  # a phone that changed network: the newcomer goes on, the old one is let go
        await store.end_upload(work, earlier.id, "taken_over")
    if request is not None and request.state is DocumentRequestState.WITHDRAWN:
        raise NotAllowed
    await _check_limits(work, offer.appointment_id, length, limits)
    return await _add(work, offer, length, limits)


async def _check_may_give(work: Work, offer: Offer) -> DocumentRequest | None:
    actor = work.actor
    if actor.kind is ActorKind.GUEST:
        raise NotAllowed
    if actor.kind is ActorKind.STAFF:
        await service.check_staff(work, offer.visit_id or "")
        return None
    if actor.appointment_id != offer.appointment_id:
        raise NotFound
    appointment = await booking.appointment(work, AppointmentId(offer.appointment_id))
    if appointment.state not in (AppointmentState.BOOKED, AppointmentState.KEPT):
        raise NotAllowed
    return await _request_of(work, offer)


async def _request_of(work: Work, offer: Offer) -> DocumentRequest:
    for request in await store.requests_of(work, offer.appointment_id):
        is_meant = request.id == offer.request_id if offer.request_id else request.slot_code == offer.slot_code
        if is_meant and request.participant_id == offer.participant and (offer.request_id or offer.slot_code):
            return request
    raise NotFound


async def _check_limits(work: Work, appointment_id: str, length: int, limits: UploadLimits) -> None:
    if await store.open_uploads(work, session_of(work.actor)) >= limits.open_per_session:
        raise TooFast(retry_after_s=10)
    rules.check_room(await store.given_for(work, appointment_id), length, limits)
    if not work.get(Vault).has_room():
        raise StorageFull(retry_after_s=600)


async def _add(work: Work, offer: Offer, length: int, limits: UploadLimits) -> Begun:
    keyring, key, upload_id = work.get(Keyring), new_key(), UploadId(new_id())
    wrapped = wrap(keyring, key, "upload", upload_id)
    new = Upload(
        id=upload_id,
        document_id=None,
        appointment_id=AppointmentId(offer.appointment_id),
        session_id=session_of(work.actor),
        participant_id=offer.participant,
        offer_id=offer.offer_id,
        state=UploadState.RECEIVING,
        object_name=new_object_name(),
        wrapped_key=wrapped.wrapped,
        lease_owner=this_process(),
        lease_until=work.now + LEASE,
        expires_at=work.now + limits.life,
    )
    if not await store.add_upload(work, new, length, wrapped.version):
        raise UploadBusy
    return Begun(upload_id, new.object_name, key)


def session_of(actor: Actor) -> str:
    """The session that sends; staff without one are known by their id."""
    return actor.session_id or actor.id or ""


async def stay(work: Work, upload_id: str) -> None:
    """The bytes still come; raises UploadGone when somebody else ended this upload."""
    if not await store.extend_lease(work, upload_id, work.now + LEASE):
        raise UploadGone


async def complete(work: Work, begun: Begun, offer: Offer, received: Received, limits: UploadLimits) -> Document:
    """The last byte is safe: upload complete, document offered, question answered, all in one transaction."""
    assert begun.upload_id is not None
    request = await _check_may_give(work, offer)
    if request is not None and request.state is DocumentRequestState.WITHDRAWN:
        raise NotAllowed
    document = await _new_document(work, offer, request, received)
    if not await store.complete_upload(work, begun.upload_id, document.id, received.size):
        raise UploadGone
    given = await store.given_for(work, offer.appointment_id)
    rules.check_room(given, received.size, limits)
    await store.add_document(work, document)
    if request is not None:
        await store.set_request_state(work, request.id, DocumentRequestState.ANSWERED)
    await store.add_event(work, document.id, "offered")
    await audit(work, "documents.offer", document.id)
    await jobs.put(work, CHECK, {"document_id": document.id})
    await work.announce(DocumentOffered(document.visit_id, document.id))
    return document


async def _new_document(work: Work, offer: Offer, request: DocumentRequest | None, received: Received) -> Document:
    retain_days, _ = await store.terms_of_request(work, request.id if request else None)
    visit_id = offer.visit_id or (request.visit_id if request else None)
    return Document(
        id=DocumentId(new_id()),
        appointment_id=AppointmentId(offer.appointment_id),
        visit_id=VisitId(visit_id) if visit_id else None,
        request_id=DocumentRequestId(request.id) if request else None,
        session_id=SessionId(work.actor.session_id) if work.actor.session_id else None,
        participant_id=offer.participant,
        direction=offer.direction,
        title=request.title if request else rules.clean_title(offer.title) or received.name or received.kind.value,
        name=rules.clean_name(received.name) or None,
        kind=received.kind,
        size=received.size,
        pages=0,
        sha256_sent=received.sha256,
        sha256_kept=None,
        state=DocumentState.OFFERED,
        refusal=None,
        cause=None,
        decision=Decision.OPEN,
        was_confirmed=await service.is_confirmed(work, visit_id, offer.participant),
        is_virus_checked=False,
        object_name=None,
        offered_at=work.now,
        shown_at=None,
        decided_at=None,
        retain_days=retain_days,
        retain_until=None,
        version=1,
    )


async def give_up(works: Works, begun: Begun, reason: str) -> None:
    """Nothing of this file is kept: key first, then the bytes."""
    if begun.upload_id is None:
        return
    async with works.begin(system("documents.give_up"), RUN_SERVICE) as work:
        await store.end_upload(work, begun.upload_id, reason)
    await works.get(Vault).remove(begun.object_name)
    async with works.begin(system("documents.give_up"), RUN_SERVICE) as work:
        await store.note_removed(work, begun.upload_id)


async def clear_stale(works: Works) -> None:
    """End uploads whose process is gone or whose time is over, then remove every byte without a key."""
    async with works.begin(system("documents.clear_stale"), RUN_SERVICE, writes=False) as work:
        stale = [one for one in await store.receiving(work) if _is_stale(work, one)]
    for one in stale:
        async with works.begin(system("documents.clear_stale"), RUN_SERVICE) as work:
            await store.end_upload(work, one.id, "stale")
    async with works.begin(system("documents.clear_stale"), RUN_SERVICE, writes=False) as work:
        left = await store.left_in_quarantine(work)
    for one in left:
        await works.get(Vault).remove(one.object_name)
        async with works.begin(system("documents.clear_stale"), RUN_SERVICE) as work:
            await store.note_removed(work, one.id)


def _is_stale(work: Work, upload: Upload) -> bool:
    if upload.expires_at <= work.now or upload.lease_until <= work.now:
        return True
    here = upload.lease_owner.rsplit(":", 2)
    return here[0] == socket.gethostname()[:60] and not is_alive(upload.lease_owner)


def this_process() -> str:
    """Host, number and start of this process: a number alone is given out again after a crash."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{_started(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Whether the process of this name still runs on this machine."""
    _, number, started = owner.rsplit(":", 2)
    return _started(int(number)) == started


def _started(number: int) -> str:
    try:
        stat = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return "gone"
    return stat.rsplit(")", 1)[1].split()[19]
