"""Fatima signs in during the call, over real HTTP, and what it leaves behind."""

from __future__ import annotations

import time

from sqlalchemy import text

from balie.actors import AssuranceLevel, system
from balie.identity import service, verification
from balie.identity.rules import VerificationConfirmed, VerificationFailure, VerificationLost, VerificationState
from balie.privacy.purposes import HELP_CITIZEN
from tests.conftest import Clock
from tests.identity.conftest import (
    City,
    fatima_is_asked,
    query_of,
    sign_in_at_provider,
    start_sign_in,
    state_of,
    whole_sign_in,
)


async def test_fatima_signs_in_and_comes_back_to_her_seat(city: City) -> None:
    heard: list[object] = []

    async def listen(_work: object, event: object) -> None:
        heard.append(event)

    city.works.listeners.add(VerificationConfirmed, listen)
    guest = await fatima_is_asked(city)
    began = time.monotonic()
    assert await whole_sign_in(guest) == "/gesprek"
    assert time.monotonic() - began < 10
    found = await state_of(city, guest)
    assert found.state is VerificationState.CONFIRMED
    assert (found.level, found.method_label) == (AssuranceLevel.SUBSTANTIAL, "DigiD Substantieel")
    assert found.name == "Fatima de Vries"
    assert len(heard) == 1
    async with await guest.browser.get("/gesprek") as answer:
        assert answer.status == 200


async def test_a_script_gets_the_link_and_a_browser_without_scripts_a_page_with_it(city: City) -> None:
    guest = await fatima_is_asked(city)
    address = f"/gesprek/identificatie/{guest.asked.id}/start"
    async with await guest.browser.post(address, csrf=await guest.browser.csrf("identity.start")) as answer:
        assert answer.status == 200
        page = await answer.text()
    assert f'href="{city.digid.url.replace("&", "&amp;")}/inloggen?' in page
    assert "U gaat nu naar DigiD" in page
    asked = query_of(await start_sign_in(guest))
    assert asked["prompt"] == "login" and asked["max_age"] == "0"
    assert asked["code_challenge_method"] == "S256" and asked["scope"] == "openid"
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))


async def test_a_sign_in_below_the_level_that_was_asked_stays_locked(city: City) -> None:
    guest = await fatima_is_asked(city)
    await whole_sign_in(guest, level="low")
    await assert_locked(city, VerificationFailure.LEVEL_TOO_LOW, await state_of(city, guest))


async def test_a_level_that_is_not_in_our_map_is_no_level(city: City) -> None:
    guest = await fatima_is_asked(city, AssuranceLevel.LOW)
    await whole_sign_in(guest, level="basis")
    await assert_locked(city, VerificationFailure.LEVEL_UNKNOWN, await state_of(city, guest))


async def test_an_old_sign_in_at_the_provider_does_not_count(city: City) -> None:
    guest = await fatima_is_asked(city)
    city.digid.alter = lambda _header, claims: claims.update(auth_time=claims["auth_time"] - 120)
    await whole_sign_in(guest)
    await assert_locked(city, VerificationFailure.NOT_FRESH, await state_of(city, guest))


async def test_acting_for_somebody_else_is_refused_and_leaves_nothing(city: City) -> None:
    guest = await fatima_is_asked(city)
    city.digid.alter = lambda _header, claims: claims.update(represents={"bsn": "999990007"})
    await whole_sign_in(guest)
    await assert_locked(city, VerificationFailure.REPRESENTATION, await state_of(city, guest))


