"""What a family is owed by its dates: `14 days before renewal_date`, each date and rule once."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.date_rules import plain_day
from coopflow.core.model import Family
from coopflow.core.workflow import Trigger

NOT_LONG_AGO = timedelta(hours=1)  # with `catch_up: none`, what is older has been missed
NINE = time(9)


class Moment(Struct, frozen=True, order=True):
    """When one rule's turn comes for one family."""

    at: datetime
    key: str  # `14 days before renewal_date = 2026-12-01`: the rule, and the date it was computed from
    of_the_date: datetime  # when the date itself comes


def moments_of(trigger: Trigger, family: Family, tz: ZoneInfo) -> tuple[list[Moment], list[str]]:
    """The moments of a family in order, and a sentence for each value that is no date."""
    found, problems = [], []
    for rule in trigger.dates:
        value = plain_day(family.attributes.get(rule.field))  # written in another way it is the same date
        if value is None:
            continue
        try:
            at, of_the_date = rule.moments(value, tz=tz, default_time=trigger.at or NINE)
            found.append(Moment(at, f"{rule} = {value}", of_the_date))
        except ValueError as problem:
            problems.append(f"{rule.field}: {problem}")
    return sorted(found), list(dict.fromkeys(problems))


def owed(moments: Sequence[Moment], trigger: Trigger, *, done_until: datetime, now: datetime) -> list[Moment]:
    """Those whose turn has come and was not had: since the last look, or while the date itself is still ahead.

    Who comes late, when several moments have passed, gets only the latest of them; so does everybody after an absence,
    unless all are to be made up for.
    """
    passed = [moment for moment in moments if moment.at <= now]
    if trigger.catch_up == "none":
        return [moment for moment in passed if moment.at > done_until and now - moment.at <= NOT_LONG_AGO]
    candidates = passed if trigger.catch_up == "all" else passed[-1:]
    since = [moment for moment in candidates if moment.at > done_until]
    late = [moment for moment in passed[-1:] if moment.of_the_date > now and moment not in since]
    return since + late
