"""The screens of the citizen's way from the link to goodbye, by name, and which the browser shows by itself."""

from enum import StrEnum


class CitizenScreen(StrEnum):
    """A screen of the way from the link to goodbye; the value is its number in the specification.

    The template is `desk/screens/<file>.html`, and `<file>.simplified.html` beside it.
    """

    INTRODUCTION = "S2"
    COMPANION = "S3"
    COMPANION_PLACE = "S3b"
    PERMISSION = "S4"
    OWN_PICTURE = "S5a"
    TONE = "S5b"
    SAY_HELLO = "S5c"
    SLOW_NETWORK = "S5d"
    TESTED = "S5e"
    WAITING = "S6"
    WELCOME_BACK = "S6b"
    RINGING = "S7"
    CALL = "S8"
    SAY_SOMETHING = "S8b"
    WRITING = "S8c"
    STOP = "S8d"
    OWN_VIEW = "S8e"
    ON_HOLD = "C1"
    IDENTIFY = "C4"
    SIGN_IN = "C4a"
    IDENTIFIED = "C4b"
    NOT_IDENTIFIED = "C4c"
    SHOWN = "C7"
    PAPER_ASKED = "D1"
    PHOTO_CHECK = "D2"
    PAPER_SENDING = "D3"
    PAPER_SENT = "D4"
    PAPER_REFUSED = "D5"
    GOODBYE = "S9"
    ENDED = "S9b"
    NO_PICTURE = "E1"
    NO_VIDEO_HERE = "E4"
    NO_PICTURE_NOW = "E5"
    LOST = "E6"
    PAST = "E8"
    RUNNING_LATE = "E9"
    CONTINUE_HERE = "E10"
    ELSEWHERE = "E11"
    ALREADY_ELSEWHERE = "E11b"
    WENT_WRONG = "E13"
    CALL_US = "F3"

    @property
    def file(self) -> str:
        return self.name.lower()


class Step(StrEnum):
    """Where the citizen is; the browser's module behaves by it."""

    CHECK = "check"
    WAITING = "waiting"
    RINGING = "ringing"
    CALL = "call"
    ON_HOLD = "on_hold"
    INTERRUPTED = "interrupted"
    GOODBYE = "goodbye"
    MOVED = "moved"
    ENDED = "ended"


# Screens that the browser shows by itself: the page carries them as <template> elements, of both views.
CLIENT_SCREENS: dict[str, tuple[CitizenScreen, ...]] = {
    "simplified": (
        CitizenScreen.COMPANION,
        CitizenScreen.COMPANION_PLACE,
        CitizenScreen.PERMISSION,
        CitizenScreen.OWN_PICTURE,
        CitizenScreen.TONE,
        CitizenScreen.SAY_HELLO,
        CitizenScreen.SLOW_NETWORK,
        CitizenScreen.TESTED,
        CitizenScreen.SAY_SOMETHING,
        CitizenScreen.OWN_VIEW,
        CitizenScreen.WRITING,
        CitizenScreen.STOP,
        CitizenScreen.SIGN_IN,
        CitizenScreen.PHOTO_CHECK,
        CitizenScreen.PAPER_SENDING,
        CitizenScreen.PAPER_REFUSED,
        CitizenScreen.NO_PICTURE,
        CitizenScreen.NO_VIDEO_HERE,
        CitizenScreen.NO_PICTURE_NOW,
        CitizenScreen.LOST,
        CitizenScreen.CONTINUE_HERE,
        CitizenScreen.ELSEWHERE,
        CitizenScreen.ALREADY_ELSEWHERE,
        CitizenScreen.WENT_WRONG,
        CitizenScreen.CALL_US,
    ),
    "normal": (
        CitizenScreen.COMPANION_PLACE,
        CitizenScreen.OWN_PICTURE,
        CitizenScreen.TESTED,
        CitizenScreen.SAY_SOMETHING,
        CitizenScreen.WRITING,
        CitizenScreen.STOP,
        CitizenScreen.SIGN_IN,
        CitizenScreen.PHOTO_CHECK,
        CitizenScreen.PAPER_SENDING,
        CitizenScreen.PAPER_REFUSED,
        CitizenScreen.NO_PICTURE,
        CitizenScreen.NO_VIDEO_HERE,
        CitizenScreen.NO_PICTURE_NOW,
        CitizenScreen.LOST,
        CitizenScreen.CONTINUE_HERE,
        CitizenScreen.ELSEWHERE,
        CitizenScreen.ALREADY_ELSEWHERE,
        CitizenScreen.WENT_WRONG,
    ),
}
