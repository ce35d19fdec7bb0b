"""Gate 17: every page says its language, and an English page holds no Dutch that is not marked as Dutch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from balie.settings import Settings
from balie.web.translations import FOLDER, LANGUAGES
from tests.accessibility.html import Read, read
from tests.accessibility.register import Entry, entries, screens

ROOT = Path(__file__).resolve().parent.parent.parent
MUNICIPALITY = Settings(demo=True).municipality
KEYWORDS = {
    "_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
    "N_": None,
}  # fmt: skip
# Words that stand in nearly every Dutch sentence and in no English one.
DUTCH = re.compile(
    r"\b(?:de|het|een|uw|u|wij|niet|geen|van|voor|naar|met|bij|kunt|heeft|bent|wordt|zijn|afspraak|gesprek|kies|"
    r"medewerker|inwoner|gemeente|telefoon|beeld|geluid|terug|verder|vandaag|uur|nog|toch|deze|dit|dat|ook|mag|"
    r"papieren|papier|open dan|wachten|klaar|loket|balie)\b",
    re.IGNORECASE,
)
# Addresses of a page or a mailbox are in no language.
ADDRESS = re.compile(r"\S+@\S+|https?://\S+")


def texts_in_source() -> Catalog:
    """Every text that code and templates give to be translated."""
    catalogue = Catalog()
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    for name, line, text, comments, context in extract_from_dir(
        ROOT, methods, options, KEYWORDS, directory_filter=lambda path: Path(path).name in WALKED or "/" in path
    ):
        catalogue.add(text, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


WALKED = ("templates", "balie")


def untranslated(source: Catalog, translated: Catalog) -> list[str]:
    """The texts that a catalogue lacks, has empty, or has only as somebody's guess."""
    return [
        f"{message.context or ''}|{message.id}"
        for message in source
        if message.id and not _is_done(message, translated)
    ]


def _is_done(message: Message, translated: Catalog) -> bool:
    text = message.id[0] if isinstance(message.id, tuple) else message.id
    found = translated.get(text, message.context)
    if found is None or found.fuzzy or not found.string:
        return False
    return all(found.string) if isinstance(found.string, (tuple, list)) else True


@cache
def values_of(screen: str, state: str) -> tuple[str, ...]:
    """The sample values of an entry: names, products and what people wrote. They are no texts of ours."""
    found = {value.strip() for value in _strings(screens()[screen].states[state])} - {""}
    return tuple(sorted(found, key=len, reverse=True))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, Mapping):
        yield from (text for each in value.items() for text in _strings(each))
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from (text for each in value for text in _strings(each))
    elif is_dataclass(value):
        yield from (text for each in fields(value) for text in _strings(getattr(value, each.name)))


def own_words(page: Read, text: str) -> str:
    """A text without the sample values and addresses in it."""
    for value in values_of(page.entry.screen, page.entry.state):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", text)
    return ADDRESS.sub("", text.replace(MUNICIPALITY, ""))


def dutch_in(page: Read) -> list[str]:
    """The pieces of an English page that a screen reader would say in English and that are Dutch."""
    return [text.text for text in page.texts if text.language == "en" and DUTCH.search(own_words(page, text.text))]


@pytest.fixture(scope="module")
def source() -> Catalog:
    """The texts of today."""
    return texts_in_source()


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "nl"])
def test_every_text_is_translated(code: str, source: Catalog) -> None:
    assert len(source) > 500
    with (FOLDER / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        assert untranslated(source, read_po(file, locale=code)) == []


def test_a_text_without_its_translation_is_found(source: Catalog) -> None:
    copy = BytesIO()
    with (FOLDER / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        translated = read_po(file, locale="en")
    translated["Ga verder"].string = ""
    write_po(copy, translated)
    copy.seek(0)
    assert "|Ga verder" in untranslated(source, read_po(copy, locale="en"))


def test_every_page_says_its_language_and_direction(dutch: list[Read], english: list[Read]) -> None:
    said = {(read.language, read.direction, read.content_language) for read in dutch}
    assert said == {("nl", "ltr", "nl")}
    assert {(read.language, read.direction, read.content_language) for read in english} == {("en", "ltr", "en")}


def test_no_dutch_stands_on_an_english_page(english: list[Read]) -> None:
    assert [f"{page.entry}: {text}" for page in english for text in dutch_in(page)] == []


def test_planted_dutch_is_found_and_marked_dutch_is_not() -> None:
    page = '<html lang="en"><p>Uw gesprek</p><p lang="nl">Uw naam</p><template><b aria-label="Stop het gesprek"></b>'
    entry: Entry = entries()[0]
    assert dutch_in(read(entry, page)) == ["Uw gesprek", "Stop het gesprek"]


def test_a_page_without_its_language_is_found() -> None:
    assert read(entries()[0], "<html><p>Hallo</p>").language == ""
