"""Links and sessions: what a token opens, when it ends, and what of it is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from balie.actors import ActorKind, system
from balie.db import metadata
from balie.errors import LinkExpired, LinkReplaced, NotFound, NotSignedIn
from balie.identity import service
from balie.identity.links import (
    Invitation,
    LinkState,
    ParticipantKind,
    SessionKind,
    hash_of,
    link_state,
)
from balie.ids import AppointmentId, SessionId, VisitId, new_id
from balie.privacy.purposes import MAKE_APPOINTMENT
from balie.work import Work, Works
from tests.conftest import Clock

LINK = (SessionKind.LINK,)


async def invited(work: Work, days: float = 2) -> tuple[Invitation, str]:
    invitation = await service.invite(
        work,
        appointment_id=AppointmentId(new_id()),
        participant_kind="citizen",
        language="nl",
        valid_from=work.now,
        valid_until=work.now + timedelta(days=days),
    )
    return invitation, await service.link_token(work, invitation.id)


async def rows(work: Work) -> list[str]:
    return [str(row) for table in metadata.sorted_tables for row in await work.db.execute(table.select())]


async def test_a_link_is_43_characters_and_the_same_each_time_while_only_its_hash_is_kept(works: Works) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        invitation, token = await invited(work)
        assert len(token) == 43
        assert await service.link_token(work, invitation.id) == token
        kept = await rows(work)
        assert any(invitation.id in row for row in kept) and not any(token in row for row in kept)
        assert await work.db.scalar(text("select token_hash from invitation")) == hash_of(token)


async def test_opening_a_link_a_hundred_times_changes_no_row(works: Works) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        invitation, token = await invited(work)
        before = await rows(work)
    async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
        for _ in range(100):
            opened = await service.open_link(work, token)
        assert (opened.appointment_id, opened.participant_kind) == (
            invitation.appointment_id,
            ParticipantKind.CITIZEN,
        )
        assert await rows(work) == before


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../..", "\x00", "é" * 5000, "\udcff", "%00"])
async def test_unknown_and_malformed_links_are_the_same_to_us(works: Works, token: str) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
        with pytest.raises(NotFound) as refusal:
            await service.open_link(work, token)
        assert type(refusal.value) is NotFound


async def test_an_old_link_explains_itself_for_thirty_days(works: Works, clock: Clock) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work, days=1)
    for days, kind in ((1, LinkExpired), (29, LinkExpired), (1, NotFound)):
        clock.move(days=days)
        async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
            with pytest.raises(NotFound) as refusal:
                await service.open_link(work, token)
            assert type(refusal.value) is kind


async def test_rescheduling_replaces_the_link_and_says_so(works: Works, clock: Clock) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        invitation, old = await invited(work)
    clock.move(minutes=1)
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        newer = await service.replace_links(work, invitation.appointment_id, work.now + timedelta(days=9))
        new = await service.link_token(work, newer.id)
        assert newer.version == 2 and new != old
        with pytest.raises(LinkReplaced):
            await service.open_link(work, old)
        assert (await service.open_link(work, new)).version == 2
        assert await service.replaced_link(work, old) == invitation.appointment_id
        assert await service.replaced_link(work, new) is None
        assert await service.replaced_link(work, "x") is None


async def test_cancelling_ends_links_and_sessions_at_once(works: Works) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        invitation, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        await service.revoke_links(work, invitation.appointment_id)
        assert await service.session_of(work, new.token, LINK) is None
        with pytest.raises(LinkExpired):
            await service.open_link(work, token)
        assert (await service.find_link(work, token))[1] is LinkState.REVOKED
        with pytest.raises(NotFound):
            await service.link_token(work, invitation.id)


async def test_going_on_starts_a_session_of_this_appointment_and_counts_the_opening(works: Works) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        invitation, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        visitor = await service.session_of(work, new.token, LINK)
        assert visitor is not None
        actor = await service.actor_of(work, visitor)
        opened = await work.db.scalar(text("select opened_count from invitation"))
        kept = await rows(work)
    assert (actor.kind, actor.participant, actor.id) == (ActorKind.CITIZEN, "citizen", None)
    assert actor.appointment_id == invitation.appointment_id and opened == 1
    assert not any(new.token in row for row in kept) and new.token not in repr(new)


async def test_a_later_session_of_the_same_link_is_in_the_same_visit(works: Works, clock: Clock) -> None:
    visit_id = VisitId(new_id())
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        opened = await service.open_link(work, token)
        first = await service.start_link_session(work, opened)
        await service.note_visit(work, first.session_id, visit_id)
    clock.move(hours=9)
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        assert await service.session_of(work, first.token, LINK) is None  # eight hours are over
        second = await service.start_link_session(work, await service.open_link(work, token))
        visitor = await service.session_of(work, second.token, LINK)
    assert visitor is not None and visitor.session.visit_id == visit_id


async def test_a_link_session_has_no_idle_end_until_goodbye(works: Works, clock: Clock) -> None:
    visit_id = VisitId(new_id())
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        await service.note_visit(work, new.session_id, visit_id)
    clock.move(hours=7)
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        assert await service.session_of(work, new.token, LINK) is not None
        await service.note_goodbye(work, visit_id)
    clock.move(minutes=14)
    async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
        assert await service.session_of(work, new.token, LINK) is not None
    clock.move(minutes=2)
    async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
        assert await service.session_of(work, new.token, LINK) is None


async def test_a_running_conversation_is_not_cut_at_eight_hours(works: Works, clock: Clock) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
    clock.move(hours=7, minutes=58)
    for _ in range(3):
        async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
            await service.keep_alive(work, new.session_id)
        clock.move(minutes=4)
        async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
            assert await service.session_of(work, new.token, LINK) is not None
    clock.move(minutes=6)
    async with works.begin(system("test"), MAKE_APPOINTMENT, writes=False) as work:
        assert await service.session_of(work, new.token, LINK) is None


async def test_a_page_ticket_counts_once_and_for_thirty_seconds(works: Works, clock: Clock) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        first, second = [await service.issue_page_ticket(work, new.session_id, "page-1") for _ in range(2)]
        actor = await service.use_page_ticket(work, first)
        assert (actor.session_id, actor.page_id) == (new.session_id, "page-1")
        with pytest.raises(NotSignedIn):
            await service.use_page_ticket(work, first)
        with pytest.raises(NotSignedIn):
            await service.use_page_ticket(work, "x")
    clock.move(seconds=31)
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        with pytest.raises(NotSignedIn):
            await service.use_page_ticket(work, second)


async def test_the_ticket_of_an_ended_session_opens_nothing(works: Works) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        ticket = await service.issue_page_ticket(work, new.session_id, "page-1")
        await service.end_session(work, SessionId(new.session_id), "test")
        with pytest.raises(NotSignedIn):
            await service.use_page_ticket(work, ticket)


async def test_what_ended_is_destroyed_after_its_period(works: Works, clock: Clock) -> None:
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        await service.issue_page_ticket(work, new.session_id, "page-1")
    for days, left in ((1, (1, 1)), (1, (0, 1)), (31, (0, 0))):
        clock.move(days=days)
        async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
            for destroy in (service.destroy_tickets, service.destroy_sessions, service.destroy_invitations):
                await destroy(work, work.now)
            counts = [await work.db.scalar(text(f"select count(*) from {t}")) for t in ("session", "invitation")]
        assert tuple(counts) == left, days


def test_a_link_that_was_both_replaced_and_revoked_says_revoked(clock: Clock) -> None:
    now = clock.now
    link = Invitation(
        id="i",  # type: ignore[arg-type]
        version=1,
        key_version=1,
        appointment_id=AppointmentId("a"),
        visit_id=None,
        participant_kind=ParticipantKind.CITIZEN,
        language="nl",
        valid_from=now,
        valid_until=now + timedelta(days=1),
        created_by="test",
        revoked_at=now,
        replaced_at=now,
    )
    assert link_state(link, now) is LinkState.REVOKED
    assert link_state(link, now + timedelta(days=30)) is LinkState.FORGOTTEN


async def test_a_seat_in_use_keeps_the_session_of_its_visit(works: Works, clock: Clock) -> None:
    visit_id = VisitId(new_id())
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        _, token = await invited(work)
        new = await service.start_link_session(work, await service.open_link(work, token))
        await service.note_visit(work, new.session_id, visit_id)
        await service.note_goodbye(work, visit_id)
    for _ in range(3):
        clock.move(minutes=10)
        async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
            await service.keep_seats_alive(work, visit_id=visit_id)
            await service.keep_seats_alive(work)
            assert await service.session_of(work, new.token, LINK) is not None
    clock.move(minutes=16)
    async with works.begin(system("test"), MAKE_APPOINTMENT) as work:
        await service.keep_seats_alive(work, visit_id=visit_id)  # what is over stays over
        assert await service.session_of(work, new.token, LINK) is None
