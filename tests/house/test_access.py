"""Every route names who may call it, and only they get past the door: all routes and kinds of callers (T1)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from balie.actors import RUN_SERVICE, Role, system
from balie.desk import store as desk_store
from balie.ids import new_id
from balie.web.access import Access
from balie.web.features import Route
from tests.booking.builders import a_town
from tests.conftest import Clock
from tests.house.whole import ROUTES, House, a_member, whole_house

KINDS = ("anonymous", "citizen", "staff", "team_lead", "admin", "privacy_officer", "api_client")
MAY = {
    Access.PUBLIC: set(KINDS),
    Access.LINK: {"citizen"},
    Access.CALL: {"citizen", "staff", "team_lead", "admin", "privacy_officer"},
    Access.STAFF: {"staff", "team_lead"},
    Access.TEAM_LEAD: {"team_lead"},
    Access.ADMIN: {"admin"},
    Access.PRIVACY_OFFICER: {"privacy_officer"},
    Access.API: {"api_client"},
}
STAFF_PAGES = ("/medewerker", "/beheer", "/inloggen/medewerker")
REFUSED = (401, 403, 404)


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    async with whole_house(tmp_path, clock) as made:
        yield made


def test_every_route_names_who_may_call_it() -> None:
    assert len(ROUTES) > 60
    assert all(isinstance(route.access, Access) and route.access in MAY for route in ROUTES)
    names = [f"{route.method} {route.name}" for route in ROUTES]
    assert len(names) == len(set(names))


def test_a_page_of_staff_is_no_public_page() -> None:
    doors = {route.path for route in ROUTES if route.path.startswith(STAFF_PAGES[:2]) and route.access is Access.PUBLIC}
    assert doors == set()


def test_only_what_reads_its_own_body_goes_without_proof_of_origin() -> None:
    free = {route.name for route in ROUTES if route.method != "GET" and route.csrf == "none"}
    assert {name for name in free if not name.startswith(("history.", "identity."))} == set()


def cells() -> Iterator[tuple[Route, str]]:
    for route in ROUTES:
        for kind in KINDS:
            yield route, kind


async def test_only_whom_a_route_names_gets_past_its_door(house: House) -> None:
    """Whoever may not is refused before anything happens; who may, is not told to sign in."""
    wrong = []
    for route, kind in cells():
        status, location, _ = await house.call(route, house.callers[kind])
        is_sign_in = status == 303 and location.startswith("/inloggen/medewerker")
        if kind not in MAY[route.access]:
            if status not in REFUSED and not is_sign_in:
                wrong.append((route.method, route.name, kind, status))
        elif status == 500 or (status == 401 and route.access is not Access.PUBLIC):
            wrong.append((route.method, route.name, kind, status))
    assert wrong == []
    async with house.works.begin(system("test"), RUN_SERVICE, writes=False) as work:
        other = await desk_store.visit_by_id(work, house.other_visit)
        assert other is not None and other.state == "waiting"


async def test_what_is_somebody_elses_looks_like_what_does_not_exist(house: House) -> None:
    """One status and one body, whether the id is of another desk's visit or of nothing at all."""
    elsewhere = await a_town(house.works, seats=2)
    stranger = await a_member(house.works, elsewhere, Role.TEAM_LEAD)
    for route in ROUTES:
        if "{visit_id}" not in route.path or route.access is not Access.STAFF:
            continue
        theirs = house.path_of(route)
        nothing = theirs.replace(house.other_visit, new_id())
        answers = [await house.call(route, stranger, path) for path in (theirs, nothing)]
        assert answers[0][0] == answers[1][0], route.name
        assert answers[0][0] in (400, 404, 415), (
            route.name
        )  # 400, 415: what was sent is looked at first, whatever the visit
        bodies = [re.sub(r'value="[^"]*"', "", text) for _, _, text in answers]
        assert bodies[0] == bodies[1], route.name
