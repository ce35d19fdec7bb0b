"""From rows to frozen values and back; who may read how much of a record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from balie.actors import AssuranceLevel
from balie.history.records import (
    ApiClient,
    ContactRecord,
    EarlierContact,
    FollowUp,
    KeptAttachment,
    KeptParty,
)
from balie.history.rules import (
    ContactActor,
    ContactAttachment,
    ContactLeg,
    ContactParty,
    ContactSubject,
    FollowUpState,
    Outcome,
    PartyRole,
)
from balie.ids import ContactId, new_id
from balie.privacy.sealing import Keyring

Row = Mapping[str, Any]
Rows = list[dict[str, Any]]


def record(row: Row) -> ContactRecord:
    """A record from its row."""
    names = ContactRecord.__dataclass_fields__
    values = {name: row[name] for name in names}
    values["outcome"] = Outcome(row["outcome"]) if row["outcome"] else None
    return ContactRecord(**values)


def follow_up(row: Row) -> FollowUp:
    """A follow-up from its row."""
    values = {name: row[name] for name in FollowUp.__dataclass_fields__}
    values["state"] = FollowUpState(row["state"])
    return FollowUp(**values)


def attachment(row: Row) -> KeptAttachment:
    """An attachment from its row."""
    return KeptAttachment(**{name: row[name] for name in KeptAttachment.__dataclass_fields__})


def party(keyring: Keyring, row: Row) -> KeptParty:
    """A party from its row, its name unsealed."""
    sealed = row["name_sealed"]
    return KeptParty(
        id=row["id"],
        contact_id=row["contact_id"],
        citizen_id=row["citizen_id"],
        role=PartyRole(row["role"]),
        is_initiator=row["is_initiator"],
        name=keyring.unseal(sealed, "contact_party", row["id"], "name_sealed") if sealed else "",
        organisation=row["organisation"],
        level=AssuranceLevel.from_word(row["level"]) if row["is_confirmed"] else AssuranceLevel.NONE,
    )


def client(row: Row) -> ApiClient:
    """An API client from its row."""
    values = {name: row[name] for name in ApiClient.__dataclass_fields__}
    values["networks"] = tuple(n for n in row["networks"].split(",") if n)
    return ApiClient(**values)


def earlier(
    row: Row, own_domains: Collection[str], follow_ups: Sequence[Row], attachments: Sequence[Row]
) -> EarlierContact:
    """A line of the customer view; another domain's tells its date only."""
    if row["domain"] not in own_domains:
        return EarlierContact(ContactId(row["id"]), row["happened_at"], "", is_other_domain=True)
    return EarlierContact(
        id=ContactId(row["id"]),
        happened_at=row["happened_at"],
        department=row["department"],
        is_other_domain=False,
        channel=row["channel"],
        topic=row["topic"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        note=row["note"],
        answer=row["answer"],
        follow_ups=tuple(follow_up(f) for f in follow_ups if f["contact_id"] == row["id"]),
        attachments=tuple(a["title"] for a in attachments if a["contact_id"] == row["id"]),
        revision=row["revision"],
    )


def leg_rows(contact_id: ContactId, legs: Sequence[ContactLeg]) -> Rows:
    """Legs as rows, numbered in their order."""
    return [
        {
            "contact_id": contact_id,
            "number": number,
            "kind": str(leg.kind),
            "desk": leg.desk,
            "staff_id": leg.staff_id,
            "began_at": leg.began_at,
            "ended_at": leg.ended_at,
            "ended_by": leg.ended_by,
        }
        for number, leg in enumerate(legs, start=1)
    ]


def party_rows(keyring: Keyring, contact_id: ContactId, parties: Sequence[ContactParty], happened_at: datetime) -> Rows:
    """Parties as rows, their names sealed."""
    return [_party_row(keyring, contact_id, each, happened_at) for each in parties]


def _party_row(keyring: Keyring, contact_id: ContactId, each: ContactParty, happened_at: datetime) -> dict[str, Any]:
    party_id = new_id()
    proof = each.proof
    return {
        "id": party_id,
        "contact_id": contact_id,
        "citizen_id": each.citizen_id,
        "role": str(each.role),
        "is_initiator": each.is_initiator,
        "name_sealed": keyring.seal(each.name, "contact_party", party_id, "name_sealed") if each.name else None,
        "organisation": each.organisation,
        "is_confirmed": proof is not None and proof.is_confirmed,
        "method_label": proof.method_label if proof else "",
        "level": (proof.level if proof else AssuranceLevel.NONE).word,
        "verified_at": proof.at if proof else None,
        "verification_purpose": proof.purpose if proof else "",
        "happened_at": happened_at,
    }


def actor_rows(contact_id: ContactId, actors: Sequence[ContactActor]) -> Rows:
    """Who did the contact as rows; the same actor counts once."""
    once = {(str(a.kind), a.actor_key): a for a in actors}
    return [
        {
            "contact_id": contact_id,
            "kind": kind,
            "actor_key": key,
            "name_at_the_time": each.name,
            "department": each.department,
        }
        for (kind, key), each in once.items()
    ]


def subject_rows(contact_id: ContactId, subjects: Sequence[ContactSubject]) -> Rows:
    """Subjects as rows."""
    return [
        {
            "id": new_id(),
            "contact_id": contact_id,
            "kind": each.kind,
            "object_id": each.object_id,
            "code_objecttype": each.code_objecttype,
            "code_register": each.code_register,
            "code_soort_object_id": each.code_soort_object_id,
            "answers_contact_id": each.answers_contact_id,
        }
        for each in subjects
    ]


def attachment_rows(contact_id: ContactId, attachments: Sequence[ContactAttachment]) -> Rows:
    """Attachments as rows: pointers, never bytes."""
    return [
        {
            "id": new_id(),
            "contact_id": contact_id,
            "title": each.title,
            "object_id": each.document_id,
            "sha256": each.sha256,
            "code_objecttype": each.code_objecttype,
            "code_register": each.code_register,
            "code_soort_object_id": each.code_soort_object_id,
        }
        for each in attachments
    ]
