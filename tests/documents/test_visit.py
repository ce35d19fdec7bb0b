"""Papers in the visit: asked, answered, skipped, decided, shown, taken back, and what the receipt says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from balie.documents import looking, service, staff_views, store, views
from balie.documents.rules import DocumentShown, SkipReason
from balie.errors import AlreadyAccepted, AlreadyDecided, BadField, Invalid, NotFound, NotScannedYet, NotShown
from balie.web import pages
from balie.web.pages import Look, View
from tests.conftest import Clock
from tests.documents.stage import Site, Stage, a_pdf, a_photo, last_day


async def _given(site: Site, file: bytes | None = None, is_checked: bool = True) -> str:
    await site.send(file or a_pdf("Huurcontract", "Tweede blad"))
    if is_checked:
        await site.stage.run_jobs()
    await site.stage.check_in()
    return (await site.stage.documents())[-1].id


async def _ask(stage: Stage, **what: str) -> str:
    stage.works.clock.move(seconds=1)  # type: ignore[attr-defined]
    made = await stage.do(service.ask, visit_id=stage.visit_id, appointment_id=stage.appointment_id, **what)
    return str(made.id)


async def test_a_booking_asks_for_the_papers_of_its_product_once(stage: Stage) -> None:
    from tests.documents.stage import _announce_booked

    await stage.do(_announce_booked, stage.appointment_id)
    (request,) = await stage.do(service.requests_of, appointment_id=stage.appointment_id)
    assert (request.title, request.plain_name, request.state) == ("Huurcontract", "uw huurcontract", "asked")


async def test_staff_ask_in_the_visit_for_a_paper_of_the_product_or_in_their_own_words(stage: Stage) -> None:
    await stage.check_in()
    own = await _ask(stage, title="Brief van de verhuurder / eigenaar")
    assert await _ask(stage, title="Brief van de verhuurder / eigenaar") == own
    await _ask(stage, slot_code="huurcontract")
    requests = await stage.do(service.requests_of, appointment_id=stage.appointment_id)
    assert [r.title for r in requests] == ["Brief van de verhuurder / eigenaar", "Huurcontract"]
    assert all(r.asked_by == stage.anna.id for r in requests)
    with pytest.raises(Invalid):
        await _ask(stage, title=" ")
    with pytest.raises(Invalid):
        await _ask(stage, slot_code="paspoort")
    with pytest.raises(NotFound):
        await stage.do(
            service.ask, visit_id=stage.visit_id, appointment_id=stage.appointment_id, title="x", actor=stage.bram
        )


async def test_the_cards_follow_what_becomes_of_a_paper(site: Site) -> None:
    stage = site.stage

    async def card() -> tuple[str, bool] | None:
        found = await stage.do(service.asks_of_citizen, appointment_id=stage.appointment_id, actor=stage.fatima)
        return (found[0].screen, found[0].document_id is not None) if found else None

    assert await card() == ("PAPER_ASKED", False)
    await site.send(a_pdf(encrypted=True))
    assert await card() == ("PAPER_SENDING", True)
    await stage.run_jobs()
    assert await card() == ("PAPER_REFUSED", False)
    document_id = await _given(site)
    assert await card() == ("PAPER_SENT", True)
    await stage.do(service.accept, document_id)
    assert await card() is None


async def test_who_has_not_got_it_says_so_and_staff_see_why(site: Site) -> None:
    request = await site.stage.request()
    path = f"/gesprek/documenten/vraag/{request.id}/heb-ik-niet"
    assert (await site.post(path, "documents.skip", site.stage.fatima, {"reason": "x"})).status == 400
    assert (await site.post(path, "documents.skip", site.stage.fatima, {"reason": "will_bring"})).status == 200
    request = await site.stage.request()
    assert (request.state, request.skip_reason) == ("skipped", SkipReason.WILL_BRING)
    assert (await site.send(a_pdf(), request_id=request.id)).status == 201
    assert (await site.stage.request()).state == "answered"


async def test_a_document_that_is_not_checked_yet_can_not_be_seen_shown_or_accepted(site: Site) -> None:
    document_id = await _given(site, is_checked=False)
    for use_case, arguments in ((service.accept, ()), (service.show, (1,)), (looking.open_page, (1,))):
        with pytest.raises(NotScannedYet):
            await site.stage.do(use_case, document_id, *arguments)


async def test_accepting_ends_taking_back_and_not_needed_destroys_at_once(site: Site) -> None:
    stage = site.stage
    one = await _given(site)
    await stage.do(service.accept, one)
    with pytest.raises(AlreadyAccepted):
        await stage.do(service.withdraw, one, actor=stage.fatima)
    with pytest.raises(AlreadyAccepted):
        await stage.do(service.refuse, one)
    with pytest.raises(AlreadyDecided):
        await stage.do(service.not_needed, one)
    await _ask(stage, title="Nog iets")
    request = (await stage.do(service.requests_of, appointment_id=stage.appointment_id))[-1]
    await site.send(a_photo(), request_id=request.id)
    await stage.run_jobs()
    two = (await stage.documents())[-1]
    await stage.do(service.not_needed, two.id)
    assert await stage.do(store.key_of, two.id) is None
    await stage.run_jobs()
    after = (await stage.documents())[-1]
    assert (after.state, after.cause, after.name, after.object_name) == ("destroyed", "not_needed", None, None)
    assert all(path.parent.name != two.object_name for path in stage.files())
    assert [a.document_id for a in await stage.do(service.attachments_of, stage.visit_id)] == [one]
    lines = await stage.do(service.receipt_of, appointment_id=stage.appointment_id, actor=stage.fatima)
    assert [(line.title, line.result) for line in lines] == [("Huurcontract", "accepted"), ("Nog iets", "not_needed")]


async def test_what_is_taken_back_is_gone_and_asked_again(site: Site) -> None:
    document_id = await _given(site)
    path = f"/gesprek/documenten/{document_id}/intrekken"
    answer = await site.post(path, "documents.withdraw", site.stage.fatima, Accept="text/html")
    assert answer.status == 303 and answer.headers["Location"] == "/gesprek"
    await site.stage.run_jobs()
    assert site.stage.files() == [] and (await site.stage.request()).state == "asked"
    assert (await site.get(f"/medewerker/documenten/{document_id}/bladzijde/1", site.stage.anna)).status == 404


async def test_of_taking_back_and_accepting_at_once_one_wins(site: Site) -> None:
    document_id = await _given(site)
    both = await asyncio.gather(
        site.stage.do(service.accept, document_id),
        site.stage.do(service.withdraw, document_id, actor=site.stage.fatima),
        return_exceptions=True,
    )
    refused = [one for one in both if isinstance(one, Exception)]
    assert len(refused) == 1 and isinstance(refused[0], AlreadyAccepted | AlreadyDecided)
    document = await site.stage.document()
    has_key = await site.stage.do(store.key_of, document_id) is not None
    assert (document.decision == "accepted") == has_key


async def test_a_change_on_an_old_state_is_lost(site: Site) -> None:
    document_id = await _given(site)
    before = await site.stage.document()
    await site.stage.do(service.accept, document_id)
    with pytest.raises(AlreadyDecided):
        await site.stage.do(store.save, before, replace(before, version=before.version + 1))


# --- showing


async def test_a_page_that_staff_turn_turns_at_the_citizen_and_closing_leaves_nothing(site: Site) -> None:
    stage = site.stage
    document_id = await _given(site)
    heard: list[object] = []

    async def hear(_work: object, event: object) -> None:
        heard.append(event)

    stage.works.listeners.add(DocumentShown, hear)
    second = replace(stage.fatima, session_id="0" * 36)
    page = f"/gesprek/documenten/{document_id}/bladzijde/2"
    assert (await site.get(page, second)).status == 404
    for number in (1, 2):
        path = f"/medewerker/documenten/{document_id}/tonen"
        answer = await site.post(path, "documents.show", stage.anna, {"page": str(number)}, Accept="text/html")
        assert answer.status == 303 and answer.headers["Location"].endswith(f"/bezoek/{stage.visit_id}")
        shown = await stage.do(service.shown_in, stage.visit_id)
        assert (shown.page, shown.pages) == (number, 2)
    assert shown.text == "Tweede blad"
    assert (await site.get(page, second)).status == 200
    stop = f"/medewerker/documenten/bezoek/{stage.visit_id}/niet-meer-tonen"
    await site.post(stop, "documents.stop_showing", stage.anna)
    assert await stage.do(service.shown_in, stage.visit_id) is None
    assert (await site.get(page, second)).status == 404
    with pytest.raises(NotShown):
        await stage.do(looking.open_own_page, document_id, 2, actor=second)
    assert [getattr(event, "page", None) for event in heard] == [1, 2, 0]


async def test_a_picture_without_text_is_shown_with_one_sentence_of_staff(site: Site) -> None:
    stage = site.stage
    document_id = await _given(site, a_photo())
    with pytest.raises(BadField):
        await stage.do(service.show, document_id, 1)
    shown = await stage.do(service.show, document_id, 1, "Een rood vlak met  uw naam")
    assert shown.words == "Een rood vlak met uw naam"
    assert (await stage.do(service.show, document_id, 1)).words == shown.words


async def test_what_is_refused_or_not_needed_is_no_longer_shown(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.do(service.show, document_id, 1)
    await site.stage.do(service.refuse, document_id)
    assert await site.stage.do(service.shown_in, site.stage.visit_id) is None
    assert (await site.stage.document()).refusal == "unclear"


async def test_staff_add_a_paper_to_show_it(site: Site) -> None:
    import io

    import aiohttp

    stage = site.stage
    await stage.check_in()
    body = aiohttp.FormData(quote_fields=False)
    body.add_field("offer", "een-verse-offer")
    body.add_field("title", "Uitleg bij verhuizen")
    body.add_field("file", io.BytesIO(a_pdf("Uitleg")), filename="uitleg.pdf")
    path = f"/medewerker/documenten/bezoek/{stage.visit_id}"
    answer = await site.post(path, "documents.offer_by_staff", stage.anna, body)
    assert answer.status == 201
    await stage.run_jobs()
    document = await stage.document()
    assert (document.direction, document.title) == ("to_citizen", "Uitleg bij verhuizen")
    assert (await stage.do(service.show, document.id, 1)).text == "Uitleg"
    assert await stage.do(service.receipt_of, appointment_id=stage.appointment_id, actor=stage.fatima) == []


# --- after the visit


async def test_closing_the_visit_gives_every_document_a_last_day(site: Site, clock: Clock) -> None:
    stage = site.stage
    accepted = await _given(site)
    await stage.do(service.accept, accepted)
    await _ask(stage, title="Nog iets")
    request = (await stage.do(service.requests_of, appointment_id=stage.appointment_id))[-1]
    await site.send(a_photo(), request_id=request.id)
    await _ask(stage, title="Niet gegeven")
    await stage.do(service.show, accepted, 1)
    await stage.do(service.close_visit, stage.visit_id, clock.now.date())
    taken, open_one = await stage.documents()
    assert taken.retain_until == last_day(clock.now, 30)
    assert open_one.retain_until == last_day(clock.now, 7)  # five working days from a Friday
    assert await stage.do(service.shown_in, stage.visit_id) is None
    last = (await stage.do(service.requests_of, appointment_id=stage.appointment_id))[-1]
    assert last.state == "withdrawn"
    assert (await site.send(a_pdf(), request_id=last.id)).status == 403
    path = f"/medewerker/documenten/{accepted}/bladzijde/1"
    assert (await site.get(path, stage.anna)).status == 200
    clock.move(days=8)
    assert (await site.get(path, stage.anna)).status == 404


# --- pages


@pytest.mark.parametrize("view", list(View))
async def test_the_counter_and_own_papers_render_in_every_state(site: Site, view: View) -> None:
    stage = site.stage
    make = site.app[pages.KEY]
    look = Look(view)

    async def block() -> str:
        value = await stage.do(staff_views.documents_at_counter, stage.visit_id, stage.appointment_id)
        return make.html("documents/_counter", look, documents=value, csrf=lambda name: "")

    async def own() -> str:
        value = await stage.do(views.documents_of_citizen, stage.appointment_id, actor=stage.fatima)
        return make.html("documents/own", look, page=value, csrf=lambda name: "", here="/", request_path="/")

    await stage.check_in()
    assert "Huurcontract" in await block() and "Uw papieren" in await own()
    document_id = await _given(site, a_photo())
    before = await block()
    assert "gegeven met de link, nog niet ingelogd" in before and "niet op virussen gecontroleerd" in before
    assert "Huurcontract" in await own()
    await stage.do(service.show, document_id, 1, "Een foto")
    assert "Niet meer tonen" in await block()
    await stage.confirm("unconfirmed")
    closed = await block()
    assert "bladzijde/1" not in closed and "opnieuw inlogt" in closed


@pytest.mark.parametrize("view", list(View))
def test_every_screen_of_the_register_renders(settings, view: View) -> None:  # type: ignore[no-untyped-def]
    from balie.documents.screens import SCREENS
    from balie.web.assets import Assets

    make = pages.Pages(settings, Assets(), lambda name, **match: f"/{name}")
    for screen in SCREENS:
        for state, page in screen.states.items():
            html = make.html(screen.template, Look(view), page=page, csrf=lambda name: "", here="/", request_path="/")
            assert html.count("<h1") == 1, (screen.id, state)
