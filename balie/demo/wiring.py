"""What the demo plugs in: its pages, the test identity provider, and the writing of older contacts after the start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import structlog
from aiohttp import web

from balie.demo import fill, identity_provider, outbox, tester
from balie.demo.local_ca import LocalTls
from balie.demo.receivers import Outbox
from balie.demo.screens import SCREENS
from balie.web.access import Access
from balie.web.features import Feature, Route
from balie.web.keys import SETTINGS, WORKS

log = structlog.get_logger()


def feature(received: Outbox, tls: LocalTls | None) -> Feature:
    """The demo's own pages."""

    async def plug(app: web.Application) -> AsyncIterator[None]:
        app[outbox.OUTBOX] = received
        if tls is not None:
            app[outbox.LOCAL_TLS] = tls
        task = asyncio.create_task(_write_contacts(app))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return Feature(
        name="demo",
        routes=[
            Route("GET", "/proef/postvak", outbox.show_outbox, "demo.outbox", Access.DEMO),
            Route("GET", "/proef/certificaat", outbox.show_authority, "demo.authority", Access.DEMO),
            Route(
                "GET", "/proef/certificaat/balie-proef.crt", outbox.authority_file, "demo.authority_file", Access.DEMO
            ),
            Route("GET", "/tester", tester.show_list, "demo.tester", Access.DEMO),
            Route("GET", "/tester/scherm/{id}/{state}", tester.show_screen, "demo.tester_screen", Access.DEMO),
        ],
        screens=SCREENS,
        contexts=[plug],
    )


def features(received: Outbox, tls: LocalTls | None) -> list[Feature]:
    """Every feature of the demo."""
    return [feature(received, tls), identity_provider.FEATURE]


async def _write_contacts(app: web.Application) -> None:
    settings = app[SETTINGS]
    base = settings.public_origin
    verify = str(settings.trusted_ca) if settings.trusted_ca else True
    try:
        await fill.when_up(base, verify)
        await fill.write_contacts(app[WORKS], base, verify)
    except Exception as error:  # the server may stop meanwhile; the next start writes what is missing
        log.warning("demo_contacts_not_written", error=type(error).__name__)
