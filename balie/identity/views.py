"""The citizen's sign-in in the call: go (a page with a plain link), not now, and the way back."""

from __future__ import annotations

from aiohttp import web

from balie.errors import BalieError, CallbackStale
from balie.identity import cookies, service, verification
from balie.identity.links import SignInAttempt
from balie.identity.oidc import CITIZEN, ProvenPerson, RelyingParties, Secrets, proven_person
from balie.identity.pages import AwayPage
from balie.identity.sign_in import come_back, read_callback
from balie.identity.tokens import VerifiedToken
from balie.ids import SessionId, VerificationId
from balie.privacy.purposes import VERIFY_IDENTITY
from balie.web import limits
from balie.web.forms import fields
from balie.web.keys import ACTOR, SETTINGS, WORKS
from balie.web.pages import look_of, render
from balie.web.requests import match_id, see_other, wants_json, work_for

DONE = "desk.identified"


async def start(request: web.Request) -> web.Response:
    """Write the attempt down and answer with the link to the provider: a page, or for a script the link alone.

    Not a redirect: Chromium checks every hop after a form against `form-action`, which is ours alone.
    """
    works, session_id = request.app[WORKS], request[ACTOR].session_id or ""
    settings = request.app[SETTINGS]
    limits.take(request, "identity.sign_in", session_id, settings.sign_ins_per_session, 60)
    limits.take(request, "identity.sign_in_network", limits.network_of(request), settings.sign_ins_per_network, 60)
    party = works.get(RelyingParties)[CITIZEN]
    metadata, fresh = await party.metadata(works.clock()), Secrets.fresh()
    async with work_for(request, VERIFY_IDENTITY) as work:
        asked = await verification.begin_sign_in(work, VerificationId(match_id(request, "verification_id")))
        await service.start_attempt(
            work,
            fresh,
            provider=CITIZEN,
            return_to=DONE,
            session_id=SessionId(session_id),
            verification_id=asked.id,
            page_id=(await fields(request)).get("page_id"),
        )
    link = party.authorization_url(
        metadata, fresh, minimum_level=asked.minimum_level, is_fresh=True, language=look_of(request).language
    )
    if wants_json(request):
        response = web.json_response({"link": link, "verification_id": asked.id})
    else:
        response = render(request, "identity/away", AwayPage(asked.id, link))
    cookies.set_sign_in(request, response, fresh.cookie)
    return response


async def decline(request: web.Request) -> web.Response:
    """Niet nu."""
    async with work_for(request, VERIFY_IDENTITY) as work:
        await verification.decline(work, VerificationId(match_id(request, "verification_id")))
    return see_other(request, "desk.conversation")


async def come_back_from_provider(request: web.Request) -> web.Response:
    """The provider's answer: keep the proof, or why there is none, and go on to where the desk decides."""
    works = request.app[WORKS]
    party = works.get(RelyingParties)[CITIZEN]
    answer = read_callback(request.rel_url.raw_query_string)
    attempt, outcome = await come_back(works, party, answer, cookies.sign_in_value(request))
    if attempt.verification_id is None or attempt.session_id is None:
        raise CallbackStale
    if request[ACTOR].session_id != attempt.session_id:
        raise CallbackStale
    proof = _proof(outcome, party.provider.issuer, attempt)
    response = see_other(request, attempt.return_to, verification_id=attempt.verification_id)
    async with work_for(request, VERIFY_IDENTITY) as work:
        await verification.keep_proof(work, attempt, proof)
        if isinstance(proof, ProvenPerson):
            new = await service.rotate_session(work, attempt.session_id, attempt.page_id)
            cookies.remember_session(request, response, new)
    cookies.expire_sign_in(request, response)
    return response


def _proof(outcome: VerifiedToken | BalieError, issuer: str, attempt: SignInAttempt) -> ProvenPerson | BalieError:
    if isinstance(outcome, BalieError):
        return outcome
    try:
        return proven_person(outcome, issuer, attempt.started_at)
    except BalieError as error:
        return error
