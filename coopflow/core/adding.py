"""So long after a moment: months and days keep the wall clock, business hours pass by the office's, hours elapse."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.durations import LONGEST_YEARS, Duration
from coopflow.core.openings import (
    HORIZON,
    HORIZON_DAYS,
    NeverOpens,
    OpenHours,
    Opening,
    day_text,
    opening_at,
    openings_after,
)
from coopflow.core.windows import BUSINESS_HOURS, Calendar
from coopflow.core.zones import instant_of, local_text, on_the_wall

ONE_DAY = timedelta(days=1)
LONGEST = LONGEST_YEARS * HORIZON


class Planned(Struct, frozen=True):
    """A moment, and every rule that moved it there, in order and in words."""

    at: datetime
    reasons: tuple[str, ...]


def add(duration: Duration, *, to: datetime, tz: ZoneInfo, calendar: Calendar | None = None) -> datetime:
    """The moment so long after `to`: months, days and business days by the wall clock in `tz`, business hours, seconds.

    The 31st of a shorter month is its last day. Without a calendar business is from Monday to Friday, 08:00 to 18:00.
    """
    return delayed(duration, to=to, tz=tz, calendar=calendar).at


def delayed(duration: Duration, *, to: datetime, tz: ZoneInfo, calendar: Calendar | None) -> Planned:
    """The same, with a reason if the clocks skip the wall time that the days come to."""
    moment: datetime = to
    reasons: tuple[str, ...] = ()
    if duration.months or duration.days or duration.business_days:
        moment, reasons = _days_on(duration, to, tz, calendar)
    if duration.business_minutes:
        moment = _business_time_on(timedelta(minutes=duration.business_minutes), moment, office(tz, calendar))
    return Planned(moment + timedelta(seconds=duration.seconds), reasons)


def office(tz: ZoneInfo, calendar: Calendar | None) -> OpenHours:
    """When business hours are open on the clock in `tz`."""
    if calendar is None:
        return OpenHours((BUSINESS_HOURS,), tz, {})
    return OpenHours((calendar.window(BUSINESS_HOURS.name),), tz, calendar.closed_days)


def _days_on(
    duration: Duration, to: datetime, tz: ZoneInfo, calendar: Calendar | None
) -> tuple[datetime, tuple[str, ...]]:
    start = on_the_wall(to, tz)
    wall = datetime.combine(_day_of(duration, start.date(), calendar), start.time())
    at = instant_of(wall, tz)
    if on_the_wall(at, tz) == wall:
        return at, ()
    skipped = f"{day_text(wall.date())} {wall:%H:%M} does not exist there, the clocks skip it → {local_text(at, tz)}"
    return at, (skipped,)


def _day_of(duration: Duration, day: date, calendar: Calendar | None) -> date:
    day = days_on(day, months=duration.months, days=duration.days)
    for _ in range(duration.business_days):
        day = _next_business_day(day, calendar)
    return day


def days_on(day: date, *, months: int, days: int) -> date:
    """The day so many months and then days later, or earlier; the 31st of a shorter month is its last day."""
    if months:
        years, month = divmod(day.month - 1 + months, 12)
        first = day.replace(year=day.year + years, month=month + 1, day=1)
        last = (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY
        day = first.replace(day=min(day.day, last.day))
    return day + days * ONE_DAY


def _next_business_day(day: date, calendar: Calendar | None) -> date:
    for number in range(1, HORIZON_DAYS + 1):
        later = day + number * ONE_DAY
        if calendar.is_business_day(later) if calendar else later.weekday() < 5:
            return later
    raise NeverOpens(f"there is no business day within {HORIZON_DAYS} days of {day_text(day)} {day.year}")


def _business_time_on(left: timedelta, since: datetime, hours: OpenHours) -> datetime:
    """The first moment by which so much time has passed with the office open."""
    length = Duration(business_minutes=int(left.total_seconds()) // 60)
    for opening in _from(since, [hours]):
        start = max(since, opening.start)
        if left <= opening.end - start:
            return start + left
        left -= opening.end - start
    local = since.astimezone(hours.tz)
    raise NeverOpens(f"{length} do not pass within {LONGEST_YEARS} years of {day_text(local.date())} {local.year}")


def _from(since: datetime, hours: Sequence[OpenHours]) -> Iterator[Opening]:
    if now := opening_at(since, hours):
        yield now
    yield from openings_after(since, hours, until=since + LONGEST)
