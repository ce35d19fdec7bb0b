"""Links, sessions, page tickets, sign-in attempts, citizens and staff: everything that decides who somebody is."""

from __future__ import annotations

import base64
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from balie.actors import ANONYMOUS, Actor, ActorKind
from balie.errors import (
    BsnUnusable,
    CallbackStale,
    LinkExpired,
    LinkReplaced,
    NotFound,
    NotSignedIn,
    OtherBrowser,
    OtherProvider,
)
from balie.identity import store
from balie.identity.bsn import Bsn
from balie.identity.links import (
    ATTEMPT_LIFE,
    BOOKING_LIFE,
    ENDED_KEPT,
    GOODBYE_IDLE,
    LINK_EXPLAINS,
    LINK_LIFE,
    PAGE_TICKET_LIFE,
    SEAT_KEEPS,
    STAFF_LIFE,
    TOUCH_EVERY,
    Invitation,
    LinkState,
    NewSession,
    OpenedLink,
    ParticipantKind,
    Session,
    SessionKind,
    SignInAttempt,
    hash_of,
    link_state,
)
from balie.identity.oidc import Secrets
from balie.identity.rules import STAFF_KEPT, Citizen, StaffMember, StaffSignedIn, roles_from
from balie.ids import AppointmentId, CitizenId, InvitationId, SessionId, StaffId, VerificationId, VisitId, new_id
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work

HISTORY_KEPT = timedelta(days=5 * 365)

# ---- links ----


async def invite(
    work: Work,
    *,
    appointment_id: AppointmentId,
    participant_kind: ParticipantKind | str,
    language: str,
    valid_from: datetime,
    valid_until: datetime,
) -> Invitation:
    """A link for one participant of one appointment."""
    new = Invitation(
        id=InvitationId(new_id()),
        version=1,
        key_version=work.get(Keyring).version,
        appointment_id=appointment_id,
        visit_id=None,
        participant_kind=ParticipantKind(participant_kind),
        language=language,
        valid_from=valid_from,
        valid_until=valid_until,
        created_by=work.actor.id or work.actor.kind,
    )
    await store.add_invitation(work, new, hash_of(_token(work, new)))
    return new


def _token(work: Work, invitation: Invitation) -> str:
    return base64.urlsafe_b64encode(work.get(Keyring).link_token(invitation.token_text)).rstrip(b"=").decode()


async def link_token(work: Work, invitation_id: InvitationId) -> str:
    """The token of the newest version, made anew for a message; raises NotFound when that is no more valid."""
    newest = await store.newest_invitation(work, {"id": invitation_id})
    if newest is None or link_state(newest, work.now) is not LinkState.VALID:
        raise NotFound
    return _token(work, newest)


async def find_link(work: Work, token: str) -> tuple[Invitation, LinkState]:
    """The invitation of a token and what it is worth now; raises NotFound for one we do not know (any more)."""
    found = await store.invitation_by_hash(work, hash_of(token))
    state = link_state(found, work.now) if found is not None else LinkState.FORGOTTEN
    if found is None or state is LinkState.FORGOTTEN:
        raise NotFound
    return found, state


async def open_link(work: Work, token: str) -> OpenedLink:
    """What a link opens; reads only. Raises NotFound, LinkExpired, LinkReplaced."""
    found, state = await find_link(work, token)
    if state is LinkState.REPLACED:
        raise LinkReplaced
    if state is not LinkState.VALID:
        raise LinkExpired
    return OpenedLink(
        found.id, found.version, found.appointment_id, found.participant_kind, found.language, found.valid_until
    )


async def replaced_link(work: Work, token: str) -> AppointmentId | None:
    """The appointment of a link that says it was replaced, for sending the new one to the address on file."""
    try:
        found, state = await find_link(work, token)
    except NotFound:
        return None
    return found.appointment_id if state is LinkState.REPLACED else None


async def replace_links(work: Work, appointment_id: AppointmentId, valid_until: datetime) -> Invitation:
    """The next version of the citizen's link; the versions before say that they were replaced."""
    kind = ParticipantKind.CITIZEN
    newest = await store.newest_invitation(work, {"appointment_id": appointment_id, "participant_kind": kind})
    if newest is None:
        raise NotFound
    await store.end_invitations(work, appointment_id, "replaced_at")
    new = replace(newest, version=newest.version + 1, valid_until=valid_until, revoked_at=None, replaced_at=None)
    await store.add_invitation(work, new, hash_of(_token(work, new)))
    await audit(work, "replace_links", appointment_id)
    return new


