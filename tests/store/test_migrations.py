import os
import re
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import pytest

from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, Outcome, StepStatus, TaskStatus
from coopflow.errors import DatabaseUnusable
from coopflow.store.database import APPLICATION_ID, Database, open_database, problems
from coopflow.store.migrations import MIGRATIONS, upgrade, v0001
from coopflow.store.tables.every import ROWS
from coopflow.store.tables.fields import Row
from tests.faults.children import end_of, fork
from tests.store.processes import finish, run, start

NEXT: Sequence[str] = (
    "ALTER TABLE families ADD COLUMN nickname TEXT",
    "UPDATE families SET nickname = family_name",
    "CREATE INDEX families_by_nickname ON families (nickname)",
)
AT = "2026-03-02T06:00:00Z"
SMITHS = {
    "family_id": "0042",
    "family_name": "Smith",
    "status": "enrolled",
    "attributes": "{}",
    "consent": "{}",
    "created_date": AT,
    "updated_date": AT,
}
OUTREACH = {
    "template_id": 1,
    "template_name": "outreach",
    "description": "",
    "trigger_type": "prediction",
    "trigger_conditions": "{}",
    "steps": "[]",
    "max_concurrent_instances": 1,
    "priority": 5,
    "active": 1,
    "created_date": AT,
    "updated_date": AT,
    "version": 1,
    "messages": "{}",
}
RUN = {
    "instance_id": 1,
    "template_id": 1,
    "family_id": "0042",
    "triggered_by": "prediction_id:1",
    "trigger_date": AT,
    "status": "running",
    "created_date": AT,
    "context": "{}",
    "slot": "outreach:0",
    "start_key": "outreach|prediction_id:1|0042",
}
DONE = {"status": "completed", "completed_at": AT, "outcome": "success", "slot": None, "start_key": None}
ATTEMPT = {
    "instance_id": 1,
    "step_number": 0,
    "step_name": "First",
    "step_type": "email",
    "status": "running",
    "started_at": AT,
    "retry_count": 0,
    "created_date": AT,
    "branch": "main",
    "step_id": "first",
    "visit": 1,
    "message_id": "<m1@coop.example>",
    "idempotency_key": "k1",
}
ENTRY = {
    "instance_id": 1,
    "priority": 5,
    "status": "queued",
    "scheduled_for": AT,
    "created_date": AT,
    "step_id": "first",
    "branch": "main",
    "visit": 1,
    "awaits": "turn",
}
TASK = {
    "family_id": "0042",
    "task_type": "phone_call",
    "description": "Call them",
    "priority": "high",
    "status": "open",
    "created_date": AT,
}
EVENT = {
    "event_id": 1,
    "at": AT,
    "kind": "instance.started",
    "actor": "coopflow",
    "data": "{}",
    "prev_hash": "0" * 64,
    "hash": "f" * 64,
}
PERSONAL = {"event_id": 1, "family_id": "0042", "salt": b"0123456789abcdef", "data": "{}"}
PREDICTION = {
    "prediction_id": "p1",
    "family_id": "9999",
    "predicted_probability": 0.87,
    "confidence_score": 82,
    "received_at": AT,
    "recommendations": "[]",
    "extra": "{}",
}
METRIC = {"family_id": "0042", "measured_at": AT, "engagement_score": 0.5}
ASSESSMENT = {"family_id": "0042", "assessed_at": AT, "withdrawal_risk": 0.5}


