"""Fatima without scripts: books, opens her link and gives a paper by plain forms; a dead server is a dead server."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.booking.browser import Browser, Page
from tests.launch import Server

NAME = "Fatima de Vries"


class NoAnswer(Exception):
    """The connection ended before the answer came."""


class Visitor(Browser):
    """A browser that notices when the server dies under its request."""

    async def _page(self, response: aiohttp.ClientResponse) -> Page:
        try:
            return await super()._page(response)
        except aiohttp.ClientError as gone:
            raise NoAnswer from gone

    async def post(self, path: str, fields: dict[str, str]) -> Page:
        try:
            return await super().post(path, fields)
        except aiohttp.ClientError as gone:
            raise NoAnswer from gone

    async def to_check(self, slug: str, number: int = 0, **needs: str) -> Page:
        """The last page before booking, with the first free moment."""
        times = await self.get(f"/afspraak/maken/{slug}")
        _, first = times.buttons("starts_at")[0]
        details = await self.send(times, "/tijd", starts_at=first)
        return await self.send(details, "/bewaren", name=NAME, mobile=f"06 1234{number:04}", **needs)

    async def book(self, slug: str, number: int = 0, **needs: str) -> str:
        """An appointment; its link."""
        done = await self.send(await self.to_check(slug, number, **needs), "/bevestigen")
        assert done.status == 200, done.text
        found = re.search(r"/a/[A-Za-z0-9_-]{43}", done.text)
        assert found is not None
        return found[0]

    async def to_conversation(self, link: str) -> Page:
        """*Ga verder*."""
        return await self.send(await self.get(link), "/verder")

    async def wait(self, link: str) -> Page:
        """Check in, and be in the waiting room."""
        return await self.send(await self.to_conversation(link), "/gesprek/aanmelden")

    async def give(self, fields: dict[str, str], file: bytes) -> tuple[int, str]:
        """Send a file with the fields of its form; status and text."""
        body = aiohttp.FormData(quote_fields=False)
        for name in ("csrf", "request", "offer"):
            body.add_field(name, fields[name])
        body.add_field("file", io.BytesIO(file), filename="huurcontract.pdf", content_type="application/pdf")
        try:
            async with self.client.post(
                f"{self.origin}/gesprek/documenten", data=body, headers={"Accept": "application/json"}
            ) as response:
                return response.status, await response.text()
        except aiohttp.ClientError as gone:
            raise NoAnswer from gone


@asynccontextmanager
async def a_visitor(server: Server) -> AsyncIterator[Visitor]:
    """A fresh browser without scripts."""
    visitor = Visitor(server.origin)
    try:
        yield visitor
    finally:
        await visitor.close()
