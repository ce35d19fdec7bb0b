"""A line between browsers and the server that a test can cut: no close, no answer, nothing new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.launch import Server, free_port


@dataclass
class FarServer(Server):
    """A server that browsers reach over a line that can be cut."""

    front: int = field(default_factory=free_port)

    @property
    def origin(self) -> str:
        """Where browsers find it: at their end of the line."""
        return f"http://localhost:{self.front}"


class Line:
    """Carries bytes between browsers and the server; a cut says goodbye to nobody and lets nothing new through."""

    def __init__(self) -> None:
        self._is_cut = False
        self._carrying: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def to(self, server: FarServer) -> AsyncIterator[Line]:
        """Carry until the end of the block."""
        self._port = server.port
        async with await asyncio.start_server(self._accept, "127.0.0.1", server.front):
            yield self
            self.cut()

    def cut(self) -> None:
        """The network is gone."""
        self._is_cut = True
        for one in self._carrying:
            one.cancel()

    def mend(self) -> None:
        """The network is back."""
        self._is_cut = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        both = asyncio.gather(_carry(reader, back), _carry(there, writer))
        task = asyncio.ensure_future(_until_broken(both, writer, back))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _until_broken(carrying: asyncio.Future[Any], *ends: asyncio.StreamWriter) -> None:
    try:
        await carrying
    except (asyncio.CancelledError, ConnectionError):
        carrying.cancel()
    finally:
        for end in ends:
            end.transport.abort()
