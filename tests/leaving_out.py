"""What happens to a test whose machine lacks something: said at home, a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def leave_out(missing: str) -> NoReturn:
    """Leave this test out for want of `missing`; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{missing} is missing, and CI leaves no test out")
    pytest.skip(f"{missing} is missing on this machine")
