"""Who may see what: the matrix over every address of documents, the letterbox rule, check-in, a lost proof."""

from __future__ import annotations

import re

from balie.actors import ANONYMOUS, Actor, ActorKind
from balie.documents import service, store, views, wiring
from balie.documents.answers import disposition
from balie.ids import new_id
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.privacy.store import audit_log, processing_log
from balie.web.features import Route
from tests.conftest import Clock
from tests.documents.stage import Site, a_citizen, a_pdf, a_photo, sha256


async def _given(site: Site, file: bytes | None = None) -> str:
    """A scanned document of Fatima."""
    await site.send(file or a_pdf("Huurcontract"))
    await site.stage.run_jobs()
    return (await site.stage.document()).id


def _path(route_path: str, site: Site, document_id: str, request_id: str) -> str:
    values = {
        "document_id": document_id, "visit_id": site.stage.visit_id, "request_id": request_id, "n": "1", "ticket": "t",
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], route_path)


async def test_nobody_else_gets_anything_at_any_address(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    before = await site.stage.document()
    request_id = (await site.stage.request()).id
    strangers = {
        "another citizen": a_citizen(new_id()),
        "interpreter": a_citizen(site.stage.appointment_id, ActorKind.GUEST, "guest-1"),
        "colleague": site.stage.bram,
        "nobody": ANONYMOUS,
    }
    for route in wiring.ROUTES:
        for who, actor in strangers.items():
            status, body = await _try(site, route, _path(route.path, site, document_id, request_id), actor)
            is_own_list = route.view is views.own and who == "another citizen"
            assert status in ((200, 404) if is_own_list else (401, 403, 404, 415)), (route.name, who, status)
            if who == "interpreter":
                assert status in (401, 403), (route.name, status)
            assert b"Huurcontract" not in body and document_id.encode() not in body
    assert await site.stage.document() == before


async def _try(site: Site, route: Route, path: str, actor: Actor) -> tuple[int, bytes]:
    if route.method == "GET":
        answer = await site.get(path, actor)
    else:
        fields = {"from_outside": "ja", "title": "x", "reason": "no_paper"}
        answer = await site.post(path, route.name, actor, fields)
    return answer.status, await answer.read()


async def test_a_second_session_of_the_same_link_sees_nothing_of_the_first(site: Site) -> None:
    document_id = await _given(site)
    second = a_citizen(site.stage.appointment_id)
    for path in (f"/{document_id}", f"/{document_id}/bladzijde/1"):
        assert (await site.get(f"/gesprek/documenten{path}", second)).status == 404
    for path, form in (("intrekken", "withdraw"), ("origineel", "ask_original")):
        answer = await site.post(f"/gesprek/documenten/{document_id}/{path}", f"documents.{form}", second)
        assert answer.status == 404
    assert (await (await site.get("/gesprek/documenten", second)).json()) == {"documents": []}
    cards = await site.stage.do(service.asks_of_citizen, appointment_id=site.stage.appointment_id, actor=second)
    assert cards == []


async def test_who_has_signed_in_opens_what_was_given_in_an_earlier_session(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    second = a_citizen(site.stage.appointment_id)
    await site.stage.confirm()
    assert (await site.get(f"/gesprek/documenten/{document_id}/bladzijde/1", second)).status == 200


async def test_the_giver_sees_its_own_pages_as_pictures_of_our_making(site: Site) -> None:
    document_id = await _given(site)
    answer = await site.get(f"/gesprek/documenten/{document_id}/bladzijde/1", site.stage.fatima)
    assert answer.status == 200 and (await answer.read())[8:12] == b"WEBP"
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_page_that_is_not_there_is_not_found(site: Site) -> None:
    document_id = await _given(site)
    for number in ("0", "-1", "2", "1_0", "٣", "99999"):
        path = f"/gesprek/documenten/{document_id}/bladzijde/{number}"
        assert (await site.get(path, site.stage.fatima)).status == 404, number


async def test_before_check_in_staff_see_nothing_of_what_was_given(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.do(service.grant_access, site.stage.visit_id, "staff", site.stage.anna.id)
    path = f"/medewerker/documenten/{document_id}/bladzijde/1"
    assert (await site.get(path, site.stage.anna)).status == 404
    await site.stage.check_in()
    assert (await site.get(path, site.stage.anna)).status == 200


async def test_while_it_is_unsure_who_sits_there_content_is_closed_and_new_papers_come_in(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    await site.stage.confirm("unconfirmed")
    path = f"/medewerker/documenten/{document_id}"
    assert (await site.get(f"{path}/bladzijde/1", site.stage.anna)).status == 403
    original = await site.post(
        f"{path}/origineel", "documents.staff_ask_original", site.stage.anna, {"from_outside": "ja"}
    )
    assert original.status == 403
    shown = await site.post(f"{path}/tonen", "documents.show", site.stage.anna, {"page": "1"})
    assert shown.status == 403
    again = await site.stage.do(
        service.ask, visit_id=site.stage.visit_id, appointment_id=site.stage.appointment_id, title="Nog iets"
    )
    assert (await site.send(a_pdf(), request_id=again.id)).status == 201


async def test_staff_whose_right_ended_see_nothing(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    await site.stage.do(service.withdraw_access, site.stage.visit_id, "staff")
    assert (await site.get(f"/medewerker/documenten/{document_id}/bladzijde/1", site.stage.anna)).status == 404


async def test_each_opening_by_staff_is_in_both_logs_and_the_giver_reads_when_it_was_seen(site: Site) -> None:
    document_id = await _given(site)
    await site.stage.check_in()
    before = await site.stage.count(processing_log), await site.stage.count(audit_log)
    await site.get(f"/medewerker/documenten/{document_id}/bladzijde/1", site.stage.anna)
    assert await site.stage.count(processing_log) == before[0] + 1
    assert await site.stage.count(audit_log, audit_log.c.action == "documents.open") == 1
    document = await site.stage.document()
    assert document.state == "shown" and document.shown_at is not None
    (line,) = await site.stage.do(service.receipt_of, appointment_id=site.stage.appointment_id, actor=site.stage.fatima)
    assert line.seen_at == document.shown_at


# --- the original


async def test_an_original_leaves_once_as_an_attachment(site: Site, clock: Clock) -> None:
    file = a_pdf("Origineel")
    document_id = await _given(site, file)
    ask = f"/gesprek/documenten/{document_id}/origineel"
    ticket = (await site.post(ask, "documents.ask_original", site.stage.fatima)).headers["Location"]
    other_session = a_citizen(site.stage.appointment_id)
    assert (await site.get(ticket, other_session)).status == 404
    answer = await site.get(ticket, site.stage.fatima)
    assert answer.status == 200 and sha256(await answer.read()) == sha256(file)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="huurcontract.pdf"')
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert (await site.get(ticket, site.stage.fatima)).status == 404
    late = (await site.post(ask, "documents.ask_original", site.stage.fatima)).headers["Location"]
    clock.move(seconds=61)
    assert (await site.get(late, site.stage.fatima)).status == 404


async def test_the_audit_line_stands_before_the_first_byte(site: Site) -> None:
    document_id = await _given(site)
    for path in site.stage.files():
        path.write_bytes(path.read_bytes()[:-1])  # nothing can leave now
    ask = f"/gesprek/documenten/{document_id}/origineel"
    ticket = (await site.post(ask, "documents.ask_original", site.stage.fatima)).headers["Location"]
    answer = await site.get(ticket, site.stage.fatima)
    assert answer.status == 404 and await answer.read() != b""
    assert await site.stage.count(audit_log, audit_log.c.action == "documents.download") == 1


async def test_staff_take_an_original_only_when_it_was_checked_and_they_know_where_it_comes_from(site: Site) -> None:
    document_id = await _given(site, a_photo())
    await site.stage.check_in()
    path = f"/medewerker/documenten/{document_id}/origineel"
    form = "documents.staff_ask_original"
    assert (await site.post(path, form, site.stage.anna, {})).status == 400
    assert (await site.post(path, form, site.stage.anna, {"from_outside": "ja"})).status == 403
    table = store.document
    async with site.stage.works.begin(site.stage.anna, HANDLE_DOCUMENT) as work:
        await work.db.execute(table.update().values(is_virus_checked=True))
    answer = await site.post(path, form, site.stage.anna, {"from_outside": "ja"})
    assert answer.status == 303
    assert (await site.get(answer.headers["Location"], site.stage.anna)).status == 200


def test_a_file_name_is_one_name_in_one_header() -> None:
    for name in ('a";filename=b', "a\r\nSet-Cookie: x", "../../etc/passwd", "x" * 5000, "ünïcode ☎.pdf", "", "."):
        made = disposition(name, "pdf")
        assert "\r" not in made and "\n" not in made and made.count('"') == 2
        assert made.startswith("attachment; ") and made.isascii()
        assert "/" not in made.split("''")[1]
