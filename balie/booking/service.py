"""Book, move and cancel an appointment, keep or miss it, and tell the citizen; what other features ask of booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from balie.actors import Actor, ActorKind
from balie.booking import holding, store
from balie.booking.catalogue import (
    closed_days,
    desk,
    desks,
    desks_of,
    document_slots,
    live_product,
    opening_until,
    pools,
    pools_of,
    product,
    products,
    put_closed_day,
    put_desk,
    put_opening_hours,
    put_pool,
    put_product,
    put_special_hours,
    remove_closed_day,
    remove_opening_hours,
    remove_special_hours,
    special_hours,
    weekly_hours,
)
from balie.booking.holding import Wish, find_slots, first_free, hold, longest_hold_until, near
from balie.booking.rules import (
    Appointment,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentRescheduled,
    AppointmentState,
    Audience,
    Channel,
    ContactDetails,
    DeliveryState,
    Message,
    MessageKind,
    Product,
    Step,
    check_cancel,
    check_reschedule,
    end_of_day,
    link_valid_until,
    local_date_of,
    missed_at,
)
from balie.errors import BadField, Conflict, HoldExpired, Invalid, NotFound, TooEarly, TooLate, TooManyAppointments
from balie.identity import service as identity
from balie.ids import AppointmentId, DeskId, InvitationId, MessageId, new_id
from balie.jobs import put
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work, Works

__all__ = [
    "Wish",
    "closed_days",
    "desk",
    "desks",
    "desks_of",
    "document_slots",
    "find_slots",
    "first_free",
    "hold",
    "live_product",
    "longest_hold_until",
    "near",
    "opening_until",
    "pools",
    "pools_of",
    "product",
    "products",
    "put_closed_day",
    "put_desk",
    "put_opening_hours",
    "put_pool",
    "put_product",
    "put_special_hours",
    "remove_closed_day",
    "remove_opening_hours",
    "remove_special_hours",
    "special_hours",
    "weekly_hours",
]

SEND_MESSAGE = "booking.send_message"
_STAFF_MAY_MISS_AFTER = timedelta(minutes=5)


def zone_of(work: Work) -> ZoneInfo:
    """The zone of opening hours and of times on screen."""
    return ZoneInfo(work.settings.time_zone)


# Looking


async def appointment(work: Work, appointment_id: str) -> Appointment:
    """One appointment; raises NotFound. Who may see it is decided by whoever asks: link, visit or desk."""
    found = await store.appointment_by_id(work, AppointmentId(appointment_id))
    if found is None:
        raise NotFound
    return found


async def contact_details(work: Work, appointment_id: str) -> ContactDetails:
    """Where the citizen can be reached; both empty once erased."""
    return await store.contact_details(work, AppointmentId(appointment_id))


async def appointments_of_day(work: Work, desk_id: str, local_date: date) -> list[Appointment]:
    """Whatever was booked at a desk on a local date, in order of time."""
    zone = zone_of(work)
    begin = end_of_day(local_date - timedelta(days=1), zone)
    return await store.appointments_between(work, DeskId(desk_id), begin, end_of_day(local_date, zone))


async def messages_of(work: Work, appointment_ids: Sequence[str]) -> list[Message]:
    """What was told to the citizens of these appointments, and whether it arrived."""
    return await store.messages_of(work, [AppointmentId(each) for each in appointment_ids])


async def undelivered(work: Work, appointment_ids: Sequence[str]) -> set[str]:
    """The appointments of which the newest message on a channel did not arrive."""
    newest = {(m.appointment_id, m.channel): m for m in await messages_of(work, appointment_ids)}
    return {m.appointment_id for m in newest.values() if m.is_undelivered}


async def has_undelivered(work: Work, appointment_id: str) -> bool:
    """Whether staff should know that a message about this appointment did not arrive."""
    return bool(await undelivered(work, [appointment_id]))


def wish_of(found: Appointment, lines: tuple[tuple[Product, int], ...], audience: Audience) -> Wish:
    """What another time is sought for: its own length and buffer, whatever the product says now."""
    length = int((found.ends_at - found.starts_at).total_seconds()) // 60
    return Wish(found.desk_id, lines, found.needs, audience, (length, found.buffer_minutes), found.id)


async def wish_for(work: Work, found: Appointment, audience: Audience) -> Wish:
    """`wish_of` with the products read."""
    lines = tuple([(await product(work, line.product_id), line.persons) for line in found.lines])
    return wish_of(found, lines, audience)


# Booking


def browser_ref(work: Work, scope: str) -> str:
    """How a browser is known in `booked_by`: a keyed hash of what its forms are bound to."""
    return work.get(Keyring).keyed_hash("booked_by", scope)


async def hold_of(work: Work, booked_by: str) -> Appointment | None:
    """The hold of this browser or staff member, as long as it lasts."""
    found = await store.hold_of(work, booked_by)
    return found if found is not None and found.is_held(work.now) else None


async def own_appointment(work: Work, appointment_id: str, booked_by: str) -> Appointment:
    """The row that this browser made, in whatever state; raises NotFound for everybody else."""
    found = await appointment(work, appointment_id)
    if found.booked_by != booked_by:
        raise NotFound
    return found


async def extend_hold(work: Work, appointment_id: str, booked_by: str) -> Appointment:
    """Keep the time longer, once; raises HoldExpired."""
    held = await own_appointment(work, appointment_id, booked_by)
    if not held.is_held(work.now):
        raise HoldExpired
    if held.was_extended:
        return held
    until = longest_hold_until(work, held)
    if not await store.change(work, held, AppointmentState.HELD, expires_at=until, was_extended=True):
        raise HoldExpired
    return replace(held, expires_at=until, was_extended=True)


async def let_go(work: Work, booked_by: str) -> None:
    """A3 by the citizen: the time is free again at once."""
    held = await store.hold_of(work, booked_by)
    if held is not None and await store.end_hold(work, held.id):
        await store.remove_claims(work, held.id)
        await store.add_event(work, held.id, Step.EXPIRE, reason="left")


def contact_hash(work: Work, details: ContactDetails) -> str:
    """What one person's appointments are counted by, without holding the number or address."""
    return work.get(Keyring).keyed_hash("contact", details.main or "")


