"""Days that come back every year, as calendars write them (iCalendar, RFC 5545)."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time

from dateutil.rrule import rrulestr

from coopflow.core.wording import shown

# Other frequencies are opening hours, not closed days; other parts belong to times within a day.
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST"})
_UNTIL = re.compile(r"(?<=UNTIL=)([0-9]{8})(T[0-9]{6}Z?)?")


def recurring_days(rule: str, first: date, *, until: date) -> Iterator[date]:
    """The days of `FREQ=YEARLY` rules from the first to a last; raise ValueError, a sentence, for any other rule."""
    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    if parts.get("FREQ") != "YEARLY":
        raise ValueError(f"it comes back {parts.get('FREQ', '').lower()}; a closed day may come back every year only")
    if odd := sorted(parts.keys() - _PARTS):
        raise ValueError(f"it comes back by {odd[0]}, which is not possible here; write its days one by one")
    if "BYMONTHDAY" in parts and "BYMONTH" not in parts:
        raise ValueError("it comes back every month; a closed day may come back every year only")
    try:
        found = rrulestr(_UNTIL.sub(r"\1T235959", rule.upper()), dtstart=datetime.combine(first, time()))
    except (ValueError, TypeError, KeyError, IndexError):
        raise ValueError(f"its rule {shown(rule)} cannot be read") from None
    for moment in found:
        if moment.date() > until:
            return
        yield moment.date()
