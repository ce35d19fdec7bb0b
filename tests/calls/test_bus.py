"""Topics as logs: what is read after an id, and when something is missing."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from balie.bus import LONGEST_LOG, OLDEST_ENTRY_S, Bus


def texts(bus: Bus, topic: str, after: str) -> list[int]:
    return [entry.message["n"] for entry in bus.read_after(topic, after).entries]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers()), max_size=30), st.integers(0, 30))
def test_what_is_later_than_an_id_comes_in_order_and_nothing_twice(said: list[tuple[str, int]], split: int) -> None:
    bus = Bus()
    early, late = said[:split], said[split:]
    for topic, n in early:
        bus.append(topic, {"n": n})
    since = bus.last("a")
    for topic, n in late:
        bus.append(topic, {"n": n})
    for topic in "ab":
        assert texts(bus, topic, since) == [n for t, n in late if t == topic]
        assert not bus.read_after(topic, since).gap
        assert bus.read_after(topic, bus.read_after(topic, since).last).entries == ()


def test_an_id_from_before_a_restart_or_of_another_form_is_a_gap() -> None:
    before = Bus().append("a", {"n": 1})
    bus = Bus()
    bus.append("a", {"n": 2})
    for strange in (before, "", "x-1", bus.last("a").replace("-", "-+"), bus.last("a") + "0" * 20, "٣-٣"):
        reading = bus.read_after("a", strange)
        assert reading.gap and reading.entries == ()


def test_ids_are_short_and_hold_the_run() -> None:
    one, other = Bus(), Bus()
    assert one.append("a", {}) != other.append("a", {}) and len(one.last("a")) <= 40


def test_a_log_keeps_a_thousand_messages_and_says_that_more_are_gone() -> None:
    bus = Bus()
    first = bus.append("a", {"n": 0})
    since = bus.append("a", {"n": 1})
    for n in range(2, LONGEST_LOG + 2):
        bus.append("a", {"n": n})
    assert not bus.read_after("a", since).gap and len(bus.read_after("a", since).entries) == LONGEST_LOG
    assert bus.read_after("a", first).gap


def test_a_log_keeps_fifteen_minutes() -> None:
    now = [0.0]
    bus = Bus(lambda: now[0])
    since = bus.last("a")
    bus.append("a", {"n": 1})
    now[0] = OLDEST_ENTRY_S - 1
    bus.append("a", {"n": 2})
    assert texts(bus, "a", since) == [1, 2]
    now[0] = OLDEST_ENTRY_S + 1
    assert texts(bus, "a", since) == [2] and bus.read_after("a", since).gap
    bus.append("b", {"n": 3})
    assert not bus.read_after("b", since).gap


def test_a_dropped_log_leaves_nothing_or_its_last_word() -> None:
    bus = Bus()
    since = bus.last("a")
    for n in (1, 2, 3):
        bus.append("a", {"n": n})
    caught_up = bus.append("a", {"n": 4})
    last_word = bus.append("a", {"n": 5})
    bus.drop("a", keep_last=True)
    assert texts(bus, "a", since) == [5] and bus.read_after("a", since).gap
    assert texts(bus, "a", caught_up) == [5] and not bus.read_after("a", caught_up).gap
    bus.drop("a")
    assert bus.read_after("a", caught_up).gap and not bus.read_after("a", last_word).gap


async def test_a_watch_wakes_for_its_own_topics_only() -> None:
    bus = Bus()
    with bus.watch(["a"]) as watch:
        bus.append("b", {})
        waiting = asyncio.ensure_future(watch.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        bus.append("a", {})
        async with asyncio.timeout(10):
            await waiting
        bus.add_topic(watch, "b")
        bus.append("b", {})
        async with asyncio.timeout(10):
            await watch.changed()
    assert bus._watches == {}
