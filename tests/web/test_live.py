"""The WebSocket /live over a real server: who gets in, what it refuses, how it closes, who is never delayed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic

import aiohttp
import pytest
from pydantic import BaseModel, ConfigDict

from balie.actors import Actor, ActorKind, Role
from balie.bus import Bus
from balie.errors import Unavailable
from balie.ids import new_id
from balie.web.connection import Connection
from balie.web.features import Feature, LiveMessage, LiveTopic
from balie.web.live import SOCKETS, Sockets
from balie.work import Work, Works
from tests.calls.stage import Page, Site, Stage, a_site

FATIMA = Actor(ActorKind.CITIZEN, participant="citizen", session_id=new_id(), appointment_id=new_id())
ANNA = Actor(ActorKind.STAFF, id=new_id(), roles=frozenset({Role.STAFF}), participant="staff", session_id=new_id())
VISIT = new_id()
TOPIC = f"visit:{VISIT}"


class Note(BaseModel):
    """A message of this test."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: str


done: list[str] = []


async def note(connection: Connection, message: Note) -> dict[str, str]:
    if message.text == "storing" and message.text not in done:
        done.append(message.text)
        raise Unavailable
    if message.text == "fout":
        raise RuntimeError("999990019")
    done.append(message.text)
    return {"id": connection.works.get(Bus).append(TOPIC, {"type": "note", "text": message.text, "from": "citizen"})}


async def may_listen(work: Work, topic_id: str) -> str | None:
    return work.actor.participant if topic_id == VISIT else None


PROBE = Feature("probe", live_messages=[LiveMessage("note", Note, note)], live_topics=[LiveTopic("visit", may_listen)])


@pytest.fixture
async def site(works: Works) -> AsyncIterator[Site]:
    done.clear()
    stage = Stage(works, FATIMA.appointment_id or "", VISIT, FATIMA, ANNA)  # type: ignore[arg-type]
    async with a_site(stage, PROBE, sockets=Sockets(hello_within_s=0.2)) as made:
        yield made


