"""The README lists every setting as the code has it: name, default and meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from balie.settings import Settings
from tests.house.settings_table import table

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_readme_lists_every_setting() -> None:
    assert table() in README.read_text(), "paste what `python -m tests.house.settings_table` prints"


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"origin": "http://balie.example.nl"}, "BALIE_ORIGIN"),
        ({"demo": False, "origin": "https://balie.example.nl"}, "BALIE_CITIZEN_ISSUER"),
        (
            {"demo": False, "origin": "https://x.nl", "citizen_issuer": "https://c", "staff_issuer": "https://s"},
            "BALIE_KEYS_DIR",
        ),
    ],
)
def test_a_start_that_would_be_unsafe_names_the_setting(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Settings(**{"demo": True, **given})  # type: ignore[arg-type]


def test_settings_hide_themselves() -> None:
    assert repr(Settings(demo=True)) == "Settings(…)"
