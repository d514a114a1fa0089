"""Moving a running instance to another version of its workflow: what speaks against it, and what changes with it.

Steps are known by their ids, so a branch goes on at the step it stands at. Nothing is done twice or replayed.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.case import Case
from coopflow.core.model import Entry
from coopflow.core.placing import Setting, reopen
from coopflow.core.states import Awaited
from coopflow.core.timing import NeverOpens, Planned, add
from coopflow.core.workflow import ParallelStep, Step, TaskStep, WaitStep, Workflow
from coopflow.errors import NotAllowed

NOT_BEGUN = frozenset({Awaited.TURN, Awaited.APPROVAL, Awaited.APPROVED, Awaited.PERSON})


class Moved(Struct, frozen=True):
    """One branch: the step it stands at in either version, and when that is looked at."""

    branch: str
    step_id: str
    before: datetime | None
    after: datetime | None


def migrate(case: Case, to: Workflow, *, reason: str | None, now: datetime) -> list[Moved]:
    """Let the case go on with another version; raise NotAllowed with everything that speaks against it."""
    obstacles = list(_obstacles(case, to, now=now))
    if obstacles:
        raise NotAllowed(f"instance {case.instance.instance_id} {'; '.join(obstacles)}")
    planned = {branch: _planned(case, entry, to, now=now) for branch, entry in case.entries.items()}
    before = case.workflow.version
    case.workflow = to
    case.instance.template_id = to.template_id
    moved = [_requeue(case, entry, planned[entry.branch]) for entry in list(case.entries.values())]
    _plan_escalations(case)
    case.note("instance.migrated", now=now, workflow=to.name, from_version=before, to_version=to.version, reason=reason)
    return moved


def _requeue(case: Case, entry: Entry, planned: Planned | None) -> Moved:
    """A new place in the queue, since a place keeps the priority and the tries of the version it was made under."""
    fresh = replace(entry, queue_id=None)
    if planned is not None:
        fresh.scheduled_for, fresh.reason = planned.at, "; ".join(planned.reasons) or None
    case.remove(entry)
    case.entries[fresh.branch] = fresh
    return Moved(fresh.branch, fresh.step_id, entry.scheduled_for, fresh.scheduled_for)


def _plan_escalations(case: Case) -> None:
    """Open tasks go up by the new version's levels, counted from when they were opened."""
    for task in case.tasks:
        before = task.escalate_at
        case.set_escalation(task)
        if task.escalate_at != before and task.task_id is not None:
            case.journal.changed.append(task)


# -- what speaks against it -----------------------------------------------------------------------------------------


def _obstacles(case: Case, to: Workflow, *, now: datetime) -> Iterator[str]:
    if case.workflow.name != to.name:
        yield f"is a run of {case.workflow.name}, not of {to.name}"
    elif not case.instance.active:
        yield f"is {case.instance.status} already"
    elif case.workflow.version == to.version:
        yield f"is on version {to.version} already"
    elif any(entry.awaits is Awaited.DOUBT for entry in case.entries.values()):
        yield "has a message in doubt; say first what became of it: coopflow doubt list"
    elif any(attempt.idempotency_key for attempt in case.running.values()):
        yield "has a message on its way; try again when it has gone"
    else:
        misfits = [misfit for entry in case.entries.values() for misfit in _misfit(entry, case.step(entry), to)]
        yield from misfits or _without_a_turn(case, to, now=now)


def _without_a_turn(case: Case, to: Workflow, *, now: datetime) -> Iterator[str]:
    """The steps whose turn never comes by the other version's timing, as of a family without the date that it needs."""
    for entry in case.entries.values():
        try:
            _planned(case, entry, to, now=now)
        except NeverOpens as problem:
            yield f"stands at '{entry.step_id}', whose turn never comes in version {to.version}: {problem}"


def _misfit(entry: Entry, here: Step, to: Workflow) -> Iterator[str]:
    """Why a branch cannot stand at its step in the other version."""
    there = to.steps.get(entry.step_id)
    if there is None:
        yield f"stands at '{here.id}', which version {to.version} does not have"
    elif there.parent != here.parent or _in_other_branches(here, there, to):
        yield f"stands at '{here.id}', which is in another place in version {to.version}"
    elif entry.awaits not in NOT_BEGUN:
        yield from _unlike(entry, here, there, to.version)


def _in_other_branches(here: Step, there: Step, to: Workflow) -> bool:
    """The branches of a `parallel` step are known by their order, those of `recommended` by what they do."""
    return isinstance(to.steps.get(there.parent or ""), ParallelStep) and there.branch != here.branch


def _unlike(entry: Entry, here: Step, there: Step, version: int) -> Iterator[str]:
    """Why a step that has begun cannot end as the other version's step of the same name."""
    if isinstance(here, TaskStep) and isinstance(there, TaskStep):
        if entry.awaits is Awaited.TASK and not there.outcomes:
            yield f"waits for the outcome of '{here.id}', which has none in version {version}"
    elif type(here) is not type(there):
        yield f"has begun '{here.id}' as a {here.type}; in version {version} it is a {there.type}"
    elif isinstance(here, ParallelStep) and isinstance(there, ParallelStep):
        begun, now_there = len(here.branches), len(there.branches)
        if begun != now_there:
            yield f"has begun the {begun} branches of '{here.id}'; in version {version} there are {now_there}"


# -- when it goes on ------------------------------------------------------------------------------------------------


def _planned(case: Case, entry: Entry, to: Workflow, *, now: datetime) -> Planned | None:
    """When the step's own timing now says; None: as before, also for a time that something else has moved."""
    step = to.steps[entry.step_id]
    if entry.awaits is Awaited.TIME and isinstance(step, WaitStep) and _has_come(case, step.until_event):
        return Planned(now, (f"{step.until_event} came before",))
    if entry.arrived_at is None or (entry.awaits is Awaited.TURN and entry.attempts):
        return None
    before = _timed_before(case, entry, arrived_at=entry.arrived_at)
    after = _timed(case, entry, to, arrived_at=entry.arrived_at)
    if before is None or after is None or before.at != entry.scheduled_for or after.at == before.at:
        return None
    if entry.awaits is Awaited.TURN and after.at < now:
        return reopen(now, step, Setting(to, case.coop, case.family))
    return after


def _has_come(case: Case, event: str | None) -> bool:
    return event is not None and case.facts.get(event) is True


def _timed_before(case: Case, entry: Entry, *, arrived_at: datetime) -> Planned | None:
    """What the present version's timing makes of it now; None: nothing, where what it was planned by has gone."""
    try:
        return _timed(case, entry, case.workflow, arrived_at=arrived_at)
    except NeverOpens:
        return None


def _timed(case: Case, entry: Entry, workflow: Workflow, *, arrived_at: datetime) -> Planned | None:
    """What a version's timing makes of the branch's arrival; None: the branch waits for something else."""
    if entry.awaits not in (Awaited.TURN, Awaited.TIME):
        return None
    step = workflow.steps[entry.step_id]
    turn = case.plan(step, arrived=arrived_at, workflow=workflow)
    if entry.awaits is Awaited.TURN:
        return turn
    if not isinstance(step, WaitStep):
        return None
    length = step.duration or step.timeout
    until = add(length, to=turn.at, tz=case.tz, calendar=case.coop.calendar) if length else None
    return None if until is None else Planned(until, tuple(filter(None, [entry.reason])))
