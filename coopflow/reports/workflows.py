"""Workflows as a coordinator reads them: the list of all, and one of them in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coopflow.adopting import Adoption
from coopflow.core.conditions import text_of
from coopflow.core.model import Coop
from coopflow.core.placing import LATE_EMAIL, LATE_TEXT, reaches_people, too_late_after
from coopflow.core.workflow import OnFailure, Step, Workflow
from coopflow.reports.words import counted, joined, times
from coopflow.store.store import Store
from coopflow.store.templates import StoredVersion
from coopflow.workflows.arrows import PERSON, arrows, begins, does

USUAL_LATENESS = (LATE_EMAIL, LATE_TEXT)
AFTER_FAILURE = {
    "continue": "the next step follows",
    "fail": "the run ends as failed",
    "hold": PERSON,
}


def overview(store: Store) -> list[dict[str, Any]]:
    """One row a workflow: its newest version, and how many active instances each version has."""
    in_use = store.templates.in_use()
    return [
        {
            "name": version.name,
            "version": version.version,
            "active": version.active,
            "trigger": begins(workflow).removeprefix("starts "),
            "steps": len(workflow.steps),
            "instances": {f"v{number}": count for number, count in in_use.get(version.name, {}).items()},
            "source_path": version.source_path,
            "description": workflow.description,
        }
        for version, workflow in zip(store.templates.current_versions(), store.templates.current(), strict=True)
    ]


def as_document(store: Store, version: StoredVersion) -> dict[str, Any]:
    """One version as it is stored, with the active instances of every version."""
    return {
        "template_id": version.template_id,
        "version": version.version,
        "active": version.active,
        "source_path": version.source_path,
        "source_hash": version.source_hash,
        "created_date": version.created_date,
        **version.data,
        "messages": version.messages,
        "instances": {f"v{number}": count for number, count in _in_use(store, version.name).items()},
    }


def in_words(store: Store, version: StoredVersion) -> Iterator[str]:
    """What a version does, a line for each rule and each step."""
    workflow = store.templates.get(version.template_id)
    yield from filter(None, (f"{workflow.name} v{workflow.version}", " ".join(workflow.description.split())))
    yield _standing(version, _in_use(store, version.name))
    yield ""
    yield from (f"{rule[:1].upper()}{rule[1:]}." for rule in _rules(workflow, store.coop))
    yield ""
    yield "Steps"
    for number, step in enumerate(workflow.steps.values(), start=1):
        yield from _step(number, step, workflow)


def adoption_rows(adoptions: Sequence[Adoption], to: Workflow) -> Iterator[dict[str, Any]]:
    """One row a branch that would go on in another version, or a row for the instance that would not."""
    for found in adoptions:
        family = found.case.family if found.case else None
        row = {
            "instance_id": found.instance_id,
            "family_id": family and family.family_id,
            "family_name": family and family.family_name,
            "from_version": found.from_version,
            "to_version": to.version,
            "problem": found.problem and found.problem.removeprefix(f"instance {found.instance_id} "),
        }
        if found.problem:
            yield row
        for moved in found.moved:
            yield {**row, "step_id": moved.step_id, "planned": moved.before, "will_be": moved.after}


def _in_use(store: Store, name: str) -> Mapping[int, int]:
    return store.templates.in_use().get(name, {})


def _standing(version: StoredVersion, in_use: Mapping[int, int]) -> str:
    """Whether it starts anything, and what runs."""
    starts = "In force" if version.active else "Nothing starts from it"
    runs = [f"{counted(count, 'instance')} on v{number}" for number, count in in_use.items()]
    running = f"running: {joined(runs)}" if runs else "no instance is running"
    return f"{starts}; {running}; from {version.source_path}"


# -- its rules ------------------------------------------------------------------------------------------------------


def _rules(workflow: Workflow, coop: Coop) -> Iterator[str]:
    """What holds for the whole of it, in the order in which it matters."""
    yield begins(workflow)
    if workflow.trigger.cooldown:
        yield f"not again for the same family within {workflow.trigger.cooldown}"
    if workflow.trigger.group:
        yield f"only the most urgent matching workflow of the group {workflow.trigger.group} starts"
    most = workflow.max_concurrent_instances
    yield f"a family has at most {counted(most, 'run')} of it at a time; its priority is {workflow.priority} of 10"
    if workflow.completion_criteria is not None:
        yield f"ends at any moment, if {text_of(workflow.completion_criteria)}"
    yield f"reaches people in the window {workflow.window} ({coop.calendar.tz.key}, or the family's own time zone)"
    yield _again(workflow)
    yield f"if a step fails for good: {_after(workflow.on_failure)}"
    if workflow.escalation:
        levels = joined([f"to {level.assign} after {level.after}" for level in workflow.escalation])
        yield f"a task that nobody closes goes {levels}"


def _again(workflow: Workflow) -> str:
    policy = workflow.retry
    if not policy.max_retries:
        return "what fails for now is not tried again"
    grows = f", then {policy.backoff_multiplier:g} times as long each" if policy.backoff_multiplier != 1 else ""
    return (
        f"what fails for now is tried again {times(policy.max_retries)} at most,"
        f" first after {policy.initial_delay}{grows}, never more than {policy.max_delay} apart"
    )


def _after(failure: OnFailure) -> str:
    return AFTER_FAILURE.get(failure.action, f"→ {failure.step_id}")


# -- its steps ------------------------------------------------------------------------------------------------------


def _step(number: int, step: Step, workflow: Workflow) -> Iterator[str]:
    inside = f", in '{step.parent}'" if step.parent else ""
    yield f"{number:3}. {_one_line(step.name)} ({step.id}{inside}): {_one_line(does(step))}"
    yield from (f"       {remark}" for remark in _remarks(step, workflow))
    yield from (f"       {arrow.when} → {arrow.words or arrow.to or 'the end'}" for arrow in arrows(step) if arrow.when)


def _remarks(step: Step, workflow: Workflow) -> Iterator[str]:
    """When it happens, and under which conditions, as far as that is not what everybody expects."""
    if step.delay:
        yield f"{step.delay} after the step before"
    if step.scheduled_time:
        yield f"not before {step.scheduled_time}"
    if step.only_if is not None:
        yield f"only if {text_of(step.only_if)}, else it is skipped"
    if step.approval:
        yield "only after a person has said yes"
    if step.urgent:
        yield "urgent: at any hour that the law allows"
    elif step.window and (step.window != workflow.window or not reaches_people(step)):
        yield f"in the window {step.window}"
    late = too_late_after(step)
    if late is not None and late not in USUAL_LATENESS:
        yield f"a person decides if it is more than {late} late"
    if step.retry is not None and step.retry != workflow.retry:
        yield f"tried again {times(step.retry.max_retries)} at most, first after {step.retry.initial_delay}"


def _one_line(words: str) -> str:
    return " ".join(words.split())
