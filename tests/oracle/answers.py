"""The answers, minute by minute: a table of the wall clock's minutes, one of the instants', and a look at each."""

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import compress
from math import gcd

from tests.oracle.clocks import DAY, Clock
from tests.oracle.rules import ALWAYS, Hours, Length, Place, Rule

BEFORE, AFTER = 6, 16  # days of the tables before and after the day on which the clocks change
EPOCH = date(1970, 1, 1)
_OPEN = bytes([0] + [1] * 255)


class Here:
    """The minutes around one change of one clock."""

    def __init__(self, home: Clock, other: Clock, change: int) -> None:
        self.home, self.other, self.change = home, other, change
        self.day = home.wall(change) // DAY  # on which the clocks change
        begin, end = change - (BEFORE - 2) * DAY, change + (AFTER - 2) * DAY
        steps = [
            step for clock in (home, other) for run in clock.runs(begin, end) for step in (run[1] - change, run[2])
        ]
        self.grain = gcd(60, *steps)  # seconds: a minute, or less where a clock was not set by whole minutes
        self.begin, self.end = begin, end

    def table(self, place: Place) -> "Table":
        return Table(self, place)


class Table:
    """For every minute: is this place open then? Zero is shut; neighbours with the same number are one opening."""

    def __init__(self, here: Here, place: Place) -> None:
        self.clock = here.other if place.elsewhere else here.home
        self.hours = place.hours
        first = here.day - BEFORE
        walls = _wall_table(place, (first + 3) % 7, here.grain)  # 1 January 1970 was a Thursday
        at = [
            (start + offset - first * DAY, stop - start)
            for start, stop, offset in self.clock.runs(here.begin, here.end)
        ]
        self.numbers = b"".join(walls[wall // here.grain : (wall + length) // here.grain] for wall, length in at)
        self.open = self.numbers.translate(_OPEN)

    def same_until(self, index: int) -> int:
        rest = self.numbers[index : index + 4000]
        return index + len(rest) - len(rest.lstrip(rest[:1]))


@lru_cache(maxsize=2000)
def _wall_table(place: Place, weekday: int, grain: int) -> bytes:
    """What the wall clock's minutes are, from so many days before the change on."""
    days = []
    for number in range(BEFORE + AFTER):
        shut = number - BEFORE in place.closed and any(hours != ALWAYS for hours in place.hours)
        minutes = _minutes(place.hours, (weekday + number) % 7, number % 3)
        days.append(bytes(1440) if shut else minutes)
    walls = b"".join(days)
    return walls if grain == 60 else b"".join(bytes([minute]) * (60 // grain) for minute in walls)


@lru_cache(maxsize=2000)
def _minutes(hours: tuple[Hours, ...], weekday: int, number: int) -> bytes:
    minutes = []
    for minute in range(1440):
        ranges = [one.range_at(weekday, minute) for one in hours]
        found = enumerate(zip(hours, ranges, strict=True))
        known = 1 + sum(4**place * one.ranges.index(own) for place, (one, own) in found if own)
        minutes.append(known + 80 * number if all(ranges) else 0)
    return bytes(minutes)


class Oracle:
    """The answers to one rule around one change."""

    def __init__(self, here: Here, rule: Rule) -> None:
        self.here, self.rule = here, rule
        self.tables = [here.table(place) for place in rule.places]
        self.best = [*self.tables, here.table(Place((rule.best,)))] if rule.best else []
        self.minutes: list[int] | None = None

    def answer(self, at: int) -> int | None:
        """The instant; None: not within these tables."""
        match self.rule.question:
            case "next":
                return self._next(at, self.tables)
            case "closes" | "spread":
                return self._shuts(at)
            case "preferred":
                return self._preferred(at)
            case "add":
                return self._add(at, self.rule.length)
            case _:
                return self._next(self._add(at, self.rule.length), self.tables)

    def _index(self, at: int) -> int:
        return (at - self.here.begin) // self.here.grain

    def _next(self, at: int | None, tables: Sequence[Table]) -> int | None:
        if at is None:
            return None
        index = self._index(at)
        if all(table.open[index] for table in tables):
            return at
        found = self._first(index + 1, tables)
        if found is None:
            return None
        instant = self.here.begin + found * self.here.grain
        end = self.here.begin + min(table.same_until(found) for table in tables) * self.here.grain
        return max([instant, *(moment for moment in _resumes(instant, at, tables) if instant <= moment < end)])

    def _first(self, index: int, tables: Sequence[Table]) -> int | None:
        """The first minute from an index on that is open in all."""
        while True:
            found = [table.open.find(1, index) for table in tables]
            if -1 in found:
                return None
            index = max(found)
            if all(table.open[index] for table in tables):
                return index

    def _shuts(self, at: int) -> int | None:
        index = self._index(at)
        if not all(table.open[index] for table in self.tables):
            return at
        found = [shut for table in self.tables if (shut := table.open.find(0, index)) >= 0]
        return self.here.begin + min(found) * self.here.grain if found else None

    def _preferred(self, at: int) -> int | None:
        """`at` has been put where it is open before."""
        start = self._next(at, self.tables)
        if start is None:
            return None
        limit = self._add(start, self.rule.length)
        found = self._next(start, self.best)
        return found if found is not None and limit is not None and found <= limit else start

    def _add(self, at: int, length: Length) -> int | None:
        clock = self.here.home
        if length.months or length.days or length.business_days:
            day, second = divmod(clock.wall(at), DAY)
            day = _months_on(day, length.months) + length.days
            for _ in range(length.business_days):
                day += 1
                while (day + 3) % 7 > 4 or day - self.here.day in self.rule.places[0].closed:
                    day += 1
            at = clock.first(day * DAY + second)
        if length.business_minutes:
            return self._business_minutes_on(at, length.business_minutes)
        return at + length.seconds

    def _business_minutes_on(self, at: int, minutes: int) -> int | None:
        grain, table = self.here.grain, self.tables[0].open
        if self.minutes is None:
            self.minutes = list(compress(range(len(table)), table))  # those that are open
        index = self._index(at)
        into = (at - self.here.begin) % grain if table[index] else 0
        before = table.count(1, 0, index) + minutes * (60 // grain)
        position = before if into else before - 1
        if position >= len(self.minutes):
            return None
        return self.here.begin + self.minutes[position] * grain + (into or grain)


def _resumes(instant: int, at: int, tables: Sequence[Table]) -> list[int]:
    """When those windows resume that have opened since."""
    found = []
    for table in tables:
        day, second = divmod(table.clock.wall(instant), DAY)
        for hours in table.hours:
            own = hours.range_at((day + 3) % 7, second // 60)
            if own and hours.resume is not None and table.clock.first(day * DAY + own[0] * 60) > at:
                found.append(table.clock.first(day * DAY + hours.resume * 60))
    return found


def _months_on(day: int, months: int) -> int:
    on = EPOCH + timedelta(days=day)
    month = on.year * 12 + on.month - 1 + months
    year, month = month // 12, month % 12 + 1
    return (date(year, month, min(on.day, calendar.monthrange(year, month)[1])) - EPOCH).days
