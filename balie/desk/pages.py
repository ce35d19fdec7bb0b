"""What the citizen's pages show: one frozen value per page, filled by the views, without any I/O."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from balie.desk.screen_names import CLIENT_SCREENS
from balie.desk.screen_names import CitizenScreen as CitizenScreen
from balie.desk.screen_names import Step as Step


class LinkTrouble(StrEnum):
    """Why a link leads nowhere; the words are those of E7 and E8."""

    UNKNOWN = "unknown"
    GONE = "gone"
    MOVED = "moved"
    PAST = "past"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class AskedPaper:
    """A paper to keep at hand, as the link page and the waiting room list it."""

    title: str
    plain_name: str
    is_given: bool = False


@dataclass(frozen=True, slots=True)
class AppointmentFacts:
    """What may be shown before check-in: never a name of a person. Both product names are None when discreet."""

    starts_at: datetime
    desk_name: str
    product_name: str | None
    plain_name: str | None
    is_today: bool = True
    asks_sign_in: bool = False
    papers: tuple[AskedPaper, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkPage:
    """S1: `/a/{token}` inside the check-in window, or with a visit to return to."""

    token: str
    appointment: AppointmentFacts
    has_other_open_visit: bool = False
    is_returning: bool = False


@dataclass(frozen=True, slots=True)
class EarlyPage:
    """S1b: the same link before check-in opens; the device can be tried."""

    token: str
    appointment: AppointmentFacts
    sent_by: str = "sms"  # sms, mail
    device: str = "phone"  # phone, tablet, computer


@dataclass(frozen=True, slots=True)
class LinkTroublePage:
    """E7 and E8: a link that is old, replaced, unknown or past. `token` only where a new link may be asked."""

    trouble: LinkTrouble
    token: str | None = None
    sent_by: str = "sms"
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class StaffFacts:
    """Who has taken the visit; absent until somebody has."""

    name: str
    desk_name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Place and span in the waiting room; with `nobody_there` or `over_90` there is no span."""

    people_before: int | None = None
    low_minutes: int | None = None
    high_minutes: int | None = None
    is_delay: bool = True  # the span is how late the appointment is, else how long the wait is
    no_span_because: str | None = None  # nobody_there, over_90, on_time
    got_worse_because: str | None = None  # priority, staff_left


@dataclass(frozen=True, slots=True)
class Hold:
    reason: str  # colleague, looking_up, printing, other
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdentifyAsk:
    """C4 to C4c: the request to sign in, or what came of it."""

    verification_id: str
    state: str  # a VerificationState
    level: str  # low, substantial, high
    purpose: str | None  # the name of the product; None when it is discreet
    plain_purpose: str | None
    sign_in_url: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class PaperAsk:
    """D1 to D5: one paper asked for, and the document given for it. `offer` is a fresh random id per rendering."""

    request_id: str
    plain_name: str
    title: str
    offer: str
    document_id: str | None = None
    what_must_show: str | None = None
    refused_because: str | None = None


@dataclass(frozen=True, slots=True)
class ShownAsk:
    """C7: a page that staff show now."""

    document_id: str
    title: str
    page_no: int
    pages: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One card: its screen, a key that changes when the card says something new, and the facts of its kind.

    A card that does not come by itself waits in "Meer" until the citizen opens it.
    """

    screen: CitizenScreen
    key: str
    identify: IdentifyAsk | None = None
    paper: PaperAsk | None = None
    shown: ShownAsk | None = None
    comes: bool = True


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One paper on the goodbye page; `result` is accepted, not_needed, refused, withdrawn or open."""

    title: str
    plain_name: str
    given_at: datetime
    size_bytes: int
    result: str
    seen_by: str | None = None
    seen_at: datetime | None = None
    kept_until: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands on the goodbye page once staff have finished."""

    agreed: tuple[str, ...] = ()
    papers: tuple[ReceiptLine, ...] = ()
    next_step: str | None = None
    kept_until: date | None = None


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """What the module needs to listen: ids of logs read before the database was."""

    ticket: str
    visit_id: str | None = None
    call_topic: str | None = None
    topics: tuple[tuple[str, str | None], ...] = ()
    participant: str = "citizen"


@dataclass(frozen=True, slots=True)
class Needs:
    is_simplified: bool = False
    writes_along: bool = False
    companion: str = "unknown"  # unknown, none, beside, elsewhere


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """`/gesprek`: the screen that stands now, and the facts of the visit."""

    screen: CitizenScreen
    step: Step
    appointment: AppointmentFacts
    staff: StaffFacts | None = None
    wait: Wait = field(default_factory=Wait)
    hold: Hold | None = None
    asks: tuple[Ask, ...] = ()
    receipt: Receipt | None = None
    talk_on_until: datetime | None = None
    outcome: str | None = None
    rating: str | None = None
    is_ready: bool = False
    is_call_begun: bool = False
    is_tested: bool = False
    may_check_in: bool = True
    needs: Needs = field(default_factory=Needs)
    other_day_url: str | None = None
    opens_papers: bool = False  # the papers were asked for by their address, so their card stands open
    sent_by: str = "sms"
    device: str = "phone"
    live: LiveFacts | None = None

    def opened(self, part: str) -> Self:
        """The same page with its papers open, or with the question before stopping: without scripts these are pages."""
        if part == "papieren":
            return replace(self, opens_papers=True)
        if part == "stoppen" and (self.is_waiting or self.step in (Step.CALL, Step.ON_HOLD)):
            return replace(self, screen=CitizenScreen.STOP, asks=())
        return self

    @property
    def staff_name(self) -> str:
        return self.staff.name if self.staff else ""

    @property
    def is_waiting(self) -> bool:
        return self.step in (Step.CHECK, Step.WAITING, Step.RINGING)

    @property
    def has_papers(self) -> bool:
        return bool(self.appointment.papers)

    @property
    def has_open_papers(self) -> bool:
        return any(ask.paper is not None for ask in self.asks)

    @property
    def asks_now(self) -> bool:
        """Whether the cards come by themselves: in the conversation only, never while somebody waits."""
        return self.step is Step.CALL or self.opens_papers

    @property
    def first(self) -> Ask | None:
        """The card that stands on the page first."""
        coming = (ask for ask in self.asks if ask.comes or self.opens_papers)
        return next(coming, None) if self.asks_now else None

    @property
    def is_late(self) -> bool:
        """E9 stands over the waiting room until somebody taps that they wait."""
        return self.screen is CitizenScreen.RUNNING_LATE

    @property
    def below(self) -> CitizenScreen:
        return CitizenScreen.WAITING

    @property
    def client_screens(self) -> dict[str, tuple[CitizenScreen, ...]]:
        return CLIENT_SCREENS
