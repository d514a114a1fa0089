"""What is checked: coopflow's own arithmetic, asked the same questions."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

from coopflow.core.durations import Duration
from coopflow.core.timing import (
    ALWAYS,
    BUSINESS_HOURS,
    Calendar,
    NeverOpens,
    OpenHours,
    Preference,
    Window,
    add,
    closes,
    next_open,
    plan,
    preferred,
    spread,
    zone,
)
from tests.oracle.clocks import Clock
from tests.oracle.rules import Hours, Place, Rule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEVER = 10**12


def accepted(keys: list[str]) -> list[str]:
    """The zones that a family may have."""
    return [key for key in keys if _is_accepted(key)]


class Subject:
    """The answers of coopflow to one rule around one change."""

    def __init__(self, rule: Rule, home: ZoneInfo, other: ZoneInfo, day: int) -> None:
        self.rule, self.tz = rule, home
        self.hours = [_open_hours(place, other if place.elsewhere else home, day) for place in rule.places]
        self.length = Duration(**vars(rule.length))
        self.calendar = Calendar({}, {}, home)
        if rule.places:
            closed = self.hours[0].closed_days
            self.calendar = Calendar({BUSINESS_HOURS.name: self.hours[0].windows[0]}, closed, home)

    def answer(self, at: int) -> int:
        """The instant, in seconds since 1970; NEVER where there is none."""
        try:
            return (self._answer(EPOCH + at * SECOND) - EPOCH) // SECOND
        except NeverOpens:
            return NEVER

    def _answer(self, at: datetime) -> datetime:
        match self.rule.question:
            case "next":
                return next_open(at, self.hours).at
            case "closes":
                return closes(at, self.hours)
            case "spread":
                return spread(at, self.hours, timedelta(seconds=self.length.seconds), f"{at}").at
            case "preferred" if self.rule.best:
                best = Preference(_window(self.rule.best), self.length)
                return preferred(next_open(at, self.hours).at, self.hours, best, self.tz).at
            case "add":
                return add(self.length, to=at, tz=self.tz, calendar=self.calendar)
            case _:
                return plan(after=at, delay=self.length, hours=self.hours, tz=self.tz, calendar=self.calendar).at


def zone_info(clock: Clock) -> ZoneInfo:
    """The zone as the standard library reads it from the very same bytes."""
    return ZoneInfo.from_file(BytesIO(clock.data), key=clock.key)


def _is_accepted(key: str) -> bool:
    try:
        return bool(zone(key))
    except ValueError:
        return False


def _open_hours(place: Place, tz: ZoneInfo, day: int) -> OpenHours:
    closed = {date(1970, 1, 1) + timedelta(days=day + number): "" for number in place.closed}
    return OpenHours(tuple(_window(hours) for hours in place.hours), tz, closed)


def _window(hours: Hours) -> Window:
    if hours == Hours(((0, 1440),)):
        return ALWAYS
    days = tuple(hours.ranges if day in hours.days else () for day in range(7))
    return Window("hours", days, hours.resume)  # type: ignore[arg-type]
