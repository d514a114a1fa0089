"""When a step's turn comes, worked out from the wall clocks quarter by quarter; it knows none of coopflow's own rules.

Every hour at which anything opens or shuts in the simulation is a whole one, and every zone lies whole quarters of an
hour from UTC: so a walk by quarters misses nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
REACHING = ("email", "sms", "call", "task")  # types of steps that somebody notices
CONVERSING = ("email", "sms", "call")  # types of steps by which somebody speaks to the family
RESUMES = 9  # o'clock: what came before the office opened is not sent at the stroke of eight
FARTHEST = 400  # days
OFFICE = "business_hours"
KEPT = 100_000  # readings of a clock: many walks come by the same quarters


@dataclass(frozen=True, slots=True)
class Past:
    """What a step's time may be counted from."""

    arrived: datetime
    started: datetime
    triggered: datetime
    ended: Mapping[str, datetime]  # step → when it was over last
    renewal: Any  # the family's renewal_date, whatever stands there


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the clocks hang that count for a family, and what keeps it from being reached."""

    home: ZoneInfo
    phone: tuple[ZoneInfo, ...]  # where its number belongs
    gentle_until: datetime | None
    closed: Collection[date]
    best_hour: int | None = None  # on the clock at home


def hour_of(said: Any) -> int | None:
    """The hour that a list says is best; None: it says none that there is."""
    plain = str(said) if isinstance(said, int | str) else ""
    return int(plain) if plain.isdigit() and int(plain) < 24 else None


def turn_of(step: Mapping[str, Any], past: Past, family: Whereabouts, *, counted: bool = True) -> datetime:
    """The moment at which a step's turn comes; not `counted`: where a person has brought it there at once."""
    at = _counted(step, past, family) if counted else past.arrived
    if not _hours(step):
        return at
    if family.gentle_until is not None and step["type"] in REACHING:
        at = max(at, family.gentle_until)
    at = at if _open(step, at, family) else _next(step, at, family)
    return _at_its_best(step, at, family) if counted else at


def _at_its_best(step: Mapping[str, Any], since: datetime, family: Whereabouts) -> datetime:
    """The family's best hour, where it comes within two days on the clock at home."""
    if family.best_hour is None or step["type"] not in CONVERSING or step.get("urgent"):
        return since
    limit = _instant(since.astimezone(family.home).replace(tzinfo=None) + 2 * DAY, family.home)
    at = since
    while at <= limit:
        if _open(step, at, family) and _shown(at, family.home)[1] == family.best_hour:
            return at
        at = at.replace(minute=at.minute // 15 * 15, second=0) + QUARTER
    return since


def _hours(step: Mapping[str, Any]) -> str | None:
    """The hours that it keeps; None: it may come at any time."""
    return step.get("window") or (OFFICE if step["type"] in REACHING else None)


def _counted(step: Mapping[str, Any], past: Past, family: Whereabouts) -> datetime:
    delay, origin = step.get("delay", "0 days"), step.get("from")
    if rule := step.get("scheduled_time"):
        return _on_the_date(rule, past.renewal, family)
    if origin == "attributes.renewal_date":
        return _later(_instant(_wall(past.renewal, time(), family), family.home), delay, family)
    known = {None: past.arrived, "start": past.started, "trigger": past.triggered, **past.ended}
    return max(past.arrived, _later(known.get(origin, past.arrived), delay, family))


def _on_the_date(rule: str, renewal: Any, family: Whereabouts) -> datetime:
    """`2 days before renewal_date at 10:00`, by hand: this many days or hours, before or after, at this time."""
    rule, _, at = rule.partition(" at ")
    wall = _wall(renewal, time.fromisoformat(at or "00:00"), family)
    count, unit, direction, _ = rule.split() if " " in rule else ("0", "days", "after", rule)
    length = int(count) * {"hours": timedelta(hours=1), "days": DAY, "week": 7 * DAY}[unit]
    length = -length if direction == "before" else length
    return _instant(wall, family.home) + length if unit == "hours" else _instant(wall + length, family.home)


def _wall(value: Any, at: time, family: Whereabouts) -> datetime:
    """What the family's clock shows on its date."""
    if len(value) == len("2026-03-01"):
        return datetime.combine(date.fromisoformat(value), at)
    moment = datetime.fromisoformat(value)
    return moment.astimezone(family.home).replace(tzinfo=None) if moment.tzinfo else moment


def _later(arrived: datetime, delay: str, family: Whereabouts) -> datetime:
    count, _, unit = delay.partition(" ")
    match unit.removesuffix("s"):
        case "minute":
            return arrived + timedelta(minutes=int(count))
        case "hour":
            return arrived + timedelta(hours=int(count))
    wall = arrived.astimezone(family.home).replace(tzinfo=None)
    left = int(count)
    while left:
        wall += DAY
        left -= unit.startswith("day") or _at_work(wall.date(), family)
    return _instant(wall, family.home)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which a clock shows this or, where it skips it, something later."""
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    at = min(at, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)) - DAY
    at = at.replace(minute=at.minute // 15 * 15, second=0)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += QUARTER
    return at


def _at_work(day: date, family: Whereabouts) -> bool:
    return day.weekday() < 5 and day not in family.closed


def _next(step: Mapping[str, Any], since: datetime, family: Whereabouts) -> datetime:
    at = since.replace(minute=since.minute // 15 * 15, second=0)
    while not (at > since and _open(step, at, family)):
        at += QUARTER
        if at > since + FARTHEST * DAY:
            raise AssertionError(f"nothing opens after {since}")
    local = at.astimezone(family.home)
    opened, resumes = (_instant(local.replace(hour=hour, minute=0, tzinfo=None), family.home) for hour in (8, RESUMES))
    waits = not step.get("urgent") and _hours(step) == OFFICE and since < opened and at < resumes
    return resumes if waits and _open_all_along(step, at, resumes, family) else at


def _open_all_along(step: Mapping[str, Any], at: datetime, until: datetime, family: Whereabouts) -> bool:
    while at < until:
        at += QUARTER
        if not _open(step, at, family):
            return False
    return True


def _open(step: Mapping[str, Any], at: datetime, family: Whereabouts) -> bool:
    today, hour = _shown(at, family.home)
    if not step.get("urgent"):
        if _hours(step) == OFFICE and not (_at_work(today, family) and 8 <= hour < 18):
            return False
        if step["type"] == "sms" and today in family.closed:
            return False
    hours = (hour, *(_shown(at, zone)[1] for zone in family.phone)) if step["type"] == "sms" else ()
    return all(8 <= hour < 21 for hour in hours)


@lru_cache(KEPT)
def _shown(at: datetime, zone: ZoneInfo) -> tuple[date, int]:
    """The day and the hour that a clock shows."""
    local = at.astimezone(zone)
    return local.date(), local.hour
