"""What a person may do with an instance: each verb checks that it makes sense, and changes the case."""

from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.holding import (
    PLANNED,
    begin_again,
    give_up_messages,
    go_on,
    in_doubt,
    on_hold,
    paused_by_a_person,
    release,
    retry_step,
    skip_step,
    try_again,
)
from coopflow.core.model import MAIN, Entry
from coopflow.core.placing import reopen
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome
from coopflow.core.timing import NeverOpens, Planned
from coopflow.core.wording import did_you_mean, shown
from coopflow.errors import NotAllowed


def pause(case: Case, *, reason: str | None, now: datetime) -> None:
    """Stop the instance until somebody resumes it; a message that is on its way is not called back."""
    _require_active(case)
    if case.instance.status is InstanceStatus.PAUSED:
        raise NotAllowed(f"instance {case.instance.instance_id} is paused already: {case.instance.outcome_notes}")
    case.pause(f"{reason} ({case.actor})" if reason else f"paused by {case.actor}", now=now)


def resume(case: Case, *, reason: str | None, now: datetime) -> None:
    """Let a paused instance go on; a step that was on hold is tried again, and what is overdue is planned anew."""
    _require_active(case)
    if case.instance.status is not InstanceStatus.PAUSED:
        raise NotAllowed(f"instance {case.instance.instance_id} is not paused; it is {case.instance.status}")
    _require_no_doubt(case)
    for entry in on_hold(case):
        try_again(case, entry, "resumed", now=now)
    go_on(case, reason, now=now)


def cancel(case: Case, *, reason: str | None, now: datetime) -> None:
    """End the instance; open tasks and messages that have not left are withdrawn."""
    _require_active(case)
    why = reason or f"cancelled by {case.actor}"
    give_up_messages(case, why, now=now)
    case.finish(Outcome.CANCELLED, why, now=now, withdraw_work=True)


def retry(case: Case, *, reason: str | None, now: datetime, step_id: str | None = None) -> None:
    """Do the step on hold again, or go back to a named step and do everything from there."""
    if step_id is not None:
        goto(case, step_id=step_id, reason=reason or f"retried by {case.actor}", now=now)
        return
    _require_active(case)
    entries = on_hold(case)
    if not entries:
        _require_no_doubt(case)
        raise NotAllowed(
            f"no step of instance {case.instance.instance_id} has failed; name the one to go back to with --from STEP"
        )
    for entry in entries:
        retry_step(case, entry, reason=reason or f"retried by {case.actor}", now=now)


def skip(case: Case, *, reason: str | None, now: datetime) -> None:
    """Leave the current step out and go on with the next."""
    skip_step(case, _current(case), reason=reason or f"skipped by {case.actor}", now=now)


def goto(case: Case, *, step_id: str, reason: str | None, now: datetime) -> None:
    """Leave everything that is under way and go to a step of the main path."""
    _require_active(case)
    _require_on_main_path(case, step_id)
    _require_no_doubt(case)
    _require_nothing_under_way(case)
    why = reason or f"sent to '{step_id}' by {case.actor}"
    by_a_person = paused_by_a_person(case)
    case.note("instance.moved", now=now, step=case.entries[MAIN].step_id, to=step_id, reason=why)
    visit = max(entry.visit for entry in case.entries.values())  # so that a branch never repeats a visit, nor its key
    give_up_messages(case, why, now=now)
    case.withdraw(list(case.entries.values()), why, now=now)
    case.entries[MAIN] = Entry(queue_id=None, branch=MAIN, step_id=step_id, visit=visit)
    begin_again(case, case.entries[MAIN], step_id, now=now)
    release(case, why, by_a_person=by_a_person, now=now)


def snooze(case: Case, *, until: datetime, reason: str | None, now: datetime) -> None:
    """Let nothing of the instance happen before an instant, unless an event that it waits for comes."""
    _require_active(case)
    moved = [entry for entry in case.entries.values() if entry.scheduled_for and entry.scheduled_for < until]
    if until <= now or not moved:
        raise NotAllowed(f"nothing of instance {case.instance.instance_id} is planned before then{_waits_for(case)}")
    for entry in moved:
        planned = _opens(case, entry, until)
        entry.scheduled_for, entry.reason = planned.at, "; ".join(("snoozed", *planned.reasons))
        entry.chosen_by = case.actor
    case.note("instance.snoozed", now=now, until=until, reason=reason)


