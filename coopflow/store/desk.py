"""The coordinator's tasks, asked for and changed outside of any instance's own course."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from peewee import Database, Expression

from coopflow.core.instants import format_instant
from coopflow.core.model import Task
from coopflow.core.states import TaskStatus
from coopflow.errors import NotFound
from coopflow.store import case_sql as sql
from coopflow.store import rows

if TYPE_CHECKING:
    from coopflow.store.tables.desk import TaskRow

_TO_ESCALATE = (
    "SELECT task_id, instance_id FROM coordinator_tasks WHERE status = 'open' AND escalate_at <= ? ORDER BY escalate_at"
)


class Desk:
    """The tasks of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, task_id: int) -> Task:
        """One task by its id."""
        from coopflow.store.tables.desk import TaskRow  # a tick asks for no list, and does without the models

        found = [_task(row) for row in TaskRow.select().where(TaskRow.task_id == task_id).execute(self._db)]
        if not found:
            raise NotFound(f"there is no task {task_id}; list them with: coopflow task list")
        return found[0]

    def tasks(
        self,
        *,
        status: TaskStatus | None = TaskStatus.OPEN,
        family_id: str | None = None,
        assignee: str | None = None,
        due_before: datetime | None = None,
    ) -> list[Task]:
        """Tasks, most urgent first: high priority, then the earliest due date."""
        from coopflow.store.tables.desk import TaskRow

        wanted: list[Expression] = []
        if status is not None:
            wanted.append(TaskRow.status == status)
        if family_id is not None:
            wanted.append(TaskRow.family_id == family_id)
        if assignee is not None:
            wanted.append(TaskRow.assignee == assignee)
        if due_before is not None:
            wanted.append(TaskRow.due_date < due_before)
        query = TaskRow.select().order_by(
            (TaskRow.priority == "high").desc(),
            (TaskRow.priority == "normal").desc(),
            TaskRow.due_date.is_null(),
            TaskRow.due_date,
            TaskRow.task_id,
        )
        return [_task(row) for row in (query.where(reduce(and_, wanted)) if wanted else query).execute(self._db)]

    def instances_with(self, task_type: str, family_ids: Collection[str]) -> list[int]:
        """The instances of these families that have an open task of a type."""
        found = self._db.execute_sql(
            "SELECT DISTINCT instance_id FROM coordinator_tasks WHERE status = 'open' AND task_type = ?"
            " AND instance_id IS NOT NULL AND family_id IN (SELECT value FROM json_each(?)) ORDER BY 1",
            (task_type, json.dumps(sorted(family_ids))),
        )
        return [row[0] for row in found]

    def to_escalate(self, *, now: datetime) -> Sequence[tuple[int, int]]:
        """(task_id, instance_id) of the open tasks whose time to go up a level has come."""
        return [(row[0], row[1]) for row in self._db.execute_sql(_TO_ESCALATE, (format_instant(now),))]

    def add(self, task: Task) -> int:
        """Put a task that belongs to no instance on the desk; answer with its id."""
        return int(self._db.execute_sql(sql.ADD_TASK, rows.task_row(task)).lastrowid)

    def save(self, task: Task) -> None:
        """Write a task back."""
        self._db.execute_sql(sql.SAVE_TASK, rows.task_change(task))


def _task(row: "TaskRow") -> Task:
    """The columns of the table are the fields of the value."""
    return Task(**row.__data__)
