"""What the desk plugs in: pages, live topics, listeners, sweeps, tables."""

from datetime import datetime, timedelta

from balie.desk import listening, live, staff_views, store, timers, views
from balie.desk.screens_citizen import SCREENS as CITIZEN_SCREENS
from balie.desk.screens_staff import SCREENS as STAFF_SCREENS
from balie.web.access import Access
from balie.web.features import Feature, LiveTopic, Route, Sweep, TableRule
from balie.work import Work

VISITS_KEPT = timedelta(days=5 * 366)
COUNTERS_KEPT = timedelta(days=90)

_VISIT = "/medewerker/balie/{desk_id}/bezoek/{visit_id}"
_DESK = "/medewerker/balie/{desk_id}"


async def _destroy_visits(work: Work, now: datetime) -> int:
    return await store.destroy_before(work, (now - VISITS_KEPT).date())


async def _destroy_numbers(work: Work, now: datetime) -> int:
    return await store.destroy_numbers_before(work, (now - COUNTERS_KEPT).date())


async def _destroy_counters(work: Work, now: datetime) -> int:
    return await store.destroy_counters_before(work, now - COUNTERS_KEPT)


def _citizen(method: str, path: str, view, name: str, uses_camera: bool = False) -> Route:  # type: ignore[no-untyped-def]
    return Route(method, path, view, f"desk.{name}", Access.LINK, uses_camera=uses_camera)


def _staff(method: str, path: str, view, name: str, uses_camera: bool = False) -> Route:  # type: ignore[no-untyped-def]
    return Route(method, path, view, f"desk.{name}", Access.STAFF, uses_camera=uses_camera)


ROUTES = [
    Route("GET", "/", views.home, "desk.home", Access.PUBLIC),
    Route("GET", "/a/{token}", views.link, "desk.link", Access.PUBLIC),
    Route("POST", "/a/{token}/verder", views.go_on, "desk.go_on", Access.PUBLIC),
    Route("POST", "/a/{token}/nieuwe-link", views.send_new_link, "desk.send_new_link", Access.PUBLIC),
    _citizen("GET", "/gesprek", views.conversation, "conversation", uses_camera=True),
    _citizen("GET", "/gesprek/deel/{part}", views.conversation_part, "conversation_part"),
    _citizen("POST", "/gesprek/aanmelden", views.check_in, "check_in"),
    _citizen("POST", "/gesprek/begin", views.begin, "begin"),
    _citizen("POST", "/gesprek/nog-niet", views.not_yet, "not_yet"),
    _citizen("POST", "/gesprek/stop", views.leave, "leave"),
    _citizen("POST", "/gesprek/toch-verder", views.talk_on, "talk_on"),
    _citizen("POST", "/gesprek/oordeel", views.rate, "rate"),
    _citizen("POST", "/gesprek/hulp", views.set_companion, "set_companion"),
    _citizen("GET", "/gesprek/identificatie/{verification_id}/klaar", views.identified, "identified"),
    _staff("GET", "/medewerker", staff_views.start, "staff_start"),
    _staff("GET", _DESK, staff_views.queue, "queue"),
    _staff("POST", _DESK + "/openen", staff_views.open_counter, "open_counter"),
    _staff("POST", _DESK + "/sluiten", staff_views.close_counter, "close_counter"),
    _staff("POST", _DESK + "/pauze", staff_views.pause_counter, "pause_counter"),
    _staff("POST", _DESK + "/volgende", staff_views.admit_next, "admit_next"),
    _staff("POST", _VISIT + "/oproepen", staff_views.pick, "pick"),
    _staff("GET", _VISIT, staff_views.counter, "counter", uses_camera=True),
    _staff("POST", _VISIT + "/terugzetten", staff_views.put_back, "put_back"),
    _staff("POST", _VISIT + "/niet-verschenen", staff_views.record_no_show, "record_no_show"),
    _staff("POST", _VISIT + "/wacht", staff_views.put_on_hold, "put_on_hold"),
    _staff("POST", _VISIT + "/hervatten", staff_views.resume, "resume"),
    _staff("POST", _VISIT + "/vrijgeven", staff_views.release, "release"),
    _staff("POST", _VISIT + "/ophangen", staff_views.end, "end"),
    _staff("POST", _VISIT + "/afronden", staff_views.finish, "finish"),
    _staff("POST", _VISIT + "/inloggen-vragen", staff_views.ask_identification, "ask_identification"),
    _staff("POST", _VISIT + "/inloggen-intrekken", staff_views.withdraw_identification, "withdraw_identification"),
    _staff("POST", _VISIT + "/bellen", staff_views.show_phone, "show_phone"),
    _staff("POST", _VISIT + "/nieuwe-link", staff_views.send_link_again, "send_link_again"),
]

FEATURE = Feature(
    name="desk",
    routes=ROUTES,
    live_topics=[LiveTopic("visit", live.may_hear_visit), LiveTopic("desk", live.may_hear_desk)],
    listeners=list(listening.LISTENERS.items()),
    sweeps=[Sweep("desk.presence", 5, live.note_presence), Sweep("desk.timers", 5, timers.sweep)],
    tables=[
        TableRule("visit", "5 years, as figures need them; contact details stand in the appointment", _destroy_visits),
        TableRule("visit_event", "with the visit"),
        TableRule("visit_presence", "end of the visit"),
        TableRule("queue_number", "90 days", _destroy_numbers),
        TableRule("counter", "90 days after closing", _destroy_counters),
    ],
    screens=[*CITIZEN_SCREENS, *STAFF_SCREENS],
)
