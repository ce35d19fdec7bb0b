"""A city with the built-in provider over real loopback HTTP, and browsers that visit it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from balie.actors import AssuranceLevel, system
from balie.demo import identity_provider
from balie.demo.identity_provider import PROVIDER
from balie.demo.provider_tokens import Issuer
from balie.identity import service, verification, wiring
from balie.identity.links import NewSession, ParticipantKind
from balie.identity.middleware import has_cookie_of, identify
from balie.identity.rules import Verification
from balie.ids import AppointmentId, SessionId, VerificationId, VisitId, new_id
from balie.privacy.purposes import HELP_CITIZEN, VERIFY_IDENTITY
from balie.settings import Settings
from balie.web import assets, csrf, live, pages, preferences
from balie.web.access import Access
from balie.web.application import assemble
from balie.web.features import Feature, Route
from balie.web.requests import see_other, work_for
from balie.work import Work, Works


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Demo settings with an origin of this test alone."""
    return Settings(demo=True, data_dir=tmp_path, keys_dir=tmp_path / "keys", origin=f"http://127.0.0.1:{free_port()}")


class Browser:
    """One browser: cookies of its own, no redirect followed by itself."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, url: str, **more: str) -> aiohttp.ClientResponse:
        """Open an address, of ours or of the provider."""
        address = URL(url if url.startswith("http") else self.origin + url, encoded=True)
        return await self.client.get(address, allow_redirects=False, headers=more)

    async def post(self, url: str, **fields: str) -> aiohttp.ClientResponse:
        """Send a form."""
        address = URL(url if url.startswith("http") else self.origin + url, encoded=True)
        return await self.client.post(address, data=fields, allow_redirects=False)

    async def csrf(self, form: str) -> str:
        """The proof that the page in this browser carries for a form."""
        return await (await self.get(f"/proef/csrf/{form}")).text()

    def cookie(self, name: str) -> str | None:
        """The value of a cookie."""
        found = self.client.cookie_jar.filter_cookies(URL(self.origin)).get(name)
        return found.value if found and found.value else None

    def set_cookie(self, name: str, value: str) -> None:
        """Plant a cookie."""
        self.client.cookie_jar.update_cookies({name: value}, URL(self.origin))

    async def close(self) -> None:
        await self.client.close()


@dataclass
class City:
    """The application with provider, and what a test changes about it."""

    works: Works
    origin: str
    app: web.Application
    is_visit_open: bool = True
    browsers: list[Browser] = field(default_factory=list)

    @property
    def digid(self) -> Issuer:
        return self.app[PROVIDER].issuers["burger"]

    @property
    def work_account(self) -> Issuer:
        return self.app[PROVIDER].issuers["medewerker"]

    def browser(self) -> Browser:
        made = Browser(self.origin)
        self.browsers.append(made)
        return made


CITY = web.AppKey("city", City)


async def _csrf(request: web.Request) -> web.Response:
    name = request.match_info["form"]
    text = csrf.value_for(request, name)
    return web.Response(text=text, content_type="text/html")


async def _nothing(_request: web.Request) -> web.Response:
    return web.Response(text="here", content_type="text/html")


async def _identified(request: web.Request) -> web.Response:
    asked = VerificationId(request.match_info["verification_id"])
    async with work_for(request, VERIFY_IDENTITY) as work:
        await verification.complete(work, asked, is_visit_open=request.app[CITY].is_visit_open)
    return see_other(request, "desk.conversation")


AROUND = Feature(
    name="around",
    routes=[
        Route("GET", "/", _nothing, "web.home", Access.PUBLIC),
        Route("GET", "/proef/csrf/{form}", _csrf, "test.csrf", Access.PUBLIC),
        Route("GET", "/medewerker/proef/csrf/{form}", _csrf, "test.staff_csrf", Access.PUBLIC),
        Route("GET", "/gesprek", _nothing, "desk.conversation", Access.LINK),
        Route("GET", "/gesprek/identificatie/{verification_id}/klaar", _identified, "desk.identified", Access.LINK),
        Route("GET", "/medewerker", _nothing, "desk.staff_start", Access.STAFF),
        Route("GET", "/medewerker/balie/{desk_id}", _nothing, "desk.queue", Access.STAFF),
        Route("GET", "/medewerker/agenda", _nothing, "booking.agenda", Access.STAFF),
        Route("GET", "/beheer/producten", _nothing, "booking.products", Access.ADMIN),
    ],
)


def make_app(works: Works, with_provider: bool = True) -> web.Application:
    """Identity with what it leans on, and the built-in provider."""
    provider = [identity_provider.FEATURE] if with_provider else []
    features = [assets.FEATURE, preferences.FEATURE, live.FEATURE, wiring.FEATURE, AROUND, *provider]
    app = assemble(works, features, identify, b"k" * 32)
    pages.install(app)
    live.install(app, live.Door(service.use_page_ticket, service.issue_page_ticket, has_cookie_of))
    return app


@pytest.fixture
async def city(works: Works, settings: Settings) -> AsyncIterator[City]:
    """A running server."""
    app = make_app(works)
    made = City(works, settings.origin, app)
    app[CITY] = made
    async with TestServer(app, host="127.0.0.1", port=urlsplit(settings.origin).port or 0):
        yield made
        for browser in made.browsers:
            await browser.close()


@dataclass(frozen=True)
class Guest:
    """A citizen's browser in a visit, asked to sign in."""

    browser: Browser
    session: NewSession
    visit_id: VisitId
    asked: Verification


