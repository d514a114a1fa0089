"""The tables as peewee models, for the queries. What each column means stands in the migrations, beside its definition.

The models belong to no database: a query is given the one it runs on (`query.execute(db)`), so two can be open at once.
References are plain columns, so no attribute access ever loads a row behind the reader's back.
"""

from datetime import datetime
from enum import StrEnum
from json import loads
from typing import TYPE_CHECKING, Any, ClassVar

from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CompositeKey,
    Field,
    FloatField,
    IntegerField,
    Model,
    TextField,
)

from coopflow.core.audit import canonical_json
from coopflow.core.incoming import ItemKind, ItemStatus
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus

if TYPE_CHECKING:
    _Field = Field[Any]
else:
    _Field = Field  # its type parameter is known to type checkers only


class InstantField(_Field):
    """An instant: an aware datetime with whole seconds outside, its one text form inside."""

    field_type = "TEXT"

    def db_value(self, value: datetime | None) -> str | None:
        """Refuse a naive datetime, whose moment nobody knows."""
        return None if value is None else format_instant(value)

    def python_value(self, value: str | None) -> datetime | None:
        """Read the text form."""
        return None if value is None else parse_instant(value)


class JsonField(_Field):
    """A JSON value, kept as canonical text."""

    field_type = "TEXT"

    def db_value(self, value: Any) -> str | None:
        """Write canonical JSON; None is NULL, not JSON's null."""
        return None if value is None else canonical_json(value)

    def python_value(self, value: str | None) -> Any:
        """Read the text."""
        return None if value is None else loads(value)


class WordField(_Field):
    """One word of a list of states."""

    field_type = "TEXT"

    def __init__(self, words: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def db_value(self, value: str | None) -> str | None:
        """Refuse a word that is not on the list."""
        return None if value is None else self.words(value).value

    def python_value(self, value: str | None) -> StrEnum | None:
        """Give the word as a member of its list."""
        return None if value is None else self.words(value)


def _table_of(model: "type[Row]") -> str:
    return model.TABLE


class Row(Model):
    """A row of the table that its class names."""

    TABLE: ClassVar = ""

    class Meta:
        """What peewee wants to know."""

        table_function = _table_of


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


class FamilyRow(Row):
    """A family as it stands now."""

    TABLE = "families"

    family_id = TextField(primary_key=True)
    family_name = TextField()
    email = TextField(null=True)
    phone = TextField(null=True)
    time_zone = TextField(null=True)
    status = TextField()
    language = TextField(null=True)
    attributes = JsonField()
    consent = JsonField()
    created_date = InstantField()
    updated_date = InstantField()
    phone_zones = JsonField(null=True)
    gentle_until = InstantField(null=True)


class MetricRow(Row):
    """How engaged a family was at a moment."""

    TABLE = "family_engagement_metrics"

    metric_id = AutoField()
    family_id = TextField()
    measured_at = InstantField()
    engagement_score = FloatField()
    extra = JsonField(default=dict)


class AssessmentRow(Row):
    """How likely a family was to leave at a moment, in somebody's judgement."""

    TABLE = "risk_assessments"

    assessment_id = AutoField()
    family_id = TextField()
    assessed_at = InstantField()
    withdrawal_risk = FloatField()


class PredictionRow(Row):
    """What a model said about a family, and what came of it."""

    TABLE = "ml_predictions"

    prediction_id = TextField(primary_key=True)
    family_id = TextField()
    predicted_probability = FloatField()
    confidence_score = FloatField()
    prediction_window_days = IntegerField(null=True)
    prediction_type = TextField(null=True)
    predicted_at = InstantField(null=True)
    received_at = InstantField()
    recommendations = JsonField()
    extra = JsonField()
    verdict = TextField(null=True)


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


class EventRow(Row):
    """One entry of the log, to be read; `store.log` alone writes them."""

    TABLE = "event_log"

    event_id = AutoField()
    at = InstantField()
    kind = TextField()
    family_id = TextField(null=True)
    instance_id = IntegerField(null=True)
    actor = TextField()
    data = JsonField()
    prev_hash = TextField()
    hash = TextField()


class PersonalRow(Row):
    """The erasable part of an entry."""

    TABLE = "event_personal"

    event_id = IntegerField(primary_key=True)
    family_id = TextField(null=True)
    salt = BlobField()
    data = JsonField()


class MetaRow(Row):
    """One thing said about the database as a whole."""

    TABLE = "meta"

    key = TextField(primary_key=True)
    value = TextField()


class CalendarRow(Row):
    """Where closed days come from."""

    TABLE = "calendars"

    calendar = TextField(primary_key=True)
    kind = TextField()
    years = JsonField()
    source = TextField()
    imported_at = InstantField()


class CalendarDayRow(Row):
    """A day on which nothing leaves and nothing is due."""

    TABLE = "calendar_days"

    calendar = TextField()
    day = TextField()
    name = TextField()

    class Meta:
        """Two columns name a row."""

        primary_key = CompositeKey("calendar", "day")


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


class InboxItemRow(Row):
    """One thing that came in from outside."""

    TABLE = "inbox_items"

    item_id = AutoField()
    source = TextField()
    provider_id = TextField()
    mail_id = TextField(null=True)
    kind = WordField(ItemKind)
    channel = TextField()
    received_at = InstantField()
    taken_at = InstantField()
    status = WordField(ItemStatus)
    reason = TextField()
    family_id = TextField(null=True)
    instance_id = IntegerField(null=True)
    event_id = IntegerField()
    task_id = IntegerField(null=True)


class BadAddressRow(Row):
    """An address at which messages come back."""

    TABLE = "bad_addresses"

    channel = TextField()
    address = TextField()
    since = InstantField()
    reason = TextField()

    class Meta:
        """Two columns name a row."""

        primary_key = CompositeKey("channel", "address")


class ConsentRow(Row):
    """One thing that was said about writing to an address."""

    TABLE = "consent_records"

    record_id = AutoField()
    channel = TextField()
    address = TextField(null=True)
    allowed = BooleanField()
    covers = TextField()
    at = InstantField()
    how = TextField()
    actor = TextField()
    text = TextField(null=True)
    family_id = TextField(null=True)
    created_date = InstantField()


ROWS: tuple[type[Row], ...] = (
    TemplateRow,
    FamilyRow,
    MetricRow,
    AssessmentRow,
    PredictionRow,
    InstanceRow,
    ExecutionRow,
    QueueRow,
    TaskRow,
    EventRow,
    PersonalRow,
    MetaRow,
    CalendarRow,
    CalendarDayRow,
    ScheduleRow,
    MatchRow,
    InboxItemRow,
    BadAddressRow,
    ConsentRow,
)
