"""The staff's screens of the desk in every state, with sample values of the cast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from balie.desk.staff_pages import (
    CounterPage,
    DeskLine,
    ExpectedRow,
    FinishedPage,
    HelpedRow,
    NoDeskPage,
    Person,
    QueuePage,
    QueueRow,
)
from balie.documents.staff_views import AskedLine, DocumentsAtCounter
from balie.history.records import EarlierContact
from balie.history.rules import Outcome
from balie.history.staff_views import EarlierLine, EarlierPart, RecordPart
from balie.ids import ContactId
from balie.web.screens import Screen

_ID = "6f1c0d2e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
_AT = datetime(2026, 12, 4, 13, 30, tzinfo=UTC)
_DESK = DeskLine(_ID, "Burgerzaken")
_NAME = "Fatima de Vries"
_PRODUCT = "Geboorte aangeven"
_GOOD = (("camera", "ok"), ("microphone", "ok"), ("connection", "good"))
_BLOCKED = (("camera", "denied"), ("microphone", "ok"), ("connection", "fair"))

_ROW = QueueRow(_ID, 1, "12", _NAME, _AT, 4, "calm", _PRODUCT, device=_GOOD)
_LONG = QueueRow(_ID, 2, "13", "Li", _AT, 18, "amber", "Verhuizing doorgeven", ("simplified", "interpreter"), _BLOCKED)
_WORST = replace(_LONG, place=3, number="14", waited_minutes=34, urgency="red", rung=2, is_away=True, badges=("late",))
_READY = replace(_ROW, is_ready=True, has_undelivered=True)
_EMPTY = QueuePage(_DESK, (_DESK,), "Anna", is_open=True, is_paused=False, counters=1, longest_minutes=0)
_BUSY = replace(
    _EMPTY,
    counters=2,
    longest_minutes=34,
    waiting=(_ROW, _LONG, _WORST),
    helped=(
        HelpedRow(_ID, _NAME, _PRODUCT, "in_conversation", "Bram", False, _AT),
        HelpedRow(_ID, "Li", "Vraag over mijn aanvraag", "on_hold", "Anna", True, _AT, "colleague", _AT),
    ),
    expected=(ExpectedRow(_AT + timedelta(minutes=20), _NAME, _PRODUCT, "booked"),),
    finished=(("helped", 9), ("no_show", 1)),
    finished_total=10,
)

_PERSON = Person(
    _NAME, _PRODUCT, _AT, "nl", device=_GOOD, verification="none", has_mobile=True, needed_level="substantial"
)
_PROVEN = replace(
    _PERSON,
    verification="confirmed",
    method="DigiD Substantieel",
    level="substantial",
    proven_name=_NAME,
    verified_at=_AT,
    badges=("simplified", "companion"),
)
_VALUES = {
    "outcome": "", "topic": _PRODUCT, "note": "", "answer": "", "follow_up_action": "",
    "follow_up_team": "Burgerzaken", "follow_up_due": "",
}  # fmt: skip
_RECORD = RecordPart(_ID, "#", "desk.finish", _VALUES)


def _line(channel: str, topic: str, answer: str, days: int) -> EarlierLine:
    contact = EarlierContact(
        ContactId(_ID), _AT - timedelta(days=days), "Burgerzaken", False, channel, topic, Outcome.HELPED, "", answer
    )
    return EarlierLine(contact, answer)


_CLOSED = EarlierPart(is_open=False)
_EARLIER = EarlierPart(
    is_open=True,
    lines=(
        _line("Telefoon", "Vraag over de naam van het kind", "Dat kan bij de aangifte.", 7),
        _line("Balie", "Verhuizing", "De verhuizing is verwerkt.", 20),
        EarlierLine(EarlierContact(ContactId(_ID), _AT - timedelta(days=33), "Werk en inkomen", True), ""),
    ),
)
_DOCUMENTS = DocumentsAtCounter(_ID, _ID, asked=(AskedLine(_ID, "Verklaring van de verloskundige", "asked"),))
_TALKS = CounterPage(
    desk=_DESK,
    visit_id=_ID,
    staff_name="Anna",
    state="in_conversation",
    is_owner=True,
    person=_PERSON,
    owner_name="Anna",
    acts=frozenset({"put_on_hold", "end", "finish", "ask_identification"}),
    documents=_DOCUMENTS,
    record=_RECORD,
    earlier=_CLOSED,
    is_begun=True,
)
_RINGS = replace(_TALKS, state="admitted", acts=frozenset({"put_back"}), ring_ends_at=_AT, is_begun=False)
_HELD = replace(
    _TALKS, state="on_hold", acts=frozenset({"resume", "release", "end"}), hold_reason="colleague", hold_until=_AT
)
_LOST = replace(
    _TALKS, state="interrupted", acts=frozenset({"put_back", "give_up", "finish"}), interrupted_reason="lost"
)
_KNOWN = replace(_TALKS, person=_PROVEN, earlier=_EARLIER, acts=frozenset({"put_on_hold", "end", "finish"}))
_ASKED = replace(_PERSON, verification="requested", asked_at=_AT, verification_id=_ID)
_MISSING = replace(_RECORD, errors={"outcome": "outcome_missing"})

_QUEUES: Mapping[str, Any] = {
    "dicht": replace(_EMPTY, is_open=False, counters=0),
    "leeg": _EMPTY,
    "druk": _BUSY,
    "klaar-om-te-beginnen": replace(_EMPTY, waiting=(_READY,)),
    "pauze": replace(_BUSY, is_paused=True),
    "met-eigen-gesprek": replace(_BUSY, my_visit_id=_ID),
    "niemand-wacht": replace(_EMPTY, notice="nobody_waiting"),
    "collega-was-sneller": replace(_BUSY, notice="not_waiting"),
    "geen-loket": replace(_BUSY, is_open=False, notice="no_counter"),
}
_COUNTERS: Mapping[str, Any] = {
    "belt": _RINGS,
    "nog-niet": replace(_RINGS, not_yet_count=1),
    "in-gesprek": _TALKS,
    "gevraagd": replace(_TALKS, person=_ASKED, acts=frozenset({"withdraw_identification", "end", "put_on_hold"})),
    "logt-in": replace(_TALKS, person=replace(_ASKED, verification="signing_in"), is_signing_in=True),
    "tweede-toestel": replace(_TALKS, has_second_device=True),
    "bevestigd": _KNOWN,
    "niemand-eerder": replace(_KNOWN, earlier=EarlierPart(is_open=True)),
    "onbevestigd": replace(_TALKS, person=replace(_PROVEN, verification="unconfirmed")),
    "inloggen-mislukt": replace(_TALKS, person=replace(_PERSON, verification="failed", failure="level_too_low")),
    "in-de-wacht": _HELD,
    "verbinding-kwijt": _LOST,
    "inwoner-gestopt": replace(_LOST, interrupted_reason="stopped"),
    "vastleggen": replace(_TALKS, state="wrap_up", acts=frozenset({"finish"}), person=_PROVEN, earlier=_EARLIER),
    "uitkomst-ontbreekt": replace(_TALKS, state="wrap_up", acts=frozenset({"finish"}), record=_MISSING),
    "van-een-collega": replace(_TALKS, is_owner=False, owner_name="Bram", acts=frozenset()),
    "met-telefoonnummer": replace(_LOST, person=replace(_PERSON, phone="+31612345678")),
}

SCREENS = [
    Screen("staff-queue", "desk/queue", _QUEUES, "staff", "Wachtrij", views=("normal",)),
    Screen("staff-counter", "desk/counter", _COUNTERS, "staff", "Loket", views=("normal",)),
    Screen(
        "staff-finished",
        "desk/finished",
        {"geholpen": FinishedPage(_DESK, "Anna", "helped", "0026000001")},
        "staff",
        "Afgerond",
        views=("normal",),
    ),
    Screen("staff-no-desk", "desk/no_desk", {"geen": NoDeskPage("Anna")}, "staff", "Geen balie", views=("normal",)),
]
