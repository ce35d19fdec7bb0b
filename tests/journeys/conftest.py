"""Real servers and browsers for the journeys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.launch import Server, running
from tests.leaving_out import leave_out
from tests.machine import find


@pytest.fixture
def server() -> Iterator[Server]:
    """A demo server of this test alone."""
    if find("chromium") is None:
        leave_out("Chromium")
    with running() as started:
        yield started
