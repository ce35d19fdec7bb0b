"""How often one address, link or account may try something: token buckets in memory."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable
from time import monotonic

from aiohttp import web

from balie.errors import TooFast
from balie.web.keys import SETTINGS

_MOST_BUCKETS = 100_000


class Limits:
    """Buckets by name and key; a bucket of `amount` fills again evenly within `per_s` seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        self._key = secrets.token_bytes(32)

    def take(self, name: str, key: str, amount: int, per_s: float) -> None:
        """Take one; raises TooFast with the seconds until the next."""
        now = self._clock()
        digest = hmac.new(self._key, key.encode(), hashlib.sha256).hexdigest()[:16]
        left, since = self._buckets.get((name, digest), (float(amount), now))
        left = min(float(amount), left + (now - since) * amount / per_s)
        if left < 1:
            raise TooFast(retry_after_s=max(1, round((1 - left) * per_s / amount)))
        if len(self._buckets) >= _MOST_BUCKETS:
            self._buckets.clear()
        self._buckets[(name, digest)] = (left - 1, now)


LIMITS = web.AppKey("limits", Limits)


def address_of(request: web.Request) -> str:
    """The address a request came from; forwarded addresses count from our own proxies only."""
    remote = request.remote or "0.0.0.0"
    proxies = [p.strip() for p in request.app[SETTINGS].trusted_proxies.split(",") if p.strip()]
    hops = [h.strip() for h in request.headers.get("X-Forwarded-For", "").split(",") if h.strip()]
    while remote in proxies and hops:
        remote = hops.pop()
    return remote


def network_of(request: web.Request) -> str:
    """The network (/24, /64) a request came from."""
    try:
        address = ipaddress.ip_address(address_of(request))
    except ValueError:
        return "unknown"
    prefix = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))


def take(request: web.Request, name: str, key: str, amount: int, per_s: float) -> None:
    """Take one of this application's limits; raises TooFast."""
    request.app[LIMITS].take(name, key, amount, per_s)
