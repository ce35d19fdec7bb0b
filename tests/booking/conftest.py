"""A database with the tables of every feature that booking touches, and a desk with one seat."""

from __future__ import annotations

import pytest

import balie.booking.store
import balie.identity.store
import balie.privacy.store  # noqa: F401
from balie.work import Works
from tests.booking.builders import Town, a_town


@pytest.fixture
async def town(works: Works) -> Town:
    """One seat, open every day from 8 to 18, appointments of 20 minutes."""
    return await a_town(works)
