"""A call over a real server: joining, what passes between two pages, reloads, other devices, restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from balie.bus import Bus
from balie.calls import absence, roster, service
from balie.calls.rules import PairLost
from balie.ids import new_id
from tests.calls.stage import Page, Site, bus_of
from tests.conftest import Clock

OFFER = {"description": {"type": "offer", "sdp": "v=0\r\n"}}
ANNA = {"to": "staff", "to_epoch": 1, "round": 1}
FATIMA = {"to": "citizen", "to_epoch": 1, "round": 1}


async def both_in(site: Site, anna: Page, fatima: Page) -> None:
    """Admitted, begun, both joined."""
    call = site.stage.call
    assert (await anna.join(call))["type"] == "joined"
    await site.stage.begin()
    assert (await fatima.join(call))["type"] == "joined"


@pytest.fixture
async def admitted(site: Site) -> Site:
    await site.stage.take_seat()
    await site.stage.admit()
    return site


async def test_fatima_and_anna_find_each_other_and_the_conversation_begins(admitted: Site) -> None:
    site, stage = admitted, admitted.stage
    topic = stage.call.topic
    async with site.page(stage.anna, topic) as anna, site.page(stage.fatima, topic) as fatima:
        joined = await anna.join(stage.call)
        assert (joined["seat"], joined["epoch"], joined["begun"], joined["backend"]) == ("staff", 1, False, "mesh")
        await stage.begin()
        await anna.hear("call.begun")
        await fatima.hear("call.begun")
        mine = await fatima.join(stage.call)
        people = {p["participant"]: p for p in mine["participants"]}
        assert people["staff"]["name"] == "Anna" and people["staff"]["polite"] is True
        assert people["citizen"]["polite"] is None and people["citizen"]["epoch"] == 1
        seen = (await anna.hear("call.joined"))["participant"]
        assert (seen["name"], seen["polite"], seen["sends"]) == ("Fatima de Vries", False, ["audio", "video"])
        said = await anna.ask("signal", **FATIMA, **OFFER)
        assert said["type"] == "ok" and said["id"]
        heard = await fatima.hear("signal")
        assert (heard["from"], heard["from_epoch"], heard["description"]) == ("staff", 1, OFFER["description"])
        assert heard["id"] == said["id"] and heard["topic"] == topic
        assert stage.names_of_events() == []
        await fatima.report("staff")
        assert stage.names_of_events() == ["CallConnected"]
        await anna.report("citizen")
        assert stage.names_of_events() == ["CallConnected"]


async def test_before_the_yes_nothing_reaches_the_other_side(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await anna.join(stage.call)
        assert (await fatima.join(stage.call))["code"] == "not_begun"
        assert (await fatima.ask("signal", **ANNA, **OFFER))["code"] == "not_in_call"
        assert (await anna.ask("signal", **FATIMA, **OFFER))["code"] == "not_begun"
        assert (await anna.ask("text", text_seq=0, text="hallo"))["code"] == "not_begun"
        log = bus_of(admitted).read_after(topic, bus_of(admitted)._id(0)).entries
        assert {entry.message["type"] for entry in log} == {"call.opened"}


async def test_who_has_no_seat_hears_nothing_and_may_nothing(admitted: Site) -> None:
    stage = admitted.stage
    bram = replace(stage.anna, id=new_id(), session_id=new_id())
    stranger = replace(stage.fatima, appointment_id=new_id(), session_id=new_id())
    for actor in (bram, stranger):
        async with admitted.socket(actor) as socket:
            page = Page(socket, "page-van-bram")
            welcome = await page.hello(stage.call.topic, f"call:{new_id()}", f"agenda:{new_id()}")
            assert welcome["topics"] == []
            assert (await page.hear("refused"))["code"] == "not_allowed"
            assert (await page.join(stage.call))["code"] == "not_allowed"
            assert (await page.ask("ice.get", topic=stage.call.topic))["code"] == "not_allowed"
            assert (await page.ask("ring.seen", visit=stage.visit_id))["code"] == "not_allowed"
            assert (await page.ask("state", audio="off"))["code"] == "not_in_call"
            await bus_append(admitted, {"type": "call.opened"})
            assert [m for m in await page.everything() if m["type"] == "call.opened"] == []


async def bus_append(site: Site, message: dict[str, Any]) -> None:
    bus_of(site).append(site.stage.call.topic, message)


async def test_state_and_text_go_to_the_other_and_not_back_to_who_said_it(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        assert (await fatima.ask("state", audio="off"))["type"] == "ok"
        assert (await anna.hear("state"))["audio"] == "off"
        assert (await fatima.ask("text", text_seq=0, text="Hé 👋\b"))["type"] == "ok"
        heard = await anna.hear("text")
        assert (heard["text"], heard["text_seq"], heard["from"]) == ("Hé 👋\b", 0, "citizen")
        assert [m["type"] for m in await fatima.everything() if m.get("from") == "citizen"] == []


async def test_wrong_epochs_rounds_and_people_are_named(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        codes = [
            (await anna.ask("signal", **{**FATIMA, "to_epoch": 9}, **OFFER))["code"],
            (await anna.ask("signal", **{**FATIMA, "to": "interpreter-1"}, **OFFER))["code"],
            (await anna.ask("signal", **{**FATIMA, "to": "staff"}, **OFFER))["code"],
        ]
        assert codes == ["stale_epoch", "no_such_participant", "no_such_participant"]
        assert (await anna.ask("signal", **{**FATIMA, "round": 3}, **OFFER))["type"] == "ok"
        assert (await fatima.ask("signal", **{**ANNA, "round": 2}, end_of_candidates=True))["code"] == "stale_round"


async def test_a_message_sent_again_is_done_once_also_over_a_new_socket(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna:
        async with admitted.page(stage.fatima, topic, page_id="page-fatima") as fatima:
            await both_in(admitted, anna, fatima)
            first = await fatima.ask("text", seq=40, message_id="eens", text_seq=0, text="a")
            assert first == await fatima.ask("text", seq=40, message_id="eens", text_seq=0, text="a")
            assert (await fatima.ask("text", seq=39, message_id="later", text_seq=0, text="b"))["field"] == "seq"
        async with admitted.page(stage.fatima, topic, page_id="page-fatima") as fatima:
            assert first == await fatima.ask("text", seq=40, message_id="eens", text_seq=0, text="a")
        await anna.hear("text")
        assert [m for m in await anna.everything() if m["type"] == "text"] == []


async def test_a_broken_socket_comes_back_and_misses_nothing(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna:
        async with admitted.page(stage.fatima, topic, page_id="page-fatima") as fatima:
            await both_in(admitted, anna, fatima)
            await anna.ask("text", text_seq=0, text="een")
            last = (await fatima.hear("text"))["id"]
        await anna.ask("text", text_seq=3, text="twee")
        async with admitted.socket(stage.fatima) as socket:
            again = Page(socket, "page-fatima")
            again.seq = fatima.seq
            welcome = await again.hello({"topic": topic, "after": last})
            assert welcome["topics"][0]["gap"] is False
            assert (await again.hear("text"))["text"] == "twee"
            assert (await again.join(stage.call, epoch=1))["epoch"] == 1
            assert (await anna.hear("call.presence"))["why"] == "page_gone"
            assert [m["participant"]["epoch"] for m in await anna.everything() if m["type"] == "call.joined"] == [1, 1]


async def test_a_reload_keeps_the_seat_with_the_next_epoch_and_without_asking(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna:
        async with admitted.page(stage.fatima, topic) as fatima:
            await both_in(admitted, anna, fatima)
            await fatima.report("staff")
        async with admitted.page(stage.fatima, topic) as fatima:
            await anna.hear("call.presence", why="page_gone")
            assert (await fatima.join(stage.call))["epoch"] == 2
            assert (await anna.ask("signal", **FATIMA, **OFFER))["code"] == "stale_epoch"
    assert "SeatTakenOver" not in stage.names_of_events()


async def test_before_the_conversation_the_newest_page_wins(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    await stage.begin()
    async with admitted.page(stage.fatima, topic) as old, admitted.page(stage.fatima, topic) as new:
        await old.join(stage.call)
        assert (await new.join(stage.call))["epoch"] == 2
        assert await old.closed() == 4409
        assert old.heard[-1]["type"] == "moved"
    assert stage.names_of_events() == ["SeatTakenOver"]


async def test_a_copied_cookie_does_not_get_into_a_conversation_by_itself(admitted: Site, clock: Clock) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.report("staff")
        async with admitted.page(stage.fatima) as copy:
            assert (await copy.join(stage.call))["code"] == "seat_taken"
            assert (await copy.join(stage.call))["code"] == "seat_taken"
            assert (await anna.hear("call.second_device"))["participant"] == "citizen"
            assert [m for m in await anna.everything() if m["type"] == "call.second_device"] == []


async def test_another_device_comes_in_when_anna_lets_it(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    tablet = replace(stage.fatima, session_id=new_id())
    path, form = f"/medewerker/gesprek/{stage.visit_id}/tweede-apparaat", "calls.second_device"
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.report("staff")
        assert (await stage.take_seat(tablet.session_id)).session_id == stage.fatima.session_id
        await anna.hear("call.second_device")
        async with admitted.page(tablet) as second:
            assert (await second.join(stage.call))["code"] == "seat_taken"
            answer = await admitted.post(path, form, stage.anna, data={"answer": "let_take_over"})
            assert answer.status == 204
            assert await fatima.closed() == 4409
            assert (await second.join(stage.call))["epoch"] == 2
    assert stage.names_of_events().count("SeatTakenOver") == 1


async def test_another_device_stays_out_when_anna_refuses(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    tablet = replace(stage.fatima, session_id=new_id())
    path, form = f"/medewerker/gesprek/{stage.visit_id}/tweede-apparaat", "calls.second_device"
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.report("staff")
        await stage.take_seat(tablet.session_id)
        assert (await admitted.post(path, form, stage.anna, data={"answer": "refuse"})).status == 204
        assert (await admitted.post(path, form, stage.anna, data={"answer": "refuse"})).status == 403
        async with admitted.page(tablet) as second:
            assert (await second.join(stage.call))["code"] == "seat_taken"
        await anna.hear("call.second_device")
        assert [m for m in await anna.everything() if m["type"] == "call.second_device"] == []


async def test_hold_refuses_text_and_lets_the_connection_live(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await stage.do(service.hold, stage.visit_id, "Ik zoek iets op", None)
        assert (await fatima.hear("call.hold"))["reason"] == "Ik zoek iets op"
        assert (await fatima.ask("text", text_seq=0, text="a"))["code"] == "on_hold"
        assert (await fatima.ask("signal", **ANNA, **OFFER))["type"] == "ok"
        await stage.do(service.resume, stage.visit_id)
        assert (await fatima.hear("call.hold"))["on"] is False
        assert (await fatima.ask("text", text_seq=0, text="a"))["type"] == "ok"


async def test_an_ended_call_says_so_and_its_log_is_gone(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.ask("text", text_seq=0, text="geheim")
        await stage.do(service.end, stage.visit_id, "ended")
        assert (await fatima.hear("call.ended"))["why"] == "ended"
        assert (await anna.hear("call.ended"))["why"] == "ended"
        assert (await fatima.ask("text", text_seq=0, text="a"))["code"] == "call_over"
        assert (await fatima.join(stage.call))["code"] == "call_over"
        log = bus_of(admitted).read_after(topic, bus_of(admitted)._id(0))
        assert [entry.message["type"] for entry in log.entries] == ["call.ended"] and log.gap
    await stage.do(service.end, stage.visit_id, "ended")
    seen = await stage.do(service.participants_seen, stage.visit_id)
    assert [(s.participant, s.left_at is not None) for s in seen] == [("citizen", True), ("staff", True)]


async def test_media_and_socket_of_fatima_lost_for_fifteen_seconds_are_announced_once(
    admitted: Site, clock: Clock
) -> None:
    stage, topic, works = admitted.stage, admitted.stage.call.topic, admitted.stage.works
    clock.move(seconds=61)
    async with admitted.page(stage.anna, topic) as anna:
        async with admitted.page(stage.fatima, topic) as fatima:
            await both_in(admitted, anna, fatima)
            await anna.report("citizen")
        await anna.hear("call.presence")
        clock.move(seconds=60)
        await absence.sweep(works)
        assert stage.names_of_events() == ["CallConnected"]  # Anna still hears her
        await anna.report("citizen", is_connected=False)
        clock.move(seconds=14)
        await absence.sweep(works)
        assert stage.names_of_events() == ["CallConnected"]
        clock.move(seconds=1)
        await absence.sweep(works)
        await absence.sweep(works)
        assert stage.heard[1:] == [PairLost(stage.visit_id, "citizen")]
        async with admitted.page(stage.fatima, topic) as fatima:
            await fatima.join(stage.call)
            await fatima.report("staff")
        assert stage.names_of_events() == ["CallConnected", "PairLost", "PairBack"]


async def test_signing_in_is_no_loss_for_ten_minutes(admitted: Site, clock: Clock) -> None:
    stage, topic, works = admitted.stage, admitted.stage.call.topic, admitted.stage.works
    clock.move(seconds=61)
    async with admitted.page(stage.anna, topic) as anna:
        async with admitted.page(stage.fatima, topic) as fatima:
            await both_in(admitted, anna, fatima)
            await fatima.report("staff")
            await fatima.ask("call.away", why="signing_in")
        assert (await anna.hear("call.presence"))["why"] == "signing_in"
        await anna.report("citizen", is_connected=False)
        clock.move(seconds=590)
        await absence.sweep(works)
        assert stage.names_of_events() == ["CallConnected"]
        clock.move(seconds=30)
        await absence.sweep(works)
        assert stage.heard[-1] == PairLost(stage.visit_id, "citizen")


async def test_both_saying_that_the_pair_is_down_is_a_loss_and_after_a_minute_more(
    admitted: Site, clock: Clock
) -> None:
    stage, topic, works = admitted.stage, admitted.stage.call.topic, admitted.stage.works
    clock.move(seconds=61)
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.report("staff")
        await fatima.report("staff", is_connected=False)
        await anna.report("citizen", is_connected=False)
        clock.move(seconds=16)
        await absence.sweep(works)
        assert stage.heard[-1] == PairLost(stage.visit_id, "pair")
        clock.move(seconds=45)
        await absence.sweep(works)
        await absence.sweep(works)
        assert stage.names_of_events() == ["CallConnected", "PairLost", "PairStayedDown"]


async def test_after_a_restart_seats_come_back_and_no_clock_ends_anything_for_a_minute(
    admitted: Site, clock: Clock
) -> None:
    stage, works = admitted.stage, admitted.stage.works
    async with (
        admitted.page(stage.anna, stage.call.topic) as anna,
        admitted.page(stage.fatima, stage.call.topic, page_id="page-fatima") as before,
    ):
        await both_in(admitted, anna, before)
        await before.report("staff")
    clock.move(minutes=5)
    works.put(Bus, Bus())  # what a new process has
    roster.roster_of(works.get(Bus), clock.now)
    clock.move(seconds=59)
    await absence.sweep(works)
    assert stage.names_of_events() == ["CallConnected"]
    async with admitted.page(stage.fatima, stage.call.topic, page_id="page-fatima") as fatima:
        fatima.seq = before.seq
        joined = await fatima.join(stage.call, epoch=1)
        assert (joined["epoch"], joined["begun"]) == (1, True)
        assert {p["participant"]: p["epoch"] for p in joined["participants"]} == {"citizen": 1, "staff": 1}
        await fatima.report("staff")
        clock.move(seconds=2)
        await absence.sweep(works)
        assert stage.names_of_events() == ["CallConnected"]
        await fatima.report("staff", is_connected=False)
        clock.move(seconds=16)
        await absence.sweep(works)
        assert stage.heard[-1] == PairLost(stage.visit_id, "staff")


async def test_a_conversation_in_text_needs_no_connection(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await anna.join(stage.call)
        await stage.begin()
        await fatima.join(stage.call, audio="none", video="none")
        assert stage.names_of_events() == ["CallConnected"]


async def test_the_ring_counts_once_and_only_from_fatima(admitted: Site) -> None:
    stage = admitted.stage
    async with admitted.page(stage.fatima) as fatima, admitted.page(stage.anna) as anna:
        assert (await fatima.ask("ring.seen", visit=stage.visit_id))["type"] == "ok"
        assert (await fatima.ask("ring.seen", visit=stage.visit_id))["type"] == "ok"
        assert (await anna.ask("ring.seen", visit=stage.visit_id))["code"] == "not_allowed"
    assert stage.names_of_events() == ["RingSeen"]


async def test_the_beacon_of_a_page_that_goes_frees_its_seat(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await fatima.report("staff")
        sent = {"topic": topic, "page_id": fatima.page_id, "why": "page_gone"}
        assert (await admitted.post("/gesprek/weg", "calls.page_gone", stage.fatima, data=sent)).status == 204
        assert (await anna.hear("call.presence"))["why"] == "page_gone"
        async with admitted.page(stage.fatima, topic) as after_reload:
            assert (await after_reload.join(stage.call))["epoch"] == 2


async def test_leaving_gives_the_seat_up(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        assert (await fatima.ask("call.leave", why="hung_up"))["type"] == "ok"
        left = await anna.hear("call.presence")
        assert (left["presence"], left["why"]) == ("left", "hung_up")
        assert (await fatima.ask("state", audio="on"))["code"] == "not_in_call"
        assert (await anna.ask("signal", **FATIMA, **OFFER))["code"] == "no_such_participant"
        assert (await fatima.join(stage.call))["epoch"] == 2


async def test_one_description_has_at_most_sixty_four_candidates_and_twelve_media_lines(admitted: Site) -> None:
    stage, topic = admitted.stage, admitted.stage.call.topic
    async with admitted.page(stage.anna, topic) as anna, admitted.page(stage.fatima, topic) as fatima:
        await both_in(admitted, anna, fatima)
        await anna.ask("signal", **FATIMA, **OFFER)
        candidates = [{"candidate": f"candidate:{n}"} for n in range(16)]
        answers = [await anna.ask("signal", **FATIMA, candidates=candidates) for _ in range(4)]
        assert [answer["type"] for answer in answers] == ["ok"] * 4
        assert (await anna.ask("signal", **FATIMA, candidates=candidates[:1]))["code"] == "too_big"
        assert (await anna.ask("signal", **FATIMA, **OFFER))["type"] == "ok"
        assert (await anna.ask("signal", **FATIMA, candidates=candidates))["type"] == "ok"
        for lines, code in ((12, None), (13, "too_big")):
            sdp = "v=0\r\n" + "m=audio 9 x 0\r\n" * lines
            answer = await anna.ask("signal", **FATIMA, description={"type": "offer", "sdp": sdp})
            assert answer.get("code") == code
