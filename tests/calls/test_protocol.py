"""Every message of the tables is read as written, and everything else is refused (property tests)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from balie.calls import protocol
from balie.calls.wiring import FEATURE
from balie.errors import BadField, TooBig
from balie.ids import new_id
from balie.web.connection import Hello
from balie.web.envelope import NotJson, open_envelope, read_fields, read_frame

MODELS: dict[str, type[BaseModel]] = {m.type: m.model for m in FEATURE.live_messages}
CALL = f"call:{new_id()}"
SIGNAL = {"to": "citizen", "to_epoch": 1, "round": 1}
CANDIDATE = {"candidate": "c", "sdp_mid": "0", "sdp_m_line_index": 0, "username_fragment": "u"}
NOBODY, PHONE = {"browser": "", "system": ""}, {"browser": "Firefox", "system": "iOS"}
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("ring.seen", {"visit": new_id()}),
    ("call.join", {"topic": CALL, "epoch": None, "audio": "on", "video": "none", "device": PHONE}),
    ("call.join", {"topic": CALL, "epoch": 3, "audio": "off", "video": "off", "device": NOBODY}),
    ("ice.get", {}),
    ("ice.get", {"topic": CALL}),
    ("signal", {**SIGNAL, "description": {"type": "offer", "sdp": "v=0"}}),
    ("signal", {**SIGNAL, "description": {"type": "rollback"}}),
    ("signal", {**SIGNAL, "candidates": [CANDIDATE, {"candidate": ""}]}),
    ("signal", {**SIGNAL, "candidates": [{**CANDIDATE, "sdp_mid": None, "username_fragment": None}]}),
    ("signal", {**SIGNAL, "end_of_candidates": True}),
    ("signal", {**SIGNAL, "rebuild": {"why": "failed"}}),
    ("state", {"audio": "lost", "video": "paused"}),
    ("state", {"camera_changed": "flipped"}),
    ("state", {"screen": False, "writing": True, "signing": False}),
    ("state", {"pairs": [{"participant": "staff", "round": 2, "is_connected": True, "word": "fair"}]}),
    ("state", {"pairs": []}),
    ("text", {"text_seq": 0, "text": "Hé 👋"}),
    ("call.away", {"why": "signing_in"}),
    ("call.leave", {"why": "hung_up"}),
]
BAD: list[tuple[str, dict[str, Any]]] = [
    ("call.join", {"topic": "visit:" + new_id(), "epoch": None, "audio": "on", "video": "on", "device": NOBODY}),
    ("call.join", {"topic": CALL, "epoch": "3", "audio": "on", "video": "on", "device": NOBODY}),
    ("call.join", {"topic": CALL, "epoch": -1, "audio": "on", "video": "on", "device": NOBODY}),
    ("call.join", {"topic": CALL, "epoch": None, "audio": "lost", "video": "on", "device": NOBODY}),
    ("signal", SIGNAL),
    ("signal", {**SIGNAL, "description": {"type": "offer", "sdp": "v=0"}, "end_of_candidates": True}),
    ("signal", {**SIGNAL, "end_of_candidates": False}),
    ("signal", {**SIGNAL, "candidates": []}),
    ("signal", {**SIGNAL, "to": "Fatima", "end_of_candidates": True}),
    ("signal", {**SIGNAL, "round": 1.5, "end_of_candidates": True}),
    ("signal", {**SIGNAL, "round": True, "end_of_candidates": True}),
    ("state", {}),
    ("state", {"writing": "yes"}),
    ("text", {"text_seq": 0}),
    ("call.away", {"why": "lunch"}),
    ("call.leave", {"why": "moved", "from": "staff"}),
]


@pytest.mark.parametrize(("kind", "fields"), GOOD)
def test_every_message_of_the_table_is_read(kind: str, fields: dict[str, Any]) -> None:
    sent = read_frame(json.dumps({"type": kind, "seq": 1, "message_id": "m-1", **fields}))
    envelope = open_envelope(sent)
    read = read_fields(MODELS[envelope.type], envelope.fields)
    assert read.model_dump(exclude_unset=True) == fields


@pytest.mark.parametrize(("kind", "fields"), BAD)
def test_what_is_wrong_is_refused(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(BadField):
        read_fields(MODELS[kind], fields)


@given(st.sampled_from(GOOD), st.text(min_size=1, max_size=20), st.none() | st.booleans() | st.integers() | st.text())
def test_an_unknown_field_is_refused_in_every_message(
    good: tuple[str, dict[str, Any]], name: str, value: object
) -> None:
    kind, fields = good
    if name in MODELS[kind].model_fields:
        return
    with pytest.raises(BadField):
        read_fields(MODELS[kind], {**fields, name: value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


@given(st.sampled_from(sorted(MODELS)), st.dictionaries(st.text(max_size=15), json_values, max_size=6))
def test_nothing_that_a_page_invents_raises_anything_but_a_refusal(kind: str, fields: dict[str, Any]) -> None:
    with suppress(BadField, TooBig):
        envelope = open_envelope(read_frame(json.dumps({**fields, "type": kind})))
        read_fields(MODELS[envelope.type], envelope.fields)


@given(st.text(max_size=200))
def test_no_text_at_all_raises_anything_but_a_refusal(text: str) -> None:
    with suppress(NotJson, BadField, TooBig):
        open_envelope(read_frame(text))


@pytest.mark.parametrize(
    ("kind", "fields", "is_fine"),
    [
        ("signal", {**SIGNAL, "description": {"type": "offer", "sdp": "x" * 32_768}}, True),
        ("signal", {**SIGNAL, "description": {"type": "offer", "sdp": "x" * 32_769}}, False),
        ("signal", {**SIGNAL, "candidates": [{"candidate": "x" * 1_024}]}, True),
        ("signal", {**SIGNAL, "candidates": [{"candidate": "x" * 1_025}]}, False),
        ("signal", {**SIGNAL, "candidates": [{"candidate": ""}] * 20}, True),
        ("signal", {**SIGNAL, "candidates": [{"candidate": ""}] * 21}, False),
        ("text", {"text_seq": 0, "text": "x" * 2_048}, True),
        ("text", {"text_seq": 0, "text": "x" * 2_049}, False),
    ],
)
def test_each_length_at_its_edge(kind: str, fields: dict[str, Any], is_fine: bool) -> None:
    if is_fine:
        read_fields(MODELS[kind], fields)
    else:
        with pytest.raises(TooBig):
            read_fields(MODELS[kind], fields)


def nested(depth: int) -> str:
    return '{"a":' * (depth - 1) + "{}" + "}" * (depth - 1)


def test_depth_and_keys_at_their_edge() -> None:
    read_frame(nested(8))
    read_frame(json.dumps({str(n): n for n in range(100)}))
    for too_big in (nested(9), json.dumps({str(n): n for n in range(101)}), json.dumps({"a": [[[[[[[[1]]]]]]]]})):
        with pytest.raises(TooBig):
            read_frame(too_big)
    for no_object in ("[]", "1", "null", '"a"', "{", "", "NaN", '{"a": NaN}', '{"a": Infinity}', "[" * 30_000):
        with pytest.raises(NotJson):
            read_frame(no_object)


@pytest.mark.parametrize(
    "envelope",
    [
        *({}, {"type": 3}, {"type": None}, {"type": "x" * 41}),
        *({"type": "a", "seq": n} for n in (0, -1, 1.0, "1", True, 2**53)),
        *({"type": "a", "message_id": m} for m in ("", "x" * 41, "a b", "é", 3, "a\n")),
    ],
)
def test_a_wrong_envelope_is_refused(envelope: dict[str, Any]) -> None:
    with pytest.raises(BadField):
        open_envelope(envelope)


def test_text_counts_bytes_and_an_offer_its_media_lines() -> None:
    assert protocol.Text(text_seq=0, text="👋" * 512).size == 2_048
    assert protocol.Text(text_seq=0, text="👋" * 513).size > protocol.LONGEST_TEXT_BYTES
    sdp = "v=0\r\n" + "m=audio 9 x 0\r\n" * 13
    signal = protocol.Signal.model_validate({**SIGNAL, "description": {"type": "offer", "sdp": sdp}})
    assert signal.media_lines == 13 > protocol.MOST_MEDIA_LINES


def test_hello_names_at_most_eight_topics() -> None:
    topic = {"topic": CALL, "after": None}
    read_fields(Hello, {"v": 1, "page_id": "page-fatima", "topics": [topic] * 8})
    with pytest.raises(TooBig):
        read_fields(Hello, {"v": 1, "page_id": "page-fatima", "topics": [topic] * 9})
    for page_id in ("kort", "met spatie", "x" * 65):
        with pytest.raises(BadField):
            read_fields(Hello, {"v": 1, "page_id": page_id, "topics": []})
