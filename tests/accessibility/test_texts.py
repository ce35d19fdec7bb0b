"""Section 8: short sentences, few words, no official ones; on the Dutch text that a browser really shows."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.accessibility.html import Read, read
from tests.accessibility.looking import Seen
from tests.accessibility.register import FLOW, is_for_citizens, screens

LONGEST = {"simplified": 10, "normal": 15}
LONGEST_SMS = 12
MOST_WORDS = 40
FORBIDDEN = [
    *("dient", "teneinde", "alsmede", "middels", "conform", "betreffende", "participant", "videoconsult", "helaas"),
    "u wordt verzocht",
]
FORBIDDEN_SIMPLIFIED = [
    *("browser", "machtiging", "deelnemer", "wachtruimte", "identificeren", "videobellen", "beeldbellen"),
    "verbinding maken",
]
# S9 repeats what staff wrote, however long that is; the gate counts our own words.
WORDS_OF_STAFF = {"U woont vanaf 1 december op uw nieuwe adres.", "U krijgt een brief van ons."}
_WORD = re.compile(r"[\w][\w'’.@:/+-]*", re.UNICODE)
_END = re.compile(r"(?<=[.!?:])\s+")


def sentences(lines: Iterable[str]) -> list[str]:
    """The sentences of some lines; a line always ends one."""
    return [part for line in lines for part in _END.split(line) if part.strip()]


def words(text: str) -> list[str]:
    """The words of a text; a telephone number counts as one."""
    return _WORD.findall(re.sub(r"(?<=\d)[ -](?=\d)", "", text))


def too_long(lines: Iterable[str], longest: int) -> list[str]:
    """The sentences with more words than that."""
    return [sentence for sentence in sentences(lines) if len(words(sentence)) > longest]


def forbidden(lines: Iterable[str], view: str) -> list[str]:
    """The official words in these lines."""
    text = " ".join(lines).lower()
    banned = [*FORBIDDEN, *(FORBIDDEN_SIMPLIFIED if view == "simplified" else ())]
    return [word for word in banned if re.search(rf"\b{word}\b", text)]


def own_lines(seen: Seen) -> list[str]:
    """What we wrote ourselves on this screen."""
    return [line for line in seen.lines if line not in WORDS_OF_STAFF]


def test_no_sentence_is_too_long(seen: list[Seen]) -> None:
    faults = [
        f"{one.entry}: {sentence}"
        for one in seen
        if is_for_citizens(one.entry)
        for sentence in too_long(own_lines(one), LONGEST[one.entry.view])
    ]
    assert faults == []


def test_a_simplified_screen_has_at_most_forty_words(seen: list[Seen]) -> None:
    faults = [
        f"{one.entry}: {count}"
        for one in seen
        if one.entry.view == "simplified" and one.entry.screen in (*FLOW, "problem")
        if (count := len(words(" ".join(own_lines(one))))) > MOST_WORDS
    ]
    assert faults == []


def test_no_official_word_stands_on_any_screen(seen: list[Seen]) -> None:
    faults = [f"{one.entry}: {word}" for one in seen for word in forbidden(own_lines(one), one.entry.view)]
    assert faults == []


def lines_of_message(page: Read) -> list[str]:
    """The lines of a mail or SMS, which the tester's page shows as it is sent."""
    lines = [line for text in page.texts for line in text.lines]
    if not screens()[page.entry.screen].template.endswith(".html"):
        return lines
    letter = next(text for text in page.texts if text.text.startswith("<!doctype"))
    return [line for text in read(page.entry, "\n".join(letter.lines)).texts for line in text.lines]


def test_messages_have_short_sentences(dutch: list[Read]) -> None:
    faults = []
    for page in dutch:
        if page.entry.audience == "mail":
            is_sms = screens()[page.entry.screen].template.endswith(".sms.txt")
            limit = LONGEST_SMS if is_sms else LONGEST["normal"]
            faults += [f"{page.entry}: {sentence}" for sentence in too_long(lines_of_message(page), limit)]
    assert faults == []


@pytest.mark.parametrize("view", LONGEST)
def test_a_planted_long_sentence_is_found(view: str) -> None:
    planted = " ".join(["woord"] * (LONGEST[view] + 1)) + "."
    assert too_long(["Kort.", planted], LONGEST[view]) == [planted]


def test_a_planted_official_word_is_found() -> None:
    assert forbidden(["U dient uw browser te sluiten."], "simplified") == ["dient", "browser"]
    assert forbidden(["Sluit uw browser."], "normal") == []
