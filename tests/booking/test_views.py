"""Booking, moving and cancelling over a real server without any script, and what people do wrong on the way."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

import balie.tables  # noqa: F401
from balie.actors import ANONYMOUS
from balie.booking import service
from balie.booking.rules import AppointmentState, ContactDetails
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.settings import Settings
from balie.work import Works
from tests.booking.browser import Browser, Page, free_port, serve
from tests.booking.builders import Town, a_hold, a_town, an_appointment, claims, tomorrow
from tests.conftest import Clock

ANSWERS = {"name": "Fatima de Vries", "mobile": "06 12 34 56 78", "mail": "", "language": "nl", "interpreter": "none"}
Open = Callable[[], Browser]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        demo=True,
        data_dir=tmp_path,
        keys_dir=tmp_path / "keys",
        origin=f"http://127.0.0.1:{free_port()}",
        holds_per_network=1000,
        bookings_per_network=1000,
    )


@pytest.fixture
async def open_browser(works: Works) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serve(works))

        def make() -> Browser:
            browser = Browser(origin)
            stack.push_async_callback(browser.close)
            return browser

        yield make


@pytest.fixture
async def browser(open_browser: Open) -> Browser:
    return open_browser()


async def to_times(browser: Browser, town: Town) -> Page:
    return await browser.get(f"/afspraak/maken/{town.product.slug}?balie={town.desk.id}&dag=2026-12-04")


async def press(browser: Browser, page: Page, label: str) -> Page:
    value = next(value for text, value in page.buttons("starts_at") if text == label)
    return await browser.send(page, "/tijd", starts_at=value)


async def to_check(browser: Browser, town: Town, label: str = "15:00 uur") -> Page:
    details = await press(browser, await to_times(browser, town), label)
    assert details.h1 == "Wie bent u?"
    return await browser.send(details, "/bewaren", **ANSWERS)


async def book(browser: Browser, town: Town, label: str = "15:00 uur") -> Page:
    done = await browser.send(await to_check(browser, town, label), "/bevestigen")
    assert (done.status, done.h1) == (200, "Uw afspraak is klaar")
    return done


def link_on(page: Page) -> str:
    found = re.search(r"/a/[A-Za-z0-9_-]{43}", page.text)
    assert found
    return found[0]


async def test_fatima_books_without_scripts(town: Town, browser: Browser, works: Works) -> None:
    products = await browser.get("/afspraak/maken")
    assert products.h1 == "Waar gaat het over?"
    assert "Verhuizing doorgeven" in products.words
    assert "Huurcontract" in products.words
    times = await browser.get(products.links()["Kies een tijd"])
    assert "Eerste vrije moment" in times.words
    details = await press(browser, times, "15:00 uur")
    assert "vrijdag 4 december om 15:00 uur" in details.words
    check = await browser.send(details, "/bewaren", **ANSWERS)
    for word in ("Klopt dit?", "Fatima de Vries", "06 12345678", "15:00 uur", "Burgerzaken"):
        assert word in check.words
    done = await browser.send(check, "/bevestigen")
    assert done.h1 == "Uw afspraak is klaar"
    assert "•••• 78" in done.words
    link = await browser.get(link_on(done))
    assert link.status == 200
    assert "Fatima" not in link.text
    async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        day = await service.appointments_of_day(work, town.desk.id, work.now.date())
    assert [(each.name, each.state) for each in day] == [("Fatima de Vries", AppointmentState.BOOKED)]


async def test_confirming_twice_and_going_back_show_the_same_appointment(
    town: Town, browser: Browser, works: Works
) -> None:
    times = await to_times(browser, town)
    check = await browser.send(await press(browser, times, "15:00 uur"), "/bewaren", **ANSWERS)
    first = await browser.send(check, "/bevestigen")
    second = await browser.send(check, "/bevestigen")
    third = await press(browser, times, "15:00 uur")
    assert first.path == second.path == third.path
    assert len({row[0] for row in await claims(works)}) == 1


async def test_a_taken_time_offers_three_others(town: Town, browser: Browser, now: object) -> None:
    times = await to_times(browser, town)
    await a_hold(town, town.works.clock() + timedelta(hours=1), "another browser")
    again = await press(browser, times, "15:00 uur")
    assert (again.status, again.h1) == (409, "Wanneer kunt u?")
    assert "Deze tijd is al weg" in again.words
    near = [text for text, _ in again.buttons("starts_at")][:3]
    assert near == [f"vrijdag 4 december om {t} uur" for t in ("14:30", "14:40", "15:20")]
    details = await press(browser, again, near[0])
    assert details.h1 == "Wie bent u?"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "Vul dit in."),
        ({"mobile": "", "mail": ""}, "Vul uw mobiele nummer of uw e-mailadres in."),
        ({"mobile": "061234"}, "Dit is geen mobiel nummer."),
        ({"mail": "fatima"}, "Dit is geen e-mailadres."),
        ({"name": "a" * 300}, "Dit is te lang."),
        ({"language": "xx"}, "Kies een van de mogelijkheden."),
        ({"interpreter": "alien"}, "Kies een van de mogelijkheden."),
    ],
)
async def test_everything_typed_stays_on_an_error(
    town: Town, browser: Browser, wrong: dict[str, str], sentence: str
) -> None:
    details = await press(browser, await to_times(browser, town), "15:00 uur")
    typed = {**ANSWERS, "interpreter": "sign", "companion": "ja", **wrong}
    again = await browser.send(details, "/bewaren", **typed)
    assert (again.status, again.h1) == (400, "Wie bent u?")
    assert sentence in again.words
    _, values = again.form("/bewaren")
    for name in ("name", "mobile", "mail", "companion", "starts_at"):
        assert values[name] == {**details.form("/bewaren")[1], **typed}[name]
    assert "15:00 uur" in again.words
    right = await browser.send(again, "/bewaren", **ANSWERS)
    assert right.h1 == "Klopt dit?"


async def test_a_hold_that_expired_while_typing_goes_on_when_the_time_is_free(
    town: Town, browser: Browser, clock: Clock
) -> None:
    details = await press(browser, await to_times(browser, town), "15:00 uur")
    clock.move(minutes=11)
    check = await browser.send(details, "/bewaren", **ANSWERS)
    assert (check.h1, "15:00 uur" in check.words) == ("Klopt dit?", True)


async def test_a_hold_that_expired_and_was_taken_keeps_what_was_typed_and_offers_near_times(
    town: Town, browser: Browser, clock: Clock
) -> None:
    details = await press(browser, await to_times(browser, town), "15:00 uur")
    clock.move(minutes=11)
    await a_hold(town, clock.now + timedelta(minutes=49), "another browser")
    again = await browser.send(details, "/bewaren", **ANSWERS)
    assert (again.status, again.h1) == (409, "Wie bent u?")
    _, values = again.form("/bewaren")
    assert values["name"] == "Fatima de Vries"
    times = again.tree.xpath("//input[@name='starts_at']/@value")
    assert len(times) == 3
    check = await browser.send(again, "/bewaren", starts_at=times[0])
    assert check.h1 == "Klopt dit?"


async def test_confirming_too_late_keeps_the_answers_and_offers_near_times(
    town: Town, browser: Browser, clock: Clock
) -> None:
    check = await to_check(browser, town)
    clock.move(minutes=11)
    late = await browser.send(check, "/bevestigen")
    assert (late.status, late.h1) == (409, "Klopt dit?")
    assert "Fatima de Vries" in late.words
    assert "niet langer voor u vasthouden" in late.words
    again = await press(browser, late, "vrijdag 4 december om 15:00 uur")
    assert (again.h1, "Fatima de Vries" in again.words) == ("Klopt dit?", True)
    assert (await browser.send(again, "/bevestigen")).h1 == "Uw afspraak is klaar"


async def test_needs_are_kept_and_a_simplified_appointment_is_longer(
    town: Town, browser: Browser, works: Works
) -> None:
    details = await press(browser, await to_times(browser, town), "15:00 uur")
    check = await browser.send(details, "/bewaren", **ANSWERS, simplified="ja", text="ja")
    assert "weinig tekst en hulp bij het starten" in check.words
    assert len(await claims(works)) == 6
    back = await browser.get("/afspraak/gegevens")
    _, values = back.form("/bewaren")
    assert (values["name"], values["simplified"], values["text"]) == ("Fatima de Vries", "ja", "ja")


async def test_more_time_and_stopping(town: Town, browser: Browser, clock: Clock, works: Works) -> None:
    details = await press(browser, await to_times(browser, town), "15:00 uur")
    assert "tot 14:10 uur" in details.words
    more = await browser.send(details, "/langer")
    assert "tot 14:20 uur" in more.words
    assert "Ik heb meer tijd nodig" not in more.words
    assert (await browser.send(more, "/stoppen")).h1 == "Waar gaat het over?"
    assert await claims(works) == []


async def test_another_browser_can_do_nothing_with_a_hold_or_a_booking(
    town: Town, browser: Browser, open_browser: Open
) -> None:
    check = await to_check(browser, town)
    thief = open_browser()
    own = await press(thief, await to_times(thief, town), "16:00 uur")
    _, fields = check.form("/bevestigen")
    csrf = (await thief.send(own, "/bewaren", **ANSWERS)).form("/bevestigen")[1]["csrf"]
    stolen = await thief.post("/afspraak/bevestigen", {**fields, "csrf": csrf})
    assert (stolen.status, "Fatima" in stolen.words) == (404, False)
    done = await browser.send(check, "/bevestigen")
    assert (await thief.get(done.path)).status == 404


async def test_a_form_of_another_browser_is_refused(town: Town, browser: Browser, open_browser: Open) -> None:
    times = await to_times(browser, town)
    other = open_browser()
    await to_times(other, town)
    refused = await press(other, times, "15:00 uur")
    assert (refused.status, await claims(town.works)) == (403, [])


@pytest.mark.parametrize("text", ["", "morgen", "2026-12-04T14:00:00Z", "2026-13-40T14:00Z", "9" * 500, "2026-12-04"])
async def test_an_odd_time_is_a_clear_sentence(town: Town, browser: Browser, text: str) -> None:
    times = await to_times(browser, town)
    again = await browser.send(times, "/tijd", starts_at=text)
    assert (again.status, "Kies een tijd uit de lijst." in again.words) == (400, True)


@pytest.mark.parametrize(
    "address",
    [
        "/afspraak/maken/bestaat-niet",
        "/afspraak/maken/{slug}?balie=onbekend",
        "/afspraak/klaar/onbekend",
        "/afspraak/klaar/6f1c0d2e-3b4a-4c5d-8e6f-7a8b9c0d1e2f",
        "/a/onbekend/verzetten",
        "/a/onbekend/afzeggen",
        "/a/onbekend/afspraak.ics",
    ],
)
async def test_what_does_not_exist_is_a_calm_page(town: Town, browser: Browser, address: str) -> None:
    page = await browser.get(address.format(slug=town.product.slug))
    assert page.status == 404
    assert "Traceback" not in page.text


@pytest.mark.parametrize(
    "query", ["vanaf=2020-01-01", "vanaf=9999-12-31", "vanaf=x", "dag=31-02-2027", "dag=2026-12-05"]
)
async def test_any_date_in_the_address_gives_a_page_with_times_or_a_reason(
    town: Town, browser: Browser, query: str
) -> None:
    page = await browser.get(f"/afspraak/maken/{town.product.slug}?{query}")
    assert (page.status, page.h1) == (200, "Wanneer kunt u?")


async def test_without_a_hold_the_next_pages_say_what_to_do(browser: Browser, town: Town) -> None:
    for address in ("/afspraak/gegevens", "/afspraak/controle"):
        page = await browser.get(address)
        assert (page.status, page.h1) == (409, "Uw tijd is niet langer vast")


async def test_a_fourth_appointment_is_refused_with_a_way_on(works: Works, town: Town, browser: Browser) -> None:
    mine = ContactDetails("+31612345678")
    for n in range(3):
        await an_appointment(town, tomorrow(works.clock()) + timedelta(hours=n), f"browser {n}", mine)
    refused = await browser.send(await to_check(browser, town), "/bevestigen")
    assert (refused.status, "U heeft al een paar afspraken" in refused.words) == (409, True)


async def test_the_page_says_nothing_of_another_appointment_at_that_time(works: Works, browser: Browser) -> None:
    town = await a_town(works, seats=2)
    at = works.clock() + timedelta(hours=1)
    await an_appointment(town, at, "another browser", ContactDetails("+31612345678"))
    page = await to_check(browser, town)
    assert (page.status, page.h1) == (409, "Deze afspraak kon niet")
    assert "•••• 78" in page.words


async def test_moving_a_hold_onto_the_time_of_an_own_appointment_is_not_made_either(
    works: Works, browser: Browser
) -> None:
    town = await a_town(works, seats=2)
    at = works.clock() + timedelta(hours=2)
    await an_appointment(town, at, "another browser", ContactDetails("+31612345678"))
    check = await to_check(browser, town)
    assert check.h1 == "Klopt dit?"
    page = await press(browser, await to_times(browser, town), "16:00 uur")
    assert (page.status, page.h1) == (409, "Deze afspraak kon niet")


async def test_too_many_holds_from_one_network_wait(
    town: Town, works: Works, tmp_path: Path, open_browser: Open
) -> None:
    object.__setattr__(works.settings, "holds_per_network", 2)
    statuses = []
    for label in ("15:00 uur", "15:20 uur", "15:40 uur"):
        browser = open_browser()
        page = await press(browser, await to_times(browser, town), label)
        statuses.append(page.status)
    assert statuses == [200, 200, 429]
    assert int(page.headers["Retry-After"]) > 0


# Behind the link


async def test_moving_without_scripts_replaces_the_link(town: Town, browser: Browser, works: Works) -> None:
    old = link_on(await book(browser, town, "16:00 uur"))
    manage = await browser.get(f"{old}/afzeggen")
    assert manage.h1 == "Kunt u niet komen?"
    times = await browser.get(manage.links()["Kies een andere tijd"] + "?dag=4-12-2026")
    value = next(v for text, v in times.buttons("starts_at") if text == "17:00 uur")
    moved = await browser.send(times, "/verzetten", starts_at=value)
    assert (moved.h1, "17:00 uur" in moved.words) == ("Uw afspraak is verzet", True)
    assert link_on(moved) != old
    assert "Fatima" not in moved.words
    assert "612345678" not in moved.text
    for address in ("", "/afzeggen", "/verzetten", "/afspraak.ics"):
        replaced = await browser.get(old + address)
        assert (replaced.status, "17:00" in replaced.text) == (410, False)
    assert len(await claims(works)) == 4


async def test_moving_to_a_taken_time_keeps_the_old_one(town: Town, browser: Browser, works: Works) -> None:
    link = link_on(await book(browser, town, "16:00 uur"))
    times = await browser.get(f"{link}/verzetten?dag=4-12-2026")
    value = next(v for text, v in times.buttons("starts_at") if text == "17:00 uur")
    await a_hold(town, works.clock() + timedelta(hours=3), "another browser")
    refused = await browser.send(times, "/verzetten", starts_at=value)
    assert (refused.status, refused.h1) == (409, "Wanneer kunt u wel?")
    assert "Deze tijd is al weg" in refused.words
    assert (await browser.get(link)).status == 200
    odd = await browser.send(times, "/verzetten", starts_at="straks")
    assert (odd.status, "Kies een tijd uit de lijst." in odd.words) == (400, True)


async def test_cancelling_takes_a_post_and_ends_the_link(town: Town, browser: Browser, works: Works) -> None:
    link = link_on(await book(browser, town, "16:00 uur"))
    for _ in range(3):
        manage = await browser.get(f"{link}/afzeggen")
    assert len(await claims(works)) == 4
    gone = await browser.send(manage, "/afzeggen")
    assert (gone.status, gone.h1) == (200, "U komt niet")
    assert await claims(works) == []
    assert (await browser.get(link)).status == 410


async def test_too_late_to_move_shows_the_phone(town: Town, browser: Browser, clock: Clock) -> None:
    link = link_on(await book(browser, town, "16:00 uur"))
    clock.move(hours=1, minutes=30)
    manage = await browser.get(f"{link}/afzeggen")
    assert "Kies een andere tijd" not in manage.links()
    assert "Ik kom niet" in manage.words
    assert (await browser.get(f"{link}/verzetten")).status == 409


async def test_a_get_on_every_link_changes_nothing(town: Town, browser: Browser, works: Works) -> None:
    from sqlalchemy import select

    from balie.booking.store import appointment, message

    link = link_on(await book(browser, town, "16:00 uur"))

    async def rows() -> list[object]:
        async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
            found = []
            for table in (appointment, message):
                found += [dict(row) for row in (await work.db.execute(select(table))).mappings()]
            return [(row["id"], row["state"], row.get("version")) for row in found]

    before = await rows()
    for _ in range(5):
        for address in ("", "/afzeggen", "/verzetten", "/verzet", "/afspraak.ics"):
            assert (await browser.get(link + address)).status == 200
    assert [row[:1] + row[2:] for row in await rows()] == [row[:1] + row[2:] for row in before]  # type: ignore[index]


async def test_pages_follow_the_simplified_view_with_three_times_in_words(
    town: Town, browser: Browser, works: Works
) -> None:
    at = tomorrow(works.clock())
    booked = await an_appointment(town, at, simplified=True)
    async with works.begin(ANONYMOUS, MAKE_APPOINTMENT, writes=False) as work:
        token = await service.link_of(work, booked.id)
    times = await browser.get(f"/a/{token}/verzetten")
    assert "balie-simplified" in times.text
    assert len(times.buttons("starts_at")) == 3
    assert times.buttons("starts_at")[0][0].startswith("vrijdag 4 december om")
    later = await browser.get(times.links()["Andere tijd"])
    assert later.buttons("starts_at")[0][0].startswith("vrijdag 11 december om")


async def test_the_pages_speak_english(town: Town, browser: Browser) -> None:
    times = await to_times(browser, town)
    page = await browser.send(times, "/taal", taal="en")
    assert 'lang="en"' in page.text
