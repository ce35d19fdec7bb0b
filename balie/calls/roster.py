"""Who is in which call right now, in the memory of this process; what a restart forgets, pages say again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from balie.bus import Bus
from balie.calls.rules import (
    CITIZEN,
    LOST_WORD_S,
    MEDIA_LOST_S,
    PAIR_DOWN_S,
    QUIET_AFTER_START_S,
    SIGN_IN_S,
    SILENT_S,
    STAFF,
    Call,
    Hold,
    Presence,
    is_polite,
    may_send,
)
from balie.ids import CallId, VisitId

NOT_AT_THE_PAGE = ("signing_in", "page_gone")


@dataclass
class Report:
    """What one page last said of its connection with another participant."""

    is_connected: bool
    at: datetime


@dataclass
class Member:
    """One participant of a call; `joined_at` is None for who has not been in it yet."""

    participant: str
    name: str
    language: str
    session_id: str | None = None
    page_id: str | None = None
    epoch: int | None = None
    joined_at: datetime | None = None
    audio: str = "none"
    video: str = "none"
    screen: bool = False
    writing: bool = False
    signing: bool = False
    presence: Presence | None = None
    why: str | None = None
    away_at: datetime | None = None
    socket_gone_at: datetime | None = None
    reports: dict[str, Report] = field(default_factory=dict)
    send_away: Callable[[], None] | None = None
    """Tells the page that it was moved, and closes its socket."""
    socket: object | None = None

    @property
    def has_socket(self) -> bool:
        """Whether this participant can be heard now."""
        return self.presence is not None and self.socket_gone_at is None and self.presence is not Presence.LEFT

    @property
    def is_there(self) -> bool:
        """Whether somebody sits at the page."""
        return self.has_socket and self.why not in NOT_AT_THE_PAGE

    @property
    def is_text_only(self) -> bool:
        """Whether this participant has neither sound nor picture to send."""
        return self.audio == "none" and self.video == "none"

    def is_alive(self, now: datetime) -> bool:
        """Whether the page that holds the seat may still be there."""
        if self.presence in (None, Presence.LEFT) or self.why in NOT_AT_THE_PAGE:
            return False
        return self.socket_gone_at is None or now - self.socket_gone_at < timedelta(seconds=SILENT_S)


@dataclass
class CallNow:
    """A running call as this process knows it."""

    id: CallId
    visit_id: VisitId
    topic: str
    is_begun: bool
    was_connected: bool
    hold: Hold | None
    members: dict[str, Member]
    rounds: dict[tuple[str, str, int, int], int] = field(default_factory=dict)
    refused_sessions: set[str] = field(default_factory=set)
    media_lost_s: int = MEDIA_LOST_S
    is_over: bool = False
    is_up: bool = False
    was_lost_told: bool = False
    was_down_told: bool = False

    def joined(self) -> list[Member]:
        """Everybody who is in the call."""
        return [m for m in self.members.values() if m.joined_at is not None and m.presence is not Presence.LEFT]

    def seen_by(self, own: str, member: Member) -> dict[str, Any]:
        """A participant as `own` reads it on the wire."""
        me = self.members[own]
        return {
            "participant": member.participant,
            "role": member.participant.partition("-")[0],
            "name": member.name,
            "language": member.language,
            "epoch": member.epoch or None,
            "polite": is_polite(me.joined_at, own, member.joined_at, member.participant),
            "audio": member.audio,
            "video": member.video,
            "screen": member.screen,
            "writing": member.writing,
            "signing": member.signing,
            "presence": member.presence.value if member.presence else None,
            "why": member.why,
            "sends": may_send(member.participant),
        }

    def take_round(self, sender: Member, addressee: Member, number: int) -> bool:
        """Note the round of a pair; whether it is not below the highest one."""
        first, second = sorted((sender, addressee), key=lambda m: m.participant)
        key = (first.participant, second.participant, first.epoch or 0, second.epoch or 0)
        if number < self.rounds.get(key, 0):
            return False
        self.rounds[key] = number
        return True

    def report(self, member: Member, about: str, is_connected: bool, now: datetime) -> None:
        """Note what a page says of a pair; the time is that of the last change."""
        known = member.reports.get(about)
        if known is None or known.is_connected != is_connected:
            member.reports[about] = Report(is_connected, now)

    def forget_reports_about(self, participant: str) -> None:
        """After a new page of somebody, what was said of the old one is void."""
        for member in self.members.values():
            member.reports.pop(participant, None)

    def pair(self) -> tuple[Member | None, Member | None]:
        """Citizen and owner."""
        return self.members.get(CITIZEN), self.members.get(STAFF)

    def is_pair_up(self) -> bool:
        """Both there, begun, and connected or there in text."""
        citizen, owner = self.pair()
        if not self.is_begun or citizen is None or owner is None:
            return False
        if not (citizen.is_there and owner.is_there):
            return False
        said = (citizen.reports.get(STAFF), owner.reports.get(CITIZEN))
        if any(report is not None and report.is_connected for report in said):
            return True
        return citizen.is_text_only or owner.is_text_only

    def who_is_lost(self, now: datetime, started_at: datetime) -> str | None:
        """Whose media and socket have been gone for long enough, or "pair" when both say it is down."""
        limit = timedelta(seconds=self.media_lost_s)
        for who in (CITIZEN, STAFF):
            since = self._gone_since(who, now)
            if since is not None and now - max(since, started_at) >= limit:
                return who
        down = self.down_since()
        return "pair" if down and now - max(down, started_at) >= limit else None

    def _gone_since(self, who: str, now: datetime) -> datetime | None:
        member = self.members.get(who)
        if member is None or member.presence is None:
            return datetime.min.replace(tzinfo=now.tzinfo)
        if member.why == "signing_in" and member.away_at is not None:
            ends = member.away_at + timedelta(seconds=SIGN_IN_S)
            return ends if now >= ends else None
        since = member.socket_gone_at
        if since is None:
            return None
        for other in self.members.values():
            report = other.reports.get(who) if other is not member and other.has_socket else None
            if report is not None and report.is_connected:
                return None
            since = max(since, report.at) if report else since
        return since

    def down_since(self) -> datetime | None:
        """Since when both pages say that their pair is down."""
        citizen, owner = self.pair()
        if citizen is None or owner is None or not (citizen.has_socket and owner.has_socket):
            return None
        said = (citizen.reports.get(STAFF), owner.reports.get(CITIZEN))
        if any(report is None or report.is_connected for report in said):
            return None
        if citizen.is_text_only or owner.is_text_only:
            return None
        return max(report.at for report in said if report is not None)

    def is_long_down(self, now: datetime, started_at: datetime) -> bool:
        """Whether the pair is down for so long that a proven identity is not sure any more."""
        since = self.down_since()
        return since is not None and now - max(since, started_at) >= timedelta(seconds=PAIR_DOWN_S)

    def newly_lost(self, now: datetime) -> list[Member]:
        """Whose socket broke off without a word some seconds ago, and nobody was told yet."""
        limit = timedelta(seconds=LOST_WORD_S)
        return [
            m
            for m in self.members.values()
            if m.presence is Presence.HERE and m.socket_gone_at is not None and now - m.socket_gone_at >= limit
        ]


class Roster:
    """The running calls of this process."""

    def __init__(self, started_at: datetime) -> None:
        self.started_at = started_at
        self.calls: dict[CallId, CallNow] = {}

    def is_quiet(self, now: datetime) -> bool:
        """Whether the server started so short ago that no clock of absence may end anything."""
        return now - self.started_at < timedelta(seconds=QUIET_AFTER_START_S)

    def of_visit(self, visit_id: str) -> CallNow | None:
        """The running call of a visit, when somebody of it was here."""
        return next((now for now in self.calls.values() if now.visit_id == visit_id), None)

    def forget(self, call_id: CallId) -> None:
        """A call that has ended; who still holds it reads that it is over."""
        now = self.calls.pop(call_id, None)
        if now is not None:
            now.is_over = True


_rosters: WeakKeyDictionary[Bus, Roster] = WeakKeyDictionary()


def roster_of(bus: Bus, now: datetime) -> Roster:
    """The one roster that belongs to this bus; made at the first question, which is the start."""
    if bus not in _rosters:
        _rosters[bus] = Roster(now)
    return _rosters[bus]


def call_now(call: Call, members: list[Member], media_lost_s: int = MEDIA_LOST_S) -> CallNow:
    """A call as it stands in the database, with who may be in it."""
    return CallNow(
        id=call.id,
        visit_id=call.visit_id,
        topic=call.topic,
        is_begun=call.begun_at is not None,
        was_connected=call.connected_at is not None,
        hold=call.hold,
        members={member.participant: member for member in members},
        media_lost_s=media_lost_s,
    )
