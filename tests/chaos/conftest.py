"""A server that can be told at which commit it dies, and that is soon back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.warm import WarmServer, a_warm_server


@pytest.fixture
def doomed() -> Iterator[WarmServer]:
    """A demo server of this test alone."""
    with a_warm_server() as server:
        yield server
