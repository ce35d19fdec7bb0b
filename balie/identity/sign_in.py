"""The way to a provider and back: the start of an attempt, and steps 1 to 7 of its callback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from balie.actors import AssuranceLevel, system
from balie.errors import BalieError, CallbackMalformed, Invalid, OtherBrowser, ProviderUnavailable, SignInCancelled
from balie.identity import service, verification
from balie.identity.links import SignInAttempt
from balie.identity.oidc import RelyingParty
from balie.identity.tokens import VerifiedToken, unverified_jti
from balie.privacy.purposes import VERIFY_IDENTITY
from balie.work import Works

_LONGEST = 2048
_CANCELLED = ("access_denied",)
_NAMES = ("state", "code", "iss", "error")


@dataclass(frozen=True)
class CallbackAnswer:
    """What the provider sent along, each at most once."""

    state: str
    code: str | None
    issuer: str | None
    error: str | None

    def __repr__(self) -> str:
        return "CallbackAnswer(…)"


def read_callback(query: str) -> CallbackAnswer:
    """Step 1: the query of the callback; raises CallbackMalformed."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise CallbackMalformed from None
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)) or any(len(value.encode()) > _LONGEST for _, value in pairs):
        raise CallbackMalformed
    found = {name: value for name, value in pairs if name in _NAMES}
    if not found.get("state") or not (found.get("code") or found.get("error")):
        raise CallbackMalformed
    return CallbackAnswer(found["state"], found.get("code"), found.get("iss"), found.get("error"))


async def come_back(
    works: Works, party: RelyingParty, answer: CallbackAnswer, cookie: str | None
) -> tuple[SignInAttempt, VerifiedToken | BalieError]:
    """Steps 2 to 7: the attempt, and the verified token or why there is none.

    Raises OtherBrowser, CallbackStale, OtherProvider; then no request to the provider was made.
    No transaction is open while the provider is asked.
    """
    attempt, verifier, minimum = await _use_attempt(works, party, answer, cookie)
    now = works.clock()
    try:
        return attempt, await _token(works, party, answer, attempt, verifier, minimum, now)
    except BalieError as error:
        return attempt, error


async def _use_attempt(
    works: Works, party: RelyingParty, answer: CallbackAnswer, cookie: str | None
) -> tuple[SignInAttempt, str, AssuranceLevel]:
    refusal: Invalid | None = None
    minimum = AssuranceLevel.NONE
    async with works.begin(system("identity.callback"), VERIFY_IDENTITY) as work:
        try:
            attempt, verifier = await service.use_attempt(
                work,
                party.provider.name,
                state=answer.state,
                cookie=cookie,
                issuer=answer.issuer,
                own_issuer=party.provider.issuer,
            )
            if attempt.verification_id is not None:
                minimum = (await verification.verification(work, attempt.verification_id)).minimum_level
        except Invalid as error:  # kept until after the commit: a state that came back is spent
            refusal = error
            found = await service.attempt_of(work, answer.state)
            if isinstance(error, OtherBrowser) and found is not None:
                await verification.fail_in_other_browser(work, found[0])
    if refusal is not None:
        raise refusal
    return attempt, verifier, minimum


async def _token(
    works: Works,
    party: RelyingParty,
    answer: CallbackAnswer,
    attempt: SignInAttempt,
    verifier: str,
    minimum: AssuranceLevel,
    now: datetime,
) -> VerifiedToken:
    if answer.error is not None or answer.code is None:
        raise SignInCancelled if answer.error in _CANCELLED else ProviderUnavailable
    metadata = await party.metadata(now)
    if metadata.get("authorization_response_iss_parameter_supported") and answer.issuer is None:
        raise ProviderUnavailable  # it announces that it names itself, and somebody did not
    token = await party.id_token(answer.code, verifier, now)
    keys = await party.keys_for(token, now)
    jti = unverified_jti(token)
    async with works.begin(system("identity.callback"), VERIFY_IDENTITY) as work:
        seen = {jti} if jti is not None and await service.jti_was_seen(work, jti) else set()
        verified = party.verify(token, keys, nonce=attempt.nonce, minimum=minimum, seen=seen, now=now)
        if jti is not None:
            await service.note_jti(work, attempt, jti)
    return verified
