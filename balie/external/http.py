"""The shared client for other systems: time-outs, one retry, trusted CA, bounded answers, and no address in a log."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

# The library logs every address with its query, which may hold a BSN or a code.
for _name in ("httpx2", "httpcore", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

TIMEOUT_S = 5.0
LARGEST_ANSWER = 1024 * 1024


class NoAnswer(Exception):
    """The other system did not answer, or with more than we read; holds no address."""


@dataclass(frozen=True)
class Answer:
    """What another system answered."""

    status: int
    body: bytes
    content_type: str

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is none."""
        return json.loads(self.body)


class Http:
    """One pool of connections; redirects are never followed and no proxy is taken from the environment."""

    def __init__(self, trusted_ca: Path | None = None, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        context = ssl.create_default_context()
        if trusted_ca is not None:
            context.load_verify_locations(trusted_ca)
        self._client = httpx2.AsyncClient(
            verify=context,
            transport=transport,
            timeout=httpx2.Timeout(TIMEOUT_S),
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=50, max_keepalive_connections=10, keepalive_expiry=5),
            headers={"User-Agent": "balie"},
        )

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> Answer:
        """Read an address; raises NoAnswer."""
        return await self._send("GET", url, headers, timeout_s)

    async def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Post fields as a form, or `body` as JSON; raises NoAnswer."""
        return await self._send("POST", url, headers, timeout_s, data=form, json=body)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str] | None, timeout_s: float, **content: Any
    ) -> Answer:
        for attempt in (1, 2):
            try:
                return await self._read(method, url, headers, timeout_s, **content)
            except httpx2.ConnectError as error:  # nothing reached the other side, so once more is safe
                if attempt == 2:
                    raise NoAnswer(type(error).__name__) from None
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise NoAnswer(type(error).__name__) from None
        raise AssertionError("unreachable")

    async def _read(
        self, method: str, url: str, headers: Mapping[str, str] | None, timeout_s: float, **content: Any
    ) -> Answer:
        sent = {name: value for name, value in content.items() if value is not None}
        async with self._client.stream(method, url, headers=dict(headers or {}), timeout=timeout_s, **sent) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER:
                    raise NoAnswer("TooLarge")
            return Answer(response.status_code, bytes(body), response.headers.get("Content-Type", ""))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
