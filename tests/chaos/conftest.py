"""A server that can be told at which commit it dies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch import Server


@pytest.fixture
def doomed() -> Iterator[Server]:
    """A demo server under the launcher that can kill it; the test starts it."""
    with tempfile.TemporaryDirectory(prefix="balie-test-") as folder:
        server = Server(Path(folder), module="tests.chaos.launch")
        try:
            yield server
        finally:
            server.stop()
