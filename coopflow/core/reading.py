"""From checked plain data to a workflow's values: what the loader has normalised and the store keeps as JSON.

The data is trusted: `coopflow.workflows` has checked it. Whatever a file may leave out has its default here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from itertools import chain
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from coopflow.core.condition_reader import read_condition
from coopflow.core.conditions import Condition
from coopflow.core.date_rules import parse_date_rule
from coopflow.core.durations import Duration
from coopflow.core.retry import RetryPolicy
from coopflow.core.states import Outcome
from coopflow.core.workflow import (
    HOLD,
    NOW,
    CallStep,
    CommandStep,
    ConditionStep,
    EmailStep,
    EndStep,
    EscalationLevel,
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

if TYPE_CHECKING:
    from coopflow.core.recurrence import Recurrence

Data = Mapping[str, Any]

DEFAULT_WINDOW = "business_hours"
DEFAULT_PRIORITY = 5
DEFAULT_KIND = "outreach"
PARALLEL = "parallel"  # as if no other workflow were there
ESCALATE = "escalate"  # as a target: to a person of higher rank
ACTIONS_ON_FAILURE = ("hold", "continue", "fail")


def read_workflow(
    data: Data, messages: Mapping[str, Mapping[str, str]], *, template_id: int, version: int, active: bool
) -> Workflow:
    """Read one version of a workflow."""
    escalation = data.get("escalation") or {}
    retry = retry_policy(data.get("retry") or {}, RetryPolicy())
    steps = {step.id: step for step in _steps(data["steps"], retry)}
    return Workflow(
        template_id=template_id,
        name=data["name"],
        version=version,
        description=data.get("description", ""),
        priority=data.get("priority", DEFAULT_PRIORITY),
        max_concurrent_instances=data.get("max_concurrent_instances", 1),
        active=active,
        conflict=data.get("conflict", PARALLEL),
        trigger=_trigger(data["trigger"]),
        window=(data.get("timing") or {}).get("window", DEFAULT_WINDOW),
        retry=retry,
        completion_criteria=_condition(data.get("completion_criteria")),
        on_failure=_on_failure(escalation.get("on_failure")) or HOLD,
        escalation=tuple(
            EscalationLevel(Duration.parse(level["after"]), level["assign"]) for level in escalation.get("levels", ())
        ),
        steps=steps,
        first=data["steps"][0]["id"],
        messages=messages,
    )


def action_step_id(parent: str, action: str) -> str:
    """The id of the step that carries out a recommended action, unless it is given one."""
    return f"{parent}_{action}"


def default_name(step_id: str) -> str:
    """What a step is called that has no name: `first_email` is First email."""
    return step_id.replace("_", " ").replace("-", " ").capitalize()


def retry_policy(data: Data, default: RetryPolicy) -> RetryPolicy:
    """A policy in which whatever is not said is as in another one; raise ValueError if it makes no sense."""
    said = dict(data)
    for key in ("initial_delay", "max_delay"):
        if key in said:
            said[key] = Duration.parse(said[key])
    return replace(default, **said)


def branches_of(data: Data) -> list[Sequence[Data]]:
    """The lists of steps inside a step: the branches of a `parallel`, and one for each recommended action."""
    if data["type"] == "recommended":
        return [[action] for action in data["actions"].values()]
    return list(data.get("branches", ()))


def _trigger(data: Data) -> Trigger:
    return Trigger(
        type=data["type"],
        event=data.get("event"),
        conditions=_condition(data.get("conditions")),
        group=data.get("group"),
        cooldown=_duration(data.get("cooldown")),
        recurrence=_recurrence(data),
        dates=tuple(map(parse_date_rule, _listed(data.get("on", ())))),
        at=time.fromisoformat(data["at"]) if "at" in data else None,
        catch_up=data.get("catch_up", "latest"),
        existing=data.get("existing") == "start",
    )


def _recurrence(data: Data) -> "Recurrence | None":
    if "every" not in data and "rrule" not in data:
        return None
    from coopflow.core.recurrence import BEGINNING, parse_recurrence

    starting = date.fromisoformat(data["starting"]) if "starting" in data else BEGINNING
    return parse_recurrence(every=data.get("every"), rule=data.get("rrule"), starting=starting)


def _listed(said: str | Sequence[str]) -> Sequence[str]:
    return [said] if isinstance(said, str) else said


def _steps(listed: Sequence[Data], retry: RetryPolicy, parent: str | None = None, branch: int = 0) -> Iterator[Step]:
    """One list of steps, each followed by the steps of its own branches."""
    followers = chain((data["id"] for data in listed[1:]), (None,))
    for number, (data, follower) in enumerate(zip(listed, followers, strict=True)):
        place = {"number": number, "next": follower, "parent": parent, "branch": branch}
        yield _step(data, {**place, **_common(data, retry)})
        for inner, steps in enumerate(branches_of(data)):
            yield from _steps(steps, retry, data["id"], inner)


def _common(data: Data, retry: RetryPolicy) -> dict[str, Any]:
    return {
        "id": data["id"],
        "name": data.get("name") or default_name(data["id"]),
        "delay": _duration(data.get("delay")) or NOW,
        "counts_from": data.get("from"),
        "scheduled_time": data.get("scheduled_time"),
        "window": data.get("window"),
        "urgent": data.get("urgent", False),
        "retry": retry_policy(data["retry"], retry) if "retry" in data else None,
        "on_failure": _on_failure(data.get("on_failure")),
        "only_if": _condition(data.get("only_if")),
        "approval": data.get("approval", False),
        "stale_after": _duration(data.get("stale_after")),
        "timeout": _duration(data.get("timeout")),
    }


def _step(data: Data, common: dict[str, Any]) -> Step:
    match data["type"]:
        case "email":
            return _email(data, common)
        case "sms":
            return _sms(data, common)
        case "call":
            return CallStep(**common, **_task(data, task_type="phone_call", priority="high"))
        case "task":
            return TaskStep(**common, **_task(data, task_type="follow_up", priority="normal"))
        case "wait":
            return _wait(data, common)
        case "condition":
            return _fork_in_the_road(data, common)
        case "end":
            return EndStep(**common, outcome=Outcome(data.get("outcome", "success")), notes=data.get("notes"))
        case "parallel":
            return _parallel(data, common)
        case "recommended":
            return RecommendedStep(**common, actions={action: step["id"] for action, step in data["actions"].items()})
        case "start":
            return StartStep(**common, workflow=data["workflow"])
        case "http":
            return _http(data, common)
        case "command":
            return CommandStep(**common, **_given(data, "command", "body", "idempotent"))
        case other:
            raise ValueError(f"step '{data['id']}': there is no step type {other!r}")


def _email(data: Data, common: dict[str, Any]) -> EmailStep:
    return EmailStep(
        **common,
        template_id=data["template_id"],
        template_vars=data.get("template_vars", {}),
        kind=data.get("kind", DEFAULT_KIND),
    )


def _http(data: Data, common: dict[str, Any]) -> HttpStep:
    """A GET changes nothing, so it may be asked again whatever the file says."""
    said = {"idempotent": data.get("method") == "GET", **data}
    return HttpStep(**common, **_given(said, "url", "method", "headers", "headers_env", "body", "idempotent"))


def _given(data: Data, *keys: str) -> dict[str, Any]:
    """What the file says; the rest has its default in the step's class."""
    return {key: data[key] for key in keys if key in data}


