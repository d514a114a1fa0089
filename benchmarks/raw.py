"""The limit: raw sqlite3 writing the same rows into the same schema, in the same batches, and nothing else."""

import sqlite3
import time
from pathlib import Path

from coopflow.store.database import create, open_database

KEPT = ("workflow_templates", "families", "workflow_instances")
INSERTED = ("workflow_step_executions", "event_log", "event_personal", "coordinator_tasks")


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a run inserted."""
    connection = sqlite3.connect(path)
    found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in INSERTED}
    connection.close()
    return found


def replay(folder: Path, source: Path, batch: int) -> float:
    """Write the rows of `source` into a fresh database, with two updates for each step; answer with the seconds."""
    rows = rows_of(source)
    create(folder / "raw.db").close()
    with sqlite3.connect(source) as origin:
        kept = [(table, origin.execute(f"SELECT * FROM {table}").fetchall()) for table in KEPT]
    db = open_database(folder / "raw.db")
    connection = db.connection()
    for table, values in kept:
        _insert(connection, table, values)
    instances = kept[-1][1]
    personal = {row[0]: row for row in rows.pop("event_personal")}
    steps = len(rows["workflow_step_executions"])
    batches = max(1, steps // batch)
    started = time.perf_counter()
    for number in range(batches):
        connection.execute("BEGIN IMMEDIATE")
        for table, values in rows.items():
            share = values[number * len(values) // batches : (number + 1) * len(values) // batches]
            _insert(connection, table, share)
            if table == "event_log":
                _insert(connection, "event_personal", [personal[row[0]] for row in share if row[0] in personal])
        ids = [(row[0],) for row in instances[: steps // batches]]
        connection.executemany("UPDATE workflow_instances SET error_count = error_count WHERE instance_id = ?", ids)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    db.close()
    return seconds


def _insert(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
