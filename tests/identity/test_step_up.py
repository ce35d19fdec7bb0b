"""Fatima signs in during the call, over real HTTP, and what it leaves behind."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from aiohttp import WSMsgType  # noqa: F401
from sqlalchemy import text

from balie.actors import AssuranceLevel, system
from balie.identity import service, verification
from balie.identity.rules import VerificationConfirmed, VerificationFailure, VerificationLost, VerificationState
from balie.privacy.purposes import HELP_CITIZEN
from tests.conftest import Clock
from tests.identity.conftest import (
    City,
    fatima_is_asked,
    query_of,
    sign_in_at_provider,
    start_sign_in,
    state_of,
    whole_sign_in,
)


async def test_fatima_signs_in_and_comes_back_to_her_seat(city: City) -> None:
    heard: list[object] = []

    async def listen(_work: object, event: object) -> None:
        heard.append(event)

    city.works.listeners.add(VerificationConfirmed, listen)
    guest = await fatima_is_asked(city)
    began = time.monotonic()
    assert await whole_sign_in(guest) == "/gesprek"
    assert time.monotonic() - began < 10
    found = await state_of(city, guest)
    assert found.state is VerificationState.CONFIRMED
    assert (found.level, found.method_label) == (AssuranceLevel.SUBSTANTIAL, "DigiD Substantieel")
    assert found.name == "Fatima de Vries"
    assert len(heard) == 1
    async with await guest.browser.get("/gesprek") as answer:
        assert answer.status == 200
