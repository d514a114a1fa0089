"""One form for everything that means the same: what is stored, hashed, compared and read back as core values."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coopflow.core.reading import action_step_id, branches_of
from coopflow.workflows.condition_checks import structured
from coopflow.workflows.fields import is_date
from coopflow.workflows.jumps import BY_NUMBER
from coopflow.workflows.schema import WorkflowFile

Data = dict[str, Any]

ALWAYS_SAID = ("name", "description", "priority", "max_concurrent_instances")  # the store has columns for these


def canonical(checked: WorkflowFile) -> Data:
    """Checked data in its canonical form.

    Conditions have field, operator and value, durations their usual words, jumps an id; nothing just repeats a default.
    """
    data = checked.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True, exclude={"enabled"})
    ids = [step["id"] for step in data["steps"]]
    for key in ALWAYS_SAID:
        data[key] = getattr(checked, key)
    data["steps"] = [_step(step, ids) for step in data["steps"]]
    if "completion_criteria" in data:
        data["completion_criteria"] = structured(data["completion_criteria"])
    if "conditions" in data["trigger"]:
        data["trigger"]["conditions"] = structured(data["trigger"]["conditions"])
    return {key: value for key, value in data.items() if value not in ({}, []) or key in ALWAYS_SAID}


def all_steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Every step of canonical data, those inside branches after the one around them."""
    for step in steps:
        yield step
        for branch in branches_of(step):
            yield from all_steps(branch)


def _step(step: Data, ids: list[str]) -> Data:
    for key in ("only_if", "condition"):
        if key in step:
            step[key] = structured(step[key])
    for key in BY_NUMBER:
        if isinstance(step.get(key), int):
            step[key] = ids[step[key]]
    _one_length(step, "delay_days", "delay")
    _one_length(step, "duration_days", "duration")
    _one_due_date(step)
    if step["type"] == "task" and "reason" in step:
        step["description"] = step.pop("reason")
    if "branches" in step:
        step["branches"] = [[_step(inner, ids) for inner in branch] for branch in _branches(step["branches"])]
    if step["type"] == "recommended":
        actions = step.get("actions", {}).items()
        step["actions"] = {name: _step(_with_id(inner, step["id"], name), ids) for name, inner in actions}
    return {key: value for key, value in step.items() if value not in ({}, "0 minutes") or key == "actions"}


def _one_length(step: Data, days: str, key: str) -> None:
    count = step.pop(days, 0)
    if count:
        step[key] = "1 day" if count == 1 else f"{count} days"


def _one_due_date(step: Data) -> None:
    """`due_date` keeps days of the calendar only; a length of time goes to `due`."""
    if "due_date" in step and not is_date(step["due_date"]):
        step["due"] = step.pop("due_date")


def _branches(branches: Any) -> list[list[Data]]:
    """The names of branches are for the reader of the file."""
    return list(branches.values()) if isinstance(branches, dict) else branches


def _with_id(step: Data, parent: str, action: str) -> Data:
    return {"id": action_step_id(parent, action), **step}
