"""When this process began: clocks of absence begin anew there, and for a minute none of them ends anything."""

from __future__ import annotations

from datetime import datetime

from balie.desk.rules import PACE


class Started:
    """The start of this process."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def is_settled(self, now: datetime) -> bool:
        """Whether clocks of absence may end anything yet."""
        return now - self.at >= PACE.after_start

    def heard(self, last_seen_at: datetime) -> datetime:
        """Since when absence counts: nobody could be heard while the server was away."""
        return max(last_seen_at, self.at)

    def is_away(self, last_seen_at: datetime, now: datetime) -> bool:
        """Whether nothing was heard for so long that it counts as being away."""
        return now - self.heard(last_seen_at) > PACE.away
