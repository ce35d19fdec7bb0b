"""The sentence of every refusal: what happened, and the way on; each a text to translate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


def _(text: str) -> str:
    # Marks a text for the catalogues; it is translated when the page is made.
    return text


Way = Literal["again", "start", "sign_in", "conversation", "book", "desk", "close"]


@dataclass(frozen=True)
class Sentence:
    """A title, what to know, and where the button leads; `easy` are the lines of the simplified view."""

    title: str
    text: str
    way: Way = "again"
    easy_title: str = _("Er gaat iets mis")
    easy: tuple[str, ...] = (_("Dat ligt niet aan u."), _("Probeer het nog een keer."))


_LINK = _("Deze link werkt niet")
_LINK_OLD = _("Deze link werkt niet meer")
_FILE_EASY = (_("Dat is niet erg."), _("Maak een nieuwe foto."))
_FILE = _("Deze foto lukt niet")
_TIME_GONE = _("Deze tijd is al weg")
_TIME_EASY = (_("Dat kan gebeuren."), _("Kies een andere tijd."))
_CALL_DONE = _("Het gesprek is klaar")
_DIGID = _("Het inloggen is niet gelukt")
_DIGID_EASY_TITLE = _("Het lukte niet")
_DIGID_EASY = (_("Dat is niet erg."), _("Ga terug naar uw gesprek."))
_CLOSE_EASY = (_("Dit scherm mag dicht."),)
_TALK = _("Uw gesprek gaat gewoon door.")

FAULT = Sentence(_("Er gaat iets mis"), _("Dat ligt niet aan u. Probeer het zo nog een keer, of bel ons."))

PROBLEMS: dict[str, Sentence] = {
    "balie_fault": FAULT,
    # Who and what
    "not_signed_in": Sentence(
        _("U bent niet ingelogd"),
        _("Open de link in uw bericht nog een keer. Dan komt u weer op de goede plek."),
        "start",
        _("Open uw link nog een keer"),
        (_("Kijk in uw sms."), _("Druk daar op de link.")),
    ),
    "not_found": Sentence(
        _("Deze pagina is er niet"), _("Kijk of het adres klopt. Of begin opnieuw vanaf het begin."), "start"
    ),
    "unknown_link": Sentence(
        _LINK,
        _("Kijk of u de hele link uit uw bericht heeft geopend. Lukt het niet? Bel ons dan."),
        "close",
        _LINK,
        (_("Kijk nog een keer in uw sms."),),
    ),
    "link_expired": Sentence(
        _("Deze afspraak is al geweest"),
        _("De link werkt daarom niet meer. U kunt een nieuwe afspraak maken."),
        "book",
        _("Uw afspraak is al geweest"),
        (_("Wilt u een nieuwe afspraak?"),),
    ),
    "link_replaced": Sentence(
        _LINK_OLD,
        _("U heeft een nieuwere link van ons gekregen. Kijk in uw laatste bericht."),
        "close",
        _("Uw afspraak is veranderd"),
        (_("Kijk in uw nieuwe sms."), _("Daar staat de goede link.")),
    ),
    "not_allowed": Sentence(
        _("Dit mag u hier niet doen"), _("Ga terug en kies iets anders. Of vraag iemand die dit wel mag."), "start"
    ),
    "csrf_failed": Sentence(
        _("Dit formulier is te oud"), _("Laad de pagina opnieuw en vul het formulier nog een keer in.")
    ),
    "no_role": Sentence(
        _("U heeft nog geen toegang"),
        _("Uw account mag hier nog niet werken. Vraag uw beheerder om de juiste rol."),
        "sign_in",
    ),
    "roles_conflict": Sentence(
        _("Deze rollen gaan niet samen"),
        _("U kunt niet beheerder en functionaris gegevensbescherming tegelijk zijn. Vraag uw beheerder om hulp."),
        "sign_in",
    ),
    # Signing in
    "level_too_low": Sentence(
        _("Log in met de DigiD-app"),
        _("Deze vraag heeft meer zekerheid nodig. Gebruik de DigiD-app met ID-check."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "level_unknown": Sentence(
        _DIGID,
        _("Wij kennen de manier niet waarop u heeft ingelogd. Probeer een andere manier."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "not_fresh": Sentence(
        _("Log nog een keer in"),
        _("Het inloggen was te lang geleden. Log opnieuw in."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "other_person": Sentence(
        _("Er is iemand anders ingelogd"),
        _("Wij verwachtten iemand anders. Log in met uw eigen DigiD, of vertel het in het gesprek."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "representation_not_supported": Sentence(
        _("Dit kan alleen voor uzelf"),
        _("U kunt hier nog niet inloggen voor iemand anders. Vertel het in het gesprek of bel ons."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "bsn_unusable": Sentence(
        _DIGID,
        _("Wij kregen geen goed burgerservicenummer. Probeer het nog een keer."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "callback_malformed": Sentence(
        _DIGID,
        _("Het antwoord van DigiD klopt niet. Ga terug naar uw gesprek en probeer het opnieuw."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "callback_stale": Sentence(
        _("Dit inloggen is voorbij"),
        _("U was al klaar, of het duurde te lang. Ga terug naar uw gesprek en probeer het opnieuw."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "other_browser": Sentence(
        _("Ga verder in uw eerste scherm"),
        _("U begon in een andere browser. Ga daar verder met inloggen."),
        "close",
        _("Ga terug naar uw eerste scherm"),
        _CLOSE_EASY,
    ),
    "other_provider": Sentence(
        _DIGID,
        _("Het antwoord kwam van een andere plek dan u koos. Probeer het opnieuw."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "token_refused": Sentence(
        _DIGID,
        _("Wij konden het antwoord van DigiD niet controleren. Probeer het opnieuw."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "sign_in_cancelled": Sentence(
        _("U bent gestopt met inloggen"),
        _("Dat mag. Ga terug naar uw gesprek. U kunt het later opnieuw proberen."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    "provider_unavailable": Sentence(
        _("Inloggen kan even niet"),
        _("De inlogdienst geeft geen antwoord. Probeer het over een paar minuten opnieuw."),
        "conversation",
        _DIGID_EASY_TITLE,
        _DIGID_EASY,
    ),
    # What was sent
    "invalid": Sentence(_("Er klopt iets niet"), _("Ga terug en kijk wat u heeft ingevuld.")),
    "bad_field": Sentence(_("Er klopt iets niet"), _("Laad de pagina opnieuw en probeer het nog een keer.")),
    "unknown_type": Sentence(_("Dit kent de balie niet"), _("Laad de pagina opnieuw. Dan heeft u de nieuwste versie.")),
    "too_big": Sentence(_("Dit is te lang"), _("Stuur het in kleinere stukken.")),
    "file_refused": Sentence(
        _("Dit bestand kunnen wij niet aannemen"),
        _("Stuur een foto (JPEG of PNG) of een PDF. Kies een ander bestand."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "too_large": Sentence(
        _("Dit is te groot"), _("Kies een kleiner bestand, of maak een nieuwe foto."), "conversation", _FILE, _FILE_EASY
    ),
    "too_slow": Sentence(
        _("Het sturen duurde te lang"),
        _("Uw internet is nu traag. Probeer het nog een keer."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "too_many_pieces": Sentence(
        _("Het sturen is niet gelukt"),
        _("Kies het bestand nog een keer en stuur het opnieuw."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "masking_needed": Sentence(
        _("Maak eerst uw BSN zwart"),
        _("Wij mogen uw BSN op dit papier niet zien. Dek het af en stuur het opnieuw."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "upload_gone": Sentence(
        _("Dit bestand is er niet meer"),
        _("Kies het bestand nog een keer en stuur het opnieuw."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "upload_busy": Sentence(_("Uw bestand wordt al gestuurd"), _("Wacht even tot het klaar is."), "conversation"),
    "wrong_offset": Sentence(
        _("Het sturen is niet gelukt"),
        _("Kies het bestand nog een keer en stuur het opnieuw."),
        "conversation",
        _FILE,
        _FILE_EASY,
    ),
    "too_many_files": Sentence(
        _("U heeft genoeg bestanden gestuurd"), _("Haal er eerst een weg, of vraag het in het gesprek."), "conversation"
    ),
    "not_scanned_yet": Sentence(
        _("Wij controleren het bestand nog"), _("Dat duurt meestal een paar tellen. Probeer het zo nog een keer.")
    ),
    "not_shown": Sentence(_("Dit wordt nu niet getoond"), _("De medewerker is klaar met laten zien."), "conversation"),
    "already_accepted": Sentence(
        _("Dit papier is al aangenomen"),
        _("Het blijft daarom staan. Vraag het in het gesprek als het niet klopt."),
        "conversation",
    ),
    "already_decided": Sentence(_("Hier is al over besloten"), _("Laad de pagina opnieuw om te zien wat."), "again"),
    "outcome_missing": Sentence(_("Kies eerst hoe het gesprek afliep"), _("Daarna kunt u het gesprek afronden.")),
    "bsn_in_text": Sentence(
        _("Er staat een BSN in de tekst"), _("Een BSN hoort niet in een notitie. Haal het weg en bewaar opnieuw.")
    ),
    "consent_needed": Sentence(
        _("De inwoner heeft nog geen ja gezegd"), _("Vraag het in het gesprek. Daarna kan het wel.")
    ),
    "not_live": Sentence(
        _("Dit product kan nog niet open"), _("Vul eerst in wat nog mist. Het staat bij het product.")
    ),
    # Appointments
    "slot_taken": Sentence(
        _TIME_GONE, _("Iemand anders was net iets eerder. Kies een andere tijd."), "book", _TIME_GONE, _TIME_EASY
    ),
    "slot_not_offered": Sentence(
        _("Deze tijd kan niet"), _("Kies een tijd uit de lijst."), "book", _TIME_GONE, _TIME_EASY
    ),
    "hold_expired": Sentence(
        _("Uw tijd is niet langer vast"),
        _("Wij hielden de tijd voor u vast, maar niet voor altijd. Kies opnieuw een tijd."),
        "book",
        _TIME_GONE,
        _TIME_EASY,
    ),
    "already_booked": Sentence(
        _("U heeft deze afspraak al"), _("Kijk in uw bericht van ons. Daar staat uw link."), "start"
    ),
    "too_many_appointments": Sentence(
        _("U heeft al een paar afspraken"), _("Zeg er eerst een af, of bel ons."), "start"
    ),
    "too_early": Sentence(
        _("U bent vroeg"),
        _("Uw afspraak begint later. Open dan dezelfde link."),
        "close",
        _("U bent vroeg"),
        (_("Kom later terug."), _("Druk dan weer op de link in uw sms.")),
    ),
    "too_late": Sentence(
        _("Dit kan nu niet meer"),
        _("Het is hiervoor te laat. Maak een nieuwe afspraak of bel ons."),
        "book",
        _("Uw afspraak is al geweest"),
        (_("Wilt u een nieuwe afspraak?"),),
    ),
    # At the desk
    "already_waiting": Sentence(
        _("U wacht al"),
        _("Uw plek is er nog."),
        "conversation",
        _("U wacht op de gemeente"),
        (_("Uw plek is er nog."),),
    ),
    "queue_closed": Sentence(
        _("De balie is nu dicht"),
        _("Vandaag lukt het niet meer. Maak een nieuwe afspraak of bel ons."),
        "book",
        _("Vandaag lukt het niet meer"),
        (_("Dat is niet uw schuld."), _("Wij maken graag een nieuwe afspraak.")),
    ),
    "nobody_waiting": Sentence(
        _("Er wacht nu niemand"), _("De volgende inwoner verschijnt vanzelf in de lijst."), "desk"
    ),
    "not_waiting": Sentence(_("Dit bezoek is al verder"), _("Een collega was u voor, of de inwoner is weg."), "desk"),
    "not_your_visit": Sentence(
        _("Een collega heeft dit bezoek"), _("Vraag uw collega, of neem een ander bezoek."), "desk"
    ),
    "already_helping": Sentence(_("U helpt al iemand"), _("Rond dat gesprek eerst af."), "desk"),
    "no_counter": Sentence(
        _("Uw loket is nog dicht"), _("Open eerst uw loket. Daarna kunt u iemand binnenlaten."), "desk"
    ),
    "target_closed": Sentence(_("Die balie is dicht"), _("Kies een andere balie."), "desk"),
    "open_visits": Sentence(_("Er zijn nog bezoeken open"), _("Rond die eerst af."), "desk"),
    # The conversation
    "call_full": Sentence(
        _("Het gesprek is vol"), _("Er kan niemand meer bij. Wacht tot er iemand weggaat."), "conversation"
    ),
    "call_over": Sentence(_CALL_DONE, _("U mag dit scherm dicht doen."), "conversation", _CALL_DONE, _CLOSE_EASY),
    "seat_taken": Sentence(
        _("U praat nu op een andere plek"),
        _("Dit scherm mag dicht."),
        "close",
        _("U praat nu op een andere plek"),
        _CLOSE_EASY,
    ),
    "not_in_call": Sentence(
        _("U bent niet in dit gesprek"), _("Open de link in uw bericht nog een keer."), "conversation"
    ),
    "no_such_participant": Sentence(
        _("Deze persoon is niet in het gesprek"), _("Laad de pagina opnieuw."), "conversation"
    ),
    "not_begun": Sentence(_("Het gesprek is nog niet begonnen"), _("Wacht tot de inwoner ja zegt."), "conversation"),
    "on_hold": Sentence(
        _("Het gesprek staat in de wacht"),
        _("Het gaat zo vanzelf verder."),
        "conversation",
        _("U wacht even"),
        (_("U hoeft niets te doen."),),
    ),
    "stale_epoch": Sentence(
        _("U heeft een nieuwer scherm"),
        _("Ga daar verder. Dit scherm mag dicht."),
        "close",
        _("U praat nu op een andere plek"),
        _CLOSE_EASY,
    ),
    "stale_round": Sentence(_("De verbinding is vernieuwd"), _TALK, "conversation"),
    # Elsewhere
    "conflict": Sentence(_("Iemand was net iets eerder"), _("Laad de pagina opnieuw om te zien wat er nu staat.")),
    "external_register": Sentence(
        _("Contacten staan in een ander systeem"), _("Schrijf dit contact in dat systeem."), "desk"
    ),
    "register_unavailable": Sentence(
        _("Het register geeft geen antwoord"), _("Wij proberen het vanzelf opnieuw. U hoeft niets te doen.")
    ),
    "case_system_unavailable": Sentence(
        _("Het zaaksysteem geeft geen antwoord"), _("Wij proberen het vanzelf opnieuw. U hoeft niets te doen.")
    ),
    "storage_full": Sentence(_("Bewaren lukt nu niet"), _("Dat ligt niet aan u. Probeer het straks nog een keer.")),
    "too_fast": Sentence(_("Dat ging te snel achter elkaar"), _("Wacht een minuut en probeer het dan nog een keer.")),
    "unavailable": Sentence(_("Dit werkt nu even niet"), _("Dat ligt niet aan u. Probeer het straks nog een keer.")),
}

# What stands beside a field, by the code of web/forms.py or of `Invalid(fields)`.
FIELD_SENTENCES: dict[str, str] = {
    "missing": _("Vul dit in."),
    "too_long": _("Dit is te lang. Maak het korter."),
    "too_short": _("Dit is te kort."),
    "choose": _("Kies een van de mogelijkheden."),
    "unknown": _("Dit veld kennen wij niet. Laad de pagina opnieuw."),
    "wrong": _("Dit klopt niet. Kijk het nog een keer na."),
    "slot_taken": _("Deze tijd is al weg. Kies een andere tijd."),
    "slot_not_offered": _("Deze tijd kan niet. Kies een tijd uit de lijst."),
    "bsn_in_text": _("Hier staat een BSN. Haal het nummer weg."),
    "outcome_missing": _("Kies hoe het gesprek afliep."),
    "follow_up_needed": _("Schrijf op wat wij nog doen."),
    "redirected_needs_answer": _("Schrijf op naar wie u doorverwijst."),
    "file_refused": _("Stuur een foto (JPEG of PNG) of een PDF."),
    "too_large": _("Dit bestand is te groot. Kies een kleiner bestand."),
    "empty_file": _("Dit bestand is leeg. Kies een ander bestand."),
    "masking_needed": _("Maak eerst uw BSN zwart."),
    "mobile_or_mail": _("Vul uw mobiele nummer of uw e-mailadres in."),
    "not_a_mobile": _("Dit is geen mobiel nummer. Een voorbeeld is 06 12 34 56 78."),
    "not_a_mail": _("Dit is geen e-mailadres. Een voorbeeld is naam@voorbeeld.nl."),
    "not_a_date": _("Dit is geen datum. Een voorbeeld is 4-12-2026."),
    "not_a_time": _("Dit is geen tijd. Een voorbeeld is 14:30."),
    "not_a_number": _("Vul hier een getal in."),
    "end_before_begin": _("Het einde ligt voor het begin."),
    "overlap": _("Deze tijden vallen over elkaar heen."),
    "in_the_past": _("Dit moment is al voorbij."),
    "name_in_use": _("Deze naam bestaat al. Kies een andere naam."),
    "slug_wrong": _("Gebruik alleen kleine letters, cijfers en streepjes."),
    "five_minutes": _("Vul een veelvoud van 5 in."),
    "number_range": _("Dit getal is te klein of te groot."),
    "paper_line": _("Deze regel klopt niet. Kijk naar het voorbeeld erboven."),
    "plain_name_missing": _("Vul een korte naam in van hooguit vier woorden."),
    "retention_not_confirmed": _("Laat de gemeente eerst de bewaartermijn vaststellen."),
    "id_copy_not_possible": _("Een kopie van een identiteitsbewijs kan nog niet."),
    "slot_plain_name_missing": _("Elk papier heeft een korte naam nodig van hooguit vier woorden."),
}


def sentence(code: str) -> Sentence:
    """The sentence of an error's code; of an unknown one the sentence of a fault."""
    return PROBLEMS.get(code, FAULT)
