"""Between the shapes of Klantinteracties and our own values, both ways."""

from __future__ import annotations

from datetime import UTC, datetime

from balie.actors import AssuranceLevel
from balie.errors import Invalid
from balie.external.klantinteracties import (
    Betrokkene,
    Bijlage,
    Contactnaam,
    Expanded,
    Identificator,
    Klantcontact,
    MaakKlantcontact,
    NewBetrokkene,
    NewOnderwerpobject,
    Onderwerpobject,
    Verwijzing,
    moment,
)
from balie.history.channels import FoundContact, NewContact
from balie.history.records import KeptAttachment, KeptParty
from balie.history.rules import OWN, ContactParty, ContactSubject, Outcome, PartyRole
from balie.history.texts import content
from balie.ids import CitizenId, ContactId, is_id
from balie.settings import Settings

ROOT = "/klantinteracties/api/v1"
EXPANDS = ("hadBetrokkenen", "omvatteBijlagen")
_ROLES = {"klant": PartyRole.CITIZEN, "vertegenwoordiger": PartyRole.REPRESENTATIVE}


def new_contact(body: MaakKlantcontact, now: datetime) -> NewContact:
    """What a channel sent as a contact; without a time it happened now."""
    sent = body.klantcontact
    word = (sent.metadata or {}).get("uitkomst")
    return NewContact(
        channel=sent.kanaal,
        topic=sent.onderwerp,
        note=sent.inhoud or "",
        answer=sent.reactie or "",
        has_succeeded=sent.indicatieContactGelukt,
        language=sent.taal,
        is_confidential=sent.vertrouwelijk,
        happened_at=(sent.plaatsgevondenOp or now).astimezone(UTC),
        reference=sent.referentienummer,
        outcome=Outcome(word) if word in list(Outcome) else None,
        party=_new_party(body.betrokkene) if body.betrokkene else None,
        subject=_new_subject(body.onderwerpobject) if body.onderwerpobject else None,
    )


def _new_party(sent: NewBetrokkene) -> ContactParty:
    return ContactParty(
        citizen_id=CitizenId(sent.wasPartij.uuid) if sent.wasPartij else None,
        role=_ROLES[sent.rol],
        is_initiator=sent.initiator,
        name=sent.contactnaam.whole if sent.contactnaam else "",
        organisation=sent.organisatienaam,
    )


def _new_subject(sent: NewOnderwerpobject) -> ContactSubject:
    if sent.wasKlantcontact is not None:
        if not is_id(sent.wasKlantcontact.uuid):
            raise Invalid({"onderwerpobject.wasKlantcontact.uuid": "does_not_exist"})
        contact_id = ContactId(sent.wasKlantcontact.uuid)
        return ContactSubject("contact", contact_id, answers_contact_id=contact_id)
    codes = sent.onderwerpobjectidentificator or Identificator()
    return ContactSubject("other", codes.objectId, codes.codeObjecttype, codes.codeRegister, codes.codeSoortObjectId)


def contact_shape(settings: Settings, found: FoundContact, expand: tuple[str, ...] = ()) -> Klantcontact:
    """A contact as it is answered, with what `expand` names whole."""
    record = found.record
    is_own = record.source == OWN
    metadata = {"uitkomst": record.outcome.value} if record.outcome else {}
    if found.level > AssuranceLevel.NONE:
        metadata["niveau"] = found.level.word
    parties = [party_shape(settings, each) for each in found.parties]
    papers = [_paper(settings, each) for each in found.attachments]
    whole = Expanded(
        hadBetrokkenen=parties if "hadBetrokkenen" in expand else None,
        omvatteBijlagen=papers if "omvatteBijlagen" in expand else None,
    )
    return Klantcontact(
        uuid=record.id,
        url=_url(settings, "klantcontacten", record.id),
        nummer=record.reference,
        referentienummer=record.reference,
        kanaal=settings.channel_name if is_own else record.channel,
        onderwerp=record.topic,
        inhoud=content(record, len(papers)) if is_own else record.note,
        reactie=record.answer,
        indicatieContactGelukt=record.has_succeeded,
        taal=record.language,
        vertrouwelijk=record.is_confidential,
        plaatsgevondenOp=moment(record.happened_at),
        metadata=metadata,
        hadBetrokkenen=[Verwijzing(uuid=each.uuid, url=each.url) for each in parties],
        omvatteBijlagen=[Verwijzing(uuid=each.uuid, url=each.url) for each in papers],
        _expand=whole if expand else None,
    )


def party_shape(settings: Settings, party: KeptParty) -> Betrokkene:
    """Who took part, as it is answered."""
    return Betrokkene(
        uuid=party.id,
        url=_url(settings, "betrokkenen", party.id),
        wasPartij=_reference(settings, "partijen", party.citizen_id) if party.citizen_id else None,
        hadKlantcontact=_reference(settings, "klantcontacten", party.contact_id),
        contactnaam=_name(party.name),
        volledigeNaam=party.name,
        rol="klant" if party.role is PartyRole.CITIZEN else "vertegenwoordiger",
        organisatienaam=party.organisation,
        initiator=party.is_initiator,
    )


def _name(whole: str) -> Contactnaam:
    first, _, rest = whole.partition(" ")
    words = rest.split()
    before = [word for word in words if word.islower()]
    last = " ".join(word for word in words if not word.islower())
    return Contactnaam(voorletters="", voornaam=first, voorvoegselAchternaam=" ".join(before)[:10], achternaam=last)


def _paper(settings: Settings, paper: KeptAttachment) -> Bijlage:
    return Bijlage(
        uuid=paper.id,
        url=_url(settings, "bijlagen", paper.id),
        wasBijlageVanKlantcontact=_reference(settings, "klantcontacten", paper.contact_id),
        bijlageidentificator=Identificator(
            objectId=paper.object_id,
            codeObjecttype=paper.code_objecttype,
            codeRegister=paper.code_register,
            codeSoortObjectId=paper.code_soort_object_id,
        ),
    )


def subject_shape(settings: Settings, found: FoundContact, sent: NewOnderwerpobject) -> Onderwerpobject:
    """The subject that was just written, as it is answered."""
    answered = sent.wasKlantcontact
    return Onderwerpobject(
        uuid=found.subject_id,
        url=_url(settings, "onderwerpobjecten", found.subject_id),
        klantcontact=_reference(settings, "klantcontacten", found.record.id),
        wasKlantcontact=_reference(settings, "klantcontacten", answered.uuid) if answered else None,
        onderwerpobjectidentificator=sent.onderwerpobjectidentificator,
    )


def _reference(settings: Settings, resource: str, uuid: str) -> Verwijzing:
    return Verwijzing(uuid=uuid, url=_url(settings, resource, uuid))


def _url(settings: Settings, resource: str, uuid: str) -> str:
    return f"{settings.public_origin}{ROOT}/{resource}/{uuid}"
