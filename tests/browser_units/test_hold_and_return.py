"""Hold, reload, a cut socket and a server without memory: the call goes on where it was."""

import asyncio
import random

import pytest

from tests.browser_units.conftest import Side, until
from tests.browser_units.relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Sides = tuple[Side, Side]


async def negotiated_once(sides: Sides, relay: Relay) -> None:
    """One offer and one answer, unless this machine was too busy for the connection to stay up by itself."""
    if not any([await side.do("T.wasDown") for side in sides]):
        assert relay.said["offer round 1"] == relay.said["answer round 1"] == 1
    assert relay.said["offer round 2"] == 0


async def received(sides: Sides) -> list[int]:
    """Bytes of sound and picture that came in on both sides."""
    return [figures["audio"] + figures["video"] for figures in [await side.do("T.received()") for side in sides]]


async def test_on_hold_nothing_is_received_either_way_and_resume_needs_no_negotiation(
    talking: Sides, relay: Relay
) -> None:
    await asyncio.gather(*(side.sees_and_hears() for side in talking))
    relay.set_hold("Anna zoekt iets op")
    for side in talking:
        await side.until("T.call.hold?.reason === 'Anna zoekt iets op'")

    async def is_still() -> bool:
        before = await received(talking)
        await asyncio.sleep(1)
        return await received(talking) == before

    await until(is_still)
    assert await talking[0].do("document.querySelector('figure audio').paused")
    relay.set_hold(None)
    await asyncio.gather(*(side.sees_and_hears() for side in talking))
    assert not await talking[0].do("document.querySelector('figure audio').paused")
    await negotiated_once(talking, relay)
    assert relay.said["offer round 2"] == 0


async def test_mute_camera_off_and_flip_need_no_negotiation_and_are_told(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await citizen.do("T.devices.mute(true)")
    await staff.until("T.call.others[0].audio === 'off'")
    await staff.until("document.querySelector('[data-states]').textContent.includes('geluid uit')")
    await citizen.do("T.track = T.devices.camera; T.devices.showCamera(false)")
    await staff.until("T.call.others[0].video === 'off'")
    assert await citizen.do("T.track.readyState") == "ended"
    await citizen.do("T.devices.showCamera(true)")
    await citizen.do("T.devices.mute(false)")
    await citizen.do("T.devices.flip()")
    await staff.until("T.call.others[0].video === 'on' && T.call.others[0].audio === 'on'")
    await asyncio.gather(*(side.sees_and_hears() for side in talking))
    await negotiated_once(talking, relay)


async def test_a_reload_takes_the_same_seat_with_a_higher_epoch_and_media_come_back(
    talking: Sides, relay: Relay
) -> None:
    citizen, staff = talking
    for side in (citizen, staff):
        epoch = relay.seats[side.participant].epoch
        await side.ready()
        await side.do("T.join()")
        await side.until("T.events.includes('connected')")
        assert relay.seats[side.participant].epoch == epoch + 1
        await asyncio.gather(*(one.sees_and_hears() for one in talking))
    assert await citizen.errors() == [] and await staff.errors() == []


async def test_a_socket_cut_in_each_signalling_state_loses_nothing(sides: Sides, relay: Relay) -> None:
    citizen, staff = sides
    await asyncio.gather(citizen.ready(), staff.ready())
    for messages in range(1, 7):
        for who in ("citizen", "staff"):
            relay.cut_after = {who: messages}
            await asyncio.gather(citizen.do("T.join()"), staff.do("T.join()"))
            for side in sides:
                await side.until("T.pair()?.isConnected")
            await asyncio.gather(*(side.sees_and_hears() for side in sides))
            assert await citizen.errors() == [] and await staff.errors() == []
            relay.cut_after = {}
            await asyncio.gather(citizen.ready(), staff.ready())


async def test_fifty_cut_sockets_leave_media_alone_and_no_message_twice(talking: Sides, relay: Relay) -> None:
    citizen, _staff = talking
    chance = random.Random(7)
    connection = await citizen.do("T.pair().round")
    before = await received(talking)
    for _ in range(50):
        relay.cut(chance.choice(["citizen", "staff", None]))
        await asyncio.sleep(chance.random() * 0.1)
    for side in talking:
        await side.until("T.connection.isOpen")
    await asyncio.gather(*(side.sees_and_hears() for side in talking))
    after = await received(talking)
    assert all(now > then for now, then in zip(after, before, strict=True))
    assert await citizen.do("T.pair().round") == connection
    await negotiated_once(talking, relay)
    assert "lost" not in await citizen.do("T.events")


async def test_a_killed_server_leaves_media_alone_and_the_seat_is_taken_up_again(talking: Sides, relay: Relay) -> None:
    citizen, _staff = talking
    for _ in range(5):
        relay.is_down = True
        relay.drop_memory()
        for side in talking:
            await side.until("!T.connection.isOpen")
        await asyncio.gather(*(side.sees_and_hears() for side in talking))
        relay.is_down = False
        for side in talking:
            await side.do("T.call.retry()")
            await side.until("T.connection.isOpen")
    assert "gap" in await citizen.do("T.events")
    assert await citizen.do("T.pair().round") == 1
    assert relay.seats["citizen"].epoch == relay.seats["staff"].epoch == 1
    await negotiated_once(talking, relay)


async def test_nothing_leaves_the_page_before_begin(sides: Sides, relay: Relay) -> None:
    citizen, staff = sides
    relay.begun = False
    await asyncio.gather(citizen.ready(), staff.ready())
    await staff.do("T.join()")
    joining = asyncio.ensure_future(citizen.do("T.join()"))
    await until(lambda: asyncio.sleep(0, "not_begun" in relay.refused))
    await until(lambda: asyncio.sleep(0, any("call:1" in page.topics for page in relay.pages)))
    assert relay.said["signal"] == 0
    relay.begin()
    await joining
    for side in sides:
        await side.until("T.events.includes('connected')")


async def test_hanging_up_stops_every_track_also_with_the_socket_dead(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await citizen.do("T.tracks = [T.devices.camera, T.devices.microphone]")
    relay.is_down = True
    relay.cut("citizen")
    await citizen.until("!T.connection.isOpen")
    await citizen.do("T.call.leave()")
    assert await citizen.do("T.tracks.map((track) => track.readyState)") == ["ended", "ended"]
    assert "ended" in await citizen.do("T.events")
    relay.is_down = False
    await staff.until("T.events.includes('gone')", bound_s=15)


async def test_the_end_of_the_call_stops_both_sides(talking: Sides, relay: Relay) -> None:
    relay.append({"type": "call.ended", "why": "finished"})
    for side in talking:
        await side.until("T.events.includes('ended') && T.devices.camera === null")


async def test_a_message_of_the_other_with_the_number_of_an_own_one_is_not_its_answer(talking: Sides) -> None:
    citizen, _staff = talking
    heard = await citizen.do("""async () => {
      const { Outbox } = await import('/static/js/live/outbox.js');
      const outbox = new Outbox();
      outbox.connect(() => {});
      const answer = outbox.put({ type: 'state' });
      const isTaken = outbox.take({ type: 'signal', seq: 1, from: 'staff' });
      outbox.take({ type: 'ok', seq: 1, id: 'x' });
      return [isTaken, (await answer).type];
    }""")
    assert heard == [False, "ok"]