def _sms(data: Data, common: dict[str, Any]) -> SmsStep:
    return SmsStep(
        **common,
        message=data.get("message"),
        template_id=data.get("template_id"),
        template_vars=data.get("template_vars", {}),
        kind=data.get("kind", DEFAULT_KIND),
    )


def _task(data: Data, *, task_type: str, priority: str) -> dict[str, Any]:
    outcomes = data.get("outcomes", {})
    return {
        "task_type": data.get("task_type", task_type),
        "description": data.get("description") or data.get("reason") or default_name(data["id"]),
        "due": _duration(data.get("due")),
        "due_date": data.get("due_date"),
        "priority": data.get("priority", priority),
        "assign": data.get("assign"),
        "outcomes": {name: _outcome(way) for name, way in outcomes.items()},
    }


def _outcome(way: str | Data) -> TaskOutcome:
    """A step's id, `escalate`, or the task once more and then one of these."""
    if isinstance(way, str):
        return TaskOutcome(goto=_target(way))
    return TaskOutcome(
        retry_in=Duration.parse(way["retry_in"]), max=way.get("max", 1), then=_target(way.get("then", ESCALATE))
    )


def _target(word: str) -> str | None:
    return None if word == ESCALATE else word


def _wait(data: Data, common: dict[str, Any]) -> WaitStep:
    return WaitStep(
        **common,
        duration=_duration(data.get("duration")),
        until_event=(data.get("until") or {}).get("event"),
        on_timeout=data.get("on_timeout"),
    )


def _fork_in_the_road(data: Data, common: dict[str, Any]) -> ConditionStep:
    return ConditionStep(
        **common,
        condition=read_condition(data["condition"]),
        if_true=data.get("if_true_step"),
        if_false=data.get("if_false_step"),
    )


def _parallel(data: Data, common: dict[str, Any]) -> ParallelStep:
    firsts = tuple(branch[0]["id"] for branch in data["branches"])
    join: str | int = data.get("join", "all")
    needed = {"all": len(firsts), "any": 1}[join] if isinstance(join, str) else join
    return ParallelStep(**common, branches=firsts, join=needed)


def _on_failure(word: str | None) -> OnFailure | None:
    if word is None:
        return None
    return OnFailure(word) if word in ACTIONS_ON_FAILURE else OnFailure("goto", word)


def _condition(data: Any) -> Condition | None:
    return None if data is None else read_condition(data)


def _duration(text: str | None) -> Duration | None:
    return None if text is None else Duration.parse(text)