async def test_who_breaks_off_at_the_provider_comes_back_to_the_call_and_may_try_again(city: City) -> None:
    guest = await fatima_is_asked(city)
    link = await start_sign_in(guest)
    async with await guest.browser.post(link, actie="afbreken") as answer:
        back = answer.headers["Location"]
    async with await guest.browser.get(back) as answer:
        done = answer.headers["Location"]
    (await guest.browser.get(done)).release()
    await assert_locked(city, VerificationFailure.CANCELLED, await state_of(city, guest))
    again = await start_sign_in(guest)  # Probeer nog een keer, from the card of the failed one
    newer = await state_of(city, guest)
    assert newer.id != guest.asked.id and newer.state is VerificationState.SIGNING_IN
    back = await sign_in_at_provider(guest.browser, again)
    async with await guest.browser.get(back) as answer:
        (await guest.browser.get(answer.headers["Location"])).release()
    assert (await state_of(city, guest)).state is VerificationState.CONFIRMED


async def test_a_sign_in_after_staff_withdrew_the_request_keeps_nothing(city: City) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        await verification.withdraw(work, guest.asked.id)
    async with await guest.browser.get(back) as answer:
        (await guest.browser.get(answer.headers["Location"])).release()
    await assert_locked(city, None, await state_of(city, guest), VerificationState.WITHDRAWN)


async def test_a_sign_in_after_the_visit_ended_keeps_nothing(city: City) -> None:
    guest = await fatima_is_asked(city)
    city.is_visit_open = False
    await whole_sign_in(guest)
    await assert_locked(city, VerificationFailure.CANCELLED, await state_of(city, guest))


async def test_a_proof_that_nobody_took_is_gone_when_the_visit_is_closed(city: City) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    (await guest.browser.get(back)).release()
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        await verification.erase_attributes(work, guest.visit_id)
    await assert_locked(city, None, await state_of(city, guest), VerificationState.EXPIRED)


async def test_the_proof_is_taken_once_and_a_reload_of_the_last_step_changes_nothing(city: City) -> None:
    guest = await fatima_is_asked(city)
    await whole_sign_in(guest)
    before = await state_of(city, guest)
    async with await guest.browser.get(f"/gesprek/identificatie/{guest.asked.id}/klaar") as answer:
        assert answer.status == 303
    assert await state_of(city, guest) == before
    assert await count(city, "sign_in_attempt", "proof_sealed is not null") == 0


async def test_somebody_else_cannot_begin_or_decline_the_request_of_fatima(city: City) -> None:
    guest, stranger = await fatima_is_asked(city), await fatima_is_asked(city)
    for act in ("start", "niet-nu"):
        form = "identity.start" if act == "start" else "identity.decline"
        proof = await stranger.browser.csrf(form)
        async with await stranger.browser.post(f"/gesprek/identificatie/{guest.asked.id}/{act}", csrf=proof) as answer:
            assert answer.status == 404
    assert (await state_of(city, guest)).state is VerificationState.REQUESTED


async def test_not_now_declines_and_leads_back_to_the_conversation(city: City) -> None:
    guest = await fatima_is_asked(city)
    address = f"/gesprek/identificatie/{guest.asked.id}/niet-nu"
    async with await guest.browser.post(address, csrf=await guest.browser.csrf("identity.decline")) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/gesprek")
    assert (await state_of(city, guest)).state is VerificationState.DECLINED


async def test_a_planted_session_is_not_lifted_with_its_victim(city: City) -> None:
    guest = await fatima_is_asked(city)
    thief = city.browser()
    thief.set_cookie("balie", guest.session.token)
    async with await thief.get("/gesprek") as answer:
        assert answer.status == 200
    await whole_sign_in(guest)
    assert guest.browser.cookie("balie") != guest.session.token
    async with await thief.get("/gesprek") as answer:
        assert answer.status == 401
    async with await guest.browser.get("/gesprek") as answer:
        assert answer.status == 200


async def test_attributes_are_gone_after_sixty_minutes_and_the_fact_stays(city: City, clock: Clock) -> None:
    lost: list[object] = []

    async def listen(_work: object, event: object) -> None:
        lost.append(event)

    city.works.listeners.add(VerificationLost, listen)
    guest = await fatima_is_asked(city)
    await whole_sign_in(guest)
    clock.move(minutes=59)
    await verification.expire_due(city.works)
    assert (await state_of(city, guest)).is_confirmed
    clock.move(minutes=2)
    await verification.expire_due(city.works)
    found = await state_of(city, guest)
    assert found.state is VerificationState.EXPIRED
    assert found.level is AssuranceLevel.SUBSTANTIAL and found.verified_at is not None
    await assert_no_attributes(city)
    assert len(lost) == 1


