"""What will be done in the next days, if nobody answers and every message is accepted."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from coopflow.core.date_triggers import moments_of
from coopflow.core.foresight import Foreseen, foresee
from coopflow.core.model import Family
from coopflow.core.states import ACTIVE
from coopflow.core.workflow import TaskStep, Workflow
from coopflow.core.zones import zone_or
from coopflow.owed import for_whom
from coopflow.reports.words import task_type_words
from coopflow.schedules import BATCH
from coopflow.store.schedules import Schedule
from coopflow.store.store import Store

WHATS = {"email": "email", "sms": "text", "call": "call", "http": "request", "command": "command"}


class Appointment(Struct, frozen=True, kw_only=True):
    """One thing that will be done, or is due."""

    at: datetime
    what: str  # email | text | call | task | request | command | due | start
    name: str  # the step, the task, or the workflow that starts
    family_id: str | None
    family_name: str | None
    workflow: str | None
    instance_id: int | None
    reason: str | None  # the rules that moved it there


def agenda(
    store: Store, *, family_id: str | None = None, workflow: str | None = None, since: datetime, until: datetime
) -> list[Appointment]:
    """Everything in flight by virtual clock, the tasks that are due, and what the clock starts; nothing is written."""
    found = [
        row["instance_id"]
        for row in store.looking.instances(family_id=family_id, workflow=workflow, statuses=sorted(ACTIVE))
    ]
    foreseen = foresee(store.cases.load(found), since=since, until=until)
    listed = [one for what in foreseen if (one := _appointment(what)) is not None]
    listed += _due(store, family_id, workflow, since=since, until=until)
    listed += _starts(store, family_id, workflow, since=since, until=until)
    return sorted(listed, key=lambda one: (one.at, one.family_id or "", one.name))


def _appointment(foreseen: Foreseen) -> Appointment | None:
    event, case = foreseen.event, foreseen.case
    step = case.workflow.steps.get(str(event.data.get("step")))
    if event.kind == "message.accepted" and step is not None:
        what, name = WHATS[step.type], step.name
    elif event.kind == "task.opened":
        kind = str(event.data["task_type"])
        own = isinstance(step, TaskStep) and step.task_type == kind
        what = WHATS.get(step.type, "task") if own and step else "task"
        name = step.name if own and step else task_type_words(kind)
    else:
        return None
    return Appointment(
        at=event.at,
        what=what,
        name=name,
        family_id=case.family.family_id,
        family_name=case.family.family_name,
        workflow=case.workflow.name,
        instance_id=case.instance.instance_id,
        reason=foreseen.reason,
    )


def _due(
    store: Store, family_id: str | None, workflow: str | None, *, since: datetime, until: datetime
) -> Iterator[Appointment]:
    """The tasks on the desk that are due by then."""
    for task in store.looking.open_tasks(now=since, family_id=family_id, workflow=workflow):
        if task["due_date"] is None or task["due_date"] > until:
            continue
        yield Appointment(
            at=task["due_date"],
            what="due",
            name=f"task {task['task_id']}: {task_type_words(task['task_type'])}",
            family_id=task["family_id"],
            family_name=task["family_name"],
            workflow=task["workflow"],
            instance_id=task["instance_id"],
            reason=None,
        )


def _starts(
    store: Store, family_id: str | None, workflow: str | None, *, since: datetime, until: datetime
) -> Iterator[Appointment]:
    """What the clock starts by then: for whom, where a date of theirs says so; else its time has to come first."""
    schedules = store.schedules.all()
    for found in store.templates.current():
        if found.name not in schedules or workflow not in (None, found.name):
            continue
        if found.trigger.dates:
            yield from _by_dates(store, found, family_id, since=since, until=until)
        elif family_id is None:
            times = _times(found, schedules[found.name], store, since=since, until=until)
            yield from (_start(found, at, None, None) for at in times)


def _times(workflow: Workflow, schedule: Schedule, store: Store, *, since: datetime, until: datetime) -> list[datetime]:
    """When it comes round; of what watches a condition, the next look."""
    if workflow.trigger.recurrence is None:
        return [at for at in (schedule.next_at,) if at is not None and at <= until]
    from coopflow.core.recurrence import occurrences

    coming = occurrences(workflow.trigger.recurrence, after=since, until=until, tz=store.coop.calendar.tz)
    return [one.at for one in coming]


def _by_dates(
    store: Store, workflow: Workflow, family_id: str | None, *, since: datetime, until: datetime
) -> Iterator[Appointment]:
    batches = [[family_id]] if family_id is not None else store.schedules.families(at_once=BATCH)
    for ids in batches:
        for family in for_whom(store, workflow, store.families(ids).values()):
            moments, _ = moments_of(workflow.trigger, family, zone_or(family.time_zone, store.coop.calendar.tz))
            coming = (moment for moment in moments if since < moment.at <= until)
            yield from (_start(workflow, moment.at, family, moment.key) for moment in coming)


def _start(workflow: Workflow, at: datetime, family: Family | None, reason: str | None) -> Appointment:
    return Appointment(
        at=at,
        what="start",
        name=workflow.name,
        family_id=family.family_id if family else None,
        family_name=family.family_name if family else None,
        workflow=workflow.name,
        instance_id=None,
        reason=reason,
    )
