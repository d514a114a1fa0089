"""What a diagram says of each step: what it does in a few words, and where it leads."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from coopflow.core.conditions import text_of
from coopflow.core.date_triggers import NINE
from coopflow.core.durations import Duration
from coopflow.core.workflow import (
    CommandStep,
    ConditionStep,
    EmailStep,
    EndStep,
    HttpStep,
    OnFailure,
    ParallelStep,
    RecommendedStep,
    SmsStep,
    StartStep,
    Step,
    TaskOutcome,
    TaskStep,
    Trigger,
    WaitStep,
    Workflow,
)

PERSON = "a person decides"  # where `escalate` and a hold lead


class Arrow(Struct, frozen=True):
    """One way from a step."""

    when: str  # in words; empty: always
    to: str | None  # a step's id; None: the end of the list, or `words` says where
    words: str = ""  # where it leads, if not to a step


def begins(workflow: Workflow) -> str:
    """What starts it, in words."""
    trigger = workflow.trigger
    ways = {"event": f"with the event {trigger.event}", "manual": "by hand"}
    if trigger.type == "condition" and trigger.conditions:
        return f"starts as soon as {text_of(trigger.conditions)} (looked at every day at {by_the_day(trigger)})"
    way = comes_round(trigger) if trigger.by_the_clock else ways.get(trigger.type, f"with a {trigger.type}")
    return f"starts {way}" + (f", if {text_of(trigger.conditions)}" if trigger.conditions else "")


def comes_round(trigger: Trigger) -> str:
    """When a trigger of the type schedule starts, in words."""
    rule = trigger.recurrence
    if rule is not None:
        return f"every {rule.every}" if rule.every else f"by the rule {rule.rrule}"
    return f"{' and '.join(map(str, trigger.dates))} (at {by_the_day(trigger)} where no time is said)"


def by_the_day(trigger: Trigger) -> str:
    """The time of day at which it is looked at."""
    return f"{trigger.at or NINE:%H:%M}"


def does(step: Step) -> str:
    """What a step does, in a few words."""
    match step:
        case EmailStep():
            return f"email {step.template_id}"
        case SmsStep():
            return f"text {step.template_id}" if step.template_id else "text"
        case TaskStep():
            return f"{step.type} for {step.assign or 'coordinator'}" + (f", due in {step.due}" if step.due else "")
        case WaitStep():
            return _waits(step)
        case ConditionStep():
            return text_of(step.condition)
        case EndStep():
            return f"end: {step.outcome}"
        case ParallelStep():
            return f"{len(step.branches)} branches at once, until {_how_many(step)} ended"
        case RecommendedStep():
            return "what the prediction recommends"
        case StartStep():
            return f"start {step.workflow}"
        case HttpStep():
            return f"{step.method} to {urlsplit(step.url).netloc}"
        case CommandStep():
            return f"run {step.command}"
        case _:
            raise TypeError(f"a diagram knows no steps of the type {type(step).__name__}")


def arrows(step: Step) -> Iterator[Arrow]:
    """Where a step leads, the ordinary way first."""
    yield from _own(step)
    failure = step.on_failure
    if failure is not None:
        yield _failed(failure, step)


def _failed(failure: OnFailure, step: Step) -> Arrow:
    match failure.action:
        case "goto":
            return Arrow("if it fails", failure.step_id)
        case "continue":
            return Arrow("if it fails", step.next)
        case "fail":
            return Arrow("if it fails", None, "the end: failed")
        case _:
            return Arrow("if it fails", None, PERSON)


def _own(step: Step) -> Iterator[Arrow]:
    match step:
        case EndStep():
            return
        case ConditionStep():
            yield Arrow("yes", step.if_true or step.next)
            yield Arrow("no", step.if_false or step.next)
        case WaitStep(until_event=str(event)):
            if step.on_timeout:
                yield Arrow(event, step.next)
                yield Arrow(f"after {step.duration or step.timeout}", step.on_timeout)
            else:
                yield Arrow("", step.next)
        case TaskStep() if step.outcomes:
            for name, way in step.outcomes.items():
                yield _outcome(name, way)
        case _:
            yield Arrow("", step.next)


def _outcome(name: str, way: TaskOutcome) -> Arrow:
    to = way.goto or way.then
    if way.retry_in is None:
        return Arrow(name, to, "" if to else PERSON)
    times = "once" if way.max == 1 else f"at most {way.max} times"
    return Arrow(f"{name}: again after {way.retry_in}, {times}, then", to, "" if to else PERSON)


def _waits(step: WaitStep) -> str:
    length: Duration | None = step.duration or step.timeout
    if step.until_event is None:
        return f"wait {length}"
    return f"wait {length}, or until {step.until_event}"


def _how_many(step: ParallelStep) -> str:
    if step.join == len(step.branches):
        return "all have"
    return "one has" if step.join == 1 else f"{step.join} have"
