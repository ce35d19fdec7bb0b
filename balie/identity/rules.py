"""Who somebody is and what that allows: staff, a sign-in asked in the call and its states, and decide()."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from balie.actors import Actor, ActorKind, AssuranceLevel, Purpose, Role
from balie.errors import AlreadyDecided, LevelUnknown, NoRole, NotAllowed, NotFound, RolesConflict, TooLate
from balie.ids import CitizenId, SessionId, StaffId, VerificationId, VisitId

SIGNING_IN_LIFE = timedelta(minutes=10)
ASK_LIFE = timedelta(minutes=10)
CONFIRMED_LIFE = timedelta(minutes=60)
AUTH_TIME_SKEW = timedelta(seconds=60)
STAFF_KEPT = timedelta(days=3 * 365)
BSN_KEPT = timedelta(days=30)
VERIFICATION_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Citizen:
    """Somebody who was helped; the number is asked for apart and hides itself."""

    id: CitizenId
    name: str
    has_bsn: bool


@dataclass(frozen=True)
class StaffMember:
    """Somebody who works at the municipality."""

    id: StaffId
    display_name: str
    roles: frozenset[Role]
    is_disabled: bool = False


def public_name(display_name: str, staff_display: str, counter_name: str = "") -> str:
    """How a citizen reads the staff member's name (setting STAFF_DISPLAY)."""
    if staff_display == "full_name":
        return display_name
    if staff_display == "counter_name" and counter_name:
        return counter_name
    return display_name.split()[0] if display_name.split() else display_name


def roles_from(values: Iterable[str], role_map: Mapping[str, str]) -> frozenset[Role]:
    """Our roles for the provider's; raises NoRole and RolesConflict."""
    roles = frozenset(Role(role_map[value]) for value in values if value in role_map)
    if not roles:
        raise NoRole
    if {Role.ADMIN, Role.PRIVACY_OFFICER} <= roles:
        raise RolesConflict
    return roles


def texts_of(claim: Any) -> tuple[str, ...]:
    """A claim that holds one text or a list of texts; anything else holds none."""
    values = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return tuple(value for value in values if isinstance(value, str) and 0 < len(value) <= 200)


# ---- identification in the call ----


class VerificationState(StrEnum):
    """Where a request to sign in stands."""

    REQUESTED = "requested"
    SIGNING_IN = "signing_in"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    DECLINED = "declined"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


ASKED = (VerificationState.REQUESTED, VerificationState.SIGNING_IN)
PROVEN = (VerificationState.CONFIRMED, VerificationState.UNCONFIRMED)


class VerificationFailure(StrEnum):
    """Why a sign-in proved nothing; staff see the kind alone."""

    CANCELLED = "cancelled"
    LEVEL_TOO_LOW = "level_too_low"
    LEVEL_UNKNOWN = "level_unknown"
    OTHER_PERSON = "other_person"
    SAME_PERSON_TWICE = "same_person_twice"
    OTHER_BROWSER = "other_browser"
    NOT_FRESH = "not_fresh"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    REPRESENTATION = "representation"


@dataclass(frozen=True)
class Verification:
    """One request to sign in during a visit, and what came of it."""

    id: VerificationId
    visit_id: VisitId
    participant: str
    purpose: str
    minimum_level: AssuranceLevel
    asked_by: str | None
    asked_at: datetime
    state: VerificationState
    expires_at: datetime
    failure: VerificationFailure | None = None
    provider: str | None = None
    method_label: str | None = None
    level: AssuranceLevel | None = None
    citizen_id: CitizenId | None = None
    verified_at: datetime | None = None
    session_id: SessionId | None = None
    fingerprint: bytes | None = None
    attributes_erased_at: datetime | None = None
    name: str | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether what hangs on identity is open now."""
        return self.state is VerificationState.CONFIRMED


METHOD_LABELS = {
    AssuranceLevel.LOW: "DigiD Midden",
    AssuranceLevel.SUBSTANTIAL: "DigiD Substantieel",
    AssuranceLevel.HIGH: "DigiD Hoog",
}


def level_from(value: Any, level_map: Mapping[str, str]) -> AssuranceLevel:
    """The level a provider's value stands for; raises LevelUnknown, for a level is never guessed."""
    if not isinstance(value, str) or value not in level_map:
        raise LevelUnknown
    try:
        return AssuranceLevel.from_word(level_map[value])
    except KeyError:
        raise LevelUnknown from None


