"""When a channel or a desk is open: hours of the wall clock by weekday, and the co-op's closed days."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.durations import Duration
from coopflow.core.intervals import intersection, subtraction, union
from coopflow.core.wording import did_you_mean, shown
from coopflow.core.zones import DAYS

Hours = tuple[tuple[int, int], ...]  # half-open ranges in minutes of the day, ascending

PATIENCE = Duration(days=2)  # how long the best times are waited for, unless said otherwise
MIDNIGHT = 24 * 60  # the end of the day, as a minute of it


class Window(Struct, frozen=True):
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

    def hours_text(self) -> str:
        """`09:00-11:00 Tue-Thu`; the name, if not all its days have the same hours."""
        days = [day for day, hours in enumerate(self.days) if hours]
        if len({hours for hours in self.days if hours}) != 1:
            return self.name
        ranges = ", ".join(_range_text(*hours) for hours in self.days[days[0]])
        return ranges if len(days) == 7 else f"{ranges} {_days_text(days)}"


_OFFICE = ((8 * 60, 18 * 60),)
_DAYTIME = ((8 * 60, 21 * 60),)
_WHOLE_DAY = ((0, MIDNIGHT),)

BUSINESS_HOURS = Window("business_hours", (_OFFICE, _OFFICE, _OFFICE, _OFFICE, _OFFICE, (), ()), 9 * 60)
TEXT_HOURS = Window("text_hours", (_DAYTIME,) * 7)  # by law: no texts between 21:00 and 08:00 at the recipient
ALWAYS = Window("always", (_WHOLE_DAY,) * 7)


class Preference(Struct, frozen=True):
    """The best times within those that are allowed, and how long they are waited for."""

    window: Window
    patience: Duration


class Calendar(Struct, frozen=True):
    """The co-op's own rules of time."""

    windows: Mapping[str, Window]
    closed_days: Mapping[date, str]  # day → its name, empty if it has none
    tz: ZoneInfo
    holidays_until: date | None = None  # the last day of which it is known; None: no holidays are kept

    @classmethod
    def default(cls, tz: ZoneInfo) -> "Calendar":
        """Office hours from Monday to Friday, texts from 08:00 to 21:00, no closed days."""
        return cls({window.name: window for window in (BUSINESS_HOURS, TEXT_HOURS, ALWAYS)}, {}, tz)

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


def without_texts(calendar: Calendar) -> frozenset[str]:
    """The windows in which no text can ever go, since they share no minute of the week with the text hours."""
    texts = calendar.window(TEXT_HOURS.name)
    return frozenset(
        name
        for name, window in calendar.windows.items()
        if not any(intersection(window.days[day], texts.days[day]) for day in range(7))
    )


KEYS = ("days", "hours", "resume_at")
PREFERENCE_KEYS = ("days", "hours", "patience")
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


def parse_preference(spec: Mapping[str, Any]) -> Preference:
    """Read `{days: tue-thu, hours: "09:00-11:00", patience: 2 days}`; raise ValueError with a sentence."""
    try:
        hours = {key: value for key, value in spec.items() if key != "patience"}
        return Preference(_window("preferred", hours, PREFERENCE_KEYS), _patience(spec.get("patience")))
    except ValueError as problem:
        raise ValueError(f"preferred times: {problem}") from None


def narrowed(window: Window, legal: Window) -> Window:
    """A window that stays within another, as the law's; raise ValueError with a sentence if it does not."""
    for day, hours in enumerate(window.days):
        if outside := subtraction(hours, legal.days[day]):
            allowed = " and ".join(_range_text(*part) for part in legal.days[day]) or f"nothing on {_WEEK[day]}"
            raise ValueError(
                f"window {shown(window.name)}: {_range_text(*outside[0])} on {_WEEK[day]} is outside {allowed};"
                f" it can be made narrower, not wider"
            )
    return window


def _window(name: str, spec: Mapping[str, Any], keys: Sequence[str] = KEYS) -> Window:
    for key in spec:
        if key not in keys:
            raise ValueError(
                f"there is no key {shown(key)}{did_you_mean(str(key), keys)} (the keys are {', '.join(keys)})"
            )
    if missing := [key for key in ("days", "hours") if key not in spec]:
        raise ValueError(f'{" and ".join(missing)} missing; write for example days: mon-fri and hours: "08:00-18:00"')
    open_days = parse_days(spec["days"])
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


def parse_days(value: object) -> set[int]:
    """The weekdays (0 is Monday) of `mon-fri`, `mon,wed,fri` or `every day`; raise ValueError with a sentence."""
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
    for one, other in pairwise(ranges):
        if intersection([one], (other,)):
            raise ValueError(f"hours: {_range_text(*one)} and {_range_text(*other)} overlap")
    return union(ranges)  # those that touch are one opening, so that nothing is "moved" from one to the other


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


def _patience(value: object) -> Duration:
    if value is None:
        return PATIENCE
    if not isinstance(value, str):
        raise ValueError(f"patience: {shown(value)} is not text; write for example '2 days'")
    try:
        patience = Duration.parse(value)
    except ValueError as problem:
        raise ValueError(f"patience: {problem}") from None
    if not patience:
        raise ValueError(f"patience: {shown(value)} is no time at all, so nothing would ever wait")
    return patience


def _minute(key: str, text: str) -> int:
    found = _CLOCK.fullmatch(text)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else MIDNIGHT + 1
    if minute > MIDNIGHT:
        raise ValueError(f'{key}: {shown(text)} is not a time of day; write for example "09:00"')
    return minute


def _days_text(days: Sequence[int]) -> str:
    """`Tue-Thu`, `Mon, Wed-Fri`."""
    runs = union((day, day + 1) for day in days)
    names = (DAYS[first] if last == first + 1 else f"{DAYS[first]}-{DAYS[last - 1]}" for first, last in runs)
    return ", ".join(names)


def _range_text(start: int, end: int) -> str:
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
