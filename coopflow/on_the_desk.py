"""The coordinator's desk as rows: what is open, who it is about, how each task is closed, and the story behind one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core import desk
from coopflow.core.case import Case
from coopflow.core.decide import action_text
from coopflow.core.model import Family, Task
from coopflow.core.states import TaskStatus
from coopflow.core.wording import did_you_mean, shown
from coopflow.core.zones import zone_or
from coopflow.errors import NotFound
from coopflow.store.store import Store

Row = Mapping[str, Any]

RECENT_MESSAGES = 5


class TaskStory(Struct, frozen=True, kw_only=True):
    """One task with what a person wants to know before they pick up the phone."""

    task: Task
    row: Row
    family: Family
    case: Case | None
    recommended: Sequence[str]
    messages: Sequence[Row]  # to the family, the latest last
    earlier: Sequence[Row]  # tasks of the same instance that are closed


def desk_rows(
    store: Store,
    *,
    closed_too: bool = False,
    family_id: str | None = None,
    assignee: str | None = None,
    due_before: datetime | None = None,
) -> list[Row]:
    """Tasks as `task list` shows them, the most urgent first."""
    status = None if closed_too else TaskStatus.OPEN
    tasks = store.desk.tasks(status=status, family_id=family_id, assignee=assignee, due_before=due_before)
    families = store.families({task.family_id for task in tasks}, scores=False)
    ids = sorted({task.instance_id for task in tasks if task.instance_id is not None and _is_open(task)})
    cases = {case.instance.instance_id: case for case in store.cases.load(ids)} if ids else {}
    return [_row(task, families[task.family_id], cases.get(task.instance_id or 0)) for task in tasks]


def task_story(store: Store, task_id: int) -> TaskStory:
    """Everything about one task, open or closed."""
    task = store.desk.get(task_id)
    family = store.families([task.family_id], scores=False)[task.family_id]
    case = None if task.instance_id is None else store.cases.load([task.instance_id])[0]
    advice = [] if case is None else case.instance.context.get("recommendations") or []
    others = [] if task.instance_id is None else store.looking.tasks(task.instance_id)
    return TaskStory(
        task=task,
        row=_row(task, family, case if _is_open(task) else None),
        family=family,
        case=case,
        recommended=[action_text(item) for item in advice],
        messages=store.looking.messages(family.family_id, limit=RECENT_MESSAGES)[::-1],
        earlier=[row for row in others if row["task_id"] != task_id and row["completed_at"] is not None],
    )


def the_coordinator(store: Store, name: str) -> str:
    """The coordinator with this name, as the configuration spells it."""
    known = {known.lower(): known for known in (*store.coop.coordinators, store.coop.coordinator)}
    found = known.get(name.strip().lower())
    if found is None:
        names = list(dict.fromkeys(known.values()))
        raise NotFound(
            f"there is no coordinator {shown(name)}{did_you_mean(name, names)}; coopflow.yaml names {', '.join(names)}"
        )
    return found


def as_document(story: TaskStory) -> dict[str, Any]:
    """A task's story for programs."""
    family = story.family
    return {
        **story.row,
        "status": story.task.status,
        "created_date": story.task.created_date,
        "completed_at": story.task.completed_at,
        "outcome": story.task.outcome,
        "notes": story.task.notes,
        "workflow": story.case.workflow.name if story.case else None,
        "family": {key: getattr(family, key) for key in ("family_id", "family_name", "phone", "email", "time_zone")},
        "recommended": list(story.recommended),
        "messages": [{key: row[key] for key in _MESSAGE} for row in story.messages],
        "earlier": [{key: row[key] for key in _EARLIER} for row in story.earlier],
    }


_MESSAGE = ("started_at", "channel", "step_name", "status", "instance_id", "workflow", "input_data", "error_message")
_EARLIER = ("task_id", "task_type", "description", "status", "outcome", "notes", "assignee", "completed_at")


def time_there(story: TaskStory, *, now: datetime, tz: ZoneInfo) -> datetime | None:
    """The family's own clock, where it is not the co-op's."""
    there = zone_or(story.family.time_zone, tz)
    return now.astimezone(there) if now.astimezone(there).utcoffset() != now.astimezone(tz).utcoffset() else None


def _is_open(task: Task) -> bool:
    return task.status is TaskStatus.OPEN


def _row(task: Task, family: Family, case: Case | None) -> Row:
    own = None if case is None else next((found for found in case.tasks if found.task_id == task.task_id), None)
    return {
        "task_id": task.task_id,
        "due_date": task.due_date,
        "priority": task.priority,
        "family_id": task.family_id,
        "family_name": family.family_name,
        "task_type": task.task_type,
        "description": task.description,
        "assignee": task.assignee,
        "instance_id": task.instance_id,
        "outcomes": list(desk.outcomes_of(case, own)) if case and own else [],
        "status": task.status,
        "outcome": task.outcome,
    }