async def put_person(
    work: Work, appointment_id: str, booked_by: str, name: str, details: ContactDetails
) -> Appointment:
    """Keep name and contact details with the hold; raises HoldExpired, Invalid, AlreadyBooked."""
    held = await own_appointment(work, appointment_id, booked_by)
    if not held.is_held(work.now):
        raise HoldExpired
    if details.main is None:
        raise Invalid({"mobile": "mobile_or_mail"})
    await store.save_person(work, held.id, name, details, contact_hash(work, details))
    return replace(held, name=name, has_contact_details=True)


async def confirm(work: Work, appointment_id: str, booked_by: str) -> Appointment:
    """A2: from held to booked, once; confirming again gives the same appointment.

    Raises HoldExpired, TooManyAppointments, Invalid. Tells the citizen and announces AppointmentBooked.
    """
    held = await own_appointment(work, appointment_id, booked_by)
    if held.state is AppointmentState.BOOKED:
        return held
    if not held.is_held(work.now):
        raise HoldExpired
    if held.name is None or held.contact_hash is None:
        raise Invalid({"name": "missing"})
    is_staff = work.actor.kind is ActorKind.STAFF
    if not is_staff and await store.count_open(work, held.contact_hash) >= work.settings.max_open_per_contact:
        raise TooManyAppointments
    if not await store.change(work, held, AppointmentState.BOOKED, booked_at=work.now):
        now_there = await own_appointment(work, appointment_id, booked_by)
        if now_there.state is AppointmentState.BOOKED:
            return now_there
        raise HoldExpired
    return await _booked(work, replace(held, state=AppointmentState.BOOKED, booked_at=work.now))


async def _booked(work: Work, booked: Appointment) -> Appointment:
    invitation = await identity.invite(
        work,
        appointment_id=booked.id,
        participant_kind="citizen",
        language=booked.needs.language,
        valid_from=work.now,
        valid_until=link_valid_until(booked.starts_at, zone_of(work)),
    )
    await store.add_event(work, booked.id, Step.CONFIRM, new_starts_at=booked.starts_at)
    await _tell(work, booked, MessageKind.BOOKED, invitation.id)
    await _log(work, booked)
    await work.announce(AppointmentBooked(booked.id))
    return booked


async def already_booked(work: Work, starts_at: datetime, details: ContactDetails) -> None:
    """Send the link of the appointment that this contact has at this time, so that only its owner learns of it."""
    found = await store.booked_at_time(work, contact_hash(work, details), starts_at)
    if found is not None:
        await send_link_again(work, found.id)


