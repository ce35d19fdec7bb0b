"""SMTP and NotifyNL on loopback, speaking the real protocols; what they receive stands on the outbox page."""

from __future__ import annotations

import asyncio
import email
import email.policy
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

MOST_MESSAGES = 200
TOKEN_AGE_S = 30


@dataclass(frozen=True)
class Received:
    """One mail or text message as it arrived."""

    at: datetime
    channel: str  # mail, sms
    to: str
    subject: str
    text: str
    files: tuple[tuple[str, str], ...] = ()  # name, text


class Outbox:
    """The last messages, newest first."""

    def __init__(self) -> None:
        self.messages: deque[Received] = deque(maxlen=MOST_MESSAGES)

    def put(self, message: Received) -> None:
        """Add one."""
        self.messages.appendleft(message)


class MailReceiver:
    """What aiosmtpd calls for each mail."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep the mail; the answer is SMTP's own."""
        content = envelope.content or b""
        data = content.encode() if isinstance(content, str) else content
        message = email.message_from_bytes(data, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        self._outbox.put(
            Received(
                at=datetime.now(UTC),
                channel="mail",
                to=", ".join(envelope.rcpt_tos),
                subject=str(message["Subject"] or ""),
                text=body.get_content() if body else "",
                files=tuple(_files(message)),
            )
        )
        return "250 OK"


def _files(message: EmailMessage) -> list[tuple[str, str]]:
    found = []
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            payload = part.get_payload(decode=True)
            found.append((part.get_filename() or "", payload.decode() if isinstance(payload, bytes) else ""))
    return found


@dataclass(frozen=True)
class Receivers:
    """Where the receivers listen, and what signs requests to NotifyNL."""

    outbox: Outbox
    smtp_port: int
    notify_port: int
    service_id: str
    secret: str


@asynccontextmanager
async def receive() -> AsyncIterator[Receivers]:
    """Both receivers on free ports of loopback, until the block ends."""
    outbox = Outbox()
    service_id, secret = secrets.token_hex(16), secrets.token_hex(32)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(MailReceiver(outbox), loop=loop), "127.0.0.1", 0)
    runner = web.AppRunner(_notify_app(outbox, service_id, secret))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Receivers(outbox, _port(smtp), runner.addresses[0][1], service_id, secret)
    finally:
        smtp.close()
        await runner.cleanup()


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _notify_app(outbox: Outbox, service_id: str, secret: str) -> web.Application:
    async def send(request: web.Request) -> web.Response:
        if not _is_signed(request, service_id, secret):
            return _refused(403, "AuthError", "Invalid token: API key not found")
        body = await request.json()
        kind = request.match_info["kind"]
        to = body.get("phone_number" if kind == "sms" else "email_address")
        if not to or not body.get("template_id"):
            return _refused(400, "ValidationError", "a required property is missing")
        values = body.get("personalisation", {})
        text = str(values.get("text", ""))
        channel = "sms" if kind == "sms" else "mail"
        outbox.put(Received(datetime.now(UTC), channel, to, str(values.get("subject", "")), text))
        answer = {"id": secrets.token_hex(16), "reference": body.get("reference"), "content": {"body": text}}
        return web.json_response(answer, status=201)

    app = web.Application()
    app.router.add_post("/v2/notifications/{kind:sms|email}", send)
    return app


def _is_signed(request: web.Request, service_id: str, secret: str) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims
    except (JoseError, ValueError):
        return False
    age = datetime.now(UTC).timestamp() - claims.get("iat", 0)
    return scheme == "Bearer" and claims.get("iss") == service_id and abs(age) <= TOKEN_AGE_S


def _refused(status: int, error: str, message: str) -> web.Response:
    body = {"status_code": status, "errors": [{"error": error, "message": message}]}
    return web.json_response(body, status=status)
