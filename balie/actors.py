"""Who does a piece of work and what for: Actor, roles, levels and the type Purpose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum


class ActorKind(StrEnum):
    """How somebody came in; identity-and-access.md section 1."""

    ANONYMOUS = "anonymous"
    CITIZEN = "citizen"
    GUEST = "guest"
    STAFF = "staff"
    SYSTEM = "system"


class Role(StrEnum):
    """What a staff member may do."""

    STAFF = "staff"
    TEAM_LEAD = "team_lead"
    ADMIN = "admin"
    PRIVACY_OFFICER = "privacy_officer"


class AssuranceLevel(IntEnum):
    """How sure a sign-in is (eIDAS); ordered, so that levels can be compared."""

    NONE = 0
    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """The level as it is stored and sent: `none`, `low`, `substantial` or `high`."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> AssuranceLevel:
        """The level of a stored word; raises KeyError on any other."""
        return cls[word.upper()]


class LegalBasis(Enum):
    """Why processing is lawful (AVG article 6)."""

    PUBLIC_TASK = "public_task"
    LEGAL_OBLIGATION = "legal_obligation"
    CONSENT = "consent"


@dataclass(frozen=True)
class Purpose:
    """Why personal data are processed: an entry of the register of processing activities."""

    name: str
    uri: str
    legal_basis: LegalBasis


@dataclass(frozen=True)
class Actor:
    """The person, job or system that does a piece of work; only the middleware and the job runner make one.

    `id` is a staff id, citizen id, client id or job name. `participant` is the part taken in a
    visit ("citizen", "staff"); a citizen who came by a link has `session_id` and `appointment_id`.
    """

    kind: ActorKind
    id: str | None = None
    roles: frozenset[Role] = frozenset()
    teams: frozenset[str] = frozenset()
    desks: frozenset[str] = frozenset()
    participant: str | None = None
    session_id: str | None = None
    appointment_id: str | None = None
    verification_id: str | None = None
    page_id: str | None = None
    display_name: str | None = None
    channel: str | None = None
    domain: str | None = None

    def has_role(self, role: Role) -> bool:
        """Whether this is a staff member with `role`; a team lead is staff too."""
        if role is Role.STAFF and Role.TEAM_LEAD in self.roles:
            return True
        return role in self.roles


ANONYMOUS = Actor(ActorKind.ANONYMOUS)


def system(name: str) -> Actor:
    """The actor of a job, a sweep or a command of the operator."""
    return Actor(ActorKind.SYSTEM, id=name)


# Running the service itself: settings, health, sweeps, jobs. No personal data.
RUN_SERVICE = Purpose("RUN_SERVICE", "urn:balie:verwerkingsactiviteit:run-service", LegalBasis.PUBLIC_TASK)
