"""What is left for people to do."""

from peewee import AutoField, IntegerField, TextField

from coopflow.core.states import TaskStatus
from coopflow.store.tables.fields import InstantField, Row, WordField


class TaskRow(Row):
    """Work for a coordinator."""

    TABLE = "coordinator_tasks"

    task_id = AutoField()
    family_id = TextField()
    task_type = TextField()
    description = TextField()
    due_date = InstantField(null=True)
    priority = TextField()
    instance_id = IntegerField(null=True)
    step_id = TextField(null=True)
    assignee = TextField(null=True)
    status = WordField(TaskStatus)
    outcome = TextField(null=True)
    notes = TextField(null=True)
    created_date = InstantField()
    completed_at = InstantField(null=True)
    branch = TextField(null=True)
    escalation_level = IntegerField(default=0)
    escalate_at = InstantField(null=True)
