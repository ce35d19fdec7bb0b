"""What the desk announces to the features below it and to whoever tells browsers."""

from dataclasses import dataclass

from balie.desk.rules import Visit


@dataclass(frozen=True)
class CitizenCheckedIn:
    """A visit begins to wait."""

    visit: Visit


@dataclass(frozen=True)
class CitizenAdmitted:
    """A staff member took the visit; it rings."""

    visit: Visit


@dataclass(frozen=True)
class VisitChanged:
    """Anything else about a visit that a page shows."""

    visit: Visit


@dataclass(frozen=True)
class VisitFinished:
    """The visit has ended and its contact record is written."""

    visit: Visit
