"""Mail and SMS over real protocols: what stands in them, that each goes once, and what happens when they do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import icalendar
import pytest
from pydantic import SecretStr

import balie.tables  # noqa: F401
from balie.actors import ANONYMOUS
from balie.app import make_app
from balie.booking import service
from balie.booking.messages import Post, send_message
from balie.booking.rules import Audience, ContactDetails, DeliveryState, sms_parts
from balie.booking.service import SEND_MESSAGE
from balie.demo.receivers import Receivers, receive
from balie.desk.timers import Started
from balie.external.http import Http
from balie.external.mail import MailServer, NotAccepted
from balie.external.notifynl import NotifyNL
from balie.identity import service as identity
from balie.jobs import Runner
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.settings import Settings
from balie.web import pages
from balie.work import Works, system_clock
from tests.booking.builders import Town, a_town, an_appointment, tomorrow
from tests.conftest import Clock

D = DeliveryState


@pytest.fixture
async def receivers() -> AsyncIterator[Receivers]:
    async with receive() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, receivers: Receivers) -> Settings:
    return Settings(
        demo=True,
        data_dir=tmp_path,
        keys_dir=tmp_path / "keys",
        origin="https://balie.voorbeeld.nl",
        smtp_host="127.0.0.1",
        smtp_port=receivers.smtp_port,
        notify_url=f"http://127.0.0.1:{receivers.notify_port}",
        notify_service_id=receivers.service_id,
        notify_secret=SecretStr(receivers.secret),
        notify_template_id="proef",
    )


@pytest.fixture
def clock() -> Clock:
    """The receivers look at the age of what is signed, so these tests begin now."""
    now = system_clock().replace(second=0, microsecond=0)
    return Clock(now - timedelta(minutes=now.minute % 10))


@pytest.fixture
async def town(works: Works, settings: Settings) -> AsyncIterator[Town]:
    works.put(Started, Started(works.clock()))
    app = make_app(works)
    async with Http() as http:
        works.put(Post, Post(app[pages.KEY], MailServer(settings), SignedNow(settings, http)))
        yield await a_town(works, seats=9, from_local="00:00", until_local="24:00")


class SignedNow(NotifyNL):
    """Signs with the real time: the clock of a test may be hours away."""

    def _headers(self, now):  # type: ignore[no-untyped-def]
        return super()._headers(system_clock())


async def run_jobs(works: Works) -> None:
    """Everything that is due now."""
    runner = Runner(works, {SEND_MESSAGE: send_message})
    while await runner.run_one():
        pass


async def states(town: Town, appointment_id: str) -> dict[str, DeliveryState]:
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        return {f"{m.kind}.{m.channel}": m.state for m in await service.messages_of(work, [appointment_id])}


async def undelivered(town: Town, appointment_id: str) -> bool:
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        return await service.has_undelivered(work, appointment_id)


async def test_a_booking_sends_one_mail_and_one_sms_with_the_link_that_opens(
    town: Town, receivers: Receivers, clock: Clock
) -> None:
    booked = await an_appointment(town, tomorrow(clock.now))
    assert list(receivers.outbox.messages) == []
    await run_jobs(town.works)
    await run_jobs(town.works)
    by_channel = {message.channel: message for message in receivers.outbox.messages}
    assert (len(receivers.outbox.messages), sorted(by_channel)) == (2, ["mail", "sms"])
    sms, mail = by_channel["sms"], by_channel["mail"]
    assert (sms.to, mail.to, mail.subject) == ("+31612345678", "fatima@voorbeeld.nl", "Uw afspraak is gemaakt")
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        link = f"https://balie.voorbeeld.nl/a/{await service.link_of(work, booked.id)}"
        opened = await identity.open_link(work, link.rpartition("/")[2])
    assert opened.appointment_id == booked.id
    assert link in sms.text
    assert link in mail.text
    assert await states(town, booked.id) == {"booked.sms": D.DONE, "booked.mail": D.DONE}
    for text in (sms.text, mail.text, mail.subject):
        assert "Fatima" not in text
        assert "Vries" not in text


async def test_the_first_sms_says_what_was_agreed_in_two_parts_at_most(
    town: Town, receivers: Receivers, clock: Clock
) -> None:
    await an_appointment(town, tomorrow(clock.now))
    await run_jobs(town.works)
    text = next(m.text for m in receivers.outbox.messages if m.channel == "sms")
    assert text.startswith("Gemeente Voorbeeld. U praat met ons op ")
    assert text.endswith("Kunt u niet komen? Druk ook op de link. Vragen? Bel 14 010.")
    assert sms_parts(text) <= 2
    assert "Verhuizing" not in text
    words = [len(s.split()) for s in text.replace("?", ".").split(". ")]
    assert max(words) <= 12


async def test_the_mail_carries_a_calendar_file_that_moves_and_goes_away(
    town: Town, receivers: Receivers, clock: Clock
) -> None:
    mail_only = ContactDetails(mail="fatima@voorbeeld.nl")
    booked = await an_appointment(town, tomorrow(clock.now), contact=mail_only)
    await run_jobs(town.works)
    later = tomorrow(clock.now) + timedelta(hours=1)
    await service.reschedule(town.works, ANONYMOUS, booked.id, later, Audience.CITIZEN)
    await run_jobs(town.works)
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
        await service.cancel(work, booked.id, Audience.CITIZEN)
    await run_jobs(town.works)
    calendars = [icalendar.Calendar.from_ical(m.files[0][1]) for m in reversed(receivers.outbox.messages)]
    assert [calendar["METHOD"] for calendar in calendars] == ["REQUEST", "REQUEST", "CANCEL"]
    entries = [calendar.walk("VEVENT")[0] for calendar in calendars]
    assert [entry["SEQUENCE"] for entry in entries] == [0, 1, 2]
    assert len({entry["UID"] for entry in entries}) == 1
    assert entries[1].decoded("DTSTART") == later
    assert not [m for m in receivers.outbox.messages if "Verhuizing" in m.files[0][1]]


async def test_a_discreet_product_stands_in_no_message(
    works: Works, town: Town, receivers: Receivers, clock: Clock
) -> None:
    discreet = await a_town(works, from_local="00:00", until_local="24:00", is_discreet=True)
    await an_appointment(discreet, tomorrow(clock.now))
    await run_jobs(works)
    whole = " ".join(m.subject + m.text + str(m.files) for m in receivers.outbox.messages)
    assert len(receivers.outbox.messages) == 2
    for word in ("Verhuizing", "Huurcontract"):
        assert word not in whole


async def test_with_the_mail_server_down_the_appointment_stands_and_is_told_later_once(
    town: Town, receivers: Receivers, settings: Settings, clock: Clock
) -> None:
    post = town.works.get(Post)
    down = settings.model_copy(update={"smtp_port": 1, "notify_url": "http://127.0.0.1:1"})
    async with Http() as http:
        town.works.put(Post, Post(post.pages, MailServer(down), NotifyNL(down, http)))
        booked = await an_appointment(town, tomorrow(clock.now))
        await run_jobs(town.works)
    assert await states(town, booked.id) == {"booked.sms": D.WAITING, "booked.mail": D.WAITING}
    assert await undelivered(town, booked.id)
    town.works.put(Post, post)
    clock.move(minutes=1)
    await run_jobs(town.works)
    assert await states(town, booked.id) == {"booked.sms": D.DONE, "booked.mail": D.DONE}
    assert not await undelivered(town, booked.id)
    clock.move(hours=2)
    await run_jobs(town.works)
    assert len(receivers.outbox.messages) == 2


async def test_a_message_that_fails_for_a_day_is_given_up_and_staff_see_it(
    town: Town, settings: Settings, clock: Clock
) -> None:
    post = town.works.get(Post)
    down = settings.model_copy(update={"smtp_port": 1})
    town.works.put(Post, Post(post.pages, MailServer(down), post.notify))
    mail_only = ContactDetails(mail="fatima@voorbeeld.nl")
    booked = await an_appointment(town, tomorrow(clock.now, 50), contact=mail_only)
    for _ in range(40):
        await run_jobs(town.works)
        clock.move(minutes=61)
    assert await states(town, booked.id) == {"booked.mail": D.DEAD}
    assert await undelivered(town, booked.id)


async def test_the_sixth_message_to_one_address_in_a_day_is_parked(
    town: Town, receivers: Receivers, clock: Clock
) -> None:
    mobile_only = ContactDetails("+31612345678")
    booked = await an_appointment(town, tomorrow(clock.now, 30), contact=mobile_only)
    await run_jobs(town.works)
    for _ in range(5):
        async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
            await service.send_link_again(work, booked.id)
        await run_jobs(town.works)
    assert len(receivers.outbox.messages) == 5
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        sent = await service.messages_of(work, [booked.id])
    assert [m.state for m in sent].count(D.PARKED) == 1
    assert await undelivered(town, booked.id)


async def test_a_message_of_an_appointment_that_is_off_is_not_sent(
    town: Town, receivers: Receivers, clock: Clock
) -> None:
    booked = await an_appointment(town, tomorrow(clock.now), contact=ContactDetails("+31612345678"))
    async with town.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
        await service.cancel(work, booked.id, Audience.CITIZEN)
    await run_jobs(town.works)
    assert len(receivers.outbox.messages) == 1
    assert "afgezegd" in receivers.outbox.messages[0].text


async def test_without_a_provider_staff_see_that_nothing_arrives(town: Town, settings: Settings, clock: Clock) -> None:
    post = town.works.get(Post)
    bare = settings.model_copy(update={"smtp_host": "", "notify_url": ""})
    async with Http() as http:
        town.works.put(Post, Post(post.pages, MailServer(bare), NotifyNL(bare, http)))
        booked = await an_appointment(town, tomorrow(clock.now))
        await run_jobs(town.works)
    assert set((await states(town, booked.id)).values()) == {D.DEAD}
    assert await undelivered(town, booked.id)


async def test_a_refusal_holds_no_address(settings: Settings, clock: Clock) -> None:
    wrong = settings.model_copy(update={"notify_secret": SecretStr("x" * 64)})
    async with Http() as http:
        with pytest.raises(NotAccepted) as refusal:
            await NotifyNL(wrong, http).send_sms(system_clock(), "+31612345678", "tekst", "r")
    assert (refusal.value.code, refusal.value.is_final) == ("notify_403", False)
    assert "612345678" not in str(refusal.value)


async def test_staff_send_a_new_link_and_the_old_one_ends(town: Town, receivers: Receivers, clock: Clock) -> None:
    booked = await an_appointment(town, tomorrow(clock.now), contact=ContactDetails("+31612345678"))
    async with town.works.begin(town.anna, MAKE_APPOINTMENT) as work:
        old = await service.link_of(work, booked.id)
        await service.send_link_again(work, booked.id)
        new = await service.link_of(work, booked.id)
    assert old != new
    await run_jobs(town.works)
    assert all(str(new) in m.text for m in receivers.outbox.messages)
