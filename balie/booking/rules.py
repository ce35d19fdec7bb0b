"""Desk, pool, product and its papers, the appointment and its states; until when one may move or cancel."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from balie.actors import AssuranceLevel
from balie.errors import TooLate
from balie.ids import AppointmentId, CitizenId, DeskId, InvitationId, MessageId, PoolId, ProductId

Texts = Mapping[str, str]  # language code to text; "nl" is always there

# The languages a citizen may ask to be helped in, each by its own name; pages exist in the first two.
LANGUAGES = {
    "nl": "Nederlands",
    "en": "English",
    "ar": "العربية",
    "bg": "Български",
    "es": "Español",
    "pap": "Papiamentu",
    "pl": "Polski",
    "pt": "Português",
    "tr": "Türkçe",
    "uk": "Українська",
}
PAGE_LANGUAGES = ("nl", "en")


class AppointmentState(StrEnum):
    HELD = "held"
    BOOKED = "booked"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    KEPT = "kept"
    MISSED = "missed"


class Step(StrEnum):
    """The changes A2 to A9; A1 makes the row."""

    CONFIRM = "booked"
    EXPIRE = "expired"
    RESCHEDULE = "rescheduled"
    CANCEL = "cancelled"
    KEEP = "kept"
    MISS = "missed"
    KEEP_LATE = "kept_late"


STEPS: Mapping[Step, tuple[AppointmentState, AppointmentState]] = {
    Step.CONFIRM: (AppointmentState.HELD, AppointmentState.BOOKED),
    Step.EXPIRE: (AppointmentState.HELD, AppointmentState.EXPIRED),
    Step.RESCHEDULE: (AppointmentState.BOOKED, AppointmentState.BOOKED),
    Step.CANCEL: (AppointmentState.BOOKED, AppointmentState.CANCELLED),
    Step.KEEP: (AppointmentState.BOOKED, AppointmentState.KEPT),
    Step.MISS: (AppointmentState.BOOKED, AppointmentState.MISSED),
    Step.KEEP_LATE: (AppointmentState.MISSED, AppointmentState.KEPT),
}


class ProductState(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    RETIRED = "retired"


class Identification(StrEnum):
    NEVER = "never"
    IN_CALL = "in_call"
    BEFORE = "before"


class PoolKind(StrEnum):
    MAIN = "main"
    SKILL = "skill"


class Audience(StrEnum):
    """Who asks for a time; citizen includes staff in `bookable_by`."""

    CITIZEN = "citizen"
    STAFF = "staff"


class Interpreter(StrEnum):
    NONE = "none"
    SPOKEN = "spoken"
    SIGN = "sign"


class Companion(StrEnum):
    UNKNOWN = "unknown"
    NONE = "none"
    BESIDE = "beside"
    ELSEWHERE = "elsewhere"


class Channel(StrEnum):
    MAIL = "mail"
    SMS = "sms"


class MessageKind(StrEnum):
    BOOKED = "booked"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    CANCELLED_BY_MUNICIPALITY = "cancelled_by_municipality"
    MISSED = "missed"
    LINK_AGAIN = "link_again"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    DONE = "done"
    PARKED = "parked"
    DEAD = "dead"


@dataclass(frozen=True)
class Needs:
    """What the citizen asked for; never a reason."""

    language: str = "nl"
    interpreter: Interpreter = Interpreter.NONE
    text: bool = False
    companion: Companion = Companion.UNKNOWN
    simplified: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Needs:
        return cls(
            language=stored.get("language", "nl"),
            interpreter=Interpreter(stored.get("interpreter", "none")),
            text=bool(stored.get("text", False)),
            companion=Companion(stored.get("companion", "unknown")),
            simplified=bool(stored.get("simplified", False)),
        )


@dataclass(frozen=True)
class ContactDetails:
    """Where messages go; the mobile number is in E.164 form."""

    mobile: str | None = None
    mail: str | None = None

    @property
    def main(self) -> str | None:
        """The one by which a person is counted."""
        return self.mobile or self.mail

    def masked(self) -> list[str]:
        """What may be shown to whoever holds only a link or this browser."""
        shown = []
        if self.mobile:
            shown.append("•••• " + self.mobile[-2:])
        if self.mail:
            local, _, domain = self.mail.partition("@")
            shown.append(f"{local[0]}•••@•••.{domain.rpartition('.')[2]}")
        return shown


@dataclass(frozen=True)
class Desk:
    """Where citizens check in and queue, with its settings (booking-and-queue.md section 10)."""

    id: DeskId
    name: str
    phone_number: str
    is_walk_in_open: bool = False
    queue_prefix: str = ""
    default_team_id: str | None = None
    look_ahead_minutes: int = 2
    walk_in_promote_minutes: int = 45
    ring_s: int = 90
    max_admits: int = 3
    admit_again_minutes: int = 2
    away_s: int = 45
    away_limit_minutes: int = 10
    media_lost_s: int = 15
    owner_gone_minutes: int = 3
    citizen_gone_minutes: int = 15
    wrap_up_idle_minutes: int = 10
    max_wrap_up: int = 1
    wake_up_minutes: int = 15
    max_on_hold: int = 2
    close_grace_minutes: int = 30
    amber_minutes: int = 15
    red_minutes: int = 30
    estimate_low_factor: float = 0.8
    estimate_high_factor: float = 1.3
    has_address_check: bool = False


DESK_COLUMNS = ("id", "name", "phone_number", "is_walk_in_open", "queue_prefix", "default_team_id")
DESK_SETTINGS = tuple(f.name for f in fields(Desk) if f.name not in DESK_COLUMNS)


@dataclass(frozen=True)
class Pool:
    """Interchangeable counters of a desk, or a scarce skill inside them."""

    id: PoolId
    desk_id: DeskId
    name: str
    kind: PoolKind = PoolKind.MAIN
    parent_id: PoolId | None = None
    rules_version: int = 1


@dataclass(frozen=True)
class Product:
    """What an appointment is for; texts are per language, lengths in whole multiples of 5 minutes."""

    id: ProductId
    slug: str
    name: Texts
    plain_name: Texts
    purpose: str
    domain: str
    department: str
    state: ProductState = ProductState.DRAFT
    explanation: Texts = field(default_factory=dict)
    preparation: Texts = field(default_factory=dict)
    duration_minutes: int = 20
    buffer_minutes: int = 5
    slot_step_minutes: int = 10
    extra_per_person_minutes: int = 10
    max_persons: int = 4
    simplified_factor: float = 1.5
    lead_minutes: int = 120
    staff_lead_minutes: int = 5
    horizon_days: int = 60
    reschedule_until_minutes: int = 60
    cancel_until_minutes: int = 0
    check_in_opens_minutes: int = 30
    no_show_grace_minutes: int = 15
    bookable_by: Audience = Audience.CITIZEN
    is_open_on_closed_days: bool = False
    identification: Identification = Identification.NEVER
    minimum_level: AssuranceLevel = AssuranceLevel.NONE
    is_discreet: bool = False
    is_confidential: bool = False
    retention_period: int = 5 * 365  # days that the contact record is kept
    is_retention_confirmed: bool = False
    selection_list_category: str | None = None
    # Read by nobody yet: they belong to parts that are marked full.
    is_walk_in: bool = False
    quarantine_minutes: int = 0
    has_partner_identification: bool = False
    has_strict_binding: bool = False
    case_days: int = 5
    follow_up_days: int = 5
    case_type: str | None = None

    def name_in(self, language: str) -> str:
        return in_language(self.name, language)

    def plain_name_in(self, language: str) -> str:
        return in_language(self.plain_name, language)

    @property
    def retention_days(self) -> int:
        return self.retention_period


@dataclass(frozen=True)
class DocumentSlot:
    """A paper that a product asks for."""

    product_id: ProductId
    code: str
    name: Texts
    plain_name: Texts
    help: Texts = field(default_factory=dict)
    example_picture: str | None = None
    given_by: str = "citizen"  # citizen, partner, each, staff
    moment: str = "both"  # before, during, both
    max_count: int = 1
    is_required: bool = False
    is_id_copy: bool = False
    unmasked_basis: str | None = None
    keep_original: str | None = None
    case_document_type: str | None = None
    confidentiality: str | None = None
    retain_days: int = 30

    def name_in(self, language: str) -> str:
        return in_language(self.name, language)

    def plain_name_in(self, language: str) -> str:
        return in_language(self.plain_name, language)


@dataclass(frozen=True)
class ProductLine:
    product_id: ProductId
    persons: int = 1


@dataclass(frozen=True)
class Appointment:
    """A slot kept for one citizen; length and buffer are its own, so later changes of a product move nothing."""

    id: AppointmentId
    reference: str
    state: AppointmentState
    version: int
    desk_id: DeskId
    lines: tuple[ProductLine, ...]
    starts_at: datetime
    ends_at: datetime
    starts_local: str
    buffer_minutes: int
    needs: Needs
    name: str | None = None
    citizen_id: CitizenId | None = None
    expires_at: datetime | None = None
    was_extended: bool = False
    booked_by: str | None = None
    booked_at: datetime | None = None
    idempotency_key: str | None = None
    contact_hash: str | None = None
    ics_sequence: int = 0
    has_contact_details: bool = False
    conflict_reason: str | None = None
    is_over_capacity: bool = False
    cancelled_by: str | None = None
    cancel_reason: str | None = None

    @property
    def product_id(self) -> ProductId:
        return self.lines[0].product_id

    @property
    def blocked_until(self) -> datetime:
        """When the buffer after the service ends."""
        return self.ends_at + timedelta(minutes=self.buffer_minutes)

    def is_held(self, now: datetime) -> bool:
        """Whether the time is still kept: a hold past its end counts as gone from that moment."""
        return self.state is AppointmentState.HELD and self.expires_at is not None and self.expires_at > now


@dataclass(frozen=True)
class Message:
    """Something to tell a citizen; address and link are looked up when it is sent."""

    id: MessageId
    appointment_id: AppointmentId
    invitation_id: InvitationId | None
    kind: MessageKind
    channel: Channel
    state: DeliveryState
    attempts: int = 0
    error_code: str | None = None

    @property
    def is_undelivered(self) -> bool:
        """What staff see as "niet bezorgd": given up, or refused at least once and not yet accepted."""
        if self.state in (DeliveryState.PARKED, DeliveryState.DEAD):
            return True
        return self.state is not DeliveryState.DONE and self.error_code is not None


@dataclass(frozen=True)
class AppointmentBooked:
    appointment_id: AppointmentId


@dataclass(frozen=True)
class AppointmentRescheduled:
    appointment_id: AppointmentId


@dataclass(frozen=True)
class AppointmentCancelled:
    appointment_id: AppointmentId


def in_language(texts: Texts, language: str) -> str:
    """The text in this language, in Dutch when there is none."""
    return texts.get(language) or texts.get("nl", "")


def length_minutes(lines: list[tuple[Product, int]], needs: Needs) -> int:
    """How long the service takes for these products and numbers of persons, up to whole 5 minutes."""
    total = sum(p.duration_minutes + (persons - 1) * p.extra_per_person_minutes for p, persons in lines)
    factor = Decimal(1)
    if needs.simplified:
        factor = max(Decimal(str(p.simplified_factor)) for p, _ in lines)
    return int((total * factor / 5).to_integral_value(ROUND_CEILING)) * 5


def buffer_minutes(lines: list[tuple[Product, int]]) -> int:
    """The longest pause after the service that one of the products asks for."""
    return max(product.buffer_minutes for product, _ in lines)


def check_reschedule(appointment: Appointment, product: Product, now: datetime, audience: Audience) -> None:
    """Raise TooLate when this appointment may not be moved any more (A4)."""
    if appointment.state is not AppointmentState.BOOKED:
        raise TooLate
    last = appointment.starts_at - timedelta(minutes=product.reschedule_until_minutes)
    if audience is Audience.CITIZEN and now > last:
        raise TooLate


def check_cancel(appointment: Appointment, product: Product, now: datetime, audience: Audience) -> None:
    """Raise TooLate when this appointment may not be cancelled any more (A5, A6)."""
    if appointment.state is not AppointmentState.BOOKED:
        raise TooLate
    last = appointment.starts_at - timedelta(minutes=product.cancel_until_minutes)
    if audience is Audience.CITIZEN and now > last:
        raise TooLate


def missed_at(appointment: Appointment, product: Product, zone: ZoneInfo) -> datetime:
    """From when an appointment without a citizen is missed; a simplified one not before its day is over."""
    missed = appointment.starts_at + timedelta(minutes=product.no_show_grace_minutes)
    if not appointment.needs.simplified:
        return missed
    return max(missed, end_of_day(local_date_of(appointment.starts_at, zone), zone))


def local_date_of(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of the next local day."""
    return datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=1)


