"""The demo's desk, products, opening hours and citizens, and their older contacts, written through the API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
import structlog

from balie.actors import AssuranceLevel, system
from balie.booking import catalogue
from balie.booking.rules import Desk, DocumentSlot, Identification, Pool, Product, ProductState
from balie.booking.slots import LocalPeriod, WeeklyHours
from balie.demo.people import REALMS
from balie.history.channels import make_api_client
from balie.identity import service as identity
from balie.identity.bsn import Bsn
from balie.identity.oidc import CITIZEN
from balie.ids import DeskId, PoolId, ProductId
from balie.privacy.purposes import RUN_SERVICE
from balie.work import Work, Works

log = structlog.get_logger()
FILLER = system("demo.fill")
DESK = DeskId("0b1e0000-0000-4000-8000-000000000001")
POOL = PoolId("0b1e0000-0000-4000-8000-000000000002")
DESK_NAME = "Burgerzaken"
CHANNELS = ("Telefoon", "Balie", "Chat")
API = "/klantinteracties/api/v1"
CITIZENS = next(realm.people for realm in REALMS if realm.provider == CITIZEN)


@dataclass(frozen=True)
class _Offer:
    """A row of the demo's products."""

    number: int
    slug: str
    name: tuple[str, str]
    plain_name: tuple[str, str]
    minutes: int
    level: AssuranceLevel
    domain: str
    department: str
    paper: tuple[str, tuple[str, str], tuple[str, str]] | None = None
    is_discreet: bool = False


OFFERS = (
    _Offer(
        1,
        "geboorte-aangeven",
        ("Geboorte aangeven", "Register a birth"),
        ("geboorte aangeven", "register a birth"),
        30,
        AssuranceLevel.SUBSTANTIAL,
        "burgerzaken",
        "Burgerzaken",
        (
            "verklaring",
            ("Verklaring van de verloskundige", "Statement of the midwife"),
            ("brief van de verloskundige", "letter of the midwife"),
        ),
    ),
    _Offer(
        2,
        "verhuizing-doorgeven",
        ("Verhuizing doorgeven", "Report a move"),
        ("verhuizen", "moving house"),
        15,
        AssuranceLevel.LOW,
        "burgerzaken",
        "Burgerzaken",
        ("huurcontract", ("Huurcontract", "Rental contract"), ("huurcontract", "rental contract")),
    ),
    _Offer(
        3,
        "praten-over-mijn-uitkering",
        ("Praten over mijn uitkering", "Talk about my benefit"),
        ("uitkering", "benefit"),
        45,
        AssuranceLevel.SUBSTANTIAL,
        "werk-en-inkomen",
        "Werk en inkomen",
        is_discreet=True,
    ),
    _Offer(
        4,
        "vraag-over-mijn-aanvraag",
        ("Vraag over mijn aanvraag", "Question about my application"),
        ("vraag over aanvraag", "question about application"),
        10,
        AssuranceLevel.NONE,
        "burgerzaken",
        "Burgerzaken",
    ),
)


def _texts(pair: tuple[str, str]) -> dict[str, str]:
    return {"nl": pair[0], "en": pair[1]}


def _product(offer: _Offer) -> Product:
    needs_sign_in = offer.level is not AssuranceLevel.NONE
    return Product(
        id=ProductId(f"0b1e0000-0000-4000-8000-00000000010{offer.number}"),
        slug=offer.slug,
        state=ProductState.LIVE,
        name=_texts(offer.name),
        plain_name=_texts(offer.plain_name),
        preparation=_texts(("Leg uw DigiD klaar.", "Keep your DigiD ready.")) if needs_sign_in else {},
        duration_minutes=offer.minutes,
        buffer_minutes=5,
        slot_step_minutes=5,
        lead_minutes=0,
        staff_lead_minutes=0,
        check_in_opens_minutes=1440,
        identification=Identification.IN_CALL if needs_sign_in else Identification.NEVER,
        minimum_level=offer.level,
        is_discreet=offer.is_discreet,
        is_confidential=offer.is_discreet,
        purpose=offer.slug,
        domain=offer.domain,
        department=offer.department,
        is_retention_confirmed=True,
    )


