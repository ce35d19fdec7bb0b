"""The same on PostgreSQL: one file through the whole pipeline, and taking back against accepting, a hundred times."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from balie.bus import Bus
from balie.db import create_engine
from balie.documents import service, store
from balie.documents.rules import DocumentKind, DocumentState
from balie.errors import AlreadyAccepted, AlreadyDecided
from balie.events import Listeners
from balie.ids import DocumentId, new_id
from balie.jobs import Wake
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works
from tests.conftest import Clock, create_tables
from tests.documents.stage import Stage, a_pdf, a_site, a_stage
from tests.leaving_out import leave_out
from tests.machine import find

pytestmark = pytest.mark.postgresql
ROUNDS = 100


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A fresh PostgreSQL of this module, as an unprivileged user, for it refuses root."""
    program = find("postgres")
    if program is None:
        leave_out("PostgreSQL")
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None and user not in {entry.pw_name for entry in pwd.getpwall()}:
        leave_out("a user for PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bin_folder = Path(program).parent
    initdb = [bin_folder / "initdb", "-D", folder / "data", "-U", "balie", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(initdb, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/")
    command = [
        program, "-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-F",
    ]  # fmt: skip
    with ExitStack() as stack:
        server = subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL, cwd="/")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(server.wait, 20)
        stack.callback(server.send_signal, signal.SIGINT)  # the fast stop: nobody is waited for
        yield f"postgresql+asyncpg://balie@127.0.0.1:{port}/postgres"


@pytest.fixture
async def stage(address: str, tmp_path: Path, clock: Clock, keyring: Keyring) -> AsyncIterator[Stage]:
    """The stage on PostgreSQL."""
    settings = Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", database_url=address)
    engine = create_engine(settings.database)
    async with asyncio.timeout(30):
        while True:
            try:
                await create_tables(engine)
                break
            except (OSError, Exception) as error:
                if "starting up" not in str(error) and not isinstance(error, OSError):
                    raise
                await asyncio.sleep(0.1)
    works = Works(engine, settings, Listeners(), clock)
    for kind, made in ((Keyring, keyring), (Bus, Bus()), (Wake, Wake())):
        works.put(kind, made)
    try:
        yield await a_stage(works)
    finally:
        await engine.dispose()


async def test_a_file_goes_through_on_postgresql(stage: Stage) -> None:
    async with a_site(stage) as site:
        offer = new_id()
        both = await asyncio.gather(site.send(a_pdf(), offer=offer), site.send(a_pdf(), offer=offer))
        assert 201 in [answer.status for answer in both]
        assert len(await stage.documents()) == 1
        await stage.run_jobs()
        await stage.check_in()
        document = await stage.document()
        assert document.state is DocumentState.SCANNED
        assert (await site.get(f"/medewerker/documenten/{document.id}/bladzijde/1", stage.anna)).status == 200
        await stage.do(service.show, document.id, 1)
        assert await stage.do(service.shown_in, stage.visit_id) is not None


async def test_of_taking_back_and_accepting_at_the_same_moment_one_wins(stage: Stage) -> None:
    await stage.check_in()
    winners = set()
    for _ in range(ROUNDS):
        document_id = await _a_scanned_document(stage)
        both = await asyncio.gather(
            stage.do(service.accept, document_id),
            stage.do(service.withdraw, document_id, actor=stage.fatima),
            return_exceptions=True,
        )
        lost = [one for one in both if isinstance(one, Exception)]
        assert len(lost) == 1 and isinstance(lost[0], AlreadyAccepted | AlreadyDecided), both
        document = await stage.do(store.document_by_id, document_id)
        has_key = await stage.do(store.key_of, document_id) is not None
        assert (document.decision == "accepted") == has_key != (document.state == "destroyed")
        winners.add(str(document.state))
    assert winners <= {"scanned", "destroyed"}


async def _a_scanned_document(stage: Stage) -> DocumentId:
    from balie.documents.keys import new_key, wrap
    from balie.documents.rules import Decision, Direction, Document

    document = Document(
        id=DocumentId(new_id()), appointment_id=stage.appointment_id, visit_id=stage.visit_id, request_id=None,
        session_id=stage.fatima.session_id, participant_id="citizen", direction=Direction.TO_MUNICIPALITY,  # type: ignore[arg-type]
        title="Huurcontract", name="huurcontract.pdf", kind=DocumentKind.PDF, size=10, pages=1, sha256_sent="0" * 64,
        sha256_kept="0" * 64, state=DocumentState.SCANNED, refusal=None, cause=None, decision=Decision.OPEN,
        was_confirmed=False, is_virus_checked=True, object_name=None, offered_at=stage.works.clock(), shown_at=None,
        decided_at=None, retain_days=30, retain_until=None, version=1,
    )  # fmt: skip
    await stage.do(store.add_document, document)
    key = wrap(stage.works.get(Keyring), new_key(), "document_key", document.id)
    await stage.do(store.add_key, document.id, key)
    return document.id