def link_valid_until(starts_at: datetime, zone: ZoneInfo) -> datetime:
    """The end of the day after the appointment: late comers and the goodbye page."""
    return end_of_day(local_date_of(starts_at, zone) + timedelta(days=1), zone)


# Without 0 O 1 I L, so that a reference survives being read aloud.
_REFERENCE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def new_reference() -> str:
    return "".join(secrets.choice(_REFERENCE_LETTERS) for _ in range(8))


_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}", re.ASCII)


def read_mail(text: str) -> str:
    """The mail address in `text`, in lower case; ValueError when it is none."""
    mail = text.strip()
    if len(mail) > 254 or not _MAIL.fullmatch(mail):
        raise ValueError("no mail address")
    return mail.lower()


def read_mobile(text: str) -> str:
    """The mobile number in `text` as +31612345678; ValueError when no message can be sent to it."""
    try:
        number = phonenumbers.parse(text, "NL")
    except phonenumbers.NumberParseException as error:
        raise ValueError("no telephone number") from error
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in kinds:
        raise ValueError("no mobile number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def mobile_in_words(number: str) -> str:
    """A number in E.164 form as people here write it: 06 12345678."""
    parsed = phonenumbers.parse(number, None)
    is_dutch = parsed.country_code == 31
    form = phonenumbers.PhoneNumberFormat.NATIONAL if is_dutch else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(parsed, form))