@pytest.fixture
def tables() -> sqlite3.Connection:
    """The tables, with a family, a workflow, a run and an entry of the log."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection)
    connection.execute("PRAGMA recursive_triggers = ON")
    for table, row in [
        ("families", SMITHS),
        ("workflow_templates", OUTREACH),
        ("workflow_instances", RUN),
        ("event_log", EVENT),
        ("event_personal", PERSONAL),
    ]:
        insert(connection, table, row)
    return connection


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object], **changes: object) -> None:
    given = {**row, **changes}
    columns, marks = ", ".join(given), ", ".join("?" * len(given))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(given.values()))  # noqa: S608


# -- what the tables are ------------------------------------------------------------------------------------------


def test_every_table_is_strict_and_has_its_model(tables: sqlite3.Connection) -> None:
    found = {name: strict for _, name, kind, _, _, strict in tables.execute("PRAGMA table_list") if kind == "table"}
    found.pop("sqlite_schema")
    found.pop("sqlite_temp_schema")
    assert found == dict.fromkeys((row.TABLE for row in ROWS), 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.TABLE)
def test_a_model_has_the_columns_of_its_table(tables: sqlite3.Connection, row: type[Row]) -> None:
    fields = row._meta.sorted_fields
    expected = {field.column_name: not field.null for field in fields}
    columns = {
        name: bool(not_null or key)
        for _, name, _, not_null, _, key in tables.execute(f"PRAGMA table_info({row.TABLE})")
    }
    assert columns == expected
    assert list(columns) == list(expected)


WORDS = [
    ("workflow_instances", "status", InstanceStatus),
    ("workflow_instances", "outcome", Outcome),
    ("workflow_step_executions", "status", StepStatus),
    ("workflow_queue", "status", EntryStatus),
    ("workflow_queue", "awaits", Awaited),
    ("coordinator_tasks", "status", TaskStatus),
]


@pytest.mark.parametrize(("table", "column", "words"), WORDS)
def test_the_tables_know_the_same_words_as_the_rules(
    tables: sqlite3.Connection, table: str, column: str, words: type[StrEnum]
) -> None:
    (sql,) = tables.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    listed = re.search(rf"CHECK \(({column} = [^)]+)\)", sql)
    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == [word.value for word in words]


def test_every_definition_explains_itself_to_whoever_opens_the_file(tables: sqlite3.Connection) -> None:
    (sql,) = tables.execute("SELECT sql FROM sqlite_master WHERE name = 'workflow_instances'").fetchone()
    assert "-- the id of the step that the main branch stands at" in sql


REFUSED: list[tuple[str, Mapping[str, object], dict[str, object]]] = [
    *(
        ("families", SMITHS, {"family_id": "1", "created_date": text})
        for text in ("2026-03-02 06:00:00", "", "soon", 5)
    ),
    ("families", SMITHS, {"family_id": "1", "created_date": "2026-03-02T06:00:00.5Z"}),
    ("families", SMITHS, {"family_id": "1", "created_date": "2026-03-02T06:00:00+00:00"}),
    ("families", SMITHS, {"family_id": "1", "created_date": None}),
    ("families", SMITHS, {"family_id": ""}),
    ("families", SMITHS, {"family_id": None}),
    ("families", SMITHS, {"family_id": "0042"}),
    ("families", SMITHS, {"family_id": "1", "attributes": "{"}),
    ("families", SMITHS, {"family_id": "1", "attributes": "[]"}),
    ("families", SMITHS, {"family_id": "1", "status": ""}),
    ("workflow_templates", OUTREACH, {"template_id": 2}),
    *(("workflow_templates", OUTREACH, {"template_id": 2, "version": 2, "priority": n}) for n in (0, 11, "high")),
    ("workflow_templates", OUTREACH, {"template_id": 2, "version": 0}),
    ("workflow_templates", OUTREACH, {"template_id": 2, "version": 2, "active": 2}),
    ("workflow_templates", OUTREACH, {"template_id": 2, "version": 2, "steps": "- id: first"}),
    ("workflow_templates", OUTREACH, {"template_id": 2, "version": 2, "trigger_type": "whim"}),
    ("workflow_templates", OUTREACH, {"template_id": 2, "version": 2, "max_concurrent_instances": 0}),
    ("workflow_instances", RUN, {"instance_id": 2, "start_key": None}),  # the slot is taken
    ("workflow_instances", RUN, {"instance_id": 2, "slot": "outreach:1"}),  # the same cause
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "slot": "outreach:1"}),  # finished, and keeps its slot
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "next_execution_at": AT}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "completed_at": None}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "outcome": None}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "outcome": "splendid"}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "status": "running"}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "family_id": "9999"}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "template_id": 9}),
    ("workflow_instances", RUN, {"instance_id": 2, **DONE, "error_count": -1}),
    ("workflow_step_executions", ATTEMPT, {"status": "sent"}),
    ("workflow_step_executions", ATTEMPT, {"status": "completed"}),
    ("workflow_step_executions", ATTEMPT, {"status": "completed", "completed_at": AT, "success": 0}),
    ("workflow_step_executions", ATTEMPT, {"status": "failed", "completed_at": AT, "success": 1}),
    ("workflow_step_executions", ATTEMPT, {"status": "skipped", "completed_at": AT, "success": 1}),
    ("workflow_step_executions", ATTEMPT, {"completed_at": AT}),
    ("workflow_step_executions", ATTEMPT, {"retry_count": -1}),
    ("workflow_step_executions", ATTEMPT, {"instance_id": 2}),
    ("workflow_step_executions", ATTEMPT, {"output_data": "null"}),
    ("workflow_queue", ENTRY, {"priority": 0}),
    ("workflow_queue", ENTRY, {"status": "due"}),
    ("workflow_queue", ENTRY, {"awaits": "luck"}),
    ("workflow_queue", ENTRY, {"max_attempts": 0}),
    ("workflow_queue", ENTRY, {"lease_owner": "host-1"}),
    ("workflow_queue", ENTRY, {"scheduled_for": float("nan"), "instance_id": 2}),
    ("coordinator_tasks", TASK, {"priority": "urgent"}),
    ("coordinator_tasks", TASK, {"status": "done"}),
    ("coordinator_tasks", TASK, {"completed_at": AT}),
    ("coordinator_tasks", TASK, {"family_id": "9999"}),
    ("ml_predictions", PREDICTION, {"predicted_probability": 87}),
    ("ml_predictions", PREDICTION, {"predicted_probability": float("nan")}),
    ("ml_predictions", PREDICTION, {"confidence_score": -1}),
    ("ml_predictions", PREDICTION, {"recommendations": "{}"}),
    ("family_engagement_metrics", METRIC, {"engagement_score": float("inf")}),
    ("family_engagement_metrics", METRIC, {"family_id": "9999"}),
    ("risk_assessments", ASSESSMENT, {"withdrawal_risk": float("-inf")}),
    ("event_log", EVENT, {"event_id": 0}),
    ("event_log", EVENT, {"event_id": 1}),
    ("event_log", EVENT, {"event_id": 2, "hash": "f" * 63}),
    ("event_log", EVENT, {"event_id": 2, "kind": ""}),
    ("event_log", EVENT, {"event_id": 2, "actor": None}),
    ("event_log", EVENT, {"event_id": 2, "data": "[1]"}),
    ("event_personal", PERSONAL, {"event_id": 2}),
    ("event_personal", PERSONAL, {"event_id": 1, "salt": b"short"}),
]


@pytest.mark.parametrize(("table", "row", "changes"), REFUSED)
def test_a_row_that_cannot_be_is_refused(
    tables: sqlite3.Connection, table: str, row: Mapping[str, object], changes: dict[str, object]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(tables, table, row, **changes)


ACCEPTED: list[tuple[str, Mapping[str, object], dict[str, object]]] = [
    ("workflow_instances", RUN, {"instance_id": 2, **DONE}),
    ("workflow_instances", RUN, {"instance_id": 2, "slot": "outreach:1", "start_key": None, "status": "paused"}),
    ("workflow_step_executions", ATTEMPT, {"status": "completed", "completed_at": AT, "success": 1}),
    ("workflow_step_executions", ATTEMPT, {"status": "skipped", "completed_at": AT}),
    ("workflow_templates", OUTREACH, {"version": 2, "template_id": 2, "default_timing": None, "retry_strategy": "{}"}),
    ("workflow_step_executions", ATTEMPT, {"input_data": None, "output_data": "{}"}),
    ("workflow_queue", ENTRY, {"scheduled_for": None, "status": "processing", "awaits": "send"}),
    ("coordinator_tasks", TASK, {"status": "withdrawn", "completed_at": AT}),
    ("ml_predictions", PREDICTION, {}),  # of a family that is not known
    ("family_engagement_metrics", METRIC, {}),
    ("risk_assessments", ASSESSMENT, {}),
]


@pytest.mark.parametrize(("table", "row", "changes"), ACCEPTED)
def test_a_row_that_can_be_is_accepted(
    tables: sqlite3.Connection, table: str, row: Mapping[str, object], changes: dict[str, object]
) -> None:
    insert(tables, table, row, **changes)


def test_a_message_has_at_most_one_attempt_that_is_live_or_was_accepted(tables: sqlite3.Connection) -> None:
    insert(tables, "workflow_step_executions", ATTEMPT, status="failed", completed_at=AT, success=0)
    insert(tables, "workflow_step_executions", ATTEMPT, idempotency_key="k2", retry_count=1)
    with pytest.raises(sqlite3.IntegrityError):
        insert(tables, "workflow_step_executions", ATTEMPT, idempotency_key="k3", retry_count=2)
    with pytest.raises(sqlite3.IntegrityError):
        insert(tables, "workflow_step_executions", ATTEMPT, message_id="<m2@coop.example>", idempotency_key="k2")


def test_an_instance_has_each_branch_once(tables: sqlite3.Connection) -> None:
    insert(tables, "workflow_queue", ENTRY)
    insert(tables, "workflow_queue", ENTRY, branch="main/split.0")
    with pytest.raises(sqlite3.IntegrityError):
        insert(tables, "workflow_queue", ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event_log SET actor = 'nobody'",
        "UPDATE event_log SET event_id = 7",
        "DELETE FROM event_log",
        "INSERT OR REPLACE INTO event_log SELECT event_id, at, kind, '7', 1, actor, data, hash, hash FROM event_log",
        'UPDATE event_personal SET data = \'{"name":"Jones"}\'',
    ],
)
def test_what_was_logged_stays_logged(tables: sqlite3.Connection, change: str) -> None:
    insert(tables, "event_log", EVENT, event_id=2)
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|can only be erased|FOREIGN KEY"):
        tables.execute(change)


def test_the_personal_part_can_be_erased(tables: sqlite3.Connection) -> None:
    assert tables.execute("DELETE FROM event_personal WHERE family_id = '0042'").rowcount == 1


@pytest.mark.parametrize("table", ["families", "workflow_templates", "workflow_instances"])
def test_nothing_disappears_because_something_else_does(tables: sqlite3.Connection, table: str) -> None:
    insert(tables, "workflow_queue", ENTRY)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        tables.execute(f"DELETE FROM {table}")  # noqa: S608


# -- from one version to the next ---------------------------------------------------------------------------------


NOW = len(MIGRATIONS)


@pytest.fixture
def old(made: Path) -> Path:
    """A database of today's version, with a family."""
    connection = sqlite3.connect(made)
    insert(connection, "families", SMITHS)
    connection.commit()
    connection.close()
    return made


