"""What each type of step may say. The pattern's own keys are the real keys (design, section 5)."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from coopflow.workflows.fields import (
    Anchor,
    Body,
    Condition,
    Days,
    Duration,
    DurationOrDay,
    Header,
    HeaderValue,
    Join,
    Label,
    Moment,
    Scalar,
    ShortName,
    StepId,
    Target,
    Text,
    Url,
    VariableName,
    Word,
    WorkflowName,
)


class Strict(BaseModel):
    """A group of keys in which no other key is possible and no value is turned into another kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Retry(Strict):
    """How often something that failed for now is tried again, and after how long."""

    max_retries: int | None = Field(None, ge=0, le=100, description="Tries after the first; 0: never again. Default 3.")
    initial_delay: Duration | None = Field(None, description="How long before the first retry. Default 5 minutes.")
    backoff_multiplier: int | float | None = Field(
        None, ge=1, le=100, description="Each wait is so many times the one before. Default 2."
    )
    max_delay: Duration | None = Field(None, description="No wait is longer than this. Default 1 day.")


class Named(Strict):
    """What has an id."""

    id: StepId = Field(description="The step's own word, unique in the workflow; jumps and commands name it.")


class MayBeNamed(Strict):
    """What gets an id from the step around it if it has none."""

    id: StepId | None = Field(None, description="Default: the id of the step around it, _, and the action.")


class Common(Strict):
    """What every step may say, whatever its type."""

    name: Label | None = Field(None, description="What people read. Default: made from the id.")
    delay: Duration | None = Field(None, description="How long after the step before it: '2 days', '3 business days'.")
    counts_from: Anchor | None = Field(
        None,
        alias="from",
        description="What the delay counts from instead: start, trigger, a step's id, attributes.NAME.",
    )
    delay_days: Days | None = Field(None, description="The same in whole days.")
    scheduled_time: Moment | None = Field(
        None,
        description="A fixed date and time, such as 2026-09-01T09:00; without an offset, the family's wall clock. "
        "Or by a date of the family's: '7 days before payment_due_on at 09:00'.",
    )
    window: ShortName | None = Field(None, description="The opening hours that it keeps to; see coopflow.yaml.")
    urgent: bool = Field(False, description="Goes outside the window too, but never in the quiet hours for texts.")
    retry: Retry | None = Field(None, description="How often it is tried again; the rest as in the workflow.")
    on_failure: str | None = Field(
        None, description="When it has failed for good: a step's id, hold (a person decides), continue, or fail."
    )
    only_if: Condition | None = Field(None, description="Not true when its turn comes: the step is left out.")
    approval: bool = Field(False, description="A person must say yes before the step is carried out.")
    stale_after: Duration | None = Field(None, description="So late, a person decides whether it still goes.")
    timeout: Duration | None = Field(None, description="After so long without an answer it has failed.")


class Email(Common):
    """Sends a mail."""

    type: Literal["email"]
    template_id: ShortName = Field(description="The message template: messages/NAME.md.")
    template_vars: dict[Word, Scalar] = Field({}, description="Values of this step's own for the message template.")
    kind: Literal["outreach", "transactional"] | None = Field(
        None, description="What it is: outreach (default), or transactional, as about a bill. Or as the template says."
    )


class Sms(Common):
    """Sends a text. It has either a message or a template_id."""

    type: Literal["sms"]
    message: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The text, with {{ family_name }} and the like."
    )
    template_id: ShortName | None = Field(None, description="A message template instead: messages/NAME.md.")
    template_vars: dict[Word, Scalar] = Field({}, description="Values of this step's own for the text.")
    kind: Literal["outreach", "transactional"] | None = Field(
        None, description="What it is: outreach (default), or transactional, as about a bill. Or as the template says."
    )


class OnceMore(Strict):
    """An outcome that puts the task on the desk again."""

    retry_in: Duration = Field(description="After how long the task comes back: '1 day'.")
    max: int = Field(1, ge=1, le=100, description="How often at most. Default 1.")
    then: str = Field("escalate", description="Where it goes after that: a step's id, or escalate (the default).")


def _kind_of_outcome(found: Any) -> str:
    return "once_more" if isinstance(found, dict | OnceMore) else "target"


Outcome: TypeAlias = Annotated[
    Annotated[str, Tag("target")] | Annotated[OnceMore, Tag("once_more")], Discriminator(_kind_of_outcome)
]


class Desk(Common):
    """Puts a task on the coordinator's desk."""

    due: Duration | None = Field(None, description="When it is due, counted from when it lies on the desk.")
    due_date: DurationOrDay | None = Field(None, description="The same, or a fixed day: 2026-09-01.")
    assign: Label | None = Field(None, description="Who does it, by name or role. Default: the coordinator.")
    priority: Literal["low", "normal", "high"] | None = Field(None, description="How urgent it is for whoever does it.")
    outcomes: dict[ShortName, Outcome] = Field(
        {},
        description="What it can come to, and where each leads: a step's id, escalate, or {retry_in, max, then}. "
        "Without outcomes the step is done when the task is on the desk.",
    )


class Call(Desk):
    """A task to phone the family; high priority, due the next business day."""

    type: Literal["call"]
    reason: Text = Field(description="Why to call; only the coordinator reads it.")


class Task(Desk):
    """A task of any other kind. It has a description (or reason)."""

    type: Literal["task"]
    task_type: ShortName | None = Field(None, description="What kind of work it is. Default: follow_up.")
    description: Text | None = Field(None, description="What is to be done; only coordinators read it.")
    reason: Text | None = Field(None, description="The same as description.")


