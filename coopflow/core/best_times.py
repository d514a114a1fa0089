"""The best time to reach a family on a channel (Pattern 14): what the co-op prefers, and what the family asked for."""

from coopflow.core.durations import Duration
from coopflow.core.model import Coop, Family
from coopflow.core.windows import Hours, Preference, Window
from coopflow.core.workflow import CallStep, EmailStep, SmsStep, Step

BEST_HOUR = "best_contact_hour"  # an attribute: 0 to 23, on the family's own clock
PATIENCE = Duration(days=2)  # how long the family's hour is waited for where the co-op has set nothing


def channel_of(step: Step) -> str | None:
    """The way in which a step reaches a family; None: it does not."""
    match step:
        case EmailStep():
            return "email"
        case SmsStep():
            return "sms"
        case CallStep():
            return "call"
        case _:
            return None


def preference_of(step: Step, family: Family, coop: Coop) -> Preference | None:
    """The times that are best for a step; the family's own hour comes before the co-op's, on the co-op's days."""
    channel = channel_of(step)
    if channel is None or step.urgent:
        return None
    usual = coop.preferred.get(channel)
    hour = best_hour(family.attributes.get(BEST_HOUR))
    if hour is None:
        return usual
    return Preference(_at_hour(hour, usual), usual.patience if usual else PATIENCE)


def best_hour(value: object) -> int | None:
    """An hour from 0 to 23, as a number or in digits; None: it is none, and nothing is preferred because of it."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23 else None


def _at_hour(hour: int, usual: Preference | None) -> Window:
    hours: Hours = ((hour * 60, hour * 60 + 60),)
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (
        hours if usual is None or usual.window.days[day] else () for day in range(7)
    )
    return Window(BEST_HOUR, (monday, tuesday, wednesday, thursday, friday, saturday, sunday))
