"""Real-time text: every character on the other side, whichever way is open."""

import asyncio

import pytest

from tests.browser_units.conftest import Side
from tests.browser_units.relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Sides = tuple[Side, Side]

HOLE = "\ufffd"
TYPE = """async ([text, everyMs]) => {
  for (const character of text) {
    T.field = (T.field ?? '') + character;
    T.call.text.update(T.field);
    if (everyMs) await new Promise((go) => setTimeout(go, everyMs));
  }
}"""
ERASE = """(count) => {
  for (let n = 0; n < count; n += 1) {
    T.field = [...T.field].slice(0, -1).join('');
    T.call.text.update(T.field);
  }
}"""
NO_CHANNEL = """() => {
  const { RTCPeerConnection: Real } = globalThis;
  Real.prototype.createDataChannel = function () { return new EventTarget(); };
}"""


async def shows(side: Side, text: str) -> None:
    """The other side's text stands there, exactly."""
    await side.until("(text) => T.text === text", text)


async def test_each_typed_character_arrives_before_any_enter_in_both_directions(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await asyncio.gather(citizen.do(TYPE, ["ik heb het bij mij!!", 100]), staff.do(TYPE, ["dank u, ik kijk mee.", 100]))
    await asyncio.gather(shows(staff, "ik heb het bij mij!!"), shows(citizen, "dank u, ik kijk mee."))
    assert relay.said["text"] <= 2


async def correct(citizen: Side, staff: Side) -> None:
    """Type, five backspaces, a long paste and a word that came at once, with emoji."""
    await citizen.do(TYPE, ["mijn dohcter 👨‍👩‍👧", 20])
    await citizen.do(ERASE, 5)
    pasted = "0123456789" * 20
    await citizen.do("(text) => T.call.text.update(T.field = T.field + text)", pasted)
    await citizen.do("(text) => T.call.text.update(T.field = T.field + text)", "日本語")
    field = await citizen.do("T.field")
    await citizen.do("T.call.text.newLine()")
    await shows(staff, field + "\n")


async def test_backspaces_a_paste_and_a_composed_word_leave_both_pages_equal(talking: Sides) -> None:
    await correct(*talking)


async def test_the_same_over_the_live_connection_when_there_is_no_channel(sides: Sides, relay: Relay) -> None:
    citizen, staff = sides
    for side in sides:
        await side.ready()
        await side.do("RTCPeerConnection.prototype.createDataChannel = () => new EventTarget()")
    await asyncio.gather(citizen.do("T.join()"), staff.do("T.join()"))
    await correct(citizen, staff)
    assert relay.said["text"] >= 5
    assert "too_fast" not in relay.refused


async def test_a_channel_closed_and_opened_again_in_mid_word_loses_nothing(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    text = "een héél lang woord 🙂 dat doorgaat terwijl het kanaal wegvalt"
    typing = asyncio.ensure_future(citizen.do(TYPE, [text, 60]))
    await staff.until("T.text?.length > 4")
    await citizen.do("T.pair().channels.t140.close()")
    await asyncio.sleep(0.7)
    await staff.do("T.pair().rebuild('test')")
    await typing
    await shows(staff, text)
    assert relay.said["text"] >= 1
    await citizen.until("T.call.text.has('staff')")


async def test_text_typed_while_the_server_is_killed_arrives(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await citizen.do("T.pair().channels.t140.close()")
    await staff.until("!T.call.text.has('citizen')")
    typing = asyncio.ensure_future(citizen.do(TYPE, ["ik typ gewoon door", 60]))
    await staff.until("T.text?.length > 3")
    relay.is_down = True
    relay.drop_memory()
    await asyncio.sleep(0.5)
    relay.is_down = False
    await typing
    await shows(staff, "ik typ gewoon door")


async def test_on_hold_text_waits_and_goes_on_at_resume(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await citizen.do(TYPE, ["voor", 0])
    await shows(staff, "voor")
    relay.set_hold("even wachten")
    await citizen.until("T.call.hold !== null")
    await citizen.do(TYPE, [" en na", 0])
    await asyncio.sleep(0.6)
    assert await citizen.do("T.call.text.unsent") == 6
    relay.set_hold(None)
    await shows(staff, "voor en na")


async def test_a_hole_is_shown_and_what_comes_twice_is_not(talking: Sides, relay: Relay) -> None:
    citizen, _ = talking
    await citizen.do("""async () => {
      const { Reading } = await import('/static/js/call/reading.js');
      T.reading = new Reading((text) => (T.read = text), 0);
      T.reading.take(0, 'hal');
      T.reading.take(1, 'allo');
      T.reading.take(9, 'daar\\u0007\\ufeff');
    }""")
    assert await citizen.do("T.read") == "hallo"
    await citizen.until(f"T.read === 'hallo{HOLE}daar'")
