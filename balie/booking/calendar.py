"""The appointment as a calendar file that updates the same entry (RFC 5545, RFC 5546); it never names the product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress, vText, vUri

from balie.booking.rules import Appointment, AppointmentState


@dataclass(frozen=True)
class CalendarTexts:
    """What people read in their calendar, in their language."""

    summary: str
    description: str
    municipality: str


def calendar_file(
    appointment: Appointment, now: datetime, host: str, link: str | None, organiser: str, attendee: str | None,
    texts: CalendarTexts,
) -> bytes:  # fmt: skip
    """The file; the UID never changes and SEQUENCE rises, so a calendar moves or removes its one entry."""
    is_cancelled = appointment.state is AppointmentState.CANCELLED
    event = Event()
    event.add("uid", f"{appointment.id}@{host}")
    event.add("sequence", appointment.ics_sequence)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", appointment.ends_at.astimezone(UTC))
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("summary", texts.summary)
    if link is not None:
        event["url"] = vUri(link)
    event.add("description", texts.description)
    event.add("organizer", _address(f"mailto:{organiser}", texts.municipality))
    # A file that is fetched by link must not tell the address on file, yet a request needs somebody asked.
    event.add("attendee", vCalAddress(f"mailto:{attendee}" if attendee else f"urn:uuid:{appointment.id}"))
    calendar = Calendar()
    calendar.add("prodid", "-//balie//NL")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if is_cancelled else "REQUEST")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(uri: str, name: str) -> vCalAddress:
    address = vCalAddress(uri)
    address.params["cn"] = vText(name)
    return address
