"""T38: a BSN stands in no log, address, cookie or plain row, whatever way it came in; T20: a name is a name."""

from __future__ import annotations

import base64
import io
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from lxml import html

from balie.actors import ANONYMOUS, system
from balie.booking import service as booking
from balie.booking.rules import ContactDetails
from balie.calls import service as calls
from balie.desk import service as desk
from balie.identity import service as identity
from balie.identity.bsn import Bsn
from balie.privacy.purposes import HELP_CITIZEN, MAKE_APPOINTMENT
from balie.privacy.sealing import Keyring
from balie.web.csrf import CsrfKey
from balie.web.features import Route
from tests.house.whole import ROUTES, House
from tests.races.two_servers import citizen_actor

BSN = "999990019"
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


def shapes(number: str) -> list[bytes]:
    """The number as it is, in base64 at each offset, in hex, and in an address."""
    found = [number.encode(), number.encode().hex().encode(), quote(number).encode()]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + number.encode()).rstrip(b"=")
        found.append(text[4 if offset else 0 : -2])
    return [shape for shape in found if len(shape) >= 9]


async def test_a_number_that_comes_in_by_any_door_stands_in_no_log_and_no_answer(
    house: House, log_lines: io.StringIO, tmp_path: Path
) -> None:
    key = CsrfKey(house.works.get(Keyring).derive("csrf"))
    for route in ROUTES:
        for kind in ("anonymous", "citizen", "staff", "api_client"):
            caller = house.callers[kind]
            headers = {**caller.headers, "X-Balie-CSRF": key.value(caller.scope, route.name), "User-Agent": f"x {BSN}"}
            headers["Cookie"] = "; ".join([*(f"{n}={v}" for n, v in caller.cookies.items()), f"other={BSN}"])
            async with house.client.request(
                route.method,
                f"{house.origin}{house.path_of(route)}?code=x&bsn={BSN}",
                headers=headers,
                data={"name": f"Fatima {BSN}", "note": BSN, "reason": BSN} if route.method == "POST" else None,
                allow_redirects=False,
            ) as answer:
                assert BSN not in str(answer.headers), route.name
                assert answer.status != 500, route.name
    lines = log_lines.getvalue().encode()
    assert lines.count(b"\n") > 100
    assert [shape for shape in shapes(BSN) if shape in lines] == []


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("balie.sqlite3*"))


async def test_the_database_file_holds_no_number_name_or_telephone_number(house: House, tmp_path: Path) -> None:
    async with house.works.begin(system("test"), HELP_CITIZEN) as work:
        await identity.make_citizen(work, issuer="https://i", subject="x", bsn=Bsn(BSN), name="Fatima de Vries")
    stored = everything_in(tmp_path)
    assert len(stored) > 10_000
    assert [shape for shape in shapes(BSN) if shape in stored] == []
    assert b"Fatima de Vries" not in stored and b"+31612345671" not in stored


async def test_t20_a_name_that_is_a_script_is_shown_as_a_name(house: House) -> None:
    starts_at = house.works.clock().replace(minute=0) + timedelta(hours=3)
    wish = house.town.wish()
    held = await booking.hold(house.works, ANONYMOUS, wish, starts_at, "browser of a script", "key of a script")
    async with house.works.begin(ANONYMOUS, MAKE_APPOINTMENT) as work:
        contact = ContactDetails("+31612345679", None)
        await booking.put_person(work, held.id, "browser of a script", SCRIPT, contact)
        await booking.confirm(work, held.id, "browser of a script")
    citizen = citizen_actor(held.id, house.callers["citizen"].scope)
    async with house.works.begin(citizen, HELP_CITIZEN) as work:
        await calls.take_seat(
            work, appointment_id=held.id, participant="citizen", session_id=house.callers["citizen"].scope
        )
        visit = await desk.check_in(work)
    staff = house.callers["staff"]
    queue = f"/medewerker/balie/{house.town.desk.id}"
    assert (await house.call(by_name("desk.open_counter"), staff, queue + "/openen"))[0] == 303
    assert (await house.call(by_name("desk.pick"), staff, f"{queue}/bezoek/{visit.id}/oproepen"))[0] == 303
    shown = 0
    for route, path in (("desk.queue", queue), ("desk.counter", f"{queue}/bezoek/{visit.id}")):
        status, _, text = await house.call(by_name(route), staff, path)
        assert status == 200
        shown += check_markup(text)
    assert shown > 0, "the name stands on a page of staff"


def check_markup(text: str) -> int:
    """No script but those of files, no attribute that runs, no template that was run; how often the name is text."""
    tree = html.fromstring(text)
    assert [tag for tag in tree.iter("script") if not (tag.get("src") or "").startswith("/static/")] == []
    assert [a for tag in tree.iter() if isinstance(tag.tag, str) for a in tag.attrib if a.startswith("on")] == []
    assert tree.xpath("//style | //*[@style] | //img[@src='x']") == []
    assert "49" not in re.sub(r"\{\{7\*7\}\}", "", " ".join(tree.xpath("//h1//text()")))
    return sum(SCRIPT in each for each in [tree.text_content(), *tree.xpath("//@*")])


def by_name(name: str) -> Route:
    return next(route for route in ROUTES if route.name == name)
