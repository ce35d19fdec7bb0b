"""Where the encrypted bytes lie: a durable folder store (write, fsync, rename, fsync of the folder).

An object is there whole or not at all: what a killed process leaves has the suffix `.part` and is nobody's.
Names are random and made by us; nothing a person typed ever becomes a path.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from balie.documents.sealing import Sealer, open_stream, seal_whole

_NAME = re.compile(r"[0-9a-f]{32}(/[a-z]{4,10}(-[0-9]{1,4})?)?")
_BLOCK = 262_144


class Missing(Exception):
    """No such object in the vault."""


def new_object_name() -> str:
    return os.urandom(16).hex()


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_share(folder: Path) -> float:
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


class Vault:
    """A folder (0700) of sealed objects (0600)."""

    def __init__(self, folder: Path, free_share: Callable[[Path], float] = _free_share) -> None:
        self.folder = folder
        self._free_share = free_share
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)

    def has_room(self) -> bool:
        """At least a tenth of the disk is free."""
        return self._free_share(self.folder) >= 0.10

    def path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("not a name of ours")
        return self.folder / name[:2] / name

    def writer(self, name: str, sealer: Sealer) -> "Writer":
        return Writer(self.path(name), sealer)

    async def put(self, name: str, key: bytes, place: bytes, plain: bytes) -> None:
        """Stored when this returns, also through a power cut."""
        sealed = await asyncio.to_thread(seal_whole, key, place, plain)
        await asyncio.to_thread(_store, self.path(name), sealed)

    async def blocks(self, name: str) -> AsyncIterator[bytes]:
        """The sealed bytes as they lie there."""
        try:
            file = await asyncio.to_thread(open, self.path(name), "rb")
        except FileNotFoundError as gone:
            raise Missing(name) from gone
        with file:
            while block := await asyncio.to_thread(file.read, _BLOCK):
                yield block

    def plain(self, name: str, key: bytes, place: bytes) -> AsyncIterator[bytes]:
        """Verified chunks, from the first on."""
        return open_stream(key, place, self.blocks(name))

    async def read(self, name: str, key: bytes, place: bytes) -> bytes:
        return b"".join([chunk async for chunk in self.plain(name, key, place)])

    async def remove(self, name: str) -> None:
        """An object, or all parts under a name; also what a killed writer left. Gone already is fine."""
        await asyncio.to_thread(_remove, self.path(name))

    async def names(self) -> set[str]:
        """Every first-level name that has bytes here, unfinished ones included."""
        found = await asyncio.to_thread(lambda: [p.name.removesuffix(".part") for p in self.folder.glob("??/*")])
        return set(found)


def _store(path: Path, sealed: bytes) -> None:
    file = _begin(path)
    try:
        _write_all(file, sealed)
        _finish(file, path)
    except BaseException:
        file.close()
        _part(path).unlink(missing_ok=True)
        raise


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _begin(path: Path) -> BinaryIO:
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in path.parents[1:3]:
            _fsync_folder(folder)
    handle = os.open(_part(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "wb", buffering=0)


def _finish(file: BinaryIO, path: Path) -> None:
    os.fsync(file.fileno())
    file.close()
    _part(path).rename(path)
    _fsync_folder(path.parent)


def _remove(path: Path) -> None:
    _part(path).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.is_dir():
        _fsync_folder(path.parent)


class Writer:
    """Takes plain bytes as they come and seals them on the way; leaves nothing behind unless keep() ran."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        self._path = path
        self._sealer = sealer
        self._file: BinaryIO | None = None
        self._waiting = bytearray()
        self._kept = False

    async def __aenter__(self) -> Self:
        try:
            await _whole(self._open)
        except asyncio.CancelledError:
            self._drop()
            raise
        return self

    def _open(self) -> None:
        self._file = _begin(self._path)

    def _drop(self) -> None:
        if self._file is not None:
            self._file.close()
            _part(self._path).unlink(missing_ok=True)

    async def write(self, plain: bytes) -> None:
        self._waiting += self._sealer.feed(plain)
        if len(self._waiting) >= _BLOCK:
            await self._flush()

    async def keep(self) -> None:
        """The object stands under its name when this returns; Missing when somebody removed it meanwhile."""
        self._waiting += self._sealer.close()
        await self._flush()
        assert self._file is not None
        try:
            await _whole(_finish, self._file, self._path)
        except FileNotFoundError as gone:
            raise Missing(self._path.name) from gone
        self._kept = True

    async def _flush(self) -> None:
        assert self._file is not None
        block, self._waiting = bytes(self._waiting), bytearray()
        await _whole(_write_all, self._file, block)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self._drop()


async def _whole(act: Callable[..., None], *arguments: object) -> None:
    """Run it in a thread to its end, also when whoever waits is cancelled: nobody else touches the file meanwhile."""
    running = asyncio.ensure_future(asyncio.to_thread(act, *arguments))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


def _write_all(file: BinaryIO, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[file.write(view) or 0 :]