def _must_be(verification: Verification, states: tuple[VerificationState, ...], now: datetime) -> None:
    is_late = verification.state in ASKED and now >= verification.expires_at
    if is_late or verification.state is VerificationState.EXPIRED:
        raise TooLate
    if verification.state not in states:
        raise AlreadyDecided


def begin_sign_in(verification: Verification, session_id: SessionId, now: datetime) -> Verification:
    """The citizen goes to the provider; pressed again, it begins anew. Raises TooLate, AlreadyDecided."""
    _must_be(verification, ASKED, now)
    return replace(
        verification,
        state=VerificationState.SIGNING_IN,
        session_id=session_id,
        expires_at=now + SIGNING_IN_LIFE,
    )


def decline(verification: Verification, now: datetime) -> Verification:
    """Niet nu: before leaving it is declined, on the page before the provider it is cancelled."""
    _must_be(verification, ASKED, now)
    if verification.state is VerificationState.SIGNING_IN:
        return fail(verification, VerificationFailure.CANCELLED)
    return replace(verification, state=VerificationState.DECLINED)


def withdraw(verification: Verification, now: datetime) -> Verification:
    """Staff take the request back."""
    _must_be(verification, ASKED, now)
    return replace(verification, state=VerificationState.WITHDRAWN)


def fail(verification: Verification, failure: VerificationFailure) -> Verification:
    """The sign-in proved nothing."""
    return replace(verification, state=VerificationState.FAILED, failure=failure)


def judge(
    *, level: AssuranceLevel, minimum_level: AssuranceLevel, auth_time: datetime, started_at: datetime
) -> VerificationFailure | None:
    """Why a proof is not enough, or None."""
    if level < minimum_level:
        return VerificationFailure.LEVEL_TOO_LOW
    return VerificationFailure.NOT_FRESH if auth_time < started_at - AUTH_TIME_SKEW else None


def confirm(
    verification: Verification, *, citizen_id: CitizenId, level: AssuranceLevel, provider: str, name: str, now: datetime
) -> Verification:
    """The sign-in proved enough."""
    return replace(
        verification,
        state=VerificationState.CONFIRMED,
        citizen_id=citizen_id,
        level=level,
        method_label=METHOD_LABELS.get(level),
        provider=provider,
        name=name,
        verified_at=now,
        expires_at=now + CONFIRMED_LIFE,
    )


# ---- what is announced ----


@dataclass(frozen=True)
class VerificationAsked:
    """Staff asked a participant to sign in."""

    visit_id: VisitId
    verification_id: VerificationId


@dataclass(frozen=True)
class VerificationChanged:
    """A request to sign in came into another state."""

    visit_id: VisitId
    verification_id: VerificationId
    state: VerificationState


@dataclass(frozen=True)
class VerificationConfirmed:
    """A participant proved who they are."""

    visit_id: VisitId
    participant: str
    citizen_id: CitizenId
    level: AssuranceLevel


@dataclass(frozen=True)
class VerificationLost:
    """What was proven does not hold any more: other device, or past its time."""

    visit_id: VisitId
    participant: str
    verification_id: VerificationId
    cause: str


@dataclass(frozen=True)
class StaffSignedIn:
    """A staff member signed in with desks named in the claims; whoever owns desks maps the names."""

    staff_id: StaffId
    desk_names: tuple[str, ...]


# ---- who may do what ----


class Thing(StrEnum):
    """What access is asked to (identity-and-access.md section 10)."""

    QUEUE_CARD = "queue_card"
    CONVERSATION = "conversation"
    DOCUMENT = "document"
    LEVEL = "level"
    BSN = "bsn"
    CONTACT_HISTORY = "contact_history"
    LOGS = "logs"


class Action(StrEnum):
    """What is done with it."""

    READ = "read"
    CHANGE = "change"


class Relation(StrEnum):
    """How somebody stands to a visit."""

    OWN = "own"
    ASSIGNED = "assigned"
    ADMITTED = "admitted"
    INVITED = "invited"
    QUEUE = "queue"


@dataclass(frozen=True)
class About:
    """The thing asked for and whom it concerns; None where nobody or nothing is named."""

    thing: Thing
    appointment_id: str | None = None
    desk_id: str | None = None
    owner_id: str | None = None
    assigned_id: str | None = None
    invited: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Situation:
    """What of the visit counts for access: content opens at check-in and closes after wrap-up."""

    is_checked_in: bool = False
    closes_at: datetime | None = None
    is_confirmed: bool = False


@dataclass(frozen=True)
class Allowed:
    """Yes, and these fields of it; whatever is not listed is masked."""

    fields: frozenset[str]


