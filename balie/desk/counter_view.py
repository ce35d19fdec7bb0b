"""From a visit to the counter page: who this is, what may be done now, and what the other features show there."""

from __future__ import annotations

from balie.actors import ActorKind
from balie.booking import service as booking
from balie.booking.rules import Appointment, Identification, Product
from balie.bus import Bus
from balie.calls import service as calls
from balie.desk import rules
from balie.desk.queue_view import badges, device_words
from balie.desk.rules import Act, By, Visit, VisitState
from balie.desk.service import by_of
from balie.desk.staff_pages import CounterPage, DeskLine, FinishedPage, Person
from balie.documents import service as documents
from balie.documents import staff_views as document_views
from balie.history import service as history
from balie.history import staff_views as history_views
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.identity.rules import Verification, VerificationState
from balie.ids import SessionId, new_id
from balie.web.forms import Form
from balie.work import Work

S = VisitState
ACTS = (Act.PUT_BACK, Act.NO_SHOW, Act.PUT_ON_HOLD, Act.RESUME, Act.RELEASE, Act.END, Act.GIVE_UP, Act.FINISH)
FINISHABLE = (S.IN_CONVERSATION, S.INTERRUPTED, S.WRAP_UP)


async def counter_page(
    work: Work,
    visit: Visit,
    *,
    action: str,
    form: Form[history_views.RecordForm] | None = None,
    eerder: str | None = None,
    phone: str | None = None,
) -> CounterPage:
    """The page of one conversation, for the staff member who has it or somebody of the desk."""
    after = work.get(Bus).last(f"visit:{visit.id}")
    appointment = await booking.appointment(work, visit.appointment_id)
    product = await booking.product(work, visit.product_id)
    is_owner = by_of(work.actor, visit) is By.OWNER
    proof = await verifications.current(work, visit.id, "citizen")
    call = await calls.call_of(work, visit.id)
    is_call_open = call is not None and call.state != "ended"
    desk = await booking.desk(work, visit.desk_id)
    return CounterPage(
        desk=DeskLine(desk.id, desk.name),
        visit_id=visit.id,
        staff_name=work.actor.display_name or "",
        state=visit.state,
        is_owner=is_owner,
        owner_name=await _owner_name(work, visit),
        person=await _person(work, visit, appointment, product, proof, phone),
        acts=_acts(visit, product, proof) if is_owner else frozenset(),
        documents=await document_views.documents_at_counter(work, visit.id, visit.appointment_id) if is_owner else None,
        record=await _record(work, visit, product, action, form) if is_owner else None,
        earlier=await _earlier(work, product, proof, eerder) if is_owner else None,
        hold_reason=visit.hold_reason or "",
        hold_until=visit.wake_up_at,
        interrupted_reason=visit.interrupted_reason or "",
        is_begun=visit.has_begun,
        not_yet_count=visit.not_yet_count,
        ring_ends_at=visit.ring_ends_at,
        has_second_device=is_owner and await _has_second_device(work, visit),
        is_signing_in=proof is not None and proof.state is VerificationState.SIGNING_IN,
        writes_along=bool(visit.needs.get("text")),
        call_topic=call.topic if call and is_call_open and is_owner else None,
        ticket=await _ticket(work) if is_owner else "",
        topics=((f"visit:{visit.id}", after),) if is_owner else (),
    )


async def _has_second_device(work: Work, visit: Visit) -> bool:
    """Whether another device asks for the citizen's seat and waits for an answer."""
    seat = await calls.seat(work, visit.appointment_id, "citizen")
    return seat is not None and seat.asking_session_id is not None and visit.state is S.IN_CONVERSATION


async def _ticket(work: Work) -> str:
    if work.actor.kind is not ActorKind.STAFF or work.actor.session_id is None:
        return ""
    return await identity.issue_page_ticket(work, SessionId(work.actor.session_id), new_id())


async def _owner_name(work: Work, visit: Visit) -> str:
    return (await identity.staff_member(work, visit.staff_id)).display_name if visit.staff_id else ""


def _acts(visit: Visit, product: Product, proof: Verification | None) -> frozenset[str]:
    """What the owner may do now: only these buttons stand on the page."""
    found = {str(act) for act in ACTS if rules.may(act, visit, By.OWNER)}
    if visit.admit_count < rules.PACE.max_admits:
        found.discard(Act.NO_SHOW)
    if visit.state in FINISHABLE:
        found.add("finish")
    asked = proof is not None and proof.state in (VerificationState.REQUESTED, VerificationState.SIGNING_IN)
    is_proven = proof is not None and proof.is_confirmed
    if product.identification is Identification.IN_CALL and visit.state is S.IN_CONVERSATION and not is_proven:
        found.add("withdraw_identification" if asked else "ask_identification")
    return frozenset(found)


async def _person(
    work: Work,
    visit: Visit,
    appointment: Appointment,
    product: Product,
    proof: Verification | None,
    phone: str | None,
) -> Person:
    details = await booking.contact_details(work, appointment.id)
    is_never = product.identification is Identification.NEVER
    return Person(
        name=appointment.name or "",
        product=product.name_in("nl"),
        starts_at=appointment.starts_at,
        language=appointment.needs.language,
        badges=badges(visit),
        device=await device_words(work, appointment.id),
        reference=appointment.reference,
        verification=proof.state if proof else "never" if is_never else "none",
        method=(proof.method_label or "") if proof else "",
        level=proof.level.word if proof and proof.level is not None else "",
        proven_name=(proof.name or "") if proof and proof.is_confirmed else "",
        verified_at=proof.verified_at if proof else None,
        asked_at=proof.asked_at if proof else None,
        verification_id=proof.id if proof else None,
        failure=proof.failure or "" if proof else "",
        phone=phone,
        has_mobile=details.mobile is not None,
        needed_level=product.minimum_level.word,
    )


async def _record(
    work: Work, visit: Visit, product: Product, action: str, form: Form[history_views.RecordForm] | None
) -> object:
    papers = await documents.documents_of(work, visit_id=visit.id)
    return await history_views.record_part(
        work,
        visit.id,
        action=action,
        csrf_form="desk.finish",
        prefilled={"topic": product.name_in("nl"), "follow_up_team": product.department},
        is_simplified=visit.is_simplified,
        may_finish=visit.state in FINISHABLE,
        open_papers=tuple(d.title for d in papers if d.awaits_decision),
        form=form,
    )


async def _earlier(work: Work, product: Product, proof: Verification | None, eerder: str | None) -> object:
    """Earlier contacts over every channel: from `confirmed` on, closed again at `unconfirmed`."""
    citizen_id = proof.citizen_id if proof is not None and proof.is_confirmed else None
    return await history_views.earlier_part(work, citizen_id, own_domains=[product.domain], eerder=eerder)


async def finished_page(work: Work, visit: Visit) -> FinishedPage:
    """A visit that has ended."""
    desk = await booking.desk(work, visit.desk_id)
    record = await history.record_of_visit(work, visit.id)
    return FinishedPage(
        desk=DeskLine(desk.id, desk.name),
        staff_name=work.actor.display_name or "",
        outcome=str(visit.outcome),
        reference=record.reference if record else "",
    )
