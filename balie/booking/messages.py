"""Sends what a `message` row says: the link is made and the address looked up only now, outside any transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from balie.actors import system
from balie.booking import service, store
from balie.booking.calendar import CalendarTexts, calendar_file
from balie.booking.rules import (
    Appointment,
    AppointmentState,
    Channel,
    DeliveryState,
    Message,
    MessageKind,
    to_gsm7,
)
from balie.booking.slots import make_slot
from balie.errors import NotFound
from balie.external.mail import MailServer, NotAccepted
from balie.external.notifynl import NotifyNL
from balie.identity import service as identity
from balie.ids import MessageId
from balie.jobs import GIVE_UP_AFTER, Stop
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.settings import Settings
from balie.web.pages import Pages
from balie.work import Work, Works

PER_CONTACT_A_DAY = 5
_SENDER = system("booking.send_message")
_NEEDS_LINK = (MessageKind.BOOKED, MessageKind.RESCHEDULED, MessageKind.LINK_AGAIN)
_WITH_CALENDAR = (
    MessageKind.BOOKED,
    MessageKind.RESCHEDULED,
    MessageKind.CANCELLED,
    MessageKind.CANCELLED_BY_MUNICIPALITY,
)


@dataclass(frozen=True)
class Post:
    """The ways out, and the pages that messages are written with."""

    pages: Pages
    mail: MailServer
    notify: NotifyNL


@dataclass(frozen=True)
class LetterPage:
    """What the templates in templates/mail show; `product` is None when it is discreet."""

    kind: str
    starts_at: datetime
    season: str
    desk: str
    product: str | None
    preparation: str
    papers: tuple[str, ...]
    link: str | None
    book_link: str
    phone: str
    reference: str
    is_simplified: bool = False


@dataclass(frozen=True)
class Outgoing:
    """One message, ready to leave."""

    id: MessageId
    channel: Channel
    address: str
    language: str
    page: LetterPage
    calendar: bytes | None
    is_again: bool


def link_address(settings: Settings, token: str) -> str:
    """The whole address of a citizen's link."""
    return f"{settings.public_origin}/a/{token}"


async def send_message(works: Works, payload: dict[str, Any]) -> None:
    """The job of a message: once accepted it is never sent again; raises to be tried again later."""
    async with works.begin(_SENDER, MAKE_APPOINTMENT) as work:
        found = await store.message_by_id(work, MessageId(payload["message_id"]))
        if found is None or found.state in (DeliveryState.DONE, DeliveryState.PARKED, DeliveryState.DEAD):
            return
        outgoing = await _prepare(work, works.get(Post), found)
    if outgoing is None:
        return
    try:
        await _hand_over(works, outgoing)
    except NotAccepted as error:
        await _put_off(works, outgoing.id, error)
        if error.is_final:
            raise Stop from None
        raise
    async with works.begin(_SENDER, MAKE_APPOINTMENT) as work:
        sent = await store.message_by_id(work, outgoing.id)
        if sent is not None:
            await store.save_message(work, sent, DeliveryState.DONE, accepted_at=work.now, error_code=None)


async def _prepare(work: Work, post: Post, found: Message) -> Outgoing | None:
    """Take the message in hand; None when it must not or need not leave any more."""
    about = await service.appointment(work, found.appointment_id)
    if _is_outdated(found, about):
        await store.save_message(work, found, DeliveryState.DONE, error_code=None)
        return None
    details = await service.contact_details(work, about.id)
    address = details.mobile if found.channel is Channel.SMS else details.mail
    fault = await _fault(work, post, found, about, address)
    if fault is not None or address is None:
        state = DeliveryState.PARKED if fault == "too_many_messages" else DeliveryState.DEAD
        await store.save_message(work, found, state, error_code=fault)
        return None
    try:
        link = await _link(work, found)
    except NotFound:
        await store.save_message(work, found, DeliveryState.DEAD, error_code="link_gone")
        return None
    if not await store.save_message(work, found, DeliveryState.SENDING, attempts=found.attempts + 1):
        return None
    page = await letter_page(work, about, found.kind, link)
    calendar = _calendar(work, post, about, found, page, address)
    return Outgoing(found.id, found.channel, address, about.needs.language, page, calendar, is_again=found.attempts > 0)


def _is_outdated(found: Message, about: Appointment) -> bool:
    """What says "come then and there" is not sent about an appointment that is off."""
    return found.kind in _NEEDS_LINK and about.state is AppointmentState.CANCELLED


