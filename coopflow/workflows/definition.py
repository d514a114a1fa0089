"""One workflow file: from its bytes to a checked definition, or to every problem in it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from msgspec import Struct
from pydantic import ValidationError

from coopflow.core.consent import OUTREACH, TRANSACTIONAL
from coopflow.core.reading import read_workflow
from coopflow.core.workflow import Workflow
from coopflow.problems import Problem, ProblemsFound
from coopflow.schema_problems import problems_from_pydantic
from coopflow.strict_yaml import Source, read_yaml
from coopflow.workflows.calling_checks import check_calls
from coopflow.workflows.canonical import all_steps, canonical
from coopflow.workflows.condition_checks import check_conditions, check_trigger_event
from coopflow.workflows.graph import check_circles, check_order, check_reach
from coopflow.workflows.jumps import check_jumps
from coopflow.workflows.known import Known
from coopflow.workflows.outline import Outline, outline
from coopflow.workflows.rule_checks import check_rules
from coopflow.workflows.schema import WorkflowFile
from coopflow.workflows.text_checks import Messages, check_texts, kind_of, used_messages


class Definition(Struct, frozen=True, kw_only=True):
    """A workflow as its file has it: good throughout, in one canonical form."""

    name: str
    data: Mapping[str, Any]
    messages: Messages
    active: bool
    source_path: str
    source_hash: str  # of what it means: comments, layout and the order of keys are no part of it

    def workflow(self, *, template_id: int = 0, version: int = 1) -> Workflow:
        """The same as core values; without a template_id, for looking at only."""
        return read_workflow(self.data, self.messages, template_id=template_id, version=version, active=self.active)


class FileReading(Struct, frozen=True, kw_only=True):
    """What became of one file."""

    path: str
    name: str | None  # as far as it can be told, even of a file that is refused
    definition: Definition | None
    problems: tuple[Problem, ...]
    source: Source | None  # None: not even YAML
    starts: tuple[tuple[tuple[str | int, ...], str], ...] = ()  # where it starts which other workflows


def read_definition(content: bytes | str, *, path: str, known: Known, messages: Messages) -> FileReading:
    """Read one file. There is a definition unless a problem is more than a warning."""
    try:
        source = read_yaml(content, path=path)
    except ProblemsFound as found:
        return FileReading(path=path, name=None, definition=None, problems=found.problems, source=None)
    if not isinstance(source.data, dict):
        problem = source.problem(
            (), "a workflow file holds keys such as name:, trigger: and steps:; found something else"
        )
        return FileReading(path=path, name=None, definition=None, problems=(problem,), source=source)
    steps = outline(source.data)
    checked, problems = _checked(source)
    problems += _elsewhere(problems, _across(steps, source, known, messages))
    if all(
        found.warning for found in problems
    ):  # otherwise a step may seem out of reach because of a mistake elsewhere
        problems += check_reach(steps, source, _on_failure(source))
        problems += check_order(steps, source, _on_failure(source))
    definition = _definition(checked, messages, path) if checked and all(found.warning for found in problems) else None
    name = source.data.get("name")
    return FileReading(
        path=path,
        name=name if isinstance(name, str) else None,
        definition=definition,
        problems=tuple(sorted(dict.fromkeys(problems))),
        source=source,
        starts=tuple(_starts(steps)),
    )


def hash_of(data: Mapping[str, Any], messages: Messages, *, active: bool) -> str:
    """The fingerprint of what a definition means."""
    text = json.dumps([data, messages, active], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(source: Source) -> tuple[WorkflowFile | None, list[Problem]]:
    try:
        return WorkflowFile.model_validate(source.data), []
    except ValidationError as error:
        return None, problems_from_pydantic(error, source, WorkflowFile)


def _across(steps: Outline, source: Source, known: Known, messages: Messages) -> list[Problem]:
    return [
        *check_rules(steps, source, known),
        *check_jumps(steps, source),
        *check_circles(steps, source, _on_failure(source)),
        *check_trigger_event(source, known),
        *check_conditions(steps, source, known),
        *check_texts(steps, source, known, messages),
        *check_calls(steps, source, known),
    ]


def _elsewhere(told: Iterable[Problem], problems: Iterable[Problem]) -> list[Problem]:
    """What is not told already: where the schema refuses a value, there is no more to say about it."""
    places = {(problem.line, problem.column) for problem in told}
    return [problem for problem in problems if (problem.line, problem.column) not in places]


def _on_failure(source: Source) -> str:
    escalation = source.data.get("escalation")
    return str(escalation.get("on_failure", "hold")) if isinstance(escalation, dict) else "hold"


def _definition(checked: WorkflowFile, messages: Messages, path: str) -> Definition:
    data = canonical(checked)
    _say_kinds(data, messages)
    used = used_messages(all_steps(data["steps"]), messages)
    return Definition(
        name=checked.name,
        data=data,
        messages=used,
        active=checked.enabled,
        source_path=path,
        source_hash=hash_of(data, used, active=checked.enabled),
    )


def _say_kinds(data: Mapping[str, Any], messages: Messages) -> None:
    """Write into each step that does not say it what kind its message template is, where that is not the usual one."""
    for step in cast("Iterator[dict[str, Any]]", all_steps(data["steps"])):
        if step.get("kind") == OUTREACH:
            del step["kind"]
        elif "kind" not in step and "template_id" in step and kind_of(step["template_id"], messages) != OUTREACH:
            step["kind"] = TRANSACTIONAL


def _starts(steps: Outline) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for spot in steps.spots:
        name = spot.data.get("workflow")
        if spot.type == "start" and isinstance(name, str):
            yield (*spot.loc, "workflow"), name
