"""The values that the rules work on. Instants are aware and UTC; the store turns rows into these and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field

from coopflow.core.allowed import Allowed
from coopflow.core.pressure import Limits
from coopflow.core.states import ACTIVE, Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus
from coopflow.core.timing import Calendar, Preference

COORDINATOR = "coordinator"  # in a workflow: whoever is the coordinator
MAIN = "main"  # the branch that every instance begins with


class Family(Struct, frozen=True, kw_only=True):
    """A family as it stands now. The id comes from outside and is kept exactly as given."""

    family_id: str
    family_name: str
    email: str | None = None
    phone: str | None = None  # E.164
    phone_zones: tuple[str, ...] = ()  # IANA keys of the area that the number belongs to; none: it does not say
    time_zone: str | None = None  # IANA key; None: the co-op's
    status: str = "enrolled"
    language: str | None = None  # for message templates in several languages: es, fr …
    attributes: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, Any] = field(default_factory=dict)  # channel → its own newest word: allowed, at, how, by
    at_address: Mapping[str, Any] = field(default_factory=dict)  # channel → the newest word about its present address
    engagement_score: float | None = None  # the latest measured
    withdrawal_risk: float | None = None  # the latest assessed
    gentle_until: datetime | None = None  # no step reaches them before then


class Instance(Struct, kw_only=True):
    """One run of one workflow version for one family."""

    instance_id: int
    template_id: int
    family_id: str
    triggered_by: str  # prediction_id:12345, event_id:67890, schedule:…, manual:user
    trigger_date: datetime
    status: InstanceStatus
    current_step: str | None
    context: Mapping[str, Any]  # what triggered it, as it was then
    started_at: datetime | None = None
    completed_at: datetime | None = None
    outcome: Outcome | None = None
    outcome_notes: str | None = None
    error_count: int = 0
    last_error: str | None = None
    deadline: datetime | None = None  # until when it must have come to something: the end of the prediction's window
    deadline_alert_at: datetime | None = None  # when a person is told that it is near; None: told, or there is none
    stored: tuple[Any, ...] = ()  # what the store has of it, by which it tells what has changed

    @property
    def active(self) -> bool:
        """Not finished yet; a paused instance is active too."""
        return self.status in ACTIVE


class Entry(Struct, kw_only=True):
    """One live branch of an instance: which step, what it waits for, when it is looked at next."""

    queue_id: int | None  # None: not stored yet
    branch: str
    step_id: str
    visit: int  # how many steps this branch had come to when it came to this one; two visits are never alike
    attempts: int = 0  # attempts made in this visit
    status: EntryStatus = EntryStatus.QUEUED
    awaits: Awaited = Awaited.TURN
    scheduled_for: datetime | None = None  # None: the clock alone never wakes it
    arrived_at: datetime | None = None  # when the branch came to this step
    reason: str | None = None  # why it is looked at then and not sooner, in words
    chosen_by: str | None = None  # the person who chose this time; the rules leave it where it is
    last_attempt_at: datetime | None = None  # when its message was handed over; None: as soon as it was written
    stored: tuple[Any, ...] = ()  # what the store has of it, by which it tells what has changed

    def look_again(self, awaits: Awaited, at: datetime | None, reason: str) -> None:
        """Say what the branch waits for, when it is looked at next, and why then."""
        self.awaits = awaits
        self.scheduled_for = at
        self.reason = reason
        self.chosen_by = None


class Execution(Struct, kw_only=True):
    """One attempt at one step."""

    branch: str
    step_id: str
    step_number: int
    step_name: str
    step_type: str
    visit: int
    attempt: int
    status: StepStatus
    started_at: datetime
    completed_at: datetime | None = None
    input_data: Mapping[str, Any] | None = None
    output_data: Mapping[str, Any] | None = None
    error_message: str | None = None
    idempotency_key: str | None = None  # only what leaves the house has one
    message_id: str | None = None  # the same for all attempts at one message
    execution_id: int | None = None

    @property
    def success(self) -> bool | None:
        """None while it is not decided."""
        if self.status in (StepStatus.COMPLETED, StepStatus.FAILED):
            return self.status is StepStatus.COMPLETED
        return None


class Task(Struct, kw_only=True):
    """Work for a coordinator."""

    family_id: str
    task_type: str
    description: str
    due_date: datetime | None
    priority: str  # low | normal | high
    created_date: datetime
    task_id: int | None = None
    instance_id: int | None = None
    step_id: str | None = None
    branch: str | None = None  # the branch that waits for it; None: none does
    assignee: str | None = None
    status: TaskStatus = TaskStatus.OPEN
    outcome: str | None = None
    notes: str | None = None
    completed_at: datetime | None = None
    escalation_level: int = 0  # levels of escalation already passed
    escalate_at: datetime | None = None


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened, as the log keeps it."""

    at: datetime
    kind: str  # outside events are one_word; what the engine and people did is noun.participle
    actor: str  # coopflow, a person's name, or the source outside
    family_id: str | None = None
    instance_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, Any] | None = None  # names, addresses, notes: kept apart, so that it can be erased
    event_id: int | None = None


class Prediction(Struct, frozen=True, kw_only=True):
    """What a model says about a family."""

    prediction_id: str
    family_id: str
    predicted_probability: float  # 0 to 1
    confidence_score: float  # 0 to 100
    prediction_window_days: int | None = None
    prediction_type: str | None = None
    predicted_at: datetime | None = None
    recommendations: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


class Message(Struct, frozen=True, kw_only=True):
    """What is handed to a channel: final words, for one recipient."""

    channel: str  # email | sms
    to: str
    text: str
    key: str  # the idempotency key, the same for as long as it may be the same message
    message_id: str
    at: datetime  # the instant of this attempt
    subject: str | None = None
    html: str | None = None
    family_id: str | None = None
    instance_id: int | None = None


class Coop(Struct, frozen=True, kw_only=True):
    """What the rules need to know about the co-op itself; it comes from `coopflow.yaml`."""

    organisation: str
    calendar: Calendar
    coordinators: Mapping[str, Mapping[str, Any]]  # name → email, phone; the first one gets what nobody is named for
    known_events: frozenset[str]  # kinds that may happen, so that one that has not is false and not unknown
    preferred: Mapping[str, Preference] = field(default_factory=dict)  # channel → its best times
    limits: Limits = field(default_factory=Limits)
    spread: timedelta = timedelta()  # over how much of an opening messages to many families are spread
    footer: str | None = None  # Markdown at the end of every mail: who writes, and the postal address
    allowed: Allowed | None = None  # the only ones that messages may go to; None: all
    rest: timedelta = timedelta()  # how long a message lies in the house before it leaves, and can be recalled

    @property
    def coordinator(self) -> str:
        """Who gets a task that names nobody."""
        return next(iter(self.coordinators), COORDINATOR)

    def person(self, name: str) -> str:
        """Who a workflow means by a name: `coordinator` is whoever is the coordinator, unless one is called so."""
        return self.coordinator if name == COORDINATOR and name not in self.coordinators else name
