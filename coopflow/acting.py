"""A person's verb, applied to instances: each in its own transaction, so that one refusal leaves the others done."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from coopflow.core import desk
from coopflow.core.case import Case
from coopflow.core.coming import Coming, coming, standing_at
from coopflow.core.model import Event, Task
from coopflow.core.settle import advance
from coopflow.core.states import TaskStatus
from coopflow.errors import CoopflowError, NotAllowed, NotFound
from coopflow.store.store import Store
from coopflow.triggers import save_cases

Verb = Callable[[Case], None]


class Act(Struct, frozen=True):
    """What became of one instance: how it stands now and stood before, or why nothing was changed."""

    instance_id: int
    case: Case | None
    problem: str | None = None
    step_before: str | None = None
    next_before: Coming | None = None


class _TakenBack(Exception):
    """The end of an act that was only to be shown."""


def act(
    store: Store,
    instance_ids: Sequence[int],
    verb: Verb,
    *,
    actor: str,
    now: datetime,
    rehearse: bool = False,
) -> list[Act]:
    """Apply a verb to each instance; what follows inside the house is done at once, messages wait for the tick.

    With `rehearse` the answer is the same, and everything is taken back.
    """
    return [_act_on(store, number, verb, actor=actor, now=now, rehearse=rehearse) for number in instance_ids]


def _act_on(store: Store, instance_id: int, verb: Verb, *, actor: str, now: datetime, rehearse: bool) -> Act:
    before: list[tuple[str | None, Coming | None]] = []

    def watched(case: Case) -> None:
        before.append((standing_at(case), coming(case)))
        verb(case)

    done: Act | None = None
    try:
        with store.transaction():
            case = change(store, instance_id, watched, actor=actor, now=now)
            done = Act(instance_id, case, None, *before[0])
            if rehearse:
                raise _TakenBack
    except (NotAllowed, NotFound) as problem:
        return Act(instance_id, None, str(problem))
    except _TakenBack:
        pass
    assert done is not None  # what else goes wrong does not come here  # noqa: S101
    return done


def change(store: Store, instance_id: int, verb: Verb, *, actor: str, now: datetime) -> Case:
    """Load, change, advance and save one instance inside the caller's transaction; answer with it as it then is."""
    cases = store.cases.load([instance_id], actor=actor)
    if not cases:
        raise NotFound(f"there is no instance {instance_id}")
    verb(cases[0])
    advance(cases[0], now=now)
    save_cases(store, cases, now=now)
    return store.cases.load([instance_id], actor=actor)[0]


def in_part(problems: Sequence[str], done: int) -> CoopflowError | None:
    """The error that a command ends with when some, or all, of what was asked for could not be done."""
    if not problems:
        return None
    words = "\n".join(problems)
    return CoopflowError(words) if done else NotAllowed(words)


# -- tasks --------------------------------------------------------------------------------------------------------


def finish_task(
    store: Store,
    task_id: int,
    *,
    outcome: str | None,
    note: str | None,
    actor: str,
    now: datetime,
    reference: str | None = None,
) -> tuple[Task, Case | None]:
    """Close a task with its outcome, and let its instance go on; `reference`: of a message that was found."""
    with store.transaction():
        task = require_open(store, task_id)
        if task.instance_id is None:
            _close(store, task, TaskStatus.DONE, outcome=outcome, note=note, actor=actor, now=now)
            return task, None
        case = change(
            store,
            task.instance_id,
            lambda case: desk.finish_task(
                case, task_in(case, task_id), outcome=outcome, note=note, now=now, reference=reference
            ),
            actor=actor,
            now=now,
        )
        return store.desk.get(task_id), case


def task_in(case: Case, task_id: int) -> Task:
    """The case's own copy of one of its open tasks."""
    return next(task for task in case.tasks if task.task_id == task_id)


def require_open(store: Store, task_id: int) -> Task:
    """The task, which must be open."""
    task = store.desk.get(task_id)
    if task.status is not TaskStatus.OPEN:
        came_to = f" ({task.outcome})" if task.outcome else ""
        raise NotAllowed(f"task {task_id} is {task.status} already{came_to}")
    return task


