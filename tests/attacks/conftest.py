"""The whole application with a caller of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Clock
from tests.house.whole import House, whole_house


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    """Limits per network are out of the way."""
    async with whole_house(tmp_path, clock) as made:
        yield made
