"""When a step's turn comes: the arithmetic of wall clocks and windows. Nothing else sets a step's time.

A moment is open if the wall clock of every place shows a time within the hours of all its windows, on a day that is not
closed there. So an hour that the clocks skip never opens, and one that they show twice is open twice.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from coopflow.core.adding import Planned, add, delayed, office
from coopflow.core.durations import Duration
from coopflow.core.instants import parse_moment
from coopflow.core.moving import closes, is_open, never_opens, next_open, preferred, spread
from coopflow.core.openings import NeverOpens, OpenHours
from coopflow.core.windows import (
    ALWAYS,
    BUSINESS_HOURS,
    TEXT_HOURS,
    Calendar,
    Preference,
    Window,
    narrowed,
    parse_preference,
    parse_window,
)
from coopflow.core.zones import instant_of, local_text, zone

__all__ = [
    "ALWAYS",
    "BUSINESS_HOURS",
    "TEXT_HOURS",
    "Calendar",
    "NeverOpens",
    "OpenHours",
    "Planned",
    "Preference",
    "Window",
    "add",
    "business_due",
    "closes",
    "instant_of",
    "is_open",
    "local_text",
    "narrowed",
    "never_opens",
    "next_open",
    "parse_preference",
    "parse_window",
    "plan",
    "preferred",
    "scheduled",
    "spread",
    "zone",
]


def plan(*, after: datetime, delay: Duration, hours: Sequence[OpenHours], tz: ZoneInfo, calendar: Calendar) -> Planned:
    """When a step's turn comes that is due so long `after`: the delay, then the next moment that is open."""
    counted = delayed(delay, to=after, tz=tz, calendar=calendar)
    opened = next_open(counted.at, hours)
    return Planned(opened.at, counted.reasons + opened.reasons) if counted.reasons else opened


def business_due(duration: Duration, *, after: datetime, tz: ZoneInfo, calendar: Calendar) -> datetime:
    """When a task is due that may take so long: within business hours."""
    return plan(after=after, delay=duration, hours=[office(tz, calendar)], tz=tz, calendar=calendar).at


def scheduled(text: str, tz: ZoneInfo) -> datetime:
    """The instant of an ISO 8601 date and time; without an offset it is the time on the wall clock in `tz`."""
    moment = parse_moment(text)
    return moment if moment.tzinfo else instant_of(moment, tz)
