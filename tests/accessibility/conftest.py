"""One server and one visit to the whole register, shared by every gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.accessibility.html import Read, read_all
from tests.accessibility.looking import Seen, look_at_all
from tests.accessibility.register import entries
from tests.launch import Server, running
from tests.leaving_out import leave_out
from tests.machine import find


@pytest.fixture(scope="session")
def site() -> Iterator[Server]:
    """The demo, as a tester opens it."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def seen(site: Server) -> list[Seen]:
    """What a real browser shows of every entry: a few minutes, once for all gates."""
    if find("chromium") is None:
        leave_out("Chromium")
    return asyncio.run(look_at_all(site.origin, entries()))


@pytest.fixture(scope="session")
def dutch(site: Server) -> list[Read]:
    """Every entry as the server sends it, in Dutch."""
    return asyncio.run(read_all(site.origin, entries(), "nl"))


@pytest.fixture(scope="session")
def english(site: Server) -> list[Read]:
    """Every entry as the server sends it, in English."""
    return asyncio.run(read_all(site.origin, entries(), "en"))
