"""What waits for its turn is planned again when the rules of time have changed, and both times are on record."""

from collections.abc import Mapping, Set
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.audit import canonical_json
from coopflow.core.case import Case
from coopflow.core.model import Coop, Entry
from coopflow.core.states import Awaited
from coopflow.core.timing import NeverOpens

NOT_ABOUT_TIME = frozenset({"organisation", "coordinators", "known_events", "footer"})  # of what the co-op is made of


def replan(case: Case, reason: str, *, now: datetime, catch_up: bool = False) -> int:
    """Plan every branch that waits for its turn anew; answer with how many have got another time.

    Nothing is moved into the past. What by now would have had its turn stays where it is: it was put off since, or it
    comes a little later than it could; when its time comes, every rule is asked again anyway. With `catch_up` it comes
    now.
    """
    waiting = [entry for entry in case.entries.values() if _waits(entry)]
    return sum(_replan(case, entry, reason, now=now, catch_up=catch_up) for entry in waiting)


def rules_of_time(coop: Coop) -> str:
    """A fingerprint of all that decides when a step's turn comes, but for the time-zone data."""
    names = [name for name in coop.__struct_fields__ if name not in NOT_ABOUT_TIME]
    said = {name: _plain(getattr(coop, name)) for name in names}
    return sha256(canonical_json(said).encode()).hexdigest()[:16]


def _waits(entry: Entry) -> bool:
    """True where the rules alone have set the time: no attempt was made, and no person has chosen it."""
    untouched = entry.awaits is Awaited.TURN and entry.attempts == 0 and entry.chosen_by is None
    return untouched and entry.scheduled_for is not None and entry.arrived_at is not None


def _replan(case: Case, entry: Entry, reason: str, *, now: datetime, catch_up: bool) -> bool:
    assert entry.arrived_at is not None  # it waits  # noqa: S101
    step = case.step(entry)
    try:
        planned = case.plan(step, arrived=entry.arrived_at)
    except NeverOpens as problem:
        case.hold(entry, f"the turn of '{step.name}' never comes: {problem}", now=now)
        return True
    at = max(planned.at, now) if catch_up else planned.at
    if (planned.at <= now and not catch_up) or at == entry.scheduled_for:
        return False
    times: dict[str, Any] = {"from": entry.scheduled_for, "to": at}
    entry.scheduled_for, entry.reason = at, "; ".join(planned.reasons) or None
    case.note("step.replanned", now=now, step=step.id, reason=reason, **times)
    return True


def _plain(value: Any) -> Any:
    """A value of the rules as JSON has it, the same text whenever it is the same rule."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Set):
        return sorted(str(one) for one in value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value.key if isinstance(value, ZoneInfo) else str(value)
