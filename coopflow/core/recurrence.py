"""When something comes round again: `monday 09:00`, or an RRULE of iCalendar (RFC 5545), on the wall clock of a place.

An occurrence is named by its wall time. A time that the clocks skip comes at the first instant after it, one that they
show twice comes once, at the first of the two: so nothing is left out and nothing is doubled.
"""

import re
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, rrule, rrulestr
from msgspec import Struct

from coopflow.core.windows import parse_days
from coopflow.core.wording import shown
from coopflow.core.zones import instant_of

BEGINNING = date(2024, 1, 1)  # a Monday: from where intervals are counted if `starting` says nothing else
LOOKED_AT = timedelta(days=3660)  # what does not come round in ten years never does
YEARS_ALIKE = 11
NINE = time(9)
LEEWAY = timedelta(hours=26)  # between a wall time and UTC, and a clock change
HOW_EVERY = "write for example 'monday 09:00', 'mon-fri 07:30' or 'day 09:00'"
HOW_RRULE = "write for example 'FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9;BYMINUTE=0'"

_EVERY = re.compile(r"(?P<days>.+?)\s+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})")
_PART = re.compile(r"[A-Z]+=[A-Z0-9,+-]+")


class Recurrence(Struct, frozen=True):
    """A rule as it was written: either `every`, or `rrule` with the day from which its intervals count."""

    every: str | None = None
    rrule: str | None = None
    starting: date = BEGINNING


class Occurrence(Struct, frozen=True):
    """One time that it comes round."""

    key: str  # its wall time, `2026-03-09T09:00`: no two occurrences of a rule have the same
    at: datetime


def parse_recurrence(*, every: str | None = None, rule: str | None = None, starting: date = BEGINNING) -> Recurrence:
    """Check one of the two ways to write it; raise ValueError with a sentence."""
    recurrence = Recurrence(every, rule, starting)
    if not _comes_round(_wall_times(recurrence), datetime.combine(starting, time())):
        raise ValueError(f"{shown(every or rule or '')} never comes round within ten years")
    return recurrence


def _comes_round(rule: rrule, begin: datetime) -> bool:
    """True if it does within ten years.

    dateutil looks for what never comes up to the year 9999. So the first question is put shortly before that: in years
    whose calendar is the same.
    """
    late = begin.replace(year=_late_twin(begin.year))
    if rule.replace(dtstart=late, until=None).after(late, inc=True) is None:
        return False
    first = rule.after(begin, inc=True)
    return first is not None and first - begin <= LOOKED_AT


@lru_cache(maxsize=32)
def _late_twin(year: int) -> int:
    """The latest year from which on the days of the week are those of another; itself if there is none."""
    last = MAXYEAR - YEARS_ALIKE
    return next((late for late in range(last, last - 80, -1) if _calendar(late) == _calendar(year)), year)


def _calendar(year: int) -> list[int]:
    """The days of the week on which the years around one begin, and so their lengths too."""
    return [date(year + number, 1, 1).weekday() for number in range(-1, YEARS_ALIKE + 1)]


def occurrences(recurrence: Recurrence, *, after: datetime, until: datetime, tz: ZoneInfo) -> list[Occurrence]:
    """Those after one instant and up to another, in order."""
    first, last = (moment.astimezone(tz).replace(tzinfo=None) for moment in (after - LEEWAY, until + LEEWAY))
    walls = _from(first, recurrence)
    found = [Occurrence(f"{wall:%Y-%m-%dT%H:%M}", instant_of(wall, tz)) for wall in _until(walls, last)]
    in_time = {one.at: one for one in reversed(found) if after < one.at <= until}  # two may come in one gap
    return [in_time[at] for at in sorted(in_time)]


