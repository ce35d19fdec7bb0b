"""The agenda and the administrator's pages over a real server without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path

import pytest

import balie.tables  # noqa: F401
from balie.actors import RUN_SERVICE, system
from balie.booking import service
from balie.booking.rules import AppointmentState, ProductState
from balie.identity import service as identity
from balie.privacy.purposes import HELP_CITIZEN
from balie.settings import Settings
from balie.work import Works
from tests.booking.browser import Browser, Page, free_port, serve
from tests.booking.builders import Town, a_hold, a_town, an_appointment, tomorrow
from tests.conftest import Clock

Enter = Callable[..., Awaitable[Browser]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", origin=f"http://127.0.0.1:{free_port()}")


@pytest.fixture
async def enter(works: Works, town: Town) -> AsyncIterator[Enter]:
    """A browser in which somebody of the staff is signed in."""
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serve(works))

        async def make(*roles: str, name: str = "Anna", desk_id: str | None = None) -> Browser:
            async with works.begin(system("test"), RUN_SERVICE) as work:
                member, session = await identity.sign_in_staff(
                    work, issuer="proef", subject=name, name=name, email=None, roles=roles, desks=()
                )
                await identity.set_desks(work, member.id, (desk_id or town.desk.id,))
            browser = Browser(origin)
            stack.push_async_callback(browser.close)
            browser.set_cookie("balie-medewerker", session.token)
            return browser

        yield make


ANSWERS = {"name": "Fatima de Vries", "mobile": "06 12 34 56 78", "language": "tr", "interpreter": "spoken"}


async def to_form(browser: Browser, label: str = "15:00 uur") -> Page:
    agenda = await browser.get("/medewerker/agenda")
    products = await browser.get(agenda.links()["Nieuwe afspraak"])
    times = await browser.get(products.links()["Verhuizing doorgeven"] + "&dag=2026-12-04")
    value = next(value for text, value in times.buttons("starts_at") if text == label)
    _, fields = times.form("/nieuw")
    query = "&".join(f"{name}={text}" for name, text in {**fields, "starts_at": value}.items())
    return await browser.get(f"/medewerker/agenda/nieuw?{query}")


async def test_anna_books_for_fatima_on_the_phone(town: Town, enter: Enter) -> None:
    browser = await enter("staff")
    form = await to_form(browser)
    agenda = await browser.send(form, "/nieuw", **ANSWERS)
    assert (agenda.status, agenda.h1) == (200, f"Agenda van {town.desk.name}")
    for word in ("De afspraak is gemaakt.", "Fatima de Vries", "Tolk", "Taal", "geboekt", "15:00 uur"):
        assert word in agenda.words
    again = await browser.send(form, "/nieuw", **ANSWERS)
    assert again.words.count("Fatima de Vries") == 1
    assert "Fatima" not in again.tree.xpath("//title")[0].text_content()


async def test_everything_typed_stays_when_the_time_is_taken_or_an_answer_is_wrong(town: Town, enter: Enter) -> None:
    browser = await enter("staff")
    form = await to_form(browser)
    wrong = await browser.send(form, "/nieuw", **{**ANSWERS, "mobile": "12"})
    assert (wrong.status, "Dit is geen mobiel nummer." in wrong.words) == (400, True)
    assert wrong.form("/nieuw")[1]["starts_at"] == form.form("/nieuw")[1]["starts_at"]
    await a_hold(town, tomorrow(town.works.clock(), 1), "another browser")
    taken = await browser.send(wrong, "/nieuw", **ANSWERS)
    assert (taken.status, "Deze tijd is al weg" in taken.words) == (409, True)
    assert taken.form("/nieuw")[1]["name"] == "Fatima de Vries"
    times = taken.tree.xpath("//input[@name='starts_at']/@value")
    assert len(times) == 3
    assert (await browser.send(taken, "/nieuw", starts_at=times[0])).status == 200


async def test_anna_moves_and_cancels_with_a_reason(town: Town, enter: Enter, works: Works, clock: Clock) -> None:
    booked = await an_appointment(town, tomorrow(clock.now, 1))
    browser = await enter("staff")
    times = await browser.get(f"/medewerker/agenda/{booked.id}/verzetten?dag=2026-12-04")
    value = next(value for text, value in times.buttons("starts_at") if text == "17:00 uur")
    moved = await browser.send(times, "/verzetten", starts_at=value)
    assert ("De afspraak is verzet." in moved.words, "17:00 uur" in moved.words) == (True, True)
    ask = await browser.get(f"/medewerker/agenda/{booked.id}/afzeggen")
    empty = await browser.send(ask, "/afzeggen", reason="  ")
    assert (empty.status, "Vul dit in." in empty.words) == (400, True)
    done = await browser.send(ask, "/afzeggen", reason="Anna is ziek")
    assert ("De afspraak is afgezegd." in done.words, "afgezegd" in done.words) == (True, True)
    async with works.begin(system("test"), HELP_CITIZEN, writes=False) as work:
        found = await service.appointment(work, booked.id)
    assert (found.state, found.cancelled_by) == (AppointmentState.CANCELLED, "municipality")


async def test_the_agenda_shows_what_was_not_delivered_and_sends_a_new_link(town: Town, enter: Enter) -> None:
    await an_appointment(town, tomorrow(town.works.clock(), 1))
    browser = await enter("staff")
    agenda = await browser.get("/medewerker/agenda")
    sent = await browser.send(agenda, "/nieuwe-link")
    assert "Er is een nieuwe link gestuurd." in sent.words


@pytest.mark.parametrize(("day", "reason"), [("1-1-2020", "voorbij"), ("1-12-2027", "Zo ver vooruit"), ("x", "vrij")])
async def test_an_empty_day_says_why(town: Town, enter: Enter, day: str, reason: str) -> None:
    browser = await enter("staff")
    page = await browser.get(f"/medewerker/agenda?dag={day}")
    assert "Er zijn geen afspraken op deze dag." in page.words
    assert reason in page.words


async def test_who_is_not_of_the_desk_sees_and_changes_nothing(town: Town, enter: Enter, works: Works) -> None:
    booked = await an_appointment(town, tomorrow(works.clock(), 1))
    other = await a_town(works)
    bram = await enter("staff", name="Bram", desk_id=other.desk.id)
    for address in (f"{booked.id}/verzetten", f"{booked.id}/afzeggen", "x/afzeggen"):
        page = await bram.get(f"/medewerker/agenda/{address}")
        assert (page.status, "Fatima" in page.text) == (404, False)
    assert (await bram.get(f"/medewerker/agenda?balie={town.desk.id}")).status == 404
    assert (await bram.get("/beheer/producten")).status == 403


async def test_without_signing_in_nothing_of_staff_opens(town: Town, enter: Enter) -> None:
    browser = await enter("staff")
    browser.client.cookie_jar.clear()
    for address in ("/medewerker/agenda", "/beheer/producten", "/beheer/openingstijden", "/beheer/gesloten-dagen"):
        page = await browser.get(address)
        assert "inloggen" in page.path


# The administrator


async def test_the_administrator_changes_a_product_and_sees_what_is_missing(
    town: Town, enter: Enter, works: Works
) -> None:
    browser = await enter("admin")
    products = await browser.get("/beheer/producten")
    page = await browser.get(products.links()["Verhuizing doorgeven"])
    wrong = await browser.send(
        page, f"/producten/{town.product.id}", duration_minutes="12", name_nl="", lead_minutes="+5", plain_name_nl="x"
    )
    assert wrong.status == 400
    values = wrong.form(f"/producten/{town.product.id}")[1]
    assert (values["duration_minutes"], values["plain_name_nl"], values["domain"]) == ("12", "x", "burgerzaken")
    five = await browser.send(page, f"/producten/{town.product.id}", duration_minutes="12")
    assert five.tree.xpath("//*[@id='duration_minutes-fout']")
    missing = await browser.send(page, f"/producten/{town.product.id}", plain_name_nl="")
    assert missing.tree.xpath("//*[@id='plain_name_nl-fout']")
    saved = await browser.send(page, f"/producten/{town.product.id}", duration_minutes="25")
    assert "Bewaard." in saved.words
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        after = await service.product(work, town.product.id)
        papers = await service.document_slots(work, town.product.id)
    assert (after.duration_minutes, after.state, after.lead_minutes) == (25, ProductState.LIVE, 0)
    assert [(paper.code, paper.plain_name) for paper in papers] == [("huurcontract", {"nl": "uw huurcontract"})]


async def test_a_new_product_is_booked_by_citizens_once_it_is_open(town: Town, enter: Enter) -> None:
    browser = await enter("admin")
    page = await browser.get("/beheer/producten/nieuw")
    answers = {
        "name_nl": "Paspoort aanvragen", "plain_name_nl": "uw paspoort", "slug": "paspoort", "state": "live",
        "purpose": "Paspoortwet", "domain": "burgerzaken", "department": "Burgerzaken", "pools": town.pool.id,
        "is_retention_confirmed": "ja", "papers": "pasfoto | Pasfoto | uw pasfoto\n",
    }  # fmt: skip
    saved = await browser.send(page, "/producten/nieuw", **answers)
    assert "Paspoort aanvragen" in saved.words
    citizen = await browser.get("/afspraak/maken")
    assert ("Paspoort aanvragen" in citizen.words, "Pasfoto" in citizen.words) == (True, True)
    twice = await browser.send(page, "/producten/nieuw", **answers)
    assert (twice.status, bool(twice.tree.xpath("//*[@id='slug-fout']"))) == (400, True)


async def test_the_administrator_changes_hours_and_closed_days(town: Town, enter: Enter, works: Works) -> None:
    browser = await enter("admin")
    page = await browser.get("/beheer/openingstijden")
    wrong = await browser.send(
        page, "/openingstijden", pool_id=town.pool.id, weekday="6", from_local="9:00", until_local="08:00", seats="x"
    )
    assert wrong.status == 400
    kept = wrong.form("/openingstijden")[1]
    assert (kept["from_local"], kept["until_local"], kept["weekday"]) == ("9:00", "08:00", "6")
    right = {"pool_id": town.pool.id, "weekday": "6", "from_local": "18:00", "until_local": "20:00", "seats": "2"}
    assert "18:00" in (await browser.send(page, "/openingstijden", **right)).words
    special = {"pool_id": town.pool.id, "local_date": "24-12-2026", "from_local": "09:00", "until_local": "15:00"}
    assert "24 december 2026" in (await browser.send(page, "/afwijkend", **special)).words
    closed = await browser.get("/beheer/gesloten-dagen")
    odd = await browser.send(closed, "/gesloten-dagen", local_date="31-2-2027", name="Feest")
    assert (odd.status, "Dit is geen datum." in odd.words) == (400, True)
    shut = await browser.send(closed, "/gesloten-dagen", local_date="25-12-2026", name="Eerste Kerstdag")
    assert "Eerste Kerstdag" in shut.words
    async with works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        days = await service.find_slots(work, town.wish(), date(2026, 12, 24), date(2026, 12, 25))
        until = await service.opening_until(work, town.desk.id, date(2026, 12, 5))
    assert (len(days[0].slots), days[1].reason) == (35, "closed")
    assert until is not None
    opened = await browser.send(shut, "/weg")
    assert "Eerste Kerstdag" not in opened.words
