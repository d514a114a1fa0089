"""Instants as text: the one form that is stored and sorts as text, and what comes from outside."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from coopflow.core.wording import shown

FIRST_YEAR, LAST_YEAR = 1970, 2999  # outside these a date is a stand-in for "never", not a moment

_STORED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_WRITTEN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2}([.,][0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)


def format_instant(at: datetime) -> str:
    """`2026-03-02T06:00:00Z`. Refuses what is not aware, not UTC or not a whole second: it would sort wrongly."""
    if at.tzinfo is not UTC:
        raise ValueError(f"{at.isoformat()} is not in UTC")
    if at.microsecond:
        raise ValueError(f"{at.isoformat()} is not a whole second")
    return _written(at)


@lru_cache(maxsize=4096)  # a batch has few moments and many rows
def parse_instant(text: str) -> datetime:
    """The instant that `format_instant` wrote, and nothing else."""
    if not _STORED.fullmatch(text):
        raise ValueError(f"{shown(text)} is not an instant; one looks like '2026-03-02T06:00:00Z'")
    return _read(text)


def parse_outside_instant(text: str) -> datetime:
    """An ISO 8601 instant from outside, in UTC and whole seconds; it must say its offset from UTC."""
    at = parse_moment(text)
    if at.tzinfo is None:
        raise ValueError(
            f"{shown(text)} does not say its offset from UTC; write '{text.strip()}Z' or '{text.strip()}-06:00'"
        )
    return at


def parse_moment(text: str) -> datetime:
    """An ISO 8601 date and time in whole seconds: in UTC if it says its offset, else naive."""
    found = re.fullmatch(_WRITTEN, text.strip())
    if not found:
        raise ValueError(f"{shown(text)} is not a date and time; write for example '2026-03-02T09:00:00-06:00'")
    if (found["second"] or "").startswith(":60"):
        raise ValueError(f"{shown(text)} is a leap second, which no clock here can show; write ':59'")
    at = _read(text.strip())
    require_year(at, text)
    at = at.replace(microsecond=0)
    return at.astimezone(UTC) if at.tzinfo else at


def require_year(day: date, text: str) -> None:
    """Raise ValueError with a sentence for a day that stands for "never" or "unknown", as 9999-12-31 and 0001-01-01."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{shown(text)} is not between the years {FIRST_YEAR} and {LAST_YEAR}")


@lru_cache(maxsize=4096)
def _written(at: datetime) -> str:
    """The text of an instant that is in UTC and whole: all that are equal have the same."""
    return f"{at.isoformat()[:19]}Z"


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as problem:
        raise ValueError(f"{shown(text)} is not a date and time that exists: {problem}") from None
