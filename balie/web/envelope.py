"""What every live message looks like before its kind is known: size, depth, `type`, `seq`, `message_id`, rate."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from pydantic import BaseModel, ValidationError

from balie.errors import BadField, TooBig, TooFast

LONGEST_FRAME = 65_536
DEEPEST = 8
MOST_KEYS = 100
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
MOST_ANSWERS = 400


class NotJson(Exception):
    """The frame cannot be read at all."""


@dataclass(frozen=True)
class Envelope:
    """A message with its envelope taken off."""

    type: str
    seq: int | None
    message_id: str | None
    fields: dict[str, Any]


def read_frame(text: str) -> dict[str, Any]:
    """The object in a frame; raises NotJson, or TooBig when it is nested too deep or has too many keys."""
    try:
        frame = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson from error
    if not isinstance(frame, dict):
        raise NotJson
    keys, depth = _measure(frame)
    if keys > MOST_KEYS or depth > DEEPEST:
        raise TooBig({"": "too_big"})
    return frame


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _measure(frame: Any) -> tuple[int, int]:
    keys, depth = 0, 0
    level = [frame]
    while level and depth <= DEEPEST:
        depth += 1
        below: list[Any] = []
        for part in level:
            keys += len(part) if isinstance(part, dict) else 0
            inner = part.values() if isinstance(part, dict) else part
            below += [value for value in inner if isinstance(value, dict | list)]
        level = below
    return keys, depth


def open_envelope(frame: dict[str, Any]) -> Envelope:
    """Take `type`, `seq` and `message_id` off; raises BadField."""
    fields = dict(frame)
    kind, seq, message_id = fields.pop("type", None), fields.pop("seq", None), fields.pop("message_id", None)
    if not isinstance(kind, str) or len(kind) > 40:
        raise BadField({"type": "bad_field"})
    if seq is not None and (type(seq) is not int or not 0 < seq < 2**53):
        raise BadField({"seq": "bad_field"})
    if message_id is not None and not (isinstance(message_id, str) and MESSAGE_ID.match(message_id)):
        raise BadField({"message_id": "bad_field"})
    return Envelope(kind, seq, message_id, fields)


def read_fields(model: type[BaseModel], fields: dict[str, Any]) -> BaseModel:
    """The message of this kind; raises TooBig for what is too long, BadField for all else."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"] if isinstance(part, str))[:60]
        kind = TooBig if first["type"] in ("string_too_long", "too_long") else BadField
        raise kind({name: "bad_field"}) from None


class Bucket:
    """Lets `burst` through at once and then `per_s` each second."""

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_s, clock
        self._left, self._since = burst, clock()

    def take(self) -> None:
        """Take one, or raise TooFast."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._since) * self._per_s)
        self._since = now
        if self._left < 1:
            raise TooFast(retry_after_s=1)
        self._left -= 1


class PageMemory:
    """What one page was answered, over all its sockets, so that a message sent again is not done again."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._may_repeat: dict[str, int] = {}
        self._highest_seq = 0
        self.left_at: float | None = None

    def answer_to(self, envelope: Envelope) -> dict[str, Any] | None:
        """The first answer to a repeated message; raises BadField when `seq` does not grow.

        A message without `message_id` is never a repeat, and its `seq` only names its answer: a page
        says that it still has its seat before it says again what was waiting.
        """
        if envelope.message_id is None:
            return None
        known = self._answers.get(envelope.message_id)
        if known is not None:
            return known
        seq = envelope.seq or 0
        if seq <= self._highest_seq and self._may_repeat.get(envelope.message_id) != seq:
            raise BadField({"seq": "bad_field"})
        self._highest_seq = max(seq, self._highest_seq)
        return None

    def remember(self, envelope: Envelope, answer: dict[str, Any]) -> None:
        """Keep the answer; one that invites another try is not kept."""
        if envelope.message_id is None:
            return
        if answer.get("code") in ("unavailable", "too_fast"):
            if len(self._may_repeat) >= MOST_ANSWERS:
                self._may_repeat.clear()
            self._may_repeat[envelope.message_id] = envelope.seq or 0
            return
        self._may_repeat.pop(envelope.message_id, None)
        self._answers[envelope.message_id] = answer
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)
