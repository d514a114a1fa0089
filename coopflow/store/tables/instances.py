"""Instances, their live branches and the attempts at their steps."""

from peewee import AutoField, BooleanField, IntegerField, TextField

from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus
from coopflow.store.tables.fields import InstantField, JsonField, Row, WordField


class InstanceRow(Row):
    """One run of one workflow version for one family."""

    TABLE = "workflow_instances"

    instance_id = AutoField()
    template_id = IntegerField()
    family_id = TextField()
    triggered_by = TextField()
    trigger_date = InstantField()
    status = WordField(InstanceStatus)
    current_step = TextField(null=True)
    started_at = InstantField(null=True)
    completed_at = InstantField(null=True)
    next_execution_at = InstantField(null=True)
    outcome = WordField(Outcome, null=True)
    outcome_notes = TextField(null=True)
    error_count = IntegerField(default=0)
    last_error = TextField(null=True)
    created_date = InstantField()
    context = JsonField()
    slot = TextField(null=True)
    start_key = TextField(null=True)
    deadline = InstantField(null=True)
    deadline_alert_at = InstantField(null=True)


class QueueRow(Row):
    """One live branch of an instance."""

    TABLE = "workflow_queue"

    queue_id = AutoField()
    instance_id = IntegerField()
    scheduled_for = InstantField(null=True)
    priority = IntegerField()
    status = WordField(EntryStatus)
    attempts = IntegerField(default=0)
    max_attempts = IntegerField(null=True)
    last_attempt_at = InstantField(null=True)
    created_date = InstantField()
    step_id = TextField()
    branch = TextField()
    visit = IntegerField()
    awaits = WordField(Awaited)
    arrived_at = InstantField(null=True)
    reason = TextField(null=True)
    lease_owner = TextField(null=True)
    lease_until = InstantField(null=True)
    chosen_by = TextField(null=True)


class ExecutionRow(Row):
    """One attempt at one step."""

    TABLE = "workflow_step_executions"

    execution_id = AutoField()
    instance_id = IntegerField()
    step_number = IntegerField()
    step_name = TextField()
    step_type = TextField()
    status = WordField(StepStatus)
    started_at = InstantField()
    completed_at = InstantField(null=True)
    input_data = JsonField(null=True)
    output_data = JsonField(null=True)
    success = BooleanField(null=True)
    error_message = TextField(null=True)
    retry_count = IntegerField()
    created_date = InstantField()
    branch = TextField()
    step_id = TextField()
    visit = IntegerField()
    idempotency_key = TextField(null=True)
    message_id = TextField(null=True)