async def link_session(work: Work) -> tuple[NewSession, AppointmentId]:
    """Fatima's link, opened."""
    appointment_id = AppointmentId(new_id())
    invitation = await service.invite(
        work,
        appointment_id=appointment_id,
        participant_kind=ParticipantKind.CITIZEN,
        language="nl",
        valid_from=work.now,
        valid_until=work.now + timedelta(days=1),
    )
    opened = await service.open_link(work, await service.link_token(work, invitation.id))
    return await service.start_link_session(work, opened), appointment_id


async def fatima_is_asked(city: City, level: AssuranceLevel = AssuranceLevel.SUBSTANTIAL) -> Guest:
    """Fatima's browser, in a visit, with a request to sign in."""
    visit_id = VisitId(new_id())
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        new, _ = await link_session(work)
        await service.note_visit(work, SessionId(new.session_id), visit_id)
        asked = await verification.ask(
            work, visit_id=visit_id, participant="citizen", purpose="Geboorte aangeven", minimum_level=level
        )
    browser = city.browser()
    browser.set_cookie("balie", new.token)
    return Guest(browser, new, visit_id, asked)


async def start_sign_in(guest: Guest, page_id: str = "") -> str:
    """The link to the provider, as the script of that page asks for it."""
    address = f"/gesprek/identificatie/{guest.asked.id}/start"
    proof = await guest.browser.csrf("identity.start")
    url = URL(guest.browser.origin + address)
    headers = {"Accept": "application/json", "X-Balie-CSRF": proof}
    fields = {"page_id": page_id}
    async with guest.browser.client.post(url, headers=headers, data=fields, allow_redirects=False) as answer:
        assert answer.status == 200, await answer.text()
        link: str = (await answer.json())["link"]
    return link


async def sign_in_at_provider(browser: Browser, link: str, person: str = "fatima", level: str = "substantial") -> str:
    """Choose a card; the address that the provider sends the browser back to."""
    async with await browser.post(link, persoon=person, niveau=level) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]


async def state_of(city: City, guest: Guest) -> Verification:
    """What stands in the database now."""
    async with city.works.begin(system("test"), HELP_CITIZEN) as work:
        found = await verification.current(work, guest.visit_id)
    assert found is not None
    return found


async def whole_sign_in(guest: Guest, person: str = "fatima", level: str = "substantial", page_id: str = "") -> str:
    """To the provider and back, up to where the desk decided."""
    back = await sign_in_at_provider(guest.browser, await start_sign_in(guest, page_id), person, level)
    async with await guest.browser.get(back) as answer:
        assert answer.status == 303, await answer.text()
        done = answer.headers["Location"]
    async with await guest.browser.get(done) as answer:
        assert answer.status == 303
        return answer.headers["Location"]


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
