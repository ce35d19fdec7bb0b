"""The server with its protection taken away: no lock on a pool, no compare-and-set on a visit, a pause before writing.

As a program, like tests/launch.py. The test takes the primary key off `claim` itself. A race test that
does not see doubles here would prove nothing.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import update

from balie.booking import store as booking_store
from balie.desk import store as desk_store
from balie.desk.rules import Visit
from balie.work import Work
from tests.launch import _serve

PAUSE_S = 0.3  # between what was read and what is written: long enough for the others to have read the same
add_claims = booking_store.add_claims


async def lock_nothing(*_: Any) -> None:
    """Whoever asks for the lock has it."""


async def add_claims_late(*arguments: Any) -> None:
    """Claim what was free a moment ago."""
    await asyncio.sleep(PAUSE_S)
    await add_claims(*arguments)


async def save_regardless(work: Work, before: Visit, after: Visit, reason: str) -> bool:
    """Write the visit whatever happened to it meanwhile."""
    await asyncio.sleep(PAUSE_S)
    table = desk_store.visit
    await work.db.execute(update(table).where(table.c.id == before.id).values(desk_store._values(after)))
    await desk_store._add_event(work, before, after, reason)
    return True


if __name__ == "__main__":
    booking_store.lock_pools = lock_nothing
    booking_store.add_claims = add_claims_late
    desk_store.save = save_regardless
    Path(sys.argv[1]).unlink(missing_ok=True)
    asyncio.run(_serve(sys.argv[1]))
