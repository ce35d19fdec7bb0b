"""Invitations, sessions, page tickets, sign-in attempts, citizens, staff members, desk membership, verifications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from balie.actors import AssuranceLevel, Role
from balie.db import Id, UtcInstant, metadata
from balie.identity.links import Invitation, ParticipantKind, Session, SessionKind, SignInAttempt
from balie.identity.rules import (
    ASKED,
    PROVEN,
    StaffMember,
    Verification,
    VerificationFailure,
    VerificationState,
)
from balie.ids import (
    AppointmentId,
    CitizenId,
    InvitationId,
    SessionId,
    SignInAttemptId,
    StaffId,
    VerificationId,
    VisitId,
)
from balie.privacy.sealing import Keyring
from balie.work import Work

Row = Any  # a mapping of column to value

invitation = Table(
    "invitation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("key_version", Integer, nullable=False),
    Column("appointment_id", Id, index=True),
    Column("visit_id", Id),
    Column("participant_kind", String(20), nullable=False),
    Column("participant_name_sealed", LargeBinary),
    Column("language", String(8), nullable=False),
    Column("valid_from", UtcInstant, nullable=False),
    Column("valid_until", UtcInstant, nullable=False),
    Column("revoked_at", UtcInstant),
    Column("replaced_at", UtcInstant),
    Column("last_opened_at", UtcInstant),
    Column("opened_count", Integer, nullable=False),
    Column("created_by", String(80), nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("actor_ref", Id, index=True),
    Column("invitation_id", Id, index=True),
    Column("visit_id", Id, index=True),
    Column("provider", String(20)),
    Column("created_at", UtcInstant, nullable=False),
    Column("last_used_at", UtcInstant, nullable=False),
    Column("idle_until", UtcInstant),
    Column("ends_at", UtcInstant, nullable=False),
    Column("reauthenticated_at", UtcInstant),
    Column("ended_at", UtcInstant),
    Column("end_reason", String(40)),
)

page_ticket = Table(
    "page_ticket",
    metadata,
    Column("ticket_hash", LargeBinary(32), primary_key=True),
    Column("session_id", Id, ForeignKey("session.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("page_id", String(64), nullable=False),
    Column("expires_at", UtcInstant, nullable=False),
    Column("used_at", UtcInstant),
)

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("state_hash", LargeBinary(32), nullable=False, unique=True),
    Column("nonce", String(64), nullable=False),
    Column("verifier_sealed", LargeBinary, nullable=False),
    Column("provider", String(20), nullable=False),
    Column("cookie_hash", LargeBinary(32), nullable=False),
    Column("return_to", String(120), nullable=False),
    Column("session_id", Id),
    Column("verification_id", Id, index=True),
    Column("page_id", String(64)),
    Column("mode", String(10), nullable=False),
    Column("started_at", UtcInstant, nullable=False),
    Column("used_at", UtcInstant),
    Column("jti_hash", LargeBinary(32), index=True),  # an ID token counts once
    Column("proof_sealed", LargeBinary),
)

citizen = Table(
    "citizen",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject_index", String(64), unique=True),
    Column("bsn_index", String(64), unique=True),
    Column("bsn_sealed", LargeBinary),
    Column("name_sealed", LargeBinary),
    Column("retain_until", UtcInstant, nullable=False),
)

staff_member = Table(
    "staff_member",
    metadata,
    Column("id", Id, primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("display_name", String(120), nullable=False),
    Column("email", String(255)),
    Column("roles", String(80), nullable=False),
    Column("is_disabled", Boolean, nullable=False),
    Column("last_signed_in_at", UtcInstant, nullable=False),
    Index("ix_staff_member_person", "issuer", "subject", unique=True),
)

team = Table("team", metadata, Column("id", Id, primary_key=True), Column("name", Text, nullable=False))

desk_membership = Table(
    "desk_membership",
    metadata,
    Column("staff_id", Id, ForeignKey("staff_member.id", ondelete="CASCADE"), primary_key=True),
    Column("desk_id", Id, primary_key=True),
    Column("source", String(10), nullable=False),  # claim, balie
)

verification = Table(
    "verification",
    metadata,
    Column("id", Id, primary_key=True),
    Column("visit_id", Id, nullable=False),
    Column("participant_id", String(60), nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("minimum_level", String(12), nullable=False),
    Column("asked_by", Id),
    Column("asked_at", UtcInstant, nullable=False),
    Column("state", String(12), nullable=False),
    Column("failure", String(24)),
    Column("provider", String(255)),
    Column("method_label", String(60)),
    Column("level", String(12)),
    Column("citizen_id", Id),
    Column("verified_at", UtcInstant),
    Column("expires_at", UtcInstant, nullable=False),
    Column("session_id", Id),
    Column("fingerprint", LargeBinary(32)),
    Column("attributes_sealed", LargeBinary),
    Column("attributes_erased_at", UtcInstant),
    Index("ix_verification_visit", "visit_id", "participant_id", "asked_at"),
    Index("ix_verification_due", "state", "expires_at"),
)


# ---- invitations ----


def _invitation(row: Row) -> Invitation:
    return Invitation(
        id=InvitationId(row["id"]),
        version=row["version"],
        key_version=row["key_version"],
        appointment_id=AppointmentId(row["appointment_id"]),
        visit_id=VisitId(row["visit_id"]) if row["visit_id"] else None,
        participant_kind=ParticipantKind(row["participant_kind"]),
        language=row["language"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        created_by=row["created_by"],
        revoked_at=row["revoked_at"],
        replaced_at=row["replaced_at"],
        opened_count=row["opened_count"],
        last_opened_at=row["last_opened_at"],
    )


async def add_invitation(work: Work, new: Invitation, token_hash: bytes) -> None:
    """A new invitation, or a new version of one."""
    row = {
        "id": new.id,
        "version": new.version,
        "token_hash": token_hash,
        "key_version": new.key_version,
        "appointment_id": new.appointment_id,
        "visit_id": new.visit_id,
        "participant_kind": new.participant_kind,
        "language": new.language,
        "valid_from": new.valid_from,
        "valid_until": new.valid_until,
        "opened_count": 0,
        "created_by": new.created_by,
    }
    await work.db.execute(insert(invitation).values(row))


async def _one(work: Work, table: Table, where: ColumnElement[bool], *order: Any) -> Row | None:
    found = (await work.db.execute(select(table).where(where).order_by(*order).limit(1))).mappings().first()
    return dict(found) if found else None


async def invitation_by_hash(work: Work, token_hash: bytes) -> Invitation | None:
    """The version that this token belongs to."""
    row = await _one(work, invitation, invitation.c.token_hash == token_hash)
    return _invitation(row) if row else None


async def newest_invitation(work: Work, where: Mapping[str, str]) -> Invitation | None:
    """The newest version of an invitation, by `id`, or by `appointment_id` and `participant_kind`."""
    condition = and_(*(invitation.c[name] == value for name, value in where.items()))
    row = await _one(work, invitation, condition, invitation.c.version.desc())
    return _invitation(row) if row else None


async def end_invitations(work: Work, appointment_id: str, column: str, kind: str | None = None) -> None:
    """Write `revoked_at` or `replaced_at` on what is still open."""
    table = invitation
    is_open = and_(table.c.revoked_at.is_(None), table.c.replaced_at.is_(None))
    statement = update(table).where(table.c.appointment_id == appointment_id, is_open)
    if kind is not None:
        statement = statement.where(table.c.participant_kind == kind)
    await work.db.execute(statement.values({column: work.now}))


async def count_opening(work: Work, invitation_id: str, version: int) -> None:
    """One more opening of a link."""
    table = invitation
    statement = update(table).where(table.c.id == invitation_id, table.c.version == version)
    await work.db.execute(statement.values(opened_count=table.c.opened_count + 1, last_opened_at=work.now))


# ---- sessions and page tickets ----


@dataclass(frozen=True)
class FoundSession:
    """A session with what its invitation says."""

    session: Session
    appointment_id: AppointmentId | None
    participant_kind: ParticipantKind | None


def _session(row: Row) -> Session:
    return Session(
        id=SessionId(row["id"]),
        kind=SessionKind(row["kind"]),
        actor_ref=row["actor_ref"],
        invitation_id=InvitationId(row["invitation_id"]) if row["invitation_id"] else None,
        visit_id=VisitId(row["visit_id"]) if row["visit_id"] else None,
        provider=row["provider"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        idle_until=row["idle_until"],
        ends_at=row["ends_at"],
        reauthenticated_at=row["reauthenticated_at"],
        ended_at=row["ended_at"],
    )


async def add_session(work: Work, row: Row) -> None:
    """A new session."""
    await work.db.execute(insert(session).values(**row))


async def session_by(work: Work, column: str, value: str | bytes) -> FoundSession | None:
    """A session by `token_hash` or `id`."""
    found = await _one(work, session, session.c[column] == value)
    if found is None:
        return None
    invited = await newest_invitation(work, {"id": found["invitation_id"]}) if found["invitation_id"] else None
    kinds = (invited.appointment_id, invited.participant_kind) if invited else (None, None)
    return FoundSession(_session(found), *kinds)


async def change_session(work: Work, session_id: str, **values: Any) -> bool:
    """Change a session that has not ended; whether there was one."""
    statement = update(session).where(session.c.id == session_id, session.c.ended_at.is_(None))
    return bool((await work.db.execute(statement.values(**values))).rowcount)


async def sessions_where(work: Work, column: str, values: Iterable[str]) -> list[SessionId]:
    """The open sessions of a person (`actor_ref`), an invitation or a visit."""
    statement = select(session.c.id).where(session.c[column].in_(list(values)), session.c.ended_at.is_(None))
    return [SessionId(row.id) for row in await work.db.execute(statement)]


async def visit_of_invitation(work: Work, invitation_id: str) -> VisitId | None:
    """The visit that the newest session of this link is in."""
    is_it = and_(session.c.invitation_id == invitation_id, session.c.visit_id.is_not(None))
    row = await _one(work, session, is_it, session.c.created_at.desc())
    return VisitId(row["visit_id"]) if row else None


async def invitation_ids(work: Work, appointment_id: str) -> list[str]:
    """The invitations of an appointment."""
    statement = select(invitation.c.id).where(invitation.c.appointment_id == appointment_id).distinct()
    return [row.id for row in await work.db.execute(statement)]


async def add_ticket(work: Work, row: Row) -> None:
    """A new page ticket."""
    await work.db.execute(insert(page_ticket).values(**row))


async def use_ticket(work: Work, ticket_hash: bytes) -> Row | None:
    """The ticket, once and in time."""
    table = page_ticket
    is_good = and_(table.c.ticket_hash == ticket_hash, table.c.used_at.is_(None), table.c.expires_at > work.now)
    if not (await work.db.execute(update(table).where(is_good).values(used_at=work.now))).rowcount:
        return None
    return await _one(work, table, table.c.ticket_hash == ticket_hash)


# ---- sign-in attempts ----


def _attempt(row: Row) -> SignInAttempt:
    return SignInAttempt(
        id=SignInAttemptId(row["id"]),
        provider=row["provider"],
        nonce=row["nonce"],
        return_to=row["return_to"],
        session_id=SessionId(row["session_id"]) if row["session_id"] else None,
        verification_id=VerificationId(row["verification_id"]) if row["verification_id"] else None,
        page_id=row["page_id"],
        started_at=row["started_at"],
        used_at=row["used_at"],
    )


async def add_attempt(work: Work, row: Row) -> None:
    """A new attempt; earlier ones for the same request count no more."""
    table = sign_in_attempt
    if row["verification_id"]:
        earlier = and_(table.c.verification_id == row["verification_id"], table.c.used_at.is_(None))
        await work.db.execute(update(table).where(earlier).values(used_at=work.now))
    await work.db.execute(insert(table).values(**row))


async def attempt_by_state(work: Work, state_hash: bytes) -> tuple[SignInAttempt, bytes, bytes] | None:
    """The attempt with its cookie hash and sealed verifier."""
    row = await _one(work, sign_in_attempt, sign_in_attempt.c.state_hash == state_hash)
    return (_attempt(row), row["cookie_hash"], row["verifier_sealed"]) if row else None


async def use_attempt(work: Work, attempt_id: str) -> bool:
    """Mark an attempt used; False when it was already."""
    table = sign_in_attempt
    statement = update(table).where(table.c.id == attempt_id, table.c.used_at.is_(None))
    return bool((await work.db.execute(statement.values(used_at=work.now))).rowcount)


async def keep_proof(work: Work, attempt_id: str, proof_sealed: bytes) -> None:
    """Store what a sign-in in the call proved, until the desk takes it."""
    table = sign_in_attempt
    await work.db.execute(update(table).where(table.c.id == attempt_id).values(proof_sealed=proof_sealed))


async def take_proof(work: Work, verification_id: str, session_id: str) -> tuple[SignInAttempt, bytes] | None:
    """The kept proof, once: it is erased with the taking."""
    table = sign_in_attempt
    is_it = and_(
        table.c.verification_id == verification_id,
        table.c.session_id == session_id,
        table.c.proof_sealed.is_not(None),
    )
    row = await _one(work, table, is_it, table.c.started_at.desc())
    if row is None:
        return None
    await work.db.execute(update(table).where(is_it).values(proof_sealed=None))
    return _attempt(row), row["proof_sealed"]


async def erase_proofs(work: Work, verification_id: str) -> None:
    """Nobody will take these any more."""
    table = sign_in_attempt
    await work.db.execute(update(table).where(table.c.verification_id == verification_id).values(proof_sealed=None))


async def jti_was_seen(work: Work, jti_hash: bytes) -> bool:
    """Whether a token with this id counted before."""
    return await _one(work, sign_in_attempt, sign_in_attempt.c.jti_hash == jti_hash) is not None


async def note_jti(work: Work, attempt_id: str, jti_hash: bytes) -> None:
    """This token counted."""
    table = sign_in_attempt
    await work.db.execute(update(table).where(table.c.id == attempt_id).values(jti_hash=jti_hash))


# ---- citizens ----


async def citizen_where(work: Work, column: str, value: str) -> Row | None:
    """A citizen by `id`, `subject_index` or `bsn_index`."""
    return await _one(work, citizen, citizen.c[column] == value)


async def add_citizen(work: Work, row: Row) -> None:
    """A new citizen."""
    await work.db.execute(insert(citizen).values(**row))


async def change_citizen(work: Work, citizen_id: str, **values: Any) -> None:
    """Change columns of a citizen."""
    await work.db.execute(update(citizen).where(citizen.c.id == citizen_id).values(**values))


# ---- staff ----


def _staff(row: Row) -> StaffMember:
    roles = frozenset(Role(role) for role in row["roles"].split(",") if role)
    return StaffMember(StaffId(row["id"]), row["display_name"], roles, row["is_disabled"])


async def staff_by_id(work: Work, staff_id: str) -> StaffMember | None:
    """A staff member."""
    row = await _one(work, staff_member, staff_member.c.id == staff_id)
    return _staff(row) if row else None


async def staff_by_subject(work: Work, issuer: str, subject: str) -> StaffMember | None:
    """The staff member whom the provider knows as `subject`."""
    is_it = and_(staff_member.c.issuer == issuer, staff_member.c.subject == subject)
    row = await _one(work, staff_member, is_it)
    return _staff(row) if row else None


async def put_staff(work: Work, staff_id: str, is_new: bool, values: Row) -> None:
    """Take a staff member on, or renew what the provider says."""
    if is_new:
        await work.db.execute(insert(staff_member).values(id=staff_id, is_disabled=False, **values))
    else:
        await work.db.execute(update(staff_member).where(staff_member.c.id == staff_id).values(**values))


async def all_staff(work: Work) -> list[StaffMember]:
    """Everybody who signed in once."""
    found = (await work.db.execute(select(staff_member).order_by(staff_member.c.display_name))).mappings()
    return [_staff(row) for row in found]


async def desks_of(work: Work, staff_id: str) -> frozenset[str]:
    """The desks a staff member belongs to."""
    table = desk_membership
    found = await work.db.execute(select(table.c.desk_id).where(table.c.staff_id == staff_id))
    return frozenset(row.desk_id for row in found)


async def put_desks(work: Work, staff_id: str, desk_ids: Iterable[str], source: str) -> None:
    """Replace the desks that came from `source`; a desk from elsewhere stays."""
    table = desk_membership
    await work.db.execute(delete(table).where(table.c.staff_id == staff_id, table.c.source == source))
    present = await desks_of(work, staff_id)
    rows = [{"staff_id": staff_id, "desk_id": d, "source": source} for d in dict.fromkeys(desk_ids) if d not in present]
    if rows:
        await work.db.execute(insert(table), rows)


# ---- verifications ----


def _level(word: str | None) -> AssuranceLevel | None:
    return AssuranceLevel.from_word(word) if word else None


def _verification(work: Work, row: Row) -> Verification:
    sealed, name = row["attributes_sealed"], None
    if sealed:
        name = work.get(Keyring).unseal(sealed, "verification", row["id"], "attributes_sealed")
    return Verification(
        id=VerificationId(row["id"]),
        visit_id=VisitId(row["visit_id"]),
        participant=row["participant_id"],
        purpose=row["purpose"],
        minimum_level=AssuranceLevel.from_word(row["minimum_level"]),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        state=VerificationState(row["state"]),
        expires_at=row["expires_at"],
        failure=VerificationFailure(row["failure"]) if row["failure"] else None,
        provider=row["provider"],
        method_label=row["method_label"],
        level=_level(row["level"]),
        citizen_id=CitizenId(row["citizen_id"]) if row["citizen_id"] else None,
        verified_at=row["verified_at"],
        session_id=SessionId(row["session_id"]) if row["session_id"] else None,
        fingerprint=row["fingerprint"],
        attributes_erased_at=row["attributes_erased_at"],
        name=name,
    )


def _columns(work: Work, value: Verification) -> dict[str, Any]:
    seal = work.get(Keyring).seal
    name = seal(value.name, "verification", value.id, "attributes_sealed") if value.name else None
    return {
        "visit_id": value.visit_id,
        "participant_id": value.participant,
        "purpose": value.purpose,
        "minimum_level": value.minimum_level.word,
        "asked_by": value.asked_by,
        "asked_at": value.asked_at,
        "state": value.state,
        "expires_at": value.expires_at,
        "failure": value.failure,
        "provider": value.provider,
        "method_label": value.method_label,
        "level": value.level.word if value.level is not None else None,
        "citizen_id": value.citizen_id,
        "verified_at": value.verified_at,
        "session_id": value.session_id,
        "fingerprint": value.fingerprint,
        "attributes_sealed": name,
        "attributes_erased_at": value.attributes_erased_at,
    }


async def add_verification(work: Work, new: Verification) -> None:
    """A new request to sign in."""
    await work.db.execute(insert(verification).values(id=new.id, **_columns(work, new)))


async def save_verification(work: Work, before: Verification, after: Verification) -> bool:
    """Write the new state; False when somebody changed it in between."""
    table = verification
    as_read = and_(table.c.id == before.id, table.c.state == before.state, table.c.expires_at == before.expires_at)
    return bool((await work.db.execute(update(table).where(as_read).values(_columns(work, after)))).rowcount)


async def verification_by_id(work: Work, verification_id: str) -> Verification | None:
    """One request."""
    row = await _one(work, verification, verification.c.id == verification_id)
    return _verification(work, row) if row else None


async def newest_verification(work: Work, visit_id: str, participant: str) -> Verification | None:
    """The newest request to this participant."""
    table = verification
    is_it = and_(table.c.visit_id == visit_id, table.c.participant_id == participant)
    row = await _one(work, table, is_it, table.c.asked_at.desc(), table.c.id)
    return _verification(work, row) if row else None


async def confirmed_of_session(work: Work, session_id: str) -> tuple[VerificationId, CitizenId] | None:
    """What holds for this session now."""
    table = verification
    is_it = and_(
        table.c.session_id == session_id,
        table.c.state == VerificationState.CONFIRMED,
        table.c.expires_at > work.now,
    )
    row = await _one(work, table, is_it, table.c.asked_at.desc())
    return (VerificationId(row["id"]), CitizenId(row["citizen_id"])) if row else None


async def verifications_of(work: Work, visit_id: str) -> list[Verification]:
    """All requests of a visit, newest first."""
    table = verification
    statement = select(table).where(table.c.visit_id == visit_id).order_by(table.c.asked_at.desc())
    return [_verification(work, row) for row in (await work.db.execute(statement)).mappings()]


async def due_verifications(work: Work) -> list[Verification]:
    """Requests and proofs that are past their time."""
    table = verification
    statement = select(table).where(table.c.state.in_(ASKED + PROVEN), table.c.expires_at <= work.now).limit(200)
    return [_verification(work, row) for row in (await work.db.execute(statement)).mappings()]


# ---- retention ----


async def _destroy(work: Work, table: Table, where: ColumnElement[bool], limit: int = 1000) -> int:
    key = next(iter(table.primary_key.columns))
    past = select(key).where(where).limit(limit)
    return (await work.db.execute(delete(table).where(key.in_(past), where))).rowcount


async def destroy_sessions(work: Work, before: datetime) -> int:
    """Sessions that ended before a moment, with their tickets."""
    table = session
    idle = and_(table.c.idle_until.is_not(None), table.c.idle_until < before)
    return await _destroy(work, table, or_(table.c.ended_at < before, table.c.ends_at < before, idle))


async def destroy_tickets(work: Work, before: datetime) -> int:
    """Tickets that were over before a moment."""
    return await _destroy(work, page_ticket, page_ticket.c.expires_at < before)


async def destroy_attempts(work: Work, before: datetime) -> int:
    """Sign-in attempts of before a moment."""
    return await _destroy(work, sign_in_attempt, sign_in_attempt.c.started_at < before)


async def destroy_invitations(work: Work, before: datetime) -> int:
    """Links that ended before a moment."""
    return await _destroy(work, invitation, invitation.c.valid_until < before)


async def destroy_citizens(work: Work, now: datetime) -> int:
    """Citizens of whom nothing is kept any more."""
    return await _destroy(work, citizen, citizen.c.retain_until < now)


async def destroy_staff(work: Work, before: datetime) -> int:
    """Staff members who last signed in before a moment, with their desks."""
    return await _destroy(work, staff_member, staff_member.c.last_signed_in_at < before)


async def destroy_verifications(work: Work, before: datetime) -> int:
    """Requests of visits long past; the fact stands in the contact record."""
    return await _destroy(work, verification, verification.c.asked_at < before)
