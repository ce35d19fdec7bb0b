"""Starts the real demo server with a clock that the test moves over a Unix socket; no route does.

As a program: `python -m tests.launch SOCKET [--https]`; each line on the socket is a number of
seconds by which the clock goes on, and is answered with `ok`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 60.0


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One demo server in a process of its own, over its own data folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    module: str = "tests.launch"

    @property
    def origin(self) -> str:
        """Where browsers find it."""
        return f"http://localhost:{self.port}"

    @property
    def log_file(self) -> Path:
        """Everything it printed."""
        return self.folder / "server.log"

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def env(self) -> dict[str, str]:
        """The environment of its process."""
        return {
            **os.environ,
            "BALIE_PORT": str(self.port),
            "BALIE_DATA_DIR": str(self.folder / "data"),
            "BALIE_KEYS_DIR": str(self.folder / "keys"),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(self.socket)], cwd=ROOT, env=self.env(), stdout=log, stderr=log
            )
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait for /healthz; raises with the log when the process ended."""
        assert self.process is not None
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log_file.read_text()[-3000:]}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2).close()
                return
            time.sleep(0.05)
        raise RuntimeError("the server did not come up")

    @property
    def socket(self) -> Path:
        """The Unix socket that moves the clock."""
        return self.folder / "clock"

    def move_clock(self, **by: float) -> None:
        """Let the server's clock go on by a timedelta; a restart keeps what was added."""
        if not self.is_running:
            self._move_kept(timedelta(**by))
            return
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket))
            connection.sendall(f"{timedelta(**by).total_seconds()}\n".encode())
            assert connection.recv(10) == b"ok\n"

    def _move_kept(self, by: timedelta) -> None:
        kept = kept_beside(self.socket)
        kept.write_text(str(ahead_of(kept) + by.total_seconds()))

    def kill(self) -> None:
        """`kill -9`: nothing is told to anybody."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def running(**environment: str) -> Iterator[Server]:
    """A demo server over a fresh folder, stopped at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="balie-test-") as folder:
        server = Server(Path(folder), environment=environment)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def kept_beside(path: Path) -> Path:
    """Where it stands by how many seconds the clock goes ahead."""
    return path.with_suffix(".ahead")


def ahead_of(kept: Path) -> float:
    """By how many seconds the clock goes ahead."""
    return float(kept.read_text()) if kept.exists() else 0.0


class MovableClock:
    """The machine's time plus what the test added, which stands in a file so that a restart keeps it."""

    def __init__(self, path: str) -> None:
        self._kept = kept_beside(Path(path))
        self.ahead = timedelta(seconds=ahead_of(self._kept))

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def listen(self, path: str) -> asyncio.Server:
        """Take the numbers of seconds that come over the socket."""
        return await asyncio.start_unix_server(self._take, path)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self.ahead += timedelta(seconds=float(line))
            self._kept.write_text(str(self.ahead.total_seconds()))
            writer.write(b"ok\n")
            await writer.drain()
        writer.close()


async def _serve(path: str) -> None:
    from balie.__main__ import run_demo

    clock = MovableClock(path)
    server = await clock.listen(path)
    async with server:
        await run_demo(False, clock)


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    asyncio.run(_serve(sys.argv[1]))
