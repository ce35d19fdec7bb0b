"""Who may do what, and the states of a request to sign in: pure, nothing by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from balie.actors import Actor, ActorKind, AssuranceLevel, Role
from balie.errors import AlreadyDecided, LevelUnknown, NoRole, NotAllowed, NotFound, RolesConflict, TooLate
from balie.identity import rules
from balie.identity.rules import (
    About,
    Action,
    Allowed,
    Denied,
    Situation,
    Thing,
    Verification,
    VerificationState,
    decide,
    public_name,
    require_allowed,
    roles_from,
)
from balie.ids import CitizenId, SessionId, VerificationId, VisitId
from balie.privacy import purposes

NOW = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)
DESK, APPOINTMENT = "desk", "appointment"
OPEN = Situation(is_checked_in=True, is_confirmed=True)


def staff(*roles: Role, id: str = "anna", desks: frozenset[str] = frozenset({DESK})) -> Actor:
    return Actor(ActorKind.STAFF, id=id, roles=frozenset(roles), desks=desks)


FATIMA = Actor(ActorKind.CITIZEN, participant="citizen", session_id="s", appointment_id=APPOINTMENT)
PROVEN_FATIMA = replace(FATIMA, id="c", verification_id="v")
LI = Actor(ActorKind.GUEST, participant="interpreter", session_id="s", appointment_id=APPOINTMENT)
ANNA = staff(Role.STAFF)
BRAM = staff(Role.STAFF, id="bram")
TEAM_LEAD = staff(Role.TEAM_LEAD, id="lead")
ADMIN = staff(Role.ADMIN, id="admin")
OFFICER = staff(Role.PRIVACY_OFFICER, id="officer")
JOB = Actor(ActorKind.SYSTEM, id="job")
NOBODY = Actor(ActorKind.ANONYMOUS)
STRANGER = replace(FATIMA, appointment_id="other")
ELSEWHERE = staff(Role.STAFF, id="piet", desks=frozenset({"other"}))

PURPOSE = {
    Thing.QUEUE_CARD: purposes.HELP_CITIZEN,
    Thing.CONVERSATION: purposes.HELP_CITIZEN,
    Thing.DOCUMENT: purposes.HANDLE_DOCUMENT,
    Thing.LEVEL: purposes.VERIFY_IDENTITY,
    Thing.BSN: purposes.VERIFY_IDENTITY,
    Thing.CONTACT_HISTORY: purposes.HELP_CITIZEN,
    Thing.LOGS: purposes.ANSWER_ACCESS_REQUEST,
}
# The table of section 10: who may see what, all else is no.
YES = {
    (FATIMA, Thing.QUEUE_CARD),
    (FATIMA, Thing.CONVERSATION),
    (FATIMA, Thing.DOCUMENT),
    (FATIMA, Thing.LEVEL),
    *((PROVEN_FATIMA, thing) for thing in Thing if thing is not Thing.LOGS),
    (LI, Thing.CONVERSATION),
    *((ANNA, thing) for thing in Thing if thing is not Thing.LOGS),
    (BRAM, Thing.QUEUE_CARD),
    (TEAM_LEAD, Thing.QUEUE_CARD),
    (OFFICER, Thing.LOGS),
}
EVERYBODY = (FATIMA, PROVEN_FATIMA, LI, ANNA, BRAM, TEAM_LEAD, ADMIN, OFFICER, JOB, NOBODY, STRANGER, ELSEWHERE)


def about(thing: Thing) -> About:
    return About(thing, appointment_id=APPOINTMENT, desk_id=DESK, owner_id="anna")


@pytest.mark.parametrize("thing", Thing)
def test_only_the_cells_of_the_table_are_open(thing: Thing) -> None:
    for actor in EVERYBODY:
        found = decide(actor, Action.READ, about(thing), PURPOSE[thing], OPEN, NOW)
        assert isinstance(found, Allowed) is ((actor, thing) in YES), (actor, thing, found)


def test_every_purpose_that_a_thing_is_not_for_is_refused() -> None:
    for thing, purpose in product(Thing, purposes.ALL):
        found = decide(OFFICER if thing is Thing.LOGS else ANNA, Action.READ, about(thing), purpose, OPEN, NOW)
        assert isinstance(found, Allowed) is (purpose.name in rules._PURPOSES[thing])


def test_content_opens_at_check_in_and_closes_after_wrap_up() -> None:
    closed = Situation(is_checked_in=True, is_confirmed=True, closes_at=NOW)
    for thing in (Thing.CONVERSATION, Thing.DOCUMENT, Thing.LEVEL, Thing.BSN, Thing.CONTACT_HISTORY):
        for situation in (Situation(is_confirmed=True), closed):
            found = decide(ANNA, Action.READ, about(thing), PURPOSE[thing], situation, NOW)
            assert found == Denied("state")
        later = replace(closed, closes_at=NOW + timedelta(seconds=1))
        assert isinstance(decide(ANNA, Action.READ, about(thing), PURPOSE[thing], later, NOW), Allowed)


def test_number_and_earlier_contacts_wait_for_the_proof() -> None:
    unproven = Situation(is_checked_in=True)
    for thing in (Thing.BSN, Thing.CONTACT_HISTORY):
        found = decide(ANNA, Action.READ, about(thing), PURPOSE[thing], unproven, NOW)
        assert found == Denied("not_confirmed")


def test_fields_that_are_not_listed_stay_masked() -> None:
    card = decide(BRAM, Action.READ, about(Thing.QUEUE_CARD), purposes.HELP_CITIZEN, OPEN, NOW)
    assert card == Allowed(frozenset({"name", "product", "wait", "needs", "devices"}))
    number = decide(PROVEN_FATIMA, Action.READ, about(Thing.BSN), purposes.VERIFY_IDENTITY, OPEN, NOW)
    assert number == Allowed(frozenset({"masked"}))


def test_what_belongs_to_somebody_else_does_not_exist_and_a_kind_without_the_right_is_refused() -> None:
    for actor in (STRANGER, ELSEWHERE, NOBODY):
        with pytest.raises(NotFound):
            require_allowed(decide(actor, Action.READ, about(Thing.DOCUMENT), purposes.HANDLE_DOCUMENT, OPEN, NOW))
    with pytest.raises(NotAllowed):
        require_allowed(decide(LI, Action.READ, about(Thing.DOCUMENT), purposes.HANDLE_DOCUMENT, OPEN, NOW))


def a_verification(state: VerificationState) -> Verification:
    return Verification(
        id=VerificationId("v"),
        visit_id=VisitId("visit"),
        participant="citizen",
        purpose="Geboorte aangeven",
        minimum_level=AssuranceLevel.SUBSTANTIAL,
        asked_by="anna",
        asked_at=NOW,
        state=state,
        expires_at=NOW + timedelta(minutes=10),
    )


@pytest.mark.parametrize("state", VerificationState)
def test_only_an_open_request_can_be_begun_declined_or_withdrawn(state: VerificationState) -> None:
    asked = a_verification(state)
    acts = (
        lambda: rules.begin_sign_in(asked, SessionId("s"), NOW),
        lambda: rules.decline(asked, NOW),
        lambda: rules.withdraw(asked, NOW),
    )
    for act in acts:
        if state in rules.ASKED:
            assert act().state in (
                VerificationState.SIGNING_IN,
                VerificationState.DECLINED,
                VerificationState.FAILED,
                VerificationState.WITHDRAWN,
            )
        else:
            with pytest.raises((AlreadyDecided, TooLate)):
                act()


def test_a_request_that_is_past_its_time_cannot_be_begun() -> None:
    with pytest.raises(TooLate):
        rules.begin_sign_in(a_verification(VerificationState.REQUESTED), SessionId("s"), NOW + timedelta(minutes=10))


def test_a_proof_holds_for_sixty_minutes_and_names_its_method() -> None:
    found = rules.confirm(
        a_verification(VerificationState.SIGNING_IN),
        citizen_id=CitizenId("c"),
        level=AssuranceLevel.HIGH,
        provider="https://digid.example",
        name="Fatima de Vries",
        now=NOW,
    )
    assert found.is_confirmed and found.method_label == "DigiD Hoog"
    assert found.expires_at == NOW + timedelta(minutes=60)


def test_a_level_outside_the_map_is_unknown() -> None:
    for value in ("x", None, 2, ["a"]):
        with pytest.raises(LevelUnknown):
            rules.level_from(value, {"a": "high"})
    with pytest.raises(LevelUnknown):
        rules.level_from("b", {"b": "refuse"})


def test_roles_come_from_the_map_alone() -> None:
    known = {role.value: role.value for role in Role}
    assert roles_from(["staff", "directeur"], known) == {Role.STAFF}
    with pytest.raises(NoRole):
        roles_from(["directeur"], known)
    with pytest.raises(RolesConflict):
        roles_from(["admin", "privacy_officer", "staff"], known)


def test_citizens_read_the_name_that_the_setting_says() -> None:
    assert public_name("Anna Bakker", "first_name") == "Anna"
    assert public_name("Anna Bakker", "full_name") == "Anna Bakker"
    assert public_name("Anna Bakker", "counter_name", "Loket 3") == "Loket 3"
    assert public_name("", "first_name") == ""


def test_claims_of_another_form_hold_no_text() -> None:
    assert rules.texts_of("staff") == ("staff",)
    assert rules.texts_of(["staff", 3, "", "x" * 201, None]) == ("staff",)
    assert rules.texts_of({"staff": True}) == rules.texts_of(None) == ()
