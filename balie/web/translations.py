"""Catalogues of texts, choice of language, and how dates and times are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

DEFAULT = "nl"
FOLDER = Path(__file__).resolve().parent.parent / "locale"


@dataclass(frozen=True)
class Language:
    """A language that visitors can choose; `own_name` is its name in itself, `name` the Dutch one."""

    code: str
    own_name: str
    name: str
    locale: str
    clock: str  # how a time is written, with {} for HH:mm
    moment: str  # how a day and a time are joined
    direction: str = "ltr"


# In the order of the switch: by own name. Dutch is the text in the source, so it has no catalogue.
LANGUAGES = {
    "en": Language("en", "English", "Engels", "en_GB", "{}", "{} at {}"),
    "nl": Language("nl", "Nederlands", "Nederlands", "nl_NL", "{} uur", "{} om {}"),
}


def known(code: str | None) -> str | None:
    """The code when we have that language, else None."""
    return code if code in LANGUAGES else None


@cache
def catalogue(code: str) -> NullTranslations:
    """The texts of a language; compiled in memory, without what nobody has read (`fuzzy`)."""
    source = FOLDER / code / "LC_MESSAGES" / "messages.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as file:
        texts = read_po(file, locale=code)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    return Translations(compiled)


@dataclass(frozen=True)
class Days:
    """Writes dates and times in one language and in the municipality's time zone."""

    language: Language
    zone: ZoneInfo

    def date_long(self, value: date | datetime) -> str:
        """vrijdag 4 december"""
        return format_date(self._day(value), "EEEE d MMMM", locale=self._locale)

    def date_short(self, value: date | datetime) -> str:
        """4 dec"""
        return format_date(self._day(value), "d MMM", locale=self._locale).removesuffix(".")

    def date_full(self, value: date | datetime) -> str:
        """4 december 2026"""
        return format_date(self._day(value), "d MMMM y", locale=self._locale)

    def time_bare(self, value: datetime | time) -> str:
        """14:30"""
        return format_time(self._clock(value), "HH:mm", locale=self._locale)

    def time_short(self, value: datetime | time) -> str:
        """14:30 uur"""
        return self.language.clock.format(self.time_bare(value))

    def datetime_long(self, value: datetime) -> str:
        """vrijdag 4 december om 14:30 uur"""
        return self.language.moment.format(self.date_long(value), self.time_short(value))

    @property
    def _locale(self) -> Locale:
        return Locale.parse(self.language.locale)

    def _day(self, value: date | datetime) -> date:
        return value.astimezone(self.zone).date() if isinstance(value, datetime) else value

    def _clock(self, value: datetime | time) -> time:
        return value.astimezone(self.zone).time() if isinstance(value, datetime) else value
