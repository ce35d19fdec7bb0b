"""What is true of a call: its states, seats, who may join and signal, who is polite, when it counts as lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from balie.actors import Actor, ActorKind
from balie.ids import AppointmentId, CallId, SessionId, StaffId, VisitId

CITIZEN = "citizen"
STAFF = "staff"
LONGEST_ROSTER = 4

MEDIA_LOST_S = 15
"""Media and socket of one gone for this long: the visit is interrupted."""
SILENT_S = 20
"""A page that has not been heard for this long is gone, and its seat may be taken again."""
PAIR_DOWN_S = 60
"""Both sides without a pair for this long: a proven identity is not sure any more."""
LOST_WORD_S = 3
"""From here on the others hear that somebody is lost."""
SIGN_IN_S = 600
"""A sign-in may keep a citizen away for this long."""
QUIET_AFTER_START_S = 60
"""No clock of absence ends anything for this long after the server started."""

TURN_TTL_CHECK_S = 120


class CallState(StrEnum):
    """Open with admit, begun with the citizen's yes, ended."""

    OPEN = "open"
    BEGUN = "begun"
    ENDED = "ended"


class Presence(StrEnum):
    """How a participant is there."""

    HERE = "here"
    AWAY = "away"
    LOST = "lost"
    LEFT = "left"


@dataclass(frozen=True)
class Hold:
    """A call on hold: why, and until when staff expect to be back."""

    reason: str
    until: datetime | None


@dataclass(frozen=True)
class Call:
    """The live conversation inside a visit."""

    id: CallId
    visit_id: VisitId
    appointment_id: AppointmentId
    staff_id: StaffId
    state: CallState
    opened_at: datetime
    begun_at: datetime | None = None
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    why: str | None = None
    hold: Hold | None = None
    backend: str = "mesh"
    is_rehearsal: bool = False

    @property
    def topic(self) -> str:
        """The log of this call."""
        return f"call:{self.id}"


@dataclass(frozen=True)
class Seat:
    """The place of one participant; `epoch` rises with every page load that takes it."""

    id: str
    appointment_id: AppointmentId
    visit_id: VisitId | None
    participant: str
    session_id: SessionId | None
    page_id: str | None
    epoch: int
    asking_session_id: SessionId | None = None


@dataclass(frozen=True)
class Seen:
    """Somebody who took part in a call of a visit."""

    participant: str
    role: str
    who: str | None
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class CallConnected:
    """Citizen and owner are both there and their pair is connected, or they are there in text."""

    visit_id: VisitId


@dataclass(frozen=True)
class PairLost:
    """Media and socket of `who` are lost for `MEDIA_LOST_S`; `who` is "pair" when both say it is down."""

    visit_id: VisitId
    who: str


@dataclass(frozen=True)
class PairBack:
    """After PairLost both are there again."""

    visit_id: VisitId


@dataclass(frozen=True)
class PairStayedDown:
    """Both sides report the pair down for `PAIR_DOWN_S`: an identity becomes unconfirmed."""

    visit_id: VisitId


@dataclass(frozen=True)
class CallEnded:
    """The call is over."""

    visit_id: VisitId
    why: str


@dataclass(frozen=True)
class SeatTakenOver:
    """Another page or session took a seat: an identity becomes unconfirmed."""

    visit_id: VisitId
    participant: str


@dataclass(frozen=True)
class RingSeen:
    """The citizen's browser has shown the ring."""

    visit_id: VisitId


def seat_of(actor: Actor, call: Call) -> str | None:
    """The participant as whom this actor may take part in the call, or None."""
    if actor.kind is ActorKind.STAFF and actor.id == call.staff_id:
        return STAFF
    if actor.kind is ActorKind.CITIZEN and actor.appointment_id == call.appointment_id:
        return CITIZEN
    return None


def is_room_for(participant: str, joined: Iterable[str]) -> bool:
    """Whether one more may come in; who is in already may always come again."""
    names = set(joined)
    return participant in names or len(names) < LONGEST_ROSTER


def may_signal(is_begun: bool, sender: str, addressee: str, joined: Iterable[str]) -> str | None:
    """The code of the refusal, or None: nothing passes before the citizen's yes."""
    names = set(joined)
    if sender not in names:
        return "not_in_call"
    if not is_begun:
        return "not_begun"
    if addressee not in names or addressee == sender:
        return "no_such_participant"
    return None


def is_polite(own_joined_at: datetime | None, own: str, other_joined_at: datetime | None, other: str) -> bool | None:
    """Whether `own` is the polite side of its pair with `other`: who joined later is; None while unknown."""
    if own == other or own_joined_at is None or other_joined_at is None:
        return None
    return (own_joined_at, own != STAFF, own) > (other_joined_at, other != STAFF, other)


def may_send(participant: str) -> list[str]:
    """Which tracks a participant may send."""
    return ["audio", "video", "screen"] if participant == STAFF else ["audio", "video"]


def limits_of(participants: int) -> dict[str, int]:
    """The ceiling of one sent picture and of sound with so many in the call."""
    if participants <= 2:
        return {"height": 720, "fps": 30, "kbps": 1700, "audio_kbps": 32}
    if participants == 3:
        return {"height": 540, "fps": 30, "kbps": 600, "audio_kbps": 32}
    return {"height": 360, "fps": 25, "kbps": 450, "audio_kbps": 32}


class Verdict(StrEnum):
    """What the check says about somebody's connection."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    TEXT_ONLY = "text_only"
    NONE = "none"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class CheckResult:
    """The last check of a participant: outcome per part, verdict, figures, browser and system family."""

    appointment_id: AppointmentId
    participant: str
    measured_at: datetime
    parts: dict[str, str]
    verdict: Verdict
    path: str | None
    figures: dict[str, float]
    device: dict[str, str]
    attempt: int


def verdict_of(path: str | None, figures: dict[str, float]) -> Verdict:
    """The verdict table of calls.md section 3; the worst of path, loss, round trip and rate counts."""
    if path is None:
        return Verdict.NOT_MEASURED
    has_live = figures.get("ping_ms") is not None
    if path == "no":
        return Verdict.TEXT_ONLY if has_live else Verdict.NONE
    loss, rtt, rate = (figures.get(name) for name in ("loss_pct", "rtt_ms", "up_kbps"))
    if loss is None and rtt is None and rate is None:
        return Verdict.NOT_MEASURED
    if rate is not None and rate < 150:
        return Verdict.TEXT_ONLY
    if (loss or 0) >= 15 or (rtt or 0) > 1_500 or (rate is not None and rate < 300):
        return Verdict.POOR
    if loss is None or rtt is None or rate is None or path not in ("udp", "relay_udp"):
        return Verdict.FAIR  # good is only what was measured to be good
    return Verdict.FAIR if loss >= 10 or rtt >= 400 or rate < 1_000 else Verdict.GOOD
