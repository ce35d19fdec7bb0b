"""Hold, book, move, cancel, keep and miss on a real database: the transitions A1 to A9 and their effects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from balie.actors import ANONYMOUS, Actor, system
from balie.booking import holding, service, store
from balie.booking.rules import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentRescheduled,
    AppointmentState,
    Audience,
    ContactDetails,
    MessageKind,
    ProductState,
)
from balie.booking.slots import ClosedDay, EmptyReason, LocalPeriod
from balie.errors import (
    AlreadyBooked,
    Conflict,
    HoldExpired,
    Invalid,
    LinkExpired,
    LinkReplaced,
    NotFound,
    NotLive,
    SlotNotOffered,
    SlotTaken,
    TooEarly,
    TooLate,
    TooManyAppointments,
)
from balie.identity import service as identity
from balie.ids import new_id
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.work import Works
from tests.booking.builders import BROWSER, FATIMA, Town, a_hold, a_town, an_appointment, claims, tomorrow
from tests.conftest import Clock

S = AppointmentState


async def reload(works: Works, appointment_id: str) -> service.Appointment:
    async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        return await service.appointment(work, appointment_id)


async def events(works: Works, appointment_id: str) -> list[str]:
    async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        return await store.events_of(work, appointment_id)  # type: ignore[arg-type]


async def act(town: Town, use_case, *arguments, actor: Actor = ANONYMOUS):  # type: ignore[no-untyped-def]
    async with town.works.begin(actor, MAKE_APPOINTMENT) as work:
        return await use_case(work, *arguments)


# Holding


async def test_a_hold_claims_every_tick_of_service_and_buffer(works: Works, now: datetime) -> None:
    town = await a_town(works, buffer_minutes=10)
    held = await a_hold(town, tomorrow(now))
    assert (held.state, held.ends_at - held.starts_at) == (S.HELD, timedelta(minutes=20))
    assert held.expires_at == now + timedelta(minutes=10)
    assert held.starts_local == "2026-12-05T14:00"
    assert len(await claims(works)) == 6


async def test_a_taken_time_is_refused_with_the_three_nearest(town: Town, now: datetime) -> None:
    await a_hold(town, tomorrow(now))
    with pytest.raises(SlotTaken):
        await a_hold(town, tomorrow(now), "another browser")
    near = await act(town, service.near, town.wish(), tomorrow(now))
    assert [slot.starts_local.strftime("%H:%M") for slot in near] == ["13:30", "13:40", "14:20"]


@pytest.mark.parametrize("hours", [-1, 24 + 5, 24 + 0.05, 24 * 61])
async def test_a_time_that_is_not_offered_is_refused(town: Town, now: datetime, hours: float) -> None:
    with pytest.raises(SlotNotOffered):
        await a_hold(town, tomorrow(now, hours))
    assert await claims(town.works) == []


async def test_an_expired_hold_is_free_at_once_without_any_job(town: Town, clock: Clock, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    clock.move(minutes=10)
    days = await act(town, service.find_slots, town.wish(), date(2026, 12, 5), date(2026, 12, 5))
    assert tomorrow(now) in [slot.starts_at for slot in days[0].slots]
    again = await a_hold(town, tomorrow(now), "another browser")
    assert (await reload(town.works, held.id)).state is S.EXPIRED
    assert {row[0] for row in await claims(town.works)} == {again.id}
    assert await events(town.works, held.id) == ["held", "expired"]


async def test_choosing_another_time_five_times_does_not_lengthen_the_hold(
    town: Town, clock: Clock, now: datetime
) -> None:
    first = await a_hold(town, tomorrow(now))
    for n in range(1, 6):
        clock.move(seconds=30)
        moved = await a_hold(town, tomorrow(now) + timedelta(minutes=10 * n))
    assert (moved.id, moved.expires_at) == (first.id, first.expires_at)
    assert len(await claims(town.works)) == 4


async def test_one_browser_has_one_hold_also_for_another_product(town: Town, works: Works, now: datetime) -> None:
    first = await a_hold(town, tomorrow(now))
    other = await a_town(works)
    second = await a_hold(other, tomorrow(now))
    assert (await reload(works, first.id)).state is S.EXPIRED
    assert {row[0] for row in await claims(works)} == {second.id}


async def test_a_hold_is_extended_once_and_to_twenty_minutes_at_most(town: Town, clock: Clock, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    clock.move(minutes=9)
    for _ in range(3):
        extended = await act(town, service.extend_hold, held.id, BROWSER)
    assert extended.expires_at == now + timedelta(minutes=20)
    clock.move(minutes=11)
    with pytest.raises(HoldExpired):
        await act(town, service.extend_hold, held.id, BROWSER)


async def test_the_simplified_view_holds_longer_and_takes_longer(town: Town, now: datetime) -> None:
    held = await service.hold(town.works, ANONYMOUS, town.wish(simplified=True), tomorrow(now), BROWSER, new_id())
    assert held.expires_at == now + timedelta(minutes=20)
    assert held.ends_at - held.starts_at == timedelta(minutes=30)


async def test_choosing_simplified_later_makes_the_same_hold_longer(town: Town, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    longer = await service.hold(town.works, ANONYMOUS, town.wish(simplified=True), tomorrow(now), BROWSER, new_id())
    assert (longer.id, longer.needs.simplified) == (held.id, True)
    assert len(await claims(town.works)) == 6


async def test_leaving_frees_the_time_at_once(town: Town, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    await act(town, service.let_go, BROWSER)
    assert (await claims(town.works), (await reload(town.works, held.id)).state) == ([], S.EXPIRED)


async def test_a_draft_product_and_one_for_staff_cannot_be_held_by_a_citizen(works: Works, now: datetime) -> None:
    hidden = [{"state": ProductState.DRAFT}, {"state": ProductState.RETIRED}, {"bookable_by": Audience.STAFF}]
    for changed in hidden:
        town = await a_town(works, **changed)
        with pytest.raises(NotFound):
            await a_hold(town, tomorrow(now))
    by_staff = town.wish(Audience.STAFF)
    held = await service.hold(works, town.anna, by_staff, tomorrow(now), town.anna.id or "", new_id())
    assert held.state is S.HELD


async def test_the_same_key_again_shows_the_same_appointment(town: Town, now: datetime) -> None:
    key = new_id()
    held = await a_hold(town, tomorrow(now), key=key)
    assert (await a_hold(town, tomorrow(now), key=key)).id == held.id
    await act(town, service.put_person, held.id, BROWSER, "Fatima de Vries", FATIMA)
    await act(town, service.confirm, held.id, BROWSER)
    again = await a_hold(town, tomorrow(now) + timedelta(hours=1), key=key)
    assert (again.id, again.state, again.starts_at) == (held.id, S.BOOKED, tomorrow(now))


async def test_the_key_of_one_browser_is_worth_nothing_in_another(town: Town, now: datetime) -> None:
    key = new_id()
    held = await a_hold(town, tomorrow(now), key=key)
    other = await a_hold(town, tomorrow(now) + timedelta(hours=1), "another browser", key=key)
    assert other.id != held.id
    for use_case in (service.confirm, service.extend_hold):
        with pytest.raises(NotFound):
            await act(town, use_case, held.id, "another browser")


# Confirming


async def test_confirming_twice_gives_one_appointment_and_one_message_per_channel(town: Town, now: datetime) -> None:
    heard: list[object] = []

    async def listen(_work: object, event: object) -> None:
        heard.append(event)

    town.works.listeners.add(AppointmentBooked, listen)
    booked = await an_appointment(town, tomorrow(now))
    again = await act(town, service.confirm, booked.id, BROWSER)
    assert again.id == booked.id
    assert heard == [AppointmentBooked(booked.id)]
    sent = await act(town, service.messages_of, [booked.id])
    assert sorted(m.channel for m in sent) == ["mail", "sms"]
    assert await events(town.works, booked.id) == ["held", "booked"]


async def test_an_expired_hold_is_not_confirmed_and_keeps_what_was_typed(
    town: Town, clock: Clock, now: datetime
) -> None:
    held = await a_hold(town, tomorrow(now))
    await act(town, service.put_person, held.id, BROWSER, "Fatima de Vries", FATIMA)
    clock.move(minutes=10)
    with pytest.raises(HoldExpired):
        await act(town, service.confirm, held.id, BROWSER)
    new = await service.hold(town.works, ANONYMOUS, town.wish(), tomorrow(now), BROWSER, new_id(), after=held.id)
    assert new.id != held.id
    loaded = await reload(town.works, new.id)
    assert loaded.name == "Fatima de Vries"
    assert await act(town, service.contact_details, new.id) == FATIMA
    assert (await act(town, service.confirm, new.id, BROWSER)).state is S.BOOKED


async def test_what_was_typed_goes_along_in_the_same_browser_only(town: Town, clock: Clock, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    await act(town, service.put_person, held.id, BROWSER, "Fatima de Vries", FATIMA)
    clock.move(minutes=10)
    new = await service.hold(
        town.works, ANONYMOUS, town.wish(), tomorrow(now), "another browser", new_id(), after=held.id
    )
    assert (await reload(town.works, new.id)).name is None


async def test_confirming_asks_for_a_person_first(town: Town, now: datetime) -> None:
    held = await a_hold(town, tomorrow(now))
    with pytest.raises(Invalid):
        await act(town, service.confirm, held.id, BROWSER)
    with pytest.raises(Invalid):
        await act(town, service.put_person, held.id, BROWSER, "Fatima de Vries", ContactDetails())


async def test_name_and_contact_details_are_sealed_in_their_row(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        from sqlalchemy import select

        row = (await work.db.execute(select(store.appointment))).mappings().one()
    stored = b"".join(value for value in row.values() if isinstance(value, bytes)) + str(dict(row)).encode()
    for secret in (b"Fatima", b"612345678", b"voorbeeld.nl"):
        assert secret not in stored
    assert booked.name == "Fatima de Vries"


async def test_one_contact_has_three_open_appointments_at_most(town: Town, now: datetime) -> None:
    for n in range(3):
        await an_appointment(town, tomorrow(now) + timedelta(hours=n))
    with pytest.raises(TooManyAppointments):
        await an_appointment(town, tomorrow(now) + timedelta(hours=3))
    await an_appointment(town, tomorrow(now) - timedelta(hours=3), contact=ContactDetails(mail="bram@voorbeeld.nl"))


async def test_the_same_contact_at_the_same_time_in_another_browser_gets_a_message_only(
    works: Works, now: datetime
) -> None:
    town = await a_town(works, seats=2)
    first = await an_appointment(town, tomorrow(now))
    with pytest.raises(AlreadyBooked):
        await an_appointment(town, tomorrow(now), "another browser")
    await act(town, service.already_booked, tomorrow(now), FATIMA)
    kinds = [m.kind for m in await act(town, service.messages_of, [first.id])]
    assert kinds.count(MessageKind.LINK_AGAIN) == 2


async def test_a_failing_listener_undoes_the_booking_and_its_messages(town: Town, now: datetime) -> None:
    async def fail(_work: object, _event: object) -> None:
        raise RuntimeError("documents could not be asked")

    town.works.listeners.add(AppointmentBooked, fail)
    with pytest.raises(RuntimeError):
        await an_appointment(town, tomorrow(now))
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        held = await service.hold_of(work, BROWSER)
        assert held is not None and held.state is S.HELD
        assert await service.messages_of(work, [held.id]) == []


# Moving


async def test_moving_ten_minutes_keeps_the_shared_ticks_although_the_desk_is_full(town: Town, now: datetime) -> None:
    heard: list[object] = []

    async def listen(_work: object, event: object) -> None:
        heard.append(event)

    town.works.listeners.add(AppointmentRescheduled, listen)
    booked = await an_appointment(town, tomorrow(now))
    old_link = await act(town, service.link_of, booked.id)
    later = tomorrow(now) + timedelta(minutes=10)
    moved = await service.reschedule(town.works, ANONYMOUS, booked.id, later, Audience.CITIZEN)
    assert (moved.starts_at, moved.version, moved.ics_sequence) == (later, 2, 1)
    assert len(await claims(town.works)) == 4
    assert heard == [AppointmentRescheduled(booked.id)]
    with pytest.raises(LinkReplaced):
        await act(town, identity.open_link, old_link)
    opened = await act(town, identity.open_link, await act(town, service.link_of, booked.id))
    assert opened.appointment_id == booked.id
    assert await events(town.works, booked.id) == ["held", "booked", "rescheduled"]


async def test_moving_to_a_taken_time_changes_nothing(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    await a_hold(town, tomorrow(now) + timedelta(hours=1), "another browser")
    before = await claims(town.works)
    with pytest.raises(SlotTaken):
        await service.reschedule(town.works, ANONYMOUS, booked.id, tomorrow(now) + timedelta(hours=1), Audience.CITIZEN)
    assert await claims(town.works) == before
    assert (await reload(town.works, booked.id)) == booked
    assert len(await act(town, service.messages_of, [booked.id])) == 2


async def test_two_people_who_swap_full_times_are_both_refused(works: Works, now: datetime) -> None:
    town = await a_town(works)
    one = await an_appointment(town, tomorrow(now))
    bram = ContactDetails(mail="bram@voorbeeld.nl")
    two = await an_appointment(town, tomorrow(now) + timedelta(minutes=20), "another browser", bram)
    for mine, theirs in ((one, two), (two, one)):
        with pytest.raises(SlotTaken):
            await service.reschedule(works, ANONYMOUS, mine.id, theirs.starts_at, Audience.CITIZEN)


async def test_moving_keeps_the_length_although_the_product_became_longer(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    longer = replace(town.product, duration_minutes=60)
    await act(town, service.put_product, longer, [town.pool.id], actor=system("test"))
    later = tomorrow(now) + timedelta(hours=1)
    moved = await service.reschedule(town.works, ANONYMOUS, booked.id, later, Audience.CITIZEN)
    assert moved.ends_at - moved.starts_at == timedelta(minutes=20)


async def test_moving_to_the_past_or_too_late_is_refused(town: Town, clock: Clock, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    with pytest.raises(SlotNotOffered):
        await service.reschedule(town.works, ANONYMOUS, booked.id, now - timedelta(hours=1), Audience.CITIZEN)
    clock.now = tomorrow(now) - timedelta(minutes=59)
    later = tomorrow(now) + timedelta(hours=1)
    with pytest.raises(TooLate):
        await service.reschedule(town.works, ANONYMOUS, booked.id, later, Audience.CITIZEN)
    moved = await service.reschedule(town.works, town.anna, booked.id, later, Audience.STAFF)
    assert moved.starts_at == later


# Cancelling


async def test_cancelling_frees_the_time_ends_the_links_and_is_told(town: Town, now: datetime) -> None:
    heard: list[object] = []

    async def listen(_work: object, event: object) -> None:
        heard.append(event)

    town.works.listeners.add(AppointmentCancelled, listen)
    booked = await an_appointment(town, tomorrow(now))
    link = await act(town, service.link_of, booked.id)
    cancelled = await act(town, service.cancel, booked.id, Audience.CITIZEN)
    assert (cancelled.state, cancelled.cancelled_by, cancelled.ics_sequence) == (S.CANCELLED, "citizen", 1)
    assert await claims(town.works) == []
    assert heard == [AppointmentCancelled(booked.id)]
    with pytest.raises(LinkExpired):
        await act(town, identity.open_link, link)
    with pytest.raises(TooLate):
        await act(town, service.cancel, booked.id, Audience.CITIZEN)


async def test_the_municipality_cancels_with_a_reason_only(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    with pytest.raises(Invalid):
        await act(town, service.cancel, booked.id, Audience.STAFF, " ", actor=town.anna)
    cancelled = await act(town, service.cancel, booked.id, Audience.STAFF, "Anna is ziek", actor=town.anna)
    assert (cancelled.cancelled_by, cancelled.cancel_reason) == ("municipality", "Anna is ziek")
    kinds = [m.kind for m in await act(town, service.messages_of, [booked.id])]
    assert kinds.count(MessageKind.CANCELLED_BY_MUNICIPALITY) == 2


# At the desk


async def test_check_in_keeps_the_appointment_once(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    assert (await act(town, service.keep, booked.id, booked.version)).state is S.KEPT
    with pytest.raises(TooLate):
        await act(town, service.keep, booked.id, booked.version)


async def test_check_in_with_the_version_of_before_a_move_is_refused(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    later = tomorrow(now) + timedelta(hours=1)
    await service.reschedule(town.works, ANONYMOUS, booked.id, later, Audience.CITIZEN)
    with pytest.raises(Conflict):
        await act(town, service.keep, booked.id, booked.version)


async def test_who_does_not_come_is_missed_after_the_grace(town: Town, clock: Clock, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    sweep = system("desk.sweep")
    clock.now = tomorrow(now) + timedelta(minutes=14, seconds=59)
    assert await act(town, service.due_to_miss) == []
    with pytest.raises(TooEarly):
        await act(town, service.miss, booked.id, actor=sweep)
    clock.move(seconds=1)
    assert [each.id for each in await act(town, service.due_to_miss)] == [booked.id]
    assert (await act(town, service.miss, booked.id, actor=sweep)).state is S.MISSED
    assert await claims(town.works) == []
    assert await act(town, service.due_to_miss) == []


async def test_staff_may_call_it_missed_from_five_minutes_after_the_start(
    town: Town, clock: Clock, now: datetime
) -> None:
    booked = await an_appointment(town, tomorrow(now))
    clock.now = tomorrow(now) + timedelta(minutes=4)
    with pytest.raises(TooEarly):
        await act(town, service.miss, booked.id, actor=town.anna)
    clock.move(minutes=1)
    await act(town, service.miss, booked.id, actor=town.anna)


async def test_a_simplified_appointment_is_due_at_the_end_of_its_day(town: Town, clock: Clock, now: datetime) -> None:
    await an_appointment(town, tomorrow(now), simplified=True)
    clock.now = datetime(2026, 12, 5, 22, 59, tzinfo=UTC)
    assert await act(town, service.due_to_miss) == []
    clock.move(minutes=1)
    assert len(await act(town, service.due_to_miss)) == 1


async def test_who_was_missed_is_kept_by_staff_the_same_day_only(town: Town, clock: Clock, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    clock.now = tomorrow(now) + timedelta(minutes=15)
    await act(town, service.miss, booked.id, actor=system("desk.sweep"))
    with pytest.raises(TooLate):
        await act(town, service.keep_late, booked.id)
    clock.now = datetime(2026, 12, 5, 23, 0, tzinfo=UTC)
    with pytest.raises(TooLate):
        await act(town, service.keep_late, booked.id, actor=town.anna)
    clock.now = datetime(2026, 12, 5, 22, 59, tzinfo=UTC)
    assert (await act(town, service.keep_late, booked.id, actor=town.anna)).state is S.KEPT


@pytest.mark.parametrize("ended", [S.EXPIRED, S.CANCELLED, S.KEPT, S.MISSED])
async def test_nothing_but_a_late_comer_leads_out_of_an_ended_appointment(
    town: Town, clock: Clock, now: datetime, ended: AppointmentState
) -> None:
    if ended is S.EXPIRED:
        appointment = await a_hold(town, tomorrow(now))
        await act(town, service.let_go, BROWSER)
    else:
        appointment = await an_appointment(town, tomorrow(now))
        if ended is S.CANCELLED:
            await act(town, service.cancel, appointment.id, Audience.CITIZEN)
        elif ended is S.KEPT:
            await act(town, service.keep, appointment.id, 1)
        else:
            clock.now = tomorrow(now) + timedelta(minutes=15)
            await act(town, service.miss, appointment.id, actor=system("desk.sweep"))
    before = await events(town.works, appointment.id)
    later = tomorrow(now) + timedelta(hours=2)
    for audience, actor in ((Audience.CITIZEN, ANONYMOUS), (Audience.STAFF, town.anna)):
        with pytest.raises(TooLate):
            await service.reschedule(town.works, actor, appointment.id, later, audience)
        with pytest.raises(TooLate):
            await act(town, service.cancel, appointment.id, audience, "reden", actor=actor)
        with pytest.raises(TooLate):
            await act(town, service.keep, appointment.id, 1, actor=actor)
        with pytest.raises(TooLate):
            await act(town, service.miss, appointment.id, actor=actor)
    for use_case in (service.extend_hold, service.confirm):
        with pytest.raises(HoldExpired):
            await act(town, use_case, appointment.id, BROWSER)
    assert await events(town.works, appointment.id) == before


# Staff, admin, retention


async def test_staff_book_for_somebody_on_the_phone_in_one_go(town: Town, now: datetime) -> None:
    key = new_id()
    wish = town.wish(Audience.STAFF)
    for _ in range(2):
        booked = await service.book_for(town.works, town.anna, wish, tomorrow(now), "Fatima de Vries", FATIMA, key)
    day = await act(town, service.appointments_of_day, town.desk.id, date(2026, 12, 5))
    assert [(each.id, each.name, each.state) for each in day] == [(booked.id, "Fatima de Vries", S.BOOKED)]


async def test_when_staff_cannot_book_the_time_is_free_again(works: Works, now: datetime) -> None:
    town = await a_town(works, seats=2)
    await an_appointment(town, tomorrow(now))
    with pytest.raises(AlreadyBooked):
        await service.book_for(
            works, town.anna, town.wish(Audience.STAFF), tomorrow(now), "Fatima de Vries", FATIMA, new_id()
        )
    assert len(await claims(works)) == 4


async def test_a_closed_day_closes_and_what_is_booked_stays(town: Town, now: datetime) -> None:
    booked = await an_appointment(town, tomorrow(now))
    day = date(2026, 12, 5)
    await act(town, service.put_closed_day, ClosedDay("", day, "Sinterklaas"), actor=system("test"))
    found = await act(town, service.find_slots, town.wish(), day, day)
    assert found[0].reason is EmptyReason.CLOSED
    assert (await reload(town.works, booked.id)).state is S.BOOKED
    with pytest.raises(Invalid):
        await act(town, service.put_closed_day, ClosedDay("", day, "Nog eens"), actor=system("test"))


async def test_special_hours_count_in_the_place_of_the_week(town: Town, now: datetime) -> None:
    day = date(2026, 12, 24)
    periods = [LocalPeriod("09:00", "09:30")]
    await act(town, service.put_special_hours, town.pool.id, day, periods, actor=system("test"))
    found = await act(town, service.find_slots, town.wish(), day, day)
    assert len(found[0].slots) == 2
    until = await act(town, service.opening_until, town.desk.id, day)
    assert until == datetime(2026, 12, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "period",
    [("9:00", "17:00"), ("09:00", "09:00"), ("17:00", "09:00"), ("09:00", "24:05"), ("09:02", "10:00")],
)
async def test_odd_opening_hours_are_refused(town: Town, period: tuple[str, str]) -> None:
    from balie.booking.slots import WeeklyHours

    with pytest.raises(Invalid):
        await act(
            town, service.put_opening_hours, town.pool.id, WeeklyHours(1, LocalPeriod(*period)), actor=system("test")
        )


async def test_a_product_that_misses_something_does_not_go_live(town: Town) -> None:
    for changed in ({"plain_name": {}}, {"is_retention_confirmed": False}):
        with pytest.raises(NotLive):
            await act(town, service.put_product, replace(town.product, **changed), [town.pool.id], actor=system("test"))
    for changed in ({"duration_minutes": 12}, {"name": {}}, {"slug": "Groot Woord"}, {"slot_step_minutes": 0}):
        with pytest.raises(Invalid):
            await act(town, service.put_product, replace(town.product, **changed), [town.pool.id], actor=system("test"))
    with pytest.raises(Invalid):
        await act(town, service.put_product, town.product, [], actor=system("test"))


async def test_holds_are_destroyed_after_a_day_and_contact_details_after_thirty(
    town: Town, clock: Clock, now: datetime
) -> None:
    from balie.booking import wiring

    booked = await an_appointment(town, tomorrow(now))
    held = await a_hold(town, tomorrow(now) + timedelta(hours=1))
    clock.now = now + timedelta(hours=24, minutes=9)
    assert await act(town, wiring._destroy_holds, clock.now) == 0
    clock.move(minutes=2)
    assert await act(town, wiring._destroy_holds, clock.now) == 1
    with pytest.raises(NotFound):
        await reload(town.works, held.id)
    clock.now = booked.starts_at + timedelta(days=30)
    assert await act(town, wiring._erase_contact_details, clock.now) == 0
    clock.move(seconds=1)
    assert await act(town, wiring._erase_contact_details, clock.now) == 1
    left = await reload(town.works, booked.id)
    assert (left.name, left.has_contact_details, left.contact_hash) == (None, False, None)
    assert await act(town, service.messages_of, [booked.id]) == []
    assert await act(town, wiring._erase_contact_details, clock.now) == 0


async def test_one_question_takes_four_queries_and_every_empty_day_has_a_reason(works: Works, now: datetime) -> None:
    from sqlalchemy import event

    town = await a_town(works)
    statements: list[str] = []
    event.listen(
        works.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    days = await act(town, service.find_slots, town.wish(), date(2026, 12, 4), date(2027, 1, 3))
    assert len([s for s in statements if s.startswith("SELECT")]) == 4
    assert all(bool(day.slots) == (day.reason is None) for day in days)


async def test_the_spring_and_autumn_nights_can_be_booked(works: Works, clock: Clock) -> None:
    town = await a_town(works, from_local="01:00", until_local="04:00", horizon_days=400)
    clock.now = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)
    days = await act(town, service.find_slots, town.wish(), date(2026, 10, 25), date(2026, 10, 25))
    twice = [slot for slot in days[0].slots if slot.starts_local.strftime("%H:%M") == "02:30"]
    assert len(twice) == 2
    for n, slot in enumerate(twice):
        held = await a_hold(town, slot.starts_at, f"browser {n}")
        assert held.starts_local == "2026-10-25T02:30"


async def test_the_wish_of_several_persons_takes_longer(works: Works, now: datetime) -> None:
    town = await a_town(works, duration_minutes=10, from_local="11:00", until_local="12:00")
    wish = replace(town.wish(), lines=((town.product, 2),))
    found = await act(town, service.find_slots, wish, date(2026, 12, 5), date(2026, 12, 5))
    assert found[0].slots[-1].starts_local.strftime("%H:%M") == "11:40"
    with pytest.raises(NotFound):
        five = replace(wish, lines=((town.product, 5),))
        await holding.hold(works, ANONYMOUS, five, tomorrow(now, 22), BROWSER, new_id())
