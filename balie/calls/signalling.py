"""From live message to the log of the call: who may send what to whom, and what it changes."""

from __future__ import annotations

from typing import Any

from balie.actors import ActorKind
from balie.bus import Bus
from balie.calls import ice, seating, service, store
from balie.calls.absence import look
from balie.calls.backend import MESH
from balie.calls.protocol import (
    LONGEST_TEXT_BYTES,
    MOST_CANDIDATES_EACH,
    MOST_MEDIA_LINES,
    CallAway,
    CallJoin,
    CallLeave,
    IceGet,
    RingWasSeen,
    Signal,
    State,
    Text,
)
from balie.calls.roster import CallNow, Member
from balie.calls.rules import CITIZEN, TURN_TTL_CHECK_S, CallState, Presence, RingSeen, may_signal, seat_of
from balie.errors import (
    CallOver,
    NoSuchParticipant,
    NotAllowed,
    NotBegun,
    NotInCall,
    OnHold,
    SeatTaken,
    StaleEpoch,
    StaleRound,
    TooBig,
)
from balie.privacy.purposes import HELP_CITIZEN
from balie.web.connection import Connection

REFUSALS = {"not_begun": NotBegun, "not_in_call": NotInCall, "no_such_participant": NoSuchParticipant}
STATE_FIELDS = ("audio", "video", "screen", "writing", "signing")


class Place:
    """The call that one socket has joined, and as whom."""

    def __init__(self, now: CallNow, member: Member) -> None:
        self.now = now
        self.participant = member.participant
        self.epoch = member.epoch
        self.page_id = member.page_id
        self._candidates: dict[str, int] = {}

    def count_candidates(self, message: Signal) -> None:
        """Raise TooBig when one description is followed by more candidates than any browser has."""
        if message.description is not None:
            self._candidates[message.to] = 0
        count = self._candidates.get(message.to, 0) + len(message.candidates or ())
        if count > MOST_CANDIDATES_EACH:
            raise TooBig({"candidates": "too_big"})
        self._candidates[message.to] = count

    def sender(self) -> Member:
        """The own participant; raises when this page no longer holds the seat."""
        if self.now.is_over:
            raise CallOver
        member = self.now.members[self.participant]
        if member.epoch != self.epoch:
            raise StaleEpoch
        if member.presence in (None, Presence.LEFT):
            raise NotInCall
        if member.page_id != self.page_id:
            raise StaleEpoch
        return member


def _place(connection: Connection) -> Place:
    place = connection.notes.get(Place)
    if not isinstance(place, Place):
        raise NotInCall
    return place


async def join(connection: Connection, message: CallJoin) -> dict[str, Any] | None:
    """`call.join`: the page takes or keeps its seat and hears the call from here on."""
    connection.limit("call.join", 6, 6 / 60)
    call_id = message.topic.partition(":")[2]
    bus = connection.works.get(Bus)
    last = bus.last(message.topic)
    try:
        async with connection.works.begin(connection.actor, HELP_CITIZEN) as work:
            joined = await seating.join(work, call_id, connection.page_id, message)
    except seating.Moved:
        connection.send({"type": "moved"})
        connection.close(4409)
        return None
    if joined is None:
        raise SeatTaken
    place = Place(joined.now, joined.member)
    before = joined.before
    if before.send_away is not None and before.page_id not in (None, place.page_id):
        before.send_away()
    is_first = connection.notes.get(Place) is None
    connection.notes[Place] = place
    joined.member.socket = connection
    joined.member.send_away = lambda: _send_away(connection)
    if is_first:
        connection.on_close(lambda was_clean: _socket_gone(connection, was_clean))
    if connection.outgoing.participant_on(message.topic) is None:
        connection.listen(message.topic, place.participant, last)
    await _look(connection, place.now)
    return {"type": "joined", **_snapshot(connection, place, last)}


def _send_away(connection: Connection) -> None:
    connection.send({"type": "moved"})
    connection.close(4409)


def _snapshot(connection: Connection, place: Place, last: str) -> dict[str, Any]:
    now, settings = place.now, connection.works.settings
    hold = now.hold
    until = hold.until.isoformat() if hold and hold.until else None
    return {
        "topic": now.topic,
        "last": last,
        "seat": place.participant,
        "epoch": place.epoch,
        "participants": [now.seen_by(place.participant, m) for m in now.members.values()],
        "limits": MESH.limits(len(now.joined())),
        "backend": MESH.name,
        "begun": now.is_begun,
        "hold": {"reason": hold.reason, "until": until} if hold else None,
        "ice": ice.servers(settings, connection.works.clock(), settings.turn_ttl),
    }


async def ice_get(connection: Connection, message: IceGet) -> dict[str, Any]:
    """`ice.get`: fresh credentials for a seat in a running call, or shorter ones for a check."""
    connection.limit("ice.get", 30, 30 / 600)
    settings = connection.works.settings
    ttl = TURN_TTL_CHECK_S
    if message.topic is not None:
        ttl = settings.turn_ttl
        async with connection.works.begin(connection.actor, HELP_CITIZEN, writes=False) as work:
            call = await store.call_by_id(work, message.topic.partition(":")[2])
            if call is None or seat_of(work.actor, call) is None:
                raise NotAllowed
            if call.state is CallState.ENDED:
                raise CallOver
    elif connection.actor.kind is not ActorKind.STAFF and connection.actor.appointment_id is None:
        raise NotAllowed
    return {"type": "ice", **ice.servers(settings, connection.works.clock(), ttl)}


