"""Links, sessions and sign-in attempts: what they are, when they end, and what is kept of their secrets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from balie.ids import AppointmentId, InvitationId, SessionId, SignInAttemptId, VerificationId, VisitId

ATTEMPT_LIFE = timedelta(minutes=10)
PAGE_TICKET_LIFE = timedelta(seconds=30)
LINK_EXPLAINS = timedelta(days=30)
TOUCH_EVERY = timedelta(minutes=1)
ENDED_KEPT = timedelta(hours=24)


class SessionKind(StrEnum):
    """What a session stands for."""

    LINK = "link"
    CITIZEN = "citizen"
    STAFF = "staff"


class ParticipantKind(StrEnum):
    """Who an invitation is for."""

    CITIZEN = "citizen"
    INTERPRETER = "interpreter"
    COMPANION = "companion"
    PARTNER = "partner"
    COLLEAGUE = "colleague"


# idle end (None: no idle end) and absolute end of a session
BOOKING_LIFE = (timedelta(minutes=15), timedelta(hours=8))
LINK_LIFE = (None, timedelta(hours=8))
GOODBYE_IDLE = timedelta(minutes=15)
STAFF_LIFE = (timedelta(minutes=30), timedelta(hours=10))
SEAT_KEEPS = timedelta(minutes=5)


@dataclass(frozen=True)
class Invitation:
    """A link for one participant of one appointment; the token itself is never kept."""

    id: InvitationId
    version: int
    key_version: int
    appointment_id: AppointmentId
    visit_id: VisitId | None
    participant_kind: ParticipantKind
    language: str
    valid_from: datetime
    valid_until: datetime
    created_by: str
    revoked_at: datetime | None = None
    replaced_at: datetime | None = None
    opened_count: int = 0
    last_opened_at: datetime | None = None

    @property
    def token_text(self) -> str:
        """What the link key signs."""
        return f"{self.id}\0{self.version}"


class LinkState(StrEnum):
    """What a link that we know is worth now."""

    VALID = "valid"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REVOKED = "revoked"
    FORGOTTEN = "forgotten"


def link_state(invitation: Invitation, now: datetime) -> LinkState:
    """Whether the link opens; for 30 days after its end it explains itself."""
    ends = [t for t in (invitation.valid_until, invitation.revoked_at, invitation.replaced_at) if t]
    ended_at = min(ends)
    if now < ended_at:
        return LinkState.VALID
    if now >= ended_at + LINK_EXPLAINS:
        return LinkState.FORGOTTEN
    if invitation.revoked_at:
        return LinkState.REVOKED
    return LinkState.REPLACED if invitation.replaced_at else LinkState.EXPIRED


@dataclass(frozen=True)
class OpenedLink:
    """What a valid link opens."""

    invitation_id: InvitationId
    version: int
    appointment_id: AppointmentId
    participant_kind: ParticipantKind
    language: str
    valid_until: datetime


@dataclass(frozen=True)
class NewSession:
    """A session with the token that goes into the cookie; nobody sees the token again."""

    session_id: SessionId
    kind: SessionKind
    token: str

    def __repr__(self) -> str:
        return f"NewSession({self.session_id})"


@dataclass(frozen=True)
class Session:
    """A sign-in or link session."""

    id: SessionId
    kind: SessionKind
    actor_ref: str | None
    invitation_id: InvitationId | None
    visit_id: VisitId | None
    provider: str | None
    created_at: datetime
    last_used_at: datetime
    idle_until: datetime | None
    ends_at: datetime
    reauthenticated_at: datetime | None
    ended_at: datetime | None

    def is_over(self, now: datetime) -> bool:
        """Whether it was ended or is past one of its ends."""
        is_idle = self.idle_until is not None and now >= self.idle_until
        return self.ended_at is not None or now >= self.ends_at or is_idle


def hash_of(token: str) -> bytes:
    """What is stored of a secret value: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True)
class SignInAttempt:
    """One try to sign in at a provider, bound to one browser; state, cookie and verifier are secret."""

    id: SignInAttemptId
    provider: str
    nonce: str
    return_to: str
    session_id: SessionId | None
    verification_id: VerificationId | None
    page_id: str | None
    started_at: datetime
    used_at: datetime | None
