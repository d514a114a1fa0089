"""Times, durations and shares in words, always in English and in the zone that was asked for."""

from datetime import UTC, date, datetime, timedelta, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_DAYS_AS_DAYS = 60  # up to here "45 days ago" says more than "1 month ago"


def moment(at: datetime, tz: tzinfo, now: datetime) -> str:
    """Return the time on the wall with the distance beside it: `Tue 24 Nov 09:00 (in 2 days)`."""
    return f"{wall_clock(at, tz, now)} ({ago(at, now, tz)})"


def wall_clock(at: datetime, tz: tzinfo, now: datetime) -> str:
    """Return `Tue 24 Nov 09:00`, with the year if it is another, with the zone if that hour comes twice."""
    local = at.astimezone(tz)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    zone = f" {local.tzname()}" if twice else ""
    return f"{day(local.date(), now.astimezone(tz).date())} {local:%H:%M}{zone}"


def day(on: date, today: date) -> str:
    """Return `Tue 24 Nov`, with the year if it is another."""
    year = "" if on.year == today.year else f" {on.year}"
    return f"{_DAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]}{year}"


def ago(at: datetime, now: datetime, tz: tzinfo = UTC) -> str:
    """Return `3 days ago`, `in 2 days` or `just now`; from 24 hours on, days are those of the zone's calendar."""
    if at > now:
        return f"in {_distance(now, at, tz) or 'a moment'}"
    distance = _distance(at, now, tz)
    return f"{distance} ago" if distance else "just now"


def duration(length: timedelta) -> str:
    """Return the length in at most two units that follow each other: `1 day 4 hours`, `90 days`, `0 seconds`."""
    if length < timedelta(0):
        return f"minus {duration(-length)}"
    left, parts = int(length.total_seconds()), list[tuple[int, str]]()
    for name, seconds in _UNITS:
        count, left = divmod(left, seconds)
        parts.append((count, name))
    first = next((place for place, (count, _) in enumerate(parts) if count), 0)
    return " ".join(_counted(count, name) for count, name in parts[first : first + 2] if count) or "0 seconds"


def instant(at: datetime) -> str:
    """Return the one text form that data has for an instant: `2026-03-02T06:00:00Z`."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone, and an instant must have one")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def percent(share: float) -> str:
    """Return a share of one as `87 %`."""
    return f"{share * 100:.0f} %"


def _distance(early: datetime, late: datetime, tz: tzinfo) -> str:
    """Return the distance in one unit; empty under a minute."""
    seconds = int((late - early).total_seconds())
    if seconds < 60:
        return ""
    if seconds < 3_600:
        return _counted(seconds // 60, "minute")
    if seconds < 86_400:
        return _counted(seconds // 3_600, "hour")
    days = (late.astimezone(tz).date() - early.astimezone(tz).date()).days
    if days <= _DAYS_AS_DAYS:
        return _counted(days, "day")
    months = days * 12 // 365
    return _counted(months, "month") if months < 24 else _counted(months // 12, "year")


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
