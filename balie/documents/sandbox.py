"""Runs sniff and preview as children behind walls, with limits on time and output, and believes nothing unchecked."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from balie.documents import preview, sniff
from balie.documents.rules import FIRST_PAGES, DocumentKind, Refusal

WALL_S = 30.0
MOST_OUTPUT = 128 * 1024 * 1024
_ROOT = Path(__file__).resolve().parents[2]
_BOOT = "import sys; sys.path.append(sys.argv[1]); from balie.documents.{0} import main; main()"
_PROBE = (
    "import sys; sys.path.append(sys.argv[1]); from balie.documents import walls;"
    "print(*walls.raise_outer(), *walls.raise_inner())"
)
log = structlog.get_logger()


class Unreadable(Exception):
    """The child was stopped at a limit, or its answer makes no sense; `why` is the refusal that follows."""

    def __init__(self, why: Refusal = Refusal.UNREADABLE) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class Looked:
    """What a file really is."""

    kind: DocumentKind
    pages: int


@dataclass(frozen=True)
class Picture:
    """A page that the child drew."""

    number: int
    width: int
    height: int
    webp: bytes
    text: str


@dataclass
class Drawn:
    """Everything the child made of a file: pages, and of an image the clean copy."""

    pages: list[Picture] = field(default_factory=list)
    kept: bytes | None = None


class Sandbox:
    """At most two children at once, so that a pile of files leaves room for conversations."""

    def __init__(self, wall_s: float = WALL_S, at_once: int = 2) -> None:
        self._wall_s = wall_s
        self._room = asyncio.Semaphore(at_once)

    async def look(self, file: bytes) -> Looked:
        """Parse the whole file; raises Unreadable with the reason."""
        answer = await self._run(_BOOT.format("sniff"), struct.pack(">I", len(file)) + file)
        if len(answer) != sniff.ANSWER.size:
            raise Unreadable
        kind, refusal, pages = sniff.ANSWER.unpack(answer)
        if refusal:
            raise Unreadable(_refusal(refusal))
        if not 1 <= kind < len(sniff.KINDS) or not 1 <= pages <= sniff.MOST_PAGES:
            raise Unreadable
        return Looked(DocumentKind(sniff.KINDS[kind]), pages)

    async def draw(self, file: bytes, kind: DocumentKind, first: int = 1, last: int = FIRST_PAGES) -> Drawn:
        """Pages `first` to `last` as WebP, with text; of an image also the clean copy."""
        head = preview.QUESTION.pack(sniff.KINDS.index(kind.value), first, last, len(file))
        drawn = _read_records(await self._run(_BOOT.format("preview"), head + file), first, last)
        if not drawn.pages or (kind is not DocumentKind.PDF and drawn.kept is None):
            raise Unreadable
        return drawn

    async def walls(self) -> list[str]:
        """The walls that stand on this machine, for the log at start."""
        try:
            return (await self._run(_PROBE, b"")).decode("ascii").split()
        except (Unreadable, UnicodeDecodeError):
            return []

    async def _run(self, program: str, question: bytes) -> bytes:
        async with self._room:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-B",
                "-c",
                program,
                str(_ROOT),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                close_fds=True,
                start_new_session=True,
            )
            try:
                answer = await asyncio.wait_for(_talk(child, question), self._wall_s)
                if await asyncio.wait_for(child.wait(), self._wall_s) != 0:
                    raise Unreadable
                return answer
            except (TimeoutError, ConnectionError) as error:
                raise Unreadable from error
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()


def _environment() -> dict[str, str]:
    """Nothing of ours: settings and secrets stay out of the child."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ} | {"LC_ALL": "C.UTF-8"}


async def _talk(child: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert child.stdin is not None and child.stdout is not None
    asking = asyncio.ensure_future(_ask(child.stdin, question))
    try:
        answer = bytearray()
        while block := await child.stdout.read(262_144):
            answer += block
            if len(answer) > MOST_OUTPUT:
                raise Unreadable
        return bytes(answer)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _ask(pipe: asyncio.StreamWriter, question: bytes) -> None:
    pipe.write(question)
    await pipe.drain()
    pipe.close()


def _refusal(number: int) -> Refusal:
    word = sniff.REFUSALS[number] if number < len(sniff.REFUSALS) else "unreadable"
    return Refusal(word)


def _records(answer: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    place = 0
    while place + preview.RECORD.size <= len(answer):
        what, page, width, height, length = preview.RECORD.unpack_from(answer, place)
        place += preview.RECORD.size
        if place + length > len(answer):
            raise Unreadable
        yield what, page, width, height, answer[place : place + length]
        place += length
    if place != len(answer):
        raise Unreadable


def _read_records(answer: bytes, first: int, last: int) -> Drawn:
    drawn, has_ended = Drawn(), False
    open_page: tuple[int, int, int, bytes] | None = None
    for what, page, width, height, payload in _records(answer):
        if what == preview.PAGE:
            _check_page(page, width, height, payload, first + len(drawn.pages), last)
            open_page = (page, width, height, payload)
        elif what == preview.TEXT and open_page is not None:
            drawn.pages.append(Picture(*open_page, text=payload.decode("utf-8", "replace").replace("\0", "")))
            open_page = None
        elif what == preview.KEPT:
            drawn.kept = payload
        has_ended = what == preview.END
    if not has_ended:
        raise Unreadable
    return drawn


def _check_page(page: int, width: int, height: int, payload: bytes, expected: int, last: int) -> None:
    is_size_right = 0 < width <= preview.MOST_SIDE and 0 < height <= preview.MOST_SIDE
    is_webp = payload[:4] == b"RIFF" and payload[8:12] == b"WEBP"
    if page != expected or page > last or not is_size_right or not is_webp:
        raise Unreadable