async def revoke_links(work: Work, appointment_id: AppointmentId) -> None:
    """End every link of an appointment, and the sessions that came by them."""
    await store.end_invitations(work, appointment_id, "revoked_at")
    ids = await store.invitation_ids(work, appointment_id)
    for session_id in await store.sessions_where(work, "invitation_id", ids):
        await end_session(work, session_id, "revoked")
    await audit(work, "revoke_links", appointment_id)


# ---- sessions ----


async def start_link_session(work: Work, opened: OpenedLink) -> NewSession:
    """Ga verder: count the opening and start the session of this browser, into the visit if there is one."""
    await store.count_opening(work, opened.invitation_id, opened.version)
    visit_id = await store.visit_of_invitation(work, opened.invitation_id)
    return await _start(work, SessionKind.LINK, LINK_LIFE, invitation_id=opened.invitation_id, visit_id=visit_id)


async def start_booking_session(work: Work) -> NewSession:
    """A session without an invitation, for somebody who books or walks in."""
    return await _start(work, SessionKind.LINK, BOOKING_LIFE)


async def start_staff_session(work: Work, staff_id: StaffId) -> NewSession:
    """The session of a staff member who just signed in."""
    return await _start(
        work, SessionKind.STAFF, STAFF_LIFE, actor_ref=staff_id, provider="staff", reauthenticated_at=work.now
    )


async def _start(work: Work, kind: SessionKind, life: tuple[timedelta | None, timedelta], **values: Any) -> NewSession:
    session_id, token = SessionId(new_id()), secrets.token_urlsafe(32)
    idle, longest = life
    row = {
        "id": session_id,
        "token_hash": hash_of(token),
        "kind": kind,
        "created_at": work.now,
        "last_used_at": work.now,
        "idle_until": work.now + idle if idle else None,
        "ends_at": work.now + longest,
    }
    await store.add_session(work, row | values)
    return NewSession(session_id, kind, token)


async def rotate_session(work: Work, session_id: SessionId, page_id: str | None) -> NewSession:
    """A new token for the same row; sockets that another page opened close. Raises NotSignedIn."""
    found = await store.session_by(work, "id", session_id)
    token = secrets.token_urlsafe(32)
    if found is None or found.session.is_over(work.now):
        raise NotSignedIn
    await store.change_session(work, session_id, token_hash=hash_of(token), reauthenticated_at=work.now)
    work.tell(f"session:{session_id}", {"type": "session.ended", "except_page_id": page_id})
    return NewSession(session_id, found.session.kind, token)


async def end_session(work: Work, session_id: SessionId, reason: str) -> None:
    """End a session now; its sockets close within a second."""
    if await store.change_session(work, session_id, ended_at=work.now, end_reason=reason):
        work.tell(f"session:{session_id}", {"type": "session.ended"})


async def note_visit(work: Work, session_id: SessionId, visit_id: VisitId) -> None:
    """From check-in on the session knows its visit, and so does each one that the same link opens later."""
    await store.change_session(work, session_id, visit_id=visit_id)


async def note_goodbye(work: Work, visit_id: VisitId) -> None:
    """After goodbye the sessions of the visit end when nobody uses them."""
    for session_id in await store.sessions_where(work, "visit_id", [visit_id]):
        await store.change_session(work, session_id, idle_until=work.now + GOODBYE_IDLE)


async def keep_alive(work: Work, session_id: SessionId) -> None:
    """A seat in use counts as activity, and no time-out cuts a running conversation."""
    found = await store.session_by(work, "id", session_id)
    if found is None or found.session.is_over(work.now):
        return
    session, until = found.session, work.now + SEAT_KEEPS
    idle = _next_idle(session, work.now)
    await store.change_session(
        work, session_id, last_used_at=work.now, idle_until=idle, ends_at=max(session.ends_at, until)
    )


async def keep_seats_alive(work: Work, *, visit_id: VisitId | None = None, staff_id: StaffId | None = None) -> None:
    """`keep_alive` of whoever sits there, the citizen by the visit, staff by their id; once a minute at most."""
    column, value = ("visit_id", visit_id) if visit_id is not None else ("actor_ref", staff_id)
    for session_id in await store.sessions_where(work, column, [value] if value else []):
        found = await store.session_by(work, "id", session_id)
        if found is not None and needs_touch(found.session, work.now):
            await keep_alive(work, session_id)


