"""Anna, Bram and those who may not: sign-in of staff over real HTTP, and the way back."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from balie.actors import Role, system
from balie.identity import service
from balie.identity.links import hash_of
from balie.identity.rules import StaffSignedIn
from balie.ids import StaffId, new_id
from balie.privacy.purposes import HELP_CITIZEN
from tests.conftest import Clock
from tests.identity.conftest import Browser, City, sign_in_at_provider

DESK = "0b1e0000-0000-4000-8000-000000000001"


async def begin(browser: Browser, way: str = "") -> str:
    """The sign-in page, its form, and the link to the provider."""
    async with await browser.get(f"/inloggen/medewerker?terug={way}") as answer:
        page = await answer.text()
    proof = re.search(r'action="/inloggen/medewerker"[^>]*><input type="hidden" name="csrf" value="([^"]+)"', page)
    kept = re.search(r'name="terug" value="([^"]*)">\s*<div class="utrecht-action', page)
    assert proof and kept
    async with await browser.post("/inloggen/medewerker", csrf=proof[1], terug=kept[1]) as answer:
        assert answer.status == 200
        link = re.search(r'href="(http[^"]+/inloggen\?[^"]+)"', await answer.text())
    assert link
    return link[1].replace("&amp;", "&")


async def sign_in(browser: Browser, person: str, way: str = "") -> tuple[int, str]:
    back = await sign_in_at_provider(browser, await begin(browser, way), person)
    async with await browser.get(back) as answer:
        return answer.status, answer.headers.get("Location", "")


async def test_anna_signs_in_with_roles_and_desks_from_her_claims(city: City) -> None:
    told: list[StaffSignedIn] = []

    async def map_desks(work: object, event: StaffSignedIn) -> None:
        told.append(event)
        await service.set_desks(work, event.staff_id, (DESK,))  # type: ignore[arg-type]

    city.works.listeners.add(StaffSignedIn, map_desks)
    anna = city.browser()
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 303 and answer.headers["Location"].startswith("/inloggen/medewerker")
    assert await sign_in(anna, "anna") == (303, "/medewerker")
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 200
    assert [event.desk_names for event in told] == [("Burgerzaken",)]
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        member = await service.staff_member(work, told[0].staff_id)
        found = await service.session_of(work, anna.cookie("balie-medewerker") or "", ("staff",))  # type: ignore[arg-type]
        assert found is not None
        actor = await service.actor_of(work, found)
    assert (member.display_name, member.roles) == ("Anna", {Role.STAFF})
    assert actor.desks == {DESK} and actor.participant == "staff"


async def test_after_the_sign_in_staff_are_where_they_wanted_to_be(city: City) -> None:
    anna = city.browser()
    async with await anna.get(f"/medewerker/balie/{DESK}") as answer:
        where = answer.headers["Location"]
    way = where.partition("terug=")[2]
    assert await sign_in(anna, "anna", way) == (303, f"/medewerker/balie/{DESK}")


@pytest.mark.parametrize(
    "way", ["https://elders.example", "//elders", "web.home", "desk.queue", "desk.queue:x", "booking.agenda:" + DESK]
)
async def test_the_way_back_is_a_page_of_staff_and_never_an_address(city: City, way: str) -> None:
    assert await sign_in(city.browser(), "anna", way) == (303, "/medewerker")


async def test_somebody_without_a_role_gets_no_account(city: City) -> None:
    guest = city.browser()
    assert (await sign_in(guest, "gast"))[0] == 403
    assert guest.cookie("balie-medewerker") is None
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        assert await service.staff_members(work) == []
        refusals = await work.db.scalar(text("select count(*) from audit_log where result = 'denied'"))
    assert refusals == 1


async def test_administrator_and_privacy_officer_are_never_one_person(city: City) -> None:
    city.work_account.alter = lambda _header, claims: claims.update(roles=["admin", "privacy_officer"])
    assert (await sign_in(city.browser(), "anna"))[0] == 403
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        assert await service.staff_members(work) == []


async def test_roles_are_renewed_at_each_sign_in(city: City) -> None:
    bram = city.browser()
    await sign_in(bram, "bram")
    city.work_account.alter = lambda _header, claims: claims.update(roles=["staff"])
    await sign_in(bram, "bram")
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        members = await service.staff_members(work)
    assert [member.roles for member in members] == [{Role.STAFF}]


async def test_a_role_opens_its_own_pages_only(city: City) -> None:
    anna, admin = city.browser(), city.browser()
    await sign_in(anna, "anna")
    await sign_in(admin, "beheer")
    for browser, pages in (
        (anna, {"/medewerker": 200, "/beheer/producten": 403}),
        (admin, {"/medewerker": 403, "/beheer/producten": 200}),
    ):
        for page, status in pages.items():
            async with await browser.get(page) as answer:
                assert answer.status == status, page


async def test_an_administrator_begins_at_the_products(city: City) -> None:
    assert await sign_in(city.browser(), "beheer") == (303, "/beheer/producten")


async def test_signing_out_ends_the_session_on_the_server(city: City) -> None:
    anna = city.browser()
    await sign_in(anna, "anna")
    token = anna.cookie("balie-medewerker") or ""
    proof = await (await anna.get("/medewerker/proef/csrf/identity.staff_sign_out")).text()
    async with await anna.post("/medewerker/uitloggen", csrf=proof) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/inloggen/medewerker")
    assert anna.cookie("balie-medewerker") is None
    anna.set_cookie("balie-medewerker", token)
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 303


async def test_an_idle_session_of_staff_ends_after_half_an_hour_and_a_seat_keeps_it(city: City, clock: Clock) -> None:
    anna, bram = city.browser(), city.browser()
    await sign_in(anna, "anna")
    await sign_in(bram, "bram")
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        found = await work.db.scalar(
            text("select id from session where token_hash = :h").bindparams(
                h=hash_of(bram.cookie("balie-medewerker") or "")
            )
        )
    for _ in range(4):
        clock.move(minutes=10)
        async with city.works.begin(system("test"), HELP_CITIZEN) as work:
            await service.keep_alive(work, found)
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 303
    async with await bram.get("/medewerker") as answer:
        assert answer.status == 200


async def test_a_disabled_staff_member_is_nobody_from_the_next_request_on(city: City) -> None:
    anna = city.browser()
    await sign_in(anna, "anna")
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        await work.db.execute(text("update staff_member set is_disabled = true"))
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 303
    assert (await sign_in(anna, "anna"))[0] in (303, 401)
    async with await anna.get("/medewerker") as answer:
        assert answer.status == 303


async def test_the_cookies_of_citizens_and_staff_are_never_read_for_each_other(city: City) -> None:
    anna = city.browser()
    await sign_in(anna, "anna")
    token = anna.cookie("balie-medewerker") or ""
    thief = city.browser()
    thief.set_cookie("balie", token)
    for page, status in (("/gesprek", 401), ("/medewerker", 303)):
        async with await thief.get(page) as answer:
            assert answer.status == status


async def test_a_refused_answer_of_the_provider_makes_no_session(city: City) -> None:
    city.work_account.alter = lambda _header, claims: claims.update(aud="somebody-else")
    browser = city.browser()
    assert (await sign_in(browser, "anna"))[0] == 400
    assert browser.cookie("balie-medewerker") is None


async def test_a_staff_member_that_does_not_exist_is_not_found(city: City) -> None:
    from balie.errors import NotFound

    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        with pytest.raises(NotFound):
            await service.staff_member(work, StaffId(new_id()))
