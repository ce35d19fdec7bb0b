"""kill -9 at every moment of an upload: what was committed is there once, of the rest nothing after the next start."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from balie.documents import looking, offering, store
from balie.documents.vault import Vault
from balie.ids import new_id
from tests.documents.stage import Site, Stage, a_pdf, sha256

ROOT = Path(__file__).resolve().parents[2]
FILE = a_pdf("Huurcontract") + bytes(600_000)


async def _killed(stage: Stage, moment: str, offer: str) -> None:
    path = stage.works.settings.data_dir / "file.pdf"
    path.write_bytes(FILE)
    given = {
        "data_dir": str(stage.works.settings.data_dir),
        "now": stage.works.clock().isoformat(),
        "session_id": stage.fatima.session_id,
        "appointment_id": stage.appointment_id,
        "request_id": (await stage.request()).id,
        "offer": offer,
        "moment": moment,
        "file": str(path),
        "sha256": sha256(FILE),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.documents.killed", json.dumps(given), cwd=ROOT
    )
    assert await asyncio.wait_for(child.wait(), 30) == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["while bytes come", "before the rename", "after the rename", "before the commit"])
async def test_what_was_not_committed_leaves_nothing_after_the_next_start(site: Site, moment: str) -> None:
    stage, offer = site.stage, new_id()
    await _killed(stage, moment, offer)
    assert stage.files() and await stage.documents() == []
    await offering.clear_stale(stage.works)
    assert stage.files() == []
    assert await stage.count(store.upload, store.upload.c.state == "receiving") == 0
    assert (await stage.request()).state == "asked"
    assert (await site.send(FILE, offer=offer)).status == 201


async def test_what_was_committed_is_there_once_when_the_answer_never_came(site: Site) -> None:
    stage, offer = site.stage, new_id()
    await _killed(stage, "before the answer", offer)
    await offering.clear_stale(stage.works)
    again = await site.send(FILE, offer=offer)
    document = await stage.document()
    assert (await again.json())["document_id"] == document.id
    await stage.run_jobs()
    assert (await stage.document()).state == "scanned"
    content = await stage.do(_original, document.id)
    assert await stage.works.get(Vault).read(content.object_name, content.key, content.place) == FILE


async def _original(work, document_id: str) -> looking.Content:  # type: ignore[no-untyped-def]
    document = await store.document_by_id(work, document_id)
    assert document is not None
    return await looking.content_of(work, document, "original")


async def test_a_file_that_still_comes_is_left_alone_until_its_time_is_over(site: Site) -> None:
    stage, release = site.stage, asyncio.Event()

    async def held():  # type: ignore[no-untyped-def]
        yield FILE
        await release.wait()
        yield b"end"

    sending = asyncio.ensure_future(site.send(held()))

    async def is_coming() -> bool:
        return await stage.count(store.upload, store.upload.c.state == "receiving") == 1

    await stage.until(is_coming)
    await offering.clear_stale(stage.works)
    assert await is_coming()
    stage.works.clock.now += timedelta(hours=2)  # type: ignore[attr-defined]
    await offering.clear_stale(stage.works)
    assert not await is_coming()
    release.set()
    answer = await sending
    assert answer.status == 410 and await stage.documents() == []
    assert stage.files() == []
