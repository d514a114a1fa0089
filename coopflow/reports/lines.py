"""A line for each instance: whose it is, at which step, since when, what it waits for, when next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.core.model import MAIN
from coopflow.core.states import Awaited
from coopflow.core.workflow import Step
from coopflow.reports.words import Row, waits_for, why_paused
from coopflow.store.store import Store

KEYS = (
    "instance_id",
    "family_id",
    "family_name",
    "workflow",
    "version",
    "status",
    "current_step",
    "step_name",
    "since",
    "waits_for",
    "next_execution_at",
    "triggered_by",
    "trigger_date",
    "completed_at",
    "outcome",
    "outcome_notes",
    "error_count",
    "last_error",
    "deadline",
)  # the names of the columns in every data format: a contract

Tasks = Mapping[tuple[int, str], int]  # (instance, branch) → the open task that the branch waits for


def lines(store: Store, instances: Sequence[Row], *, now: datetime) -> list[dict[str, Any]]:
    """The lines of these instances, in their order."""
    active = [row["instance_id"] for row in instances if row["completed_at"] is None]
    branches = store.looking.branches(active)
    tasks = store.looking.open_task_ids(active)
    steps = {id_: store.templates.get(id_).steps for id_ in {row["template_id"] for row in instances}}
    return [
        line(row, branches.get(row["instance_id"], ()), steps[row["template_id"]], tasks, now=now) for row in instances
    ]


def line(
    instance: Row, branches: Sequence[Row], steps: Mapping[str, Step], tasks: Tasks, *, now: datetime
) -> dict[str, Any]:
    """One instance's line."""
    main = next((branch for branch in branches if branch["branch"] == MAIN), None)
    step = steps.get(instance["current_step"] or "")
    return {
        **{key: instance.get(key) for key in KEYS},
        "step_name": step.name if step else None,
        "since": instance["completed_at"] or (main["arrived_at"] if main else instance["trigger_date"]),
        "waits_for": waiting(instance, branches, steps, tasks, now=now) or finished(instance),
    }


def waiting(
    instance: Row, branches: Sequence[Row], steps: Mapping[str, Step], tasks: Tasks, *, now: datetime
) -> str | None:
    """What brings the instance further, branch by branch when there are several; None when it is finished."""
    paused_because = why_paused(instance)
    open_ended = [branch for branch in branches if branch["awaits"] != Awaited.BRANCHES]
    found = []
    for branch in open_ended:
        step = steps.get(branch["step_id"])
        if step is None:  # one broken instance must not hide the others
            found.append(f"someone to mend it: its workflow has no step '{branch['step_id']}'")
            continue
        task_id = tasks.get((instance["instance_id"], branch["branch"]))
        words = waits_for(branch, step, task_id, paused_because=paused_because, now=now)
        found.append(words if len(open_ended) == 1 else f"'{step.name}': {words}")
    return "; ".join(found) or None


def finished(instance: Row) -> str | None:
    """How an instance ended; None while it has not."""
    parts = [str(part).replace("_", " ") for part in (instance["outcome"],) if part]
    return ": ".join([*parts, *filter(None, [instance["outcome_notes"]])]) if parts else None
