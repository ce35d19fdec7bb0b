"""What is true of a call, without any server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balie.actors import Actor, ActorKind
from balie.calls.ice import credentials, servers
from balie.calls.roster import CallNow, Member
from balie.calls.rules import (
    Call,
    CallState,
    Presence,
    Verdict,
    is_polite,
    is_room_for,
    limits_of,
    may_signal,
    seat_of,
    verdict_of,
)
from balie.ids import AppointmentId, CallId, StaffId, VisitId
from balie.settings import Settings

NOON = datetime(2026, 12, 4, 11, 0, tzinfo=UTC)
CALL = Call(CallId("call"), VisitId("visit"), AppointmentId("appointment"), StaffId("anna"), CallState.OPEN, NOON)
FINE = {"loss_pct": 0.0, "rtt_ms": 20.0, "up_kbps": 1500.0, "ping_ms": 10.0}


@pytest.mark.parametrize(
    ("path", "figures", "verdict"),
    [
        ("udp", FINE, Verdict.GOOD),
        ("relay_udp", FINE, Verdict.GOOD),
        ("relay_tcp", FINE, Verdict.FAIR),
        ("relay_tls", FINE, Verdict.FAIR),
        ("udp", {**FINE, "loss_pct": 9.9}, Verdict.GOOD),
        ("udp", {**FINE, "loss_pct": 10}, Verdict.FAIR),
        ("udp", {**FINE, "loss_pct": 15}, Verdict.POOR),
        ("udp", {**FINE, "rtt_ms": 399}, Verdict.GOOD),
        ("udp", {**FINE, "rtt_ms": 400}, Verdict.FAIR),
        ("udp", {**FINE, "rtt_ms": 1_500}, Verdict.FAIR),
        ("udp", {**FINE, "rtt_ms": 1_501}, Verdict.POOR),
        ("udp", {**FINE, "up_kbps": 1_000}, Verdict.GOOD),
        ("udp", {**FINE, "up_kbps": 999}, Verdict.FAIR),
        ("udp", {**FINE, "up_kbps": 299}, Verdict.POOR),
        ("udp", {**FINE, "up_kbps": 149}, Verdict.TEXT_ONLY),
        ("udp", {"rtt_ms": 20.0}, Verdict.FAIR),
        ("udp", {"ping_ms": 10.0}, Verdict.NOT_MEASURED),
        ("no", {"ping_ms": 10.0}, Verdict.TEXT_ONLY),
        ("no", {}, Verdict.NONE),
        (None, FINE, Verdict.NOT_MEASURED),
    ],
)
def test_each_line_of_the_verdict_table(path: str | None, figures: dict[str, float], verdict: Verdict) -> None:
    assert verdict_of(path, figures) is verdict


def test_only_the_owner_and_the_citizen_of_the_appointment_have_a_place() -> None:
    assert seat_of(Actor(ActorKind.STAFF, id="anna"), CALL) == "staff"
    assert seat_of(Actor(ActorKind.CITIZEN, appointment_id="appointment"), CALL) == "citizen"
    for other in (
        Actor(ActorKind.STAFF, id="bram"),
        Actor(ActorKind.CITIZEN, appointment_id="another"),
        Actor(ActorKind.GUEST, appointment_id="appointment"),
        Actor(ActorKind.ANONYMOUS),
        Actor(ActorKind.SYSTEM, id="anna"),
    ):
        assert seat_of(other, CALL) is None


def test_the_fifth_finds_no_room_and_who_is_in_may_come_again() -> None:
    four = ["citizen", "staff", "guest-1", "guest-2"]
    assert not is_room_for("guest-3", four)
    assert is_room_for("guest-2", four) and is_room_for("guest-3", four[:3])
    assert [limits_of(n)["height"] for n in (2, 3, 4)] == [720, 540, 360]


def test_nothing_passes_before_the_yes_nor_to_who_is_not_in() -> None:
    both = ["citizen", "staff"]
    assert may_signal(False, "staff", "citizen", both) == "not_begun"
    assert may_signal(True, "staff", "citizen", ["staff"]) == "no_such_participant"
    assert may_signal(True, "staff", "staff", both) == "no_such_participant"
    assert may_signal(True, "guest-1", "staff", both) == "not_in_call"
    assert may_signal(True, "staff", "citizen", both) is None


moments = st.integers(0, 3).map(lambda s: NOON + timedelta(seconds=s))


@given(st.dictionaries(st.sampled_from(["citizen", "staff", "guest-1", "guest-2"]), moments, min_size=2))
def test_of_each_pair_exactly_one_is_polite_and_it_is_who_came_later(joined: dict[str, datetime]) -> None:
    for one, other in permutations(joined, 2):
        polite = is_polite(joined[one], one, joined[other], other)
        assert polite is not is_polite(joined[other], other, joined[one], one)
        if joined[one] != joined[other]:
            assert polite is (joined[one] > joined[other])
    assert is_polite(None, "citizen", NOON, "staff") is None


def a_call_now() -> tuple[CallNow, Member, Member]:
    fatima = Member("citizen", "Fatima de Vries", "nl", epoch=1, joined_at=NOON, audio="on", video="on")
    anna = Member("staff", "Anna", "nl", epoch=1, joined_at=NOON, audio="on", video="on")
    fatima.presence = anna.presence = Presence.HERE
    now = CallNow(CallId("c"), VisitId("v"), "call:c", True, True, None, {"citizen": fatima, "staff": anna})
    return now, fatima, anna


@pytest.mark.parametrize(("seconds", "who"), [(14, None), (15, "citizen")])
def test_a_lost_socket_counts_after_fifteen_seconds_unless_somebody_hears_her(seconds: int, who: str | None) -> None:
    now, fatima, anna = a_call_now()
    fatima.socket_gone_at = NOON
    at = NOON + timedelta(seconds=seconds)
    assert now.who_is_lost(at, NOON) == who
    now.report(anna, "citizen", True, NOON)
    assert now.who_is_lost(at, NOON) is None
    anna.socket_gone_at = at  # what a page said that is gone itself does not count
    assert now.who_is_lost(at, NOON) == who


def test_one_side_that_says_it_is_down_is_not_enough() -> None:
    now, fatima, anna = a_call_now()
    now.report(fatima, "staff", False, NOON)
    late = NOON + timedelta(minutes=5)
    assert now.who_is_lost(late, NOON) is None
    now.report(anna, "citizen", False, NOON)
    assert now.who_is_lost(late, NOON) == "pair" and now.is_long_down(late, NOON)


def test_turn_credentials_expire_and_are_what_coturn_computes() -> None:
    settings = Settings(demo=True, turn_urls="turn:relay.test:3478,stun:relay.test:3478", turn_secrets="geheim,oud")
    given_ = servers(settings, NOON, 600)
    turn = given_["servers"][1]
    expires, _, random_part = turn["username"].partition(":")
    assert int(expires) == int(NOON.timestamp()) + 600 and len(random_part) == 16
    assert given_["servers"][0] == {"urls": ["stun:relay.test:3478"]} and given_["policy"] == "all"
    import base64
    import hashlib
    import hmac

    digest = hmac.new(b"geheim", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()
    assert credentials("geheim", 1)[0] != credentials("geheim", 1)[0]


def test_without_turn_nobody_elses_server_is_asked() -> None:
    assert servers(Settings(demo=True, relay_only=True), NOON, 600)["servers"] == []
    assert servers(Settings(demo=True, relay_only=True), NOON, 600)["policy"] == "all"