def _next_idle(session: Session, now: datetime) -> datetime | None:
    if session.idle_until is None:
        return None
    if session.kind is SessionKind.STAFF:
        return now + (STAFF_LIFE[0] or timedelta())
    return now + GOODBYE_IDLE


async def session_of(work: Work, token: str, kinds: tuple[SessionKind, ...]) -> store.FoundSession | None:
    """The running session of a cookie's token."""
    found = await store.session_by(work, "token_hash", hash_of(token))
    if found is None or found.session.kind not in kinds or found.session.is_over(work.now):
        return None
    return found


def needs_touch(session: Session, now: datetime) -> bool:
    """Whether this use is worth writing down: once a minute."""
    return now - session.last_used_at >= TOUCH_EVERY


async def touch(work: Work, session: Session) -> None:
    """Somebody used the session: its idle end moves on."""
    await store.change_session(work, session.id, last_used_at=work.now, idle_until=_next_idle(session, work.now))


async def actor_of(work: Work, found: store.FoundSession) -> Actor:
    """Who a running session stands for; a staff member who was disabled is nobody."""
    session = found.session
    if session.kind is SessionKind.STAFF:
        return await _staff_actor(work, session)
    confirmed = await store.confirmed_of_session(work, session.id)
    kind = found.participant_kind
    is_guest = kind is not None and kind is not ParticipantKind.CITIZEN
    return Actor(
        ActorKind.GUEST if is_guest else ActorKind.CITIZEN,
        id=confirmed[1] if confirmed else None,
        participant=kind.value if kind is not None else None,
        session_id=session.id,
        appointment_id=found.appointment_id,
        verification_id=confirmed[0] if confirmed else None,
    )


async def _staff_actor(work: Work, session: Session) -> Actor:
    member = await store.staff_by_id(work, session.actor_ref or "")
    if member is None or member.is_disabled:
        return ANONYMOUS
    return Actor(
        ActorKind.STAFF,
        id=member.id,
        roles=member.roles,
        desks=await store.desks_of(work, member.id),
        participant="staff",
        session_id=session.id,
        display_name=member.display_name,
    )


# ---- page tickets ----


async def issue_page_ticket(work: Work, session_id: SessionId, page_id: str) -> str:
    """A ticket with which one page opens its socket: one use, 30 seconds."""
    ticket = secrets.token_urlsafe(32)
    row = {
        "ticket_hash": hash_of(ticket),
        "session_id": session_id,
        "page_id": page_id[:64],
        "expires_at": work.now + PAGE_TICKET_LIFE,
    }
    await store.add_ticket(work, row)
    return ticket


async def use_page_ticket(work: Work, ticket: str) -> Actor:
    """Who speaks through the socket that this ticket opens; raises NotSignedIn."""
    used = await store.use_ticket(work, hash_of(ticket))
    found = await store.session_by(work, "id", used["session_id"]) if used else None
    if used is None or found is None or found.session.is_over(work.now):
        raise NotSignedIn
    actor = await actor_of(work, found)
    if actor.kind is ActorKind.ANONYMOUS:
        raise NotSignedIn
    return replace(actor, page_id=used["page_id"])


# ---- sign-in attempts ----


async def start_attempt(
    work: Work,
    fresh: Secrets,
    *,
    provider: str,
    return_to: str,
    session_id: SessionId | None = None,
    verification_id: VerificationId | None = None,
    page_id: str | None = None,
) -> None:
    """Write down a sign-in that begins now; only hashes of what the browser carries."""
    attempt_id = new_id()
    row = {
        "id": attempt_id,
        "state_hash": hash_of(fresh.state),
        "nonce": fresh.nonce,
        "verifier_sealed": work.get(Keyring).seal(fresh.verifier, "sign_in_attempt", attempt_id, "verifier_sealed"),
        "provider": provider,
        "cookie_hash": hash_of(fresh.cookie),
        "return_to": return_to,
        "session_id": session_id,
        "verification_id": verification_id,
        "page_id": page_id[:64] if page_id else None,
        "mode": "same_tab",
        "started_at": work.now,
    }
    await store.add_attempt(work, row)