async def _fault(work: Work, post: Post, found: Message, about: Appointment, address: str | None) -> str | None:
    if address is None:
        return "no_address"
    if not (post.notify.is_set if found.channel is Channel.SMS else post.mail.is_set):
        return "no_provider"
    if about.contact_hash:
        sent = await store.count_accepted(work, about.contact_hash, work.now - timedelta(days=1))
        if sent >= PER_CONTACT_A_DAY:
            return "too_many_messages"
    return None


async def _link(work: Work, found: Message) -> str | None:
    if found.kind not in _NEEDS_LINK or found.invitation_id is None:
        return None
    return link_address(work.settings, await identity.link_token(work, found.invitation_id))


async def letter_page(work: Work, about: Appointment, kind: MessageKind, link: str | None) -> LetterPage:
    """What a message tells; never a name, never a product that is discreet."""
    product = await service.product(work, about.product_id)
    desk = await service.desk(work, about.desk_id)
    language = about.needs.language
    papers = await service.document_slots(work, product.id)
    preparation = "" if product.is_discreet else product.preparation.get(language, product.preparation.get("nl", ""))
    return LetterPage(
        kind=kind.value,
        starts_at=about.starts_at,
        season=make_slot(about.starts_at, about.ends_at, service.zone_of(work)).season,
        desk=desk.name,
        product=None if product.is_discreet else product.name_in(language),
        preparation=preparation,
        papers=() if product.is_discreet else tuple(paper.name_in(language) for paper in papers),
        link=link,
        book_link=f"{work.settings.public_origin}/afspraak/maken",
        phone=desk.phone_number,
        reference=about.reference,
        is_simplified=about.needs.simplified,
    )


def _calendar(
    work: Work, post: Post, about: Appointment, found: Message, page: LetterPage, address: str
) -> bytes | None:
    if found.channel is not Channel.MAIL or found.kind not in _WITH_CALENDAR:
        return None
    return calendar_of(post.pages, work.settings, about, page, work.now, address)


def calendar_of(
    pages: Pages, settings: Settings, about: Appointment, page: LetterPage, now: datetime, attendee: str | None
) -> bytes:
    """The calendar file of an appointment, in its own language; without `attendee` it tells no address."""
    summary, _, description = pages.text("mail/calendar.txt", about.needs.language, page).strip().partition("\n")
    texts = CalendarTexts(summary, description.strip(), settings.municipality)
    host = urlsplit(settings.public_origin).hostname or "balie"
    return calendar_file(about, now, host, page.link, settings.mail_from, attendee, texts)


async def _hand_over(works: Works, outgoing: Outgoing) -> None:
    post = works.get(Post)
    now = works.clock()
    if outgoing.channel is Channel.MAIL:
        await post.mail.send(mail_of(post.pages, works.settings, outgoing))
        return
    if outgoing.is_again and await post.notify.has(now, outgoing.id):
        return
    await post.notify.send_sms(now, outgoing.address, sms_text(post.pages, outgoing), outgoing.id)


def sms_text(pages: Pages, outgoing: Outgoing) -> str:
    """The text message on one line, in letters that an SMS carries."""
    text = pages.text(f"mail/{outgoing.page.kind}.sms.txt", outgoing.language, outgoing.page)
    return to_gsm7(" ".join(text.split()))


def mail_of(pages: Pages, settings: Settings, outgoing: Outgoing) -> EmailMessage:
    """The mail as text and HTML, with the calendar file; its first line of text is the subject."""
    kind = outgoing.page.kind
    subject, _, body = pages.text(f"mail/{kind}.txt", outgoing.language, outgoing.page).strip().partition("\n")
    mail = EmailMessage()
    mail["Subject"] = subject.strip()
    mail["From"] = settings.mail_from
    mail["To"] = outgoing.address
    mail["Message-ID"] = f"<{outgoing.id}@{urlsplit(settings.public_origin).hostname or 'balie'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(re.sub(r"\n{3,}", "\n\n", body.strip()) + "\n")
    mail.add_alternative(pages.text(f"mail/{kind}.html", outgoing.language, outgoing.page), subtype="html")
    if outgoing.calendar is not None:
        method = "CANCEL" if b"METHOD:CANCEL" in outgoing.calendar else "REQUEST"
        mail.add_alternative(
            outgoing.calendar.decode(), subtype="calendar", params={"method": method, "name": "afspraak.ics"}
        )
    return mail


async def _put_off(works: Works, message_id: MessageId, error: NotAccepted) -> None:
    async with works.begin(_SENDER, MAKE_APPOINTMENT) as work:
        found = await store.message_by_id(work, message_id)
        if found is None:
            return
        is_over = work.now - await store.message_put_at(work, message_id) > GIVE_UP_AFTER
        state = DeliveryState.DEAD if error.is_final or is_over else DeliveryState.WAITING
        await store.save_message(work, found, state, error_code=error.code)