def next_occurrence(recurrence: Recurrence, *, after: datetime, tz: ZoneInfo) -> Occurrence | None:
    """The first one after an instant; None: it never comes round again."""
    begin = (after - LEEWAY).astimezone(tz).replace(tzinfo=None)
    walls = _until(_from(begin, recurrence), begin + LOOKED_AT)
    found = (Occurrence(f"{wall:%Y-%m-%dT%H:%M}", instant_of(wall, tz)) for wall in walls)
    return next((one for one in found if one.at > after), None)


def _from(begin: datetime, recurrence: Recurrence) -> Iterator[datetime]:
    """Its wall times from one on. Where nothing is counted from the beginning, the search begins here and not there."""
    rule = _wall_times(recurrence)
    if _counts_nothing(recurrence):
        first = max(begin.date(), recurrence.starting)
        rule = rule.replace(dtstart=datetime.combine(first, time()))
    found: Iterator[datetime] = rule.xafter(begin, inc=True)
    return found


def _counts_nothing(recurrence: Recurrence) -> bool:
    rule = recurrence.rrule or "FREQ=DAILY"
    return "INTERVAL" not in rule and ("FREQ=HOURLY" in rule or "FREQ=DAILY" in rule)


def _until(walls: Iterator[datetime], last: datetime) -> Iterator[datetime]:
    for wall in walls:
        if wall > last:
            return
        yield wall


@lru_cache(maxsize=256)
def _wall_times(recurrence: Recurrence) -> rrule:
    if recurrence.every is not None:
        return _every(recurrence.every)
    return _rrule(recurrence.rrule or "", recurrence.starting)


def _every(text: str) -> rrule:
    found = _EVERY.fullmatch(" ".join(text.lower().split()))
    if not found:
        raise ValueError(f"{shown(text)} is not a day and a time; {HOW_EVERY}")
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"{shown(text)}: {hour}:{minute:02} is not a time of day; {HOW_EVERY}")
    at: dict[str, Any] = {
        "dtstart": datetime.combine(BEGINNING, time()),
        "byhour": hour,
        "byminute": minute,
        "bysecond": 0,
    }
    if found["days"] in ("day", "every day"):
        return rrule(DAILY, **at)
    try:
        days = parse_days(found["days"])
    except ValueError as problem:
        raise ValueError(f"{shown(text)}: {str(problem).removeprefix('days: ')}; {HOW_EVERY}") from None
    return rrule(DAILY, byweekday=sorted(days), **at)


def _rrule(text: str, starting: date) -> rrule:
    parts = dict(part.split("=", 1) for part in _parts(text))
    if parts.get("FREQ") not in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"):
        raise ValueError(f"{shown(text)} needs a FREQ of HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY; {HOW_RRULE}")
    if "COUNT" in parts:
        raise ValueError(f"{shown(text)}: COUNT would stop it unnoticed; write UNTIL=20271231T000000 instead")
    if parts["FREQ"] != "HOURLY":
        parts.setdefault("BYHOUR", str(NINE.hour))
    parts.setdefault("BYMINUTE", "0")
    parts.setdefault("BYSECOND", "0")
    whole = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        found = rrulestr(whole, dtstart=datetime.combine(starting, time()))
    except (ValueError, KeyError, AttributeError, OverflowError, TypeError) as problem:
        raise ValueError(f"{shown(text)} cannot be read: {problem}; {HOW_RRULE}") from None
    assert isinstance(found, rrule)  # one rule makes no set of rules  # noqa: S101
    return found


def _parts(text: str) -> list[str]:
    parts = text.strip().removeprefix("RRULE:").upper().split(";")
    for part in parts:
        if not _PART.fullmatch(part):
            raise ValueError(f"{shown(text)} is not an RRULE: {shown(part)} is not NAME=VALUE; {HOW_RRULE}")
    names = [part.split("=", 1)[0] for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{shown(text)} says {name} twice")
        if name in ("BYSECOND", "DTSTART", "TZID"):
            raise ValueError(f"{shown(text)}: {name} has no place here; the wall clock of the co-op counts, by minutes")
    return parts