class Until(Strict):
    """What ends a wait early."""

    event: Word = Field(description="The kind of event, such as email_response_received.")


class WaitStep(Common, Named):
    """Lets time pass, or until an event comes."""

    type: Literal["wait"]
    duration: Duration | None = Field(None, description="How long: '3 days'.")
    duration_days: Days | None = Field(None, description="The same in whole days.")
    until: Until | None = Field(None, description="The event that ends the wait early.")
    on_timeout: str | None = Field(None, description="Where to go if the event does not come. Default: the next step.")


class ConditionStep(Common, Named):
    """Goes one way or the other."""

    type: Literal["condition"]
    condition: Condition = Field(description="What is asked.")
    if_true_step: Target | None = Field(
        None, description="A step's id, or its number in the list counted from 0. Default: the next."
    )
    if_false_step: Target | None = Field(None, description="The same for no. Default: the next.")


class EndStep(Common, Named):
    """Ends the run."""

    type: Literal["end"]
    outcome: Literal["success", "partial_success", "failed", "cancelled"] = Field(
        "success", description="What the run came to."
    )
    notes: Text | None = Field(None, description="Why, in words.")


def _kind_of_branches(found: Any) -> str:
    return "named" if isinstance(found, dict) else "listed"


class ParallelStep(Common, Named):
    """Goes several ways at once, and on when enough of them have ended; the rest is withdrawn."""

    type: Literal["parallel"]
    branches: Annotated[
        Annotated[list[Annotated[list["AnyStep"], Field(min_length=1)]], Tag("listed"), Field(min_length=1)]
        | Annotated[dict[str, Annotated[list["AnyStep"], Field(min_length=1)]], Tag("named"), Field(min_length=1)],
        Discriminator(_kind_of_branches),
    ] = Field(description="Lists of steps; each is a branch. With names: NAME: [steps].")
    join: Join = Field("all", description="How many branches must end: all (default), any, or a number.")


class Start(Common):
    """Starts another workflow for the same family and goes on."""

    type: Literal["start"]
    workflow: WorkflowName = Field(description="The workflow's name.")


class Http(Common):
    """Sends JSON to an address on the web: n8n, Zapier, a program of your own. The family notices nothing of it."""

    type: Literal["http"]
    url: Url = Field(description="https://, or http:// on this machine.")
    method: Literal["POST", "PUT", "PATCH", "GET"] = Field("POST", description="How it is asked; a GET sends nothing.")
    headers: dict[Header, HeaderValue] = Field({}, description="Headers that anybody may know.")
    headers_env: dict[Header, VariableName] = Field(
        {}, description="Headers that are secret: each from an environment variable, by its name."
    )
    body: Body = Field({}, description="What is sent as data; its texts may hold {{ family_name }} and the like.")
    idempotent: bool = Field(
        False, description="true: the other side takes the same Idempotency-Key once, so it may be asked again."
    )


class Command(Common):
    """Runs a program that coopflow.yaml lists, with JSON on its standard input. The family notices nothing of it."""

    type: Literal["command"]
    command: Word = Field(description="Its name under `commands:` in coopflow.yaml.")
    body: Body = Field({}, description="What is sent as data; its texts may hold {{ family_name }} and the like.")
    idempotent: bool = Field(
        False, description="true: the program does the same COOPFLOW_KEY once, so it may be run again."
    )


class EmailStep(Email, Named):
    """Sends a mail."""


class EmailAction(Email, MayBeNamed):
    """The same for a recommended action."""


class SmsStep(Sms, Named):
    """Sends a text. It has either a message or a template_id."""


class SmsAction(Sms, MayBeNamed):
    """The same for a recommended action."""


class CallStep(Call, Named):
    """A task to phone the family; high priority, due the next business day."""


class CallAction(Call, MayBeNamed):
    """The same for a recommended action."""


class TaskStep(Task, Named):
    """A task of any other kind. It has a description (or reason)."""


class TaskAction(Task, MayBeNamed):
    """The same for a recommended action."""


class StartStep(Start, Named):
    """Starts another workflow for the same family and goes on."""


class StartAction(Start, MayBeNamed):
    """The same for a recommended action."""


class HttpStep(Http, Named):
    """Sends JSON to an address on the web: n8n, Zapier, a program of your own. The family notices nothing of it."""


class HttpAction(Http, MayBeNamed):
    """The same for a recommended action."""


class CommandStep(Command, Named):
    """Runs a program that coopflow.yaml lists, with JSON on its standard input. The family notices nothing of it."""


class CommandAction(Command, MayBeNamed):
    """The same for a recommended action."""


Action: TypeAlias = Annotated[
    EmailAction | SmsAction | CallAction | TaskAction | StartAction | HttpAction | CommandAction,
    Field(discriminator="type"),
]


class RecommendedStep(Common, Named):
    """Turns the actions that the prediction recommends into steps; those not named here become tasks."""

    type: Literal["recommended"]
    actions: dict[ShortName, Action] = Field({}, description="Which step carries out which recommended action.")


AnyStep: TypeAlias = Annotated[
    EmailStep
    | SmsStep
    | CallStep
    | TaskStep
    | WaitStep
    | ConditionStep
    | EndStep
    | ParallelStep
    | RecommendedStep
    | StartStep
    | HttpStep
    | CommandStep,
    Field(discriminator="type"),
]

ParallelStep.model_rebuild()
