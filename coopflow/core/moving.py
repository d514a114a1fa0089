"""A moment moved: into opening hours, to a better time, off the minute that all have. Every move is told in words.

Times in sentences are those of the first place: the family's, not the ones its phone number may be in.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from coopflow.core.adding import Planned, add
from coopflow.core.openings import (
    HORIZON,
    HORIZON_DAYS,
    NeverOpens,
    OpenHours,
    day_text,
    opening_at,
    openings_after,
)
from coopflow.core.windows import Preference
from coopflow.core.zones import local_text

ONE_MINUTE = timedelta(minutes=1)


def is_open(at: datetime, hours: Sequence[OpenHours]) -> bool:
    """True if every window of every place is open, and the day is closed at none of them."""
    return all(place.is_open(at) for place in hours)


def next_open(at: datetime, hours: Sequence[OpenHours]) -> Planned:
    """The first moment from `at` on at which every place is open.

    What has to be moved goes to `resume_at` of the windows that open meanwhile. Raises NeverOpens.
    """
    if is_open(at, hours):
        return Planned(at, ())
    here = hours[0].tz
    respected = [replace(place, closed_days={}) for place in hours]
    moment, reasons = at, []
    if shut := _shut(at, hours):
        moment = _entry(at, respected, since=at)
        reasons.append(f"{local_text(at, here)} is outside {_listed(shut)} → {local_text(moment, here)}")
    for number, place in enumerate(hours):
        respected[number] = place
        first = moment.astimezone(place.tz).date()
        if place.closed_on(first):
            moment = _entry(moment, respected, since=at)
            closed = _closed_text(place, first, moment.astimezone(place.tz).date(), here=place.tz == here)
            reasons.append(f"{closed} → {local_text(moment, here)}")
    return Planned(moment, tuple(reasons))


def closes(at: datetime, hours: Sequence[OpenHours]) -> datetime:
    """The end of the opening that holds `at`, over midnight too; 366 days on at most, and `at` itself if it is shut."""
    return _open_until(at, hours, limit=at + HORIZON)


def preferred(at: datetime, hours: Sequence[OpenHours], preference: Preference, tz: ZoneInfo) -> Planned:
    """The first moment from `at` on, itself open, that is preferred in `tz` as well; `at` if patience ends before."""
    best = (*hours, OpenHours((preference.window,), tz, {}))
    words = preference.window.hours_text()
    if is_open(at, best):
        return Planned(at, (f"preferred {words}: fits",))
    limit = add(preference.patience, to=at, tz=tz)
    for opening in openings_after(at, best, until=limit):
        moment = opening.entry(at)
        if moment <= limit:
            return Planned(moment, (f"→ {local_text(moment, tz)} (preferred {words})",))
    return Planned(at, (f"no preferred time ({words}) within {preference.patience}",))


def spread(at: datetime, hours: Sequence[OpenHours], within: timedelta, key: str) -> Planned:
    """`at` and less than `within` more, by whole minutes and inside its opening; the same key always gets the same."""
    from hashlib import blake2b  # it takes long to load, and few steps are spread

    room = _open_until(at, hours, limit=at + within) - at
    minutes = -(-room // ONE_MINUTE)  # so many are open; the last may be short
    number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) * minutes >> 64
    if not number:
        return Planned(at, ())
    return Planned(at + number * ONE_MINUTE, (f"spread by {number} minute{'s' if number > 1 else ''}",))


def never_opens(hours: Sequence[OpenHours], *, since: datetime) -> str | None:
    """The sentence that says so where nothing is open within 366 days; None where something is."""
    try:
        next_open(since, hours)
    except NeverOpens as problem:
        return str(problem)
    return None


def _open_until(at: datetime, hours: Sequence[OpenHours], *, limit: datetime) -> datetime:
    """How long it stays open without a break, up to a limit."""
    if not hours:
        return limit
    opening = opening_at(at, hours)
    if opening is None:
        return at
    end = opening.end
    for following in openings_after(at, hours, until=limit):
        if end >= limit or following.start > end:
            break
        end = following.end
    return min(end, limit)


def _entry(after: datetime, hours: Sequence[OpenHours], *, since: datetime) -> datetime:
    """Where what waits `since` a moment goes in at the first opening after another."""
    for opening in openings_after(after, hours, until=after + HORIZON):
        return opening.entry(since)
    raise NeverOpens(_never_text(after, hours))


def _never_text(after: datetime, hours: Sequence[OpenHours]) -> str:
    here = hours[0].tz
    names = [_window_text(window.name, place, here) for place in hours for window in place.windows]
    day = after.astimezone(here).date()
    closed = " that is not on a closed day" if any(place.closed_days for place in hours) else ""
    return f"there is no opening of {_listed(names)} within {HORIZON_DAYS} days of {day_text(day)} {day.year}{closed}"


def _shut(at: datetime, hours: Sequence[OpenHours]) -> list[str]:
    """The windows that are closed at this moment, and what time it is where that is another."""
    here = hours[0].tz
    return [
        _window_text(name, place, here, f"{at.astimezone(place.tz):%H:%M} in ")
        for place in hours
        for name in place.shut_windows(at)
    ]


def _window_text(name: str, place: OpenHours, here: object, time: str = "") -> str:
    return name if place.tz == here else f"{name} ({time}{place.tz.key})"


def _closed_text(place: OpenHours, first: date, reopens: date, *, here: bool) -> str:
    """Which days are closed, and what they are called where they have names."""
    days = sorted(day for day in place.closed_days if first <= day < reopens) or [first]
    span = day_text(first) if days[-1] == first else f"{day_text(first)} to {day_text(days[-1])}"
    where = "" if here else f" in {place.tz.key}"
    names = ", ".join(dict.fromkeys(name for day in days if (name := place.closed_days.get(day))))
    if names:
        return f"{span} {'is' if days[-1] == first else 'are'} closed{where} ({names})"
    return f"{span} is a closed day{where}" if days[-1] == first else f"{span} are closed days{where}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(names))
