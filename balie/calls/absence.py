"""Who found and who lost whom: looked at with every report, and every two seconds by the clock."""

from __future__ import annotations

import structlog

from balie.actors import Actor, system
from balie.bus import Bus
from balie.calls import service
from balie.calls.roster import CallNow, Roster, roster_of
from balie.calls.rules import Presence
from balie.errors import BalieError
from balie.privacy.purposes import HELP_CITIZEN
from balie.work import Works

log = structlog.get_logger()
SWEEP = system("calls.sweep")


async def sweep(works: Works) -> None:
    """Look at every running call; each change is a Work of its own."""
    async with works.begin(SWEEP, HELP_CITIZEN, writes=False) as work:
        running = await service.running(work)
    rows = roster_of(works.get(Bus), works.clock())
    for now in running:
        try:
            await _look_by_clock(works, rows, now)
        except BalieError:
            pass  # somebody was first
        except Exception as error:  # one call that fails must not hide the next
            log.error("sweep_failed", sweep="calls", error=type(error).__name__)


async def look(works: Works, actor: Actor, now: CallNow) -> None:
    """Announce that both are there when that has just become so; the sweep looks again if it fails."""
    was_up, now.is_up = now.is_up, now.is_pair_up()
    if was_up or not now.is_up:
        return
    try:
        async with works.begin(actor, HELP_CITIZEN) as work:
            await service.note_connected(work, now)
    except Exception as error:
        now.is_up = False
        log.error("not_noted_connected", error=type(error).__name__)


async def _look_by_clock(works: Works, rows: Roster, now: CallNow) -> None:
    await look(works, SWEEP, now)
    at = works.clock()
    for member in now.newly_lost(at):
        async with works.begin(SWEEP, HELP_CITIZEN) as work:
            service.tell_presence(work, now, member, Presence.LOST, None)
    if rows.is_quiet(at) or not now.was_connected:
        return
    who = None if now.was_lost_told else now.who_is_lost(at, rows.started_at)
    if who is not None:
        async with works.begin(SWEEP, HELP_CITIZEN) as work:
            await service.note_lost(work, now, who)
    if not now.was_down_told and now.is_long_down(at, rows.started_at):
        async with works.begin(SWEEP, HELP_CITIZEN) as work:
            await service.note_long_down(work, now)
