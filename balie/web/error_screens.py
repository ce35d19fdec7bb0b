"""The screens that no feature owns, for the register: refusals, help, accessibility."""

from __future__ import annotations

from balie.web.problems import ProblemPage
from balie.web.screens import Screen
from balie.web.sentences import PROBLEMS

_SEEN = ("balie_fault", "slot_taken", "link_replaced", "link_expired", "unknown_link", "not_found", "seat_taken")

SCREENS = [
    Screen(
        "problem",
        "errors/problem",
        {code: ProblemPage(code, 409) for code in (*_SEEN, *sorted(set(PROBLEMS) - set(_SEEN)))},
        "error",
        title="Er gaat iets mis",
        actions=frozenset({"again"}),
    ),
]
