"""The Klantinteracties API (0.9 as Open Klant serves it): its shapes, for both directions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

PERSON = {"codeObjecttype": "natuurlijk_persoon", "codeRegister": "brp", "codeSoortObjectId": "bsn"}
PERSON_FILTER = "hadBetrokkene__wasPartij__partijIdentificator__"
PERSON_FILTERS = tuple(PERSON_FILTER + name for name in (*PERSON, "objectId"))
API_VERSION = "0.9.0"
PAGE_SIZE = 100
LARGEST_PAGE = 500

Code = Annotated[str, Field(max_length=200)]


class _Shape(BaseModel):
    """Other systems send more fields than this part knows; those are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Reference(_Shape):
    """Points at a resource by its uuid."""

    uuid: str


class Contactnaam(_Shape):
    voorletters: str = Field("", max_length=10)
    voornaam: str = Field("", max_length=200)
    voorvoegselAchternaam: str = Field("", max_length=10)
    achternaam: str = Field("", max_length=200)

    @property
    def whole(self) -> str:
        """The name in one text."""
        first = self.voornaam or self.voorletters
        return " ".join(part for part in (first, self.voorvoegselAchternaam, self.achternaam) if part)


class Identificator(_Shape):
    objectId: Code = ""
    codeObjecttype: Code = ""
    codeRegister: Code = ""
    codeSoortObjectId: Code = ""


class NewKlantcontact(_Shape):
    """What a channel sends about a contact."""

    kanaal: str = Field(min_length=1, max_length=50)
    onderwerp: str = Field(min_length=1, max_length=200)
    inhoud: str | None = Field("", max_length=1000)
    reactie: str | None = Field("", max_length=4000)
    indicatieContactGelukt: bool | None = None
    taal: str = Field(min_length=3, max_length=3)
    vertrouwelijk: bool
    plaatsgevondenOp: datetime | None = None
    referentienummer: str | None = Field(None, pattern=r"^[0-9]{1,10}$")
    metadata: dict[str, Any] | None = None

    @field_validator("plaatsgevondenOp")
    @classmethod
    def _has_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("no-time-zone")
        return value


class NewBetrokkene(_Shape):
    """Who took part in it."""

    wasPartij: Reference | None = None
    rol: Literal["klant", "vertegenwoordiger"]
    initiator: bool
    contactnaam: Contactnaam | None = None
    organisatienaam: str = Field("", max_length=200)


class NewOnderwerpobject(_Shape):
    """What it was about."""

    wasKlantcontact: Reference | None = None
    onderwerpobjectidentificator: Identificator | None = None


class MaakKlantcontact(_Shape):
    """The body of POST /maak-klantcontact: one contact, at most one party and one subject."""

    klantcontact: NewKlantcontact
    betrokkene: NewBetrokkene | None = None
    onderwerpobject: NewOnderwerpobject | None = None


class Verwijzing(BaseModel):
    """A reference as it is answered."""

    uuid: str
    url: str


class Bijlage(BaseModel):
    uuid: str
    url: str
    wasBijlageVanKlantcontact: Verwijzing
    bijlageidentificator: Identificator


class Betrokkene(BaseModel):
    uuid: str
    url: str
    wasPartij: Verwijzing | None
    hadKlantcontact: Verwijzing
    digitaleAdressen: list[Verwijzing] = []
    bezoekadres: None = None
    correspondentieadres: None = None
    contactnaam: Contactnaam
    volledigeNaam: str
    rol: Literal["klant", "vertegenwoordiger"]
    organisatienaam: str
    initiator: bool


class Onderwerpobject(BaseModel):
    uuid: str
    url: str
    klantcontact: Verwijzing
    wasKlantcontact: Verwijzing | None
    onderwerpobjectidentificator: Identificator | None


class Expanded(BaseModel):
    """What `expand` asked for, whole."""

    hadBetrokkenen: list[Betrokkene] | None = None
    omvatteBijlagen: list[Bijlage] | None = None


class Klantcontact(BaseModel):
    """A contact as it is answered."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    uuid: str
    url: str
    nummer: str
    referentienummer: str
    kanaal: str
    onderwerp: str
    inhoud: str
    reactie: str
    indicatieContactGelukt: bool | None
    taal: str
    vertrouwelijk: bool
    plaatsgevondenOp: str
    metadata: dict[str, str]
    hadBetrokkenen: list[Verwijzing] = []
    omvatteBijlagen: list[Verwijzing] = []
    gingOverOnderwerpobjecten: list[Verwijzing] = []
    hadBetrokkenActoren: list[Verwijzing] = []
    leiddeTotInterneTaken: list[Verwijzing] = []
    expanded: Expanded | None = Field(None, alias="_expand")


class KlantcontactenPage(BaseModel):
    """One page of a list."""

    count: int
    next: str | None
    previous: str | None
    results: list[Klantcontact]


class GemaaktKlantcontact(BaseModel):
    """The answer to POST /maak-klantcontact."""

    klantcontact: Klantcontact
    betrokkene: Betrokkene | None
    onderwerpobject: Onderwerpobject | None


def moment(value: datetime) -> str:
    """A time as this API writes it; given in UTC."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z")
