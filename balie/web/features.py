"""What a feature plugs into the application; each `wiring.py` makes one Feature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel

from balie.events import Listener
from balie.jobs import JobFunction
from balie.web.access import Access
from balie.web.screens import Screen
from balie.work import Work, Works

Model = type[BaseModel]
View = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """One address. `name` is feature, dot, use case.

    `csrf`: "form" is checked by the middleware from the field `csrf` or the header `X-Balie-CSRF`;
    "streamed" by the view, because the body is read piece by piece; "none" for tokens and callbacks.
    `uses_camera` gives the page the permission policy of a call.
    """

    method: str
    path: str
    view: View
    name: str
    access: Access
    csrf: Literal["form", "streamed", "none"] = "form"
    uses_camera: bool = False
    max_body: int = 256 * 1024


@dataclass(frozen=True)
class LiveMessage:
    """A message that pages send over /live: its type, its model, and what it does.

    `act(connection, message)` gets the connection of web/live.py and the checked model; what it
    returns is sent as the answer, None sends a plain `ok`.
    """

    type: str
    model: Model
    act: Callable[[Any, Any], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True)
class LiveTopic:
    """Topics with this prefix ("visit") and who may listen: the participant as whom, or None."""

    prefix: str
    may_listen: Callable[[Work, str], Awaitable[str | None]]


@dataclass(frozen=True)
class Sweep:
    """What is looked at every few seconds: due changes, each in its own Work."""

    name: str
    every_s: float
    run: Callable[[Works], Awaitable[None]]


@dataclass(frozen=True)
class TableRule:
    """How long rows of a table are kept, and how those past it are destroyed.

    `destroy(work, now)` destroys at most 1,000 rows and returns how many; None means that the
    rows go with those of another table, named in `period`.
    """

    table: str
    period: str
    destroy: Callable[[Work, datetime], Awaitable[int]] | None = None


@dataclass(frozen=True)
class Feature:
    """Everything a feature plugs in."""

    name: str
    routes: Sequence[Route] = ()
    live_messages: Sequence[LiveMessage] = ()
    live_topics: Sequence[LiveTopic] = ()
    listeners: Sequence[tuple[type, Listener]] = ()
    jobs: Mapping[str, JobFunction] = field(default_factory=dict)
    sweeps: Sequence[Sweep] = ()
    tables: Sequence[TableRule] = ()
    screens: Sequence[Screen] = ()
    contexts: Sequence[Callable[[web.Application], AsyncIterator[None]]] = ()
