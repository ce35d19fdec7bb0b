"""One streamed form: what is taken, what is refused, and what stays behind after each."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from balie.documents import store
from balie.documents.rules import UploadLimits
from balie.documents.vault import Vault
from balie.ids import new_id
from tests.documents.stage import Site, a_citizen, a_pdf, a_photo, sha256

MIB = 1024 * 1024


async def _nothing_kept(site: Site) -> None:
    assert await site.stage.documents() == []
    assert site.stage.files() == []
    assert await site.stage.count(store.upload, store.upload.c.state == "receiving") == 0


async def test_fatima_sends_ten_megabytes_and_every_byte_is_kept(site: Site) -> None:
    file = a_pdf() + b"\n" + bytes(10 * MIB)
    answer = await site.send(file)
    assert answer.status == 201
    document = await site.stage.document()
    assert (await answer.json()) == {"document_id": document.id, "state": "offered"}
    assert document.sha256_sent == sha256(file) and document.size == len(file)
    assert (await site.stage.request()).state == "answered"
    (lying,) = site.stage.files()
    assert b"huurcontract" not in lying.read_bytes() and a_pdf()[:16] not in lying.read_bytes()


async def test_no_byte_of_a_file_passes_a_temporary_folder(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def spool(*_arguments: object, **_named: object) -> None:
        raise AssertionError("a file in a temporary folder")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, spool)
    assert (await site.send(a_pdf() + bytes(2 * MIB))).status == 201


async def test_the_server_itself_still_spools_a_posted_file_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    spooled = []

    def spool(*_arguments: object, **_named: object) -> io.BytesIO:
        spooled.append(True)
        return io.BytesIO()

    monkeypatch.setattr(tempfile, "TemporaryFile", spool)

    async def view(request: web.Request) -> web.Response:
        await request.post()
        return web.Response()

    app = web.Application(client_max_size=10 * MIB)
    app.router.add_post("/", view)
    async with TestClient(TestServer(app)) as client:
        form = FormData()
        form.add_field("file", io.BytesIO(bytes(8 * MIB)), filename="huurcontract.pdf")
        await client.post("/", data=form)
    assert spooled


async def test_without_scripts_the_form_leads_back_to_the_conversation(site: Site) -> None:
    answer = await site.send(a_pdf(), Accept="text/html")
    assert answer.status == 303 and answer.headers["Location"] == "/gesprek"


async def test_the_same_offer_again_is_the_same_document(site: Site) -> None:
    offer = new_id()
    first = await (await site.send(a_pdf(), offer=offer)).json()
    again = await site.send(a_pdf(), offer=offer)
    assert again.status == 201 and (await again.json())["document_id"] == first["document_id"]
    assert len(await site.stage.documents()) == 1


async def test_the_same_offer_after_a_new_sign_in_is_the_same_document(site: Site) -> None:
    offer = new_id()
    stranger = a_citizen("x")
    answer = await site.post("/gesprek/documenten", "documents.offer", stranger, data={"offer": offer})
    site.actors.clear()
    gone = await site.http.post(site.server.make_url("/gesprek/documenten"), headers={"Accept": "application/json"})
    assert gone.status == 401 and answer.status != 201
    first = await (await site.send(a_pdf(), offer=offer)).json()
    new_session = a_citizen(site.stage.appointment_id)
    again = await site.send(a_pdf(), actor=new_session, offer=offer)
    assert (await again.json())["document_id"] == first["document_id"]


@pytest.mark.parametrize("kind", ["html", "svg", "zip"])
async def test_a_file_of_another_kind_is_refused_by_its_first_bytes(site: Site, kind: str) -> None:
    file = {"html": b"<!doctype html><p>", "svg": b"<svg xmlns=''/>", "zip": b"PK\x03\x04 and so on"}[kind]
    answer = await site.send(file, name="huurcontract.jpg")
    assert answer.status == 415 and (await answer.json())["code"] == "file_refused"
    await _nothing_kept(site)


async def test_an_empty_file_is_refused(site: Site) -> None:
    answer = await site.send(b"")
    assert answer.status == 400 and (await answer.json())["code"] == "file_refused"
    await _nothing_kept(site)


async def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    headers = site.headers(site.stage.fatima, "documents.offer")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: multipart/form-data; boundary=x", f"Content-Length: {200 * MIB}", "Host: localhost"]
    writer.write(("POST /gesprek/documenten HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    answer = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert b" 413 " in answer
    await _nothing_kept(site)


async def test_a_body_without_length_is_cut_at_the_limit(site: Site) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"%PDF-1.7\n"
        for _ in range(40):
            sent += MIB
            yield bytes(MIB)

    answer = await site.send(endless())
    assert answer.status == 413
    assert sent <= 40 * MIB
    await _nothing_kept(site)


@pytest.mark.parametrize("length", ["1_000", "+5", "٣", "-1"])
async def test_odd_lengths_are_refused(length: str) -> None:
    from aiohttp.test_utils import make_mocked_request

    from balie.documents.uploads import _declared_length
    from balie.errors import BadField

    request = make_mocked_request("POST", "/", headers={"Content-Length": length})
    with pytest.raises(BadField):
        _declared_length(request, UploadLimits())


async def test_bytes_that_come_too_slowly_are_refused(site: Site) -> None:
    site.stage.works.put(UploadLimits, UploadLimits(window_s=0.3))
    release = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n"
        await release.wait()
        yield b"late"

    sending = asyncio.ensure_future(site.send(slow()))
    answer = await asyncio.wait_for(sending, 10)
    release.set()
    assert answer.status == 408
    await _nothing_kept(site)


async def test_the_eleventh_file_is_refused(site: Site) -> None:
    request = await site.stage.request()
    for _ in range(10):
        assert (await site.send(a_photo(), request_id=request.id)).status == 201
    answer = await site.send(a_photo(), request_id=request.id)
    assert answer.status == 409 and (await answer.json())["code"] == "too_many_files"
    assert len(await site.stage.documents()) == 10


async def test_a_hundred_megabytes_for_one_visit_is_the_end(site: Site) -> None:
    site.stage.works.put(UploadLimits, UploadLimits(visit_bytes=3000))
    assert (await site.send(a_pdf() + bytes(1500))).status == 201
    answer = await site.send(a_pdf() + bytes(1500))
    assert answer.status == 409
    assert len(await site.stage.documents()) == 1


async def test_the_fourth_file_at_once_waits(site: Site) -> None:
    release = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n" + bytes(70_000)
        await release.wait()
        yield b"end"

    sending = [asyncio.ensure_future(site.send(held())) for _ in range(3)]

    async def are_three() -> bool:
        return await site.stage.count(store.upload, store.upload.c.state == "receiving") == 3

    await site.stage.until(are_three)
    answer = await site.send(a_pdf())
    assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0
    release.set()
    assert [one.status for one in await asyncio.gather(*sending)] == [201, 201, 201]


async def test_a_nearly_full_disk_takes_nothing(site: Site) -> None:
    folder = site.stage.works.get(Vault).folder
    site.stage.works.put(Vault, Vault(folder, free_share=lambda _: 0.09))
    answer = await site.send(a_pdf())
    assert answer.status == 507 and "Retry-After" in answer.headers
    await _nothing_kept(site)


async def test_a_broken_connection_keeps_nothing_and_the_same_file_can_be_sent_again(site: Site) -> None:
    offer = new_id()
    started = asyncio.Event()

    async def breaking() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n" + bytes(300_000)
        started.set()
        await asyncio.Event().wait()

    sending = asyncio.ensure_future(site.send(breaking(), offer=offer))
    await asyncio.wait_for(started.wait(), 10)

    async def is_coming() -> bool:
        return await site.stage.count(store.upload, store.upload.c.state == "receiving") == 1

    await site.stage.until(is_coming)
    sending.cancel()

    async def is_cleared() -> bool:
        return await site.stage.count(store.upload, store.upload.c.is_stored.is_(False)) == 1

    await site.stage.until(is_cleared)
    await _nothing_kept(site)
    assert (await site.send(a_pdf(), offer=offer)).status == 201


async def test_a_form_without_proof_of_origin_is_refused(site: Site) -> None:
    answer = await site.send(a_pdf(), **{"X-Balie-CSRF": "x"})
    assert answer.status == 403
    await _nothing_kept(site)


async def test_what_is_no_form_or_holds_strange_fields_is_refused(site: Site) -> None:
    fatima = site.stage.fatima
    plain = await site.post("/gesprek/documenten", "documents.offer", fatima, data=b"x")
    assert plain.status == 415
    broken = await site.post(
        "/gesprek/documenten",
        "documents.offer",
        fatima,
        data=b"x",
        **{"Content-Type": "multipart/form-data; boundary=y"},
    )
    assert broken.status == 400
    strange = await site.post(
        "/gesprek/documenten", "documents.offer", fatima, data={"bsn": "x", "file": io.BytesIO(a_pdf())}
    )
    assert strange.status in (400, 415)
    await _nothing_kept(site)


async def test_a_file_for_what_nobody_asks_or_after_cancelling_is_refused(site: Site) -> None:
    request = await site.stage.request()
    assert (await site.send(a_pdf(), request_id=new_id())).status == 404
    await site.stage.set_appointment(state="cancelled")
    assert (await site.send(a_pdf(), request_id=request.id)).status == 403
    await _nothing_kept(site)


async def test_names_never_become_paths_or_headers(site: Site) -> None:
    name = "..\\../a\u202egpj.exe\u0000 " + "x" * 500 + ".pdf"
    assert (await site.send(a_pdf(), name=name.replace("\u0000", ""))).status == 201
    document = await site.stage.document()
    assert document.name is not None and len(document.name) <= 120
    assert not set(document.name) & set("/\\\u202e\r\n")