def assign_task(store: Store, task_id: int, assignee: str, *, actor: str, now: datetime) -> tuple[Task, str | None]:
    """Give an open task to somebody; answer with it and who had it."""
    with store.transaction():
        task = require_open(store, task_id)
        before, task.assignee = task.assignee, assignee
        _save(store, task, "task.assigned", actor=actor, now=now)
        return task, before


def snooze_task(
    store: Store, task_id: int, until: datetime, *, actor: str, now: datetime
) -> tuple[Task, datetime | None]:
    """Let an open task be due at another moment, and not go up before; answer with it and when it was due."""
    with store.transaction():
        task = require_open(store, task_id)
        before, task.due_date = task.due_date, until
        if task.escalate_at is not None:
            task.escalate_at = max(task.escalate_at, until)
        _save(store, task, "task.snoozed", actor=actor, now=now, until=until)
        return task, before


def dismiss_task(store: Store, task_id: int, *, note: str | None, actor: str, now: datetime) -> Task:
    """Close a task without an outcome; one that an instance waits for cannot be dismissed."""
    with store.transaction():
        task = require_open(store, task_id)
        if task.instance_id is not None:
            [case] = store.cases.load([task.instance_id])
            if outcomes := desk.outcomes_of(case, task_in(case, task_id)):
                raise NotAllowed(
                    f"instance {task.instance_id} waits for task {task_id}; close it with one of its outcomes:"
                    f" coopflow task done {task_id} --outcome {'|'.join(outcomes)}"
                )
        _close(store, task, TaskStatus.DISMISSED, outcome=None, note=note, actor=actor, now=now)
        return task


def reopen_task(store: Store, task_id: int, *, actor: str, now: datetime) -> Task:
    """Put a closed task back on the desk; one by whose outcome its instance has gone on stays closed."""
    with store.transaction():
        task = store.desk.get(task_id)
        if task.status is TaskStatus.OPEN:
            raise NotAllowed(f"task {task_id} is open")
        case = None if task.instance_id is None else store.cases.load([task.instance_id])[0]
        if case is not None:
            _require_undecided(case, task)
            task.escalate_at = desk.escalation_from(case, task, now=now)
        task.status, task.completed_at, task.outcome = TaskStatus.OPEN, None, None
        _save(store, task, "task.reopened", actor=actor, now=now)
        return task


def _require_undecided(case: Case, task: Task) -> None:
    if task.branch is None:
        return
    number, family = case.instance.instance_id, case.family.family_id
    if case.instance.active:
        way = f"go back with: coopflow retry {number} --from {task.step_id}"
    else:
        way = f"start anew with: coopflow trigger --workflow {case.workflow.name} --family {family}"
    how = f"closed with '{task.outcome}'" if task.outcome else str(task.status)
    raise NotAllowed(
        f"task {task.task_id} was {how}, and instance {number} has gone on ({case.instance.status}); {way}"
    )


def _close(
    store: Store, task: Task, status: TaskStatus, *, outcome: str | None, note: str | None, actor: str, now: datetime
) -> None:
    task.status, task.outcome, task.notes = status, outcome, note
    task.completed_at, task.escalate_at = now, None
    _save(store, task, f"task.{status}", actor=actor, now=now, note=note)


def _save(
    store: Store,
    task: Task,
    kind: str,
    *,
    actor: str,
    now: datetime,
    until: datetime | None = None,
    note: str | None = None,
) -> None:
    store.desk.save(task)
    data = {
        "task": task.task_id,
        "step": task.step_id,
        "task_type": task.task_type,
        "assignee": task.assignee,
        "outcome": task.outcome,
        "until": until,
    }
    event = Event(
        at=now,
        kind=kind,
        actor=actor,
        family_id=task.family_id,
        instance_id=task.instance_id,
        data={key: value for key, value in data.items() if value is not None},
        personal={"note": note} if note else None,
    )
    store.log([event])
