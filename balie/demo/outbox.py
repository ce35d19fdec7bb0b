"""The demo's own pages: the mail and text messages that the receivers got, and the local authority."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from balie.demo.local_ca import LocalTls
from balie.demo.receivers import Outbox, Received
from balie.errors import NotFound
from balie.web.pages import render

OUTBOX = web.AppKey("demo_outbox", Outbox)
LOCAL_TLS = web.AppKey("demo_local_tls", LocalTls)
_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Line:
    """One message with its text cut at the links, so that they can be pressed."""

    at: datetime
    channel: str
    to: str
    subject: str
    parts: tuple[tuple[str, bool], ...]  # text, is it a link
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """`/proef/postvak`."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AuthorityPage:
    """`/proef/certificaat`."""

    address: str


def line_of(message: Received) -> Line:
    """A message as the page shows it."""
    parts, at = [], 0
    for found in _LINK.finditer(message.text):
        address = found.group().rstrip(".,")
        parts += [(message.text[at : found.start()], False), (address, True)]
        at = found.start() + len(address)
    parts.append((message.text[at:], False))
    files = tuple(name for name, _ in message.files)
    return Line(message.at, message.channel, message.to, message.subject, tuple(parts), files)


async def show_outbox(request: web.Request) -> web.Response:
    """GET `/proef/postvak`."""
    outbox = request.app[OUTBOX]
    return render(request, "demo/outbox", OutboxPage(tuple(line_of(m) for m in outbox.messages)))


async def show_authority(request: web.Request) -> web.Response:
    """GET `/proef/certificaat`: how a phone comes to trust this demo."""
    if LOCAL_TLS not in request.app:
        raise NotFound
    return render(request, "demo/authority", AuthorityPage(request.app[LOCAL_TLS].address))


async def authority_file(request: web.Request) -> web.Response:
    """GET `/proef/certificaat/balie-proef.crt`."""
    if LOCAL_TLS not in request.app:
        raise NotFound
    return web.Response(body=request.app[LOCAL_TLS].authority.read_bytes(), content_type="application/x-x509-ca-cert")
