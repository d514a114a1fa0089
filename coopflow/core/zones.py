"""Time zones: which are accepted, and the two ways between a wall clock and an instant."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from coopflow.core.wording import nearest, shown

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Area/City. Abbreviations and Etc/GMT+5 are left out: they know no clock changes, and the latter is 5 hours *behind*.
_KEY = re.compile(
    r"UTC|Etc/UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian|Mexico"
    r"|Pacific|US)(/[A-Z][A-Za-z_-]*){1,2}"
)
_MEANT = {
    "est": "America/New_York",
    "edt": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "mst": "America/Denver",
    "mdt": "America/Denver",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "gmt": "UTC",
    "z": "UTC",
    "utc": "UTC",
    "bst": "Europe/London",
    "cet": "Europe/Berlin",
}


@lru_cache(maxsize=1024)
def zone(key: str) -> ZoneInfo:
    """The time zone with this IANA key; raise ValueError with a sentence if there is none."""
    try:
        if _KEY.fullmatch(key):
            return ZoneInfo(key)
    except (ZoneInfoNotFoundError, OSError):  # OSError: a folder of zones, as America/Indiana
        pass
    raise ValueError(f"{shown(key)} is not a time zone{_hint(key)}; write Area/City, as in 'America/Chicago', or 'UTC'")


@lru_cache(maxsize=1024)
def is_zone(key: str) -> bool:
    """True if the time-zone data has a zone with this key, and it is of those that are accepted."""
    try:
        zone(key)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def zone_or(key: str | None, other: ZoneInfo) -> ZoneInfo:
    """The zone with this key, or the other one where there is no key or no such zone (any more)."""
    return zone(key) if key and is_zone(key) else other


@lru_cache(maxsize=4096)
def instant_of(wall: datetime, tz: ZoneInfo) -> datetime:
    """The instant at which a wall clock shows this time: the first of two; if it is skipped, the first one after it."""
    if wall.tzinfo is not None:
        raise ValueError(f"{wall.isoformat()} is an instant already, not the time on a wall clock")
    local = wall.replace(tzinfo=tz, fold=0)
    at = local.astimezone(UTC)
    if on_the_wall(at, tz) == wall:
        return at
    return next_change(tz, local.replace(fold=1).astimezone(UTC), at + timedelta(seconds=1))


def next_change(tz: ZoneInfo, begin: datetime, end: datetime) -> datetime:
    """When the offset of `tz` changes between two instants no more than 60 hours apart; `end` if it does not.

    No zone has changed twice within 60 hours since 1970, so a search by halves finds the change.
    """
    offset = wall_offset(begin, tz)
    if wall_offset(end - timedelta(seconds=1), tz) == offset:
        return end
    low, high = 0, int((end - begin).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if wall_offset(begin + timedelta(seconds=middle), tz) == offset:
            low = middle
        else:
            high = middle
    return begin + timedelta(seconds=high)


@lru_cache(maxsize=4096)  # a batch has few moments and many rows
def on_the_wall(at: datetime, tz: ZoneInfo) -> datetime:
    """What a clock on the wall there shows at this instant; naive, so it does not say which of two it is."""
    return at.astimezone(tz).replace(tzinfo=None)


def local_text(at: datetime, tz: ZoneInfo) -> str:
    """`Mon 9 Mar 09:00`, as a clock on the wall there shows it."""
    local = on_the_wall(at, tz)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.hour:02}:{local.minute:02}"


def wall_offset(at: datetime, tz: ZoneInfo) -> timedelta:
    """How far the wall clock there is ahead of UTC at this instant."""
    return at.astimezone(tz).replace(tzinfo=None) - at.replace(tzinfo=None)


def _hint(key: str) -> str:
    wanted = key.strip().lower().replace(" ", "_")
    names = _names()
    if found := _MEANT.get(wanted) or names.get(wanted):
        return f" (did you mean '{found}'?)"
    if any(character.isdigit() for character in wanted):
        return ": an offset alone does not know when the clocks change"
    near = nearest(wanted, names, likeness=0.75)
    return f" (did you mean '{names[near]}'?)" if near else ""


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Every accepted key, by its city and by itself, in small letters."""
    keys = sorted(key for key in available_timezones() if _KEY.fullmatch(key))
    return {**{key.rsplit("/")[-1].lower(): key for key in keys}, **{key.lower(): key for key in keys}}
