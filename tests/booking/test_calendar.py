"""The calendar file, read back by a parser: one entry that moves and goes away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import icalendar

from balie.booking.calendar import CalendarTexts, calendar_file
from balie.booking.rules import Appointment, AppointmentState, Needs, ProductLine
from balie.ids import AppointmentId, DeskId, ProductId

NOW = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)
BOOKED = Appointment(
    AppointmentId("6f1c0d2e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"), "ABCDEFGH", AppointmentState.BOOKED, 1, DeskId("d"),
    (ProductLine(ProductId("p")),), NOW + timedelta(days=1), NOW + timedelta(days=1, minutes=20), "2026-12-05T14:00",
    5, Needs(),
)  # fmt: skip
LINK = "https://balie.example.nl/a/" + "x" * 43
TEXTS = CalendarTexts(
    "Videogesprek met Gemeente Súdwest-Fryslân",
    "Open deze link; dan, als het zover is: " + LINK + "\nVragen? Bel 14 010. " + "Café ©" * 20,
    "Gemeente Súdwest-Fryslân",
)


def file_of(appointment: Appointment, attendee: str | None = "fatima@voorbeeld.nl") -> bytes:
    link = None if appointment.state is AppointmentState.CANCELLED else LINK
    return calendar_file(appointment, NOW, "balie.example.nl", link, "balie@voorbeeld.nl", attendee, TEXTS)


def read(file: bytes) -> tuple[icalendar.Calendar, icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(file)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_the_file_is_a_request_in_utc_with_the_link() -> None:
    calendar, event = read(file_of(BOOKED))
    assert calendar["METHOD"] == "REQUEST"
    assert event["UID"] == f"{BOOKED.id}@balie.example.nl"
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")
    assert event.decoded("DTSTART") == BOOKED.starts_at
    assert event.decoded("DTEND") == BOOKED.ends_at
    assert b"DTSTART:20261205T130000Z\r\n" in file_of(BOOKED)
    assert (event["URL"], LINK in event["DESCRIPTION"]) == (LINK, True)
    assert event["SUMMARY"] == TEXTS.summary
    assert event["DESCRIPTION"] == TEXTS.description
    assert event["ATTENDEE"] == "mailto:fatima@voorbeeld.nl"


def test_lines_are_folded_at_75_octets_and_end_in_crlf() -> None:
    file = file_of(BOOKED)
    lines = file.split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    assert b"\n" not in file.replace(b"\r\n", b"")
    for line in lines:
        line.decode()  # never folded within a letter


def test_moving_and_cancelling_keep_the_uid_and_raise_the_sequence() -> None:
    moved = replace(BOOKED, starts_at=BOOKED.starts_at + timedelta(hours=1), ics_sequence=1)
    cancelled = replace(moved, state=AppointmentState.CANCELLED, ics_sequence=2)
    events = [read(file_of(each))[1] for each in (BOOKED, moved, cancelled)]
    assert {event["UID"] for event in events} == {events[0]["UID"]}
    assert [event["SEQUENCE"] for event in events] == [0, 1, 2]
    calendar, event = read(file_of(cancelled))
    assert (calendar["METHOD"], event["STATUS"], "URL" in event) == ("CANCEL", "CANCELLED", False)


def test_a_file_fetched_by_link_tells_no_address() -> None:
    file = file_of(BOOKED, attendee=None)
    assert b"fatima" not in file
    assert read(file)[1]["ATTENDEE"] == f"urn:uuid:{BOOKED.id}"
