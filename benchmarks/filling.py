"""Fills a database with as many instances as are wanted: copies of some that have really run, in the real tables.

A copy has ids, a family, messages and a day of its own. Its entries in the log are chained, and what can be erased of
them is committed to, so that `doctor` and `audit verify` find nothing wrong.
"""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from coopflow.core.audit import GENESIS, PERSONAL, committed_text, row_hash

Cells: TypeAlias = list[Any]
Tables: TypeAlias = Mapping[str, list[Cells]]

OF_FAMILY, OF_INSTANCE = "family_id = :family", "instance_id = :instance"
TABLES = {  # how the rows about an instance are found
    "families": OF_FAMILY,
    "ml_predictions": OF_FAMILY,
    "workflow_instances": OF_INSTANCE,
    "workflow_step_executions": OF_INSTANCE,
    "workflow_queue": OF_INSTANCE,
    "coordinator_tasks": OF_INSTANCE,
    "event_log": OF_INSTANCE,
    "event_personal": "event_id IN (SELECT event_id FROM event_log WHERE instance_id = :instance)",
}
NUMBERED = (  # the tables whose first column is a number of their own
    *("workflow_instances", "workflow_step_executions", "workflow_queue", "coordinator_tasks"),
    "event_log",
)
AT_ONCE = 2_000  # instances written by one statement for each table
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''"
PROMISE = re.compile(rf'"{PERSONAL}":"[0-9a-f]{{64}}"')
DAY = re.compile(r"\b\d{4}-\d\d-\d\d")


class Copy(NamedTuple):
    """What is a copy's own."""

    family: int  # stands in the family's id, name and addresses
    days: int = 0  # later than the original, or earlier


class Text(str):
    """A text with places for what is each copy's own."""

    __slots__ = ()


class Original:
    """All rows about an instance; its family's id is a number of seven digits that means nothing else anywhere."""

    def __init__(self, connection: sqlite3.Connection, instance_id: int) -> None:
        found = connection.execute("SELECT family_id FROM workflow_instances WHERE instance_id = ?", (instance_id,))
        [(self._family,)] = found
        names = {"family": self._family, "instance": instance_id}
        self.places: dict[str, dict[str, int]] = {}
        self._rows: dict[str, list[Cells]] = {}
        for table, condition in TABLES.items():
            found = connection.execute(f"SELECT * FROM {table} WHERE {condition} ORDER BY 1", names)
            self.places[table] = {column[0]: place for place, column in enumerate(found.description)}
            self._rows[table] = [list(row) for row in found]
        self._own = dict(self._names())
        self._later: dict[int, Tables] = {}

    def later(self, days: int) -> Tables:
        """The rows, so many days later, with places for what is each copy's own."""
        if days not in self._later:
            self._later[days] = {
                table: [[self._with_places(cell, days) for cell in row] for row in rows]
                for table, rows in self._rows.items()
            }
        return self._later[days]

    def _names(self) -> Iterator[tuple[str, str]]:
        """What is the original's own, and the place that is put there."""
        key = self.places["workflow_step_executions"]["idempotency_key"]
        keys = [row[key] for row in self._rows["workflow_step_executions"] if row[key] is not None]
        yield from ((text, f"%(copy)025d{number:07d}") for number, text in enumerate(keys))
        yield from ((row[0], "bench-%(copy)d") for row in self._rows["ml_predictions"])
        yield f"+1212{self._family}", "+1212%(family)07d"
        yield self._family, "%(family)d"

    def _with_places(self, cell: Any, days: int) -> Any:
        if not isinstance(cell, str):
            return cell
        moved = DAY.sub(lambda day: str(date.fromisoformat(day[0]) + timedelta(days=days)), cell)
        text = moved.replace("%", "%%")
        for own, place in self._own.items():
            text = text.replace(own, place)
        return moved if text == moved.replace("%", "%%") else Text(text)


def fill(path: Path, wanted: Iterable[tuple[Original, Copy]], *, rebuild: bool = False) -> None:
    """Add copies of originals to the database that they come from; with very many, the indexes are better made anew."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN")
    indexes = connection.execute(INDEXES).fetchall() if rebuild else []
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    copier = Copier(connection)
    for number, (original, copy) in enumerate(wanted, start=1):
        copier.add(original, copy)
        if number % AT_ONCE == 0:
            copier.write()
    copier.write()
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


class Copier:
    """Numbers copies, chains their entries, and writes many at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        last = connection.execute("SELECT hash FROM event_log ORDER BY event_id DESC LIMIT 1").fetchone()
        self._head = last[0] if last else GENESIS
        self._waiting: dict[str, list[Cells]] = defaultdict(list)
        self._last = {
            table: connection.execute(f"SELECT COALESCE(MAX(rowid), 0) FROM {table}").fetchone()[0]
            for table in NUMBERED
        }

    def add(self, original: Original, copy: Copy) -> None:
        """Take one copy down, to be written with the others."""
        instance_id = self._last["workflow_instances"] + 1
        own = {"family": copy.family, "copy": instance_id}
        rows = {
            table: [[cell % own if type(cell) is Text else cell for cell in row] for row in found]
            for table, found in original.later(copy.days).items()
        }
        self._chain(rows, original.places["event_log"])
        for table, found in rows.items():
            place = original.places[table].get("instance_id")
            for row in found:
                if place is not None and row[place] is not None:
                    row[place] = instance_id
                if table in self._last and table != "event_log":
                    self._last[table] += 1
                    row[0] = self._last[table]
            self._waiting[table] += found

    def _chain(self, rows: Tables, places: Mapping[str, int]) -> None:
        """Number the entries anew, with what they commit to, and chain them to the last one."""
        personal = {row[0]: row for row in rows["event_personal"]}
        data, before = places["data"], places["prev_hash"]
        for row in rows["event_log"]:
            self._last["event_log"] += 1
            apart = personal.get(row[0])
            row[0] = self._last["event_log"]
            row[places["instance_id"]] = self._last["workflow_instances"] + 1
            if apart is not None:
                apart[0] = row[0]
                row[data] = PROMISE.sub(f'"{PERSONAL}":"{committed_text(*apart[2:])}"', row[data])
            row[before] = self._head
            row[before + 1] = self._head = row_hash(self._head, *row[:before])

    def write(self) -> None:
        """Write what has been taken down."""
        for table, rows in self._waiting.items():
            if rows:
                new = "INSERT OR IGNORE" if table == "families" else "INSERT"  # a family may have many
                marks = ", ".join("?" * len(rows[0]))
                self._connection.executemany(f"{new} INTO {table} VALUES ({marks})", rows)
        self._waiting.clear()