async def book_for(
    works: Works, actor: Actor, wish: Wish, starts_at: datetime, name: str, details: ContactDetails, key: str
) -> Appointment:
    """Staff book for somebody on the phone, in one go; the same key again gives the same appointment."""
    booked_by = actor.id or ""
    held = await hold(works, actor, wish, starts_at, booked_by, key)
    try:
        async with works.begin(actor, MAKE_APPOINTMENT) as work:
            if held.state is AppointmentState.HELD:
                await put_person(work, held.id, booked_by, name, details)
            return await confirm(work, held.id, booked_by)
    except Exception:
        async with works.begin(actor, MAKE_APPOINTMENT) as work:
            await let_go(work, booked_by)
        raise


# Moving and cancelling


async def reschedule(
    works: Works, actor: Actor, appointment_id: str, starts_at: datetime, audience: Audience
) -> Appointment:
    """A4: the old time stands until the new one is sure; the old links end and a new one is sent.

    Raises SlotTaken, SlotNotOffered, TooLate, AlreadyBooked.
    """
    async with works.begin(actor, MAKE_APPOINTMENT, writes=False) as work:
        wish = await wish_for(work, await appointment(work, appointment_id), audience)

    async def attempt(work: Work) -> Appointment:
        before = await appointment(work, appointment_id)
        check_reschedule(before, wish.lines[0][0], work.now, audience)
        if before.starts_at == starts_at:
            return before
        more = {"version": before.version + 1, "ics_sequence": before.ics_sequence + 1}
        after = await holding.move_claims(work, before, wish, starts_at, **more)
        return await _rescheduled(work, before, after)

    return await holding.taking(works, actor, wish, starts_at, attempt)


async def _rescheduled(work: Work, before: Appointment, after: Appointment) -> Appointment:
    until = link_valid_until(after.starts_at, zone_of(work))
    invitation = await identity.replace_links(work, after.id, until)
    await store.add_event(work, after.id, Step.RESCHEDULE, before.starts_at, after.starts_at)
    await _tell(work, after, MessageKind.RESCHEDULED, invitation.id)
    await _log(work, after)
    await work.announce(AppointmentRescheduled(after.id))
    return after


async def cancel(work: Work, appointment_id: str, by: Audience, reason: str = "") -> Appointment:
    """A5 and A6: free the time, end the links, tell the citizen; staff give a reason. Raises TooLate, Invalid."""
    before = await appointment(work, appointment_id)
    check_cancel(before, await product(work, before.product_id), work.now, by)
    if by is Audience.STAFF and not reason.strip():
        raise Invalid({"reason": "missing"})
    cancelled_by = "municipality" if by is Audience.STAFF else "citizen"
    values = {"cancelled_by": cancelled_by, "cancel_reason": reason.strip()[:200] or None}
    sequence = before.ics_sequence + 1
    if not await store.change(work, before, AppointmentState.CANCELLED, ics_sequence=sequence, **values):
        raise Conflict
    kind = MessageKind.CANCELLED_BY_MUNICIPALITY if by is Audience.STAFF else MessageKind.CANCELLED
    await identity.revoke_links(work, before.id)
    await store.add_event(work, before.id, Step.CANCEL, before.starts_at, reason=cancelled_by)
    await _tell(work, before, kind, None)
    await _log(work, before)
    await work.announce(AppointmentCancelled(before.id))
    await store.remove_claims(work, before.id)
    return await appointment(work, before.id)


# At the desk


async def keep(work: Work, appointment_id: str, desired_version: int) -> Appointment:
    """A7: the citizen is there. Raises TooLate out of any other state, Conflict when it was moved meanwhile."""
    before = await appointment(work, appointment_id)
    if before.state is not AppointmentState.BOOKED:
        raise TooLate
    if before.version != desired_version or not await store.change(work, before, AppointmentState.KEPT):
        raise Conflict
    await store.add_event(work, before.id, Step.KEEP)
    return replace(before, state=AppointmentState.KEPT)


async def keep_late(work: Work, appointment_id: str) -> Appointment:
    """A9 by staff: somebody who was missed comes later the same day. Raises TooLate, Conflict."""
    before = await appointment(work, appointment_id)
    zone = zone_of(work)
    is_today = local_date_of(before.starts_at, zone) == local_date_of(work.now, zone)
    if before.state is not AppointmentState.MISSED or not is_today or work.actor.kind is not ActorKind.STAFF:
        raise TooLate
    if not await store.change(work, before, AppointmentState.KEPT):
        raise Conflict
    await store.add_event(work, before.id, Step.KEEP_LATE)
    return replace(before, state=AppointmentState.KEPT)


