"""A workflow as values: what one version of a definition says, ready to be decided upon.

The values are read from plain checked data (what `workflows` has validated and the store keeps as JSON), never from
YAML. The keys are those of the template language (design, section 5).
"""

from collections.abc import Mapping
from datetime import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from coopflow.core.date_rules import DateRule
from coopflow.core.durations import Duration
from coopflow.core.retry import RetryPolicy
from coopflow.core.rules import Condition
from coopflow.core.states import Outcome

if TYPE_CHECKING:
    from coopflow.core.recurrence import Recurrence  # its library takes long to load, and few workflows need it

NOW = Duration()


class OnFailure(Struct, frozen=True):
    """What follows when a step has failed for good: `hold`, `continue`, `fail`, or a step to go to instead."""

    action: str  # hold | continue | fail | goto
    step_id: str | None = None


HOLD = OnFailure("hold")


class Step(Struct, frozen=True, kw_only=True):
    """What every step has, whatever its type."""

    id: str
    name: str
    number: int  # 0-based position in its own list, as the pattern counts
    next: str | None  # the step after it in its own list; None: the list ends here
    parent: str | None = None  # the `parallel` or `recommended` step whose branch this one is in
    branch: int = 0  # which of the parent's branches
    delay: Duration = NOW
    counts_from: str | None = None  # start, trigger, a step's id or attributes.FIELD; None: the end of the step before
    scheduled_time: str | None = None  # ISO 8601, without an offset wall time in the family's zone; or a date rule
    window: str | None = None  # None: the workflow's own, and no window for steps that reach nobody
    urgent: bool = False
    retry: RetryPolicy | None = None
    on_failure: OnFailure | None = None
    only_if: Condition | None = None
    approval: bool = False
    stale_after: Duration | None = None
    timeout: Duration | None = None

    @property
    def type(self) -> str:
        """The word that `type:` has in YAML."""
        return STEP_TYPES[type(self)]


class EmailStep(Step, frozen=True, kw_only=True):
    """Sends a mail made from a message template."""

    template_id: str
    template_vars: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    kind: str = "outreach"  # or transactional, which an opt-out of outreach does not stop


class SmsStep(Step, frozen=True, kw_only=True):
    """Sends a text, written in the step or kept as a message template."""

    message: str | None = None
    template_id: str | None = None
    template_vars: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    kind: str = "outreach"  # or transactional


class TaskOutcome(Struct, frozen=True, kw_only=True):
    """Where a task's outcome leads: to a step, to the task once more, or to a person of higher rank."""

    goto: str | None = None  # a step's id; None with no `retry_in`: escalate
    retry_in: Duration | None = None
    max: int = 1  # how often `retry_in` is granted
    then: str | None = None  # where it goes after that: a step's id; None: escalate


class TaskStep(Step, frozen=True, kw_only=True):
    """Puts a task on the coordinator's desk."""

    task_type: str
    description: str
    due: Duration | None = None  # from when the task opens
    due_date: str | None = None  # ISO 8601 date: a fixed day
    priority: str = "normal"  # low | normal | high
    assign: str | None = None
    outcomes: Mapping[str, TaskOutcome] = field(default_factory=dict)  # empty: done when the task is on the desk


class CallStep(TaskStep, frozen=True, kw_only=True):
    """A task to phone the family (task type phone_call, high priority, due the next business day)."""


class WaitStep(Step, frozen=True, kw_only=True):
    """Lets time pass, or until an event comes."""

    duration: Duration | None = None  # None: only the event ends it, and `timeout` bounds it
    until_event: str | None = None
    on_timeout: str | None = None  # a step's id; None: the next step


class ConditionStep(Step, frozen=True, kw_only=True):
    """Goes one way or the other."""

    condition: Condition
    if_true: str | None  # a step's id; None: the next step
    if_false: str | None


class EndStep(Step, frozen=True, kw_only=True):
    """Ends the instance (workflow pattern 43, explicit termination)."""

    outcome: Outcome = Outcome.SUCCESS
    notes: str | None = None


