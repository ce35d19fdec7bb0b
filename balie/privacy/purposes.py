"""The register: one constant of type Purpose per processing activity."""

from balie.actors import RUN_SERVICE as RUN_SERVICE
from balie.actors import LegalBasis, Purpose

_REGISTER = "urn:balie:verwerkingsactiviteit:"


def _purpose(name: str, basis: LegalBasis = LegalBasis.PUBLIC_TASK) -> Purpose:
    return Purpose(name, _REGISTER + name.lower().replace("_", "-"), basis)


MAKE_APPOINTMENT = _purpose("MAKE_APPOINTMENT")
HELP_CITIZEN = _purpose("HELP_CITIZEN")
VERIFY_IDENTITY = _purpose("VERIFY_IDENTITY")
HANDLE_DOCUMENT = _purpose("HANDLE_DOCUMENT")
RECORD_CONTACT = _purpose("RECORD_CONTACT")
ANSWER_ACCESS_REQUEST = _purpose("ANSWER_ACCESS_REQUEST", LegalBasis.LEGAL_OBLIGATION)
SUPERVISE = _purpose("SUPERVISE")


ALL = (
    MAKE_APPOINTMENT,
    HELP_CITIZEN,
    VERIFY_IDENTITY,
    HANDLE_DOCUMENT,
    RECORD_CONTACT,
    ANSWER_ACCESS_REQUEST,
    SUPERVISE,
    RUN_SERVICE,
)