async def due_to_miss(work: Work, up_since: datetime | None = None) -> list[Appointment]:
    """Booked appointments whose time to come is over; nobody could come before `up_since`."""
    found = await store.booked_before(work, work.now)
    by_id = {each.id: each for each in await products(work)} if found else {}
    due = [each for each in found if missed_at(each, by_id[each.product_id], zone_of(work)) <= work.now]
    if up_since is None:
        return due
    graces = {id_: timedelta(minutes=each.no_show_grace_minutes) for id_, each in by_id.items()}
    return [each for each in due if up_since + graces[each.product_id] <= work.now]


async def miss(work: Work, appointment_id: str) -> Appointment:
    """A8: nobody came. The system after its grace, staff from five minutes after the start."""
    before = await appointment(work, appointment_id)
    due_at = missed_at(before, await product(work, before.product_id), zone_of(work))
    if work.actor.kind is ActorKind.STAFF:
        due_at = before.starts_at + _STAFF_MAY_MISS_AFTER
    if before.state is not AppointmentState.BOOKED:
        raise TooLate
    if work.now < due_at:
        raise TooEarly
    if not await store.change(work, before, AppointmentState.MISSED):
        raise Conflict
    await store.add_event(work, before.id, Step.MISS)
    await _tell(work, before, MessageKind.MISSED, None)
    await store.remove_claims(work, before.id)
    return replace(before, state=AppointmentState.MISSED)


async def tell_missed(work: Work, appointment_id: str) -> None:
    """Tell somebody whose visit ended without help how to book again."""
    await _tell(work, await appointment(work, appointment_id), MessageKind.MISSED, None)


async def free_claims(work: Work, appointment_id: str) -> None:
    """Free what is left of the time of a finished visit."""
    await store.remove_claims(work, AppointmentId(appointment_id))


async def change_needs(work: Work, appointment_id: str, **changed: object) -> Appointment:
    """Another view or language, chosen by the citizen on the way; the length of the appointment stays."""
    before = await appointment(work, appointment_id)
    try:
        needs = replace(before.needs, **changed)  # type: ignore[arg-type]
    except TypeError as error:
        raise BadField from error
    await store.change(work, before, before.state, needs=needs)
    return replace(before, needs=needs)


# Telling the citizen


async def send_link_again(work: Work, appointment_id: str) -> None:
    """Send the link to the address on file: by staff a new one, and the old one ends."""
    found = await appointment(work, appointment_id)
    if found.state not in (AppointmentState.BOOKED, AppointmentState.KEPT, AppointmentState.MISSED):
        raise TooLate
    if work.actor.kind is ActorKind.STAFF:
        until = link_valid_until(found.starts_at, zone_of(work))
        invitation_id: InvitationId | None = (await identity.replace_links(work, found.id, until)).id
        await audit(work, "booking.send_link_again", found.id)
    else:
        sent = [m.invitation_id for m in await store.messages_of(work, [found.id]) if m.invitation_id]
        invitation_id = sent[-1] if sent else None
    if invitation_id is not None:
        await _tell(work, found, MessageKind.LINK_AGAIN, invitation_id)


async def link_of(work: Work, appointment_id: str) -> str | None:
    """The token of the newest link, made anew for the page right after booking or moving."""
    sent = [m.invitation_id for m in await messages_of(work, [appointment_id]) if m.invitation_id]
    return await identity.link_token(work, sent[-1]) if sent else None


async def _tell(work: Work, about: Appointment, kind: MessageKind, invitation_id: InvitationId | None) -> None:
    """A message per way in which the citizen can be reached, sent by a job after the commit."""
    details = await store.contact_details(work, about.id)
    for channel, address in ((Channel.SMS, details.mobile), (Channel.MAIL, details.mail)):
        if address is None:
            continue
        added = Message(MessageId(new_id()), about.id, invitation_id, kind, channel, DeliveryState.WAITING)
        await store.add_message(work, added)
        await put(work, SEND_MESSAGE, {"message_id": added.id})


async def _log(work: Work, about: Appointment) -> None:
    """The processing log knows an unproven person by the hash of the contact."""
    if subject := about.citizen_id or about.contact_hash:
        await log_processing(work, data_subject=subject)
