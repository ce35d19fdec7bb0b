"""One type per kind of id; every id is a random UUID in text and carries no authority."""

import uuid
from typing import NewType

AppointmentId = NewType("AppointmentId", str)
CallId = NewType("CallId", str)
CitizenId = NewType("CitizenId", str)
ContactId = NewType("ContactId", str)
CounterId = NewType("CounterId", str)
DeskId = NewType("DeskId", str)
DocumentId = NewType("DocumentId", str)
DocumentRequestId = NewType("DocumentRequestId", str)
FollowUpId = NewType("FollowUpId", str)
InvitationId = NewType("InvitationId", str)
MessageId = NewType("MessageId", str)
PoolId = NewType("PoolId", str)
ProductId = NewType("ProductId", str)
SessionId = NewType("SessionId", str)
SignInAttemptId = NewType("SignInAttemptId", str)
StaffId = NewType("StaffId", str)
UploadId = NewType("UploadId", str)
VerificationId = NewType("VerificationId", str)
VisitId = NewType("VisitId", str)


def new_id() -> str:
    """A fresh random id: 122 random bits, 36 characters."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether `text` has the form of one of our ids (lower-case UUID)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def passes_eleven_test(digits: str) -> bool:
    """Whether nine ASCII digits can be a citizen service number."""
    if len(digits) != 9 or not (digits.isascii() and digits.isdigit()) or digits == "0" * 9:
        return False
    weighed = sum(weight * int(digit) for weight, digit in zip((9, 8, 7, 6, 5, 4, 3, 2, -1), digits, strict=True))
    return weighed % 11 == 0
