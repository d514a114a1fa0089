"""Why an instance is paused, and how it goes on: a person paused it, a step is on hold, or a message is in doubt.

It goes on when the last of these reasons has gone; only `people.resume` lifts a person's own pause.
"""

from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.model import Entry
from coopflow.core.placing import reopen
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, StepStatus
from coopflow.core.timing import NeverOpens, add

MAYBE_OUT = {"status": "unknown"}  # what an attempt came to that nobody waits for any more: it counts as if it had left
PLANNED = frozenset({Awaited.TURN, Awaited.APPROVED, Awaited.SEND, Awaited.TIME})  # its time is a plan, not a deadline


def on_hold(case: Case) -> list[Entry]:
    """The branches whose step waits for a person's decision; a message in doubt is not among them."""
    return [entry for entry in case.entries.values() if entry.awaits is Awaited.PERSON]


def in_doubt(case: Case) -> list[Entry]:
    """The branches with a message of which nobody knows whether it left."""
    return [entry for entry in case.entries.values() if entry.awaits is Awaited.DOUBT]


def paused_by_a_person(case: Case) -> bool:
    """True when somebody paused it, whatever else holds it: the reason for the pause is not that of a hold."""
    held = {entry.reason for entry in (*on_hold(case), *in_doubt(case))}
    return case.instance.status is InstanceStatus.PAUSED and case.instance.outcome_notes not in held


def release(case: Case, reason: str | None, *, by_a_person: bool, now: datetime) -> None:
    """Let an instance go on after a hold was settled, unless a person has paused it or another step is held."""
    if case.instance.status is not InstanceStatus.PAUSED or by_a_person:
        return
    rest = [*on_hold(case), *in_doubt(case)]
    if rest:
        case.instance.outcome_notes = rest[0].reason
    else:
        go_on(case, reason, now=now)


def retry_step(case: Case, entry: Entry, *, reason: str, now: datetime) -> None:
    """Do one branch's step again; its instance goes on if nothing else holds it."""
    by_a_person = paused_by_a_person(case)
    try_again(case, entry, reason, now=now)
    release(case, reason, by_a_person=by_a_person, now=now)


def skip_step(case: Case, entry: Entry, *, reason: str, now: datetime) -> None:
    """Leave one branch's step out and go on with the next; its instance goes on if nothing else holds it."""
    by_a_person = paused_by_a_person(case)
    withdraw_tasks_of(case, entry, reason, now=now)
    case.end(entry, StepStatus.SKIPPED, now=now, error=reason)
    case.note("step.skipped", now=now, step=entry.step_id, reason=reason)
    case.leave(entry, case.step(entry).next, now=now)
    release(case, reason, by_a_person=by_a_person, now=now)


def go_on(case: Case, reason: str | None, *, now: datetime) -> None:
    """Let a paused instance run again; what became overdue meanwhile is planned anew."""
    case.become(InstanceStatus.RUNNING)
    case.instance.outcome_notes = None
    case.note("instance.resumed", now=now, reason=reason)
    resumed = [entry for entry in case.entries.values() if entry.status is EntryStatus.PAUSED]
    for entry in resumed:
        entry.status = EntryStatus.QUEUED
    for entry in resumed:
        _plan_again(case, entry, now=now)


def _plan_again(case: Case, entry: Entry, *, now: datetime) -> None:
    """Give what became overdue during the pause a new time; a deadline on the desk runs anew."""
    if entry.scheduled_for is None or entry.scheduled_for >= now:
        return
    timeout = case.step(entry).timeout
    if entry.awaits not in PLANNED and timeout is not None:
        entry.scheduled_for = add(timeout, to=now, tz=case.tz, calendar=case.coop.calendar)
        return
    plan_from(case, entry, now, "resumed", now=now)


def try_again(case: Case, entry: Entry, reason: str, *, now: datetime) -> None:
    """Bring a branch that was on hold to the same step once more."""
    withdraw_tasks_of(case, entry, reason, now=now)
    begin_again(case, entry, entry.step_id, now=now)


def begin_again(case: Case, entry: Entry, step_id: str, *, now: datetime) -> None:
    """Bring a branch to a step because a person says so: the step's delay is not waited for, its windows are."""
    case.arrive(entry, step_id, now=now)
    if case.step(entry).delay and entry.awaits is Awaited.TURN:
        plan_from(case, entry, now, "without its delay", now=now)


def plan_from(case: Case, entry: Entry, at: datetime, why: str, *, now: datetime) -> bool:
    """Give a branch the first moment from `at` on that its windows allow; False: there is none, and it is on hold."""
    step = case.step(entry)
    try:
        planned = reopen(at, step, case.setting)
    except NeverOpens as problem:
        case.hold(entry, f"the turn of '{step.name}' never comes: {problem}", now=now)
        return False
    entry.scheduled_for, entry.reason = planned.at, "; ".join((why, *planned.reasons))
    return True


def withdraw_tasks_of(case: Case, entry: Entry, reason: str, *, now: datetime) -> None:
    """Take a branch's tasks off the desk."""
    case.withdraw_tasks([task for task in case.tasks if task.branch == entry.branch], reason, now=now)


def give_up_messages(case: Case, reason: str, *, now: datetime) -> None:
    """Close the messages that are not on their way at this moment, so that no tick takes them for lost ones."""
    for attempt in [found for found in case.running.values() if found.message_id]:
        entry = case.entries.get(attempt.branch)
        if entry is None or entry.status is EntryStatus.PROCESSING:
            continue  # its answer is recorded when it comes
        if entry.awaits is Awaited.DOUBT or case.handed_over(entry):
            error = f"never found out whether it left: {reason}"
            case.close(attempt, StepStatus.FAILED, now=now, output=MAYBE_OUT, error=error)
            case.note("step.in_doubt", now=now, step=attempt.step_id, reason=f"never found out, {reason}", late=True)
        else:
            case.close(attempt, StepStatus.SKIPPED, now=now, error=reason)
            case.note("message.withdrawn", now=now, step=attempt.step_id, message=attempt.message_id, reason=reason)
