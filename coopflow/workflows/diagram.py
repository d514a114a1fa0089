"""A workflow as a picture: in a terminal from top to bottom, or as Mermaid for a wiki."""

from collections.abc import Iterator

from coopflow.core.conditions import text_of
from coopflow.core.workflow import ConditionStep, ParallelStep, RecommendedStep, Step, TaskStep, WaitStep, Workflow
from coopflow.workflows.arrows import Arrow, arrows, begins, does
from coopflow.workflows.mermaid import mermaid

__all__ = ["mermaid", "text"]

SIGNS: tuple[tuple[type[Step], str], ...] = (
    (ConditionStep, "◆"),
    (WaitStep, "○"),
    (TaskStep, "■"),
    (ParallelStep, "╪"),
    (RecommendedStep, "╪"),
)


def text(workflow: Workflow) -> str:
    """The steps from top to bottom, each with where it leads if that is not simply the next."""
    lines = [f"{workflow.name} v{workflow.version}", begins(workflow)]
    if workflow.completion_criteria is not None:
        lines.append(f"ends at any moment, if {text_of(workflow.completion_criteria)}")
    return "\n".join([*lines, "", *_list(workflow, workflow.first)])


def _list(workflow: Workflow, first: str) -> Iterator[str]:
    """One list of steps, from its first on."""
    step: Step | None = workflow.steps[first]
    while step is not None:
        follower = workflow.steps[step.next] if step.next else None
        falls_through = follower is not None and any(arrow.to == follower.id for arrow in arrows(step))
        bar = "│" if falls_through else " "
        yield f"{_sign(step)} {step.id}: {_one_line(step.name)} [{_one_line(does(step))}]{_remarks(step)}"
        yield from (f"{bar}   {line}" for line in _inside(workflow, step))
        yield from (f"{bar}   {_arrow(arrow)}" for arrow in arrows(step) if arrow.when)
        if follower is not None:
            yield f"│ {follower.delay} later" if falls_through and follower.delay else bar.rstrip()
        step = follower


def _inside(workflow: Workflow, step: Step) -> Iterator[str]:
    """The branches of a step, each a list of its own."""
    match step:
        case ParallelStep():
            named = [(f"branch {number}", first) for number, first in enumerate(step.branches)]
        case RecommendedStep():
            named = [(f"recommended: {action}", first) for action, first in step.actions.items()]
        case _:
            return
    for name, first in named:
        yield f"┌ {name}"
        yield from (f"│ {line}" for line in _list(workflow, first))
        yield "└"


def _arrow(arrow: Arrow) -> str:
    return f"{arrow.when} → {arrow.words or arrow.to or 'the end'}"


def _sign(step: Step) -> str:
    return next((sign for kind, sign in SIGNS if isinstance(step, kind)), "●")


def _remarks(step: Step) -> str:
    remarks = []
    if step.approval:
        remarks.append("after approval")
    if step.only_if is not None:
        remarks.append(f"only if {text_of(step.only_if)}")
    return f" ({'; '.join(remarks)})" if remarks else ""


def _one_line(words: str) -> str:
    return " ".join(words.split())
