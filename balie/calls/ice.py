"""Which ICE servers a page gets: TURN credentials that expire, made with a secret that coturn shares."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

from balie.settings import Settings


def servers(settings: Settings, now: datetime, ttl_s: int) -> dict[str, Any]:
    """Servers, policy and when to ask again; without TURN an empty list, never somebody else's server."""
    urls = [url.strip() for url in settings.turn_urls.split(",") if url.strip()]
    expires = int(now.timestamp()) + ttl_s
    found: list[dict[str, Any]] = []
    stun = [url for url in urls if url.startswith(("stun:", "stuns:"))]
    turn = [url for url in urls if url.startswith(("turn:", "turns:"))]
    if stun:
        found.append({"urls": stun})
    if turn:
        username, password = credentials(settings.turn_secrets, expires)
        found.append({"urls": turn, "username": username, "credential": password})
    return {
        "servers": found,
        "policy": "relay" if settings.relay_only and turn else "all",
        "expires_at": datetime.fromtimestamp(expires, UTC).isoformat(),
    }


def credentials(shared: str, expires: int) -> tuple[str, str]:
    """User name and password of one page; the first secret signs, coturn accepts all."""
    secret = shared.split(",")[0].strip()
    username = f"{expires}:{secrets.token_hex(8)}"
    # coturn's REST credentials are HMAC-SHA1 by definition.
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()