async def attempt_of(work: Work, state: str) -> tuple[SignInAttempt, bytes, bytes] | None:
    """The attempt of a `state`, its cookie hash and its sealed verifier."""
    return await store.attempt_by_state(work, hash_of(state))


async def use_attempt(
    work: Work, provider: str, *, state: str, cookie: str | None, issuer: str | None, own_issuer: str
) -> tuple[SignInAttempt, str]:
    """Steps 2 and 3 of the callback: the attempt and its verifier, once.

    Raises OtherBrowser, CallbackStale or OtherProvider; the caller commits all the same, since a
    state that came back once, from whatever browser, is spent.
    """
    found = await attempt_of(work, state)
    if found is None:
        raise CallbackStale if cookie else OtherBrowser
    attempt, cookie_hash, verifier_sealed = found
    if cookie is None or not secrets.compare_digest(hash_of(cookie), cookie_hash):
        raise OtherBrowser
    if work.now - attempt.started_at > ATTEMPT_LIFE or not await store.use_attempt(work, attempt.id):
        raise CallbackStale
    if attempt.provider != provider or (issuer is not None and issuer != own_issuer):
        raise OtherProvider
    verifier = work.get(Keyring).unseal(verifier_sealed, "sign_in_attempt", attempt.id, "verifier_sealed")
    return attempt, verifier


async def jti_was_seen(work: Work, jti: str) -> bool:
    """Whether an ID token with this id counted before."""
    return await store.jti_was_seen(work, hash_of(jti))


async def note_jti(work: Work, attempt: SignInAttempt, jti: str) -> None:
    """This ID token counted; kept with the attempt for a day."""
    await store.note_jti(work, attempt.id, hash_of(jti))


# ---- citizens ----


def bsn_index(work: Work, bsn: Bsn) -> str:
    """The keyed hash under which this number is found."""
    return bsn.index(work.get(Keyring))


async def citizen_by_bsn(work: Work, bsn: Bsn) -> CitizenId | None:
    """The citizen with this number, if we know one."""
    found = await store.citizen_where(work, "bsn_index", bsn_index(work, bsn))
    return CitizenId(found["id"]) if found else None


async def find_citizen(work: Work, *, issuer: str, subject: str, bsn: Bsn | None) -> CitizenId | None:
    """Whom a sign-in stands for, if we know that person; changes nothing."""
    by_subject, by_bsn = await _known(work, _subject_index(work, issuer, subject), bsn)
    found = by_bsn or by_subject
    return CitizenId(found["id"]) if found else None


def _subject_index(work: Work, issuer: str | None, subject: str | None) -> str | None:
    return work.get(Keyring).keyed_hash("subject", f"{issuer}\0{subject}") if issuer and subject else None


async def _known(work: Work, subject_index: str | None, bsn: Bsn | None) -> tuple[store.Row | None, store.Row | None]:
    by_subject = await store.citizen_where(work, "subject_index", subject_index) if subject_index else None
    by_bsn = await store.citizen_where(work, "bsn_index", bsn_index(work, bsn)) if bsn is not None else None
    if by_subject and bsn is not None and by_subject["bsn_index"] not in (None, bsn_index(work, bsn)):
        raise BsnUnusable  # one sign-in name, two numbers: the provider is wrong, and we do not guess
    return by_subject, by_bsn


async def make_citizen(work: Work, *, issuer: str | None, subject: str | None, bsn: Bsn | None, name: str) -> CitizenId:
    """The citizen for `(issuer, subject)`, or for the number; made when there is none.

    A person known by the number alone (from another channel) becomes the person who signs in with it.
    The number itself is sealed for a sign-in only; from another channel its index is enough.
    """
    keyring, subject_index = work.get(Keyring), _subject_index(work, issuer, subject)
    by_subject, by_bsn = await _known(work, subject_index, bsn)
    found = by_bsn or by_subject
    citizen_id = CitizenId(found["id"] if found else new_id())
    values: dict[str, Any] = {"retain_until": work.now + HISTORY_KEPT}
    if subject_index and (by_subject is None or by_subject["id"] == citizen_id):
        values["subject_index"] = subject_index
    if bsn is not None:
        values["bsn_index"] = bsn_index(work, bsn)
    if bsn is not None and subject_index:
        values["bsn_sealed"] = bsn.sealed(keyring, "citizen", citizen_id, "bsn_sealed")
    if name:
        values["name_sealed"] = keyring.seal(name, "citizen", citizen_id, "name_sealed")
    if found:
        await store.change_citizen(work, citizen_id, **values)
    else:
        await store.add_citizen(work, {"id": citizen_id} | values)
    return citizen_id


