"""Seats and calls in a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from balie.actors import system
from balie.bus import Bus
from balie.calls import service, store
from balie.calls.rules import CallEnded, CallState, Hold, Presence
from balie.errors import CallOver
from balie.ids import new_id
from balie.privacy.purposes import HELP_CITIZEN
from tests.calls.stage import Stage
from tests.conftest import Clock


async def test_going_on_takes_the_seat_once_and_again_is_the_same_seat(stage: Stage) -> None:
    first = await stage.take_seat()
    again = await stage.take_seat()
    assert (first.id, first.epoch, first.page_id) == (again.id, 0, None)
    assert await stage.do(service.seat, stage.appointment_id, "citizen") == again
    assert await stage.do(service.seat, stage.appointment_id, "staff") is None


async def test_while_waiting_a_newer_device_takes_the_seat_and_the_older_is_told(stage: Stage) -> None:
    await stage.take_seat()
    bus = stage.works.get(Bus)
    since = bus.last(f"session:{stage.fatima.session_id}")
    tablet = new_id()
    assert (await stage.take_seat(tablet)).session_id == tablet
    told = bus.read_after(f"session:{stage.fatima.session_id}", since).entries
    assert [entry.message["type"] for entry in told] == ["session.moved"]
    assert stage.heard == []  # there is no visit yet, so nobody has proved anything


async def test_admit_opens_begin_begins_end_ends_and_each_twice_is_once(stage: Stage, clock: Clock) -> None:
    await stage.take_seat()
    call = await stage.admit()
    assert call.state is CallState.OPEN and (await stage.do(service.call_of, stage.visit_id)).id == call.id
    clock.move(seconds=5)
    await stage.begin()
    clock.move(seconds=5)
    await stage.begin()
    begun = await stage.do(service.call_of, stage.visit_id)
    assert (begun.state, begun.begun_at) == (CallState.BEGUN, clock.now - timedelta(seconds=5))
    ended: list[object] = []

    async def hear(_work: object, event: object) -> None:
        ended.append(event)

    stage.works.listeners.add(CallEnded, hear)
    for _ in range(2):
        await stage.do(service.end, stage.visit_id, "ended")
    assert ended == [CallEnded(stage.visit_id, "ended")]
    over = await stage.do(service.call_of, stage.visit_id)
    assert (over.state, over.why, over.ended_at) == (CallState.ENDED, "ended", clock.now)
    with pytest.raises(CallOver):
        await stage.begin()


async def test_a_put_back_visit_gets_another_call_with_the_same_seats(stage: Stage, clock: Clock) -> None:
    seat = await stage.take_seat()
    first = await stage.admit()
    await stage.do(service.end, stage.visit_id, "put_back")
    clock.move(seconds=1)
    second = await stage.admit()
    assert second.id != first.id
    assert (await stage.do(service.seat, stage.appointment_id, "citizen")).id == seat.id
    assert (await stage.do(service.call_of, stage.visit_id)).id == second.id


async def test_a_second_admit_ends_the_call_before(stage: Stage) -> None:
    await stage.take_seat()
    first = await stage.admit()
    await stage.admit()
    async with stage.works.begin(stage.anna, HELP_CITIZEN) as work:
        before = await store.call_by_id(work, first.id)
        running = await store.running_calls(work)
    assert before is not None and before.why == "replaced" and len(running) == 1


async def test_hold_is_kept_with_its_reason_until_resume(stage: Stage, clock: Clock) -> None:
    await stage.take_seat()
    await stage.admit()
    await stage.begin()
    until = clock.now + timedelta(minutes=15)
    await stage.do(service.hold, stage.visit_id, "Ik vraag het na", until)
    assert (await stage.do(service.call_of, stage.visit_id)).hold == Hold("Ik vraag het na", until)
    await stage.do(service.resume, stage.visit_id)
    assert (await stage.do(service.call_of, stage.visit_id)).hold is None


async def test_nothing_is_told_when_the_transaction_fails(stage: Stage) -> None:
    await stage.take_seat()
    call = await stage.admit()
    bus = stage.works.get(Bus)
    since = bus.last(call.topic)
    with pytest.raises(ZeroDivisionError):
        async with stage.works.begin(stage.fatima, HELP_CITIZEN) as work:
            await service.begin(work, stage.visit_id)
            raise ZeroDivisionError
    assert bus.read_after(call.topic, since).entries == ()
    assert (await stage.do(service.call_of, stage.visit_id)).state is CallState.OPEN


async def test_presence_is_told_on_change_only(stage: Stage) -> None:
    await stage.take_seat()
    call = await stage.admit()
    bus = stage.works.get(Bus)
    since = bus.last(call.topic)
    for _ in range(2):
        await stage.do(service.note_presence, stage.visit_id, "citizen", Presence.AWAY, "choosing_file")
    assert len(bus.read_after(call.topic, since).entries) == 1


async def test_seats_go_when_the_link_ends_and_calls_with_the_record(stage: Stage, clock: Clock) -> None:
    await stage.take_seat()
    await stage.admit()
    await stage.do(service.end, stage.visit_id, "ended")
    clock.move(days=1)
    async with stage.works.begin(system("test"), HELP_CITIZEN) as work:
        assert await store.destroy_places(work, work.now) == 0
    clock.move(days=2)
    async with stage.works.begin(system("test"), HELP_CITIZEN) as work:
        assert await store.destroy_places(work, work.now) == 2
        assert await store.destroy_calls(work, work.now - timedelta(days=4)) == 0
        assert await store.destroy_calls(work, work.now) == 1


async def test_the_tables_hold_no_text_description_or_address(stage: Stage) -> None:
    columns = {c.name for t in (store.call, store.participant_seat, store.call_participant) for c in t.columns}
    assert not columns & {"sdp", "candidate", "text", "address", "ip", "fingerprint", "name", "device"}
    await stage.take_seat()
    await stage.admit()
    async with stage.works.begin(system("test"), HELP_CITIZEN) as work:
        rows = [*await work.db.execute(select(store.call)), *await work.db.execute(select(store.participant_seat))]
    assert "Fatima" not in repr(rows)
