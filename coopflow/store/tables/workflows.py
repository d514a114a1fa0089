"""Workflow versions, what the clock starts of them, and for whom their conditions held."""

from peewee import AutoField, BooleanField, CompositeKey, IntegerField, TextField

from coopflow.store.tables.fields import InstantField, JsonField, Row


class TemplateRow(Row):
    """One version of a workflow."""

    TABLE = "workflow_templates"

    template_id = AutoField()
    template_name = TextField()
    description = TextField()
    trigger_type = TextField()
    trigger_conditions = JsonField(null=True)
    steps = JsonField()
    default_timing = JsonField(null=True)
    max_concurrent_instances = IntegerField()
    priority = IntegerField()
    retry_strategy = JsonField(null=True)
    escalation_rules = JsonField(null=True)
    active = BooleanField()
    created_date = InstantField()
    updated_date = InstantField()
    version = IntegerField()
    completion_criteria = JsonField(null=True)
    source_path = TextField(null=True)
    source_hash = TextField(null=True)
    messages = JsonField()
    conflict = TextField(null=True)


class ScheduleRow(Row):
    """A workflow that the clock starts."""

    TABLE = "workflow_schedules"

    template_name = TextField(primary_key=True)
    trigger = TextField()
    done_until = InstantField()
    next_at = InstantField(null=True)


class MatchRow(Row):
    """A family for whom a condition held when it was looked at last."""

    TABLE = "workflow_matches"

    template_name = TextField()
    family_id = TextField()
    since = InstantField()

    class Meta:
        """Two columns name a row."""

        primary_key = CompositeKey("template_name", "family_id")
