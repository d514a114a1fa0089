"""What families are owed by the clock at one look at a workflow, and its start.

Of an absence, `catch_up` says what is made up for. Everything here runs inside a transaction of the caller's.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from coopflow.core import rules
from coopflow.core.date_triggers import NOT_LONG_AGO, Moment, moments_of, owed
from coopflow.core.facts import Facts
from coopflow.core.instants import format_instant
from coopflow.core.model import Family
from coopflow.core.verdict import Answer
from coopflow.core.workflow import Trigger, Workflow
from coopflow.core.zones import zone_or
from coopflow.starts import Result, starting
from coopflow.store.rows import start_key
from coopflow.store.schedules import Schedule
from coopflow.store.store import Store
from coopflow.triggers import occasion_of, told


class Owed(Struct, frozen=True):
    """One start that a family is owed."""

    family: Family
    triggered_by: str
    at: datetime
    what: str  # the occurrence, in the words that the instance keeps


def start_for(
    store: Store, workflow: Workflow, schedule: Schedule, family_ids: Sequence[str], *, now: datetime
) -> tuple[int, list[datetime]]:
    """Start what these families are owed; how many began, and the moments at which they will be owed more."""
    families = list(store.families(family_ids).values())
    ahead: list[datetime] = []
    if workflow.trigger.type == "condition":
        return _start_by_condition(store, workflow, families, now=now), ahead
    if workflow.trigger.recurrence is not None:
        starts = list(_by_occurrence(store, workflow, families, schedule, now=now))
    else:
        starts, ahead = _by_date(store, workflow, families, schedule, now=now)
    return _start(store, workflow, starts, now=now), ahead


def for_whom(store: Store, workflow: Workflow, families: Collection[Family]) -> list[Family]:
    """Those for whom the trigger's conditions hold; without any, all of them."""
    condition = workflow.trigger.conditions
    known = store.coop.known_events
    return [
        family
        for family in families
        if condition is None or rules.holds(condition, Facts(family=family, known_events=known))
    ]


# -- what comes round ---------------------------------------------------------------------------------------------


def _by_occurrence(
    store: Store, workflow: Workflow, families: Sequence[Family], schedule: Schedule, *, now: datetime
) -> Iterator[Owed]:
    from coopflow.core.recurrence import occurrences

    assert workflow.trigger.recurrence is not None  # it comes round  # noqa: S101
    tz = store.coop.calendar.tz
    passed = occurrences(workflow.trigger.recurrence, after=schedule.done_until, until=now, tz=tz)
    made_up_for = _caught_up([(one.at, one.key) for one in passed], workflow.trigger, now=now)
    concerned = for_whom(store, workflow, families) if made_up_for else []
    for at, key in made_up_for:
        yield from (Owed(family, f"schedule:{key}", at, key) for family in concerned)


def _caught_up(passed: list[tuple[datetime, str]], trigger: Trigger, *, now: datetime) -> list[tuple[datetime, str]]:
    """Of what has come round since the last look, what is made up for."""
    match trigger.catch_up:
        case "all":
            return passed
        case "none":
            return [(at, key) for at, key in passed[-1:] if now - at <= NOT_LONG_AGO]
        case _:
            return passed[-1:]


# -- what hangs on a date -----------------------------------------------------------------------------------------


def _by_date(
    store: Store, workflow: Workflow, families: Sequence[Family], schedule: Schedule, *, now: datetime
) -> tuple[list[Owed], list[datetime]]:
    """What the families are owed by their dates, and when there will be more."""
    starts: list[Owed] = []
    ahead: list[datetime] = []
    concerned = for_whom(store, workflow, families)
    changed = store.schedules.updated_since([family.family_id for family in concerned], since=schedule.done_until)
    for family in concerned:
        moments, problems = moments_of(workflow.trigger, family, zone_or(family.time_zone, store.coop.calendar.tz))
        ahead += [moment.at for moment in moments if moment.at > now]
        starts += _owed_to(workflow, family, moments, done_until=schedule.done_until, now=now)
        if problems and family.family_id in changed:  # said once, not at every look
            _tell(store, family.family_id, f"{workflow.name}: {'; '.join(problems)}", now=now)
    return starts, ahead


def passed_for(store: Store, workflow: Workflow, families: Collection[Family], *, now: datetime) -> list[str]:
    """The start keys of what these families would be owed as if their dates came in late."""
    keys: list[str] = []
    for family in families:
        moments, _ = moments_of(workflow.trigger, family, zone_or(family.time_zone, store.coop.calendar.tz))
        keys += [_key(workflow, one) for one in _owed_to(workflow, family, moments, done_until=now, now=now)]
    return keys


def _owed_to(
    workflow: Workflow, family: Family, moments: Sequence[Moment], *, done_until: datetime, now: datetime
) -> list[Owed]:
    due = owed(moments, workflow.trigger, done_until=done_until, now=now)
    return [Owed(family, f"schedule:{moment.key}", moment.at, moment.key) for moment in due]


# -- what becomes true ----------------------------------------------------------------------------------------------


def _start_by_condition(store: Store, workflow: Workflow, families: Sequence[Family], *, now: datetime) -> int:
    """Start for the families for whom the condition holds and did not hold at the last look."""
    holding = for_whom(store, workflow, families)
    ids = {family.family_id for family in holding}
    before = store.schedules.matches(workflow.name, [family.family_id for family in families])
    store.schedules.forget(workflow.name, before - ids)
    store.schedules.remember(workflow.name, ids - before, now=now)
    day = now.astimezone(store.coop.calendar.tz).date().isoformat()
    became = [Owed(family, f"condition:{day}", now, day) for family in holding if family.family_id not in before]
    return _start(store, workflow, became, now=now)


# -- starting -----------------------------------------------------------------------------------------------------


def _start(store: Store, workflow: Workflow, owed_starts: Iterable[Owed], *, now: datetime) -> int:
    """Begin what was not begun before, and note why where something else stands in the way."""
    listed = list(owed_starts)
    used = store.schedules.used(workflow.name, [_key(workflow, one) for one in listed])
    fresh = [one for one in listed if _key(workflow, one) not in used]
    past = store.past_runs({one.family.family_id for one in fresh}, now=now)
    runs = {family_id: list(found) for family_id, found in past.items()}
    started, skipped = 0, []
    with starting(store, now=now) as starts:
        for one in fresh:
            given = {"occurrence": one.what, "scheduled_at": format_instant(one.at)}
            own = runs.setdefault(one.family.family_id, [])
            occasion = occasion_of(store, one.family, workflow.trigger.type, given=given, past=own)
            results = starts.all_of(occasion, [workflow], one.triggered_by)
            if isinstance(results, str):
                skipped.append(Result(answer=Answer.SKIPPED, family_id=one.family.family_id, reason=results))
            else:
                started += len(results)
    store.log([told(result, now) for result in skipped])
    return started


def _key(workflow: Workflow, one: Owed) -> str:
    return start_key(workflow.name, one.triggered_by, one.family.family_id)


def _tell(store: Store, family_id: str, reason: str, *, now: datetime) -> None:
    store.log([told(Result(answer=Answer.SKIPPED, family_id=family_id, reason=reason), now)])
