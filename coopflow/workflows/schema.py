"""What a workflow file may say, as pydantic models, and the JSON Schema that editors complete and check with.

The models look at one value at a time. What values mean to each other is looked at in `checks`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from coopflow.core.conditions import Operator
from coopflow.workflows.fields import (
    CONDITION_SCHEMA,
    DURATION_SCHEMA,
    EXAMPLES,
    Condition,
    DateRules,
    Day,
    Duration,
    Every,
    Label,
    Rrule,
    ShortName,
    TimeOfDay,
    Word,
    WorkflowName,
)
from coopflow.workflows.step_schema import AnyStep, Retry, Strict

SCHEMA_FILE = "workflow.schema.json"

__all__ = ["SCHEMA_FILE", "WorkflowFile", "workflow_json_schema"]


class Trigger(Strict):
    """Why a run of the workflow starts."""

    type: Literal["prediction", "event", "schedule", "condition", "manual"] = Field(
        description="prediction: a model says so. event: something happened. schedule: its time has come. "
        "condition: something becomes true of a family. manual: only by hand."
    )
    event: Word | None = Field(None, description="For type event: the kind of event that starts it.")
    conditions: Condition | None = Field(None, description="What must be true as well.")
    group: ShortName | None = Field(
        None, description="Of the matching workflows of one group only the one with the highest priority starts."
    )
    cooldown: Duration | None = Field(None, description="Not again for the same family within this time: '30 days'.")
    every: Every | None = Field(
        None, description="For type schedule: days and a time on the co-op's clock, such as 'monday 09:00'."
    )
    rrule: Rrule | None = Field(
        None, description="For type schedule: the same as a rule of iCalendar, such as 'FREQ=MONTHLY;BYMONTHDAY=1'."
    )
    starting: Day | None = Field(None, description="The day from which an rrule's INTERVAL counts.")
    on: DateRules | None = Field(
        None,
        description="For type schedule: a date of the family's, such as '14 days before renewal_date'; or several.",
    )
    at: TimeOfDay | None = Field(
        None, description="The time of day for 'on' and for type condition, in quotes. Default: 09:00."
    )
    catch_up: Literal["latest", "all", "none"] = Field(
        "latest", description="What is made up for after an absence: the latest (default), all, or none."
    )
    existing: Literal["skip", "start"] = Field(
        "skip", description="For type condition: also start for families for whom it holds from the beginning?"
    )


class Timing(Strict):
    """When its steps reach people."""

    window: ShortName = Field("business_hours", description="Opening hours by name; see coopflow.yaml.")


class Level(Strict):
    """Who gets a task that nobody has closed."""

    after: Duration = Field(description="How long the task has been open by then.")
    assign: Label = Field(description="A name or role of coopflow.yaml.")


class Escalation(Strict):
    """When people are called in."""

    on_failure: Literal["hold", "continue", "fail"] = Field(
        "hold", description="When a step has failed for good: hold (a person decides; default), continue, or fail."
    )
    levels: list[Level] = Field([], description="Who gets an open task after how long.")


class WorkflowFile(Strict):
    """One workflow: who is contacted, how, when, what if nobody answers, and when a person takes over."""

    name: WorkflowName = Field(description="The workflow's own name, unique among all files.")
    description: str = Field("", max_length=2000, description="What it is for, in a sentence.")
    priority: int = Field(5, ge=1, le=10, description="1 to 10; 10 is most urgent. Default 5.")
    max_concurrent_instances: int = Field(1, ge=1, le=100, description="Runs at one time for one family. Default 1.")
    conflict: Literal["queue", "skip", "replace", "parallel"] = Field(
        "parallel",
        description="Where another workflow is in conversation with the family: queue (begin when it has ended), skip "
        "(do not start), replace (end it, unless it is more urgent), parallel (default).",
    )
    enabled: bool = Field(True, description="false: the file is checked, but nothing starts from it.")
    trigger: Trigger
    timing: Timing = Field(Timing.model_construct(), description="When its steps reach people.")
    retry: Retry = Field(Retry.model_construct(), description="How often what failed for now is tried again.")
    completion_criteria: Condition | None = Field(
        None, description="True at any moment: the run is complete; open messages and tasks are withdrawn."
    )
    escalation: Escalation = Field(Escalation.model_construct(), description="When people are called in.")
    steps: Annotated[list[AnyStep], Field(min_length=1)] = Field(description="What is done, in order.")


def workflow_json_schema() -> dict[str, Any]:
    """The JSON Schema of a workflow file, with a description for every key."""
    schema = WorkflowFile.model_json_schema()
    schema = _without_noise(schema)
    schema["$defs"] |= {"Condition": _condition_schema(), "Duration": {"type": "string", "examples": list(EXAMPLES)}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A coopflow workflow", **schema}


def _condition_schema() -> dict[str, Any]:
    parts = {"type": "array", "items": {"$ref": "#/$defs/Condition"}, "minItems": 1}
    comparison = {
        "type": "object",
        "properties": {
            "field": {"type": "string", "description": "What is looked at, such as confidence_score."},
            "operator": {"enum": [operator.value for operator in Operator], "description": "How it is compared."},
            "value": {"description": "What it is compared with."},
        },
        "required": ["field", "operator"],
        "additionalProperties": False,
    }
    return {
        "title": "Condition",
        "description": "One line of text, or all, any, not, or field, operator and value.",
        "anyOf": [
            {"type": "string", "examples": ["predicted_probability > 0.8 and confidence_score > 80"]},
            _only("all", parts, "True when every part is."),
            _only("any", parts, "True when at least one part is."),
            _only("not", {"$ref": "#/$defs/Condition"}, "True when its part is not."),
            comparison,
        ],
    }


def _only(key: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    properties = {key: {**schema, "description": description}}
    return {"type": "object", "properties": properties, "required": [key], "additionalProperties": False}


def _without_noise(part: Any) -> Any:
    """Conditions and durations by reference; and no `null`, made-up titles or empty defaults in an editor's hints."""
    if isinstance(part, list):
        return [_without_noise(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part in (CONDITION_SCHEMA, DURATION_SCHEMA):
        return {"$ref": f"#/$defs/{part['title']}"}
    return _without_null({key: _without_noise(value) for key, value in part.items() if not _is_noise(key, value)})


def _is_noise(key: str, value: Any) -> bool:
    return (key == "default" and value in (None, {}, [])) or (key == "title" and isinstance(value, str))


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    choices = [choice for choice in part.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        return {**choices[0], **rest}
    return {**part, "anyOf": choices} if choices else part
