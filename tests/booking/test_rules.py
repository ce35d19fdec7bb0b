"""Length, windows, states, names and numbers as people type them, and what an SMS holds."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balie.booking import rules
from balie.booking.rules import (
    STEPS,
    Appointment,
    AppointmentState,
    Audience,
    ContactDetails,
    DocumentSlot,
    Needs,
    Product,
    ProductLine,
    Step,
)
from balie.errors import TooLate
from balie.ids import AppointmentId, DeskId, ProductId

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)
BIRTH = Product(
    ProductId("p"), "geboorte-aangeven", {"nl": "Geboorte aangeven"}, {"nl": "uw kindje"}, "Aangifte", "burgerzaken",
    "Burgerzaken", duration_minutes=30,
)  # fmt: skip


def booked(starts_at: datetime, **changed: object) -> Appointment:
    whole = Appointment(
        AppointmentId("a"), "ABCDEFGH", AppointmentState.BOOKED, 1, DeskId("d"), (ProductLine(BIRTH.id),),
        starts_at, starts_at + timedelta(minutes=30), "2026-12-04T15:00", 5, Needs(),
    )  # fmt: skip
    return replace(whole, **changed)  # type: ignore[arg-type]


def test_length_counts_products_persons_and_the_simplified_view() -> None:
    short = replace(BIRTH, duration_minutes=10, extra_per_person_minutes=10, simplified_factor=1.2)
    assert rules.length_minutes([(BIRTH, 1)], Needs()) == 30
    assert rules.length_minutes([(short, 2), (BIRTH, 1)], Needs()) == 50
    assert rules.length_minutes([(BIRTH, 1)], Needs(simplified=True)) == 45
    assert rules.length_minutes([(short, 1)], Needs(simplified=True)) == 15
    assert rules.buffer_minutes([(short, 1), (replace(BIRTH, buffer_minutes=15), 1)]) == 15


@given(
    st.integers(1, 90).map(lambda n: n * 5),
    st.integers(1, 4),
    st.integers(100, 400).map(lambda n: n / 100),
    st.booleans(),
)
def test_every_length_is_a_whole_number_of_ticks(length: int, persons: int, factor: float, simplified: bool) -> None:
    product = replace(BIRTH, duration_minutes=length, simplified_factor=factor)
    minutes = rules.length_minutes([(product, persons)], Needs(simplified=simplified))
    assert minutes % 5 == 0
    assert minutes >= length


@pytest.mark.parametrize(("minutes", "may"), [(61, True), (60, True), (59, False)])
def test_a_citizen_may_move_until_an_hour_before_and_staff_always(minutes: int, may: bool) -> None:
    appointment = booked(NOW + timedelta(minutes=minutes))
    rules.check_reschedule(appointment, BIRTH, NOW, Audience.STAFF)
    if may:
        rules.check_reschedule(appointment, BIRTH, NOW, Audience.CITIZEN)
    else:
        with pytest.raises(TooLate):
            rules.check_reschedule(appointment, BIRTH, NOW, Audience.CITIZEN)


def test_a_citizen_may_cancel_until_the_start() -> None:
    rules.check_cancel(booked(NOW), BIRTH, NOW, Audience.CITIZEN)
    with pytest.raises(TooLate):
        rules.check_cancel(booked(NOW - timedelta(seconds=1)), BIRTH, NOW, Audience.CITIZEN)


@pytest.mark.parametrize("state", [s for s in AppointmentState if s is not AppointmentState.BOOKED])
def test_only_a_booked_appointment_is_moved_or_cancelled(state: AppointmentState) -> None:
    appointment = booked(NOW + timedelta(days=1), state=state)
    for check in (rules.check_reschedule, rules.check_cancel):
        with pytest.raises(TooLate):
            check(appointment, BIRTH, NOW, Audience.STAFF)


def test_nothing_leads_out_of_expired_cancelled_and_kept() -> None:
    ends = {AppointmentState.EXPIRED, AppointmentState.CANCELLED, AppointmentState.KEPT}
    assert not [step for step, (before, _) in STEPS.items() if before in ends]
    assert (AppointmentState.HELD, AppointmentState.KEPT) not in STEPS.values()
    assert set(STEPS) == set(Step)


def test_a_simplified_appointment_is_not_missed_before_its_day_is_over() -> None:
    appointment = booked(NOW)
    assert rules.missed_at(appointment, BIRTH, ZONE) == NOW + timedelta(minutes=15)
    simplified = replace(appointment, needs=Needs(simplified=True))
    assert rules.missed_at(simplified, BIRTH, ZONE) == datetime(2026, 12, 4, 23, 0, tzinfo=UTC)


def test_a_link_works_until_the_end_of_the_day_after() -> None:
    assert rules.link_valid_until(NOW, ZONE) == datetime(2026, 12, 5, 23, 0, tzinfo=UTC)
    autumn = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)
    assert rules.link_valid_until(autumn, ZONE) == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["06 12 34 56 78", "0612345678", "+31 6 12345678", "0031612345678", "06-12345678"])
def test_a_mobile_number_is_read_as_people_type_it(typed: str) -> None:
    assert rules.read_mobile(typed) == "+31612345678"


@pytest.mark.parametrize("typed", ["", "14 010", "020 624 1111", "061234567", "0612345678 9999", "abc", "06" * 50])
def test_what_is_no_mobile_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="number"):
        rules.read_mobile(typed)


@pytest.mark.parametrize(
    "typed", ["fatima", "a@b", "a b@c.nl", "a@b.nl\nBcc: x@y.nl", "a,b@c.nl", "<a@b.nl>", "é@b.nl"]
)
def test_what_is_no_mail_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="mail"):
        rules.read_mail(typed)


def test_mail_and_name_are_tidied() -> None:
    assert rules.read_mail(" Fatima@Voorbeeld.NL ") == "fatima@voorbeeld.nl"
    assert rules.read_name("  Fatima   de Vries ") == "Fatima de Vries"
    for bad in ("", "   ", "a" * 81, "Fatima\u202e", "Fa\x00tima"):
        with pytest.raises(ValueError, match="name"):
            rules.read_name(bad)


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    for read in (rules.read_mail, rules.read_mobile, rules.read_name):
        with contextlib.suppress(ValueError):
            read(text)


def test_contact_details_are_masked_for_whoever_holds_only_a_link() -> None:
    details = ContactDetails("+31612345678", "fatima@voorbeeld.nl")
    assert details.masked() == ["•••• 78", "f•••@•••.nl"]


def test_a_product_goes_live_only_with_plain_name_confirmed_period_and_no_copy_of_an_identity_paper() -> None:
    slot = DocumentSlot(BIRTH.id, "verklaring", {"nl": "Verklaring"}, {"nl": "de verklaring"})
    ready = replace(BIRTH, is_retention_confirmed=True)
    assert rules.missing_for_live(ready, [slot]) == {}
    assert rules.missing_for_live(BIRTH, []) == {"is_retention_confirmed": "retention_not_confirmed"}
    assert "plain_name" in rules.missing_for_live(replace(ready, plain_name={}), [])
    assert "plain_name" in rules.missing_for_live(replace(ready, plain_name={"nl": "een twee drie vier vijf"}), [])
    assert "document_slots" in rules.missing_for_live(ready, [replace(slot, is_id_copy=True)])
    assert "document_slots" in rules.missing_for_live(ready, [replace(slot, plain_name={})])


def test_needs_survive_being_stored() -> None:
    needs = Needs("tr", rules.Interpreter.SIGN, True, rules.Companion.BESIDE, True)
    assert Needs.from_json(needs.as_json()) == needs
    assert Needs.from_json({}) == Needs()


def test_an_sms_is_written_in_letters_that_it_carries() -> None:
    assert rules.to_gsm7("Súdwest-Fryslân") == "Sudwest-Fryslan"
    assert rules.to_gsm7("é … 漢") == "é ... ?"
    assert [rules.sms_parts("a" * n) for n in (160, 161, 306, 307)] == [1, 2, 2, 3]


def test_references_are_unambiguous() -> None:
    found = {rules.new_reference() for _ in range(200)}
    assert len(found) == 200
    assert not set("".join(found)) & set("01ILO")
