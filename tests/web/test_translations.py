"""Every text in every language, and how dates and times are written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from balie.web.sentences import FIELD_SENTENCES, PROBLEMS
from balie.web.translations import FOLDER, LANGUAGES, Days, catalogue, known

ROOT = Path(__file__).resolve().parent.parent.parent
AT = datetime(2026, 12, 4, 13, 30, tzinfo=UTC)
NAMED = re.compile(r"%\((\w+)\)s")


def days(code: str) -> Days:
    """How that language writes, in Amsterdam."""
    return Days(LANGUAGES[code], ZoneInfo("Europe/Amsterdam"))


@pytest.mark.parametrize(
    ("code", "long", "clock", "moment"),
    [
        ("nl", "vrijdag 4 december", "14:30 uur", "vrijdag 4 december om 14:30 uur"),
        ("en", "Friday 4 December", "14:30", "Friday 4 December at 14:30"),
    ],
)
def test_a_day_and_a_time_are_written_in_full(code: str, long: str, clock: str, moment: str) -> None:
    write = days(code)
    assert write.date_long(AT) == long
    assert write.date_long(date(2026, 12, 4)) == long
    assert write.time_short(AT) == clock
    assert write.datetime_long(AT) == moment


def test_a_local_wall_time_is_written_as_it_is() -> None:
    assert days("nl").time_short(time(9, 5)) == "09:05 uur"
    assert days("nl").date_full(AT) == "4 december 2026"


def test_a_day_is_that_of_amsterdam() -> None:
    assert days("nl").date_long(datetime(2026, 12, 4, 23, 30, tzinfo=UTC)) == "zaterdag 5 december"


def test_an_unknown_language_is_none() -> None:
    assert (known("nl"), known("xx"), known(None)) == ("nl", None, None)


def texts() -> dict[tuple[str | None, str], object]:
    """Every text to translate in templates and code: (context, first form) and its forms."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: dict[tuple[str | None, str], object] = {}
    for _, _, message, _, context in extract_from_dir(ROOT, methods, options):
        forms = message if isinstance(message, tuple) else (message,)
        if forms[0]:
            found[(context, forms[0])] = forms
    return found


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "nl"])
def test_every_text_is_translated_with_the_same_names_in_it(code: str) -> None:
    po = read_po(BytesIO((FOLDER / code / "LC_MESSAGES" / "messages.po").read_bytes()), locale=code)
    missing, unequal = [], []
    for (context, text), forms in texts().items():
        message = po.get(text, context)
        strings = (
            message.string if message and isinstance(message.string, tuple) else (message.string if message else "",)
        )
        if message is None or message.fuzzy or not all(strings):
            missing.append(text)
        elif any(set(NAMED.findall(s)) - set(NAMED.findall(" ".join(forms))) for s in strings):  # type: ignore[arg-type]
            unequal.append(text)
    assert not missing, f"{len(missing)} texts without {code}: {missing[:10]}"
    assert not unequal


def test_a_text_that_misses_would_be_noticed() -> None:
    po = read_po(BytesIO(b'msgid "Ga verder"\nmsgstr ""\n'), locale="en")
    message = po.get("Ga verder")
    assert message is not None
    assert not message.string


def test_every_sentence_of_a_refusal_is_translated() -> None:
    english = catalogue("en")
    for problem in PROBLEMS.values():
        for text in (problem.title, problem.text, problem.easy_title, *problem.easy):
            assert english.gettext(text) != text
    for text in FIELD_SENTENCES.values():
        assert english.gettext(text) != text
