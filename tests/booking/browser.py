"""A browser without scripts against a real server: it reads forms from pages and sends them as they stand."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
from aiohttp import web
from lxml import html
from yarl import URL

from balie.app import make_app
from balie.desk.timers import Started
from balie.work import Works


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Page:
    """An answer, read as HTML."""

    status: int
    path: str
    text: str
    headers: dict[str, str]

    @property
    def tree(self) -> html.HtmlElement:
        return html.fromstring(self.text)

    @property
    def h1(self) -> str:
        return " ".join(self.tree.xpath("//h1")[0].text_content().split())

    @property
    def words(self) -> str:
        return " ".join(self.tree.xpath("//main")[0].text_content().split())

    def form(self, action: str) -> tuple[str, dict[str, str]]:
        """The first form whose action ends so, with its values as a browser would send them, without a button."""
        for form in self.tree.xpath("//form"):
            if form.get("action", "").split("?")[0].endswith(action):
                return form.get("action"), {name: value for name, value in form.form_values()}
        raise AssertionError(f"no form to {action} on {self.path}")

    def buttons(self, name: str) -> list[tuple[str, str]]:
        """Buttons with this name: text and value."""
        found = self.tree.xpath(f"//button[@name='{name}']")
        return [(" ".join(b.text_content().split()), b.get("value")) for b in found]

    def links(self) -> dict[str, str]:
        return {" ".join(a.text_content().split()): a.get("href") for a in self.tree.xpath("//main//a")}


class Browser:
    """Cookies of its own; follows redirects as browsers do."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, path: str) -> Page:
        return await self._page(await self.client.get(URL(urljoin(self.origin, path), encoded=True)))

    async def post(self, path: str, fields: dict[str, str]) -> Page:
        return await self._page(await self.client.post(URL(urljoin(self.origin, path), encoded=True), data=fields))

    async def _page(self, response: aiohttp.ClientResponse) -> Page:
        text = await response.text()
        return Page(response.status, response.url.path, text, dict(response.headers))

    async def send(self, page: Page, action: str, **fields: str) -> Page:
        """Send a form of the page with these answers filled in."""
        address, values = page.form(action)
        return await self.post(address, {**values, **fields})

    def set_cookie(self, name: str, value: str) -> None:
        self.client.cookie_jar.update_cookies({name: value}, URL(self.origin))

    async def close(self) -> None:
        await self.client.close()


@asynccontextmanager
async def serve(works: Works) -> AsyncIterator[str]:
    """The whole application on loopback; gives its origin."""
    works.put(Started, Started(works.clock()))
    runner = web.AppRunner(make_app(works))
    await runner.setup()
    port = int(works.settings.public_origin.rsplit(":", 1)[1])
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield works.settings.public_origin
    finally:
        await runner.cleanup()
