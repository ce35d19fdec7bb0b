"""The import contracts of pyproject.toml hold, and each of them notices when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.launch import ROOT

# For each contract: a file, a line that breaks it, and the name under which it is reported.
BREACHES = [
    ("balie/work.py", "import balie.web.pages", "Imports only go down"),
    ("balie/desk/rules.py", "import balie.desk.store", "Inside a feature: wiring, views, service, store, rules"),
    ("balie/booking/rules.py", "import balie.settings", "Rules do no I/O"),
    ("balie/desk/service.py", "import sqlalchemy", "SQL lives in stores"),
    ("balie/history/service.py", "import aiohttp", "HTTP stays in views"),
    ("balie/calls/service.py", "import aiortc", "aiortc only in the echo and in the synthetic peer"),
    ("balie/calls/store.py", "import redis", "Libraries of a part that does not stand yet are used nowhere"),
    ("balie/documents/sniff.py", "import balie.settings", "Programs of their own know nothing of the server"),
    *(
        (f"balie/{other}/service.py", f"import balie.{name}.store", f"The store of {name} is its own")
        for name, other in (
            ("desk", "calls"),
            ("calls", "desk"),
            ("documents", "desk"),
            ("history", "desk"),
            ("booking", "desk"),
            ("identity", "booking"),
            ("privacy", "identity"),
        )
    ),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts over the tree in `folder`."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the contracts say of a scratch copy in which each of them is broken once."""
    folder = tmp_path_factory.mktemp("scratch")
    shutil.copytree(ROOT / "balie", folder / "balie", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, line, _ in BREACHES:
        file = folder / path
        file.write_text(file.read_text() + f"\n\ndef _breach() -> None:\n    {line}\n")
    return lint(folder).stdout


def test_every_import_contract_holds() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout[-3000:]


def test_every_contract_has_a_breach_that_is_tried() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert {name for _, _, name in BREACHES} == names


@pytest.mark.parametrize(("path", "line", "name"), BREACHES, ids=[name for _, _, name in BREACHES])
def test_a_contract_that_is_broken_says_so_and_where(report: str, path: str, line: str, name: str) -> None:
    module = path.removesuffix(".py").replace("/", ".")
    assert f"{name} BROKEN" in report
    assert f"{module} -> {line.removeprefix('import ')}" in report
