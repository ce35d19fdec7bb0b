"""Who can sign in at the test provider, and with which levels: the cast of the demo, nobody real."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from balie.identity.oidc import CITIZEN, STAFF


@dataclass(frozen=True)
class Person:
    """Somebody of the cast; `card` says in words who that is."""

    key: str
    name: str
    card: str
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Level:
    """A level of DigiD as the broker names it."""

    label: str
    acr: str


@dataclass(frozen=True)
class Realm:
    """One of the two issuers: its place in the address, for which provider it stands, who signs in."""

    path: str
    provider: str
    people: tuple[Person, ...]


def _(text: str) -> str:
    # Marks a text for the catalogues; the page translates it.
    return text


_CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
LEVELS = {
    "basis": Level("DigiD Basis", _CLASSES + "PasswordProtectedTransport"),
    "low": Level("DigiD Midden", _CLASSES + "MobileTwoFactorContract"),
    "substantial": Level("DigiD Substantieel", _CLASSES + "Smartcard"),
    "high": Level("DigiD Hoog", _CLASSES + "SmartcardPKI"),
}

_DESKS = ["Burgerzaken"]
REALMS = (
    Realm(
        "burger",
        CITIZEN,
        (
            Person("fatima", "Fatima de Vries", _("Inwoner, BSN 999990019"), {"bsn": "999990019"}),
            Person("partner", "Partner de Vries", _("Tweede proefinwoner, BSN 999990007"), {"bsn": "999990007"}),
        ),
    ),
    Realm(
        "medewerker",
        STAFF,
        (
            Person("anna", "Anna", _("Medewerker van Burgerzaken"), {"roles": ["staff"], "desks": _DESKS}),
            Person("bram", "Bram", _("Collega, teamleider van Burgerzaken"), {"roles": ["team_lead"], "desks": _DESKS}),
            Person("beheer", "Functioneel beheer", _("Beheerder van producten en tijden"), {"roles": ["admin"]}),
            Person("privacy", "Gegevensbescherming", _("Leest de logboeken"), {"roles": ["privacy_officer"]}),
            Person("gast", "Iemand anders", _("Heeft geen rol in de balie"), {"roles": ["bezoeker"]}),
        ),
    ),
)


def person_of(realm: Realm, key: str) -> Person | None:
    """The person with this key, or None."""
    return next((person for person in realm.people if person.key == key), None)
