"""Names of classes and functions use the glossary: words that say nothing, or that mean something else here, fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BALIE = Path(__file__).parent.parent.parent / "balie"
# The last table of the glossary, and the bold words of its tables: words for things that have another name here.
EMPTY = {
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "handler",
    "processor",
    "data",
    "info",
    "item",
    "items",
    "misc",
}
VERBS = {"process", "do", "perform"}  # as the first word only
OTHER_WORDS = {
    "employee", "superuser", "dpo", "assignee", "timeslot", "meeting", "lobby", "requeue", "conference", "precall",
    "popup", "modal", "spy", "logon", "loa", "ssn", "coc", "purge", "involved", "todo", "dossier", "supervisor",
}  # fmt: skip
# Where a word has to stay, with the reason.
ALLOWED = {
    "data_subject_of": "the glossary names data_subject",
    "without_personal_data": "personal data is what the law calls it",
    "process_bind_param": "SQLAlchemy's name",
    "process_result_value": "SQLAlchemy's name",
    "handle_DATA": "the name under which aiosmtpd calls it",
}


def names() -> Iterator[tuple[str, str]]:
    for path in sorted(BALIE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(BALIE.parent)}:{node.lineno}", node.name


def words_of(name: str) -> list[str]:
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
    return [part for part in parts if part]


def faults(name: str) -> set[str]:
    words = words_of(name)
    return set(words) & (EMPTY | OTHER_WORDS) | ({words[0]} & VERBS if words else set())


def test_names_use_the_words_of_the_glossary() -> None:
    found = [(place, name) for place, name in names() if name not in ALLOWED and faults(name)]
    assert found == []


def test_the_check_sees_a_wrong_name() -> None:
    assert faults("VisitManager") and faults("process_visit") and faults("get_user_data") and faults("to_lobby")
    assert not faults("admit_next") and not faults("log_processing")
