"""The coordinator's tasks, asked for and changed outside of any instance's own course."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peewee import Database

from coopflow.core.instants import format_instant
from coopflow.core.model import Task
from coopflow.core.states import TaskStatus
from coopflow.errors import NotFound
from coopflow.store import case_sql as sql
from coopflow.store import rows


class Desk:
    """The tasks of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, task_id: int) -> Task:
        """One task by its id."""
        row = self._db.execute_sql(f"{sql.TASKS} WHERE task_id = ?", (task_id,)).fetchone()
        if row is None:
            raise NotFound(f"there is no task {task_id}; list them with: coopflow task list")
        return rows.task_of(row)

    def tasks(
        self,
        *,
        status: TaskStatus | None = TaskStatus.OPEN,
        family_id: str | None = None,
        assignee: str | None = None,
        due_before: datetime | None = None,
    ) -> list[Task]:
        """Tasks, most urgent first: high priority, then the earliest due date."""
        wanted: dict[str, Any] = {
            "status = ?": status,
            "family_id = ?": family_id,
            "assignee = ?": assignee,
            "due_date < ?": due_before and format_instant(due_before),
        }
        asked = {clause: value for clause, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(asked)}" if asked else ""
        order = "ORDER BY priority = 'high' DESC, priority = 'normal' DESC, due_date IS NULL, due_date, task_id"
        return [
            rows.task_of(row) for row in self._db.execute_sql(f"{sql.TASKS} {where} {order}", tuple(asked.values()))
        ]

    def to_escalate(self, *, now: datetime) -> Sequence[tuple[int, int]]:
        """(task_id, instance_id) of the open tasks whose time to go up a level has come."""
        found = self._db.execute_sql(
            "SELECT task_id, instance_id FROM coordinator_tasks WHERE status = 'open' AND escalate_at <= ?"
            " ORDER BY escalate_at",
            (format_instant(now),),
        )
        return [(row[0], row[1]) for row in found]

    def save(self, task: Task) -> None:
        """Write a task back."""
        self._db.execute_sql(sql.SAVE_TASK, rows.task_change(task))
