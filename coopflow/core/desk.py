"""The coordinator's desk: what closing a task means for the instance that opened it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.decisions import Jump
from coopflow.core.deliveries import Accepted
from coopflow.core.holding import (
    begin_again,
    paused_by_a_person,
    plan_from,
    release,
    retry_step,
    skip_step,
    withdraw_tasks_of,
)
from coopflow.core.model import Entry, Task
from coopflow.core.people import cancel
from coopflow.core.protocol import answered
from coopflow.core.settle import settle
from coopflow.core.states import Awaited, StepStatus, TaskStatus
from coopflow.core.timing import add
from coopflow.core.wording import did_you_mean, shown
from coopflow.core.workflow import EscalationLevel, TaskOutcome, TaskStep
from coopflow.errors import NotAllowed

FIXED_OUTCOMES: Mapping[str, tuple[str, ...]] = {  # the outcomes of the tasks that coopflow itself opens
    Awaited.APPROVAL: ("approved", "declined"),
    Awaited.PERSON: ("retry", "skip", "cancel"),
    Awaited.DOUBT: ("sent", "not_sent"),
}


def outcomes_of(case: Case, task: Task) -> tuple[str, ...]:
    """What a task may be closed with; empty: anything."""
    if task.task_type in FIXED_OUTCOMES:
        return FIXED_OUTCOMES[task.task_type]
    entry = waiting_for(case, task)
    step = case.step(entry) if entry else None
    return tuple(step.outcomes) if isinstance(step, TaskStep) else ()


def finish_task(
    case: Case, task: Task, *, outcome: str | None, note: str | None, now: datetime, reference: str | None = None
) -> None:
    """Close a task with what came of it, and let the branch that waited for it go on accordingly.

    `reference` is what the other side calls a message that was found there.
    """
    came_to = _one_of(outcomes_of(case, task), outcome, task)
    entry = waiting_for(case, task)
    case.close_task(task, TaskStatus.DONE, now=now, outcome=came_to, note=note)
    case.note(
        "task.done",
        now=now,
        task=task.task_id,
        step=task.step_id,
        task_type=task.task_type,
        outcome=came_to,
        personal={"note": note} if note else None,
    )
    if entry is not None:
        _go_on(case, entry, task, str(came_to), now=now, reference=reference)


def waiting_for(case: Case, task: Task) -> Entry | None:
    """The branch that goes on when the task is closed; None: nothing waits for it."""
    entry = case.entries.get(task.branch or "")
    if entry is None or entry.step_id != task.step_id:
        return None
    kind = task.task_type if task.task_type in FIXED_OUTCOMES else Awaited.TASK
    return entry if entry.awaits == kind else None


def _one_of(allowed: Iterable[str], outcome: str | None, task: Task) -> str | None:
    """The outcome as it is spelled; `Not-Sent` is `not_sent`."""
    spelled = {_plain(name): name for name in allowed}
    if not spelled:
        return outcome
    if outcome is not None and _plain(outcome) in spelled:
        return spelled[_plain(outcome)]
    found = f"{shown(outcome)} is none of them{did_you_mean(_plain(outcome), spelled)}" if outcome else "none was given"
    raise NotAllowed(f"task {task.task_id} is closed with one of the outcomes {', '.join(spelled.values())}; {found}")


def _plain(outcome: str) -> str:
    return outcome.strip().lower().replace("-", "_").replace(" ", "_")


def _go_on(case: Case, entry: Entry, task: Task, outcome: str, *, now: datetime, reference: str | None) -> None:
    verbs: Mapping[str, Callable[[], None]] = {
        "approved": lambda: _approved(case, entry, now=now),
        "declined": lambda: skip_step(case, entry, reason=f"declined by {case.actor}", now=now),
        "retry": lambda: retry_step(case, entry, reason=f"retried by {case.actor}", now=now),
        "skip": lambda: skip_step(case, entry, reason=f"skipped by {case.actor}", now=now),
        "cancel": lambda: cancel(case, reason=None, now=now),
        "sent": lambda: resolve(case, entry, sent=True, now=now, reference=reference),
        "not_sent": lambda: resolve(case, entry, sent=False, now=now),
    }
    if task.task_type in FIXED_OUTCOMES:
        verbs[outcome]()
        return
    step = case.step(entry)
    assert isinstance(step, TaskStep)  # only a task step awaits a task  # noqa: S101
    _take_outcome(case, entry, task, step.outcomes[outcome], outcome, now=now)


def _approved(case: Case, entry: Entry, *, now: datetime) -> None:
    case.note("step.approved", now=now, step=entry.step_id)
    entry.awaits = Awaited.APPROVED
    plan_from(case, entry, now, f"approved by {case.actor}", now=now)


# -- the outcomes of a workflow's own tasks -----------------------------------------------------------------------


def _take_outcome(case: Case, entry: Entry, task: Task, way: TaskOutcome, outcome: str, *, now: datetime) -> None:
    if way.retry_in is not None and entry.attempts <= way.max:
        _once_more(case, entry, way, outcome, now=now)
        return
    target = way.goto or way.then
    if target is not None:
        settle(case, entry, Jump(target, {"outcome": outcome}), now=now)
        return
    case.end(entry, StepStatus.COMPLETED, now=now, output={"outcome": outcome})
    case.hold(entry, f"'{case.step(entry).name}' came to {outcome}: a person must take over", now=now)
    _give_to_the_next(case, case.tasks[-1], task.assignee, now=now)


def _once_more(case: Case, entry: Entry, way: TaskOutcome, outcome: str, *, now: datetime) -> None:
    assert way.retry_in is not None  # the caller has looked  # noqa: S101
    step = case.step(entry)
    case.end(entry, StepStatus.COMPLETED, now=now, output={"outcome": outcome})
    again = add(way.retry_in, to=now, tz=case.tz, calendar=case.coop.calendar)
    entry.awaits = Awaited.APPROVED if step.approval else Awaited.TURN  # the approval it had is still good
    if plan_from(case, entry, again, f"{outcome}: once more ({entry.attempts} of {way.max})", now=now):
        at, number = entry.scheduled_for, entry.attempts + 1
        case.note("step.retrying", now=now, step=entry.step_id, reason=outcome, at=at, attempt=number)


def _give_to_the_next(case: Case, task: Task, already: str | None, *, now: datetime) -> None:
    """Hand a new task to the first person up who is not the one that has had it."""
    levels = enumerate(case.workflow.escalation)
    number = next((number for number, level in levels if case.coop.person(level.assign) != already), None)
    if number is not None:
        task.escalation_level = number
        _hand_up(case, task, case.workflow.escalation[number], now=now)


# -- messages in doubt --------------------------------------------------------------------------------------------


def resolve(case: Case, entry: Entry, *, sent: bool, now: datetime, reference: str | None = None) -> None:
    """Settle a doubt with what was found out: the message left, or it did not and goes out again."""
    by_a_person = paused_by_a_person(case)
    case.note("doubt.resolved", now=now, step=entry.step_id, sent=sent)
    withdraw_tasks_of(case, entry, "resolved", now=now)
    if sent:
        answered(case, entry, Accepted(reference or f"found out by {case.actor}"), now=now)
    else:
        case.end(entry, StepStatus.FAILED, now=now, error=f"not sent, as {case.actor} found out")
        begin_again(case, entry, entry.step_id, now=now)
        if case.step(entry).approval:
            entry.awaits = Awaited.APPROVED  # it had been allowed to go
    release(case, "the doubt is settled", by_a_person=by_a_person, now=now)


# -- up, off and back on the desk ---------------------------------------------------------------------------------


def escalate(case: Case, task: Task, *, now: datetime) -> None:
    """Hand a task that nobody has closed to the next person up (design, section 5: escalation levels)."""
    level = case.workflow.escalation[task.escalation_level]
    _hand_up(case, task, level, now=now)
    case.journal.changed.append(task)


def _hand_up(case: Case, task: Task, level: EscalationLevel, *, now: datetime) -> None:
    task.escalation_level += 1
    task.assignee = case.coop.person(level.assign)
    task.priority = "high"
    case.set_escalation(task)
    open_for = str(level.after) if task.created_date < now else None  # None: at once, by its outcome
    case.note("task.escalated", now=now, task=task.task_id, step=task.step_id, assignee=task.assignee, after=open_for)


def escalation_from(case: Case, task: Task, *, now: datetime) -> datetime | None:
    """When a task that is put back on the desk goes up: counted from now, and not from when it was first opened."""
    level = case.workflow.escalation[task.escalation_level :][:1]
    return add(level[0].after, to=now, tz=case.tz, calendar=case.coop.calendar) if level else None
