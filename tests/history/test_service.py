"""Contact records in a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from balie.actors import Actor, ActorKind, Purpose, system
from balie.errors import BsnInText, NotAllowed, OutcomeMissing
from balie.history import service, store
from balie.history.rules import ClosedVisit, ContactLeg, Outcome
from balie.ids import CitizenId, new_id
from balie.privacy.purposes import HELP_CITIZEN, RECORD_CONTACT
from balie.privacy.store import audit_log, processing_log
from balie.work import Work, Works
from tests.conftest import Clock
from tests.history.builders import ANNA, ANNA_ID, BEGAN_AT, FATIMA, FOLLOW_UP, a_closed_visit, a_party


async def record(works: Works, closed: ClosedVisit, actor: Actor = ANNA) -> service.ContactRecord:
    async with works.begin(actor, RECORD_CONTACT) as work:
        return await service.record_visit(work, closed)


async def count(works: Works, table: object, purpose: Purpose = HELP_CITIZEN) -> int:
    async with works.begin(system("test"), purpose) as work:
        return int(await work.db.scalar(select(func.count()).select_from(table)))


async def rows_of(work: Work, table: object) -> list[dict[str, object]]:
    return [dict(row) for row in (await work.db.execute(select(table))).mappings()]


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_every_outcome_leaves_exactly_one_record(works: Works, outcome: Outcome) -> None:
    closed = a_closed_visit(outcome=outcome, follow_up=FOLLOW_UP if outcome is Outcome.FOLLOW_UP else None)
    kept = await record(works, closed, system("desk.sweep"))
    assert (kept.outcome, kept.visit_id, kept.revision) == (outcome, closed.visit_id, 1)
    assert len(kept.reference) == 10 and kept.reference.isdigit()
    assert await count(works, store.contact_record) == 1


async def test_a_second_call_amends_the_record_and_raises_its_revision(works: Works) -> None:
    closed = a_closed_visit(follow_up=FOLLOW_UP)
    first = await record(works, closed)
    changed = a_closed_visit(visit_id=closed.visit_id, answer="De akte ligt dinsdag klaar.", reason="datum")
    second = await record(works, changed)
    assert (second.id, second.reference, second.revision) == (first.id, first.reference, 2)
    assert second.answer == "De akte ligt dinsdag klaar."
    assert await count(works, store.contact_record) == 1
    assert await count(works, store.contact_party) == 1
    assert await count(works, store.follow_up) == 0
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        (revision,) = await rows_of(work, store.contact_revision)
    assert revision["fields"] == "answer,product_id"
    assert b"maandag" not in revision["old_values_sealed"]  # type: ignore[operator]


async def test_timer_and_button_at_once_leave_one_record(works: Works) -> None:
    closed = a_closed_visit()
    kept = await asyncio.gather(*(record(works, closed) for _ in range(8)))
    assert sorted(each.revision for each in kept) == list(range(1, 9))
    assert len({each.id for each in kept}) == await count(works, store.contact_record) == 1
    assert await count(works, store.contact_party) == await count(works, store.contact_leg) == 1


async def test_many_visits_at_once_get_different_numbers(works: Works) -> None:
    kept = await asyncio.gather(*(record(works, a_closed_visit()) for _ in range(12)))
    assert len({each.reference for each in kept}) == 12


async def test_references_are_never_given_twice_and_pass_over_those_of_others(works: Works) -> None:
    references = {(await record(works, a_closed_visit())).reference for _ in range(5)}
    assert len(references) == 5
    async with works.begin(system("test"), RECORD_CONTACT) as work:
        taken = f"{int(max(references)) + 1:010d}"
        row = dict((await rows_of(work, store.contact_record))[0])
        await store.add(work, store.contact_record, [{**row, "id": new_id(), "visit_id": None, "reference": taken}])
    assert (await record(works, a_closed_visit())).reference == f"{int(taken) + 1:010d}"


async def test_a_failing_write_rolls_the_finish_back(works: Works) -> None:
    with pytest.raises(OutcomeMissing) as refused:
        await record(works, a_closed_visit(outcome=Outcome.FOLLOW_UP))
    assert refused.value.fields == {"follow_up_action": "follow_up_needed"}
    assert await count(works, store.contact_record) == 0


async def test_a_detour_and_a_hold_are_one_record_with_all_its_parts(works: Works) -> None:
    legs = tuple(
        ContactLeg("video", "Burgerzaken", ANNA_ID, BEGAN_AT + timedelta(minutes=5 * n), None, "staff")
        for n in range(2)
    )
    kept = await record(works, a_closed_visit(legs=legs))
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        assert [leg["number"] for leg in await rows_of(work, store.contact_leg)] == [1, 2]
        (party,) = await rows_of(work, store.contact_party)
        assert (party["citizen_id"], party["level"], party["happened_at"]) == (FATIMA, "substantial", BEGAN_AT)
        assert b"Fatima" not in party["name_sealed"]  # type: ignore[operator]
        (actor,) = await rows_of(work, store.contact_actor)
        assert (actor["actor_key"], actor["name_at_the_time"]) == (ANNA_ID, "Anna")
        assert {s["kind"] for s in await rows_of(work, store.contact_subject)} == {"appointment", "product"}
        (attachment,) = await rows_of(work, store.contact_attachment)
        assert attachment["contact_id"] == kept.id
    assert (kept.duration_s, kept.waited_s, kept.has_succeeded) == (840, 300, True)


async def test_a_note_with_a_citizen_service_number_cannot_be_saved(works: Works) -> None:
    with pytest.raises(BsnInText) as refused:
        await record(works, a_closed_visit(note="Haar nummer is 9999.90.019"))
    assert refused.value.fields == {"note": "bsn_in_text"}
    assert await count(works, store.contact_record) == 0


async def test_a_timer_takes_the_number_out_because_nobody_can_be_asked(works: Works) -> None:
    closed = a_closed_visit(outcome=Outcome.UNRECORDED, note="nummer 999990019", answer="")
    kept = await record(works, closed, system("desk.sweep"))
    assert kept.note == "Nog niet vastgelegd.\nnummer (nummer weggehaald)"


async def test_earlier_contacts_come_newest_first_in_pages(works: Works) -> None:
    for n in range(5):
        await record(works, a_closed_visit(happened_at=BEGAN_AT + timedelta(days=n), ended_at=None, topic=f"{n}"))
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        first = await service.earlier_contacts(work, FATIMA, limit=3, own_domains={"burgerzaken"})
        before = (first[-1].happened_at, first[-1].id)
        rest = await service.earlier_contacts(work, FATIMA, before, 3, own_domains={"burgerzaken"})
    assert [c.topic for c in (*first, *rest)] == ["4", "3", "2", "1", "0"]


async def test_another_domain_tells_its_date_only(works: Works) -> None:
    await record(
        works, a_closed_visit(domain="werk en inkomen", topic="Uitkering", note="Besproken", follow_up=FOLLOW_UP)
    )
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        (line,) = await service.earlier_contacts(work, FATIMA, own_domains={"burgerzaken"})
        waiting = await service.open_follow_ups(work, FATIMA, {"burgerzaken"})
    assert line.is_other_domain and line.happened_at == BEGAN_AT and not waiting
    assert (line.topic, line.note, line.answer, line.outcome, line.attachments, line.follow_ups) == (
        "", "", "", None, (), (),
    )  # fmt: skip
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        (unnamed,) = await service.earlier_contacts(work, FATIMA)
    assert unnamed.is_other_domain


async def test_somebody_unproven_is_in_nobodys_history(works: Works) -> None:
    await record(works, a_closed_visit(parties=(a_party(None),)))
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        assert await service.earlier_contacts(work, FATIMA, own_domains={"burgerzaken"}) == []
        assert await service.earlier_contacts(work, CitizenId(new_id()), own_domains={"burgerzaken"}) == []


@pytest.mark.parametrize("kind", [ActorKind.GUEST, ActorKind.CITIZEN, ActorKind.ANONYMOUS, ActorKind.SYSTEM])
async def test_only_staff_look_back(works: Works, kind: ActorKind) -> None:
    with pytest.raises(NotAllowed):
        async with works.begin(Actor(kind, id="li"), HELP_CITIZEN) as work:
            await service.earlier_contacts(work, FATIMA, own_domains={"burgerzaken"})


async def test_each_look_writes_one_line_in_both_logs(works: Works) -> None:
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        await service.earlier_contacts(work, FATIMA)
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        (processing,) = await rows_of(work, processing_log)
        (audited,) = await rows_of(work, audit_log)
    assert processing["processing_activity_id"] == HELP_CITIZEN.uri
    assert FATIMA not in str(processing)
    assert (audited["action"], audited["result"]) == ("history.earlier_contacts", "allowed")
    assert ANNA_ID not in str(audited["actor"])


async def test_follow_ups_are_shown_with_team_and_date(works: Works) -> None:
    kept = await record(works, a_closed_visit(outcome=Outcome.FOLLOW_UP, follow_up=FOLLOW_UP))
    async with works.begin(ANNA, HELP_CITIZEN) as work:
        (line,) = await service.earlier_contacts(work, FATIMA, own_domains={"burgerzaken"})
        (waiting,) = await service.open_follow_ups(work, FATIMA, {"burgerzaken"})
        (planned,) = await service.follow_ups_of(work, kept.id)
    assert line.follow_ups == (planned,) and waiting == planned
    assert (planned.team, planned.due_at) == ("Burgerzaken", FOLLOW_UP.due_at)


async def test_a_draft_is_sealed_own_and_gone_when_the_visit_is_finished(works: Works) -> None:
    closed, bram = a_closed_visit(), service.StaffId(new_id())
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        await service.save_draft(work, closed.visit_id, ANNA_ID, {"note": "eerste"})
        await service.save_draft(work, closed.visit_id, ANNA_ID, {"note": "tweede"})
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        assert await service.draft(work, closed.visit_id, ANNA_ID) == {"note": "tweede"}
        assert await service.draft(work, closed.visit_id, bram) == {}
        assert b"tweede" not in (await rows_of(work, store.contact_draft))[0]["form_sealed"]  # type: ignore[operator]
    await record(works, closed)
    assert await count(works, store.contact_draft) == 0


async def test_records_go_after_their_last_day_unless_something_is_still_to_do(works: Works, clock: Clock) -> None:
    gone = a_closed_visit(retention_days=1)
    waits = a_closed_visit(retention_days=1, outcome=Outcome.FOLLOW_UP, follow_up=FOLLOW_UP)
    stays = a_closed_visit(retention_days=40)
    for closed in (gone, waits, stays):
        await record(works, closed)
    clock.move(days=1)
    async with works.begin(system("retention"), RECORD_CONTACT) as work:
        assert await service.destroy_records(work, work.now) == 0
    clock.move(days=1)
    for expected in (1, 0):
        async with works.begin(system("retention"), RECORD_CONTACT) as work:
            assert await service.destroy_records(work, work.now) == expected
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        kept = {row["visit_id"] for row in await rows_of(work, store.contact_record)}
        assert kept == {waits.visit_id, stays.visit_id}
        for table in (store.contact_leg, store.contact_party, store.contact_actor, store.contact_attachment):
            assert len(await rows_of(work, table)) == 2


async def test_drafts_go_after_a_day(works: Works, clock: Clock) -> None:
    async with works.begin(ANNA, RECORD_CONTACT) as work:
        await service.save_draft(work, a_closed_visit().visit_id, ANNA_ID, {"note": "x"})
    clock.move(hours=23)
    async with works.begin(system("retention"), RECORD_CONTACT) as work:
        assert await service.destroy_drafts(work, work.now) == 0
    clock.move(hours=2)
    async with works.begin(system("retention"), RECORD_CONTACT) as work:
        assert await service.destroy_drafts(work, work.now) == 1
