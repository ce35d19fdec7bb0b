"""The citizen's screens from the link to goodbye with sample values, for `/tester`, screenshots and the gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

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
    PaperAsk,
    Receipt,
    ReceiptLine,
    ShownAsk,
    StaffFacts,
    Step,
    Wait,
)
from balie.web.screens import Screen

_ID = "6f1c0d2e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
_AT = datetime(2026, 12, 4, 13, 30, tzinfo=UTC)
_MANAGE = "/"
_PAPER = AskedPaper("Huurcontract", "uw huurcontract")
_MEETING = AppointmentFacts(
    _AT, "Burgerzaken", "Verhuizing doorgeven", "uw verhuizing", asks_sign_in=True, papers=(_PAPER,)
)
_DISCREET = AppointmentFacts(_AT, "Sociale Zaken", None, None, asks_sign_in=True)
_QUESTION = AppointmentFacts(_AT, "Burgerzaken", "Vraag over mijn aanvraag", "uw aanvraag")
_ANNA = StaffFacts("Anna", "Burgerzaken")

_CHECK = ConversationPage(CitizenScreen.INTRODUCTION, Step.CHECK, _MEETING)
_WAITS = ConversationPage(CitizenScreen.WAITING, Step.WAITING, _MEETING, wait=Wait(1, 5, 15))
_CALL = ConversationPage(CitizenScreen.CALL, Step.CALL, _MEETING, staff=_ANNA, is_call_begun=True)
_DONE = ConversationPage(CitizenScreen.GOODBYE, Step.GOODBYE, _MEETING, staff=_ANNA, is_call_begun=True)

_SIGN_IN = IdentifyAsk(_ID, "requested", "low", "Verhuizing doorgeven", "uw verhuizing")
_ASKED = PaperAsk(_ID, "uw huurcontract", "Huurcontract", "offer", what_must_show="Alle bladzijden met namen.")
_GIVEN = replace(_ASKED, document_id=_ID)
_RECEIPT = Receipt(
    ("U woont vanaf 1 december op uw nieuwe adres.", "U krijgt een brief van ons."),
    (ReceiptLine("Huurcontract", "uw huurcontract", _AT, 812_000, "accepted", "Burgerzaken", _AT, date(2027, 1, 3)),),
    "Wij verwerken uw verhuizing binnen vijf dagen.",
    date(2031, 12, 4),
)


def _identify(screen: CitizenScreen, state: str, failure: str | None = None) -> ConversationPage:
    ask = replace(_SIGN_IN, state=state, failure=failure, sign_in_url="#")
    return replace(_CALL, asks=(Ask(screen, f"verification:{_ID}:{state}", identify=ask),))


def _paper(screen: CitizenScreen, paper: PaperAsk) -> ConversationPage:
    return replace(_CALL, asks=(Ask(screen, f"paper:{_ID}:{screen.value}", paper=paper),))


def _before_call(screen: CitizenScreen, paper: PaperAsk) -> ConversationPage:
    ask = Ask(screen, f"paper:{_ID}:{screen.value}", paper=paper)
    return replace(_WAITS, asks=(ask,), opens_papers=True)


def _shown(text: str | None) -> ConversationPage:
    shown = ShownAsk(_ID, "Uittreksel", 1, 2, text)
    return replace(_CALL, asks=(Ask(CitizenScreen.SHOWN, f"shown:{_ID}:1", shown=shown),))


def _screen(screen: CitizenScreen, states: Mapping[str, Any], *actions: str, title: str = "") -> Screen:
    return Screen(screen.value, "desk/conversation", states, "citizen", title=title, actions=frozenset(actions))


def _client(screen: CitizenScreen, *actions: str, base: ConversationPage = _CALL) -> Screen:
    return _screen(screen, {"now": replace(base, screen=screen)}, *actions)


_LINK = [
    Screen(
        "S1",
        "desk/link",
        {
            "today": LinkPage("token", _MEETING),
            "discreet": LinkPage("token", _DISCREET),
            "other-visit": LinkPage("token", _MEETING, has_other_open_visit=True),
            "returning": LinkPage("token", _MEETING, is_returning=True),
        },
        "citizen",
        actions=frozenset({"desk.go_on", "booking.manage"}),
    ),
    Screen(
        "S1b",
        "desk/link_early",
        {
            "sms-phone": EarlyPage("token", replace(_MEETING, is_today=False)),
            "mail-computer": EarlyPage("token", replace(_DISCREET, is_today=False), "mail", "computer"),
        },
        "citizen",
        actions=frozenset({"desk.go_on", "booking.manage"}),
    ),
    Screen(
        "E7",
        "desk/link_trouble",
        {
            "gone": LinkTroublePage(LinkTrouble.GONE, "token"),
            "sent": LinkTroublePage(LinkTrouble.GONE, "token", is_sent=True),
            "moved": LinkTroublePage(LinkTrouble.MOVED, "token", "mail"),
            "unknown": LinkTroublePage(LinkTrouble.UNKNOWN),
        },
        "citizen",
        actions=frozenset({"desk.send_new_link"}),
    ),
    Screen(
        "E8",
        "desk/link_trouble",
        {
            "past": LinkTroublePage(LinkTrouble.PAST),
            "cancelled": LinkTroublePage(LinkTrouble.CANCELLED),
        },
        "citizen",
        actions=frozenset({"desk.home"}),
    ),
]

_TO_THE_CALL = [
    _screen(
        CitizenScreen.INTRODUCTION,
        {
            "phone": _CHECK,
            "tablet": replace(_CHECK, device="tablet"),
            "early": replace(_CHECK, may_check_in=False, device="computer"),
        },
        "desk.check_in",
        "devices",
        "sound_only",
    ),
    _client(CitizenScreen.COMPANION, "desk.set_companion", base=_CHECK),
    _client(CitizenScreen.COMPANION_PLACE, "desk.set_companion", base=_CHECK),
    _client(CitizenScreen.PERMISSION, "devices", "sound_only", base=_CHECK),
    _client(CitizenScreen.OWN_PICTURE, "desk.check_in", base=_CHECK),
    _client(CitizenScreen.TONE, "tone", "heard", "not_heard", base=_CHECK),
    _screen(
        CitizenScreen.SAY_HELLO,
        {
            "now": replace(_CHECK, screen=CitizenScreen.SAY_HELLO),
            "early": replace(_CHECK, screen=CitizenScreen.SAY_HELLO, may_check_in=False),
        },
        "desk.check_in",
        "test_done",
    ),
    _client(CitizenScreen.SLOW_NETWORK, "desk.check_in", base=_CHECK),
    _client(CitizenScreen.TESTED, base=replace(_CHECK, may_check_in=False)),
    _screen(
        CitizenScreen.WAITING,
        {
            "one-before": _WAITS,
            "next": replace(_WAITS, wait=Wait(0, no_span_because="on_time")),
            "busy": replace(_WAITS, wait=Wait(4, no_span_because="over_90", got_worse_because="priority")),
            "nobody-there": replace(_WAITS, wait=Wait(2, no_span_because="nobody_there"), appointment=_QUESTION),
            "ready": replace(_WAITS, is_ready=True),
            "paper": replace(_WAITS, asks=(Ask(CitizenScreen.PAPER_ASKED, f"paper:{_ID}:D1", paper=_ASKED),)),
        },
        "sound_on",
        "desk.leave",
        "documents.offer",
    ),
    _screen(
        CitizenScreen.WELCOME_BACK,
        {"back": replace(_WAITS, screen=CitizenScreen.WELCOME_BACK)},
        "sound_on",
        "desk.leave",
    ),
    _screen(
        CitizenScreen.RINGING,
        {"rings": replace(_WAITS, screen=CitizenScreen.RINGING, step=Step.RINGING, staff=_ANNA)},
        "desk.begin",
        "desk.not_yet",
    ),
]

_IN_THE_CALL = [
    _screen(CitizenScreen.CALL, {"talking": _CALL}, "audio", "video", "write", "desk.leave"),
    _client(CitizenScreen.SAY_SOMETHING, "write", "phone", "switch_view"),
    _client(CitizenScreen.OWN_VIEW, "flip", "own_corner", "own_hidden"),
    _client(CitizenScreen.WRITING, "write"),
    _screen(
        CitizenScreen.STOP,
        {
            "call": replace(_CALL, screen=CitizenScreen.STOP),
            "waiting": replace(_WAITS, screen=CitizenScreen.STOP),
        },
        "desk.leave",
    ),
    _screen(
        CitizenScreen.ON_HOLD,
        {
            reason: replace(_CALL, screen=CitizenScreen.ON_HOLD, step=Step.ON_HOLD, hold=Hold(reason, _AT))
            for reason in ("colleague", "looking_up", "printing", "other")
        },
        "desk.leave",
    ),
    _screen(
        CitizenScreen.IDENTIFY,
        {
            "low": _identify(CitizenScreen.IDENTIFY, "requested"),
            "discreet-high": replace(
                _CALL,
                appointment=_DISCREET,
                asks=(
                    Ask(
                        CitizenScreen.IDENTIFY,
                        f"verification:{_ID}:requested",
                        identify=replace(_SIGN_IN, level="high", purpose=None, plain_purpose=None),
                    ),
                ),
            ),
        },
        "identity.start",
        "identity.decline",
    ),
    _screen(
        CitizenScreen.SIGN_IN,
        {"link": _identify(CitizenScreen.SIGN_IN, "signing_in")},
        "sign_in",
        "identity.decline",
    ),
    _screen(CitizenScreen.IDENTIFIED, {"done": _identify(CitizenScreen.IDENTIFIED, "confirmed")}, "talk"),
    _screen(
        CitizenScreen.NOT_IDENTIFIED,
        {
            why: _identify(CitizenScreen.NOT_IDENTIFIED, "failed", why)
            for why in ("cancelled", "level_too_low", "provider_unavailable", "not_fresh", "expired", "other")
        },
        "talk",
        "identity.start",
    ),
    _screen(
        CitizenScreen.SHOWN,
        {"page": _shown(None), "with-text": _shown("Uittreksel uit de basisregistratie.")},
        "talk",
    ),
    _screen(
        CitizenScreen.PAPER_ASKED,
        {
            "call": _paper(CitizenScreen.PAPER_ASKED, _ASKED),
            "waiting": _before_call(CitizenScreen.PAPER_ASKED, _ASKED),
        },
        "documents.offer",
        "documents.skip",
    ),
    _client(CitizenScreen.PHOTO_CHECK, "send_photo", "photo_again"),
    _screen(
        CitizenScreen.PAPER_SENDING,
        {
            "call": _paper(CitizenScreen.PAPER_SENDING, _GIVEN),
            "waiting": _before_call(CitizenScreen.PAPER_SENDING, _GIVEN),
        },
        "documents.withdraw",
    ),
    _screen(
        CitizenScreen.PAPER_SENT,
        {
            "call": _paper(CitizenScreen.PAPER_SENT, _GIVEN),
            "waiting": _before_call(CitizenScreen.PAPER_SENT, _GIVEN),
        },
        "documents.withdraw",
    ),
    _screen(
        CitizenScreen.PAPER_REFUSED,
        {
            why: _paper(CitizenScreen.PAPER_REFUSED, replace(_ASKED, refused_because=why))
            for why in ("wrong_kind", "encrypted", "too_many_pages", "unclear", "malware", "damaged")
        },
        "documents.offer",
    ),
    _screen(
        CitizenScreen.GOODBYE,
        {
            "talk-on": replace(_DONE, talk_on_until=_AT),
            "unwritten": _DONE,
            "written": replace(_DONE, receipt=_RECEIPT),
            "rated": replace(_DONE, receipt=_RECEIPT, rating="good"),
        },
        "desk.talk_on",
        "desk.rate",
    ),
    _screen(
        CitizenScreen.ENDED,
        {
            outcome: ConversationPage(CitizenScreen.ENDED, Step.ENDED, _MEETING, outcome=outcome)
            for outcome in ("left", "no_show", "not_served")
        },
        "desk.home",
    ),
]

_ERRORS = [
    _client(CitizenScreen.NO_PICTURE, "camera_on", "without_picture", base=_CHECK),
    _client(CitizenScreen.NO_VIDEO_HERE, "phone", base=_CHECK),
    _client(CitizenScreen.NO_PICTURE_NOW),
    _screen(
        CitizenScreen.LOST,
        {"lost": replace(_CALL, screen=CitizenScreen.LOST, step=Step.INTERRUPTED)},
        "try_now",
        "phone",
    ),
    _screen(
        CitizenScreen.RUNNING_LATE,
        {"late": replace(_WAITS, screen=CitizenScreen.RUNNING_LATE, other_day_url=_MANAGE)},
        "dismiss",
        "booking.manage",
    ),
    Screen(
        "E8b",
        "desk/conversation",
        {"past": ConversationPage(CitizenScreen.PAST, Step.ENDED, _MEETING)},
        "citizen",
        actions=frozenset({"desk.home"}),
    ),
    _client(CitizenScreen.CONTINUE_HERE, "talk"),
    _client(CitizenScreen.ELSEWHERE, base=replace(_CALL, step=Step.MOVED)),
    _client(CitizenScreen.ALREADY_ELSEWHERE, base=replace(_CALL, step=Step.MOVED)),
    _client(CitizenScreen.WENT_WRONG, "again"),
    _client(CitizenScreen.CALL_US, "phone", base=_WAITS),
]

SCREENS: list[Screen] = [*_LINK, *_TO_THE_CALL, *_IN_THE_CALL, *_ERRORS]
