"""What is written of a row that is saved again, seen by a trigger on each of its columns."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from coopflow.store.changes import Table
from tests.world import World

PETS = Table("pets", key="pet_id", columns=("name", "age", "owner"))


@pytest.fixture
def pets() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE pets (pet_id INTEGER PRIMARY KEY, name, age, owner)")
    connection.executemany("INSERT INTO pets VALUES (?, ?, ?, ?)", [(1, "Rex", 3, "Smith"), (2, "Mia", 5, None)])
    watch(connection, PETS)
    yield connection
    connection.close()


def watch(connection: sqlite3.Connection, table: Table) -> None:
    """Note each column that a statement names, changed or not."""
    connection.execute("CREATE TEMP TABLE touched (name)")
    for column in table.columns:
        connection.execute(
            f"CREATE TEMP TRIGGER watch_{column} AFTER UPDATE OF {column} ON {table.name}"  # noqa: S608
            f" BEGIN INSERT INTO touched VALUES ('{column}'); END"
        )


def touched(connection: sqlite3.Connection) -> list[str]:
    return sorted(row[0] for row in connection.execute("SELECT name FROM temp.touched"))


def rows(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM pets ORDER BY 1").fetchall()


def test_what_has_not_changed_is_not_written(pets: sqlite3.Connection) -> None:
    PETS.write(pets, [(1, ("Rex", 3, "Smith"), ("Rex", 3, "Smith"))])
    assert (touched(pets), pets.total_changes) == ([], 2)


def test_of_each_row_the_columns_that_have_changed_are_written(pets: sqlite3.Connection) -> None:
    PETS.write(
        pets,
        [(1, ("Rex", 3, "Smith"), ("Rex", 4, None)), (2, ("Mia", 5, None), ("Mia", 6, None))],
    )
    assert rows(pets) == [(1, "Rex", 4, None), (2, "Mia", 6, None)]
    assert touched(pets) == ["age", "age", "owner"]


def test_a_last_call_leaves_the_instance_and_its_branch_alone(tmp_path: Path) -> None:
    """T1 and T3 change them, T2 the attempt alone."""
    coop = World(tmp_path, wires=True)
    coop.has_family("42")
    coop.has_workflow("outreach", [{"id": "hello", "type": "email", "template_id": "hello"}])
    coop.start("outreach", family="42")
    said: list[str] = []
    coop.db.connection().set_trace_callback(said.append)
    coop.tick()
    coop.db.connection().set_trace_callback(None)
    coop.close()
    assert len(coop.wires["email"].taken) == 1
    written = [statement.split()[1] for statement in said if statement.split()[0] == "UPDATE"]
    assert written.count("workflow_step_executions") == 2  # sending; accepted
    assert written.count("workflow_instances") == 2  # begun; completed
    assert written.count("workflow_queue") == 1  # under way; then it is gone