class ParallelStep(Step, frozen=True, kw_only=True):
    """Goes several ways at once, and on when enough of them have ended; the rest is withdrawn."""

    branches: tuple[str, ...]  # the first step's id of each branch
    join: int  # how many branches must end: all of them for `join: all`, 1 for `join: any`


class RecommendedStep(Step, frozen=True, kw_only=True):
    """Turns the actions that the triggering prediction carries into steps, all at once, and waits for all."""

    actions: Mapping[str, str]  # action → the step's id that carries it out; others become a task


class StartStep(Step, frozen=True, kw_only=True):
    """Starts another workflow for the same family and goes on."""

    workflow: str


class CallingStep(Step, frozen=True, kw_only=True):
    """Asks a program elsewhere; the family notices nothing of it."""

    body: Mapping[str, Any] = field(default_factory=dict)  # what is sent; its texts are message templates
    idempotent: bool = False  # the other side takes the same key twice without doing it twice


class HttpStep(CallingStep, frozen=True, kw_only=True):
    """Sends JSON to an address on the web."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    headers_env: Mapping[str, str] = field(default_factory=dict)  # header → environment variable with its value


class CommandStep(CallingStep, frozen=True, kw_only=True):
    """Runs a program of the co-op's own, with JSON on its standard input."""

    command: str  # its name in coopflow.yaml


STEP_TYPES: dict[type[Step], str] = {
    EmailStep: "email",
    SmsStep: "sms",
    TaskStep: "task",
    CallStep: "call",
    WaitStep: "wait",
    ConditionStep: "condition",
    EndStep: "end",
    ParallelStep: "parallel",
    RecommendedStep: "recommended",
    StartStep: "start",
    HttpStep: "http",
    CommandStep: "command",
}


BY_THE_CLOCK = ("schedule", "condition")  # the types of triggers for which a tick looks


class Trigger(Struct, frozen=True, kw_only=True):
    """Why an instance of a workflow starts."""

    type: str  # prediction | event | schedule | condition | manual
    event: str | None = None  # for type event: the kind that starts it
    conditions: Condition | None = None
    group: str | None = None
    cooldown: Duration | None = None
    recurrence: "Recurrence | None" = None  # for type schedule: what comes round
    dates: tuple[DateRule, ...] = ()  # for type schedule: what hangs on dates of the family
    at: time | None = None  # of the day, where a rule names none
    catch_up: str = "latest"  # latest | all | none: what is made up for after an absence
    existing: bool = False  # for type condition: also those for whom it holds from the beginning

    @property
    def by_the_clock(self) -> bool:
        """True if a tick starts it when its time has come."""
        return self.type in BY_THE_CLOCK


class EscalationLevel(Struct, frozen=True):
    """Who gets an open task when it has been open for so long."""

    after: Duration
    assign: str


class Workflow(Struct, frozen=True, kw_only=True):
    """One version of a definition. It never changes; an edited file is a new version."""

    template_id: int
    name: str
    version: int
    description: str
    priority: int
    max_concurrent_instances: int
    active: bool
    conflict: str  # queue | skip | replace | parallel: where another conversation with the family is under way
    trigger: Trigger
    window: str  # the name of the window in which its steps reach people
    retry: RetryPolicy
    completion_criteria: Condition | None
    on_failure: OnFailure
    escalation: tuple[EscalationLevel, ...]
    steps: Mapping[str, Step]  # every step by id, those of branches included, in the order of the file
    first: str
    messages: Mapping[str, Mapping[str, str]]  # template_id → language ("" for the default) → source text


def converses(workflow: Workflow) -> bool:
    """True if a family notices it: it writes, or has somebody call."""
    return any(isinstance(step, EmailStep | SmsStep | CallStep) for step in workflow.steps.values())


def sends_messages(workflow: Workflow) -> bool:
    """True if it writes to families."""
    return any(isinstance(step, EmailStep | SmsStep) for step in workflow.steps.values())


def may_repeat(step: Step) -> bool:
    """True if the step may be done once more when nobody knows whether it was done."""
    return isinstance(step, CallingStep) and step.idempotent


def counts_from_steps(workflow: Workflow) -> bool:
    """True if the time of a step counts from the end of another than the one before it."""
    return any(step.counts_from in workflow.steps for step in workflow.steps.values())
