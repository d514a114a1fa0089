"""Wall clocks, read from the zone files (RFC 9636) by a reader of our own: when they change, and by how much."""

import calendar
import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from importlib import resources

DAY = 86_400
LAST_YEAR = 2100

_OFFSET = r"[+-]?[0-9]+(?::[0-9]+){0,2}"
_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_FOOTER = re.compile(rf"{_NAME}({_OFFSET})(?:{_NAME}({_OFFSET})?,([^,]+),([^,]+))?")
_MONTH_RULE = re.compile(rf"M([0-9]+)\.([1-5])\.([0-6])(?:/({_OFFSET}))?")


class Clock:
    """The clock on the wall of one zone. Instants are seconds since 1970 in UTC, walls the same as it shows them."""

    def __init__(self, key: str, data: bytes) -> None:
        self.key, self.data = key, data
        self.names = [key]  # several zones may have one clock
        self.changes, self.offsets = _read(data)

    def runs(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Stretches of one offset: from, to, seconds ahead of UTC."""
        number = bisect_right(self.changes, begin)
        while begin < end:
            stop = min(end, self.changes[number]) if number < len(self.changes) else end
            yield begin, stop, self.offsets[number]
            begin, number = stop, number + 1

    def wall(self, at: int) -> int:
        return at + self.offsets[bisect_right(self.changes, at)]

    def first(self, wall: int) -> int:
        """The first instant at which it shows this time, or a later one if it never shows this."""
        for start, stop, offset in self.runs(wall - 3 * DAY, wall + 3 * DAY):
            if stop + offset > wall:
                return max(start, wall - offset)
        raise AssertionError(f"{self.key} never shows {wall}")


def known_zones() -> list[str]:
    """All names in the bundled zone data."""
    return sorted(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def clocks(keys: Iterable[str]) -> list[Clock]:
    """The clocks of these zones, from the bundled zone data; where two have the very same file it is one clock."""
    found: dict[bytes, Clock] = {}
    for key in keys:
        data = resources.files("tzdata.zoneinfo").joinpath(*key.split("/")).read_bytes()
        if data in found:
            found[data].names.append(key)
        else:
            found[data] = Clock(key, data)
    return list(found.values())


def _read(data: bytes) -> tuple[list[int], list[int]]:
    """The changes, and the offsets: before the first change, after it, and so on."""
    start = 44 + _length(struct.unpack(">6l", data[20:44]), 4)
    counts = struct.unpack(">6l", data[start + 20 : start + 44])
    _, _, _, times, types, _ = counts
    body = data[start + 44 :]
    at = struct.unpack(f">{times}q", body[: 8 * times])
    which = body[8 * times : 9 * times]
    ahead = [struct.unpack(">l", body[9 * times + 6 * n : 9 * times + 6 * n + 4])[0] for n in range(types)]
    footer = body[_length(counts, 8) :].strip().decode()
    changes, offsets = [], [ahead[0]]
    later = [*zip(at, (ahead[n] for n in which), strict=True)]
    for moment, offset in [*later, *_by_rule(footer, after=at[-1] if at else None)]:
        if offset != offsets[-1]:
            changes.append(moment)
            offsets.append(offset)
    return changes, offsets


def _length(counts: tuple[int, ...], size: int) -> int:
    in_utc, standard, leaps, times, types, letters = counts
    return times * (size + 1) + types * 6 + letters + leaps * (size + 4) + standard + in_utc


def _by_rule(footer: str, *, after: int | None) -> Iterator[tuple[int, int]]:
    """The changes that the rule in the last line of the file foretells."""
    found = _FOOTER.fullmatch(footer)
    assert found, footer
    if not found[3] or after is None:
        return
    winter = -_seconds(found[1])
    summer = -_seconds(found[2]) if found[2] else winter + 3600
    for year in range(datetime.fromtimestamp(after, UTC).year, LAST_YEAR + 2):
        begins, ends = _moment(found[3], year) - winter, _moment(found[4], year) - summer
        yield from sorted((at, offset) for at, offset in ((begins, summer), (ends, winter)) if at > after)


def _moment(rule: str, year: int) -> int:
    """A rule such as M3.2.0/2 as seconds of the wall clock."""
    found = _MONTH_RULE.fullmatch(rule)
    assert found, rule
    month, week, weekday = int(found[1]), int(found[2]), (int(found[3]) - 1) % 7
    days = range(1, calendar.monthrange(year, month)[1] + 1)
    fitting = [day for day in days if calendar.weekday(year, month, day) == weekday]
    on = date(year, month, fitting[-1] if week == 5 else fitting[week - 1])
    return (on - date(1970, 1, 1)).days * DAY + _seconds(found[4] or "2")


def _seconds(text: str) -> int:
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    total = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    return -total if text.startswith("-") else total
