"""What each night destroys: the exact set, nothing early, nothing twice, and what a crash left."""

from __future__ import annotations

from sqlalchemy import delete, update

from balie.actors import RUN_SERVICE, system
from balie.booking.rules import AppointmentCancelled
from balie.documents import keeping, service, store, wiring
from tests.conftest import Clock
from tests.documents.stage import Site, Stage, a_pdf


async def _night(stage: Stage) -> int:
    async with stage.works.begin(system("retention"), RUN_SERVICE) as work:
        destroyed = await keeping.destroy_both(work, work.now)
    await stage.run_jobs()
    return destroyed


async def _given(site: Site) -> str:
    await site.send(a_pdf())
    await site.stage.run_jobs()
    return (await site.stage.document()).id


async def _is_gone(stage: Stage) -> bool:
    document = await stage.document()
    has_key = await stage.do(store.key_of, document.id) is not None
    assert document.is_gone != has_key
    if document.is_gone:
        assert stage.files() == []
        assert await stage.count(store.document_page) == 0 and document.name is None
    return document.is_gone


async def test_an_accepted_document_is_kept_thirty_days_and_not_an_hour_more(site: Site, clock: Clock) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    await site.stage.do(service.accept, document_id)
    await site.stage.do(service.close_visit, site.stage.visit_id, clock.now.date())
    clock.move(days=30, hours=9)  # 23:00 of the last day in Amsterdam
    assert await _night(site.stage) == 0 and not await _is_gone(site.stage)
    clock.move(hours=2)
    assert await _night(site.stage) == 1 and await _is_gone(site.stage)
    assert (await site.stage.document()).cause == "retention"
    assert await _night(site.stage) == 0


async def test_what_nobody_decided_on_counts_as_not_needed_after_five_working_days(site: Site, clock: Clock) -> None:
    await _given(site)
    await site.stage.check_in()
    await site.stage.do(service.close_visit, site.stage.visit_id, clock.now.date())
    clock.move(days=7)
    assert await _night(site.stage) == 0
    clock.move(days=1)
    assert await _night(site.stage) == 1
    document = await site.stage.document()
    assert (document.decision, document.cause) == ("not_needed", "not_needed")


async def test_after_cancelling_a_document_stays_one_day(site: Site, clock: Clock) -> None:
    await _given(site)

    async def announce(work):  # type: ignore[no-untyped-def]
        await work.announce(AppointmentCancelled(site.stage.appointment_id))

    await site.stage.do(announce)
    clock.move(days=1)
    assert await _night(site.stage) == 0
    clock.move(days=1)
    assert await _night(site.stage) == 1 and await _is_gone(site.stage)


async def test_after_a_missed_appointment_a_document_stays_seven_days(site: Site, clock: Clock) -> None:
    await _given(site)
    assert await _night(site.stage) == 0
    await site.stage.set_appointment(state="missed")
    await _night(site.stage)
    clock.move(days=7)
    assert await _night(site.stage) == 0 and not await _is_gone(site.stage)
    clock.move(days=1)
    assert await _night(site.stage) == 1 and await _is_gone(site.stage)


async def test_a_document_of_a_coming_appointment_is_kept(site: Site, clock: Clock) -> None:
    await _given(site)
    clock.move(days=50)
    assert await _night(site.stage) == 0 and not await _is_gone(site.stage)


async def test_a_crash_between_key_and_bytes_is_repaired_the_next_night(site: Site) -> None:
    stage = site.stage
    await _given(site)
    async with stage.works.begin(system("test"), RUN_SERVICE) as work:
        await work.db.execute(delete(store.document_key))
        await work.db.execute(update(store.document).values(state="destroyed", name_sealed=None))
    assert stage.files()
    await _night(stage)
    assert stage.files() == [] and (await stage.document()).object_name is None


async def test_rows_without_content_go_with_the_contact_record(site: Site, clock: Clock) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    await site.stage.do(service.not_needed, document_id)
    await site.stage.run_jobs()
    clock.move(days=5 * 365)
    await _night(site.stage)
    assert len(await site.stage.documents()) == 1
    clock.move(days=2)
    await _night(site.stage)
    assert await site.stage.documents() == []
    assert await site.stage.count(store.document_event) == 0 and await site.stage.count(store.scan) == 0


async def test_every_table_of_documents_has_a_rule_and_every_rule_runs(stage: Stage) -> None:
    tables = {name for name in store.metadata.tables if name.startswith("document") and name != "document_slot"}
    tables |= {"upload", "scan"}
    assert {rule.table for rule in wiring.TABLES} == tables
    for rule in wiring.TABLES:
        if rule.destroy is not None:
            async with stage.works.begin(system("retention"), RUN_SERVICE) as work:
                assert await rule.destroy(work, work.now) == 0
