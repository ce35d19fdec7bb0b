"""The desk on the whole application, over SQLite."""

from __future__ import annotations

import pytest

from balie.work import Works
from tests.conftest import Clock
from tests.desk.stage import DeskStage, a_stage


@pytest.fixture
async def stage(works: Works, clock: Clock) -> DeskStage:
    """Anna and Bram at their counters."""
    return await a_stage(works, clock)