async def refusal(site: Site, actor: Actor, **headers: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with site.socket(actor, **headers):
            pass
    return refused.value.status


@pytest.mark.parametrize("origin", ["https://kwaad.example", "null", "http://localhost:8080.kwaad.example", ""])
async def test_a_foreign_or_missing_origin_stays_outside(site: Site, origin: str) -> None:
    assert await refusal(site, FATIMA, Origin=origin) == 403


async def test_a_ticket_works_once_and_only_with_the_cookie_of_its_session(site: Site) -> None:
    assert await refusal(site, FATIMA, Cookie=f"sessies={ANNA.session_id}") == 401
    ticket = site.tickets.make(FATIMA)
    headers = {"Origin": site.origin, "Cookie": f"sessies={ANNA.session_id}.{FATIMA.session_id}"}
    url = site.server.make_url("/live")
    async with site.http.ws_connect(url, protocols=("balie.1", ticket), headers=headers) as socket:
        assert socket.protocol == "balie.1"
    for offered in (("balie.1", ticket), ("balie.1", "geraden"), ("balie.1",), (ticket,), ("balie.2", ticket)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.http.ws_connect(url, protocols=offered, headers=headers)
        assert refused.value.status in (400, 401)


async def test_the_fourth_socket_of_a_session_is_one_too_many(site: Site) -> None:
    async with site.page(FATIMA), site.page(FATIMA), site.page(FATIMA), site.page(ANNA):
        assert await refusal(site, FATIMA) == 429
    await until_open(site, 0)
    async with site.page(FATIMA):
        pass


async def until_open(site: Site, count: int) -> None:
    async with asyncio.timeout(10):
        while len(site.app[SOCKETS]._open) > count:  # noqa: ASYNC110  a closed socket announces itself to nobody
            await asyncio.sleep(0.02)


async def test_a_page_gets_fresh_tickets_by_post(site: Site) -> None:
    answer = await site.post("/live/kaartje", "live.ticket", FATIMA, data={"page_id": "page-fatima"})
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store"
    given = await answer.json()
    assert given["expires_in_s"] == 30 and given["ticket"] in site.tickets.actors
    answer = await site.post("/live/kaartje", "another.form", FATIMA, data={"page_id": "page-fatima"})
    assert answer.status == 403
    answer = await site.post("/live/kaartje", "live.ticket", FATIMA, data={"page_id": "x"})
    assert answer.status == 400
    answer = await site.post("/medewerker/live/kaartje", "live.staff_ticket", ANNA, data={"page_id": "page-anna"})
    assert answer.status == 200


async def test_welcome_says_who_you_are_and_which_topics_you_hear(site: Site) -> None:
    async with site.socket(FATIMA) as socket:
        page = Page(socket, "page-fatima")
        welcome = await page.hello(TOPIC, f"visit:{new_id()}", f"desk:{new_id()}")
        assert welcome["you"] == {"participant": "citizen", "kind": "citizen"} and welcome["v"] == 1
        assert [t["topic"] for t in welcome["topics"]] == [TOPIC] and welcome["topics"][0]["gap"] is False
        for _ in range(2):
            refused = await page.hear("refused")
            assert refused["code"] == "not_allowed" and refused["field"] == "topics"


async def test_a_page_reads_on_from_its_last_id_in_order_and_nothing_twice(site: Site, works: Works) -> None:
    bus = works.get(Bus)
    first = bus.append(TOPIC, {"type": "n", "n": 1})
    bus.append(TOPIC, {"type": "n", "n": 2})
    bus.append(TOPIC, {"type": "n", "n": 0}, to="staff")
    async with site.page(FATIMA, {"topic": TOPIC, "after": first}) as page:  # type: ignore[arg-type]
        bus.append(TOPIC, {"type": "n", "n": 3})
        assert [(await page.hear("n"))["n"] for _ in range(2)] == [2, 3]
        assert await page.everything() == []
    async with site.page(FATIMA, TOPIC) as page:
        assert await page.everything() == []
        bus.append(TOPIC, {"type": "n", "n": 4})
        told = await page.hear("n")
        assert told["topic"] == TOPIC and told["id"] and told["at"].startswith("20")
    async with site.socket(FATIMA) as socket:
        page = Page(socket, "page-fatima")
        welcome = await page.hello({"topic": TOPIC, "after": "other-12"})
        assert welcome["topics"][0]["gap"] is True
        assert await page.everything() == []


async def test_the_server_knows_who_is_connected_to_a_topic(site: Site) -> None:
    sockets = site.app[SOCKETS]
    async with site.page(FATIMA, TOPIC), site.page(ANNA, TOPIC):
        assert sockets.listening("visit:") == {(VISIT, "citizen"), (VISIT, "staff")}
        assert sockets.listening("desk:") == set()
    await until_open(site, 0)
    assert sockets.listening("visit:") == set()


async def test_no_hello_in_time_closes_and_so_does_another_version(site: Site) -> None:
    async with site.socket(FATIMA) as socket:
        assert await Page(socket, "page-fatima").closed() == 4408
    async with site.socket(FATIMA) as socket:
        page = Page(socket, "page-fatima")
        await page.say("hello", v=2, page_id="page-fatima", topics=[])
        assert await page.closed() == 4406


async def test_binary_nonsense_and_one_byte_too_many_close_the_socket(site: Site) -> None:
    async with site.page(FATIMA) as page:
        await page.socket.send_bytes(b"\0")
        assert await page.closed() == 1003
    for nonsense in ("{", "[]", '"hallo"', "NaN"):
        async with site.page(FATIMA) as page:
            await page.socket.send_str(nonsense)
            assert await page.closed() == 1007
    full = json.dumps({"type": "note", "seq": 1, "text": ""})
    fits, too_much = (full.replace('""', '"' + "x" * (n - len(full)) + '"') for n in (65_536, 65_537))
    async with site.page(FATIMA) as page:
        await page.socket.send_str(fits)
        assert (await page.answer(1))["type"] == "ok"
        await page.socket.send_str(too_much)
        assert await page.closed() == 1009


async def test_refusals_name_code_and_field_and_the_socket_lives(site: Site) -> None:
    async with site.page(FATIMA) as page:
        assert (await page.ask("dance"))["code"] == "unknown_type"
        refused = await page.ask("note", text="a", colour="red")
        assert (refused["code"], refused["field"]) == ("bad_field", "colour")
        assert (await page.ask("note", text=3))["field"] == "text"
        await page.say("note", text="a")
        assert (await page.hear("refused"))["field"] == "seq"
        await page.say("hello", v=1, page_id="page-again", topics=[])
        assert (await page.hear("refused"))["field"] == "type"
        await page.say("note", seq=90, a={"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}})
        assert (await page.hear("refused"))["code"] == "too_big"
        await page.say("ping", t="x")
        assert (await page.hear("refused"))["field"] == "t"
        assert (await page.ask("note", text="fout"))["code"] == "unavailable"
        assert (await page.ask("note", text="ja"))["type"] == "ok"


async def test_a_message_that_was_unavailable_may_be_sent_again_and_one_that_was_done_is_not_done_again(
    site: Site,
) -> None:
    async with site.page(FATIMA, page_id="page-fatima") as page:
        assert (await page.ask("note", seq=1, message_id="a", text="storing"))["code"] == "unavailable"
        assert (await page.ask("note", seq=2, message_id="b", text="twee"))["type"] == "ok"
        first = await page.ask("note", seq=1, message_id="a", text="storing")
        assert first["type"] == "ok"
        assert (await page.ask("note", seq=1, message_id="c", text="oud"))["field"] == "seq"
    async with site.page(FATIMA, page_id="page-fatima") as page:
        assert await page.ask("note", seq=1, message_id="a", text="storing") == first
    assert done == ["storing", "twee", "storing"]


async def test_who_talks_too_fast_is_warned_and_then_closed(site: Site) -> None:
    async with site.page(FATIMA) as page:
        for n in range(1, 70):
            await page.say("note", seq=n, text="x")
        codes = [(await page.answer(n)).get("code") for n in range(1, 70)]
        assert codes[:55] == [None] * 55 and "too_fast" in codes
    async with site.page(FATIMA) as page:
        connection = next(iter(site.app[SOCKETS]._open))
        connection._warnings = [-10.0, -5.0, -2.0]
        connection._warn()
        assert connection.outgoing.close_code is None  # old warnings are forgotten
        connection._warnings = [monotonic() - n for n in (6, 4, 2)]
        connection._warn()
        assert await page.closed() == 1008


async def test_the_end_of_a_session_closes_its_sockets_but_not_of_the_page_that_signs_in(
    site: Site, works: Works
) -> None:
    bus = works.get(Bus)
    async with (
        site.page(FATIMA, page_id="page-first") as first,
        site.page(FATIMA, page_id="page-other") as other,
        site.page(ANNA) as anna,
    ):
        ended = {"type": "session.ended", "except_page_id": "page-first"}
        bus.append(f"session:{FATIMA.session_id}", ended)
        assert await other.closed() == 4401
        assert await first.everything() == []
        bus.append(f"session:{FATIMA.session_id}", {"type": "session.ended"})
        assert await first.closed() == 4401
        assert await anna.everything() == []


async def test_a_visit_that_is_over_says_so_and_closes(site: Site, works: Works) -> None:
    async with site.page(FATIMA, TOPIC) as page:
        works.get(Bus).append(TOPIC, {"type": "visit.over"}, to="citizen")
        assert await page.closed() == 4410
        assert page.heard[-1]["type"] == "visit.over"


async def test_who_does_not_read_is_cut_and_delays_nobody(site: Site, works: Works) -> None:
    bus = works.get(Bus)
    async with site.page(FATIMA, TOPIC) as quick, site.page(replace(ANNA), TOPIC) as slow:
        slow.socket._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        for n in range(400):
            bus.append(TOPIC, {"type": "n", "n": n, "text": "x" * 30_000}, to="staff")
            if n % 50 == 0:
                await asyncio.sleep(0.01)
        bus.append(TOPIC, {"type": "n", "n": 1}, to="citizen")
        assert (await quick.hear("n"))["n"] == 1
        await until_open(site, 1)


async def test_a_stop_tells_every_page_when_to_come_back_and_does_not_wait(site: Site) -> None:
    async with site.page(FATIMA) as fatima, site.page(ANNA) as anna:
        async with asyncio.timeout(5):
            codes = await asyncio.gather(fatima.closed(), anna.closed(), site.app[SOCKETS].stop())
        assert list(codes) == [1001, 1001, None]
        for page in (fatima, anna):
            restart = next(m for m in page.heard if m["type"] == "server_restart")
            assert 0 <= restart["resume_after_ms"] <= 2_000
    assert await refusal(site, FATIMA) == 503


async def test_half_a_character_of_one_page_does_not_break_another(site: Site, works: Works) -> None:
    async with site.page(ANNA, TOPIC) as anna, site.page(FATIMA, TOPIC) as fatima:
        await fatima.socket.send_str('{"type":"note","seq":1,"text":"\\ud83d"}')
        assert (await fatima.answer(1))["type"] == "ok"
        assert (await anna.hear("note"))["text"] == "\ud83d"
        assert (await fatima.ask("note", seq=2, text="👋"))["type"] == "ok"
        assert (await anna.hear("note"))["text"] == "👋"
