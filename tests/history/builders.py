"""Closed visits that are valid unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from balie.actors import Actor, ActorKind, AssuranceLevel, Role
from balie.history.rules import (
    ClosedVisit,
    ContactActor,
    ContactAttachment,
    ContactLeg,
    ContactParty,
    FollowUpPlan,
    Outcome,
    PartyRole,
    Proof,
)
from balie.ids import AppointmentId, CitizenId, ProductId, StaffId, VisitId, new_id

BEGAN_AT = datetime(2026, 12, 4, 13, 31, tzinfo=UTC)
ANNA_ID = StaffId(new_id())
ANNA = Actor(ActorKind.STAFF, id=ANNA_ID, roles=frozenset({Role.STAFF}), participant="staff")
FATIMA = CitizenId(new_id())
FOLLOW_UP = FollowUpPlan("De akte opsturen", "Burgerzaken", BEGAN_AT + timedelta(days=4))


def a_party(citizen_id: CitizenId | None = FATIMA) -> ContactParty:
    """Fatima, signed in."""
    proof = Proof(True, "DigiD Substantieel", AssuranceLevel.SUBSTANTIAL, BEGAN_AT, "VERIFY_IDENTITY")
    return ContactParty(citizen_id, PartyRole.CITIZEN, True, "Fatima de Vries", "", proof if citizen_id else None)


def a_closed_visit(**changes: Any) -> ClosedVisit:
    """Fatima was helped by Anna in fourteen minutes and gave one paper."""
    values: dict[str, Any] = {
        "visit_id": VisitId(new_id()),
        "appointment_id": AppointmentId(new_id()),
        "product_id": ProductId(new_id()),
        "topic": "Geboorte aangeven",
        "domain": "burgerzaken",
        "department": "Burgerzaken",
        "outcome": Outcome.HELPED,
        "happened_at": BEGAN_AT,
        "ended_at": BEGAN_AT + timedelta(minutes=14),
        "waited_s": 300,
        "answer": "De akte ligt maandag klaar.",
        "legs": (ContactLeg("video", "Burgerzaken", ANNA_ID, BEGAN_AT, BEGAN_AT + timedelta(minutes=14), "staff"),),
        "parties": (a_party(),),
        "actors": (ContactActor("staff", ANNA_ID, "Anna", "Burgerzaken"),),
        "attachments": (ContactAttachment("Verklaring van de verloskundige", new_id(), "ab" * 32),),
        "retention_days": 30,
    }
    return ClosedVisit(**{**values, **changes})
