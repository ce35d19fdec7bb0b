"""Every message that a page sends during a call: its fields, and nothing else; PROTOCOL.md says it in words."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_SDP = 32 * 1024
LONGEST_CANDIDATE = 1024
MOST_CANDIDATES = 20
MOST_CANDIDATES_EACH = 64  # of one description
MOST_MEDIA_LINES = 12
LONGEST_TEXT_BYTES = 2048

CallTopic = Annotated[str, Field(pattern=r"^call:[0-9a-f-]{36}$")]
ParticipantName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,45}$")]
Count = Annotated[int, Field(ge=0, le=2**31)]
Word = Annotated[str, Field(max_length=40)]


class Message(BaseModel):
    """A message without its envelope (`type`, `seq`, `message_id`); unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RingWasSeen(Message):
    """`ring.seen`: the page shows the ring."""

    visit: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


class Device(Message):
    """Family of browser and system, never a model or a name."""

    browser: Word
    system: Word


class CallJoin(Message):
    """`call.join`: this page wants its seat; a number as epoch says that it still has it."""

    topic: CallTopic
    epoch: Count | None
    audio: Literal["on", "off", "none"]
    video: Literal["on", "off", "none"]
    device: Device


class IceGet(Message):
    """`ice.get`: for a call, or without topic for a check."""

    topic: CallTopic | None = None


class Description(Message):
    """A session description, passed on as it is."""

    type: Literal["offer", "answer", "rollback"]
    sdp: Annotated[str, Field(max_length=LONGEST_SDP)] = ""


class Candidate(Message):
    """One ICE candidate; an empty one is allowed."""

    candidate: Annotated[str, Field(max_length=LONGEST_CANDIDATE)]
    sdp_mid: Annotated[str, Field(max_length=32)] | None = None
    sdp_m_line_index: Annotated[int, Field(ge=0, lt=64)] | None = None
    username_fragment: Annotated[str, Field(max_length=256)] | None = None


class Rebuild(Message):
    """The sender builds the pair anew."""

    why: Word


class Signal(Message):
    """`signal`: exactly one thing for exactly one other participant."""

    to: ParticipantName
    to_epoch: Count
    round: Count
    description: Description | None = None
    candidates: Annotated[list[Candidate], Field(min_length=1, max_length=MOST_CANDIDATES)] | None = None
    end_of_candidates: Literal[True] | None = None
    rebuild: Rebuild | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        what = (self.description, self.candidates, self.end_of_candidates, self.rebuild)
        if sum(part is not None for part in what) != 1:
            raise ValueError("exactly one of description, candidates, end_of_candidates, rebuild")
        return self

    @property
    def media_lines(self) -> int:
        """How many m-lines the description has."""
        sdp = self.description.sdp if self.description else ""
        return sum(line.startswith("m=") for line in sdp.splitlines())


class PairReport(Message):
    """What this page knows of its connection with one other participant."""

    participant: ParticipantName
    round: Count
    is_connected: bool
    word: Literal["good", "fair", "poor", "gone"]


class State(Message):
    """`state`: what changed at this page."""

    audio: Literal["on", "off", "none", "lost"] | None = None
    video: Literal["on", "off", "none", "paused", "lost"] | None = None
    camera_changed: Literal["flipped", "replaced"] | None = None
    screen: bool | None = None
    writing: bool | None = None
    signing: bool | None = None
    pairs: Annotated[list[PairReport], Field(max_length=4)] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing changed")
        return self


class Text(Message):
    """`text`: a piece of T.140 while the data channel is not open."""

    text_seq: Annotated[int, Field(ge=0, le=2**53)]
    text: Annotated[str, Field(max_length=LONGEST_TEXT_BYTES)]

    @property
    def size(self) -> int:
        """Bytes of UTF-8; a lone surrogate counts as too many."""
        try:
            return len(self.text.encode())
        except UnicodeEncodeError:
            return LONGEST_TEXT_BYTES + 1


class CallAway(Message):
    """`call.away`: the person is somewhere else for a while."""

    why: Literal["signing_in", "choosing_file", "background", "phone_call", "page_gone"]


class CallLeave(Message):
    """`call.leave`: the page gives the seat up."""

    why: Literal["hung_up", "declined", "moved"]
