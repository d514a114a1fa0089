"""The calendars that are kept beside the configuration, and how far ahead public holidays are known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.windows import Calendar

SOON = timedelta(days=90)  # how long before the last known day a person is told
IMPORT = "coopflow calendar import"


class CalendarKind(StrEnum):
    """Where the days of a calendar come from."""

    HOLIDAYS = "holidays"  # public holidays, known for whole years
    OWN = "own"  # a file of the co-op's own


class KeptCalendar(Struct, frozen=True, kw_only=True):
    """A calendar that was imported."""

    name: str  # US-TX, or the name given to a file
    kind: CalendarKind
    years: tuple[int, ...]  # of holidays: those that are known; of a file: those with a closed day
    source: str
    imported_at: datetime
    days: int


class ClosedDay(Struct, frozen=True, order=True):
    """A day on which nothing leaves and nothing is due."""

    day: date
    calendar: str
    name: str


def merged(calendar: Calendar, kept: Iterable[ClosedDay], known_until: Iterable[int]) -> Calendar:
    """The rules of time with the days that are kept; `known_until` has the last year of each holiday calendar.

    Where several are kept, all of them are in force, and the first that ends is where it stops being known.
    """
    days = dict(calendar.closed_days)
    for one in kept:
        days[one.day] = _joined(days.get(one.day, ""), one.name)
    until = min((date(year, 12, 31) for year in known_until), default=None)
    return replace(calendar, closed_days=dict(sorted(days.items())), holidays_until=until)


def _joined(before: str, name: str) -> str:
    names = dict.fromkeys(part for part in (*before.split("; "), *name.split("; ")) if part)
    return "; ".join(names)


def calendar_name(country: str, subdivision: str | None) -> str:
    """What the calendar of public holidays is called: `US-TX`, `US`."""
    return f"{country}-{subdivision}" if subdivision else country


def coverage(
    kept: Sequence[KeptCalendar], *, country: str | None, subdivision: str | None = None, today: date
) -> list[str]:
    """What a person should know of the public holidays: that none were imported, or that they end soon."""
    holidays = [one for one in kept if one.kind is CalendarKind.HOLIDAYS]
    if country is not None and not holidays:
        return [f"country is {country}, but no public holidays have been imported; run: {IMPORT}"]
    usual = country and calendar_name(country, subdivision)
    return [_ending(one, usual, today) for one in holidays if date(one.years[-1], 12, 31) - today <= SOON]


def _ending(kept: KeptCalendar, usual: str | None, today: date) -> str:
    year, whose = kept.years[-1], "" if kept.name == usual else f" of {kept.name}"
    missing = years_text(range(year + 1, max(year + 1, today.year) + 1))
    options = "" if kept.name == usual else f" {place_options(kept.name)}"
    return f"public holidays{whose} are known until 31 Dec {year} only; run: {IMPORT}{options} --year {missing}"


def place_options(name: str) -> str:
    """The options of `calendar import` for a calendar of public holidays: `--country US --subdivision TX`."""
    country, _, subdivision = name.partition("-")
    return f"--country {country}" + (f" --subdivision {subdivision}" if subdivision else "")


def years_text(years: Sequence[int]) -> str:
    """`2026-2028, 2030`."""
    runs: list[list[int]] = []
    for year in sorted(years):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def differences(before: Mapping[date, str], after: Mapping[date, str]) -> tuple[list[date], list[date], list[date]]:
    """The days that are new, those that are gone, and those that have another name."""
    added = sorted(after.keys() - before.keys())
    removed = sorted(before.keys() - after.keys())
    return added, removed, sorted(day for day in after.keys() & before.keys() if after[day] != before[day])
