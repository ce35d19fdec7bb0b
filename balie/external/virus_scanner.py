"""Asks ClamAV (clamd, INSTREAM) whether a stream is clean; everything that is not exactly OK or FOUND is no verdict."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

CONNECT_S = 10.0
ALL_S = 60.0
_MOST_ANSWER = 4096


class Verdict(StrEnum):
    """What the scanner said."""

    CLEAN = "clean"
    MALWARE = "malware"
    NONE = "none"


@dataclass(frozen=True)
class Scan:
    """A verdict and what gave it; the name of a virus stays inside."""

    verdict: Verdict
    engine: str = ""
    signature_version: str = ""


class VirusScanner:
    """One clamd, by `host:port` or the path of its socket; an empty address means that none is configured."""

    def __init__(self, address: str, connect_s: float = CONNECT_S, all_s: float = ALL_S) -> None:
        self._address = address
        self._connect_s = connect_s
        self._all_s = all_s

    @property
    def is_configured(self) -> bool:
        """Whether there is a scanner to ask."""
        return bool(self._address)

    async def scan(self, stream: AsyncIterator[bytes]) -> Scan:
        """The verdict on the whole stream; never raises for what clamd or the network does."""
        try:
            async with asyncio.timeout(self._all_s):
                engine, signatures = await self._version()
                answer = await self._ask(b"zINSTREAM\0", stream)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            return Scan(Verdict.NONE)
        return Scan(_verdict(answer), engine, signatures)

    async def _version(self) -> tuple[str, str]:
        """`ClamAV 1.0.3/27105/Mon …`: engine and number of the signatures."""
        words = (await self._ask(b"zVERSION\0", None)).decode("ascii", "replace").split("/")
        return words[0][:40], words[1][:20] if len(words) > 1 else ""

    async def _ask(self, command: bytes, stream: AsyncIterator[bytes] | None) -> bytes:
        async with asyncio.timeout(self._connect_s):
            reader, writer = await self._connect()
        try:
            writer.write(command)
            if stream is not None:
                await _send(writer, stream)
            await writer.drain()
            answer = await reader.read(_MOST_ANSWER)
            return answer.rstrip(b"\0\n")
        finally:
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if "/" in self._address:
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host or "127.0.0.1", int(port))


async def _send(writer: asyncio.StreamWriter, stream: AsyncIterator[bytes]) -> None:
    async for chunk in stream:
        if chunk:
            writer.write(struct.pack(">I", len(chunk)) + chunk)
            await writer.drain()
    writer.write(struct.pack(">I", 0))


def _verdict(answer: bytes) -> Verdict:
    if answer == b"stream: OK":
        return Verdict.CLEAN
    if answer.startswith(b"stream: ") and answer.endswith(b" FOUND"):
        return Verdict.MALWARE
    return Verdict.NONE
