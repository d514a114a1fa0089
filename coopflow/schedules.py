"""What the clock starts: workflows that come round, that hang on a date of a family, that watch a condition.

A crash at any point neither loses nor doubles a start: what has begun an instance is known by the instance's start key,
and a schedule counts as done only after all its families are. Of an absence, `catch_up` says what is made up for.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.batches import FAULT_PAUSE, Engine, TickReport
from coopflow.core import rules
from coopflow.core.audit import canonical_json
from coopflow.core.date_triggers import NINE, NOT_LONG_AGO, moments_of, owed
from coopflow.core.facts import Facts
from coopflow.core.instants import format_instant
from coopflow.core.model import Family
from coopflow.core.verdict import Answer
from coopflow.core.workflow import BY_THE_CLOCK, Trigger, Workflow
from coopflow.core.zones import zone_or
from coopflow.errors import in_one_line
from coopflow.one_by_one import in_batch_or_one_by_one
from coopflow.starts import Result, starting
from coopflow.store.rows import start_key
from coopflow.store.schedules import Schedule
from coopflow.store.store import Store
from coopflow.triggers import occasion_of, told

BATCH = 500  # families in one transaction


class Owed(Struct, frozen=True):
    """One start that a family is owed."""

    family: Family
    triggered_by: str
    at: datetime
    what: str  # the occurrence, in the words that the instance keeps


def start_what_is_owed(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Start what schedules, dates and conditions owe by now (design, section 6.3)."""
    store = engine.store
    for name in store.schedules.due(now=now):
        workflow = next((found for found in store.templates.current() if found.name == name), None)
        if workflow is not None:
            _look(store, report, workflow, store.schedules.all()[name], now=now)


def keep_schedules(store: Store, *, now: datetime) -> None:
    """Bring the schedules in line with the workflows in force, inside the caller's transaction.

    A trigger that is new, or has changed, begins anew: nothing before now is owed.
    """
    known = store.schedules.all()
    active = {
        version.name: version
        for version in store.templates.current_versions()
        if version.active and version.data["trigger"]["type"] in BY_THE_CLOCK
    }
    wanted = {name: canonical_json(version.data["trigger"]) for name, version in active.items()}
    for name in known.keys() - wanted.keys():
        store.schedules.drop(name)
    for name, trigger in wanted.items():
        if name not in known or known[name].trigger != trigger:
            store.schedules.drop(name)
            workflow = store.templates.get(active[name].template_id)
            _begin(store, workflow, Schedule(name, trigger, now, now), now=now)


def count_as_started(store: Store, *, now: datetime) -> None:
    """Count what the clock owes by now as dealt with, inside the caller's transaction; it begins anew from here."""
    known, current = store.schedules.all(), {workflow.name: workflow for workflow in store.templates.current()}
    for name in store.schedules.due(now=now):
        store.schedules.drop(name)
        if name in current:
            _begin(store, current[name], Schedule(name, known[name].trigger, now, now), now=now, existing_too=True)


def _begin(store: Store, workflow: Workflow, schedule: Schedule, *, now: datetime, existing_too: bool = False) -> None:
    if workflow.trigger.recurrence is not None:
        schedule = replace(schedule, next_at=_comes_round(store, workflow.trigger, now=now))
    store.schedules.put(schedule)
    if workflow.trigger.type == "condition" and (existing_too or not workflow.trigger.existing):
        for family_ids in store.schedules.families(at_once=BATCH):
            holding = for_whom(store, workflow, store.families(family_ids).values())
            store.schedules.remember(workflow.name, [family.family_id for family in holding], now=now)
        store.schedules.put(replace(schedule, next_at=_daily(store, workflow.trigger, now=now)))


# -- one look -----------------------------------------------------------------------------------------------------


def _look(store: Store, report: TickReport, workflow: Workflow, schedule: Schedule, *, now: datetime) -> None:
    """Start what one workflow owes, a batch of families at a time, and say when it is looked at next.

    After a fault nothing counts as done: in an hour all are looked at again, and who has begun does not begin twice.
    """
    faults_before = len(report.faults)

    def met_a_fault(family_id: str, fault: Exception) -> list[tuple[int, list[datetime]]]:
        report.faults.append(f"family {family_id}, workflow '{workflow.name}': {in_one_line(fault)}")
        return []

    upcoming: list[datetime] = []
    for family_ids in store.schedules.families(at_once=BATCH):
        parts = in_batch_or_one_by_one(
            store, family_ids, lambda ids: _start_for(store, workflow, schedule, ids, now=now), met_a_fault
        )
        report.started += sum(started for started, _ in parts)
        upcoming += [moment for _, ahead in parts for moment in ahead]
    with store.transaction():
        if len(report.faults) > faults_before:
            store.schedules.put(replace(schedule, next_at=now + FAULT_PAUSE))
            return
        next_at = min(upcoming, default=None)
        if workflow.trigger.type == "condition":
            next_at = _daily(store, workflow.trigger, now=now)
        elif workflow.trigger.recurrence is not None:
            next_at = _comes_round(store, workflow.trigger, now=now)
        store.schedules.put(replace(schedule, done_until=max(now, schedule.done_until), next_at=next_at))


def _start_for(
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


def _comes_round(store: Store, trigger: Trigger, *, now: datetime) -> datetime | None:
    from coopflow.core.recurrence import next_occurrence

    assert trigger.recurrence is not None  # it comes round  # noqa: S101
    following = next_occurrence(trigger.recurrence, after=now, tz=store.coop.calendar.tz)
    return following.at if following else None


def _daily(store: Store, trigger: Trigger, *, now: datetime) -> datetime | None:
    from coopflow.core.recurrence import Recurrence, next_occurrence

    daily = Recurrence(every=f"day {trigger.at or NINE:%H:%M}")
    following = next_occurrence(daily, after=now, tz=store.coop.calendar.tz)
    return following.at if following else None


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
        due = owed(moments, workflow.trigger, done_until=schedule.done_until, now=now)
        starts += [Owed(family, f"schedule:{moment.key}", moment.at, moment.key) for moment in due]
        if problems and family.family_id in changed:  # said once, not at every look
            _tell(store, family.family_id, f"{workflow.name}: {'; '.join(problems)}", now=now)
    return starts, ahead


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
    used = store.schedules.used([_key(workflow, one) for one in listed])
    fresh = [one for one in listed if _key(workflow, one) not in used]
    past = store.past_runs({one.family.family_id for one in fresh})
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
