"""Style and types of the whole tree; each exception stands with its reason in pyproject.toml or beside the line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("balie", "tests", "migrations")
SILENCED = re.compile(r"#\s*(noqa|type: ignore)(?P<code>(:\s*[A-Z]+[0-9]+)|(\[[a-z-]+))?")


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", *FOLDERS),
        ("ruff", "format", "--check", *FOLDERS),
        ("mypy",),
    ],
    ids=["ruff-check", "ruff-format", "mypy"],
)
def test_the_tree_has_one_style_and_right_types(command: tuple[str, ...]) -> None:
    program = Path(sys.executable).parent / command[0]
    done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def python_files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_a_silenced_line_names_what_it_silences() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := SILENCED.search(line)) and found["code"] is None and path.name != "test_style.py"
    ]
    assert bare == []


def test_every_module_says_in_its_first_line_what_it_holds() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.read_text().strip() and not path.read_text().startswith(('"""', 'r"""'))
    ]
    assert silent == []


def test_nothing_is_left_undone_in_the_code() -> None:
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
    found = {
        (str(path.relative_to(ROOT)), match[0])
        for path in python_files()
        if path.is_relative_to(ROOT / "balie")
        for match in words.finditer(path.read_text())
    }
    assert found == set()
