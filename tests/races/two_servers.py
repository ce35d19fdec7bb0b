"""Two real server processes over one PostgreSQL, one set of keys and one folder of documents; and people on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

import balie.tables  # noqa: F401
from balie.actors import ANONYMOUS, RUN_SERVICE, Actor, ActorKind, system
from balie.booking.rules import ContactDetails
from balie.bus import Bus
from balie.calls import service as calls
from balie.db import create_engine
from balie.desk import store as desk_store
from balie.events import Listeners
from balie.identity import service as identity
from balie.ids import new_id
from balie.jobs import Wake
from balie.privacy.purposes import HELP_CITIZEN
from balie.privacy.sealing import Keyring, load_keyring
from balie.settings import Settings
from balie.web.csrf import CsrfKey
from balie.work import Works
from tests.booking.builders import Town, an_appointment
from tests.launch import Server

WIDE = {  # limits per network: everybody here comes from one address
    f"BALIE_{name}": "100000"
    for name in ("HOLDS_PER_NETWORK", "BOOKINGS_PER_NETWORK", "LINKS_PER_NETWORK", "SIGN_INS_PER_NETWORK")
}


@dataclass(frozen=True)
class Two:
    """Both servers, and the settings with which a test reaches their database."""

    servers: tuple[Server, Server]
    settings: Settings

    def origin(self, number: int) -> str:
        """One of the two, in turn."""
        return self.servers[number % 2].origin

    def logs(self) -> str:
        """What both wrote."""
        return "".join(server.log_file.read_text() for server in self.servers)


@contextmanager
def two_servers(folder: Path, database_url: str, module: str = "tests.launch") -> Iterator[Two]:
    """Start one after the other: the first migrates and fills the database."""
    shared = {
        **WIDE,
        "BALIE_DATABASE_URL": database_url,
        "BALIE_DATA_DIR": str(folder / "data"),
        "BALIE_KEYS_DIR": str(folder / "keys"),
        "BALIE_SOCKETS_PER_NETWORK": "1000",
    }
    with ExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            server = Server(folder / name, environment=shared, module=module)
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        settings = Settings(
            demo=True,
            data_dir=folder / "data",
            keys_dir=folder / "keys",
            database_url=database_url,
            port=servers[0].port,
        )
        yield Two((servers[0], servers[1]), settings)


@asynccontextmanager
async def works_of(two: Two) -> AsyncIterator[Works]:
    """The database of the two, for making and counting rows."""
    works = Works(create_engine(two.settings.database), two.settings, Listeners())
    works.put(Keyring, load_keyring(two.settings.keys_dir, may_make=False))
    works.put(Bus, Bus())
    works.put(Wake, Wake())
    yield works
    await works.engine.dispose()


class Person:
    """Somebody with a session: a client of one of the servers that sends forms as our pages would."""

    def __init__(self, works: Works, origin: str, session_id: str, cookie: str, token: str) -> None:
        self.session_id = session_id
        self._csrf = CsrfKey(works.get(Keyring).derive("csrf"))
        self._client = aiohttp.ClientSession(
            origin,
            cookies={cookie: token},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(60),
            connector=aiohttp.TCPConnector(limit=1),
        )

    async def post(self, path: str, form: str, **fields: str) -> tuple[int, str, str]:
        """Send the form of this route; status, where it leads, text."""
        fields["csrf"] = self._csrf.value(self.session_id, form)
        async with self._client.post(path, data=fields, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", ""), await response.text()

    async def close(self) -> None:
        """Close its connection."""
        await self._client.close()


async def a_citizen(works: Works, town: Town, origin: str, starts_at: datetime, number: int) -> tuple[Person, str]:
    """Inwoner Fatima with an appointment and the session of its link; her appointment."""
    contact = ContactDetails(f"+316{number:08}", None)
    booked = await an_appointment(town, starts_at, browser=f"browser {number} {new_id()}", contact=contact)
    async with works.begin(ANONYMOUS, HELP_CITIZEN) as work:
        invitation = await identity.invite(
            work,
            appointment_id=booked.id,
            participant_kind="citizen",
            language="nl",
            valid_from=work.now,
            valid_until=starts_at + timedelta(days=1),
        )
        opened = await identity.open_link(work, await identity.link_token(work, invitation.id))
        session = await identity.start_link_session(work, opened)
        await calls.take_seat(work, appointment_id=booked.id, participant="citizen", session_id=session.session_id)
    return Person(works, origin, session.session_id, "balie", session.token), booked.id


async def a_colleague(works: Works, town: Town, origin: str, number: int) -> tuple[Person, str]:
    """A staff member of the town's desk who is signed in, and their id."""
    async with works.begin(ANONYMOUS, RUN_SERVICE) as work:
        member, session = await identity.sign_in_staff(
            work,
            issuer="https://provider.example",
            subject=f"colleague {number} {new_id()}",
            name="Bram" if number else "Anna",
            email=None,
            roles=("staff",),
            desks=(town.desk.name,),
        )
        await identity.set_desks(work, member.id, (town.desk.id,))
    return Person(works, origin, session.session_id, "balie-medewerker", session.token), member.id


async def pages_stay_open(works: Works, town: Town) -> None:
    """Nobody who waits counts as away, however slow this machine is."""
    async with works.begin(system("test"), RUN_SERVICE) as work:
        for visit in await desk_store.open_at(work, town.desk.id):
            await desk_store.put_presence(work, visit.id, "citizen", last_seen_at=work.now + timedelta(hours=1))


def citizen_actor(appointment_id: str, session_id: str) -> Actor:
    """Who a citizen is in a piece of work."""
    return Actor(ActorKind.CITIZEN, participant="citizen", session_id=session_id, appointment_id=appointment_id)
