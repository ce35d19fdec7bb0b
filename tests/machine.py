"""Looks for what the tests need of the machine, installs it when it may, and says what is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "chromium": ("chromium", "every test in a real browser"),
    "postgres": ("postgresql", "races and everything else on PostgreSQL"),
}


def find(program: str) -> str | None:
    """The path of a program the tests need; None when the machine has none that works."""
    if program == "postgres":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[4]))
        return str(found[-1]) if found else shutil.which("postgres")
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path and "snap" not in str(Path(path).resolve()):  # Ubuntu's stub starts no browser
            return path
    return None


def main() -> int:
    """Install what is missing by the machine's package manager; 1 when CI lacks something."""
    missing = [program for program in PROGRAMS if find(program) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [PROGRAMS[program][0] for program in missing]
        print("Installing", *packages)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], check=False, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "-qq", "-y", "install", *packages], check=False, stdout=subprocess.DEVNULL, env=environment
        )
        missing = [program for program in PROGRAMS if find(program) is None]
    for program in missing:
        package, tests = PROGRAMS[program]
        print(f"{package} is missing and could not be installed here. Left out: {tests}.")
    return 1 if missing and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
