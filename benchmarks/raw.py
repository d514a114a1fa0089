"""The limit: raw sqlite3 writing the same rows into the same schema, in the same batches, and nothing else."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from coopflow.store.database import create, open_database

Cells: TypeAlias = tuple[object, ...]

KEPT = ("workflow_templates", "families")  # there before the clock starts, as are the instances and their branches
INSERTED = ("workflow_step_executions", "event_log", "event_personal", "coordinator_tasks")
MOVE_ON = (
    "UPDATE workflow_instances SET current_step = 'next', next_execution_at = trigger_date WHERE instance_id = ?",
    "UPDATE workflow_queue SET step_id = 'next', visit = visit + 1, scheduled_for = created_date WHERE instance_id = ?",
)


class Replay:
    """What a run of coopflow has written, read into memory, to be written again."""

    def __init__(self, source: Path, target: Path) -> None:
        """`source`: the database after the run; beside it, `before.db` is what it was when the clock started."""
        create(target).close()
        self._db = open_database(target)
        self._connection = self._db.connection()
        before = sqlite3.connect(source.with_name("before.db"))
        self._connection.execute("BEGIN IMMEDIATE")
        for table in (*KEPT, "workflow_instances", "workflow_queue", *INSERTED):
            _insert(self._connection, table, before.execute(f"SELECT * FROM {table}").fetchall())
        self._connection.execute("COMMIT")
        self._ids = [(row[0],) for row in before.execute("SELECT instance_id FROM workflow_instances")]
        after = sqlite3.connect(source)
        self._rows = {
            table: after.execute(f"SELECT * FROM {table} WHERE rowid > ?", (_last(before, table),)).fetchall()
            for table in INSERTED
        }
        self.steps = len(self._rows["workflow_step_executions"])

    def write(self, at_once: int) -> None:
        """Write all rows, of so many steps in one transaction."""
        for number, rows in enumerate(self._batches(at_once)):
            self._connection.execute("BEGIN IMMEDIATE")
            for table, share in rows.items():
                _insert(self._connection, table, share)
            first = number * at_once % len(self._ids)
            for statement in MOVE_ON:
                self._connection.executemany(statement, self._ids[first : first + at_once])
            self._connection.execute("COMMIT")

    def _batches(self, at_once: int) -> Iterator[dict[str, list[Cells]]]:
        """The rows in the parts in which they are written; what belongs to an entry goes with it."""
        count = -(-self.steps // at_once)
        apart = {row[0]: row for row in self._rows["event_personal"]}
        for number in range(count):
            part = {
                table: rows[number * len(rows) // count : (number + 1) * len(rows) // count]
                for table, rows in self._rows.items()
            }
            yield {**part, "event_personal": [apart[row[0]] for row in part["event_log"] if row[0] in apart]}


def _last(connection: sqlite3.Connection, table: str) -> int:
    """The number of a table's last row."""
    (number,) = connection.execute(f"SELECT COALESCE(MAX(rowid), 0) FROM {table}").fetchone()
    return int(number)


def _insert(connection: sqlite3.Connection, table: str, rows: list[Cells]) -> None:
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
