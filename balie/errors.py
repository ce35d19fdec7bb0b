"""Every refusal the product knows: six kinds, each fact a class with a stable code and status."""

from __future__ import annotations

import re


class BalieError(Exception):
    """A refusal that is told to the person; `web/problems.py` alone turns it into an answer."""

    status = 500

    @property
    def code(self) -> str:
        """The class name in lower case with underscores, as it stands on the wire and in texts."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()


class NotSignedIn(BalieError):
    """No session, or one that has ended: page to the sign-in and back, API 401, live 4401."""

    status = 401


class NotFound(BalieError):
    """It does not exist, or not for this person: the two are never told apart."""

    status = 404


class NotAllowed(BalieError):
    """This person may not do this."""

    status = 403


class Invalid(BalieError):
    """What was sent cannot be accepted.

    `fields` maps a form field to the code of the sentence that stands beside it.
    """

    status = 400

    def __init__(self, fields: dict[str, str] | None = None) -> None:
        super().__init__()
        self.fields = fields or {}


class Conflict(BalieError):
    """Somebody, or the clock, was first."""

    status = 409


class Unavailable(BalieError):
    """Something we need does not answer; `retry_after_s` seconds is when trying again makes sense."""

    status = 503

    def __init__(self, retry_after_s: int = 10) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class LinkExpired(NotFound):
    """The link was ours and its time is over."""

    status = 410


class LinkReplaced(NotFound):
    """The link was ours and a newer one took its place."""

    status = 410


class UploadGone(NotFound):
    """The upload ended or passed its time."""

    status = 410


class NotShown(NotFound):
    """This page is not on show now."""


class NoSuchParticipant(NotFound):
    """Nobody of that name takes part in this call."""


class LevelTooLow(NotAllowed):
    """The proven level is below what was asked."""


class LevelUnknown(NotAllowed):
    """The provider named a level that is not in our map."""


class NotFresh(NotAllowed):
    """The sign-in at the provider is older than this attempt."""


class RolesConflict(NotAllowed):
    """Administrator and privacy officer are never one person."""


class NoRole(NotAllowed):
    """The provider names no role that may work here."""


class ConsentNeeded(NotAllowed):
    """The citizen has not said yes to this."""


class RepresentationNotSupported(NotAllowed):
    """Acting for somebody else is not possible here yet."""


class NotBegun(NotAllowed):
    """The citizen has not answered the ring with yes."""


class OtherPerson(NotAllowed):
    """Somebody else signed in than the one who was expected."""


class CsrfFailed(NotAllowed):
    """The form did not come from a page of ours in this browser."""


class UnknownType(Invalid):
    """A live message of a kind that the protocol does not have."""


class BadField(Invalid):
    """A field that is missing, unknown or of the wrong form."""


class TooBig(Invalid):
    """A live message over the limit."""

    status = 413


class FileRefused(Invalid):
    """A file of a kind that is not welcome."""

    status = 415


class TooLarge(Invalid):
    """More bytes than may be sent."""

    status = 413


class TooSlow(Invalid):
    """The bytes came too slowly."""

    status = 408


class TooManyPieces(Invalid):
    """An upload in too many pieces."""


class MaskingNeeded(Invalid):
    """This paper is taken only with the number covered."""


class OutcomeMissing(Invalid):
    """A visit is finished with an outcome only."""


class BsnUnusable(Invalid):
    """The number in the claim is no citizen service number."""


class BsnInText(Invalid):
    """The text holds a citizen service number, which does not belong there."""


class CallbackMalformed(Invalid):
    """The answer of the provider cannot be read."""


class CallbackStale(Invalid):
    """The answer of the provider belongs to no running sign-in."""


class OtherBrowser(Invalid):
    """The sign-in was started in another browser."""


class OtherProvider(Invalid):
    """The answer names another provider than was asked."""


class TokenRefused(Invalid):
    """The ID token failed a check."""


class SignInCancelled(Invalid):
    """The person stopped signing in."""


class NotLive(Invalid):
    """The product misses what it needs before citizens may see it."""


class SlotTaken(Conflict):
    """Somebody else took this time."""


class SlotNotOffered(Conflict):
    """This time is not offered."""


class HoldExpired(Conflict):
    """The time was kept too long without an answer."""


class AlreadyBooked(Conflict):
    """There is such an appointment already."""


class TooManyAppointments(Conflict):
    """This address has as many open appointments as it may."""


class TooEarly(Conflict):
    """It is too early for this."""


class TooLate(Conflict):
    """It is too late for this."""


class AlreadyWaiting(Conflict):
    """This visit waits already."""


class QueueClosed(Conflict):
    """The queue takes nobody any more."""


class NobodyWaiting(Conflict):
    """Nobody waits who can be admitted now."""


class NotWaiting(Conflict):
    """This visit is not in a state that allows it."""


class NotYourVisit(Conflict):
    """A colleague has this visit."""


class AlreadyHelping(Conflict):
    """This staff member has a visit in hand."""


class NoCounter(Conflict):
    """This staff member has no open counter."""


class TargetClosed(Conflict):
    """The desk to hand over to is closed."""


class OpenVisits(Conflict):
    """There are visits open still."""


class CallFull(Conflict):
    """As many as may are in the call."""


class CallOver(Conflict):
    """The call has ended."""


class SeatTaken(Conflict):
    """Another page holds this seat."""


class NotInCall(Conflict):
    """This page holds no seat in the call."""


class OnHold(Conflict):
    """The call is on hold."""


class StaleEpoch(Conflict):
    """Meant for an earlier page."""


class StaleRound(Conflict):
    """Meant for an earlier connection."""


class WrongOffset(Conflict):
    """The upload is at another offset."""


class UploadBusy(Conflict):
    """Another request writes this upload."""

    status = 423


class TooManyFiles(Conflict):
    """As many files as may be sent are there."""


class NotScannedYet(Conflict):
    """The file has not been checked yet."""


class AlreadyAccepted(Conflict):
    """The paper was accepted and stays."""


class AlreadyDecided(Conflict):
    """A decision on this was taken before."""


class ExternalRegister(Conflict):
    """Contacts are written in the external register."""


class ProviderUnavailable(Unavailable):
    """The identity provider does not answer."""

    status = 502


class RegisterUnavailable(Unavailable):
    """The register does not answer."""

    status = 502


class CaseSystemUnavailable(Unavailable):
    """The case system does not answer."""

    status = 502


class StorageFull(Unavailable):
    """There is no room to keep this."""

    status = 507


class TooFast(Unavailable):
    """Too often in too short a time."""

    status = 429
