"""Moments that hang on a date of a family: `7 days before payment_due_on at 09:00` (design, section 7)."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.adding import days_on
from coopflow.core.durations import Duration
from coopflow.core.instants import parse_moment, require_year
from coopflow.core.wording import shown
from coopflow.core.zones import instant_of

EXAMPLES = "write for example '7 days before payment_due_on at 09:00', 'renewal_date' or '2 weeks after enrolled_on'"

_AT_MIDNIGHT = r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]00:00(?::00(?:[.,]0+)?)?"
_RULE = (
    r"(?:(?P<length>.+?)\s+(?P<direction>before|after)\s+)?(?P<field>[A-Za-z_][A-Za-z0-9_]{0,63})"
    r"(?:\s+at\s+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}))?"
)


class DateRule(Struct, frozen=True):
    """So long before or after a date of a family, at a time of the day."""

    field: str
    offset: Duration
    direction: str  # before | on | after
    at: time | None

    def __str__(self) -> str:
        length = f"{self.offset} {self.direction} " if self.direction != "on" else ""
        return f"{length}{self.field}{f' at {self.at:%H:%M}' if self.at else ''}"

    def moment(self, value: object, *, tz: ZoneInfo, default_time: time) -> datetime:
        """The instant that it comes to for a family's value; raise ValueError with a sentence if that is no date.

        Days and months keep the wall clock in `tz`; the 31st of a shorter month is its last day; of a time that the
        clocks skip it is the first instant after.
        """
        return self.moments(value, tz=tz, default_time=default_time)[0]

    def moments(self, value: object, *, tz: ZoneInfo, default_time: time) -> tuple[datetime, datetime]:
        """The instant that it comes to, as `moment` has it, and the one at which the date itself comes."""
        wall = _wall_time(value, tz, self.at or default_time)
        itself = instant_of(wall, tz)
        if self.direction == "on":
            return itself, itself
        sign = -1 if self.direction == "before" else 1
        day = days_on(wall.date(), months=sign * self.offset.months, days=sign * self.offset.days)
        at = instant_of(datetime.combine(day, wall.time()), tz) + sign * timedelta(seconds=self.offset.seconds)
        return at, itself


def plain_day(value: object) -> object:
    """A family's value without what says nothing: blanks, and the midnight with which spreadsheets write a day."""
    if not isinstance(value, str):
        return value
    bare = value.strip()
    day = re.fullmatch(_AT_MIDNIGHT, bare) if len(bare) > len("2026-03-20") else None
    return day[1] if day else bare


def parse_date_rule(text: str) -> DateRule:
    """Read `7 days before payment_due_on at 09:00`; raise ValueError with a sentence."""
    found = re.fullmatch(_RULE, " ".join(text.split()))
    if not found:
        raise ValueError(f"{shown(text)} names no date of a family; {EXAMPLES}")
    return DateRule(found["field"], _offset(text, found["length"]), found["direction"] or "on", _time(text, found))


def _offset(text: str, length: str | None) -> Duration:
    if length is None:
        return Duration()
    try:
        offset = Duration.parse(length)
    except ValueError as problem:
        raise ValueError(f"{shown(text)}: {problem}") from None
    if offset != Duration(months=offset.months, days=offset.days, seconds=offset.seconds):
        raise ValueError(f"{shown(text)} counts business days; before and after a date, write plain days")
    return offset


def _time(text: str, found: re.Match[str]) -> time | None:
    if found["hour"] is None:
        return None
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"{shown(text)}: {hour}:{minute:02} is not a time of day; {EXAMPLES}")
    return time(hour, minute)


def _wall_time(value: object, tz: ZoneInfo, at: time) -> datetime:
    """The family's value as a wall time in its zone; a plain day has the rule's time."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a date; one looks like 2026-09-01")
    try:
        day = date.fromisoformat(str(plain_day(value)))
    except ValueError:
        return _wall_moment(value, tz)  # a date with a time, or none at all
    require_year(day, value)
    return datetime.combine(day, at)


def _wall_moment(value: str, tz: ZoneInfo) -> datetime:
    try:
        moment = parse_moment(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is not a date; one looks like 2026-09-01") from None
    return moment.astimezone(tz).replace(tzinfo=None) if moment.tzinfo else moment
