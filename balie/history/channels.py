"""What other channels may do with the same history: clients and their tokens, reading, writing."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from balie.actors import AssuranceLevel, Purpose
from balie.errors import BsnInText, Invalid, NotAllowed, NotFound, NotSignedIn
from balie.history import reading, store
from balie.history.records import ApiClient, ContactRecord, KeptAttachment, KeptParty
from balie.history.rules import HAS_SUCCEEDED, ContactParty, ContactSubject, Outcome
from balie.history.service import next_reference
from balie.history.texts import OTHER_DOMAIN, has_bsn
from balie.identity import service as identity
from balie.identity.bsn import Bsn
from balie.ids import CitizenId, ContactId, new_id
from balie.privacy.purposes import ALL, HELP_CITIZEN, RECORD_CONTACT
from balie.privacy.rules import DEFAULT_CONTACT_DAYS, retain_until
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work

_SEEN_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class NewContact:
    """A contact that another channel had."""

    channel: str
    topic: str
    note: str
    answer: str
    has_succeeded: bool | None
    language: str
    is_confidential: bool
    happened_at: datetime
    reference: str | None = None
    outcome: Outcome | None = None
    party: ContactParty | None = None
    subject: ContactSubject | None = None


@dataclass(frozen=True)
class FoundContact:
    """A contact as far as a client may read it."""

    record: ContactRecord
    parties: tuple[KeptParty, ...] = ()
    attachments: tuple[KeptAttachment, ...] = ()
    is_other_domain: bool = False
    subject_id: str = ""

    @property
    def level(self) -> AssuranceLevel:
        """The highest level that a citizen proved."""
        return max((party.level for party in self.parties), default=AssuranceLevel.NONE)


async def make_api_client(
    work: Work,
    *,
    name: str,
    channel: str,
    domain: str,
    department: str = "",
    purpose: Purpose = HELP_CITIZEN,
    may_read: bool = True,
    may_write: bool = True,
    networks: Sequence[str] = (),
    rate_per_s: int = 10,
    ends_at: datetime | None = None,
) -> tuple[ApiClient, str]:
    """A client for another channel, and its token, which is shown this once and never kept."""
    token = secrets.token_urlsafe(32)
    client = ApiClient(
        id=new_id(),
        name=name,
        channel=channel,
        domain=domain,
        department=department or name,
        purpose=purpose.name,
        may_read=may_read,
        may_write=may_write,
        networks=tuple(networks),
        rate_per_s=rate_per_s,
        ends_at=ends_at,
    )
    row = {**vars(client), "networks": ",".join(networks), "token_hash": _hash(token)}
    await store.add(work, store.api_client, [row])
    await audit(work, "history.make_api_client", client.id)
    return client, token


async def client_of_token(work: Work, token: str) -> ApiClient | None:
    """The client with this token while it may come in."""
    row = await store.client_where(work, "token_hash", _hash(token))
    if row is None or (row["ends_at"] is not None and row["ends_at"] <= work.now):
        return None
    return reading.client(row)


async def note_seen(work: Work, client: ApiClient) -> None:
    """Remember that a client is in use, at most once an hour."""
    row = await store.client_where(work, "id", client.id)
    if row and (row["last_used_at"] is None or work.now - row["last_used_at"] > _SEEN_EVERY):
        await store.note_client_used(work, client.id)


async def contacts_of_person(work: Work, bsn: Bsn, page: int, size: int) -> tuple[int, list[FoundContact]]:
    """How many contacts of one person this client may know of, and one page of them, newest first."""
    client = await _reader(work)
    citizen_id = await identity.citizen_by_bsn(work, bsn)
    subject = citizen_id or identity.bsn_index(work, bsn)
    await log_processing(work, _purpose(client), data_subject=subject, name="read_contacts")
    await audit(work, "history.read_contacts", citizen_id or "nobody", reason_code=client.id)
    if citizen_id is None:
        return 0, []
    count, rows = await store.page_of_citizen(work, citizen_id, client.domain, size, (page - 1) * size)
    return count, await _found(work, client, rows)


async def contact_by_reference(work: Work, reference: str) -> FoundContact | None:
    """The contact with this number, as far as this client may read it."""
    return await _one(work, "reference", reference)


async def contact(work: Work, contact_id: str) -> FoundContact:
    """One contact; NotFound also when it is not for this client."""
    found = await _one(work, "id", contact_id)
    if found is None:
        raise NotFound
    return found


async def write_contact(work: Work, new: NewContact) -> FoundContact:
    """Write a contact of another channel; Invalid when its number is taken or its person unknown."""
    client = await _client(work)
    if not client.may_write:
        raise NotAllowed
    _refuse_bsn(new)
    if new.party is not None and new.party.citizen_id is not None:
        await _must_exist(work, new.party.citizen_id)
    row = _row(work, client, new)
    if new.reference is None:
        row["reference"] = await next_reference(work)
    if not await store.add_unless_there(work, store.contact_record, row):
        raise Invalid({"reference": "unique"})
    contact_id = ContactId(row["id"])
    if new.party is not None:
        parties = reading.party_rows(work.get(Keyring), contact_id, [new.party], new.happened_at)
        await store.add(work, store.contact_party, parties)
    subjects = reading.subject_rows(contact_id, [new.subject] if new.subject else [])
    await store.add(work, store.contact_subject, subjects)
    await audit(work, "history.write_contact", contact_id)
    kept = await store.record_where(work, "id", contact_id)
    assert kept is not None
    (found,) = await _found(work, client, [kept])
    return replace(found, subject_id=subjects[0]["id"] if subjects else "")


async def _one(work: Work, column: str, value: str) -> FoundContact | None:
    client = await _reader(work)
    row = await store.record_where(work, column, value)
    if row is None or not _may_know(client, row):
        return None
    (found,) = await _found(work, client, [row])
    for party in await store.parts_of(work, store.contact_party, [row["id"]]):
        if party["citizen_id"]:
            subject = party["citizen_id"]
            await log_processing(work, _purpose(client), data_subject=subject, name="read_contact")
    await audit(work, "history.read_contact", row["id"])
    return found


async def _found(work: Work, client: ApiClient, rows: Sequence[dict[str, Any]]) -> list[FoundContact]:
    ids = [row["id"] for row in rows if row["domain"] == client.domain]
    keyring = work.get(Keyring)
    parties = [reading.party(keyring, row) for row in await store.parts_of(work, store.contact_party, ids)]
    papers = [reading.attachment(row) for row in await store.parts_of(work, store.contact_attachment, ids)]
    return [
        FoundContact(
            reading.record(row),
            tuple(party for party in parties if party.contact_id == row["id"]),
            tuple(paper for paper in papers if paper.contact_id == row["id"]),
        )
        if row["domain"] == client.domain
        else FoundContact(_date_only(reading.record(row)), is_other_domain=True)
        for row in rows
    ]


def _may_know(client: ApiClient, row: dict[str, Any]) -> bool:
    return bool(row["domain"] == client.domain or not row["is_confidential"])


def _date_only(record: ContactRecord) -> ContactRecord:
    # Another domain learns that there was a contact, when, and with which department.
    return replace(
        record,
        channel=OTHER_DOMAIN.lower(),
        topic=OTHER_DOMAIN,
        note=record.department,
        answer="",
        outcome=None,
        has_succeeded=None,
        product_id=None,
        source="",
    )


def _row(work: Work, client: ApiClient, new: NewContact) -> dict[str, Any]:
    succeeded = new.has_succeeded
    if succeeded is None and new.outcome is not None:
        succeeded = HAS_SUCCEEDED[new.outcome]
    here = ZoneInfo(work.settings.time_zone)
    return {
        "id": new_id(),
        "source": client.id,
        "channel": new.channel,
        "topic": new.topic,
        "note": new.note,
        "answer": new.answer,
        "outcome": new.outcome.value if new.outcome else None,
        "has_succeeded": succeeded,
        "language": new.language,
        "is_confidential": new.is_confidential,
        "domain": client.domain,
        "department": client.department,
        "happened_at": new.happened_at,
        "reference": new.reference,
        "purpose": RECORD_CONTACT.name,
        "retain_until": retain_until(new.happened_at.astimezone(here).date(), DEFAULT_CONTACT_DAYS),
        "revision": 1,
    }


def _refuse_bsn(new: NewContact) -> None:
    texts = {"topic": new.topic, "note": new.note, "answer": new.answer}
    faults = {name: "bsn_in_text" for name, text in texts.items() if has_bsn(text)}
    if faults:
        raise BsnInText(faults)


async def _must_exist(work: Work, citizen_id: CitizenId) -> None:
    try:
        await identity.citizen(work, citizen_id)  # writes the processing log
    except NotFound:
        raise Invalid({"party": "does_not_exist"}) from None


async def _client(work: Work) -> ApiClient:
    row = await store.client_where(work, "id", work.actor.id or "")
    if row is None:
        raise NotSignedIn
    return reading.client(row)


async def _reader(work: Work) -> ApiClient:
    client = await _client(work)
    if not client.may_read:
        raise NotAllowed
    return client


def _purpose(client: ApiClient) -> Purpose:
    return next((purpose for purpose in ALL if purpose.name == client.purpose), HELP_CITIZEN)


def _hash(token: str) -> str:
    # A token has 256 random bits, so a plain hash cannot be guessed back.
    return hashlib.sha256(token.encode()).hexdigest()
