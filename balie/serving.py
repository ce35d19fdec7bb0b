"""Runs an application until it is told to stop, and stops it so that nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable

from aiohttp import web

from balie.settings import Settings

STOP_WITHIN_S = 8.0


async def serve(app: web.Application, settings: Settings, ready: Callable[[], None] | None = None) -> None:
    """Listen until SIGTERM or SIGINT; a second signal stops at once."""
    stop = _heard_stop()  # before the first request, so that a signal is never too early
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S, handler_cancellation=False)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port, ssl_context=_tls(settings), reuse_address=True)
    await site.start()
    if ready is not None:
        ready()
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context


def _heard_stop() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop, loop, number)
    return stop


def _on_signal(stop: asyncio.Event, loop: asyncio.AbstractEventLoop, number: signal.Signals) -> None:
    stop.set()
    loop.remove_signal_handler(number)  # the next one has its usual effect