async def signal(connection: Connection, message: Signal) -> dict[str, Any]:
    """`signal`: to one other participant of the same call, not before the citizen's yes."""
    if message.media_lines > MOST_MEDIA_LINES:
        raise TooBig({"description.sdp": "too_big"})
    place = _place(connection)
    member = place.sender()
    if not place.now.is_begun:
        await _read_begun(connection, place.now)
    names = [m.participant for m in place.now.joined()]
    refusal = may_signal(place.now.is_begun, member.participant, message.to, names)
    if refusal is not None:
        raise REFUSALS[refusal]
    addressee = place.now.members[message.to]
    if addressee.epoch != message.to_epoch:
        raise StaleEpoch
    if not place.now.take_round(member, addressee, message.round):
        raise StaleRound
    place.count_candidates(message)
    return _relay(connection, place, "signal", message.model_dump(exclude_none=True), to=message.to)


async def state(connection: Connection, message: State) -> dict[str, Any]:
    """`state`: to all others; what it says of pairs decides whether the conversation has begun."""
    place = _place(connection)
    member, at = place.sender(), connection.works.clock()
    said = message.model_dump(exclude_none=True)
    for name in STATE_FIELDS:
        if said.get(name) is not None:
            setattr(member, name, said[name])
    for pair in message.pairs or ():
        place.now.report(member, pair.participant, pair.is_connected, at)
    if set(said) != {"pairs"} and member.presence is Presence.AWAY:
        await _say_presence(connection, place, Presence.HERE, None)
    answer = _relay(connection, place, "state", said)
    await _look(connection, place.now)
    return answer


async def text(connection: Connection, message: Text) -> dict[str, Any]:
    """`text`: a piece of what is being typed; the log forgets it with the call."""
    connection.limit("text", 4, 4)
    if message.size > LONGEST_TEXT_BYTES:
        raise TooBig({"text": "too_big"})
    place = _place(connection)
    place.sender()
    if not place.now.is_begun:
        await _read_begun(connection, place.now)
    if not place.now.is_begun:
        raise NotBegun
    if place.now.hold is not None:
        raise OnHold
    return _relay(connection, place, "text", message.model_dump())


async def away(connection: Connection, message: CallAway) -> None:
    """`call.away`: the others read why."""
    connection.limit("call.away", 2, 1)
    place = _place(connection)
    place.sender()
    await _say_presence(connection, place, Presence.AWAY, message.why)


async def leave(connection: Connection, message: CallLeave) -> None:
    """`call.leave`: the seat is free for another page."""
    place = _place(connection)
    place.sender()
    await _say_presence(connection, place, Presence.LEFT, message.why)


async def ring_seen(connection: Connection, message: RingWasSeen) -> None:
    """`ring.seen`: only a ring that was shown may count as unanswered; once per ring."""
    if connection.actor.kind is not ActorKind.CITIZEN:
        raise NotAllowed
    async with connection.works.begin(connection.actor, HELP_CITIZEN) as work:
        call = await store.newest_call(work, message.visit)
        if call is None or seat_of(work.actor, call) != CITIZEN:
            raise NotAllowed
        if call.state is CallState.OPEN and connection.notes.get(RingSeen) != call.id:
            await work.announce(RingSeen(call.visit_id))
            connection.notes[RingSeen] = call.id


def _relay(
    connection: Connection, place: Place, kind: str, fields: dict[str, Any], to: str | None = None
) -> dict[str, Any]:
    sender = {"from": place.participant, "from_epoch": place.epoch, "seq": connection.seq}
    entry = {"type": kind, **fields, **sender}
    return {"id": connection.works.get(Bus).append(place.now.topic, entry, to=to)}


async def _read_begun(connection: Connection, now: CallNow) -> None:
    # The yes may have been said to another process.
    async with connection.works.begin(connection.actor, HELP_CITIZEN, writes=False) as work:
        call = await store.call_by_id(work, now.id)
    now.is_begun = call is not None and call.state is CallState.BEGUN


async def _look(connection: Connection, now: CallNow) -> None:
    await look(connection.works, connection.actor, now)


async def _say_presence(connection: Connection, place: Place, presence: Presence, why: str | None) -> None:
    async with connection.works.begin(connection.actor, HELP_CITIZEN) as work:
        await service.note_presence(work, place.now.visit_id, place.participant, presence, why)
    place.now.is_up = place.now.is_pair_up()


async def _socket_gone(connection: Connection, was_clean: bool) -> None:
    place = _place(connection)
    member = place.now.members[place.participant]
    if place.now.is_over or member.socket is not connection:
        return  # the page is back on another socket, or another page has the seat
    member.socket_gone_at = connection.works.clock()
    if was_clean and member.presence is Presence.HERE:
        await _say_presence(connection, place, Presence.AWAY, "page_gone")
    place.now.is_up = place.now.is_pair_up()
