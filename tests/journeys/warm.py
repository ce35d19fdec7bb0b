"""A server that starts again within a second: a parent has imported everything, and forks a process for each start.

As a program: `python -m tests.journeys.warm SOCKET`; on standard input `start {environment as JSON}` forks a server and
is answered with its process id, `wait` is answered with how it ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.failpoint import arm_from
from tests.launch import ROOT, Server, _serve


@dataclass
class WarmServer(Server):
    """Each start is a process of its own, as fresh as a new one apart from its imports."""

    parent: subprocess.Popen[bytes] | None = None
    pid: int = 0

    @contextmanager
    def warm(self) -> Iterator[None]:
        """The parent lives, and a first server runs."""
        with self.log_file.open("ab") as log:
            command = [sys.executable, "-m", "tests.journeys.warm", str(self.socket)]
            self.parent = self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        try:
            self.start()
            yield
        finally:
            assert self.parent.stdin is not None and self.parent.stdout is not None
            self.parent.stdin.close()
            self.parent.wait(20)
            self.parent.stdout.close()

    def start(self) -> None:
        """Fork, and wait until it answers."""
        self.pid = self._ask(f"start {json.dumps(self.environment)}")
        self.wait_until_up()

    def kill(self) -> None:
        """`kill -9`."""
        os.kill(self.pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL

    def stop(self) -> None:
        """SIGTERM; it ends well."""
        os.kill(self.pid, signal.SIGTERM)
        assert self.ended() == 0

    def ended(self) -> int:
        """Wait for its end; how it ended."""
        status, self.pid = self._ask("wait"), 0
        return status

    @property
    def is_running(self) -> bool:
        """Whether a server lives, and not only the parent."""
        return self.pid != 0

    def _ask(self, command: str) -> int:
        assert self.parent is not None and self.parent.stdin is not None and self.parent.stdout is not None
        self.parent.stdin.write(f"{command}\n".encode())
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())


@contextmanager
def a_warm_server() -> Iterator[WarmServer]:
    """One that runs, over a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="balie-test-") as folder:
        server = WarmServer(Path(folder))
        with server.warm():
            yield server


def obey(path: str) -> None:
    """Fork and wait as told, until nobody tells any more."""
    import balie.__main__  # noqa: F401  what takes most of a start

    child = 0
    for line in sys.stdin:
        if line.startswith("start"):
            child = os.fork()
            if child == 0:
                serve(path, json.loads(line.removeprefix("start")))
            print(child, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            child = 0
    if child:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def serve(path: str, environment: dict[str, str]) -> None:
    """The server, in the process that was forked for it."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    random.seed()
    os.environ.update(environment)
    arm_from(environment)
    Path(path).unlink(missing_ok=True)
    asyncio.run(_serve(path))
    os._exit(0)


if __name__ == "__main__":
    obey(sys.argv[1])
