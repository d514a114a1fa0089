"""When a step's turn comes: the arithmetic of wall clocks and windows. Nothing else sets a step's time.

A moment is open if the wall clock of that place shows a time within the hours of every window, on a day that is not
closed. So an hour that the clocks skip never opens, and one that they show twice is open twice.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from coopflow.core.durations import Duration
from coopflow.core.instants import parse_moment
from coopflow.core.openings import HORIZON_DAYS, NeverOpens, day_text, next_entry
from coopflow.core.windows import ALWAYS, BUSINESS_HOURS, TEXT_HOURS, Calendar, Window, parse_window
from coopflow.core.zones import instant_of, local_text, zone

__all__ = [
    "ALWAYS",
    "BUSINESS_HOURS",
    "TEXT_HOURS",
    "Calendar",
    "NeverOpens",
    "Planned",
    "Window",
    "add",
    "business_due",
    "instant_of",
    "is_open",
    "local_text",
    "next_open",
    "parse_window",
    "plan",
    "scheduled",
    "zone",
]

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Planned:
    """A moment, and every rule that moved it there, in order and in words."""

    at: datetime
    reasons: tuple[str, ...]


def plan(*, after: datetime, delay: Duration, windows: Sequence[Window], tz: ZoneInfo, calendar: Calendar) -> Planned:
    """When a step's turn comes that is due so long `after`: the delay, then the next moment that is open."""
    delayed = _delayed(delay, to=after, tz=tz, calendar=calendar)
    opened = next_open(delayed.at, windows, tz=tz, closed_days=calendar.closed_days)
    return Planned(opened.at, delayed.reasons + opened.reasons) if delayed.reasons else opened


def business_due(duration: Duration, *, after: datetime, tz: ZoneInfo, calendar: Calendar) -> datetime:
    """When a task is due that may take so long: within business hours."""
    windows = [calendar.window(BUSINESS_HOURS.name)]
    return plan(after=after, delay=duration, windows=windows, tz=tz, calendar=calendar).at


def scheduled(text: str, tz: ZoneInfo) -> datetime:
    """The instant of an ISO 8601 date and time; without an offset it is the time on the wall clock in `tz`."""
    moment = parse_moment(text)
    return moment if moment.tzinfo else instant_of(moment, tz)


def add(duration: Duration, *, to: datetime, tz: ZoneInfo, calendar: Calendar | None = None) -> datetime:
    """The moment so long after `to`: months, days and business days keep the wall clock in `tz`, then seconds elapse.

    The 31st of a shorter month is its last day. Without a calendar, business days are Monday to Friday.
    """
    return _delayed(duration, to=to, tz=tz, calendar=calendar).at


def is_open(at: datetime, windows: Sequence[Window], *, tz: ZoneInfo, closed_days: AbstractSet[date]) -> bool:
    """True if every window is open and the day is not closed; where all windows are ALWAYS, no day is closed."""
    local = at.astimezone(tz)
    if closed_days and local.date() in closed_days and not _ignores_closed_days(windows):
        return False
    return not _shut(local, windows)


def next_open(at: datetime, windows: Sequence[Window], *, tz: ZoneInfo, closed_days: AbstractSet[date]) -> Planned:
    """The first moment from `at` on at which all windows are open, on a day that is not closed.

    What has to be moved goes to `resume_at` of the windows that were shut meanwhile. Raises NeverOpens.
    """
    if is_open(at, windows, tz=tz, closed_days=closed_days):
        return Planned(at, ())
    moment, reasons = at, []
    if shut := _shut(at.astimezone(tz), windows):
        moment = next_entry(at, tuple(windows), tz, frozenset())
        reasons.append(f"{local_text(at, tz)} is outside {' and '.join(shut)} → {local_text(moment, tz)}")
    day = moment.astimezone(tz).date()
    if day in closed_days and not _ignores_closed_days(windows):
        moment = next_entry(moment, tuple(windows), tz, closed_days)
        closed = _closed_text(day, moment.astimezone(tz).date(), closed_days)
        reasons.append(f"{closed} → {local_text(moment, tz)}")
    return Planned(moment, tuple(reasons))


def _delayed(duration: Duration, *, to: datetime, tz: ZoneInfo, calendar: Calendar | None) -> Planned:
    """`to` and so much time; with a reason if the clocks skip the wall time that this comes to."""
    seconds = timedelta(seconds=duration.seconds)
    if not (duration.months or duration.days or duration.business_days):
        return Planned(to + seconds, ())
    start = to.astimezone(tz).replace(tzinfo=None)
    wall = datetime.combine(_days_on(duration, start.date(), calendar), start.time())
    at = instant_of(wall, tz)
    if at.astimezone(tz).replace(tzinfo=None) == wall:
        return Planned(at + seconds, ())
    skipped = f"{day_text(wall.date())} {wall:%H:%M} does not exist there, the clocks skip it → {local_text(at, tz)}"
    return Planned(at + seconds, (skipped,))


def _days_on(duration: Duration, day: date, calendar: Calendar | None) -> date:
    if duration.months:
        day = _months_on(duration.months, day)
    day += duration.days * ONE_DAY
    for _ in range(duration.business_days):
        day = _next_business_day(day, calendar)
    return day


def _months_on(months: int, day: date) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    first = day.replace(year=day.year + years, month=month + 1, day=1)
    last = (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY
    return first.replace(day=min(day.day, last.day))


def _next_business_day(day: date, calendar: Calendar | None) -> date:
    for number in range(1, HORIZON_DAYS + 1):
        later = day + number * ONE_DAY
        if calendar.is_business_day(later) if calendar else later.weekday() < 5:
            return later
    raise NeverOpens(f"there is no business day within {HORIZON_DAYS} days of {day_text(day)} {day.year}")


def _shut(local: datetime, windows: Sequence[Window]) -> list[str]:
    """The names of the windows that are closed at this time of the wall clock."""
    weekday, minute = local.weekday(), local.hour * 60 + local.minute
    return [window.name for window in windows if window.opening(weekday, minute) is None]


def _ignores_closed_days(windows: Sequence[Window]) -> bool:
    return all(window == ALWAYS for window in windows)


def _closed_text(first: date, reopens: date, closed_days: AbstractSet[date]) -> str:
    last = max((day for day in closed_days if first <= day < reopens), default=first)
    if last == first:
        return f"{day_text(first)} is a closed day"
    return f"{day_text(first)} to {day_text(last)} are closed days"
