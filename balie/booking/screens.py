"""Booking's screens and their states with sample values, for `/tester`, screenshots and the gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from balie.booking.messages import LetterPage
from balie.booking.pages import (
    AgendaLine,
    AgendaPage,
    BookedPage,
    BookForPage,
    CancelledPage,
    ChangeForPage,
    CheckAnswersPage,
    ChooseOtherTimePage,
    ChooseProductPage,
    ChooseTimePage,
    ClosedDayRow,
    ClosedDaysPage,
    HeldTime,
    HoursRow,
    ManagePage,
    NotMadePage,
    OpeningHoursPage,
    PoolOfAdmin,
    ProductCard,
    ProductLineOfAdmin,
    ProductPage,
    ProductsPage,
    SpecialRow,
    Summary,
    YourDetailsPage,
    times_of,
)
from balie.booking.rules import MessageKind
from balie.booking.slots import Day, EmptyReason, Slot
from balie.web.screens import Audience, Screen

_ID = "6f1c0d2e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
_AT = datetime(2026, 12, 4, 13, 30, tzinfo=UTC)
_TOKEN = "voorbeeld"
_DESKS = ((_ID, "Burgerzaken"),)


def _slot(minutes: int) -> Slot:
    begin = _AT + timedelta(minutes=minutes)
    return Slot(begin, begin + timedelta(minutes=15), begin.replace(tzinfo=None) + timedelta(hours=1))


_NEAR = (_slot(-20), _slot(10), _slot(20))
_DAYS = [
    Day(date(2026, 12, 4), tuple(_slot(n * 10) for n in range(12))),
    Day(date(2026, 12, 5), (), EmptyReason.CLOSED),
    Day(date(2026, 12, 6), (), EmptyReason.CLOSED),
    Day(date(2026, 12, 7), (), EmptyReason.FULL),
    Day(date(2026, 12, 8), tuple(_slot(4 * 1440 + n * 10) for n in range(5))),
]
_TIMES = times_of(_DAYS, "#?", earlier=None, later=date(2026, 12, 11), first_free=_slot(0))
_TAKEN = replace(_TIMES, near=_NEAR, problem="slot_taken", first_free=None)
_NONE_FREE = times_of(
    [Day(date(2026, 12, 4) + timedelta(days=n), (), EmptyReason.FULL) for n in range(7)],
    "#?", earlier=None, later=date(2026, 12, 11),
)  # fmt: skip
_ONE_DAY = times_of(_DAYS[:1], "#?", earlier=None, later=date(2026, 12, 5), is_one_day=True)

_BIRTH = ProductCard(
    "geboorte-aangeven", "Geboorte aangeven", "U geeft uw kind aan. Doe dit binnen drie dagen.", 30,
    ("Verklaring van de verloskundige",), True, _DESKS,
)  # fmt: skip
_MOVE = ProductCard("verhuizing-doorgeven", "Verhuizing doorgeven", "", 15, ("Huurcontract",), True, _DESKS)
_QUESTION = ProductCard("vraag-over-mijn-aanvraag", "Vraag over mijn aanvraag", "", 10, (), False, _DESKS)
_CHOOSE_TIME = ChooseTimePage(_MOVE.slug, _MOVE.name, _ID, "Burgerzaken", "sleutel", _TIMES, _DESKS)
_HELD = HeldTime(_slot(0), _AT - timedelta(minutes=20), may_extend=True)
_TYPED = {"name": "Fatima de Vries", "mobile": "06 12 34 56 78", "mail": "", "language": "nl", "interpreter": "none"}
_DETAILS = YourDetailsPage(_MOVE.slug, _MOVE.name, _ID, "sleutel", _HELD, "2026-12-04T13:30Z", {"language": "nl"})
_SUMMARY = Summary(
    "Verhuizing doorgeven", "Burgerzaken", _slot(0), "Fatima de Vries", "06 12345678", "fatima@voorbeeld.nl",
    "Nederlands", simplified=True, papers=("Huurcontract",), asks_sign_in=True,
)  # fmt: skip
_CHECK = CheckAnswersPage(_ID, _MOVE.slug, _ID, "sleutel", _SUMMARY, _HELD)
_BOOKED = BookedPage(_SUMMARY, f"https://balie.example.nl/a/{_TOKEN}", "#", ("•••• 78", "f•••@•••.nl"))
_MANAGE = ManagePage(_TOKEN, "Verhuizing doorgeven", _slot(0), True, True)

_LINE = AgendaLine(
    _ID, _slot(0), "ABCD2345", "Fatima de Vries", "Verhuizing doorgeven", "booked",
    ("simplified", "interpreter"), "", False, True, True,
)  # fmt: skip
_KEPT = replace(_LINE, slot=_slot(-60), reference="EFGH6789", state="kept", is_undelivered=False, may_change=False)
_MISSED = replace(_KEPT, slot=_slot(-30), reference="JKMN2345", state="missed", needs=("language", "text"))
_AGENDA = AgendaPage(
    "Anna", _ID, "Burgerzaken", _DESKS, date(2026, 12, 4), date(2026, 12, 3), date(2026, 12, 5),
    (_KEPT, _MISSED, _LINE), "",
)  # fmt: skip
_PRODUCTS = ((_BIRTH.slug, _BIRTH.name), (_MOVE.slug, _MOVE.name))
_BOOK_FOR = BookForPage("Anna", _ID, "Burgerzaken", _PRODUCTS, "", "", None, "", None, "sleutel")
_BOOK_TIME = replace(_BOOK_FOR, slug=_MOVE.slug, product=_MOVE.name, times=_TIMES)
_BOOK_WHO = replace(_BOOK_TIME, times=None, starts_at="2026-12-04T13:30Z", chosen=_slot(0))

_PRODUCT_VALUES = {
    "name_nl": "Verhuizing doorgeven", "plain_name_nl": "uw verhuizing", "slug": "verhuizing-doorgeven",
    "state": "live", "papers": "huurcontract | Huurcontract | uw huurcontract", "domain": "burgerzaken",
    "department": "Burgerzaken", "purpose": "Bijhouden van de basisregistratie", "is_retention_confirmed": "ja",
}  # fmt: skip
_PRODUCT = ProductPage(
    "Anna", _ID, "Verhuizing doorgeven", _PRODUCT_VALUES, {}, ((_ID, "Burgerzaken: Loketten", True),)
)
_PRODUCT_LIST = ProductsPage(
    "Anna",
    (
        ProductLineOfAdmin(_ID, "Verhuizing doorgeven", "verhuizing-doorgeven", "live", 15, "Burgerzaken: Loketten"),
        ProductLineOfAdmin(_ID, "Paspoort aanvragen", "paspoort-aanvragen", "draft", 20, ""),
    ),
)
_HOURS = OpeningHoursPage(
    "Anna",
    (
        PoolOfAdmin(
            _ID, "Burgerzaken: Loketten",
            tuple(HoursRow(_ID, day, "09:00", "17:00", 4, "appointment", None, None) for day in range(1, 6)),
            (SpecialRow(date(2026, 12, 24), ("09:00–15:00 (4)",)), SpecialRow(date(2026, 12, 31), ())),
        ),
    ),
)  # fmt: skip
_CLOSED = ClosedDaysPage("Anna", (ClosedDayRow(_ID, date(2026, 12, 25), "Eerste Kerstdag", "", "confirmed"),), _DESKS)
_LETTER = LetterPage(
    "booked", _AT, "", "Burgerzaken", "Verhuizing doorgeven", "Uw nieuwe adres", ("Huurcontract",),
    f"https://balie.example.nl/a/{_TOKEN * 5}", "https://balie.example.nl/afspraak/maken", "14 010", "ABCD2345",
)  # fmt: skip
_NORMAL = ("normal",)


def _screen(
    screen_id: str, template: str, audience: Audience, actions: set[str], states: Mapping[str, Any], **more: Any
) -> Screen:
    return Screen(screen_id, f"booking/{template}", states, audience, actions=frozenset(actions), **more)


_CITIZEN = [
    _screen(
        "booking-product", "choose_product", "citizen", {"booking.choose_time"},
        {"products": ChooseProductPage((_BIRTH, _MOVE, _QUESTION)), "none": ChooseProductPage(())}, views=_NORMAL,
    ),
    _screen(
        "booking-time", "choose_time", "citizen", {"booking.hold"},
        {
            "times": _CHOOSE_TIME,
            "taken": replace(_CHOOSE_TIME, times=_TAKEN),
            "full": replace(_CHOOSE_TIME, times=_NONE_FREE),
            "one_day": replace(_CHOOSE_TIME, times=_ONE_DAY),
        },
        views=_NORMAL,
    ),
    _screen(
        "booking-details", "your_details", "citizen", {"booking.put_details", "booking.extend_hold", "booking.let_go"},
        {
            "empty": _DETAILS,
            "errors": replace(
                _DETAILS, values={**_TYPED, "mobile": "061234"}, errors={"mobile": "not_a_mobile", "name": "missing"}
            ),
            "taken": replace(_DETAILS, values=_TYPED, held=None, near=_NEAR, problem="slot_taken"),
        },
        views=_NORMAL,
    ),
    _screen(
        "booking-check", "check_answers", "citizen", {"booking.confirm", "booking.extend_hold", "booking.let_go"},
        {
            "held": _CHECK,
            "expired": replace(_CHECK, held=None, near=_NEAR, problem="hold_expired"),
            "too_many": replace(_CHECK, problem="too_many_appointments"),
        },
        views=_NORMAL,
    ),
    _screen(
        "booking-done", "booked", "citizen", {"desk.link", "booking.calendar_file"},
        {"booked": _BOOKED, "moved": replace(_BOOKED, was_moved=True)}, views=_NORMAL,
    ),
    _screen(
        "booking-not-made", "not_made", "citizen", {"booking.choose_product"},
        {"sent": NotMadePage(("•••• 78",))}, views=_NORMAL,
    ),
    _screen(
        "B7", "manage", "citizen", {"booking.choose_other_time", "booking.cancel"},
        {"open": _MANAGE, "late": replace(_MANAGE, may_reschedule=False, may_cancel=False)},
    ),
    _screen(
        "B2", "choose_other_time", "citizen", {"booking.reschedule"},
        {
            "times": ChooseOtherTimePage(_TOKEN, _slot(0), _TIMES),
            "full": ChooseOtherTimePage(_TOKEN, _slot(0), _NONE_FREE),
        },
    ),
    _screen("B8", "cancelled", "citizen", {"booking.choose_product"}, {"cancelled": CancelledPage()}),
]  # fmt: skip

_STAFF = [
    _screen(
        "staff-agenda", "agenda", "staff", {"booking.reschedule_for", "booking.cancel_for", "booking.send_link_again"},
        {
            "day": _AGENDA,
            "done": replace(_AGENDA, done="booked"),
            "empty": replace(_AGENDA, lines=(), reason="closed"),
        },
        views=_NORMAL,
    ),
    _screen(
        "staff-book", "book_for", "staff", {"booking.book_for"},
        {
            "product": _BOOK_FOR,
            "time": _BOOK_TIME,
            "who": _BOOK_WHO,
            "taken": replace(_BOOK_WHO, values=_TYPED, near=_NEAR, problem="slot_taken"),
        },
        views=_NORMAL,
    ),
    _screen(
        "staff-reschedule", "reschedule_for", "staff", {"booking.reschedule_for"},
        {"times": ChangeForPage("Anna", _ID, _LINE, _TIMES)}, views=_NORMAL,
    ),
    _screen(
        "staff-cancel", "cancel_for", "staff", {"booking.cancel_for"},
        {
            "reason": ChangeForPage("Anna", _ID, _LINE),
            "errors": ChangeForPage("Anna", _ID, _LINE, errors={"reason": "missing"}),
        },
        views=_NORMAL,
    ),
]  # fmt: skip

_ADMIN = [
    _screen(
        "admin-products", "products", "admin", {"booking.product"},
        {"list": _PRODUCT_LIST, "empty": ProductsPage("Anna", ())}, views=_NORMAL,
    ),
    _screen(
        "admin-product", "product", "admin", {"booking.put_product"},
        {
            "live": _PRODUCT,
            "errors": replace(_PRODUCT, errors={"plain_name_nl": "plain_name_missing", "pools": "choose"}),
        },
        views=_NORMAL,
    ),
    _screen(
        "admin-hours", "opening_hours", "admin", {"booking.put_opening_hours", "booking.put_special_hours"},
        {
            "hours": _HOURS,
            "errors": replace(
                _HOURS, form="weekly", values={"from_local": "9", "until_local": "08:00"},
                errors={"from_local": "not_a_time", "until_local": "end_before_begin"},
            ),
        },
        views=_NORMAL,
    ),
    _screen(
        "admin-closed", "closed_days", "admin", {"booking.put_closed_day", "booking.remove_closed_day"},
        {
            "days": _CLOSED,
            "empty": ClosedDaysPage("Anna", (), _DESKS),
            "errors": replace(_CLOSED, values={"local_date": "31-2-2027"}, errors={"local_date": "not_a_date"}),
        },
        views=_NORMAL,
    ),
]  # fmt: skip


def _letters() -> list[Screen]:
    """Every message as mail (text and HTML) and as SMS; S0a is the first SMS."""
    screens = []
    for kind in MessageKind:
        letter = replace(_LETTER, kind=kind.value)
        states = {"normal": letter, "discreet": replace(letter, product=None, papers=(), preparation="")}
        sms_id = "S0a" if kind is MessageKind.BOOKED else f"sms-{kind.value}"
        for screen_id, ending in (
            (f"mail-{kind.value}", "txt"),
            (f"mail-html-{kind.value}", "html"),
            (sms_id, "sms.txt"),
        ):
            screens.append(Screen(screen_id, f"mail/{kind.value}.{ending}", states, "mail", views=_NORMAL))
    return screens


SCREENS = [*_CITIZEN, *_STAFF, *_ADMIN, *_letters()]