def read_name(text: str) -> str:
    """A name as typed, spaces tidied; ValueError when it is empty, too long or holds control characters."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(name) <= 80 or any(unicodedata.category(letter) in ("Cc", "Cf") for letter in name):
        raise ValueError("no name")
    return name


def missing_for_live(product: Product, slots: list[DocumentSlot]) -> dict[str, str]:
    """What keeps a product from going live: form field to the code of its sentence."""
    missing: dict[str, str] = {}
    if not is_plain_name(product.plain_name):
        missing["plain_name"] = "plain_name_missing"
    if not product.is_retention_confirmed:
        missing["is_retention_confirmed"] = "retention_not_confirmed"
    if any(slot.is_id_copy for slot in slots):
        # Masking does not exist yet, so a copy of an identity paper would be kept whole.
        missing["document_slots"] = "id_copy_not_possible"
    if any(not is_plain_name(slot.plain_name) for slot in slots):
        missing["document_slots"] = "slot_plain_name_missing"
    return missing


def is_plain_name(texts: Texts) -> bool:
    """At most four words in each language that is there, and there in Dutch."""
    return bool(texts.get("nl")) and all(len(text.split()) <= 4 for text in texts.values())


_GSM7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_DOUBLE = set("^{}\\[~]|€")


def to_gsm7(text: str) -> str:
    """The text in letters that an SMS carries without halving its length: â becomes a."""
    kept = []
    for letter in unicodedata.normalize("NFC", text):
        if letter in _GSM7 or letter in _GSM7_DOUBLE:
            kept.append(letter)
            continue
        plain = unicodedata.normalize("NFKD", letter)
        kept.append("".join(part for part in plain if part in _GSM7) or "?")
    return "".join(kept)


def sms_parts(text: str) -> int:
    """How many parts an SMS with this GSM-7 text takes."""
    length = sum(2 if letter in _GSM7_DOUBLE else 1 for letter in text)
    return 1 if length <= 160 else -(-length // 153)
