"""What others left to a tick: messages that a crash left under way, and tasks that nobody has closed."""

from datetime import datetime

from coopflow.batches import Engine, TickReport, change_all
from coopflow.core import desk
from coopflow.core.case import Case
from coopflow.core.deadlines import warn_of_deadline
from coopflow.core.deliveries import Unknown
from coopflow.core.model import Entry, Execution
from coopflow.core.protocol import answered_too_late
from coopflow.core.settle import doubt
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, StepStatus
from coopflow.core.workflow import Step, may_repeat

INTERRUPTED = "the tick was interrupted between handing it over and hearing the answer"


def recover(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Take up the messages that a tick which died had under way (design, section 6.2)."""
    with engine.store.transaction():
        ids = engine.store.cases.under_way()
    for part in change_all(engine, report, ids, lambda cases: _recovered(engine, cases, now=now), now=now):
        report.recovered += part.recovered
        report.in_doubt += part.in_doubt


def _recovered(engine: Engine, cases: list[Case], *, now: datetime) -> TickReport:
    part = TickReport()
    for case in cases:
        for attempt in [found for found in case.running.values() if found.idempotency_key]:
            _take_up_again(engine, part, case, attempt, now=now)
    return part


def _take_up_again(engine: Engine, part: TickReport, case: Case, attempt: Execution, *, now: datetime) -> None:
    entry = entry_at(case, attempt)
    if entry is None:
        answered_too_late(case, attempt, Unknown(INTERRUPTED), now=now)
        return
    if entry.status is not EntryStatus.PROCESSING:
        return  # not left by a crash: it is in doubt, or waits for its transport or for its instance to be resumed
    entry.status = EntryStatus.PAUSED if case.instance.status is InstanceStatus.PAUSED else EntryStatus.QUEUED
    if attempt.status is StepStatus.PENDING or may_go_again(engine, case.step(entry), attempt.step_type):
        entry.scheduled_for = attempt.started_at  # by this it is late, or not
        entry.reason = "taken up again after a tick that was interrupted"
        part.recovered += 1
    else:
        doubt(case, entry, INTERRUPTED, now=now)
        part.in_doubt.append(case.instance.instance_id)


def may_go_again(engine: Engine, step: Step, channel: str) -> bool:
    """True if handing it over twice comes to the same as once: by the transport, or by whoever is asked."""
    return engine.post.dedupes(channel) or may_repeat(step)


def entry_at(case: Case, attempt: Execution) -> Entry | None:
    """The branch that waits for what becomes of an attempt; None when it has gone on or was withdrawn."""
    entry = case.entries.get(attempt.branch)
    if entry is None or case.attempt(entry) is not attempt or entry.awaits not in (Awaited.SEND, Awaited.DOUBT):
        return None
    return entry


def escalate(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Hand tasks that nobody has closed in time to the next person up."""
    with engine.store.transaction():
        ids = list(dict.fromkeys(instance_id for _, instance_id in engine.store.desk.to_escalate(now=now)))
    report.escalated += sum(change_all(engine, report, ids, lambda cases: _escalated(cases, now=now), now=now))


def warn_of_deadlines(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Tell a person of the instances that will soon have come to nothing within their prediction's window."""
    with engine.store.transaction():
        ids = engine.store.cases.near_deadline(now=now)
    parts = change_all(
        engine, report, ids, lambda cases: sum(warn_of_deadline(case, now=now) for case in cases), now=now
    )
    report.escalated += sum(parts)


def _escalated(cases: list[Case], *, now: datetime) -> int:
    overdue = [(case, task) for case in cases for task in case.tasks if task.escalate_at and task.escalate_at <= now]
    for case, task in overdue:
        desk.escalate(case, task, now=now)
    return len(overdue)
