"""Prints the README's table of settings from the settings themselves: `python -m tests.house.settings_table`."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from balie.settings import Settings


def shown(field: FieldInfo) -> str:
    """The default as it stands in the table."""
    default: Any = field.get_default(call_default_factory=True)  # type: ignore[call-arg]
    if isinstance(default, SecretStr) or default is None or default == "":
        return ""
    if isinstance(default, dict):
        return "see `balie/settings.py`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def table() -> str:
    """One row per setting."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    rows += [
        f"| `BALIE_{name.upper()}` | {shown(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
