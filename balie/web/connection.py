"""One page's side of /live: reads its messages, hands them to the features, answers, keeps the page's rate."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from balie.actors import RUN_SERVICE, Actor
from balie.bus import Bus
from balie.errors import BadField, BalieError, Invalid, NotSignedIn, TooFast, UnknownType
from balie.web.envelope import (
    Bucket,
    Envelope,
    NotJson,
    PageMemory,
    open_envelope,
    read_fields,
    read_frame,
)
from balie.web.features import LiveMessage, LiveTopic
from balie.web.outgoing import Outgoing
from balie.work import Works

log = structlog.get_logger()

VERSION = 1
BURST = 60
SIGNALS_PER_S = 10
REST_PER_S = 5
MOST_WARNINGS = 3
WIRE_CODES = frozenset(
    (
        *("unknown_type", "bad_field", "too_big", "too_fast", "not_allowed", "not_begun", "not_in_call"),
        *("no_such_participant", "stale_epoch", "stale_round", "seat_taken", "call_full", "on_hold"),
        *("call_over", "unavailable"),
    )
)


class Topic(BaseModel):
    """One topic of `hello`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    topic: Annotated[str, Field(pattern=r"^[a-z]{1,20}:[0-9a-f-]{36}$")]
    after: Annotated[str, Field(max_length=40)] | None = None


class Hello(BaseModel):
    """The first message of a page."""

    model_config = ConfigDict(extra="forbid", strict=True)
    v: int
    page_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
    topics: Annotated[list[Topic], Field(max_length=8)]


class Ping(BaseModel):
    """Asks for a `pong` with the same number."""

    model_config = ConfigDict(extra="forbid")
    t: Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Rules:
    """What the features registered: messages by type, topics by prefix."""

    messages: Mapping[str, LiveMessage]
    topics: Mapping[str, LiveTopic]