def run_now(case: Case, *, reason: str | None, now: datetime) -> None:
    """Let what is planned for later happen at the first moment that its windows allow; a wait is over."""
    _require_active(case)
    number = case.instance.instance_id
    if case.instance.status is InstanceStatus.PAUSED:
        raise NotAllowed(
            f"instance {number} is paused ({case.instance.outcome_notes}); first: coopflow resume {number}"
        )
    later = [entry for entry in case.entries.values() if entry.awaits in PLANNED and _is_later(entry, now)]
    if not later:
        raise NotAllowed(f"nothing of instance {number} is planned for later{_waits_for(case)}")
    if not [entry for entry in later if _bring_forward(case, entry, now=now)]:
        why = "; ".join(_opens(case, later[0], now).reasons)
        raise NotAllowed(f"instance {number} cannot go on sooner: {why}")
    case.note("instance.hurried", now=now, reason=reason)


def note(case: Case, *, text: str, now: datetime) -> None:
    """Write a remark into the audit trail."""
    case.note("instance.noted", now=now, personal={"note": text})


# -- what is planned ----------------------------------------------------------------------------------------------


def _is_later(entry: Entry, now: datetime) -> bool:
    return entry.scheduled_for is not None and entry.scheduled_for > now


def _bring_forward(case: Case, entry: Entry, *, now: datetime) -> bool:
    planned = _opens(case, entry, now)
    if entry.scheduled_for is None or planned.at >= entry.scheduled_for:
        return False
    entry.scheduled_for, entry.reason = planned.at, "; ".join(("sooner than planned", *planned.reasons))
    entry.chosen_by = case.actor
    return True


def _opens(case: Case, entry: Entry, at: datetime) -> Planned:
    try:
        return reopen(at, case.step(entry), case.setting)
    except NeverOpens as problem:
        raise NotAllowed(f"instance {case.instance.instance_id} stays as it is: {problem}") from None


def _waits_for(case: Case) -> str:
    """What an instance waits for if not for its time: the end of a sentence."""
    if any(entry.status is EntryStatus.PROCESSING for entry in case.entries.values()):
        return "; its message is on its way"
    task = next((found for found in case.tasks if found.branch is not None), None)
    return f"; it waits for task {task.task_id}: coopflow task show {task.task_id}" if task else ""


# -- guards -------------------------------------------------------------------------------------------------------


def _require_active(case: Case) -> None:
    if not case.instance.active:
        raise NotAllowed(f"instance {case.instance.instance_id} is {case.instance.status} already")


def _require_no_doubt(case: Case) -> None:
    if in_doubt(case):
        number = case.instance.instance_id
        raise NotAllowed(
            f"a message of instance {number} is in doubt; say first what became of it:"
            f" coopflow doubt resolve {number} --sent (or --not-sent)"
        )


def _require_nothing_under_way(case: Case) -> None:
    number = case.instance.instance_id
    if any(entry.status is EntryStatus.PROCESSING for entry in case.entries.values()):
        raise NotAllowed(f"a message of instance {number} is on its way; try again in a moment")
    if any(map(case.handed_over, case.entries.values())):
        raise NotAllowed(
            f"a message of instance {number} may have left when a tick was interrupted, and it is asked about when the"
            f" instance goes on; try again after that, or end it with: coopflow cancel {number}"
        )


def _require_on_main_path(case: Case, step_id: str) -> None:
    target = case.workflow.steps.get(step_id)
    if target is None:
        names = [step.id for step in case.workflow.steps.values() if step.parent is None]
        raise NotAllowed(
            f"workflow {case.workflow.name} version {case.workflow.version} has no step {shown(step_id)}"
            f"{did_you_mean(step_id, names)}; it has {', '.join(names)}"
        )
    if target.parent is not None:
        raise NotAllowed(f"step '{step_id}' is inside '{target.parent}'; only a step of the main path can be gone to")


def _current(case: Case) -> Entry:
    """The branch a person means who names no step: the one on hold, else the only one that waits for no other."""
    _require_active(case)
    _require_no_doubt(case)
    _require_nothing_under_way(case)
    candidates = on_hold(case) or [entry for entry in case.entries.values() if entry.awaits is not Awaited.BRANCHES]
    if len(candidates) > 1:
        steps = ", ".join(entry.step_id for entry in candidates)
        number = case.instance.instance_id
        raise NotAllowed(
            f"instance {number} is at several steps at once ({steps}); go on with: coopflow goto {number} STEP"
        )
    return candidates[0]
