"""Moments as people type them: a day, a day and a time on their own clock, or an instant."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from coopflow.core.instants import require_year
from coopflow.core.timing import instant_of, scheduled
from coopflow.core.wording import shown

MIDNIGHT = time(0)

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def moment(text: str, *, tz: ZoneInfo, of_day: time = MIDNIGHT) -> datetime:
    """The instant that is meant; a day means that time of it in `tz`. Raises ValueError with what can be written."""
    on = _day(text)
    if on is not None:
        return instant_of(datetime.combine(on, of_day), tz)
    if not re.match(_DAY, text.strip()):
        raise ValueError(
            f"{shown(text)} is not a date; write for example '2026-12-01', '2026-12-01 09:00' or '2026-12-01T15:00:00Z'"
        )
    return scheduled(text, tz)


def end(text: str, *, tz: ZoneInfo) -> datetime:
    """The instant at which a span is over that lasts until then: the end of a day, or the instant itself."""
    on = _day(text)
    return start_of_day(on + timedelta(days=1), tz=tz) if on is not None else moment(text, tz=tz)


def due_before(due: str, *, tz: ZoneInfo, now: datetime) -> datetime:
    """The moment before which tasks are due that are `overdue`, or due `today` or within the `week`."""
    if due == "overdue":
        return now
    days = {"today": 1, "week": 7}[due]
    return start_of_day(now.astimezone(tz).date() + timedelta(days=days), tz=tz)


def start_of_day(on: date, *, tz: ZoneInfo) -> datetime:
    """The first instant of a day."""
    return instant_of(datetime.combine(on, MIDNIGHT), tz)


def _day(text: str) -> date | None:
    if not re.fullmatch(_DAY, text.strip()):
        return None
    try:
        on = date.fromisoformat(text.strip())
    except ValueError as problem:
        raise ValueError(f"{shown(text)} is not a date that exists: {problem}") from None
    require_year(on, text)
    return on
