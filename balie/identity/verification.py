"""Identification in the call: ask, begin, keep the proof with the attempt, confirm, lose again."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from balie.actors import AssuranceLevel, system
from balie.errors import (
    BalieError,
    Conflict,
    LevelTooLow,
    LevelUnknown,
    NotFound,
    NotFresh,
    RepresentationNotSupported,
    SignInCancelled,
)
from balie.identity import rules, service, store
from balie.identity.bsn import Bsn
from balie.identity.links import SignInAttempt
from balie.identity.oidc import ProvenPerson
from balie.identity.rules import (
    ASKED,
    PROVEN,
    Verification,
    VerificationAsked,
    VerificationChanged,
    VerificationConfirmed,
    VerificationFailure,
    VerificationLost,
    VerificationState,
)
from balie.ids import SessionId, VerificationId, VisitId, new_id
from balie.privacy.purposes import VERIFY_IDENTITY
from balie.privacy.sealing import Keyring
from balie.privacy.service import audit, log_processing
from balie.work import Work, Works

_FAILURES: dict[type[BalieError], VerificationFailure] = {
    SignInCancelled: VerificationFailure.CANCELLED,
    LevelTooLow: VerificationFailure.LEVEL_TOO_LOW,
    LevelUnknown: VerificationFailure.LEVEL_UNKNOWN,
    NotFresh: VerificationFailure.NOT_FRESH,
    RepresentationNotSupported: VerificationFailure.REPRESENTATION,
}
_AGAIN = (
    VerificationState.FAILED,
    VerificationState.DECLINED,
    VerificationState.EXPIRED,
    VerificationState.UNCONFIRMED,
)


async def ask(
    work: Work, *, visit_id: VisitId, participant: str, purpose: str, minimum_level: AssuranceLevel
) -> Verification:
    """Ask a participant to sign in; one that is asked already, or proven well enough, stays as it is."""
    newest = await current(work, visit_id, participant)
    if newest is not None and newest.state in ASKED and work.now < newest.expires_at:
        return newest
    if newest is not None and newest.is_confirmed and (newest.level or AssuranceLevel.NONE) >= minimum_level:
        return newest
    new = Verification(
        id=VerificationId(new_id()),
        visit_id=visit_id,
        participant=participant,
        purpose=purpose,
        minimum_level=minimum_level,
        asked_by=work.actor.id,
        # Later than the one before, so that the newest is always the newest.
        asked_at=max(work.now, newest.asked_at + timedelta(microseconds=1)) if newest else work.now,
        state=VerificationState.REQUESTED,
        expires_at=work.now + rules.ASK_LIFE,
    )
    await store.add_verification(work, new)
    await audit(work, "ask_identification", visit_id)
    await work.announce(VerificationAsked(visit_id, new.id))
    await work.announce(VerificationChanged(visit_id, new.id, new.state))
    return new


async def current(work: Work, visit_id: VisitId, participant: str = "citizen") -> Verification | None:
    """The newest request to this participant, with its state."""
    return await store.newest_verification(work, visit_id, participant)


async def verification(work: Work, verification_id: VerificationId) -> Verification:
    """One request; raises NotFound."""
    found = await store.verification_by_id(work, verification_id)
    if found is None:
        raise NotFound
    return found


async def _asked_again(work: Work, old: Verification) -> Verification:
    """Probeer nog een keer: the same anew, as a new row; not once staff withdrew it or asked something newer."""
    newest = await current(work, old.visit_id, old.participant)
    if newest is None or newest.id != old.id or old.state not in _AGAIN:
        return old
    return await ask(
        work,
        visit_id=old.visit_id,
        participant=old.participant,
        purpose=old.purpose,
        minimum_level=old.minimum_level,
    )


async def begin_sign_in(work: Work, verification_id: VerificationId) -> Verification:
    """The citizen of this session goes to the provider. Raises NotFound, TooLate, AlreadyDecided."""
    before = await _asked_again(work, await _own(work, verification_id))
    session_id = SessionId(work.actor.session_id or "")
    return await _save(work, before, rules.begin_sign_in(before, session_id, work.now))


async def decline(work: Work, verification_id: VerificationId) -> Verification:
    """Niet nu. Raises NotFound, TooLate, AlreadyDecided."""
    before = await _own(work, verification_id)
    return await _save(work, before, rules.decline(before, work.now))


async def withdraw(work: Work, verification_id: VerificationId) -> Verification:
    """Staff take the request back. Raises NotFound, TooLate, AlreadyDecided."""
    before = await verification(work, verification_id)
    await store.erase_proofs(work, before.id)
    await audit(work, "withdraw_identification", before.visit_id)
    return await _save(work, before, rules.withdraw(before, work.now))


async def _own(work: Work, verification_id: VerificationId) -> Verification:
    """The request, when it was made to the participant who asks for it."""
    asked = await verification(work, verification_id)
    found = await store.session_by(work, "id", work.actor.session_id or "")
    is_own = found is not None and found.session.visit_id == asked.visit_id
    if not is_own or work.actor.participant != asked.participant:
        raise NotFound
    return asked


async def _save(work: Work, before: Verification, after: Verification) -> Verification:
    if not await store.save_verification(work, before, after):
        raise Conflict
    if before.state is not after.state:
        await work.announce(VerificationChanged(after.visit_id, after.id, after.state))
    return after


# ---- what came back from the provider ----


async def keep_proof(work: Work, attempt: SignInAttempt, outcome: ProvenPerson | BalieError) -> None:
    """Store what a sign-in proved, or why it did not, with its attempt, sealed, until the desk takes it.

    A request that staff withdrew meanwhile, or that is over, keeps nothing.
    """
    asked = await store.verification_by_id(work, attempt.verification_id or "")
    if asked is None or asked.state is not VerificationState.SIGNING_IN:
        return
    keyring = work.get(Keyring)
    if isinstance(outcome, BalieError):
        kept = {"failure": _failure_of(outcome).value}
    else:
        bsn = outcome.bsn.sealed(keyring, "sign_in_attempt", attempt.id, "bsn") if outcome.bsn else b""
        kept = {
            "issuer": outcome.issuer,
            "subject": outcome.subject,
            "name": outcome.name,
            "level": outcome.level.word,
            "auth_time": str(int(outcome.auth_time.timestamp())),
            "bsn": base64.b64encode(bsn).decode(),
        }
    sealed = keyring.seal(json.dumps(kept), "sign_in_attempt", attempt.id, "proof_sealed")
    await store.keep_proof(work, attempt.id, sealed)


def _failure_of(error: BalieError) -> VerificationFailure:
    return _FAILURES.get(type(error), VerificationFailure.PROVIDER_UNAVAILABLE)


def _read_proof(work: Work, attempt: SignInAttempt, sealed: bytes) -> ProvenPerson | VerificationFailure:
    keyring = work.get(Keyring)
    kept = json.loads(keyring.unseal(sealed, "sign_in_attempt", attempt.id, "proof_sealed"))
    if "failure" in kept:
        return VerificationFailure(kept["failure"])
    bsn = base64.b64decode(kept["bsn"])
    return ProvenPerson(
        issuer=kept["issuer"],
        subject=kept["subject"],
        name=kept["name"],
        level=AssuranceLevel.from_word(kept["level"]),
        auth_time=datetime.fromtimestamp(int(kept["auth_time"]), UTC),
        bsn=Bsn.unsealed(keyring, bsn, "sign_in_attempt", attempt.id, "bsn") if bsn else None,
    )


async def fail_in_other_browser(work: Work, attempt: SignInAttempt) -> None:
    """The answer came to a browser that did not start the sign-in: nothing is kept, staff see why."""
    await store.use_attempt(work, attempt.id)
    found = await store.verification_by_id(work, attempt.verification_id or "")
    if found is not None and found.state is VerificationState.SIGNING_IN:
        await _save(work, found, rules.fail(found, VerificationFailure.OTHER_BROWSER))


async def complete(
    work: Work, verification_id: VerificationId, *, is_visit_open: bool, expected: str | None = None
) -> Verification:
    """Take the proof of this session's sign-in, once, and decide; without a proof nothing changes.

    `expected` is the citizen who booked signed in (full): another person is refused.
    """
    before = await _own(work, verification_id)
    taken = await store.take_proof(work, verification_id, work.actor.session_id or "")
    if taken is None or before.state is not VerificationState.SIGNING_IN:
        return before
    if work.now >= before.expires_at:
        return await _save(work, before, replace(before, state=VerificationState.EXPIRED))
    attempt, sealed = taken
    proof = _read_proof(work, attempt, sealed)
    if isinstance(proof, ProvenPerson):
        proof = await _confirm(work, before, attempt, proof, is_visit_open, expected) or proof
    if isinstance(proof, VerificationFailure):
        await audit(work, "identify", before.visit_id, result="denied", reason_code=proof)
        return await _save(work, before, rules.fail(before, proof))
    return await verification(work, verification_id)


async def _confirm(
    work: Work,
    before: Verification,
    attempt: SignInAttempt,
    proof: ProvenPerson,
    is_visit_open: bool,
    expected: str | None,
) -> VerificationFailure | None:
    """Confirm when everything holds, else say what does not; a refusal keeps no attribute."""
    if not is_visit_open:
        return VerificationFailure.CANCELLED
    failure = rules.judge(
        level=proof.level,
        minimum_level=before.minimum_level,
        auth_time=proof.auth_time,
        started_at=attempt.started_at,
    )
    if failure is not None:
        return failure
    known = await service.find_citizen(work, issuer=proof.issuer, subject=proof.subject, bsn=proof.bsn)
    if expected is not None and known != expected:
        return VerificationFailure.OTHER_PERSON
    others = await store.verifications_of(work, before.visit_id)
    twice = (o for o in others if o.state in PROVEN and o.participant != before.participant)
    if known is not None and any(other.citizen_id == known for other in twice):
        return VerificationFailure.SAME_PERSON_TWICE
    citizen_id = await service.make_citizen(
        work, issuer=proof.issuer, subject=proof.subject, bsn=proof.bsn, name=proof.name
    )
    after = rules.confirm(
        before, citizen_id=citizen_id, level=proof.level, provider=proof.issuer, name=proof.name, now=work.now
    )
    await log_processing(work, VERIFY_IDENTITY, data_subject=citizen_id)
    await audit(work, "identify", before.visit_id)
    await _save(work, before, after)
    await work.announce(VerificationConfirmed(after.visit_id, after.participant, citizen_id, proof.level))
    return None


# ---- what holds no longer ----


async def unconfirm(work: Work, visit_id: VisitId, participant: str, cause: str) -> None:
    """Another device or connection sits there: what was proven is open no more. Doing it twice is fine."""
    before = await current(work, visit_id, participant)
    if before is None or not before.is_confirmed:
        return
    after = await _save(work, before, replace(before, state=VerificationState.UNCONFIRMED))
    await audit(work, "unconfirm", visit_id, reason_code=cause)
    await work.announce(VerificationLost(visit_id, participant, after.id, cause))


async def erase_attributes(work: Work, visit_id: VisitId) -> None:
    """The end of wrap-up: every request of the visit is over, names and number are gone; the fact stays."""
    for before in await store.verifications_of(work, visit_id):
        await _end(work, before, "wrap_up")


async def _end(work: Work, before: Verification, cause: str) -> None:
    await store.erase_proofs(work, before.id)
    after = replace(before, name=None)
    if before.name is not None or before.state in PROVEN:
        after = replace(after, attributes_erased_at=before.attributes_erased_at or work.now)
    if before.state in ASKED + PROVEN:
        after = replace(after, state=VerificationState.EXPIRED)
    if after == before:
        return
    if before.citizen_id is not None:
        await service.forget_bsn(work, before.citizen_id)
    await _save(work, before, after)
    if before.is_confirmed:
        await work.announce(VerificationLost(before.visit_id, before.participant, before.id, cause))


async def expire_due(works: Works) -> None:
    """The sweep: requests of ten minutes, proofs of sixty, each in its own Work."""
    actor = system("identity.expire")
    async with works.begin(actor, VERIFY_IDENTITY, writes=False) as work:
        due = await store.due_verifications(work)
    for late in due:
        async with works.begin(actor, VERIFY_IDENTITY) as work:
            now_read = await store.verification_by_id(work, late.id)
            if now_read == late:
                await _end(work, late, "expired")


async def destroy_verifications(work: Work, now: datetime) -> int:
    """Requests, 30 days after they were made."""
    return await store.destroy_verifications(work, now - rules.VERIFICATION_KEPT)
