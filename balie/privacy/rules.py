"""Retention periods: how long the logs and a contact are kept, and until which day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

BATCH = 1000  # rows destroyed in one transaction, so that nobody waits long behind it
PROCESSING_LOG_DAYS = 3 * 365 + 1
AUDIT_LOG_DAYS = 3 * 365 + 1
DEFAULT_CONTACT_DAYS = 5 * 365 + 1


def retain_until(happened_on: date, days: int) -> date:
    """The last day on which something of `happened_on` is kept; destroyed in the night after it."""
    return happened_on + timedelta(days=days)


def is_past_period(kept_until: date, today: date) -> bool:
    """Whether the last day of keeping lies behind us."""
    return kept_until < today


def older_than(now: datetime, days: int) -> datetime:
    """The moment before which rows of a log with this period are destroyed."""
    return now - timedelta(days=days)
