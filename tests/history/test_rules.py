"""The rules of contact records."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from balie.history.rules import (
    HAS_SUCCEEDED,
    Outcome,
    missing_fields,
    next_working_day,
    planned_follow_up,
)
from balie.history.texts import cut, full_note, has_bsn, system_text, without_bsn
from tests.history.builders import BEGAN_AT, FOLLOW_UP, a_closed_visit


def test_every_outcome_says_whether_the_contact_succeeded() -> None:
    assert set(HAS_SUCCEEDED) == set(Outcome)
    assert HAS_SUCCEEDED[Outcome.UNRECORDED] is None


@pytest.mark.parametrize(
    ("outcome", "changes", "text"),
    [
        (Outcome.HELPED, {}, ""),
        (Outcome.FOLLOW_UP, {"follow_up": FOLLOW_UP}, "Wij doen nog: De akte opsturen"),
        (Outcome.REDIRECTED, {}, "Doorverwezen."),
        (Outcome.INTERRUPTED, {"ended_at": BEGAN_AT + timedelta(minutes=6)}, "Het gesprek brak af na 6 minuten."),
        (Outcome.INTERRUPTED, {"ended_at": BEGAN_AT + timedelta(seconds=20)}, "Het gesprek brak af na 1 minuut."),
        (Outcome.NO_SHOW, {"ended_at": None}, "Niet verschenen."),
        (Outcome.NO_SHOW, {"admit_count": 3}, "3 keer opgeroepen, geen antwoord."),
        (Outcome.LEFT, {"waited_s": 720}, "Weggegaan na 12 minuten wachten."),
        (Outcome.NOT_SERVED, {}, "Niet aan de beurt gekomen voor sluitingstijd."),
        (Outcome.REFUSED, {}, "Gesprek beëindigd door de gemeente."),
        (Outcome.UNRECORDED, {}, "Nog niet vastgelegd."),
    ],
)
def test_the_system_adds_its_sentence_by_outcome(outcome: Outcome, changes: dict[str, object], text: str) -> None:
    assert system_text(a_closed_visit(outcome=outcome, **changes)) == text


def test_the_note_of_staff_follows_the_sentence_of_the_system() -> None:
    closed = a_closed_visit(outcome=Outcome.UNRECORDED, note=" Naam van het kind besproken. ")
    assert full_note(closed) == "Nog niet vastgelegd.\nNaam van het kind besproken."
    assert len(full_note(replace(closed, note="woord " * 400))) <= 1000


def test_what_must_be_filled_in_depends_on_the_outcome() -> None:
    assert missing_fields(None, "", False) == {"outcome": "outcome_missing"}
    assert missing_fields(Outcome.HELPED, "", False) == {}
    assert missing_fields(Outcome.FOLLOW_UP, "", False) == {"follow_up_action": "follow_up_needed"}
    assert missing_fields(Outcome.FOLLOW_UP, "", True) == {}
    assert missing_fields(Outcome.REDIRECTED, " ", False) == {"answer": "redirected_needs_answer"}


def test_who_was_cut_off_is_called_back_and_who_did_not_come_is_not() -> None:
    due_at = BEGAN_AT + timedelta(days=3)
    who = {"call_back_team": "Klantcontact", "call_back_due_at": due_at}
    for outcome in (Outcome.INTERRUPTED, Outcome.NOT_SERVED):
        plan = planned_follow_up(a_closed_visit(outcome=outcome, **who))
        assert plan is not None
        assert (plan.action, plan.team, plan.due_at) == ("Terugbellen", "Klantcontact", due_at)
    closed = a_closed_visit(outcome=Outcome.NO_SHOW, **who)
    assert planned_follow_up(closed) is None


def test_the_next_working_day_passes_over_weekends_and_closed_days() -> None:
    friday = date(2026, 12, 4)
    assert next_working_day(friday) == date(2026, 12, 7)
    assert next_working_day(friday, {date(2026, 12, 7)}) == date(2026, 12, 8)


@pytest.mark.parametrize(
    "text", ["999990019", "BSN 9999.90.019.", "99 99 90 019", "９９９９９００１９", "x:999990019;"]
)
def test_a_citizen_service_number_is_found_in_a_text(text: str) -> None:
    assert has_bsn(text)
    assert not has_bsn(without_bsn(text))


@pytest.mark.parametrize("text", ["999990018", "0612345678", "9999900190", "a999990019", "zaak 000000000", "2026"])
def test_other_numbers_are_left_alone(text: str) -> None:
    assert not has_bsn(text)
    assert without_bsn(text) == text


def test_a_text_is_cut_on_a_word() -> None:
    assert cut("een twee drie", 40) == "een twee drie"
    assert cut("een twee drie", 10) == "een twee…"
