"""What is different between two versions of a workflow, in lines that a coordinator understands."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from coopflow.core.condition_reader import read_condition
from coopflow.core.conditions import text_of
from coopflow.core.reading import branches_of
from coopflow.workflows.canonical import all_steps
from coopflow.workflows.text_checks import Messages, message_file

DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "priority": 5,
    "max_concurrent_instances": 1,
}
CONDITIONS = frozenset({"conditions", "completion_criteria", "condition", "only_if"})
WHOLE = CONDITIONS | {"levels", "steps", "branches"}  # shown in one piece, or not here
LONGEST = 100  # characters of a value in a line

Data = Mapping[str, Any]


def diff(old: Data, new: Data, old_messages: Messages | None = None, new_messages: Messages | None = None) -> list[str]:
    """The differences, a line each; none if both mean the same."""
    return [
        *_settings(old, new),
        *_steps(old, new),
        *_texts(old_messages or {}, new_messages or {}),
    ]


def _settings(old: Data, new: Data) -> Iterator[str]:
    before, after = _flat({**DEFAULTS, **old}), _flat({**DEFAULTS, **new})
    yield from _changes(before, after)


def _steps(old: Data, new: Data) -> Iterator[str]:
    before = {step["id"]: step for step in all_steps(old["steps"])}
    after = {step["id"]: step for step in all_steps(new["steps"])}
    places = _places(new["steps"], "")
    for step_id, step in before.items():
        if step_id not in after:
            yield f"- step '{step_id}' ({step['type']}) is gone"
    for step_id, step in after.items():
        if step_id not in before:
            yield f"+ step '{step_id}' ({step['type']}) is new, {places[step_id]}"
        else:
            changes = _changes(_flat(_own(before[step_id])), _flat(_own(step)))
            yield from (f"{change[:2]}step '{step_id}': {change[2:]}" for change in changes)
    yield from _moved(_places(_only(old["steps"], after), ""), _places(_only(new["steps"], before), ""))


def _own(step: Data) -> Data:
    """A step without the steps inside it, which stand for themselves."""
    own = {key: value for key, value in step.items() if key not in ("id", "branches", "actions")}
    return own | {"actions": {action: inner["id"] for action, inner in step.get("actions", {}).items()}}


def _only(steps: Any, ids: Any) -> list[Data]:
    """Lists of steps as far as both versions have them."""
    kept = [step for step in steps if step["id"] in ids]
    return [
        {"id": step["id"], "type": "parallel", "branches": [_only(branch, ids) for branch in branches_of(step)]}
        for step in kept
    ]


def _places(steps: Any, inside: str) -> dict[str, str]:
    """Where each step stands, in words."""
    places: dict[str, str] = {}
    before = inside or "at the beginning"
    for step in steps:
        places[step["id"]] = before
        before = f"after '{step['id']}'"
        for number, branch in enumerate(branches_of(step)):
            places |= _places(branch, f"first in branch {number} of '{step['id']}'")
    return places


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for step_id, place in after.items():
        if before.get(step_id, place) != place:
            yield f"  step '{step_id}' is now {place} (was {before[step_id]})"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            yield f"- {key} is gone (was {before[key]})"
        elif key not in before:
            yield f"+ {key}: {after[key]}"
        elif before[key] != after[key]:
            yield f"  {key}: {before[key]} → {after[key]}"


def _flat(data: Data, way: str = "") -> dict[str, str]:
    """`trigger.type` → its value in words, for everything but the steps."""
    flat: dict[str, str] = {}
    for key, value in sorted(data.items()):
        if key == "steps":
            continue
        if isinstance(value, Mapping) and key not in WHOLE:
            flat |= _flat(value, f"{way}{key}.")
        else:
            flat[f"{way}{key}"] = _shown(key, value)
    return flat


def _shown(key: str, value: Any) -> str:
    if key in CONDITIONS:
        value = text_of(read_condition(value))
    elif key == "levels":
        value = ", ".join(f"after {level['after']} {level['assign']}" for level in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    line = " ".join(text.split()) or "nothing"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _texts(old: Messages, new: Messages) -> Iterator[str]:
    before, after = _by_file(old), _by_file(new)
    for file in sorted({*before, *after}):
        if file not in after:
            yield f"- message {file} is not used any more"
        elif file not in before:
            yield f"+ message {file} is new"
        elif before[file] != after[file]:
            yield f"  message {file}:"
            yield from _lines(before[file], after[file])


def _by_file(messages: Messages) -> dict[str, str]:
    return {
        message_file(template_id, language): text
        for template_id, languages in messages.items()
        for language, text in languages.items()
    }


def _lines(before: str, after: str) -> Iterator[str]:
    found = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    for line in list(found)[2:]:
        if not line.startswith("@@"):
            yield f"    {line[0]} {line[1:]}"
