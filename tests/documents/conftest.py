"""What tests of documents may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from balie.work import Works
from tests.documents.stage import Site, Stage, a_site, a_stage


@pytest.fixture
async def stage(works: Works) -> Stage:
    """Fatima's appointment asks for one paper; Anna and Bram work."""
    return await a_stage(works)


@pytest.fixture
async def site(stage: Stage) -> AsyncIterator[Site]:
    """The server with documents."""
    async with a_site(stage) as made:
        yield made
