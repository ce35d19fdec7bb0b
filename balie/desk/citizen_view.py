"""From the visit and what the features below know of it to the value of the citizen's page."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from balie.actors import AssuranceLevel
from balie.booking import service as booking
from balie.booking.rules import Appointment, AppointmentState, Channel, Identification, Product, local_date_of
from balie.bus import Bus
from balie.calls import service as calls
from balie.desk import rules, store
from balie.desk.pages import (
    AppointmentFacts,
    Ask,
    AskedPaper,
    CitizenScreen,
    ConversationPage,
    EarlyPage,
    Hold,
    IdentifyAsk,
    LinkPage,
    LinkTrouble,
    LinkTroublePage,
    LiveFacts,
    Needs,
    PaperAsk,
    Receipt,
    ReceiptLine,
    ShownAsk,
    StaffFacts,
    Step,
    Wait,
)
from balie.desk.queue_view import wait_of
from balie.desk.rules import PACE, Visit, VisitState
from balie.documents import service as documents
from balie.documents.rules import DocumentRequestState
from balie.history import staff_views as history_views
from balie.identity import service as identity
from balie.identity import verification as verifications
from balie.identity.rules import Verification, VerificationState, public_name
from balie.ids import AppointmentId
from balie.work import Work

S = VisitState
LATE_AFTER = timedelta(minutes=15)
OTHER_DAY = "/afspraak/maken"
NEVER_HELPED = ("left", "no_show", "not_served")
STEPS = {
    S.WAITING: (Step.WAITING, CitizenScreen.WAITING),
    S.ADMITTED: (Step.RINGING, CitizenScreen.RINGING),
    S.IN_CONVERSATION: (Step.CALL, CitizenScreen.CALL),
    S.ON_HOLD: (Step.ON_HOLD, CitizenScreen.ON_HOLD),
    S.INTERRUPTED: (Step.INTERRUPTED, CitizenScreen.LOST),
    S.WRAP_UP: (Step.GOODBYE, CitizenScreen.GOODBYE),
    S.FINISHED: (Step.GOODBYE, CitizenScreen.GOODBYE),
}
HOLD_REASONS = ("colleague", "looking_up", "printing", "other")


async def link_page(
    work: Work, token: str, appointment: Appointment, visit: Visit | None, has_other: bool, device: str
) -> LinkPage | EarlyPage | LinkTroublePage:
    """What stands behind a link that opens: now, too early, or why not any more."""
    if appointment.state is AppointmentState.CANCELLED:
        return LinkTroublePage(LinkTrouble.CANCELLED)
    if appointment.state is AppointmentState.MISSED and visit is not None and visit.rung_at is None:
        return LinkTroublePage(LinkTrouble.PAST)
    product = await booking.product(work, appointment.product_id)
    facts = await appointment_facts(work, appointment, product)
    opens_at = appointment.starts_at - timedelta(minutes=product.check_in_opens_minutes)
    if visit is None and work.now < opens_at:
        return EarlyPage(token, facts, await sent_by(work, appointment.id), device)
    return LinkPage(token, facts, has_other_open_visit=has_other, is_returning=visit is not None)


async def appointment_facts(work: Work, appointment: Appointment, product: Product) -> AppointmentFacts:
    """Product (not when discreet), desk, date and time: never a name."""
    zone = ZoneInfo(work.settings.time_zone)
    language = appointment.needs.language
    desk = await booking.desk(work, appointment.desk_id)
    requests = await documents.requests_of(work, appointment_id=appointment.id)
    slots = {s.code: s for s in await booking.document_slots(work, product.id)}
    papers = tuple(
        AskedPaper(
            title=r.title,
            plain_name=slots[r.slot_code].plain_name_in(language) if r.slot_code in slots else r.title,
            is_given=r.state is DocumentRequestState.ANSWERED,
        )
        for r in requests
        if r.state is not DocumentRequestState.WITHDRAWN
    )
    return AppointmentFacts(
        starts_at=appointment.starts_at,
        desk_name=desk.name,
        product_name=None if product.is_discreet else product.name_in(language),
        plain_name=None if product.is_discreet else product.plain_name_in(language),
        is_today=local_date_of(appointment.starts_at, zone) == local_date_of(work.now, zone),
        asks_sign_in=product.identification is Identification.IN_CALL,
        papers=papers,
    )


async def sent_by(work: Work, appointment_id: str) -> str:
    """Where the link went: sms when there is a number, else mail."""
    details = await booking.contact_details(work, AppointmentId(appointment_id))
    return Channel.SMS if details.mobile else Channel.MAIL


async def conversation_page(work: Work, visit: Visit | None, device: str, ticket: str) -> ConversationPage:
    """`/gesprek` as it stands now for this citizen."""
    last = {name: work.get(Bus).last(name) for name in _topics(visit)}
    appointment = await booking.appointment(work, AppointmentId(work.actor.appointment_id or ""))
    product = await booking.product(work, appointment.product_id)
    facts = await appointment_facts(work, appointment, product)
    check = await calls.check_result_of(work, appointment.id)
    common = {
        "appointment": facts,
        "is_tested": check is not None,
        "needs": _needs(visit, appointment),
        "sent_by": await sent_by(work, appointment.id),
        "device": device,
    }
    call = await calls.call_of(work, visit.id) if visit else None
    live = LiveFacts(
        ticket=ticket,
        visit_id=visit.id if visit and visit.state is not S.FINISHED else None,
        call_topic=call.topic if call and call.state != "ended" else None,
        topics=tuple(last.items()) if visit and visit.state is not S.FINISHED else (),
    )
    if visit is None:
        return await _before_check_in(work, appointment, product, live, common)
    return await _of_visit(work, visit, appointment, product, live, common)


def _topics(visit: Visit | None) -> list[str]:
    return [f"visit:{visit.id}"] if visit else []


async def _before_check_in(
    work: Work, appointment: Appointment, product: Product, live: LiveFacts, common: dict[str, object]
) -> ConversationPage:
    if appointment.state is not AppointmentState.BOOKED:
        return ConversationPage(CitizenScreen.PAST, Step.ENDED, live=live, **common)  # type: ignore[arg-type]
    opens_at = appointment.starts_at - timedelta(minutes=product.check_in_opens_minutes)
    is_simplified = appointment.needs.simplified
    screen = CitizenScreen.INTRODUCTION if is_simplified else CitizenScreen.PERMISSION
    return ConversationPage(
        screen,
        Step.CHECK,
        may_check_in=work.now >= opens_at,
        live=live,
        **common,  # type: ignore[arg-type]
    )


async def _of_visit(
    work: Work, visit: Visit, appointment: Appointment, product: Product, live: LiveFacts, common: dict[str, object]
) -> ConversationPage:
    step, screen = STEPS[visit.state]
    if visit.state is S.INTERRUPTED and visit.interrupted_reason == "stopped":
        step, screen = Step.GOODBYE, CitizenScreen.GOODBYE
    if visit.state is S.ADMITTED and visit.has_begun:
        step, screen = Step.CALL, CitizenScreen.CALL
    if visit.state is S.WAITING:
        screen = await _waiting_screen(work, visit)
    if visit.state is S.FINISHED and visit.outcome in NEVER_HELPED:
        screen = CitizenScreen.ENDED
    in_talk = step in (Step.CALL, Step.WAITING, Step.RINGING, Step.INTERRUPTED)
    can_talk_on = visit.state is S.INTERRUPTED and visit.interrupted_reason == "stopped"
    return ConversationPage(
        screen,
        step,
        staff=await _staff(work, visit),
        other_day_url=OTHER_DAY,
        wait=await wait_of(work, visit) if visit.state is S.WAITING else Wait(),
        hold=_hold(visit),
        asks=await asks(work, visit, product, appointment) if in_talk else (),
        receipt=await receipt(work, visit, product) if visit.state is S.FINISHED else None,
        talk_on_until=visit.state_changed_at + rules.TALK_ON if can_talk_on else None,
        outcome=visit.outcome,
        rating=visit.rating,
        is_ready=visit.is_ready,
        is_call_begun=visit.has_begun or visit.state is S.IN_CONVERSATION,
        live=live,
        **common,  # type: ignore[arg-type]
    )


async def _waiting_screen(work: Work, visit: Visit) -> CitizenScreen:
    presence = (await store.presence_of(work, [visit.id])).get((visit.id, "citizen"))
    if work.now > visit.starts_at + LATE_AFTER and work.now > visit.arrived_at + LATE_AFTER:
        return CitizenScreen.RUNNING_LATE
    if presence is not None and work.now - presence.last_seen_at > PACE.away:
        return CitizenScreen.WELCOME_BACK
    return CitizenScreen.WAITING


def _hold(visit: Visit) -> Hold | None:
    if visit.state is not S.ON_HOLD:
        return None
    reason = visit.hold_reason if visit.hold_reason in HOLD_REASONS else "other"
    return Hold(reason or "other", visit.wake_up_at)


def _needs(visit: Visit | None, appointment: Appointment) -> Needs:
    needs = visit.needs if visit else appointment.needs.as_json()
    return Needs(bool(needs.get("simplified")), bool(needs.get("text")), str(needs.get("companion", "unknown")))


async def _staff(work: Work, visit: Visit) -> StaffFacts | None:
    if visit.staff_id is None:
        return None
    member = await identity.staff_member(work, visit.staff_id)
    desk = await booking.desk(work, visit.desk_id)
    counter = await store.open_counter_of(work, visit.staff_id)
    label = f"{desk.name} {counter.label}" if counter else desk.name
    return StaffFacts(public_name(member.display_name, work.settings.staff_display, label), desk.name)


# --- what is asked of the citizen


async def asks(work: Work, visit: Visit, product: Product, appointment: Appointment) -> tuple[Ask, ...]:
    """The cards, the most urgent first: sign in, look at what is shown, papers."""
    found: list[Ask] = []
    proof = await verifications.current(work, visit.id, "citizen")
    if proof is not None:
        found += _identify_ask(proof, product, appointment.needs.language)
    shown = await documents.shown_in(work, visit.id)
    if shown is not None:
        page = ShownAsk(shown.document_id, shown.title, shown.page, shown.pages, shown.text or shown.words)
        found.append(Ask(CitizenScreen.SHOWN, f"shown-{shown.document_id}-{shown.page}", shown=page))
    return tuple(found + await _paper_asks(work, visit, product, appointment.needs.language))


def _identify_ask(proof: Verification, product: Product, language: str) -> list[Ask]:
    V = VerificationState
    screens = {
        V.REQUESTED: CitizenScreen.IDENTIFY,
        V.SIGNING_IN: CitizenScreen.IDENTIFY,
        V.CONFIRMED: CitizenScreen.IDENTIFIED,
        V.FAILED: CitizenScreen.NOT_IDENTIFIED,
        V.EXPIRED: CitizenScreen.NOT_IDENTIFIED,
    }
    if proof.state not in screens:
        return []
    ask = IdentifyAsk(
        verification_id=proof.id,
        state=proof.state,
        level=(proof.level or proof.minimum_level or AssuranceLevel.LOW).word,
        purpose=None if product.is_discreet else product.name_in(language),
        plain_purpose=None if product.is_discreet else product.plain_name_in(language),
        failure=proof.failure,
    )
    return [Ask(screens[proof.state], f"identify-{proof.id}-{proof.state}", identify=ask)]


async def _paper_asks(work: Work, visit: Visit, product: Product, language: str) -> list[Ask]:
    slots = {s.code: s for s in await booking.document_slots(work, product.id)}
    found = []
    for one in await documents.asks_of_citizen(work, appointment_id=visit.appointment_id):
        slot = slots.get(one.slot_code or "")
        paper = PaperAsk(
            request_id=one.request_id,
            plain_name=slot.plain_name_in(language) if slot else one.title,
            title=slot.name_in(language) if slot else one.title,
            offer=one.offer,
            document_id=one.document_id,
            what_must_show=(slot.help.get(language) or slot.help.get("nl")) if slot else None,
            refused_because=one.refused_because,
        )
        screen = CitizenScreen[one.screen]
        is_now = one.is_asked_by_staff or screen is not CitizenScreen.PAPER_ASKED
        key = f"paper-{one.request_id}-{one.key}-{'now' if is_now else 'later'}"
        found.append(Ask(screen, key, paper=paper, comes=is_now))
    return found


async def receipt(work: Work, visit: Visit, product: Product) -> Receipt:
    """What the goodbye page tells: what was agreed, what was handed over, how long what is kept."""
    lines = tuple(
        ReceiptLine(
            title=line.title,
            plain_name=line.title,
            given_at=line.given_at,
            size_bytes=line.size,
            result=line.result,
            seen_by=product.department if line.seen_at else None,
            seen_at=line.seen_at,
            kept_until=line.kept_until,
        )
        for line in await documents.receipt_of(work, appointment_id=visit.appointment_id)
    )
    kept = await history_views.receipt_part(work, visit.id)
    if kept is None:
        return Receipt(papers=lines)
    return Receipt(kept.agreed, lines, next((f.action for f in kept.follow_ups), None), kept.kept_until)
