"""Negotiation under glare, and on a network that delays, repeats and reorders."""

import asyncio

import pytest
from playwright.async_api import Browser

from tests.browser_units.conftest import Side
from tests.browser_units.relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Sides = tuple[Side, Side]
SEEDS = 200
AT_A_TIME = 25

STORM = """async (times) => {
  const wait = (ms) => new Promise((go) => setTimeout(go, ms));
  for (let n = 0; n < times; n += 1) {
    await wait(Math.random() * 60);
    const { connection } = T.peer();
    const lines = connection.getTransceivers();
    const what = Math.random();
    if (!lines[2] || connection.signalingState === 'closed') continue;
    if (what < 0.4) connection.restartIce();
    else if (what < 0.6) lines[2].direction = lines[2].direction === 'sendrecv' ? 'recvonly' : 'sendrecv';
    else if (what < 0.7 && lines.length < 8) connection.addTransceiver('video', { direction: 'recvonly' });
    else if (what < 0.85) T.devices.mute(Math.random() < 0.5);
    else await T.devices.showCamera(Math.random() < 0.5);
  }
  T.devices.mute(false);
  await T.devices.showCamera(true);
}"""


async def test_a_hundred_changes_on_both_sides_at_once_end_stable_with_media_both_ways(talking: Sides) -> None:
    await asyncio.gather(*(side.do(STORM, 100) for side in talking))
    for side in talking:
        await side.until("!T.peer().isNegotiating && T.pair().isConnected")
    await asyncio.gather(*(side.sees_and_hears() for side in talking))
    for side in talking:
        assert await side.errors() == []
        assert await side.do("T.pair().round === 1 || T.wasDown")


async def test_two_hundred_bad_networks_all_end_connected(chromium: Browser, relay: Relay) -> None:
    results = []
    for start in range(0, SEEDS, AT_A_TIME):
        context = await chromium.new_context()  # a browser counts closed connections of a page for a while
        side = Side(await context.new_page(), "citizen", relay.address)
        await side.page.goto(f"{relay.address}/")
        script = "([from, to]) => import('/static/test/storm.js').then(({ lives }) => lives(from, to, 10000))"
        results += await side.do(script, [start, start + AT_A_TIME])
        assert await side.do("T.errors") == []
        await context.close()
    assert len(results) == SEEDS
    assert sum(result["repeated"] for result in results) > SEEDS
    failed = [result for result in results if not result["isDone"] or result["errors"]]
    for one in failed:
        print(one)
    assert failed == []
    times = sorted(result["ms"] for result in results)
    print(f"a life of a pair: p50 {times[100]:.0f} ms, longest {times[-1]:.0f} ms")
