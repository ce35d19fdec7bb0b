"""From offered to scanned: what reaches it, what is refused and why, and what is left of a picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from balie.documents import checking, looking, service, store, wiring
from balie.documents.rules import UploadLimits, kind_of_head
from balie.documents.sandbox import Sandbox, Unreadable
from balie.documents.vault import Vault
from balie.external.virus_scanner import Verdict, VirusScanner
from tests.conftest import Clock
from tests.documents.stage import Site, Stage, a_pdf, a_photo, a_scanner, sha256


async def _original(stage: Stage) -> bytes:
    document = await stage.document()

    async def content(work: object) -> looking.Content:
        return await looking.content_of(work, document, "original")  # type: ignore[arg-type]

    found: looking.Content = await stage.do(content)
    return await stage.works.get(Vault).read(found.object_name, found.key, found.place)


async def test_a_pdf_becomes_pages_with_their_text_and_stays_byte_for_byte(site: Site) -> None:
    file = a_pdf("Huurcontract van Fatima", "Bladzijde twee")
    await site.send(file)
    await site.stage.run_jobs()
    document = await site.stage.document()
    assert (document.state, document.pages, document.is_virus_checked) == ("scanned", 2, False)
    assert document.sha256_kept == document.sha256_sent == sha256(file)
    assert await _original(site.stage) == file
    pages = await site.stage.do(store.pages_of, document.id)
    assert [page.text.strip() for page in pages] == ["Huurcontract van Fatima", "Bladzijde twee"]
    assert (pages[0].width, pages[0].height) == (1240, 1755)


async def test_the_quarantined_bytes_and_their_key_are_gone_after_the_check(site: Site) -> None:
    await site.send(a_pdf("geheim " * 40))
    await site.stage.run_jobs()
    (upload,) = await site.stage.do(store.uploads_where)
    assert upload.wrapped_key is None
    assert not site.stage.works.get(Vault).path(upload.object_name).exists()
    assert sorted(path.name for path in site.stage.files()) == ["original", "page-1"]
    assert not any(b"geheim" in path.read_bytes() for path in site.stage.files())


async def test_a_photo_stands_upright_and_keeps_nothing_but_its_pixels(site: Site) -> None:
    sent = a_photo(120, 80)
    assert b"SECRETCOMMENT" in sent and b"SECRETMAKER" in sent
    await site.send(sent, name="foto.jpg")
    await site.stage.run_jobs()
    kept = await _original(site.stage)
    image = Image.open(io.BytesIO(kept))
    assert image.size == (80, 120)
    red, green, _ = image.getpixel((60, 20))  # type: ignore[misc]
    assert red > 200 and green < 60  # what lay at the left top lies at the right top once upright
    assert not image.info.get("comment") and not image.getexif()
    for trace in (b"SECRET", b"Exif", b"http://ns.adobe.com", b"<script>"):
        assert trace not in kept
    document = await site.stage.document()
    assert document.sha256_kept == sha256(kept) != document.sha256_sent == sha256(sent)


def test_the_first_bytes_alone_still_let_a_lie_through() -> None:
    assert kind_of_head(b"\xff\xd8\xff\xe0<html>") == "jpeg"
    assert kind_of_head(b"\0%PDF-1.7") is None


def test_pillow_still_keeps_the_comment_when_it_saves_again() -> None:
    packed = io.BytesIO()
    image = Image.open(io.BytesIO(a_photo()))
    image.save(packed, "JPEG")
    assert b"SECRETCOMMENT" in packed.getvalue()


@pytest.mark.parametrize(
    ("kind", "why"),
    [("liar", "unreadable"), ("cut", "unreadable"), ("locked", "encrypted"), ("long", "too_many_pages")],
)
async def test_a_file_that_lies_or_cannot_be_read_is_refused_with_a_reason(site: Site, kind: str, why: str) -> None:
    file = {
        "liar": b"\xff\xd8\xff\xe0<html><script>alert(1)</script></html>",
        "cut": a_photo(600, 600, noise=True)[:4000],
        "locked": a_pdf(encrypted=True),
        "long": a_pdf(*["x"] * 201),
    }[kind]
    assert (await site.send(file)).status == 201
    await site.stage.run_jobs()
    document = await site.stage.document()
    assert (document.state, document.refusal, document.name) == ("refused", why, None)
    assert (await site.stage.request()).state == "asked"
    assert site.stage.files() == []
    assert await site.stage.count(store.document_key) == 0


async def test_a_bomb_of_pixels_and_an_animation_are_refused() -> None:
    sandbox = Sandbox()
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, "PNG")
    frames = io.BytesIO()
    one = Image.new("RGB", (4, 4))
    one.save(frames, "PNG", save_all=True, append_images=[Image.new("RGB", (4, 4), "red")])
    for file in (bomb.getvalue(), frames.getvalue()):
        with pytest.raises(Unreadable):
            await sandbox.look(file)


async def test_a_child_over_its_time_is_stopped() -> None:
    with pytest.raises(Unreadable):
        await Sandbox(wall_s=0.01).look(a_pdf())


async def test_the_sandbox_says_which_walls_stand() -> None:
    walls = await Sandbox().walls()
    assert {"memory", "cpu", "no_written_files", "no_files"} <= set(walls)


async def test_inside_the_walls_nothing_can_be_opened_or_reached() -> None:
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "import socket, os\n"
        "from balie.documents import walls\n"
        "walls.raise_outer(); walls.raise_inner()\n"
        "def no(act):\n"
        "    try:\n        act()\n        return b'yes'\n"
        "    except OSError:\n        return b'no'\n"
        "answers = [no(lambda: open('/etc/passwd')), no(lambda: open('/tmp/x', 'w')),"
        " no(lambda: socket.socket().connect(('127.0.0.1', 22))), no(lambda: os.fork())]\n"
        "sys.stdout.buffer.write(b' '.join(answers))\n"
    )
    answers = (await Sandbox()._run(program, b"")).split()
    assert answers[:3] == [b"no", b"no", b"no"]
    if "system_calls" in await Sandbox().walls():
        assert answers[3] == b"no"


async def test_a_clean_verdict_of_the_scanner_releases_a_document(site: Site) -> None:
    async with a_scanner(b"stream: OK\0") as (address, streams):
        site.stage.works.put(VirusScanner, VirusScanner(address))
        file = a_pdf()
        await site.send(file)
        await site.stage.run_jobs()
    document = await site.stage.document()
    assert document.state == "scanned" and document.is_virus_checked
    assert streams == [file]


async def test_at_the_start_the_scanner_must_take_a_file_of_the_largest_size(stage: Stage) -> None:
    async with a_scanner(b"stream: OK\0") as (address, streams):
        stage.works.put(VirusScanner, VirusScanner(address))
        await wiring._check_scanner(stage.works)
    assert [len(one) for one in streams] == [UploadLimits().file_bytes]


async def test_malware_is_destroyed_at_once(site: Site) -> None:
    async with a_scanner(b"stream: Eicar-Test-Signature FOUND\0") as (address, _):
        site.stage.works.put(VirusScanner, VirusScanner(address))
        await site.send(a_pdf())
        await site.stage.run_jobs()
    document = await site.stage.document()
    assert (document.state, document.refusal) == ("refused", "malware")
    assert site.stage.files() == []


@pytest.mark.parametrize(
    "answer", [b"INSTREAM size limit exceeded. ERROR\0", b"\xff\xfe garbage", b"stream: OK maybe", None]
)
async def test_everything_else_is_no_verdict(answer: bytes | None) -> None:
    async def stream():  # type: ignore[no-untyped-def]
        yield b"file"

    async with a_scanner(answer) as (address, _):
        assert (await VirusScanner(address).scan(stream())).verdict is Verdict.NONE


async def test_while_the_scanner_is_down_a_document_waits_and_a_later_verdict_releases_it(
    site: Site, clock: Clock
) -> None:
    site.stage.works.put(VirusScanner, VirusScanner("127.0.0.1:1"))
    await site.send(a_pdf())
    assert await site.stage.run_jobs() == 1
    assert (await site.stage.document()).state == "offered"
    clock.move(seconds=9)
    assert await site.stage.run_jobs() == 0
    async with a_scanner(b"stream: OK\0") as (address, _):
        site.stage.works.put(VirusScanner, VirusScanner(address))
        clock.move(seconds=2)
        await site.stage.run_jobs()
    assert (await site.stage.document()).state == "scanned"


async def test_after_a_day_without_a_verdict_it_is_refused(site: Site, clock: Clock) -> None:
    site.stage.works.put(VirusScanner, VirusScanner("127.0.0.1:1"))
    await site.send(a_pdf())
    await site.stage.run_jobs()
    clock.move(hours=24)
    await site.stage.run_jobs()
    document = await site.stage.document()
    assert (document.state, document.refusal) == ("refused", "unchecked")


async def test_a_step_that_is_repeated_does_no_harm(site: Site) -> None:
    await site.send(a_pdf())
    document = await site.stage.document()
    for _ in range(2):
        await checking.check(site.stage.works, {"document_id": document.id})
    await site.stage.run_jobs()
    assert (await site.stage.document()).state == "scanned"
    assert await site.stage.count(store.document_key) == 1


async def test_a_document_withdrawn_during_its_check_leaves_nothing(site: Site) -> None:
    await site.send(a_pdf())
    document = await site.stage.document()

    class Withdrawing(Sandbox):
        async def draw(self, *arguments, **named):  # type: ignore[no-untyped-def]
            drawn = await super().draw(*arguments, **named)
            await site.stage.do(service.withdraw, document.id, actor=site.stage.fatima)
            return drawn

    site.stage.works.put(Sandbox, Withdrawing())
    await site.stage.run_jobs()
    assert (await site.stage.document()).state == "destroyed"
    assert site.stage.files() == []
    assert await site.stage.count(store.document_key) == 0


async def test_pages_after_the_first_twenty_are_drawn_when_asked(site: Site) -> None:
    await site.send(a_pdf(*[f"blad {n}" for n in range(1, 24)]))
    await site.stage.run_jobs()
    await site.stage.check_in()
    document = await site.stage.document()
    assert len(await site.stage.do(store.pages_of, document.id)) == 20
    answer = await site.get(f"/medewerker/documenten/{document.id}/bladzijde/22", site.stage.anna)
    assert answer.status == 200 and (await answer.read())[:4] == b"RIFF"
    assert len(await site.stage.do(store.pages_of, document.id)) == 23
    assert (await site.get(f"/medewerker/documenten/{document.id}/bladzijde/24", site.stage.anna)).status == 404


async def test_an_old_verdict_is_asked_again_before_an_original_leaves(site: Site, clock: Clock) -> None:
    async with a_scanner(b"stream: OK\0") as (address, _):
        site.stage.works.put(VirusScanner, VirusScanner(address))
        await site.send(a_pdf())
        await site.stage.run_jobs()
    await site.stage.check_in()
    document = await site.stage.document()
    clock.move(hours=25)
    async with a_scanner(b"stream: Bad FOUND\0") as (address, _):
        site.stage.works.put(VirusScanner, VirusScanner(address))
        path = f"/medewerker/documenten/{document.id}/origineel"
        answer = await site.post(path, "documents.staff_ask_original", site.stage.anna, {"from_outside": "ja"})
        assert answer.status == 409
    assert (await site.stage.document()).refusal == "malware"


def test_the_limits_are_those_of_the_specification() -> None:
    limits = UploadLimits()
    assert (limits.file_bytes, limits.body_bytes) == (26_214_400, 26_214_400 + 65_536)
    assert (limits.files, limits.visit_bytes, limits.open_per_session) == (10, 104_857_600, 3)
    assert (limits.bytes_per_s * limits.window_s, limits.life.total_seconds()) == (30 * 1024, 7200)
