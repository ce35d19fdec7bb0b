"""What privacy plugs in: its two logs with their periods, and the nightly destruction over every table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from zoneinfo import ZoneInfo

from aiohttp import web

from balie.jobs import destroy_dead
from balie.privacy.sealing import load_keyring
from balie.privacy.service import (
    RetentionRules,
    destroy_audit_log,
    destroy_past_period,
    destroy_processing_log,
)
from balie.web.features import Feature, Sweep, TableRule
from balie.web.keys import FEATURES, WORKS
from balie.work import Works

_NIGHT_HOUR = 3
_LOOK_EVERY_S = 600


class Nightly:
    """Destroys once a day, after three at night by the clock on the wall; a second run finds nothing."""

    def __init__(self) -> None:
        self._done_on: date | None = None

    async def run(self, works: Works) -> None:
        """Destroy when this day's turn has come."""
        here = works.clock().astimezone(ZoneInfo(works.settings.time_zone))
        if here.hour < _NIGHT_HOUR or self._done_on == here.date():
            return
        await destroy_past_period(works)
        self._done_on = here.date()


async def keys_are_there(works: Works) -> bool:
    """For `/readyz`: whether every key file is there and closed to others."""
    await asyncio.to_thread(load_keyring, works.settings.keys_dir, may_make=False)
    return True


async def _collect_rules(app: web.Application) -> AsyncIterator[None]:
    rules = [rule for feature in app[FEATURES] for rule in feature.tables]
    app[WORKS].put(RetentionRules, RetentionRules(rules))
    yield


def feature() -> Feature:
    """The feature privacy."""
    return Feature(
        name="privacy",
        sweeps=[Sweep("privacy.destroy_past_period", _LOOK_EVERY_S, Nightly().run)],
        tables=[
            TableRule("processing_log", "3 years, the register's period", destroy_processing_log),
            TableRule("audit_log", "3 years", destroy_audit_log),
            TableRule("job", "until it is done; one that was given up 30 days", destroy_dead),
        ],
        contexts=[_collect_rules],
    )
