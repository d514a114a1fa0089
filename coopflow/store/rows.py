"""Rows of the hot path's tables and the values of core, turned into each other."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.core.audit import canonical_json
from coopflow.core.case import Case
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.model import Entry, Execution, Instance, Task
from coopflow.core.pressure import Contact
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus


def instant(text: str | None) -> datetime | None:
    """An instant from its text form; None stays None."""
    return None if text is None else parse_instant(text)


def text(at: datetime | None) -> str | None:
    """The text form of an instant; None stays None."""
    return None if at is None else format_instant(at)


def json_text(value: Mapping[str, Any] | None) -> str | None:
    """Canonical JSON; None stays None."""
    return None if value is None else canonical_json(value)


def instance_of(row: Sequence[Any]) -> Instance:
    """An instance from a row of `INSTANCES`."""
    return Instance(
        instance_id=row[0],
        template_id=row[1],
        family_id=row[2],
        triggered_by=row[3],
        trigger_date=parse_instant(row[4]),
        status=InstanceStatus(row[5]),
        current_step=row[6],
        context=json.loads(row[7]),
        started_at=instant(row[8]),
        completed_at=instant(row[9]),
        outcome=None if row[10] is None else Outcome(row[10]),
        outcome_notes=row[11],
        error_count=row[12],
        last_error=row[13],
        deadline=instant(row[14]),
        deadline_alert_at=instant(row[15]),
    )


def instance_row(case: Case) -> tuple[Any, ...]:
    """The parameters of `SAVE_INSTANCE`."""
    instance = case.instance
    times = [e.scheduled_for for e in case.entries.values() if e.scheduled_for and e.status is EntryStatus.QUEUED]
    return (
        instance.template_id,
        instance.status,
        instance.current_step,
        text(instance.started_at),
        text(instance.completed_at),
        text(min(times, default=None)),
        instance.outcome,
        instance.outcome_notes,
        instance.error_count,
        instance.last_error,
        text(instance.deadline_alert_at if instance.active else None),
        instance.active,
        instance.instance_id,
    )


def entry_row(entry: Entry) -> tuple[Any, ...]:
    """What `SAVE_ENTRY` and `ADD_ENTRY` say of a branch."""
    return (
        entry.step_id,
        entry.visit,
        entry.attempts,
        entry.status,
        entry.awaits,
        text(entry.scheduled_for),
        text(entry.arrived_at),
        entry.reason,
        entry.chosen_by,
    )


def entry_of(row: Sequence[Any]) -> Entry:
    """A live branch from a row of `ENTRIES`."""
    return Entry(
        queue_id=row[1],
        branch=row[2],
        step_id=row[3],
        visit=row[4],
        attempts=row[5],
        status=EntryStatus(row[6]),
        awaits=Awaited(row[7]),
        scheduled_for=instant(row[8]),
        arrived_at=instant(row[9]),
        reason=row[10],
        chosen_by=row[11],
    )


def execution_of(row: Sequence[Any]) -> Execution:
    """An attempt from a row of `RUNNING`."""
    return Execution(
        execution_id=row[1],
        branch=row[2],
        step_id=row[3],
        step_number=row[4],
        step_name=row[5],
        step_type=row[6],
        visit=row[7],
        attempt=row[8] + 1,
        status=StepStatus(row[9]),
        started_at=parse_instant(row[10]),
        input_data=None if row[11] is None else json.loads(row[11]),
        idempotency_key=row[12],
        message_id=row[13],
    )


def contact_of(row: Sequence[Any]) -> Contact:
    """A message that counts from a row of `CONTACTS`."""
    family_id, channel, address, at, message_id, instance_id, template_id, step_id = row
    part = f"{template_id}/{step_id}"
    return Contact(family_id, channel, address or "", parse_instant(at), message_id, instance_id, part)


def attempt_row(case: Case, attempt: Execution) -> tuple[Any, ...]:
    """The parameters of `ADD_ATTEMPT`."""
    return (
        case.instance.instance_id,
        attempt.step_number,
        attempt.step_name,
        attempt.step_type,
        attempt.status,
        format_instant(attempt.started_at),
        text(attempt.completed_at),
        json_text(attempt.input_data),
        json_text(attempt.output_data),
        attempt.success,
        attempt.error_message,
        attempt.attempt - 1,
        format_instant(attempt.started_at),
        attempt.branch,
        attempt.step_id,
        attempt.visit,
        attempt.idempotency_key,
        attempt.message_id,
    )


def attempt_end(attempt: Execution) -> tuple[Any, ...]:
    """The parameters of `SAVE_ATTEMPT`."""
    return (
        attempt.status,
        text(attempt.completed_at),
        json_text(attempt.output_data),
        attempt.success,
        attempt.error_message,
        attempt.execution_id,
    )


def task_of(row: Sequence[Any]) -> Task:
    """A task from a row of `TASKS`."""
    return Task(
        task_id=row[0],
        family_id=row[1],
        task_type=row[2],
        description=row[3],
        due_date=instant(row[4]),
        priority=row[5],
        instance_id=row[6],
        step_id=row[7],
        branch=row[8],
        assignee=row[9],
        status=TaskStatus(row[10]),
        outcome=row[11],
        notes=row[12],
        created_date=parse_instant(row[13]),
        completed_at=instant(row[14]),
        escalation_level=row[15],
        escalate_at=instant(row[16]),
    )


def task_row(task: Task) -> tuple[Any, ...]:
    """The parameters of `ADD_TASK`."""
    return (
        task.family_id,
        task.task_type,
        task.description,
        text(task.due_date),
        task.priority,
        task.instance_id,
        task.step_id,
        task.branch,
        task.assignee,
        task.status,
        task.outcome,
        task.notes,
        format_instant(task.created_date),
        text(task.completed_at),
        task.escalation_level,
        text(task.escalate_at),
    )


def task_change(task: Task) -> tuple[Any, ...]:
    """The parameters of `SAVE_TASK`."""
    return (
        task.description,
        text(task.due_date),
        task.priority,
        task.assignee,
        task.status,
        task.outcome,
        task.notes,
        text(task.completed_at),
        task.escalation_level,
        text(task.escalate_at),
        task.task_id,
    )


def tries(case: Case) -> int:
    """How many attempts the workflow allows for one step."""
    return case.workflow.retry.max_retries + 1


def start_key(workflow: str, triggered_by: str, family_id: str) -> str:
    """What names a start for ever: the same cause never starts the same workflow twice for a family."""
    return f"{workflow}|{triggered_by}|{family_id}"
