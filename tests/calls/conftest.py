"""What tests of calls may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import hypothesis
import pytest

from balie.bus import Bus
from balie.calls import roster
from balie.work import Works
from tests.calls.stage import Site, Stage, a_site, a_stage

# A busy machine is no fault of what is tested.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


@pytest.fixture
async def stage(works: Works) -> Stage:
    """Fatima's appointment and Anna; the server started now."""
    roster.roster_of(works.get(Bus), works.clock())
    return await a_stage(works)


@pytest.fixture
async def site(stage: Stage) -> AsyncIterator[Site]:
    """The server with /live and calls."""
    async with a_site(stage) as made:
        yield made
