"""The screens of documents with sample values, for `/tester` and the gates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from balie.documents.answers import DocumentLine
from balie.documents.views import DocumentPage, DocumentsOfCitizen
from balie.web.screens import Screen

_AT = datetime(2026, 12, 4, 13, 20, tzinfo=UTC)
_ID = "7a5c4b1e-6f0d-4d53-9f5a-2f1f6f1b9a10"
_THERE = DocumentLine(
    _ID, "Huurcontract", "huurcontract.pdf", "pdf", 412, 3, "there", _AT, may_open=True, may_withdraw=True
)
_SEEN = replace(_THERE, state="seen", seen_at=_AT)
_LINES = {
    "checking": replace(_THERE, state="checking", may_open=False),
    "there": _THERE,
    "seen": _SEEN,
    "accepted": replace(_SEEN, state="accepted", may_withdraw=False, kept_until=date(2027, 1, 3)),
    "not_needed": replace(_THERE, state="not_needed", may_open=False, may_withdraw=False),
    "withdrawn": replace(_THERE, state="withdrawn", may_open=False, may_withdraw=False),
    "refused": replace(_THERE, state="refused", refused_because="encrypted", may_open=False, may_withdraw=False),
}

SCREENS = [
    Screen(
        "papers-own",
        "documents/own",
        {"none": DocumentsOfCitizen()} | {name: DocumentsOfCitizen((line,)) for name, line in _LINES.items()},
        "citizen",
        "Uw papieren",
        frozenset({"documents.withdraw", "documents.own_pages", "desk.conversation"}),
    ),
    Screen(
        "papers-pages",
        "documents/own_pages",
        {
            "pdf": DocumentPage(replace(_THERE, pages=1), 1, "Huurcontract voor Fatima de Vries"),
            "photo": DocumentPage(replace(_THERE, kind="jpeg", pages=1), 1),
        },
        "citizen",
        "Uw papier",
        frozenset({"documents.ask_original", "documents.offer"}),
    ),
]
