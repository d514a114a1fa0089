"""The search for openings: hours of the wall clock by day, turned into instants, clock changes included.

An opening is cut at midnight of every place, so it lies on one local day of each: wholly closed, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.intervals import intersection
from coopflow.core.windows import ALWAYS, MIDNIGHT, Hours, Window
from coopflow.core.zones import DAYS, MONTHS, instant_of, next_change, on_the_wall, wall_offset

HORIZON_DAYS = 366  # whoever waits longer than a year for an opening waits for a mistake
HORIZON = timedelta(days=HORIZON_DAYS)
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


class NeverOpens(ValueError):
    """No moment within 366 days is open."""


class OpenHours(Struct, frozen=True):
    """When one place is open: on its wall clock all windows are open, and its day is not closed."""

    windows: tuple[Window, ...]
    tz: ZoneInfo
    closed_days: Mapping[date, str]  # day → its name, empty if it has none

    @property
    def keeps_closed_days(self) -> bool:
        """False where all windows are ALWAYS: that is open on every day."""
        return any(window != ALWAYS for window in self.windows)

    def is_open(self, at: datetime) -> bool:
        """True if every window is open at this moment, and the day is not closed."""
        if self.closed_days and self.closed_on(on_the_wall(at, self.tz).date()):
            return False
        return not self.shut_windows(at)

    def closed_on(self, day: date) -> bool:
        """True on a closed day."""
        return day in self.closed_days and self.keeps_closed_days

    def shut_windows(self, at: datetime) -> list[str]:
        """The names of the windows that are closed at this moment by their hours."""
        local = on_the_wall(at, self.tz)
        weekday, minute = local.weekday(), local.hour * 60 + local.minute
        return [window.name for window in self.windows if window.opening(weekday, minute) is None]


class Opening(Struct, frozen=True):
    """A stretch of time, half-open, in which all windows of all places are open by their hours."""

    start: datetime
    end: datetime
    days: tuple[date, ...]  # on the calendar of each place
    resumes: tuple[tuple[datetime, datetime], ...]  # when a window opens on these days, and its `resume_at`

    def entry(self, since: datetime) -> datetime:
        """Where what waits `since` then goes in: `resume_at` of the windows that opened meanwhile, else the start."""
        resumes = (resume for opened, resume in self.resumes if opened > since and self.start <= resume < self.end)
        return max(resumes, default=self.start)


def opening_at(at: datetime, hours: Sequence[OpenHours]) -> Opening | None:
    """The opening that holds this moment."""
    places = _places(hours)
    for number in range(3):  # a local day of 25 hours may have begun two days of UTC ago
        for opening in _openings(places, at.date() - number * ONE_DAY):
            if opening.start <= at < opening.end:
                return None if _closed(opening, hours) else opening
    return None


def openings_after(at: datetime, hours: Sequence[OpenHours], *, until: datetime) -> Iterator[Opening]:
    """The openings that start after one moment, and not after the day of the other, in order."""
    places, day, last = _places(hours), at.date(), until.date()
    while day <= last:
        for opening in _openings(places, day):
            if opening.start > at and not _closed(opening, hours):
                yield opening
        day += ONE_DAY


def day_text(day: date) -> str:
    """`Mon 9 Mar`."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


Place = tuple[tuple[Window, ...], ZoneInfo]


def _places(hours: Sequence[OpenHours]) -> tuple[Place, ...]:
    return tuple((place.windows, place.tz) for place in hours)


def _closed(opening: Opening, hours: Sequence[OpenHours]) -> bool:
    return any(place.closed_on(day) for place, day in zip(hours, opening.days, strict=True))


@lru_cache(maxsize=8192)
def _openings(places: tuple[Place, ...], day: date) -> tuple[Opening, ...]:
    """The openings of all places together that start on this day of UTC."""
    begin = datetime.combine(day, time(), UTC)
    found = _around(places[0], day)
    for place in places[1:]:
        found = _in_common(found, _around(place, day))
    return tuple(opening for opening in found if begin <= opening.start < begin + ONE_DAY)


def _around(place: Place, day: date) -> list[Opening]:
    """Those of one place on the three local days that any moment of a day of UTC may belong to."""
    windows, tz = place
    # Where the clocks go back over midnight, yesterday comes once more after today has begun: so they are sorted.
    found = [opening for number in (-1, 0, 1) for opening in _of_day(windows, tz, day + number * ONE_DAY)]
    return sorted(found, key=lambda opening: opening.start)


def _in_common(some: list[Opening], others: list[Opening]) -> list[Opening]:
    return [
        Opening(start, end, one.days + other.days, one.resumes + other.resumes)
        for one in some
        for other in others
        if (start := max(one.start, other.start)) < (end := min(one.end, other.end))
    ]


@lru_cache(maxsize=8192)
def _of_day(windows: tuple[Window, ...], tz: ZoneInfo, day: date) -> tuple[Opening, ...]:
    """The openings of one local day."""
    midnight = datetime.combine(day, time())
    stretches = _stretches(midnight, tz)
    resumes = tuple(_resumes(windows, midnight, tz))
    return tuple(
        Opening(*stretch, (day,), resumes)
        for start, end in _hours_in_common(windows, day.weekday())
        for stretch in _instants(midnight + start * ONE_MINUTE, midnight + end * ONE_MINUTE, stretches)
    )


def _hours_in_common(windows: tuple[Window, ...], weekday: int) -> Hours:
    common: Hours = ((0, MIDNIGHT),)
    for window in windows:
        common = intersection(common, window.days[weekday])
    return common


@lru_cache(maxsize=2048)
def _stretches(midnight: datetime, tz: ZoneInfo) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """All instants that may belong to a local day, cut where the offset changes: from, to, offset."""
    begin = min(_either(midnight, tz))
    end = max(_either(midnight + ONE_DAY, tz))
    found = []
    while begin < end:
        change = next_change(tz, begin, end)
        found.append((begin, change, wall_offset(begin, tz)))
        begin = change
    return tuple(found)


def _either(wall: datetime, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of a wall time by the offset before a change and by the one after it; mostly the same."""
    local = wall.replace(tzinfo=tz)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _instants(
    start: datetime, end: datetime, stretches: tuple[tuple[datetime, datetime, timedelta], ...]
) -> list[tuple[datetime, datetime]]:
    """When the wall clock shows a time from `start` to before `end`; in two parts if it is set back meanwhile."""
    found: list[tuple[datetime, datetime]] = []
    for begin, change, offset in stretches:
        opens = max(begin, (start - offset).replace(tzinfo=UTC))
        closes = min(change, (end - offset).replace(tzinfo=UTC))
        if found and found[-1][1] == opens < closes:
            found[-1] = (found[-1][0], closes)
        elif opens < closes:
            found.append((opens, closes))
    return found


def _resumes(windows: tuple[Window, ...], midnight: datetime, tz: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    for window in windows:
        own = window.resume_at is not None and window.opening(midnight.weekday(), window.resume_at)
        if own and window.resume_at is not None:
            opened, resume = (instant_of(midnight + minute * ONE_MINUTE, tz) for minute in (own[0], window.resume_at))
            yield opened, resume
