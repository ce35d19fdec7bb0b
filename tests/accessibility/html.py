"""Reads a page as the server sent it, without a browser: its language, its texts and their language, its telephone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import aiohttp

from tests.accessibility.register import Entry

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SILENT = {"script", "style"}
SAID = ("aria-label", "alt", "title", "placeholder")


@dataclass
class Text:
    """One piece of text and the language in which a screen reader would say it."""

    text: str
    language: str
    is_template: bool
    lines: tuple[str, ...] = ()


@dataclass
class Read:
    """What stands in one page."""

    entry: Entry
    status: int = 0
    language: str = ""
    direction: str = ""
    content_language: str = ""
    texts: list[Text] = field(default_factory=list)
    phones: int = 0
    actions: set[str] = field(default_factory=set)


def actions_of(tag: str, given: dict[str, str]) -> set[str]:
    """What this element lets a visitor do: where a form posts to, a tap of the module, a link."""
    found = {f"tap {given['data-act']}"} if "data-act" in given else set()
    if tag == "form":
        found.add("post " + IDS.sub("{id}", given.get("action", "")))
    if tag == "a" and "data-act" not in given:
        address = given.get("href", "")
        found.add("phone" if address.startswith("tel:") else "open " + IDS.sub("{id}", address))
    if tag == "button" and given.get("name"):
        found.add(f"choose {given['name']}={given.get('value', '')}")
    return found


class Reader(HTMLParser):
    """Follows the elements, so that each text knows the language around it."""

    def __init__(self, read: Read) -> None:
        super().__init__(convert_charrefs=True)
        self._read = read
        self._open: list[tuple[str, str]] = []
        self._bar_of: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        language = given.get("lang", self._language())
        if tag == "html":
            self._read.language, self._read.direction = given.get("lang", ""), given.get("dir", "")
        if tag == "template":
            self._bar_of = given.get("data-view") if "data-bar" in given else None
        if not self._is_template() or self._bar_of == self._read.entry.view:
            self._read.actions |= actions_of(tag, given)
        if given.get("href", "").startswith("tel:") and not self._is_template():
            self._read.phones += 1
        for name, value in given.items():
            if name in SAID or name.startswith("data-word") or name == "data-title":
                self._keep(value, language)
        if tag not in VOID:
            self._open.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1][0] not in SILENT:
            self._keep(data, self._language())

    def _keep(self, text: str, language: str) -> None:
        if text.strip():
            lines = tuple(line.strip() for line in text.splitlines() if line.strip())
            self._read.texts.append(Text(" ".join(text.split()), language, self._is_template(), lines))

    def _language(self) -> str:
        return self._open[-1][1] if self._open else ""

    def _is_template(self) -> bool:
        return any(tag == "template" for tag, _ in self._open)


def read(entry: Entry, html: str, content_language: str = "", status: int = 200) -> Read:
    """The page as it was sent."""
    found = Read(entry, status, content_language=content_language)
    Reader(found).feed(html)
    return found


async def read_all(origin: str, entries: Iterable[Entry], language: str) -> list[Read]:
    """Every entry over HTTP, without a cookie, a few at once."""
    gate = asyncio.Semaphore(8)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def one(entry: Entry) -> Read:
            async with gate, session.get(origin + entry.path(language)) as answer:
                return read(entry, await answer.text(), answer.headers.get("Content-Language", ""), answer.status)

        return list(await asyncio.gather(*(one(entry) for entry in entries)))