async def citizen(work: Work, citizen_id: CitizenId) -> Citizen:
    """Name of a citizen and whether the number is at hand; written to the processing log. Raises NotFound."""
    found = await store.citizen_where(work, "id", citizen_id)
    if found is None:
        raise NotFound
    await log_processing(work, data_subject=citizen_id, name="read_citizen")
    sealed = found["name_sealed"]
    name = work.get(Keyring).unseal(sealed, "citizen", citizen_id, "name_sealed") if sealed else ""
    return Citizen(citizen_id, name, has_bsn=found["bsn_sealed"] is not None)


async def bsn_of(work: Work, citizen_id: CitizenId) -> Bsn | None:
    """The number of a citizen while it is kept; it hides itself until somebody reveals it."""
    found = await store.citizen_where(work, "id", citizen_id)
    if found is None or found["bsn_sealed"] is None:
        return None
    return Bsn.unsealed(work.get(Keyring), found["bsn_sealed"], "citizen", citizen_id, "bsn_sealed")


async def forget_bsn(work: Work, citizen_id: CitizenId) -> None:
    """The number is no longer needed: only its index stays."""
    await store.change_citizen(work, citizen_id, bsn_sealed=None)


# ---- staff ----


async def sign_in_staff(
    work: Work,
    *,
    issuer: str,
    subject: str,
    name: str,
    email: str | None,
    roles: tuple[str, ...],
    desks: tuple[str, ...],
) -> tuple[StaffMember, NewSession]:
    """Take a staff member on, or renew roles and desks, and start the session.

    Raises NoRole, RolesConflict (then no account is made), NotSignedIn for a disabled one.
    """
    mapped = roles_from(roles, work.settings.staff_role_map)
    known = await store.staff_by_subject(work, issuer, subject)
    if known is not None and known.is_disabled:
        raise NotSignedIn
    staff_id = known.id if known else StaffId(new_id())
    shown = name[:120] or subject[:120]
    values = {
        "issuer": issuer,
        "subject": subject,
        "display_name": shown,
        "email": email,
        "roles": ",".join(sorted(mapped)),
        "last_signed_in_at": work.now,
    }
    await store.put_staff(work, staff_id, known is None, values)
    await work.announce(StaffSignedIn(staff_id, desks))
    await audit(work, "sign_in", staff_id)
    return StaffMember(staff_id, shown, mapped), await start_staff_session(work, staff_id)


async def set_desks(work: Work, staff_id: StaffId, desk_ids: tuple[str, ...], source: str = "claim") -> None:
    """Replace the desks of a staff member that came from `source`."""
    await store.put_desks(work, staff_id, desk_ids, source)


async def staff_member(work: Work, staff_id: StaffId | str) -> StaffMember:
    """A staff member; raises NotFound."""
    found = await store.staff_by_id(work, staff_id)
    if found is None:
        raise NotFound
    return found


async def staff_members(work: Work) -> list[StaffMember]:
    """Everybody who signed in once, by name."""
    return await store.all_staff(work)


# ---- retention ----


async def destroy_sessions(work: Work, now: datetime) -> int:
    """Sessions, 24 hours after their end."""
    return await store.destroy_sessions(work, now - ENDED_KEPT)


async def destroy_tickets(work: Work, now: datetime) -> int:
    """Page tickets, 24 hours after their end."""
    return await store.destroy_tickets(work, now - ENDED_KEPT)


async def destroy_attempts(work: Work, now: datetime) -> int:
    """Sign-in attempts, 24 hours after their end."""
    return await store.destroy_attempts(work, now - ATTEMPT_LIFE - ENDED_KEPT)


async def destroy_invitations(work: Work, now: datetime) -> int:
    """Links, 30 days after their end."""
    return await store.destroy_invitations(work, now - LINK_EXPLAINS)


async def destroy_citizens(work: Work, now: datetime) -> int:
    """Citizens of whom nothing is kept any more."""
    return await store.destroy_citizens(work, now)


async def destroy_staff(work: Work, now: datetime) -> int:
    """Staff members, three years after they last signed in: the audit log refers to them."""
    return await store.destroy_staff(work, now - STAFF_KEPT)
