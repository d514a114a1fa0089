"""Lengths of time as people write them: `3 days`, `2 business days`, `4 business hours`, `1h30m`, `P3D`.

Months, days and business days keep the wall clock, business hours pass only while business hours are open, seconds are
elapsed time; so none of them is ever turned into another.
"""

import re
from datetime import timedelta
from typing import Self

from msgspec import Struct

from coopflow.core.wording import did_you_mean, shown

LONGEST_YEARS = 10  # what is longer is a slip of the finger
LONGEST_TEXT = 100
MINUTES_OF_A_BUSINESS_DAY = 10 * 60  # by the usual business hours
EXAMPLES = "write for example '3 days', '36 hours', '2 business days', '1 month' or 'P3D'"


class Duration(Struct, frozen=True):
    """A length of time. It is false when it is no time at all."""

    months: int = 0
    days: int = 0
    business_days: int = 0
    seconds: int = 0
    business_minutes: int = 0

    def __post_init__(self) -> None:
        if min(self.months, self.days, self.business_days, self.seconds, self.business_minutes) < 0:
            raise ValueError("a duration cannot be negative")

    def __bool__(self) -> bool:
        return bool(self.months or self.days or self.business_days or self.seconds or self.business_minutes)

    def __str__(self) -> str:
        years, months = divmod(self.months, 12)
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        business_hours, business_minutes = divmod(self.business_minutes, 60)
        parts = {
            "year": years,
            "month": months,
            "day": self.days,
            "business day": self.business_days,
            "business hour": business_hours,
            "business minute": business_minutes,
            "hour": hours,
            "minute": minutes,
            "second": seconds,
        }
        return " ".join(_counted(count, unit) for unit, count in parts.items() if count) or "0 minutes"

    @property
    def at_most(self) -> timedelta:
        """No longer than this, wherever in the calendar it begins: a business day may follow a weekend."""
        business_days = self.business_days + -(-self.business_minutes // MINUTES_OF_A_BUSINESS_DAY)
        return timedelta(days=31 * self.months + self.days + 3 * business_days, seconds=self.seconds)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a duration; raise ValueError with a sentence that says what was found and what is accepted."""
        try:
            counts = _counts(" ".join(text.split()))
            duration = cls(**_totals(counts))
            if _years(duration) > LONGEST_YEARS:
                raise _Unreadable(f"is longer than {LONGEST_YEARS} years")
        except _Unreadable as problem:
            raise ValueError(f"{shown(text)} {problem}; {EXAMPLES}") from None
        return duration


class _Unreadable(Exception):
    """Why a text is no duration: the middle of the sentence."""


UNITS = {
    "second": ("seconds", 1),
    "minute": ("seconds", 60),
    "hour": ("seconds", 3600),
    "day": ("days", 1),
    "week": ("days", 7),
    "business day": ("business_days", 1),
    "business hour": ("business_minutes", 60),
    "business minute": ("business_minutes", 1),
    "month": ("months", 1),
    "year": ("months", 12),
}
SHORT = {
    "s": "second",
    "sec": "second",
    "secs": "second",
    "m": "minute",
    "min": "minute",
    "mins": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "d": "day",
    "w": "week",
    "y": "year",
}
NAMES = {**{unit: unit for unit in UNITS}, **{f"{unit}s": unit for unit in UNITS}, **SHORT}
MEANT = {
    "working day": "business days",
    "workday": "business days",
    "weekday": "business days",
    "working hour": "business hours",
    "office hour": "business hours",
    "business hr": "business hours",
    "mo": "months",
}

_PART = r"([0-9]+)\s*([a-z]+(?:\s+(?:days?|hours?|hrs?|minutes?))?)"
_PARTS = rf"{_PART}(?:(?:\s*,\s*|\s+and\s+|\s*){_PART})*"
_ANY_CASE = re.IGNORECASE | re.ASCII
_ISO = (
    r"P(?=.)(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
_ISO_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")


def _counts(text: str) -> list[tuple[int, str]]:
    """How many of which unit, in the order written."""
    if not text:
        raise _Unreadable("is empty, a duration is expected")
    if len(text) > LONGEST_TEXT:
        raise _Unreadable("is too long for a duration")
    count, _, word = text.partition(" ")
    if word in NAMES and count.isascii() and count.isdecimal():  # as most are written, and without the patterns below
        return [(int(count), NAMES[word])]
    if iso := re.fullmatch(_ISO, text):
        return [(int(count), unit) for count, unit in zip(iso.groups(), _ISO_UNITS, strict=True) if count]
    if not re.fullmatch(_PARTS, text, _ANY_CASE):
        raise _Unreadable(_what_is_wrong(text))
    return [(int(count), _unit(word)) for count, word in re.findall(_PART, text, _ANY_CASE)]


def _unit(word: str) -> str:
    if word == "M":
        raise _Unreadable("is not clear: 'M' may be minutes or months")
    name = " ".join(word.lower().split())
    if name in NAMES:
        return NAMES[name]
    meant = MEANT.get(name.removesuffix("s"))
    hint = f" (did you mean '{meant}'?)" if meant else did_you_mean(name, (*UNITS, *(f"{unit}s" for unit in UNITS)))
    raise _Unreadable(f"is not a duration: {shown(word)} is not a unit{hint}")


def _totals(counts: list[tuple[int, str]]) -> dict[str, int]:
    totals = dict.fromkeys(Duration.__struct_fields__, 0)
    units = [unit for _, unit in counts]
    for count, unit in counts:
        if units.count(unit) > 1:
            raise _Unreadable(f"says {unit}s twice")
        name, times = UNITS[unit]
        totals[name] += count * times
    return totals


def _years(duration: Duration) -> float:
    """About how long it is; good enough to tell a plan from a slip."""
    business_days = duration.business_days + duration.business_minutes / MINUTES_OF_A_BUSINESS_DAY
    days = duration.days + business_days * 1.4 + duration.seconds / 86_400
    return duration.months / 12 + days / 366


def _what_is_wrong(text: str) -> str:
    if re.search(r"(^|[\sPT])[-−]\s*[0-9.,]", text):
        return "is negative, a duration goes forward"
    if re.search(r"[0-9][.,][0-9]|[½¼¾]", text):
        return "has a fraction; use a smaller unit, as '36 hours' for one and a half days"
    if text.isdecimal():
        return f"has no unit (did you mean '{_counted(int(text), 'day')}'?)"
    if re.search(r"[0-9]\s*$", text):
        return "ends with a number that has no unit"
    return "is not a duration"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
