"""What the pages of identity show: one frozen value per page, without any I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AwayPage:
    """C4a: the citizen is about to leave for DigiD; the link leads there."""

    verification_id: str
    link: str


@dataclass(frozen=True)
class StaffSignInPage:
    """The sign-in of staff; `way_back` names the page they came from, `link` leads to the provider once begun."""

    way_back: str = ""
    link: str | None = None
    staff_name: str = ""