async def test_a_request_and_a_sign_in_end_after_ten_minutes(city: City, clock: Clock) -> None:
    waiting, busy = await fatima_is_asked(city), await fatima_is_asked(city)
    clock.move(minutes=9)
    back = await sign_in_at_provider(busy.browser, await start_sign_in(busy))
    clock.move(minutes=2)
    await verification.expire_due(city.works)
    assert (await state_of(city, waiting)).state is VerificationState.EXPIRED
    assert (await state_of(city, busy)).state is VerificationState.SIGNING_IN
    clock.move(minutes=9)
    await verification.expire_due(city.works)
    assert (await state_of(city, busy)).state is VerificationState.EXPIRED
    async with await busy.browser.get(back) as answer:
        assert answer.status == 400


async def test_another_device_makes_it_unconfirmed_and_only_a_new_sign_in_brings_it_back(city: City) -> None:
    guest = await fatima_is_asked(city)
    await whole_sign_in(guest)
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        await verification.unconfirm(work, guest.visit_id, "citizen", "other_device")
        again = await verification.ask(
            work,
            visit_id=guest.visit_id,
            participant="citizen",
            purpose="Geboorte aangeven",
            minimum_level=AssuranceLevel.LOW,
        )
    assert again.id != guest.asked.id and again.state is VerificationState.REQUESTED


async def test_the_same_person_does_not_count_for_two_participants(city: City) -> None:
    guest = await fatima_is_asked(city)
    await whole_sign_in(guest)
    citizen_id = (await state_of(city, guest)).citizen_id
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        await work.db.execute(text("update verification set participant_id = 'partner'"))
        again = await verification.ask(
            work,
            visit_id=guest.visit_id,
            participant="citizen",
            purpose="Geboorte aangeven",
            minimum_level=AssuranceLevel.LOW,
        )
    await whole_sign_in(type(guest)(guest.browser, guest.session, guest.visit_id, again))
    found = await state_of(city, guest)
    assert found.failure is VerificationFailure.SAME_PERSON_TWICE and found.citizen_id is None
    assert citizen_id is not None


async def test_signing_in_twice_is_one_citizen_and_the_index_finds_a_contact_of_another_channel(city: City) -> None:
    from balie.identity.bsn import Bsn

    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        earlier = await service.make_citizen(
            work, issuer=None, subject=None, bsn=Bsn("999990019"), name="Fatima de Vries"
        )
    first, second = await fatima_is_asked(city), await fatima_is_asked(city)
    await whole_sign_in(first)
    await whole_sign_in(second)
    assert {(await state_of(city, g)).citizen_id for g in (first, second)} == {earlier}


async def count(city: City, table: str, condition: str) -> int:
    async with city.works.begin(system("test"), HELP_CITIZEN, writes=False) as work:
        found: int = await work.db.scalar(text(f"select count(*) from {table} where {condition}"))
    return found


async def assert_no_attributes(city: City) -> None:
    assert await count(city, "verification", "attributes_sealed is not null") == 0
    assert await count(city, "sign_in_attempt", "proof_sealed is not null") == 0
    assert await count(city, "citizen", "bsn_sealed is not null") == 0


async def assert_locked(
    city: City,
    failure: VerificationFailure | None,
    found: object,
    state: VerificationState = VerificationState.FAILED,
) -> None:
    assert (found.state, found.failure) == (state, failure)  # type: ignore[attr-defined]
    assert found.citizen_id is None and found.level is None  # type: ignore[attr-defined]
    await assert_no_attributes(city)
    assert await count(city, "citizen", "1 = 1") == 0