@dataclass(frozen=True)
class Denied:
    """No. `is_private`: not even that it exists (404 instead of 403)."""

    reason: str
    is_private: bool = False


_CARD = frozenset({"name", "product", "wait", "needs", "devices"})
_ALL = frozenset({"*"})
_PURPOSES = {
    Thing.QUEUE_CARD: {"HELP_CITIZEN", "SUPERVISE", "MAKE_APPOINTMENT"},
    Thing.CONVERSATION: {"HELP_CITIZEN"},
    Thing.DOCUMENT: {"HANDLE_DOCUMENT", "HELP_CITIZEN"},
    Thing.LEVEL: {"HELP_CITIZEN", "VERIFY_IDENTITY", "RECORD_CONTACT"},
    Thing.BSN: {"HELP_CITIZEN", "VERIFY_IDENTITY"},
    Thing.CONTACT_HISTORY: {"HELP_CITIZEN", "RECORD_CONTACT"},
    Thing.LOGS: {"ANSWER_ACCESS_REQUEST", "SUPERVISE"},
}
# What only opens once the person is confirmed.
_AFTER_PROOF = (Thing.BSN, Thing.CONTACT_HISTORY)
# The cells of the table: who (a participant, or a relation of staff) → thing → fields.
_CITIZEN_CELLS = {
    Thing.QUEUE_CARD: frozenset({"place"}),
    Thing.CONVERSATION: _ALL,
    Thing.DOCUMENT: _ALL,
    Thing.LEVEL: _ALL,
}
_VERIFIED_CELLS = _CITIZEN_CELLS | {Thing.BSN: frozenset({"masked"}), Thing.CONTACT_HISTORY: _ALL}
_HELPING_CELLS = {
    Thing.QUEUE_CARD: _CARD,
    Thing.CONVERSATION: _ALL,
    Thing.DOCUMENT: _ALL,
    Thing.LEVEL: _ALL,
    Thing.BSN: frozenset({"masked", "shown_with_reason"}),
    Thing.CONTACT_HISTORY: _ALL,
}
_GUEST_CELLS = {Thing.CONVERSATION: _ALL}


def relation_of(actor: Actor, about: About) -> Relation | None:
    """How this actor stands to what is asked for; None: not at all."""
    if actor.kind in (ActorKind.CITIZEN, ActorKind.GUEST):
        is_own = about.appointment_id is not None and actor.appointment_id == about.appointment_id
        return Relation.OWN if is_own else None
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        return None
    if actor.id == about.owner_id:
        return Relation.ADMITTED
    if actor.id in about.invited:
        return Relation.INVITED
    if actor.has_role(Role.STAFF) and about.desk_id in actor.desks:
        return Relation.ASSIGNED if actor.id == about.assigned_id else Relation.QUEUE
    return None


def decide(
    actor: Actor, action: Action, about: About, purpose: Purpose, situation: Situation, now: datetime
) -> Allowed | Denied:
    """Whether this actor may: role and team, relation, purpose, state and field together; no by default."""
    if purpose.name not in _PURPOSES[about.thing]:
        return Denied("purpose")
    if about.thing is Thing.LOGS:
        may_read = actor.has_role(Role.PRIVACY_OFFICER) and action is Action.READ
        return Allowed(_ALL) if may_read else Denied("role")
    relation = relation_of(actor, about)
    if relation is None:
        return Denied("relation", is_private=True)
    cells = _cells(actor, relation)
    if about.thing not in cells:
        return Denied("kind")
    if about.thing is not Thing.QUEUE_CARD:
        if not situation.is_checked_in or (situation.closes_at is not None and now >= situation.closes_at):
            return Denied("state")
        if about.thing in _AFTER_PROOF and not situation.is_confirmed:
            return Denied("not_confirmed")
    return Allowed(cells[about.thing])


def _cells(actor: Actor, relation: Relation) -> Mapping[Thing, frozenset[str]]:
    if actor.kind is ActorKind.GUEST:
        return _GUEST_CELLS
    if actor.kind is ActorKind.CITIZEN:
        return _VERIFIED_CELLS if actor.verification_id else _CITIZEN_CELLS
    if relation in (Relation.ADMITTED, Relation.INVITED):
        return _HELPING_CELLS
    return {Thing.QUEUE_CARD: _CARD}


def require_allowed(decision: Allowed | Denied) -> Allowed:
    """The fields, or NotFound where existence itself is private, else NotAllowed."""
    if isinstance(decision, Allowed):
        return decision
    raise NotFound if decision.is_private else NotAllowed
