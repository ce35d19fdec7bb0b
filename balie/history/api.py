"""The Klantinteracties subset: other channels read and write the same contacts."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import ValidationError

from balie.actors import ANONYMOUS, Actor, ActorKind, system
from balie.errors import BsnInText, Invalid, NotFound, TooLarge
from balie.external.klantinteracties import (
    API_VERSION,
    LARGEST_PAGE,
    PAGE_SIZE,
    PERSON,
    PERSON_FILTER,
    PERSON_FILTERS,
    GemaaktKlantcontact,
    Klantcontact,
    KlantcontactenPage,
    MaakKlantcontact,
)
from balie.history import channels
from balie.history.api_shapes import EXPANDS, contact_shape, new_contact, party_shape, subject_shape
from balie.identity.bsn import Bsn
from balie.privacy.purposes import HELP_CITIZEN, RECORD_CONTACT
from balie.web.keys import SETTINGS
from balie.web.limits import address_of, take
from balie.web.openapi import Description, described
from balie.web.requests import match_id, work_for
from balie.work import Works

_MOST_BODY = 64 * 1024
_WHOLE = re.compile(r"[0-9]{1,6}\Z")
_PAGING = {"page": "Number of the page", "pageSize": f"At most {LARGEST_PAGE} a page", "expand": ", ".join(EXPANDS)}
_FIELDS = {
    "topic": "klantcontact.onderwerp",
    "note": "klantcontact.inhoud",
    "answer": "klantcontact.reactie",
    "reference": "klantcontact.referentienummer",
    "party": "betrokkene.wasPartij.uuid",
}


async def api_client_of(request: web.Request, works: Works) -> Actor:
    """Who an API request comes from, by its header `Authorization: Token …`; else nobody."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Token" or not token:
        return ANONYMOUS
    async with works.begin(system("api"), RECORD_CONTACT, writes=False) as work:
        client = await channels.client_of_token(work, token.strip())
    if client is None or not _comes_from(request, client.networks):
        return ANONYMOUS
    take(request, "api_client", client.id, client.rate_per_s, 1.0)
    async with works.begin(system("api"), RECORD_CONTACT) as work:
        await channels.note_seen(work, client)
    return Actor(ActorKind.SYSTEM, id=client.id, channel=client.channel, domain=client.domain)


@described(
    Description(
        "The contacts of one person (all four filters) or with one number, newest first",
        KlantcontactenPage,
        query={**dict.fromkeys(PERSON_FILTERS, "Filter by person"), "referentienummer": "Exact", **_PAGING},
    )
)
async def list_contacts(request: web.Request) -> web.Response:
    """GET /klantcontacten."""
    query = _query(request, (*PERSON_FILTERS, "referentienummer", *_PAGING))
    expand, page, size = _expand(query), _number(query, "page", 1), _number(query, "pageSize", PAGE_SIZE)
    size = min(size, LARGEST_PAGE)
    async with work_for(request, HELP_CITIZEN) as work:
        if "referentienummer" in query:
            found = await channels.contact_by_reference(work, query["referentienummer"])
            count, contacts = (1, [found]) if found else (0, [])
        else:
            person = _person(query)
            count, contacts = await channels.contacts_of_person(work, person, page, size) if person else (0, [])
    if page > 1 and (page - 1) * size >= count:
        raise NotFound
    settings = request.app[SETTINGS]
    answer = KlantcontactenPage(
        count=count,
        next=_page_url(request, page + 1) if page * size < count else None,
        previous=_page_url(request, page - 1) if page > 1 else None,
        results=[contact_shape(settings, each, expand) for each in contacts],
    )
    return _answer(answer)


@described(Description("One contact", Klantcontact, query={"expand": ", ".join(EXPANDS)}))
async def get_contact(request: web.Request) -> web.Response:
    """GET /klantcontacten/{uuid}."""
    expand = _expand(_query(request, ("expand",)))
    async with work_for(request, HELP_CITIZEN) as work:
        found = await channels.contact(work, match_id(request, "uuid"))
    return _answer(contact_shape(request.app[SETTINGS], found, expand))


@described(
    Description(
        "Write a contact with at most one party and one subject",
        GemaaktKlantcontact,
        status=201,
        body=MaakKlantcontact,
        problems=(400, 401, 403),
    )
)
async def make_contact(request: web.Request) -> web.Response:
    """POST /maak-klantcontact."""
    _query(request, ())
    body = await _body(request)
    async with work_for(request, RECORD_CONTACT) as work:
        try:
            found = await channels.write_contact(work, new_contact(body, work.now))
        except BsnInText as error:
            raise BsnInText(_named(error.fields)) from None
        except Invalid as error:
            raise Invalid(_named(error.fields)) from None
    settings = request.app[SETTINGS]
    made = GemaaktKlantcontact(
        klantcontact=contact_shape(settings, found),
        betrokkene=party_shape(settings, found.parties[0]) if found.parties else None,
        onderwerpobject=subject_shape(settings, found, body.onderwerpobject) if body.onderwerpobject else None,
    )
    return _answer(made, status=201)


def _comes_from(request: web.Request, networks: tuple[str, ...]) -> bool:
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(address_of(request))
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)


def _query(request: web.Request, known: tuple[str, ...]) -> dict[str, str]:
    unknown = sorted({name for name in request.query if name not in known})
    if unknown:
        raise Invalid(dict.fromkeys(unknown, "unknown-parameter"))
    return {name: request.query[name] for name in request.query}


def _expand(query: dict[str, str]) -> tuple[str, ...]:
    wanted = tuple(name.strip() for name in query.get("expand", "").split(",") if name.strip())
    if any(name not in EXPANDS for name in wanted):
        raise Invalid({"expand": "invalid-choice"})
    return wanted


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    # int() accepts signs, blanks and digits of other scripts.
    if not text.isascii() or not _WHOLE.match(text) or int(text) < 1:
        raise Invalid({name: "invalid"})
    return int(text)


def _person(query: dict[str, str]) -> Bsn | None:
    # A list must name a person whole: nobody reads the history of everybody.
    missing = [name for name in PERSON_FILTERS if not query.get(name)]
    if len(missing) == len(PERSON_FILTERS):
        raise Invalid({"nonFieldErrors": "filter-required"})
    if missing:
        raise Invalid(dict.fromkeys(missing, "required"))
    if any(query[PERSON_FILTER + name] != value for name, value in PERSON.items()):
        return None
    return Bsn(query[PERSON_FILTER + "objectId"])


async def _body(request: web.Request) -> MaakKlantcontact:
    if (request.content_length or 0) > _MOST_BODY:
        raise TooLarge
    raw = await request.read()
    if len(raw) > _MOST_BODY:
        raise TooLarge
    try:
        sent = MaakKlantcontact.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise Invalid({".".join(str(step) for step in f["loc"]) or "body": f["type"] for f in faults}) from None
    if "\\u0000" in sent.model_dump_json():  # PostgreSQL stores no text with a zero byte
        raise Invalid({"body": "zero_byte"})
    return sent


def _page_url(request: web.Request, page: int) -> str:
    query = urlencode({**request.query, "page": str(page)})
    return f"{request.app[SETTINGS].public_origin}{request.path}?{query}"


def _named(fields: dict[str, str]) -> dict[str, str]:
    return {_FIELDS.get(name, name): code for name, code in fields.items()}


def _answer(shape: Any, status: int = 200) -> web.Response:
    body = shape.model_dump_json(by_alias=True, exclude_unset=False)
    headers = {"API-version": API_VERSION}
    return web.Response(text=body, status=status, content_type="application/json", headers=headers)
