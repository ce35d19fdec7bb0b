"""Two pages find each other, see and hear each other, and negotiate once."""

import asyncio

import pytest

from tests.browser_units.conftest import Side
from tests.browser_units.relay import Relay

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Sides = tuple[Side, Side]


async def test_two_pages_see_and_hear_each_other_after_one_offer_and_one_answer(talking: Sides, relay: Relay) -> None:
    citizen, staff = talking
    await asyncio.gather(citizen.sees_and_hears(), staff.sees_and_hears())
    assert relay.said["offer round 1"] == 1
    assert relay.said["answer round 1"] == 1
    assert relay.said["rebuild"] == 0
    assert await citizen.errors() == [] and await staff.errors() == []
    frame_ms = await citizen.do("T.at.frame - T.at.join")
    print(f"tap to first frame at the citizen: {frame_ms:.0f} ms")
