"""The sentences that the system itself writes into a contact record (kept in Dutch), and limits on texts."""

from __future__ import annotations

import re
import unicodedata

from balie.history.records import ContactRecord, EarlierContact
from balie.history.rules import NOTE_MOST, ClosedVisit, Outcome
from balie.ids import passes_eleven_test

CHANNEL_WORDS = {
    "video": "video",
    "phone": "telefoon",
    "counter": "balie",
    "chat": "chat",
    "form": "formulier",
    "mail": "e-mail",
}
OUTCOME_WORDS = {
    Outcome.HELPED: "geholpen",
    Outcome.FOLLOW_UP: "wij doen nog iets",
    Outcome.REDIRECTED: "doorverwezen",
    Outcome.INTERRUPTED: "gesprek brak af",
    Outcome.NO_SHOW: "niet verschenen",
    Outcome.LEFT: "weggegaan",
    Outcome.NOT_SERVED: "niet aan de beurt gekomen",
    Outcome.REFUSED: "beëindigd door de gemeente",
    Outcome.UNRECORDED: "nog niet vastgelegd",
}
OTHER_DOMAIN = "Contact bij andere afdeling"
TAKEN_OUT = "(nummer weggehaald)"
_NINE_DIGITS = re.compile(r"(?<!\w)\d(?:[\s.\-/]?\d){8}(?!\w)")


def system_text(closed: ClosedVisit) -> str:
    """The sentence that the system adds to the note, by outcome."""
    talked_s = (closed.ended_at - closed.happened_at).total_seconds() if closed.ended_at else 0
    match closed.outcome:
        case Outcome.FOLLOW_UP if closed.follow_up:
            return f"Wij doen nog: {closed.follow_up.action}"
        case Outcome.REDIRECTED:
            return "Doorverwezen."
        case Outcome.INTERRUPTED:
            return f"Het gesprek brak af na {minutes(talked_s)}."
        case Outcome.NO_SHOW if closed.admit_count:
            return f"{times(closed.admit_count)} opgeroepen, geen antwoord."
        case Outcome.NO_SHOW:
            return "Niet verschenen."
        case Outcome.LEFT:
            return f"Weggegaan na {minutes(closed.waited_s or 0)} wachten."
        case Outcome.NOT_SERVED:
            return "Niet aan de beurt gekomen voor sluitingstijd."
        case Outcome.REFUSED:
            return "Gesprek beëindigd door de gemeente."
        case Outcome.UNRECORDED:
            return "Nog niet vastgelegd."
    return ""


def full_note(closed: ClosedVisit) -> str:
    """The note of staff after the sentence of the system, within the limit."""
    parts = [system_text(closed), closed.note.strip()]
    return cut("\n".join(part for part in parts if part), NOTE_MOST)


def cut(text: str, most: int) -> str:
    """`text` of at most `most` characters, cut on a word."""
    if len(text) <= most:
        return text
    head, after = text[: most - 1], text[most - 1]
    ends_on_word = head[-1].isspace() or after.isspace()
    return (head if ends_on_word else head.rsplit(None, 1)[0]).rstrip() + "…"


def content(record: ContactRecord, papers: int) -> str:
    """What other systems show of a contact of ours, in short lines."""
    lines = [
        record.topic,
        f"Uitkomst: {OUTCOME_WORDS[record.outcome]}" if record.outcome else "",
        f"Afgesproken: {record.answer}" if record.answer else "",
        record.note,
        f"Papieren: {papers}" if papers else "",
        f"Duur: {minutes(record.duration_s)}" if record.duration_s else "",
        record.department,
    ]
    return cut("\n".join(line for line in lines if line), NOTE_MOST)


def minutes(seconds: float) -> str:
    """Whole minutes in words, at least one."""
    whole = max(1, round(seconds / 60))
    return "1 minuut" if whole == 1 else f"{whole} minuten"


def times(count: int) -> str:
    """How often, in words."""
    return f"{count} keer"


def channel_word(channel: str) -> str:
    """The word on screen for a channel; another system's own word stays as it was sent."""
    return CHANNEL_WORDS.get(channel, channel.lower())


def has_bsn(text: str) -> bool:
    """Whether a citizen service number stands in the text, also with points or spaces in it."""
    return any(_is_bsn(found) for found in _NINE_DIGITS.finditer(text))


def without_bsn(text: str) -> str:
    """The text with every citizen service number taken out, for writing without a person at hand."""
    return _NINE_DIGITS.sub(lambda found: TAKEN_OUT if _is_bsn(found) else found.group(), text)


def _is_bsn(found: re.Match[str]) -> bool:
    return passes_eleven_test("".join(str(unicodedata.digit(c)) for c in found.group() if c.isdigit()))


def one_line(contact: EarlierContact) -> str:
    """The line under a contact: what was agreed, else the note."""
    text = (contact.answer or contact.note).strip()
    return cut(text.splitlines()[0], 120) if text else ""
