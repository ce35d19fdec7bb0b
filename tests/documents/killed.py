"""A program that gives one file and is killed at a named moment; run by test_kill with its stage as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import balie.tables  # noqa: F401
from balie.actors import Actor, ActorKind
from balie.bus import Bus
from balie.db import create_engine
from balie.documents import offering, vault
from balie.documents.offering import Offer, Received
from balie.documents.rules import Direction, DocumentKind, UploadLimits
from balie.documents.sealing import Sealer
from balie.documents.vault import Vault
from balie.events import Listeners
from balie.jobs import Wake
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.privacy.sealing import Keyring
from balie.settings import Settings
from balie.work import Works


def die() -> None:
    """As by a power cut: nothing is flushed, nothing is cleaned."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(stage: dict[str, Any], file: bytes) -> None:
    """Give the file, up to the moment."""
    settings = Settings(demo=True, data_dir=Path(stage["data_dir"]), keys_dir=Path(stage["data_dir"]) / "keys")
    now = datetime.fromisoformat(stage["now"])
    works = Works(create_engine(settings.database), settings, Listeners(), lambda: now)
    works.put(Keyring, Keyring({name: name.encode().ljust(32, b".") for name in ("master", "link", "pepper")}))
    works.put(Bus, Bus())
    works.put(Wake, Wake())
    works.put(Vault, Vault(Path(stage["data_dir"]) / "vault"))
    actor = Actor(
        ActorKind.CITIZEN, participant="citizen", session_id=stage["session_id"], appointment_id=stage["appointment_id"]
    )
    offer = Offer(
        stage["offer"], stage["appointment_id"], None, "citizen", Direction.TO_MUNICIPALITY, stage["request_id"]
    )
    moment, limits = stage["moment"], UploadLimits()
    async with works.begin(actor, HANDLE_DOCUMENT) as work:
        begun = await offering.begin(work, offer, len(file), limits)
    if moment == "before the rename":
        vault._finish = lambda opened, path: (os.fsync(opened.fileno()), die())  # type: ignore[assignment]
    async with works.get(Vault).writer(begun.object_name, Sealer(begun.key, begun.place)) as writer:
        await writer.write(file)
        if moment == "while bytes come":
            die()
        await writer.keep()
    if moment == "after the rename":
        die()
    async with works.begin(actor, HANDLE_DOCUMENT) as work:
        received = Received("huurcontract.pdf", DocumentKind.PDF, len(file), stage["sha256"])
        await offering.complete(work, begun, offer, received, limits)
        if moment == "before the commit":
            die()
    die()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(main(given, Path(given["file"]).read_bytes()))
