"""The forms of booking as pydantic models; each refusal is the code of a sentence beside the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from balie.booking.rules import (
    LANGUAGES,
    Companion,
    ContactDetails,
    Interpreter,
    Needs,
    read_mail,
    read_mobile,
    read_name,
)


def _read(read: Callable[[str], str], code: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            return read(text)
        except ValueError:
            raise ValueError(code) from None

    return check


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise ValueError("choose")
    return text


_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z", re.ASCII)


def read_instant(text: str) -> datetime:
    """A start as it stands in our forms, 2026-12-04T13:30Z; ValueError for any other text."""
    if not _INSTANT.fullmatch(text):
        raise ValueError("choose")
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("choose") from None


def instant_text(instant: datetime) -> str:
    """The same the other way round."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)
_DUTCH_DATE = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4})", re.ASCII)


def read_date(text: str) -> date:
    """A date from a date field or as people type it; ValueError("not_a_date")."""
    if found := _ISO_DATE.fullmatch(text.strip()):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DUTCH_DATE.fullmatch(text.strip()):
        day, month, year = (int(part) for part in found.groups())
    else:
        raise ValueError("not_a_date")
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError("not_a_date") from None


def _number(text: object) -> object:
    # int() would take 1_000, +5 and digits of other scripts.
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
        raise ValueError("not_a_number")
    return text


def _decimal(text: object) -> object:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,3}([.,][0-9]{1,3})?", text, re.ASCII):
        raise ValueError("not_a_number")
    return text.replace(",", ".")


Name = Annotated[str, Field(max_length=200), AfterValidator(_read(read_name, "wrong"))]
Mobile = Annotated[str, Field(max_length=40), AfterValidator(_read(read_mobile, "not_a_mobile"))]
Mail = Annotated[str, Field(max_length=254), AfterValidator(_read(read_mail, "not_a_mail"))]
Instant = Annotated[datetime, BeforeValidator(read_instant)]
DateField = Annotated[date, BeforeValidator(read_date)]
Number = Annotated[int, BeforeValidator(_number)]
Decimal = Annotated[float, BeforeValidator(_decimal)]
Yes = Annotated[bool, BeforeValidator(lambda text: text == "ja")]


class Details(BaseModel):
    """Who comes, how to reach them, and what they need."""

    name: Name
    mobile: Mobile | None = None
    mail: Mail | None = None
    language: Annotated[str, AfterValidator(_language)] = "nl"
    interpreter: Interpreter = Interpreter.NONE
    companion: Yes = False
    text: Yes = False
    simplified: Yes = False
    starts_at: Instant
    slug: str = Field(max_length=60)
    desk_id: str = Field(max_length=36)
    key: str = Field(max_length=64)

    @property
    def needs(self) -> Needs:
        companion = Companion.BESIDE if self.companion else Companion.UNKNOWN
        return Needs(self.language, self.interpreter, self.text, companion, self.simplified)

    @property
    def contact(self) -> ContactDetails:
        return ContactDetails(self.mobile, self.mail)


class ChosenTime(BaseModel):
    """A time that was pressed; `after` is the expired hold whose answers go along."""

    starts_at: Instant
    desk_id: str = Field(max_length=36)
    key: str = Field(max_length=64)
    after: str | None = Field(None, max_length=36)


class NewTime(BaseModel):
    """Another time for an appointment."""

    starts_at: Instant


class Reason(BaseModel):
    """Why staff cancel."""

    reason: str = Field(max_length=200)


class OpeningRow(BaseModel):
    """A weekly opening."""

    pool_id: str
    weekday: Number
    from_local: str = Field(max_length=5)
    until_local: str = Field(max_length=5)
    seats: Number = 1
    first_date: DateField | None = None
    last_date: DateField | None = None


class SpecialRow(BaseModel):
    """Other hours on one date; without times the pool is closed."""

    pool_id: str
    local_date: DateField
    from_local: str = Field("", max_length=5)
    until_local: str = Field("", max_length=5)
    seats: Number = 1


class ClosedDayForm(BaseModel):
    """A closed day of one desk, or of all."""

    local_date: DateField
    name: str = Field(max_length=80)
    desk_id: str = ""


class ProductForm(BaseModel):
    """A product as an administrator writes it; papers are lines of code, name and short name."""

    name_nl: str = Field(max_length=80)
    name_en: str = Field("", max_length=80)
    plain_name_nl: str = Field("", max_length=60)
    plain_name_en: str = Field("", max_length=60)
    explanation_nl: str = Field("", max_length=600)
    explanation_en: str = Field("", max_length=600)
    preparation_nl: str = Field("", max_length=300)
    preparation_en: str = Field("", max_length=300)
    slug: str = Field(max_length=60)
    state: str = "draft"
    duration_minutes: Number = 20
    buffer_minutes: Number = 5
    slot_step_minutes: Number = 10
    simplified_factor: Decimal = 1.5
    lead_minutes: Number = 120
    horizon_days: Number = 60
    reschedule_until_minutes: Number = 60
    cancel_until_minutes: Number = 0
    check_in_opens_minutes: Number = 30
    identification: str = "never"
    minimum_level: str = "none"
    bookable_by: str = "citizen"
    is_discreet: Yes = False
    is_confidential: Yes = False
    is_open_on_closed_days: Yes = False
    purpose: str = Field(max_length=200)
    domain: str = Field(max_length=60)
    department: str = Field(max_length=80)
    retention_years: Number = 5
    is_retention_confirmed: Yes = False
    papers: str = Field("", max_length=4000)
    pools: str = ""
