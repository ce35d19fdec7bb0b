"""Fatima's appointment, her visit, Anna who has it, and a running server with documents and nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pikepdf
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from sqlalchemy import func, select, update

from balie.actors import ANONYMOUS, RUN_SERVICE, Actor, ActorKind, AssuranceLevel, Role, system
from balie.booking import store as booking_store
from balie.booking.rules import (
    Appointment,
    AppointmentBooked,
    AppointmentState,
    Desk,
    DocumentSlot,
    Needs,
    Product,
    ProductLine,
)
from balie.documents import checking, service, store, wiring
from balie.documents.rules import Document, DocumentRequest
from balie.documents.sandbox import Sandbox
from balie.documents.vault import Vault
from balie.external.virus_scanner import VirusScanner
from balie.ids import AppointmentId, DeskId, ProductId, StaffId, VisitId, new_id
from balie.jobs import job
from balie.privacy.purposes import HANDLE_DOCUMENT
from balie.web import csrf, pages
from balie.web.access import Access
from balie.web.application import assemble
from balie.web.assets import Assets
from balie.web.features import Feature, Route
from balie.web.keys import ACTOR, CSRF_SCOPE
from balie.work import Works

BSN = "999990019"


@dataclass
class Stage:
    """The people and their appointment, in the database."""

    works: Works
    appointment_id: AppointmentId
    visit_id: VisitId
    desk_id: DeskId
    fatima: Actor
    anna: Actor
    bram: Actor
    heard: list[object] = field(default_factory=list)

    async def do(self, use_case: Any, *arguments: Any, actor: Actor | None = None, **named: Any) -> Any:
        """A use case in a Work of its own."""
        async with self.works.begin(actor or self.anna, HANDLE_DOCUMENT) as work:
            return await use_case(work, *arguments, **named)

    async def request(self) -> DocumentRequest:
        """The one paper that is asked."""
        found: list[DocumentRequest] = await self.do(service.requests_of, appointment_id=self.appointment_id)
        return found[0]

    async def documents(self) -> list[Document]:
        """Every document of the appointment."""
        found: list[Document] = await self.do(store.documents_where, appointment_id=self.appointment_id)
        return found

    async def document(self) -> Document:
        """The only document."""
        (one,) = await self.documents()
        return one

    async def check_in(self) -> None:
        """Fatima checks in and Anna takes the visit."""
        await self.do(service.attach_visit, self.appointment_id, self.visit_id, actor=self.fatima)
        await self.do(service.grant_access, self.visit_id, "staff", self.anna.id)

    async def run_jobs(self) -> int:
        """Run what is due, once each; how many."""
        jobs = {"documents.check": checking.check, "documents.remove_bytes": checking.remove_bytes}
        ran = 0
        while True:
            due = await self._take_job()
            if due is None:
                return ran
            await jobs[due[0]](self.works, due[1])
            ran += 1

    async def _take_job(self) -> tuple[str, dict[str, Any]] | None:
        import json

        from sqlalchemy import delete

        async with self.works.begin(system("test"), RUN_SERVICE) as work:
            query = select(job.c.id, job.c.kind, job.c.payload).where(job.c.next_try_at <= work.now)
            row = (await work.db.execute(query.order_by(job.c.put_at, job.c.id))).first()
            if row is None:
                return None
            await work.db.execute(delete(job).where(job.c.id == row[0]))
            return row[1], json.loads(row[2])

    async def confirm(self, state: str = "confirmed") -> None:
        """Fatima has proven who she is, or lost that again."""
        from balie.identity import store as identity_store
        from balie.identity.rules import Verification, VerificationState
        from balie.ids import VerificationId

        async with self.works.begin(system("test"), RUN_SERVICE) as work:
            await identity_store.add_verification(
                work,
                Verification(
                    id=VerificationId(new_id()),
                    visit_id=self.visit_id,
                    participant="citizen",
                    purpose="HELP_CITIZEN",
                    minimum_level=AssuranceLevel.LOW,
                    asked_by=self.anna.id,
                    asked_at=work.now,
                    state=VerificationState(state),
                    expires_at=work.now + timedelta(minutes=10),
                ),
            )

    async def set_appointment(self, **values: Any) -> None:
        """Change the row of the appointment."""
        async with self.works.begin(system("test"), RUN_SERVICE) as work:
            table = booking_store.appointment
            await work.db.execute(update(table).where(table.c.id == self.appointment_id).values(values))

    async def count(self, table: Any, *where: Any) -> int:
        """Rows of a table."""
        async with self.works.begin(system("test"), RUN_SERVICE) as work:
            return int(await work.db.scalar(select(func.count()).select_from(table).where(*where)))

    async def until(self, is_so: Any) -> None:
        """Wait until an async question is answered with yes, for at most ten seconds."""
        async with asyncio.timeout(10):
            while not await is_so():  # noqa: ASYNC110  (what is awaited is a row of another task)
                await asyncio.sleep(0.01)

    def files(self) -> list[Path]:
        """Everything that lies in the vault."""
        return [path for path in self.works.get(Vault).folder.rglob("*") if path.is_file()]


async def a_stage(works: Works) -> Stage:
    """Fatima has an appointment that asks for one paper; Anna and Bram work."""
    for kind, made in (
        (Vault, Vault(works.settings.data_dir / "vault", free_share=lambda _: 0.5)),
        (Sandbox, Sandbox()),
        (VirusScanner, VirusScanner("")),
    ):
        works.put(kind, made)
    wiring.prepare(works)
    stage = Stage(
        works,
        AppointmentId(new_id()),
        VisitId(new_id()),
        DeskId(new_id()),
        Actor(ActorKind.CITIZEN, participant="citizen", session_id=new_id(), appointment_id="x"),
        _staff(),
        _staff(),
    )
    stage.fatima = a_citizen(stage.appointment_id)
    await _fill(stage)
    for event_type, listener in wiring.FEATURE.listeners:
        works.listeners.add(event_type, listener)
    await stage.do(_announce_booked, stage.appointment_id, actor=system("test"))
    return stage


async def _announce_booked(work: Any, appointment_id: AppointmentId) -> None:
    await work.announce(AppointmentBooked(appointment_id))


def a_citizen(appointment_id: str, kind: ActorKind = ActorKind.CITIZEN, participant: str = "citizen") -> Actor:
    """Somebody who came by the link, with a session of their own."""
    return Actor(kind, participant=participant, session_id=new_id(), appointment_id=appointment_id)


def _staff() -> Actor:
    return Actor(
        ActorKind.STAFF, id=StaffId(new_id()), roles=frozenset({Role.STAFF}), participant="staff", session_id=new_id()
    )


async def _fill(stage: Stage) -> None:
    product = Product(
        ProductId(new_id()),
        f"verhuizing-{stage.desk_id[:8]}",
        {"nl": "Verhuizing doorgeven"},
        {"nl": "uw verhuizing"},
        "HELP_CITIZEN",
        "burgerzaken",
        "Burgerzaken",
    )
    slot = DocumentSlot(product.id, "huurcontract", {"nl": "Huurcontract"}, {"nl": "uw huurcontract"})
    async with stage.works.begin(system("test"), RUN_SERVICE) as work:
        await booking_store.save_desk(work, Desk(stage.desk_id, f"Burgerzaken {stage.desk_id[:4]}", "14 010"))
        await booking_store.save_product(work, product)
        await booking_store.save_document_slots(work, product.id, [slot])
        held = Appointment(
            id=stage.appointment_id,
            reference=stage.appointment_id[:8],
            state=AppointmentState.HELD,
            version=1,
            desk_id=stage.desk_id,
            lines=(ProductLine(product.id),),
            starts_at=work.now,
            ends_at=work.now + timedelta(minutes=30),
            starts_local="2026-12-04T14:00",
            buffer_minutes=5,
            needs=Needs(),
            expires_at=work.now + timedelta(minutes=10),
        )
        await booking_store.insert_held(work, held)
    await stage.set_appointment(state="booked")


# --- files


def a_pdf(*texts: str, encrypted: bool = False) -> bytes:
    """A PDF with a page per text."""
    pdf = pikepdf.new()
    for text in texts or ("Huurcontract",):
        page = pdf.add_blank_page(page_size=(595, 842))
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = pdf.make_stream(f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode("latin-1"))
    packed = io.BytesIO()
    pdf.save(packed, encryption=pikepdf.Encryption(owner="a", user="b") if encrypted else False)
    return packed.getvalue()


def a_photo(width: int = 120, height: int = 80, noise: bool = False) -> bytes:
    """A JPEG with everything that must not stay: place, comment, and turned on its side."""
    image = Image.effect_noise((width, height), 80).convert("RGB") if noise else Image.new("RGB", (width, height))
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8825)[2] = (52.0, 5.0, 1.0)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=95, exif=exif, comment=b"SECRETCOMMENT")
    return packed.getvalue() + b"<script>SECRETTAIL</script>"


# --- the server


@dataclass
class Site:
    """A running server, and ways to send it things."""

    stage: Stage
    app: web.Application
    server: TestServer
    http: aiohttp.ClientSession
    actors: dict[str, Actor]

    def headers(self, actor: Actor, form: str, **more: str) -> dict[str, str]:
        """What a page of this actor sends along."""
        self.actors[actor.session_id or ""] = actor
        value = self.app[csrf.KEY].value(actor.session_id or "", form)
        return {"Cookie": f"s={actor.session_id}", csrf.HEADER: value, "Accept": "application/json", **more}

    async def get(self, path: str, actor: Actor, **headers: str) -> aiohttp.ClientResponse:
        """GET as this actor."""
        made = self.headers(actor, "", **headers)
        return await self.http.get(self.server.make_url(path), headers=made, allow_redirects=False)

    async def post(
        self, path: str, form: str, actor: Actor, data: Any = None, **headers: str
    ) -> aiohttp.ClientResponse:
        """POST as a page of this actor."""
        made = self.headers(actor, form, **headers)
        return await self.http.post(self.server.make_url(path), headers=made, data=data, allow_redirects=False)

    async def send(
        self,
        file: bytes | Any,
        actor: Actor | None = None,
        offer: str | None = None,
        name: str = "huurcontract.pdf",
        request_id: str | None = None,
        **headers: str,
    ) -> aiohttp.ClientResponse:
        """Fatima sends a file for what is asked, a second after what was before."""
        self.stage.works.clock.move(seconds=1)  # type: ignore[attr-defined]
        body = aiohttp.FormData(quote_fields=False)
        body.add_field("request", request_id or (await self.stage.request()).id)
        body.add_field("offer", offer or new_id())
        stream = io.BytesIO(file) if isinstance(file, bytes) else file
        body.add_field("file", stream, filename=name, content_type="application/octet-stream")
        return await self.post("/gesprek/documenten", "documents.offer", actor or self.stage.fatima, body, **headers)


async def _nothing(_request: web.Request) -> web.Response:
    return web.Response(text="")


_ELSEWHERE = Feature(
    name="elsewhere",
    routes=[
        Route("GET", "/gesprek", _nothing, "desk.conversation", Access.LINK),
        Route("GET", "/medewerker/balie/{desk_id}/bezoek/{visit_id}", _nothing, "desk.counter", Access.STAFF),
    ],
)


@asynccontextmanager
async def a_site(stage: Stage) -> AsyncIterator[Site]:
    """The server with documents."""
    actors: dict[str, Actor] = {}

    async def identify(request: web.Request) -> None:
        session_id = request.cookies.get("s", "")
        request[ACTOR] = actors.get(session_id, ANONYMOUS)
        request[CSRF_SCOPE] = session_id

    works = stage.works
    kept = works.listeners
    app = assemble(works, [Feature("documents", routes=wiring.ROUTES), _ELSEWHERE], identify, b"c" * 32)
    assert works.listeners is kept

    def url(name: str, **match: str) -> str:
        resource = app.router.get(name)
        return str(resource.url_for(**{k: str(v) for k, v in match.items()})) if resource else f"/{name}"

    app[pages.KEY] = pages.Pages(works.settings, Assets(), url)
    server = TestServer(app)
    await server.start_server()
    async with aiohttp.ClientSession() as http:
        yield Site(stage, app, server, http, actors)
    await server.close()


@asynccontextmanager
async def a_scanner(
    answer: bytes | None, version: bytes = b"ClamAV 1.4.2/27500/Fri"
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A clamd on a socket that gives one answer to every stream; None closes without a word."""
    streams: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            command = await reader.readuntil(b"\0")
            if command == b"zVERSION\0":
                writer.write(version + b"\0")
            else:
                streams.append(await _read_stream(reader))
                if answer is not None:
                    writer.write(answer)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}", streams
    finally:
        server.close()
        await server.wait_closed()


async def _read_stream(reader: asyncio.StreamReader) -> bytes:
    got = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        got += await reader.readexactly(size)
    return got


def sha256(file: bytes) -> str:
    """As it stands in the document's row."""
    return hashlib.sha256(file).hexdigest()


def last_day(after: datetime, days: int) -> Any:
    """The date that lies so many days later."""
    return (after + timedelta(days=days)).date()
