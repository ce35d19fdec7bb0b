"""What calls plug in: the check's addresses, live messages, the log of a call, the sweep, tables, the echo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta

from aiohttp import web

from balie.bus import Bus
from balie.calls import absence, protocol, seating, signalling, store, views
from balie.calls.check import Checks, Echo
from balie.calls.roster import roster_of
from balie.web.access import Access
from balie.web.features import Feature, LiveMessage, LiveTopic, Route, Sweep, TableRule
from balie.web.keys import SETTINGS, WORKS
from balie.work import Work

SWEEP_EVERY_S = 2
CALLS_KEPT_DAYS = 5 * 365 + 1


async def _echo(app: web.Application) -> AsyncIterator[None]:
    """The clocks of absence begin here; the echo runs as long as we do, and nothing waits for it."""
    works = app[WORKS]
    roster_of(works.get(Bus), works.clock())
    checks = Checks(Echo(), app[SETTINGS].check_peers)
    works.put(Checks, checks)
    task = asyncio.create_task(checks.echo.run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _destroy_calls(work: Work, now: datetime) -> int:
    return await store.destroy_calls(work, now - timedelta(days=CALLS_KEPT_DAYS))


def _check_routes(prefix: str, name: str, access: Access) -> list[Route]:
    return [
        Route("POST", f"{prefix}/aanbod", views.check_offer, f"calls.{name}_offer", access),
        Route("POST", f"{prefix}/uitslag", views.check_result, f"calls.{name}_result", access),
        Route("GET", f"{prefix}/{{check_id}}", views.check_report, f"calls.{name}_report", access),
        Route("POST", f"{prefix}/{{check_id}}/klaar", views.check_done, f"calls.{name}_done", access),
    ]


FEATURE = Feature(
    name="calls",
    routes=[
        *_check_routes("/gesprek/check", "check", Access.LINK),
        *_check_routes("/medewerker/check", "staff_check", Access.STAFF),
        Route("POST", "/gesprek/weg", views.page_gone, "calls.page_gone", Access.LINK),
        Route("POST", "/medewerker/gesprek/weg", views.page_gone, "calls.staff_page_gone", Access.STAFF),
        Route(
            "POST",
            "/medewerker/gesprek/{visit_id}/tweede-apparaat",
            views.second_device,
            "calls.second_device",
            Access.STAFF,
        ),
    ],
    live_messages=[
        LiveMessage("call.join", protocol.CallJoin, signalling.join),
        LiveMessage("ice.get", protocol.IceGet, signalling.ice_get),
        LiveMessage("signal", protocol.Signal, signalling.signal),
        LiveMessage("state", protocol.State, signalling.state),
        LiveMessage("text", protocol.Text, signalling.text),
        LiveMessage("call.away", protocol.CallAway, signalling.away),
        LiveMessage("call.leave", protocol.CallLeave, signalling.leave),
        LiveMessage("ring.seen", protocol.RingWasSeen, signalling.ring_seen),
    ],
    live_topics=[LiveTopic("call", seating.may_listen)],
    sweeps=[Sweep("calls.absence", SWEEP_EVERY_S, absence.sweep)],
    tables=[
        TableRule("participant_seat", "until the link ends", store.destroy_places),
        TableRule("check_result", "with participant_seat"),
        TableRule("call", "as long as a contact record at most", _destroy_calls),
        TableRule("call_participant", "with call"),
    ],
    contexts=[_echo],
)


def feature() -> Feature:
    """The feature calls."""
    return FEATURE
