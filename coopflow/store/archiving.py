"""Finished instances go from one database into another of the same form: first they are there, then not here any more.

Copied and deleted in two transactions, each in one file: a crash in between leaves a batch in both, and the next run
copies it once more over itself. The event log is never moved; a copy of an instance's entries goes along.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from peewee import Database

from coopflow.errors import DatabaseUnusable
from coopflow.store.failures import translating

# Finished before then, and nothing of them is open. Ids are counted up from the highest, so its row stays.
_PURGEABLE = """
SELECT i.instance_id FROM workflow_instances i
WHERE i.completed_at < :before
  AND NOT EXISTS (SELECT 1 FROM workflow_step_executions x
                  WHERE x.instance_id = i.instance_id AND x.completed_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM coordinator_tasks k WHERE k.instance_id = i.instance_id AND k.status = 'open')
  AND i.instance_id <> (SELECT MAX(instance_id) FROM workflow_instances)
  AND i.instance_id NOT IN (SELECT instance_id FROM workflow_step_executions
                            WHERE execution_id = (SELECT MAX(execution_id) FROM workflow_step_executions))
  AND i.instance_id NOT IN (SELECT COALESCE(instance_id, 0) FROM coordinator_tasks
                            WHERE task_id = (SELECT MAX(task_id) FROM coordinator_tasks))
ORDER BY i.instance_id LIMIT :limit
"""
_BATCH = "(SELECT value FROM json_each(:ids))"
_OF_BATCH = f"instance_id IN {_BATCH}"
_ENTRIES = f"event_id IN (SELECT event_id FROM main.event_log WHERE {_OF_BATCH})"
# What goes along so that an instance can be looked at in the archive; it stays here too.
_ALONG = {
    "workflow_templates": f"template_id IN (SELECT template_id FROM main.workflow_instances WHERE {_OF_BATCH})",
    "families": f"family_id IN (SELECT family_id FROM main.workflow_instances WHERE {_OF_BATCH})",
}
_MOVED = {  # in the order in which they refer to each other
    "workflow_instances": _OF_BATCH,
    "workflow_step_executions": _OF_BATCH,
    "coordinator_tasks": _OF_BATCH,
}
_APPENDED = {"event_log": _OF_BATCH, "event_personal": _ENTRIES}  # never changed once they are there


def purgeable(db: Database, before: str, *, limit: int) -> list[int]:
    """The instances that may go, the oldest number first."""
    return [row[0] for row in db.execute_sql(_PURGEABLE, {"before": before, "limit": limit}).fetchall()]


@contextmanager
def attached(db: Database, archive: Path) -> Iterator[None]:
    """Both files in one connection for a while; the archive must be of the same version."""
    connection = db.connection()
    with translating(archive):
        connection.execute("ATTACH DATABASE ? AS archive", (str(archive),))
        try:
            (durable,) = connection.execute("PRAGMA main.synchronous").fetchone()
            connection.execute(f"PRAGMA archive.synchronous = {int(durable):d}")
            yield
        finally:
            connection.execute("DETACH DATABASE archive")


def copy_over(db: Database, ids: Sequence[int]) -> None:
    """Write a batch into the archive, over what an interrupted run left of it; inside a transaction of its own."""
    given = {"ids": json.dumps(list(ids))}
    for table, which in {**_ALONG, **_MOVED}.items():
        columns, key = _columns(db, table)
        named = ", ".join(columns)
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
        db.execute_sql(
            f"INSERT INTO archive.{table} ({named}) SELECT {named} FROM main.{table} WHERE {which}"
            f" ON CONFLICT ({key}) DO UPDATE SET {changes}",
            given,
        )
    for table, which in _APPENDED.items():
        named = ", ".join(_columns(db, table)[0])
        db.execute_sql(
            f"INSERT OR IGNORE INTO archive.{table} ({named}) SELECT {named} FROM main.{table} WHERE {which}", given
        )


def take_out(db: Database, ids: Sequence[int]) -> None:
    """Delete a batch here, after making sure that all of it is there; inside a transaction of its own."""
    given = {"ids": json.dumps(list(ids))}
    moved = {**_MOVED, "event_personal": _ENTRIES}
    for table, which in moved.items():
        columns, _ = _columns(db, table)
        named = ", ".join(columns)
        missing = db.execute_sql(
            f"SELECT 1 FROM (SELECT {named} FROM main.{table} WHERE {which}"
            f" EXCEPT SELECT {named} FROM archive.{table}) LIMIT 1",
            given,
        ).fetchone()
        if missing:
            raise DatabaseUnusable(f"the archive does not hold all rows of {table}; nothing was taken out")
    for table, which in reversed(moved.items()):
        db.execute_sql(f"DELETE FROM main.{table} WHERE {which}", given)


def _columns(db: Database, table: str) -> tuple[list[str], str]:
    """The columns of a table, and which of them names a row."""
    rows = db.execute_sql(f"PRAGMA main.table_info({table})").fetchall()
    return [row[1] for row in rows], next(row[1] for row in rows if row[5])
