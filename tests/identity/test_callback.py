"""An answer that does not belong here: 400, no session, and the provider is not asked for a token."""

from __future__ import annotations

import pytest

from balie.demo.provider_tokens import Issuer
from balie.errors import CallbackMalformed
from balie.identity.rules import VerificationFailure, VerificationState
from balie.identity.sign_in import read_callback
from tests.conftest import Clock
from tests.identity.conftest import (
    City,
    fatima_is_asked,
    sign_in_at_provider,
    start_sign_in,
    state_of,
)


@pytest.fixture
def exchanges(city: City, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The token requests that any issuer received."""
    seen: list[str] = []
    exchange = Issuer.exchange

    def noted(issuer: Issuer, form: dict[str, str]) -> object:
        seen.append(issuer.url)
        return exchange(issuer, form)

    monkeypatch.setattr(Issuer, "exchange", noted)
    return seen


async def refused(browser: object, back: str, status: int = 400) -> None:
    async with await browser.get(back) as answer:  # type: ignore[attr-defined]
        assert answer.status == status
        assert "balie" not in answer.cookies and "balie-medewerker" not in answer.cookies


async def test_another_browser_cannot_finish_the_sign_in(city: City, exchanges: list[str]) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    await refused(city.browser(), back)
    assert exchanges == []
    found = await state_of(city, guest)
    assert (found.state, found.failure) == (VerificationState.FAILED, VerificationFailure.OTHER_BROWSER)
    await refused(guest.browser, back)  # the state is spent for its own browser too
    assert exchanges == []


async def test_the_same_answer_counts_once(city: City, exchanges: list[str]) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    cookie = guest.browser.cookie("balie-inloggen")
    (await guest.browser.get(back)).release()
    assert guest.browser.cookie("balie-inloggen") is None
    guest.browser.set_cookie("balie-inloggen", cookie or "")
    await refused(guest.browser, back)
    assert len(exchanges) == 1


async def test_eleven_minutes_later_it_is_too_late(city: City, exchanges: list[str], clock: Clock) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    clock.move(minutes=11)
    await refused(guest.browser, back)
    assert exchanges == []


async def test_an_answer_at_the_address_of_the_other_provider_is_refused(city: City, exchanges: list[str]) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    await refused(guest.browser, back.replace("/inloggen/burger/", "/inloggen/medewerker/"))
    assert exchanges == []


async def test_an_answer_that_names_another_issuer_is_refused(city: City, exchanges: list[str]) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    await refused(guest.browser, back.replace("proef-inlog%2Fburger", "proef-inlog%2Fmedewerker"))
    assert exchanges == []


@pytest.mark.parametrize("extra", ["&state=x", "&code=x", "&iss=x", "&x=%ff", "&x=" + "a" * 2049])
async def test_a_parameter_twice_unreadable_or_too_long_is_refused(
    city: City, exchanges: list[str], extra: str
) -> None:
    guest = await fatima_is_asked(city)
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest))
    await refused(guest.browser, back + extra)
    assert exchanges == []
    async with await guest.browser.get(back) as answer:  # and the true answer still counts
        assert answer.status == 303


async def test_a_state_that_nobody_gave_out_is_refused(city: City, exchanges: list[str]) -> None:
    browser = city.browser()
    for address in ("/inloggen/burger/terug", "/inloggen/medewerker/terug"):
        await refused(browser, f"{address}?state=unknown&code=x")
        await refused(browser, address)
    assert exchanges == []


async def test_a_form_without_proof_of_our_page_begins_nothing(city: City) -> None:
    guest, other = await fatima_is_asked(city), city.browser()
    address = f"/gesprek/identificatie/{guest.asked.id}/start"
    for proof in ("", await other.csrf("identity.start"), await guest.browser.csrf("identity.decline")):
        async with await guest.browser.post(address, csrf=proof) as answer:
            assert answer.status == 403
    assert (await state_of(city, guest)).state is VerificationState.REQUESTED
    first, second = [await guest.browser.csrf("identity.start") for _ in range(2)]
    assert first != second


async def test_the_sixth_sign_in_within_a_minute_waits(city: City) -> None:
    guest = await fatima_is_asked(city)
    for _ in range(5):
        await start_sign_in(guest)
    proof = await guest.browser.csrf("identity.start")
    async with await guest.browser.post(f"/gesprek/identificatie/{guest.asked.id}/start", csrf=proof) as answer:
        assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0


def test_a_callback_needs_a_state_and_an_answer() -> None:
    for query in ("", "state=x", "code=x", "state=&code=x", "error=access_denied"):
        with pytest.raises(CallbackMalformed):
            read_callback(query)
    assert read_callback("state=s&code=c&iss=i").issuer == "i"
    assert "s3cret" not in repr(read_callback("state=s3cret&code=s3cret"))