class Connection:
    """The socket of one page, as the features see it."""

    def __init__(
        self,
        works: Works,
        actor: Actor,
        outgoing: Outgoing,
        rules: Rules,
        memory_of: Callable[[str], PageMemory],
    ) -> None:
        self.works = works
        self.actor = actor
        self.outgoing = outgoing
        self.page_id = ""
        self.seq = 0
        self.memory: PageMemory | None = None
        self.notes: dict[type, Any] = {}
        self._rules = rules
        self._memory_of = memory_of
        self._on_close: list[Callable[[bool], Awaitable[None]]] = []
        self._signals = Bucket(BURST, SIGNALS_PER_S)
        self._rest = Bucket(BURST, REST_PER_S)
        self._buckets: dict[str, Bucket] = {}
        self._warnings: list[float] = []

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message for this page alone."""
        self.outgoing.put(message)

    def close(self, code: int) -> None:
        """Close with one of the codes of the protocol."""
        self.outgoing.close(code)

    def listen(self, topic: str, participant: str, after: str) -> None:
        """Let this page hear a topic from an id on."""
        self.outgoing.listen(topic, participant, after)

    def limit(self, name: str, burst: float, per_s: float) -> None:
        """Take one of this page's own limits; raises TooFast."""
        self._buckets.setdefault(name, Bucket(burst, per_s)).take()

    def on_close(self, act: Callable[[bool], Awaitable[None]]) -> None:
        """Call `act(was_clean)` when the socket is gone; clean means that the page closed it itself."""
        self._on_close.append(act)

    async def closed(self, was_clean: bool) -> None:
        """Let the features know that the socket is gone."""
        for act in self._on_close:
            try:
                await act(was_clean)
            except Exception as error:  # the next one must hear it too
                log.error("live_close_failed", error=type(error).__name__)

    def silent(self) -> None:
        """Close a socket that has not said hello in time."""
        if self.memory is None:
            self.close(4408)

    async def take(self, text: str) -> None:
        """Read one frame and answer it; nothing of its content is logged."""
        envelope: Envelope | None = None
        try:
            frame = read_frame(text)
            seq = frame.get("seq")
            envelope = Envelope("", seq if type(seq) is int else None, None, {})
            envelope = open_envelope(frame)
            (self._signals if envelope.type == "signal" else self._rest).take()
            await self._answer(envelope)
        except NotJson:
            self.close(1007)
        except NotSignedIn:
            self.close(4401)
        except BalieError as error:
            self._refuse(envelope, error)
        except Exception as error:
            log.error("live_fault", type=envelope.type if envelope else None, error=type(error).__name__)
            self._answered(envelope, {"type": "refused", "code": "unavailable", "field": None, "text": None})

    async def _answer(self, envelope: Envelope) -> None:
        if envelope.type == "hello":
            await self._greet(read_fields(Hello, envelope.fields))
        elif self.memory is None:
            raise BadField({"type": "bad_field"})
        elif envelope.type == "ping":
            read_fields(Ping, envelope.fields)
            self.send({"type": "pong", "t": envelope.fields["t"]})
        else:
            await self._act(envelope, self.memory)

    async def _act(self, envelope: Envelope, memory: PageMemory) -> None:
        known = self._rules.messages.get(envelope.type)
        if known is None:
            raise UnknownType({"type": "unknown_type"})
        if envelope.seq is None:
            raise BadField({"seq": "bad_field"})
        message = read_fields(known.model, envelope.fields)
        answer = memory.answer_to(envelope)
        if answer is not None:
            self.send(answer)
            return
        self.seq = envelope.seq  # of the message that is being done; a page's messages never overlap
        answer = await known.act(self, message) or {}
        self._answered(envelope, answer if "type" in answer else {"type": "ok", "id": None, **answer})

    async def _greet(self, hello: BaseModel) -> None:
        assert isinstance(hello, Hello)
        if self.memory is not None:
            raise BadField({"type": "bad_field"})
        if hello.v != VERSION:
            self.close(4406)
            return
        self.page_id = self.outgoing.page_id = hello.page_id
        self.memory = self._memory_of(hello.page_id)
        bus = self.works.get(Bus)
        # The newest ids are read before the database, so that what happens in between is heard.
        starts = {t.topic: bus.read_after(t.topic, t.after) for t in hello.topics}
        heard = await self._heard([t.topic for t in hello.topics])
        told = [{"topic": topic, "last": starts[topic].last, "gap": starts[topic].gap} for topic in heard]
        you = {"participant": self.actor.participant, "kind": self.actor.kind.value}
        now = self.works.clock().astimezone(UTC).isoformat(timespec="milliseconds")
        self.send({"type": "welcome", "v": VERSION, "you": you, "topics": told, "now": now})
        for asked in hello.topics:
            if asked.topic not in heard:
                self.send(
                    {"type": "refused", "seq": None, "code": "not_allowed", "field": "topics", "text": asked.topic}
                )
                continue
            start = starts[asked.topic]
            after = start.last if start.gap or asked.after is None else asked.after
            self.listen(asked.topic, heard[asked.topic], after)

    async def _heard(self, topics: list[str]) -> dict[str, str]:
        heard: dict[str, str] = {}
        async with self.works.begin(self.actor, RUN_SERVICE) as work:
            for topic in topics:
                prefix, _, topic_id = topic.partition(":")
                rule = self._rules.topics.get(prefix)
                participant = await rule.may_listen(work, topic_id) if rule else None
                if participant is not None:
                    heard[topic] = participant
        return heard

    def _refuse(self, envelope: Envelope | None, error: BalieError) -> None:
        if isinstance(error, TooFast):
            self._warn()
        code = error.code if error.code in WIRE_CODES else _code_of(error)
        field = next(iter(error.fields), None) if isinstance(error, Invalid) else None
        self._answered(envelope, {"type": "refused", "code": code, "field": field, "text": None})

    def _answered(self, envelope: Envelope | None, answer: dict[str, Any]) -> None:
        answer = {**answer, "seq": envelope.seq if envelope else None}
        if envelope is not None and self.memory is not None:
            self.memory.remember(envelope, answer)
        self.send(answer)

    def _warn(self) -> None:
        # One warning a second at most: what was on its way already is one mistake, not five.
        now = time.monotonic()
        if not self._warnings or now - self._warnings[-1] >= 1:
            self._warnings = [at for at in self._warnings if now - at < 60] + [now]
        if len(self._warnings) > MOST_WARNINGS:
            self.close(1008)


def _code_of(error: BalieError) -> str:
    if isinstance(error, Invalid):
        return "bad_field"
    return "unavailable" if error.status >= 500 else "not_allowed"