def _papers(offer: _Offer, product: Product) -> list[DocumentSlot]:
    if offer.paper is None:
        return []
    code, name, plain_name = offer.paper
    help_text = _texts(("Alle bladzijden moeten te lezen zijn.", "All pages must be readable."))
    return [DocumentSlot(product.id, code, _texts(name), _texts(plain_name), help_text, is_required=True)]


async def fill(works: Works) -> None:
    """Make the desk, its products and citizens, unless they are there."""
    async with works.begin(FILLER, RUN_SERVICE) as work:
        if any(desk.id == DESK for desk in await catalogue.desks(work)):
            return
        await catalogue.put_desk(work, Desk(DESK, DESK_NAME, works.settings.phone_number))
        await catalogue.put_pool(work, Pool(POOL, DESK, "Loketten"))
        for weekday in range(1, 8):
            period = LocalPeriod("00:00", "24:00", seats_public=20)
            await catalogue.put_opening_hours(work, POOL, WeeklyHours(weekday, period))
        for offer in OFFERS:
            product = _product(offer)
            await catalogue.put_product(work, product, [POOL], _papers(offer, product))
        await _citizens(work)


async def _citizens(work: Work) -> None:
    for person in CITIZENS:
        await identity.make_citizen(work, issuer=None, subject=None, bsn=Bsn(person.claims["bsn"]), name=person.name)


# --- older contacts, as other channels write them


@dataclass(frozen=True)
class _Contact:
    channel: str
    days_ago: int
    topic: str
    text: str
    answer: str
    reference: str


CONTACTS = (
    _Contact(
        "Telefoon",
        7,
        "Vraag over de naam van het kind",
        "Belde over de naamkeuze.",
        "Kan bij de aangifte.",
        "9000000001",
    ),
    _Contact("Balie", 20, "Verhuizing", "Kwam een verhuizing doorgeven.", "De verhuizing is verwerkt.", "9000000002"),
    _Contact(
        "Chat", 33, "Parkeervergunning", "Vroeg naar een vergunning.", "Aanvragen kan op de website.", "9000000003"
    ),
)


async def write_contacts(works: Works, base: str, verify: str | bool) -> None:
    """Write the older contacts over HTTP, each with the token of its own channel; once."""
    tokens = {}
    async with works.begin(FILLER, RUN_SERVICE) as work:
        for channel in CHANNELS:
            _, tokens[channel] = await make_api_client(
                work,
                name=f"Proef {channel}",
                channel=channel,
                domain="burgerzaken",
                department="Burgerzaken",
                ends_at=works.clock() + timedelta(hours=1),
            )
    person = CITIZENS[0]
    async with works.begin(FILLER, RUN_SERVICE) as work:
        citizen_id = await identity.citizen_by_bsn(work, Bsn(person.claims["bsn"]))
    now = works.clock()
    async with httpx2.AsyncClient(base_url=base, verify=verify, timeout=10) as client:
        for contact in CONTACTS:
            headers = {"Authorization": f"Token {tokens[contact.channel]}"}
            body = _body(contact, str(citizen_id), person.name, now)
            answer = await client.post(f"{API}/maak-klantcontact", json=body, headers=headers)
            if answer.status_code not in (201, 400):  # 400: an earlier start wrote it already
                log.warning("demo_contact_not_written", status=answer.status_code)


def _body(contact: _Contact, citizen_id: str, name: str, now: datetime) -> dict[str, Any]:
    first, _, last = name.partition(" ")
    return {
        "klantcontact": {
            "kanaal": contact.channel,
            "onderwerp": contact.topic,
            "inhoud": contact.text,
            "reactie": contact.answer,
            "indicatieContactGelukt": True,
            "taal": "nld",
            "vertrouwelijk": False,
            "plaatsgevondenOp": (now - timedelta(days=contact.days_ago)).isoformat(),
            "referentienummer": contact.reference,
        },
        "betrokkene": {
            "wasPartij": {"uuid": citizen_id},
            "rol": "klant",
            "initiator": True,
            "contactnaam": {"voorletters": first[:1] + ".", "voornaam": first, "achternaam": last},
        },
    }


async def when_up(base: str, verify: str | bool) -> None:
    """Wait until the server answers, ten seconds at most."""
    async with asyncio.timeout(10), httpx2.AsyncClient(base_url=base, verify=verify, timeout=2) as client:
        while True:
            try:
                await client.get("/healthz")
                return
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
