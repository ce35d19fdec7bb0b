"""Sample values of the parts that history gives to pages of `desk`; it has no page of its own yet."""

from __future__ import annotations

from datetime import UTC, datetime

from balie.history.records import EarlierContact, FollowUp
from balie.history.rules import FollowUpState, Outcome
from balie.history.staff_views import EarlierLine, EarlierPart, RecordPart
from balie.history.texts import one_line
from balie.ids import ContactId, FollowUpId
from balie.web.screens import Screen

SCREENS: list[Screen] = []

_VISIT_ID = "00000000-0000-4000-8000-000000000001"
_EMPTY = dict.fromkeys(
    ("outcome", "topic", "note", "answer", "follow_up_action", "follow_up_team", "follow_up_due"), ""
)
_KNOWN = {**_EMPTY, "topic": "Geboorte aangeven", "follow_up_team": "Burgerzaken"}


def _at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 9, 30, tzinfo=UTC)


def _contact(number: int, happened_at: datetime, channel: str, topic: str, answer: str, note: str) -> EarlierContact:
    return EarlierContact(
        ContactId(f"00000000-0000-4000-8000-00000000010{number}"),
        happened_at,
        "Burgerzaken",
        is_other_domain=False,
        channel=channel,
        topic=topic,
        outcome=Outcome.HELPED,
        note=note,
        answer=answer,
    )


_FOLLOW_UP = FollowUp(
    FollowUpId("00000000-0000-4000-8000-000000000201"),
    ContactId("00000000-0000-4000-8000-000000000101"),
    "Het formulier opsturen",
    "",
    "Burgerzaken",
    None,
    _at(12, 7),
    FollowUpState.TO_DO,
)
_CONTACTS = (
    _contact(1, _at(11, 27), "telefoon", "Vraag over de naam van een kind", "Neem het formulier mee.", ""),
    EarlierContact(ContactId("00000000-0000-4000-8000-000000000102"), _at(11, 19), "", is_other_domain=True),
    _contact(3, _at(11, 2), "balie", "Verhuizing doorgeven", "Uw adres is veranderd.", "Huurcontract gezien."),
    _contact(4, _at(10, 20), "chat", "Parkeervergunning", "", "Vroeg wat een vergunning kost."),
)

EARLIER_STATES = {
    "closed": EarlierPart(is_open=False),
    "empty": EarlierPart(is_open=True),
    "full": EarlierPart(
        is_open=True,
        lines=tuple(EarlierLine(contact, one_line(contact)) for contact in _CONTACTS),
        follow_ups=(_FOLLOW_UP,),
        more=f"{_at(10, 20).isoformat()}_00000000-0000-4000-8000-000000000104",
    ),
}


def record_states(action: str) -> dict[str, RecordPart]:
    """The record form as it opens, filled in, and with errors; `action` is the address of *Afronden*."""
    filled = {**_KNOWN, "outcome": "helped", "answer": "De akte ligt maandag klaar.\nNeem uw paspoort mee."}
    wrong = {**_KNOWN, "outcome": "follow_up", "note": "Haar nummer is 999990019"}
    errors = {"note": "bsn_in_text", "follow_up_action": "follow_up_needed"}

    def part(values: dict[str, str], errors: dict[str, str], papers: tuple[str, ...] = ()) -> RecordPart:
        return RecordPart(_VISIT_ID, action, "desk.finish", values, errors, open_papers=papers)

    return {
        "new": part(_KNOWN, {}),
        "filled": part(filled, {}, ("Verklaring van de verloskundige",)),
        "errors": part(wrong, errors),
    }
