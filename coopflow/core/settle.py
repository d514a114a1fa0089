"""What a decision changes: applied to the case, which notes it down for the store.

`decide` asks, `settle` concludes; neither knows who calls it, so the tick, a person's command, a rehearsal on a copy
and another execution engine all come to the same end (design, section 3).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from coopflow.core.case import Case
from coopflow.core.decide import decide
from coopflow.core.decisions import (
    Decision,
    Defer,
    Fail,
    Finish,
    Fork,
    Hold,
    Jump,
    OpenTask,
    Send,
    Skip,
    Start,
    Wait,
)
from coopflow.core.model import Entry, Task
from coopflow.core.states import Awaited, EntryStatus, Outcome, StepStatus
from coopflow.core.wording import MESSAGE_WORDS
from coopflow.core.workflow import OnFailure

STEPS_IN_A_ROW = 200  # steps one branch may take in one pass; more is a loop that nothing stops


def advance(case: Case, *, now: datetime) -> list[tuple[Entry, Send]]:
    """Take every due branch as far as it goes without leaving the house; answer with the messages that must go out."""
    sends: list[tuple[Entry, Send]] = []
    steps = 0
    while (entry := _next_due(case, sends, now=now)) is not None:
        decision = decide(case, entry, now=now)
        steps += 1
        if steps > STEPS_IN_A_ROW:
            decision = Hold(f"{STEPS_IN_A_ROW} steps in a row without a pause: the workflow goes round in circles")
        if isinstance(decision, Send):
            sends.append((entry, decision))
        else:
            settle(case, entry, decision, now=now)
    return [(entry, send) for entry, send in sends if case.entries.get(entry.branch) is entry and _is_due(entry, now)]


def _next_due(case: Case, set_aside: Sequence[tuple[Entry, Send]], *, now: datetime) -> Entry | None:
    for entry in case.entries.values():
        if _is_due(entry, now) and not any(entry is other for other, _ in set_aside):
            return entry
    return None


def _is_due(entry: Entry, now: datetime) -> bool:
    return entry.status is EntryStatus.QUEUED and entry.scheduled_for is not None and entry.scheduled_for <= now


def settle(case: Case, entry: Entry, decision: Decision, *, now: datetime) -> None:
    """Apply a decision to the case. A `Send` is applied by `intend`, which needs the message's final words."""
    match decision:
        case Jump(to, output, since):
            case.end(entry, StepStatus.COMPLETED, now=now, output=output)
            case.note("step.completed", now=now, step=entry.step_id, next=to, **output)
            case.leave(entry, to, now=now, since=since)
        case OpenTask():
            _open(case, entry, decision, now=now)
        case Wait(until, reason):
            case.begin(entry, now=now)
            entry.look_again(Awaited.TIME, until, reason)
            case.note("step.waiting", now=now, step=entry.step_id, until=until, reason=reason)
        case Defer(until, reason):
            entry.scheduled_for = until
            entry.reason = reason
            case.note("step.deferred", now=now, step=entry.step_id, until=until, reason=reason)
        case Finish(outcome, reason, withdraw_work):
            if case.workflow.steps[entry.step_id].type == "end":
                case.end(entry, StepStatus.COMPLETED, now=now)
            case.finish(outcome, reason, now=now, withdraw_work=withdraw_work)
        case Fork():
            _fork(case, entry, decision, now=now)
        case Start(workflow):
            case.journal.starts.append(workflow)
            settle(case, entry, Jump(case.step(entry).next, {"workflow": workflow}), now=now)
        case Skip(reason) | Fail(reason) | Hold(reason) if case.handed_over(entry):
            doubt(case, entry, f"the tick that handed it over was interrupted, and now {reason}", now=now)
        case Skip(reason):
            case.end(entry, StepStatus.SKIPPED, now=now, error=reason)
            case.note("step.skipped", now=now, step=entry.step_id, reason=reason)
            case.leave(entry, case.step(entry).next, now=now)
        case Fail(reason):
            fail(case, entry, reason, now=now)
        case Hold(reason):
            case.hold(entry, reason, now=now)
        case Send():
            raise TypeError("a message is settled by intend() and answered()")
        case _:
            assert_never(decision)


def _open(case: Case, entry: Entry, wanted: OpenTask, *, now: datetime) -> None:
    if wanted.awaits is Awaited.APPROVAL:
        entry.look_again(wanted.awaits, wanted.until, "waiting for a person's yes")
    elif wanted.awaits is Awaited.TASK:
        case.begin(entry, now=now)
        entry.look_again(wanted.awaits, wanted.until, f"waiting for the outcome of a {wanted.task_type} task")
    case.open_task(_task(case, entry, wanted, now=now), now=now)
    if wanted.awaits is None:
        settle(case, entry, Jump(case.step(entry).next, {"task_type": wanted.task_type}), now=now)


def _task(case: Case, entry: Entry, wanted: OpenTask, *, now: datetime) -> Task:
    return Task(
        family_id=case.family.family_id,
        instance_id=case.instance.instance_id,
        step_id=entry.step_id,
        branch=entry.branch if wanted.awaits else None,
        task_type=wanted.task_type,
        description=wanted.description,
        due_date=wanted.due_date,
        priority=wanted.priority,
        assignee=wanted.assignee,
        created_date=now,
    )


def _fork(case: Case, entry: Entry, fork: Fork, *, now: datetime) -> None:
    case.begin(entry, now=now)
    for wanted in fork.tasks:
        case.open_task(_task(case, entry, wanted, now=now), now=now)
    if not fork.branches:
        settle(case, entry, Jump(case.step(entry).next, {"tasks": len(fork.tasks)}), now=now)
        return
    entry.look_again(Awaited.BRANCHES, None, f"{len(fork.branches)} branches are under way")
    case.note("step.started", now=now, step=entry.step_id, branches=len(fork.branches))
    for number, first in enumerate(fork.branches):
        child = Entry(
            queue_id=None, branch=f"{entry.branch}/{entry.step_id}.{number}", step_id=first, visit=entry.visit
        )
        case.entries[child.branch] = child
        case.arrive(child, first, now=now)


def fail(case: Case, entry: Entry, reason: str, *, now: datetime) -> None:
    """The step has failed for good: what its `on_failure`, else the workflow's, says comes next."""
    step = case.step(entry)
    case.withdraw_tasks([task for task in case.tasks if task.branch == entry.branch], reason, now=now)
    case.end(entry, StepStatus.FAILED, now=now, error=reason)
    case.instance.error_count += 1
    case.instance.last_error = reason
    case.note("step.failed", now=now, step=step.id, reason=reason)
    match step.on_failure or case.workflow.on_failure:
        case OnFailure("goto", to):
            case.leave(entry, to, now=now)
        case OnFailure("continue"):
            case.leave(entry, step.next, now=now)
        case OnFailure("fail"):
            case.finish(Outcome.FAILED, f"'{step.name}' failed: {reason}", now=now)
        case _:
            case.hold(entry, f"'{step.name}' failed: {reason}", now=now)


def doubt(case: Case, entry: Entry, reason: str, *, now: datetime) -> None:
    """The message was handed over and no answer came: a person must find out; nothing is sent again by itself."""
    case.note("step.in_doubt", now=now, step=entry.step_id, reason=reason)
    step = case.step(entry)
    word = MESSAGE_WORDS.get(step.type, step.type)
    case.hold(
        entry,
        f"It is not known whether the {word} '{step.name}' left: {reason}",
        now=now,
        awaits=Awaited.DOUBT,
    )