def names(path: Path, table: str = "families") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
    connection.close()
    return found


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


def test_an_older_database_is_brought_up_to_date_and_kept_as_it_was(old: Path) -> None:
    before = names(old)
    db = open_database(old, migrations=(*MIGRATIONS, NEXT))
    assert db.execute_sql("SELECT nickname FROM families").fetchall() == [("Smith",)]
    assert db.connection().execute("PRAGMA foreign_keys").fetchone() == (1,)
    db.close()
    assert version(old) == NOW + 1
    kept = old.with_name(f"coopflow.db.version-{NOW}")
    assert (version(kept), names(kept)) == (NOW, before)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in old.parent.iterdir()) == ["coopflow.db", f"coopflow.db.version-{NOW}"]


def test_what_version_1_kept_is_there_in_todays_version(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    upgrade(connection, MIGRATIONS[:1])
    insert(connection, "families", SMITHS)
    connection.execute("INSERT INTO meta VALUES ('database_id', 'a')")
    connection.commit()
    before = connection.execute("SELECT * FROM families").fetchone()
    connection.close()
    open_database(path).close()
    assert version(path) == NOW
    assert [row[: len(before)] for row in names(path)] == [before]
    assert len(names(path)[0]) > len(before)


def test_what_families_had_opted_out_of_in_version_1_becomes_a_record_for_their_address(tmp_path: Path) -> None:
    path = tmp_path / "coopflow.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    upgrade(connection, MIGRATIONS[:1])
    said = '{"allowed": false, "at": "2026-01-05T09:00:00Z", "how": "hand", "by": "sarah"}'
    consent = f'{{"email": {said}, "sms": {{"allowed": true}}, "fax": {said}}}'
    insert(connection, "families", SMITHS, email="Smith@Example.org", phone=None, consent=consent)
    insert(connection, "families", SMITHS, family_id="1", email=None, phone="+12125550142", consent="{}")
    connection.execute("INSERT INTO meta VALUES ('database_id', 'a')")
    connection.commit()
    connection.close()
    open_database(path).close()
    rows = sqlite3.connect(path).execute("SELECT * FROM consent_records").fetchall()
    assert rows == [
        (1, "email", "smith@example.org", 0, "everything", "2026-01-05T09:00:00Z", "hand", "sarah", None, "0042", AT),
        (2, "sms", None, 1, "everything", AT, "hand", "coopflow", None, "0042", AT),
    ]


def test_a_database_that_is_up_to_date_is_not_copied(old: Path) -> None:
    open_database(old).close()
    assert [file.name for file in old.parent.iterdir()] == ["coopflow.db"]


def test_a_reader_does_not_bring_a_database_up_to_date(old: Path) -> None:
    with pytest.raises(
        DatabaseUnusable, match=f"has version {NOW}, this coopflow needs {NOW + 1}; any command that changes something"
    ):
        open_database(old, read_only=True, migrations=(*MIGRATIONS, NEXT))
    assert version(old) == NOW


@pytest.mark.parametrize("place", range(len(NEXT) + 1))
def test_a_migration_that_fails_anywhere_changes_nothing(old: Path, place: int) -> None:
    before = names(old)
    broken = (*NEXT[:place], "INSERT INTO recipes VALUES (1)", *NEXT[place:])
    with pytest.raises(sqlite3.OperationalError, match="no such table: recipes"):
        open_database(old, migrations=(*MIGRATIONS, broken))
    assert (version(old), names(old)) == (NOW, before)
    open_database(old).close()


def test_a_migration_that_loses_what_others_refer_to_is_undone(old: Path) -> None:
    connection = sqlite3.connect(old)
    insert(connection, "coordinator_tasks", TASK)
    connection.commit()
    connection.close()
    with pytest.raises(
        DatabaseUnusable, match="row 1 of coordinator_tasks refers to a row of families that is not there"
    ):
        open_database(old, migrations=(*MIGRATIONS, ("DELETE FROM families",)))
    assert len(names(old)) == 1


def test_a_damaged_database_is_not_brought_up_to_date(old: Path) -> None:
    connection = sqlite3.connect(old)  # its references are off, as in a database browser
    connection.execute("INSERT INTO risk_assessments VALUES (1, '9999', '2026-03-02T06:00:00Z', 0.5)")
    connection.commit()
    connection.close()
    with pytest.raises(
        DatabaseUnusable, match="is damaged, so it is not brought up to date: row 1 of risk_assessments"
    ):
        open_database(old, migrations=(*MIGRATIONS, NEXT))
    assert version(old) == NOW


UPGRADE_AND_DIE = """
import os, signal, sys
from coopflow.store import database
from coopflow.store.migrations import MIGRATIONS
last = int(sys.argv[2])
def watched(connection, migrations, *, before):
    seen = []
    def watch(statement):
        seen.append(statement)
        if len(seen) > last:
            os.kill(os.getpid(), signal.SIGKILL)
    connection.set_trace_callback(watch)
    return upgrade(connection, migrations, before=before)
upgrade, database.upgrade = database.upgrade, watched
database.open_database(sys.argv[1], migrations=(*MIGRATIONS, tuple(sys.argv[3:]))).close()
"""


def test_a_kill_anywhere_leaves_the_old_version_or_the_new(old: Path) -> None:
    before, last, code = names(old), 0, -signal.SIGKILL
    while code == -signal.SIGKILL and version(old) == NOW:
        assert names(old) == before
        code, said = run(UPGRADE_AND_DIE, old, last, *NEXT)
        last += 2
    assert (code, said) == (0, "") or code == -signal.SIGKILL
    assert last > len(NEXT)
    db = open_database(old, migrations=(*MIGRATIONS, NEXT))
    assert db.execute_sql("SELECT nickname FROM families").fetchall() == [("Smith",)]
    assert problems(db, thorough=True) == []
    db.close()


OPEN = """
import sys
from coopflow.store.database import open_database
from coopflow.store.migrations import MIGRATIONS
open_database(sys.argv[1], migrations=(*MIGRATIONS, tuple(sys.argv[2:]))).close()
"""


def test_of_two_processes_one_migrates_and_both_go_on(old: Path) -> None:
    both = [start(OPEN, old, *NEXT) for _ in range(2)]
    for process in both:
        finish(process)
    assert [process.returncode for process in both] == [0, 0]
    assert version(old) == NOW + 1
    assert version(old.with_name(f"coopflow.db.version-{NOW}")) == NOW


def test_the_tables_can_be_read_with_any_sqlite_browser(db: Database) -> None:
    other = sqlite3.connect(f"file:{db.path}?mode=ro", uri=True)
    assert other.execute("SELECT count(*) FROM workflow_instances").fetchone() == (0,)
    other.close()


def test_released_migrations_are_numbered_without_a_gap() -> None:
    modules = sorted(file.stem for file in Path(v0001.__file__).parent.glob("v*.py"))
    assert modules == [f"v{number:04}" for number in range(1, len(MIGRATIONS) + 1)]


def the_schema(version: int) -> tuple[dict[str, object], dict[str, object]]:
    """The indexes and triggers of a version, and the columns of its tables with what they refer to."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, MIGRATIONS[:version])
    parts = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL"))
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns: dict[str, object] = {
        table: [
            connection.execute(f"PRAGMA {asked}({table})").fetchall() for asked in ("table_info", "foreign_key_list")
        ]
        for table in tables
    }
    connection.close()
    return parts, columns


def test_tables_that_version_4_makes_anew_keep_their_columns_references_indexes_and_triggers() -> None:
    (before, columns), (after, same_columns) = the_schema(3), the_schema(4)
    assert "UNIQUE" in str(after.pop("executions_by_key"))
    before.pop("personal_by_family")
    assert before.pop("events_by_family") != after.pop("events_by_family")
    assert (after, same_columns) == (before, columns)


def test_no_check_builds_a_table_for_each_row_that_it_looks_at(tables: sqlite3.Connection) -> None:
    for table, row in (("workflow_instances", RUN), ("workflow_queue", ENTRY), ("coordinator_tasks", TASK)):
        places = ", ".join("?" * len(row))
        question = f"EXPLAIN INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"  # noqa: S608
        codes = [step[1] for step in tables.execute(question, tuple(row.values()))]
        assert "Insert" in codes
        assert "OpenEphemeral" not in codes


# -- S11: a crash at every point of every migration that was released ---------------------------------------------


def the_old(folder: Path, version: int) -> Path:
    """A database of an earlier version, with a row in each table that others refer to."""
    path = folder / "coopflow.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    upgrade(connection, MIGRATIONS[:version])
    for table, row in [
        ("families", SMITHS),
        ("workflow_templates", OUTREACH),
        ("workflow_instances", RUN),
        ("workflow_queue", ENTRY),
        ("coordinator_tasks", TASK),
        ("event_log", EVENT),
        ("event_personal", PERSONAL),
    ]:
        insert(connection, table, row)
    connection.execute("INSERT INTO meta VALUES ('database_id', 'a'), ('epoch', '0')")
    connection.close()
    return path


def everything(path: Path, columns: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[object, ...]]]:
    """What the columns of an earlier version hold."""
    connection = sqlite3.connect(path)
    found = {
        table: connection.execute(f"SELECT {', '.join(own)} FROM {table}").fetchall()  # noqa: S608
        for table, own in columns.items()
    }
    connection.close()
    return found


def columns_of(path: Path) -> dict[str, list[str]]:
    connection = sqlite3.connect(path)
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in tables}
    connection.close()
    return found


def killed_at(path: Path, number: int) -> bool:
    """Bring a database up to date in a process that dies before its statement of this number; False: it never comes."""

    def opens() -> None:
        seen = 0

        def watch(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen > number:
                os.kill(os.getpid(), signal.SIGKILL)

        real = Database.connection

        def watched(self: Database) -> sqlite3.Connection:
            connection = real(self)
            connection.set_trace_callback(watch)
            return connection

        Database.connection = watched  # type: ignore[method-assign]
        open_database(path).close()

    return end_of(fork(opens)) == -signal.SIGKILL


@pytest.mark.parametrize("start", range(1, len(MIGRATIONS)))
def test_s11_a_crash_at_any_statement_leaves_the_old_or_the_new(tmp_path: Path, start: int) -> None:
    (tmp_path / "old").mkdir()
    old = the_old(tmp_path / "old", start)
    columns = columns_of(old)
    before = everything(old, columns)
    number, versions = 0, []
    while True:
        here = tmp_path / str(number)
        here.mkdir()
        path = here / "coopflow.db"
        path.write_bytes(old.read_bytes())
        path.chmod(0o600)
        killed = killed_at(path, number)
        versions.append(version(path))
        assert versions[-1] in (start, NOW), "never between"
        assert everything(path, columns) == before
        open_database(path).close()
        assert (version(path), everything(path, columns)) == (NOW, before)
        assert [file.name for file in here.iterdir() if "partial" in file.name or "journal" in file.name] == []
        if not killed:
            break
        number += 1
    assert number > sum(map(len, MIGRATIONS[start:])), "every statement was one of the places"
    assert versions == sorted(versions), "from one point on it is the new one"
