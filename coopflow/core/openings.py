"""The search for the next opening: hours of the wall clock by day, turned into instants, clock changes included."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from coopflow.core.windows import MIDNIGHT, Window
from coopflow.core.zones import DAYS, MONTHS, instant_of, next_change, wall_offset

HORIZON_DAYS = 366  # whoever waits longer than a year for an opening waits for a mistake
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


class NeverOpens(ValueError):
    """No moment within 366 days is open."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A stretch of time, half-open, in which all of some windows are open."""

    start: datetime
    end: datetime
    resumes: tuple[tuple[datetime, datetime], ...]  # when a window opened, and its `resume_at`, if within the stretch

    def entry(self, after: datetime) -> datetime:
        """Where what waits since `after` goes in: `resume_at` of the windows that have opened since, else the start."""
        return max((resume for opened, resume in self.resumes if opened > after), default=self.start)


def next_entry(after: datetime, windows: tuple[Window, ...], tz: ZoneInfo, closed_days: AbstractSet[date]) -> datetime:
    """Where what is shut out at `after` goes in next; raise NeverOpens if that is nowhere within 366 days."""
    today = after.astimezone(tz).date()
    # Where the clocks go back over midnight, yesterday comes once more after today has begun. So the search begins with
    # yesterday, and the openings of a day may mix with those of the next.
    for number in range(-1, HORIZON_DAYS + 1):
        day = today + number * ONE_DAY
        if near := list(_later(after, windows, tz, day, closed_days)):
            near += _later(after, windows, tz, day + ONE_DAY, closed_days)
            return min(near, key=lambda opening: opening.start).entry(after)
    names = " and ".join(window.name for window in windows)
    raise NeverOpens(f"there is no opening of {names} within {HORIZON_DAYS} days of {day_text(today)} {today.year}")


def day_text(day: date) -> str:
    """`Mon 9 Mar`."""
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"


def _later(
    after: datetime, windows: tuple[Window, ...], tz: ZoneInfo, day: date, closed_days: AbstractSet[date]
) -> Iterator[Opening]:
    if day not in closed_days:
        yield from (opening for opening in _openings(windows, tz, day) if opening.start > after)


@lru_cache(maxsize=4096)
def _openings(windows: tuple[Window, ...], tz: ZoneInfo, day: date) -> tuple[Opening, ...]:
    """The openings of one local day."""
    midnight = datetime.combine(day, time())
    stretches = list(_stretches(midnight, tz))
    return tuple(
        Opening(*stretch, tuple(_resumes(windows, midnight, start, stretch, tz)))
        for start, end in _hours_in_common(windows, day.weekday())
        for stretch in _instants(midnight + start * ONE_MINUTE, midnight + end * ONE_MINUTE, stretches)
    )


def _hours_in_common(windows: tuple[Window, ...], weekday: int) -> list[tuple[int, int]]:
    common = [(0, MIDNIGHT)]
    for window in windows:
        common = [
            (max(start, opens), min(end, closes))
            for start, end in common
            for opens, closes in window.days[weekday]
            if max(start, opens) < min(end, closes)
        ]
    return common


def _stretches(midnight: datetime, tz: ZoneInfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """All instants that may belong to a local day, cut where the offset changes: from, to, offset."""
    begin = min(_either(midnight, tz))
    end = max(_either(midnight + ONE_DAY, tz))
    while begin < end:
        change = next_change(tz, begin, end)
        yield begin, change, wall_offset(begin, tz)
        begin = change


def _either(wall: datetime, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of a wall time by the offset before a change and by the one after it; mostly the same."""
    local = wall.replace(tzinfo=tz)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _instants(
    start: datetime, end: datetime, stretches: list[tuple[datetime, datetime, timedelta]]
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


def _resumes(
    windows: tuple[Window, ...], midnight: datetime, minute: int, stretch: tuple[datetime, datetime], tz: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    for window in windows:
        own = window.opening(midnight.weekday(), minute)
        if own and window.resume_at is not None:
            resume = instant_of(midnight + window.resume_at * ONE_MINUTE, tz)
            if stretch[0] <= resume < stretch[1]:
                yield instant_of(midnight + own[0] * ONE_MINUTE, tz), resume
