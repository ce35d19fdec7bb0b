"""`balie serve | migrate | media | demo | api-client`: what an operator starts."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from functools import partial

import uvloop
from pydantic import ValidationError

from balie.actors import RUN_SERVICE, system
from balie.app import make_app, make_works
from balie.demo import wiring as demo_wiring
from balie.demo.fill import fill
from balie.demo.receivers import receive
from balie.demo.serve import demo_settings, show_welcome
from balie.history.channels import make_api_client
from balie.migrate import migrate
from balie.serving import serve
from balie.settings import Settings
from balie.web import logs
from balie.work import Clock, system_clock


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status says how it went."""
    parser = argparse.ArgumentParser(prog="balie", description="The digital counter of a city hall.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="the server, with jobs and sweeps")
    commands.add_parser("migrate", help="bring the database to the newest migration")
    commands.add_parser("media", help="the far end of the connection check; started by serve")
    for_demo = commands.add_parser("demo", help="the server with everything around it, on this machine")
    for_demo.add_argument("--https", action="store_true", help="serve phones on the same network")
    for_client = commands.add_parser("api-client", help="make a token for another channel; it is shown once")
    for_client.add_argument("channel", help="word of the channel, such as Telefoon")
    for_client.add_argument("--domain", required=True, help="whose contacts it may read and write")
    chosen = parser.parse_args(arguments)
    if chosen.command == "media":
        os.execv(sys.executable, [sys.executable, "-m", "balie.calls.echo"])
    acts: dict[str, Callable[[], Coroutine[None, None, None]]] = {
        "serve": run_server,
        "migrate": run_migrations,
        "demo": partial(run_demo, getattr(chosen, "https", False)),
        "api-client": partial(run_api_client, getattr(chosen, "channel", ""), getattr(chosen, "domain", "")),
    }
    try:
        uvloop.run(acts[chosen.command]())
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            print("The settings are not right:", fault["msg"].removeprefix("Value error, "), file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print("The port is in use by another program. Choose another one, such as BALIE_PORT=8090.", file=sys.stderr)
        return 2
    return 0


async def run_server() -> None:
    """The server of a city."""
    settings = Settings()
    logs.configure(settings.release)
    works = make_works(settings)
    await serve(make_app(works), settings)


async def run_demo(use_https: bool, clock: Clock = system_clock) -> None:
    """The same server, migrated and filled, with receivers of mail and text messages around it."""
    async with receive() as receivers:
        settings, tls = demo_settings(receivers, use_https)
        logs.configure(settings.release)
        works = make_works(settings, clock)
        await migrate(works.engine)
        await fill(works)
        app = make_app(works, demo_wiring.features(receivers.outbox, tls))
        await serve(app, settings, partial(show_welcome, app, settings, tls))


async def run_migrations() -> None:
    """Bring the database to the newest migration."""
    works = make_works(Settings())
    await migrate(works.engine)
    await works.engine.dispose()


async def run_api_client(channel: str, domain: str) -> None:
    """A token for another channel."""
    works = make_works(Settings())
    async with works.begin(system("operator"), RUN_SERVICE) as work:
        _, token = await make_api_client(work, name=channel, channel=channel, domain=domain)
    await works.engine.dispose()
    print(token)


if __name__ == "__main__":
    sys.exit(main())
