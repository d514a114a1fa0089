"""What a tick says that comes after a long silence: since when there was none, and what it found."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from coopflow.core.timing import local_text
from coopflow.reports.words import counted, joined
from coopflow.store.store import Store

LONG = timedelta(hours=24)  # a machine that is off at night is no news


def absence_words(store: Store, beat: datetime | None, *, after: int, tz: ZoneInfo, now: datetime) -> str | None:
    """What came of a tick after a long silence, by what the log says after entry `after`; None: it was not long."""
    if beat is None or now - beat <= LONG:
        return None
    kinds = store.looking.kinds_after(after)
    found = [
        (kinds.get("message.accepted", 0), "message", "sent"),
        (kinds.get("instance.paused", 0), "instance", "in front of a person now (coopflow status)"),
        (kinds.get("step.deferred", 0), "step", "put off to a better moment"),
    ]
    words = [f"{counted(number, noun)} {fate}" for number, noun, fate in found if number]
    days = (now - beat).days
    length = "1 day" if days == 1 else f"{days:,} days"
    return f"no tick since {local_text(beat, tz)} ({length}): {joined(words) or 'nothing was due'}"
