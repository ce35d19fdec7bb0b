"""A PostgreSQL cluster of this test run alone, on a free port of loopback, without writing safely to disk."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.machine import find


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(_as_postgres(command), check=True, cwd=folder, capture_output=True, timeout=120)


@contextmanager
def cluster() -> Iterator[int]:
    """Start one, give its port, and stop it; the folder goes with it."""
    server = find("postgres")
    assert server is not None
    programs = Path(server).parent
    folder = Path(tempfile.mkdtemp(prefix="balie-postgres-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        _run([str(programs / "initdb"), "-D", str(data), "-U", "balie", "-A", "trust", "-E", "UTF8", "-N"], folder)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120"
        start = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"]
        _run(start, folder)
        try:
            yield port
        finally:
            _run([str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
