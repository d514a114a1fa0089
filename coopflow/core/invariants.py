"""What must be true of every instance at every moment, so that nothing is ever stuck (design, section 6)."""

from coopflow.core.case import Case
from coopflow.core.model import MAIN, Entry
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus


def broken_promises(case: Case) -> list[str]:
    """What is wrong with an instance, in words; an empty list when it is sound."""
    if not case.instance.active:
        return _finished(case)
    problems = [problem for entry in case.entries.values() for problem in _branch(case, entry)]
    if MAIN not in case.entries:
        problems.append("it is active, and its main path has no place in the queue")
    if case.instance.status is InstanceStatus.PAUSED:
        problems += [
            f"it is paused, and its branch {entry.branch} is {entry.status}"
            for entry in case.entries.values()
            if entry.status is EntryStatus.QUEUED
        ]
    return problems


def _finished(case: Case) -> list[str]:
    problems = [f"it is {case.instance.status}, and its branch {branch} is still queued" for branch in case.entries]
    problems += [
        f"it is {case.instance.status}, and its branch {task.branch} still has the open task {task.task_id}"
        for task in case.tasks
        if task.branch is not None
    ]
    if case.instance.completed_at is None or case.instance.outcome is None:
        problems.append(f"it is {case.instance.status} without a time or an outcome")
    return problems


def _branch(case: Case, entry: Entry) -> list[str]:
    if entry.step_id not in case.workflow.steps:
        return [f"branch {entry.branch} stands at '{entry.step_id}', which its workflow version does not have"]
    if _has_a_future(case, entry):
        return []
    return [f"branch {entry.branch} awaits {entry.awaits} at '{entry.step_id}', and nothing will ever bring it"]


def _has_a_future(case: Case, entry: Entry) -> bool:
    """A due time, an open task, a message on its way, or other branches to wait for."""
    on_the_desk = any(task.branch == entry.branch for task in case.tasks)
    match entry.awaits:
        case Awaited.TURN | Awaited.APPROVED | Awaited.TIME:
            return entry.scheduled_for is not None
        case Awaited.TASK | Awaited.APPROVAL | Awaited.PERSON | Awaited.DOUBT:
            return on_the_desk
        case Awaited.SEND:
            return entry.status is EntryStatus.PROCESSING or entry.scheduled_for is not None
        case Awaited.BRANCHES:
            return any(other.startswith(f"{entry.branch}/") for other in case.entries)
