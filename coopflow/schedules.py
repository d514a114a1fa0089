"""What the clock starts: workflows that come round, that hang on a date of a family, that watch a condition.

A crash at any point neither loses nor doubles a start: what has begun an instance is known by the instance's start key,
and a schedule counts as done only after all its families are. What each of them is owed, `owed` says.
"""

from datetime import datetime

from msgspec.structs import replace

from coopflow.batches import FAULT_PAUSE, Engine, TickReport
from coopflow.core.audit import canonical_json
from coopflow.core.date_triggers import NINE
from coopflow.core.workflow import BY_THE_CLOCK, Trigger, Workflow
from coopflow.errors import in_one_line
from coopflow.one_by_one import in_batch_or_one_by_one
from coopflow.owed import for_whom, passed_for, start_for
from coopflow.store.schedules import Schedule
from coopflow.store.store import Store

BATCH = 500  # families in one transaction


def start_what_is_owed(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Start what schedules, dates and conditions owe by now (design, section 6.3)."""
    store = engine.store
    for name in store.schedules.due(now=now):
        workflow = next((found for found in store.templates.current() if found.name == name), None)
        if workflow is not None:
            _look(store, report, workflow, store.schedules.all()[name], now=now)


def keep_schedules(store: Store, *, now: datetime) -> None:
    """Bring the schedules in line with the workflows in force, inside the caller's transaction.

    A trigger that is new, has changed or is enabled again begins anew: nothing before now is owed to those it finds.
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
    if workflow.trigger.dates:
        batches = (store.families(ids).values() for ids in store.schedules.families(at_once=BATCH))
        passed = [key for families in batches for key in passed_for(store, workflow, families, now=now)]
        store.schedules.count_as_had(workflow.name, passed)
    if workflow.trigger.type == "condition" and (existing_too or not workflow.trigger.existing):
        for family_ids in store.schedules.families(at_once=BATCH):
            holding = for_whom(store, workflow, store.families(family_ids).values())
            store.schedules.remember(workflow.name, [family.family_id for family in holding], now=now)
        store.schedules.put(replace(schedule, next_at=_comes_round(store, workflow.trigger, now=now)))


def _comes_round(store: Store, trigger: Trigger, *, now: datetime) -> datetime | None:
    """When a schedule comes round next; a condition is looked at every day."""
    from coopflow.core.recurrence import Recurrence, next_occurrence

    recurrence = trigger.recurrence or Recurrence(every=f"day {trigger.at or NINE:%H:%M}")
    following = next_occurrence(recurrence, after=now, tz=store.coop.calendar.tz)
    return following.at if following else None


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
            store, family_ids, lambda ids: start_for(store, workflow, schedule, ids, now=now), met_a_fault
        )
        report.started += sum(started for started, _ in parts)
        upcoming += [moment for _, ahead in parts for moment in ahead]
    with store.transaction():
        if len(report.faults) > faults_before:
            store.schedules.put(replace(schedule, next_at=now + FAULT_PAUSE))
            return
        dates = bool(workflow.trigger.dates)
        next_at = min(upcoming, default=None) if dates else _comes_round(store, workflow.trigger, now=now)
        store.schedules.put(replace(schedule, done_until=max(now, schedule.done_until), next_at=next_at))
