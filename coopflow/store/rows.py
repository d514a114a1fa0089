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
from coopflow.store.changes import Row


def instant(text: str | None) -> datetime | None:
    """An instant from its text form; None stays None."""
    return None if text is None else parse_instant(text)


def text(at: datetime | None) -> str | None:
    """The text form of an instant; None stays None."""
    return None if at is None else format_instant(at)


def json_text(value: Mapping[str, Any] | None) -> str | None:
    """Canonical JSON; None stays None."""
    return None if value is None else canonical_json(value)


def instance_of(row: Row) -> Instance:
    """An instance from a row of `INSTANCES`."""
    return Instance(
        template_id=row[0],
        status=InstanceStatus(row[1]),
        current_step=row[2],
        started_at=instant(row[3]),
        completed_at=instant(row[4]),
        outcome=None if row[6] is None else Outcome(row[6]),
        outcome_notes=row[7],
        error_count=row[8],
        last_error=row[9],
        deadline_alert_at=instant(row[10]),
        instance_id=row[12],
        family_id=row[13],
        triggered_by=row[14],
        trigger_date=parse_instant(row[15]),
        context=json.loads(row[16]),
        deadline=instant(row[17]),
        stored=row[:12],
    )


def instance_row(case: Case) -> Row:
    """What the columns of `INSTANCE` are to hold."""
    instance = case.instance
    times = [e.scheduled_for for e in case.entries.values() if e.scheduled_for and e.status is EntryStatus.QUEUED]
    active = instance.active
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
        text(instance.deadline_alert_at if active else None),
        instance.stored[-1] if active else None,
    )


def new_instance(instance: Instance, slot: str) -> Row:
    """What the columns of `INSTANCE` hold once `ADD_INSTANCE` has been carried out."""
    return (instance.template_id, "pending", None, None, None, None, None, None, 0, None, None, slot)


def entry_of(row: Row) -> Entry:
    """A live branch from a row of `ENTRIES`."""
    return Entry(
        step_id=row[0],
        visit=row[1],
        attempts=row[2],
        status=EntryStatus(row[3]),
        awaits=Awaited(row[4]),
        scheduled_for=instant(row[5]),
        arrived_at=instant(row[6]),
        reason=row[7],
        chosen_by=row[8],
        last_attempt_at=instant(row[9]),
        queue_id=row[11],
        branch=row[12],
        stored=row[:10],
    )


def entry_row(entry: Entry) -> Row:
    """What the columns of `ENTRY` are to hold."""
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
        text(entry.last_attempt_at),
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
