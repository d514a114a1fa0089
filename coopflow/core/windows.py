"""When a channel or a desk is open: hours of the wall clock by weekday, and the co-op's closed days."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from coopflow.core.wording import did_you_mean, shown

Hours = tuple[tuple[int, int], ...]  # half-open ranges in minutes of the day, ascending

MIDNIGHT = 24 * 60  # the end of the day, as a minute of it


@dataclass(frozen=True, slots=True)
class Window:
    """Open hours. What falls outside moves to `resume_at` of the next opening, or to its start if that is outside."""

    name: str
    days: tuple[Hours, Hours, Hours, Hours, Hours, Hours, Hours]  # Monday first
    resume_at: int | None = None

    def opening(self, weekday: int, minute: int) -> tuple[int, int] | None:
        """The range of that weekday (0 is Monday) that holds the minute; None: it is closed then."""
        for hours in self.days[weekday]:
            if hours[0] <= minute < hours[1]:
                return hours
        return None


_OFFICE = ((8 * 60, 18 * 60),)
_DAYTIME = ((8 * 60, 21 * 60),)
_WHOLE_DAY = ((0, MIDNIGHT),)

BUSINESS_HOURS = Window("business_hours", (_OFFICE, _OFFICE, _OFFICE, _OFFICE, _OFFICE, (), ()), 9 * 60)
TEXT_HOURS = Window("text_hours", (_DAYTIME,) * 7)  # by law: no texts between 21:00 and 08:00 at the recipient
ALWAYS = Window("always", (_WHOLE_DAY,) * 7)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The co-op's own rules of time."""

    windows: Mapping[str, Window]
    closed_days: frozenset[date]
    tz: ZoneInfo

    @classmethod
    def default(cls, tz: ZoneInfo) -> "Calendar":
        """Office hours from Monday to Friday, texts from 08:00 to 21:00, no closed days."""
        return cls({window.name: window for window in (BUSINESS_HOURS, TEXT_HOURS, ALWAYS)}, frozenset(), tz)

    def window(self, name: str) -> Window:
        """The window of this name; raise LookupError with a sentence if there is none."""
        found = self.windows.get(name)
        if found is None:
            hint = did_you_mean(name, self.windows) or f"; there are {', '.join(sorted(self.windows))}"
            raise LookupError(f"there is no window {shown(name)}{hint}")
        return found

    def is_business_day(self, day: date) -> bool:
        """True if business hours open on that day."""
        return bool(self.window(BUSINESS_HOURS.name).days[day.weekday()]) and day not in self.closed_days


KEYS = ("days", "hours", "resume_at")
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = {**{day: number for number, day in enumerate(_WEEK)}, **{day: number for number, day in enumerate(_FULL)}}
_RANGE = re.compile(r"([0-9]{1,2}:[0-9]{2})\s*[-–]\s*([0-9]{1,2}:[0-9]{2})")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def parse_window(name: str, spec: Mapping[str, Any]) -> Window:
    """Read `{days: mon-fri, hours: "08:00-18:00", resume_at: "09:00"}`; raise ValueError with a sentence."""
    try:
        return _window(name, spec)
    except ValueError as problem:
        raise ValueError(f"window {shown(name)}: {problem}") from None


def _window(name: str, spec: Mapping[str, Any]) -> Window:
    for key in spec:
        if key not in KEYS:
            raise ValueError(
                f"there is no key {shown(key)}{did_you_mean(str(key), KEYS)} (the keys are {', '.join(KEYS)})"
            )
    if missing := [key for key in ("days", "hours") if key not in spec]:
        raise ValueError(f'{" and ".join(missing)} missing; write for example days: mon-fri and hours: "08:00-18:00"')
    open_days = _days(spec["days"])
    hours = _hours(spec["hours"])
    resume_at = _resume(spec.get("resume_at"), hours)
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (
        hours if day in open_days else () for day in range(7)
    )
    return Window(name, (monday, tuesday, wednesday, thursday, friday, saturday, sunday), resume_at)


def _texts(key: str, value: object, example: str) -> list[str]:
    """The parts of what may be one text or a list of texts."""
    if not value:
        raise ValueError(f"{key} is empty, so it would never open")
    parts: Sequence[object] = value if isinstance(value, list | tuple) else [value]
    pieces: list[str] = []
    for part in parts:
        if not isinstance(part, str):
            raise ValueError(f"{key}: {shown(part)} is not text; write for example {example}, in quotes")
        pieces += [piece.strip().lower() for piece in part.split(",")]
    return pieces


def _days(value: object) -> set[int]:
    parts = _texts("days", value, '"mon-fri"')
    if parts == ["every day"]:
        return set(range(7))
    found: list[int] = []
    for part in parts:
        found += _day_range(part)
    for day in found:
        if found.count(day) > 1:
            raise ValueError(f"days: {_WEEK[day]} is named twice")
    return set(found)


def _day_range(part: str) -> list[int]:
    """The days of `fri` or of `mon-fri`; `sat-mon` runs over Sunday."""
    first, *rest = (_day(word.strip()) for word in re.split("[-–]", part))
    if not rest:
        return [first]
    if len(rest) > 1:
        raise ValueError(f"days: {shown(part)} is not a day or a range of days")
    return [(first + step) % 7 for step in range((rest[0] - first) % 7 + 1)]


def _day(word: str) -> int:
    if word not in _DAY:
        hint = did_you_mean(word, (*_DAY, "every day"))
        raise ValueError(f"days: {shown(word)} is not a day{hint or '; write mon-fri, mon,wed,fri or every day'}")
    return _DAY[word]


def _hours(value: object) -> Hours:
    ranges = sorted(_hour_range(text) for text in _texts("hours", value, '"08:00-18:00"'))
    joined = ranges[:1]
    for start, end in ranges[1:]:
        last_start, last_end = joined[-1]
        if start < last_end:
            raise ValueError(f"hours: {_range_text(last_start, last_end)} and {_range_text(start, end)} overlap")
        if start == last_end:  # one opening, so that nothing is "moved" from one to the other
            joined[-1] = (last_start, end)
        else:
            joined.append((start, end))
    return tuple(joined)


def _hour_range(text: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(text)
    if not found:
        raise ValueError(f'hours: {shown(text)} is not a range; write for example "08:00-18:00"')
    start, end = _minute("hours", found[1]), _minute("hours", found[2])
    if start == end:
        raise ValueError(f"hours: {shown(text)} has no length, so it would never open")
    if start > end:
        raise ValueError(f"hours: {shown(text)} runs past midnight; {_remedy(start, end)}")
    return start, end


def _remedy(start: int, end: int) -> str:
    evening = f'"{_range_text(start, MIDNIGHT)}"'
    if end == 0:
        return f"midnight at its end is written {evening}"
    return f'write two ranges, {evening} and "{_range_text(0, end)}"'


def _resume(value: object, hours: Hours) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f'resume_at: {shown(value)} is not text; write for example "09:00", in quotes')
    minute = _minute("resume_at", value.strip())
    if not any(start <= minute < end for start, end in hours):
        raise ValueError(f"resume_at: {value.strip()} is outside the hours")
    return minute


def _minute(key: str, text: str) -> int:
    found = _CLOCK.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else MIDNIGHT + 1
    if minute > MIDNIGHT:
        raise ValueError(f'{key}: {shown(text)} is not a time of day; write for example "09:00"')
    return minute


def _range_text(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
