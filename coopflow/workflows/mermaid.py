"""A workflow as a Mermaid flowchart. Whatever a file calls its steps is only ever text in it."""

from collections.abc import Iterator, Mapping

from coopflow.core.workflow import (
    ConditionStep,
    EndStep,
    ParallelStep,
    RecommendedStep,
    Step,
    TaskStep,
    WaitStep,
    Workflow,
)
from coopflow.workflows.arrows import Arrow, arrows, begins, does

SHAPES: tuple[tuple[type[Step], str, str], ...] = (
    (ConditionStep, "{", "}"),
    (WaitStep, "([", "])"),
    (TaskStep, "[/", "/]"),
    (EndStep, "((", "))"),
    (ParallelStep, "[[", "]]"),
    (RecommendedStep, "[[", "]]"),
)
PLAIN = frozenset(" .,:;!?()/+*=_-'→")  # beside letters and digits; all else is written as a number


def mermaid(workflow: Workflow) -> str:
    """The flowchart's source."""
    nodes = {step_id: f"s{number}" for number, step_id in enumerate(workflow.steps, start=1)}
    lines = ["flowchart TD", f"  begin([{_label(workflow.name, begins(workflow))}]) --> {nodes[workflow.first]}"]
    lines += [f"  {nodes[step.id]}{_shape(step)}" for step in workflow.steps.values()]
    for step in workflow.steps.values():
        lines += _ways(step, nodes)
    return "\n".join(lines) + "\n"


def _ways(step: Step, nodes: Mapping[str, str]) -> Iterator[str]:
    here = nodes[step.id]
    for name, first in _branches(step):
        yield f"  {here} ==>|{_label(name)}| {nodes[first]}"
    for number, arrow in enumerate(arrows(step)):
        line = "-.->" if arrow.when == "if it fails" else "-->"
        when = f"|{_label(arrow.when)}|" if arrow.when else ""
        if arrow.to is not None:
            yield f"  {here} {line}{when} {nodes[arrow.to]}"
        elif words := _end(step, arrow):
            yield f"  {here} {line}{when} {here}e{number}([{_label(words)}])"


def _end(step: Step, arrow: Arrow) -> str:
    """Where an arrow leads that leads to no step; the end of a branch needs no words."""
    return arrow.words or ("" if step.parent else "the end")


def _branches(step: Step) -> list[tuple[str, str]]:
    match step:
        case ParallelStep():
            return [(f"branch {number}", first) for number, first in enumerate(step.branches)]
        case RecommendedStep():
            return list(step.actions.items())
        case _:
            return []


def _shape(step: Step) -> str:
    begin, end = next(((left, right) for kind, left, right in SHAPES if isinstance(step, kind)), ("[", "]"))
    later = f"{step.delay} later: " if step.delay else ""
    return f"{begin}{_label(step.name, f'{later}{does(step)}')}{end}"


def _label(*lines: str) -> str:
    return f'"{"<br/>".join(_escaped(line) for line in lines)}"'


def _escaped(words: str) -> str:
    line = " ".join(words.split())
    return "".join(char if char.isalnum() or char in PLAIN else f"#{ord(char)};" for char in line)
