"""A database in memory that tells of every commit and every write, and a death that nothing in the program can stop."""

import sqlite3
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from peewee import _ConnectionState, _NoopLock

from coopflow.store.database import SqliteFile, create


class Crash(BaseException):
    """The process is gone. No `except Exception` catches it; what a `finally` does is undone by a new store."""


class Disk(SqliteFile):
    """One process's way to the database; a second one may share it, as two ticks do."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, committed: Callable[[bool], None]) -> None:
        super().__init__(folder / "coopflow.db")  # nothing lies there; what lies beside it does
        self.thread_safe = False
        self._state, self._lock = _ConnectionState(), _NoopLock()
        self._state.set_connection(connection)
        self._committed = committed

    def commit(self) -> None:
        """Tell before and after."""
        try:
            self._committed(False)
        except Crash:
            self.rollback()
            raise
        super().commit()
        self._committed(True)


class Writes:
    """Tells which of some tables were written to, whoever did it and by whatever statement.

    Triggers note it, which SQLite asks for rows that a REPLACE or a CASCADE deletes too. They are temporary: no dump
    and no copy of the database has them, and the rows that they count are nobody's.
    """

    def __init__(self, memory: sqlite3.Connection, tables: Collection[str]) -> None:
        self._written = set[str]()
        memory.create_function("wrote", 1, self._wrote)
        for table in sorted(tables):
            for verb in ("INSERT", "UPDATE", "DELETE"):
                name = f"told_of_{verb.lower()}_{table}"
                memory.execute(
                    f"CREATE TEMP TRIGGER {name} AFTER {verb} ON main.{table} BEGIN SELECT wrote('{table}'); END"
                )

    def _wrote(self, table: str) -> None:
        self._written.add(table)

    def since(self) -> set[str]:
        """The tables that were written to since this was asked last; what was rolled back counts as written."""
        written, self._written = self._written, set()
        return written


def new_memory() -> sqlite3.Connection:
    """A database as `coopflow init` makes it, in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=1000)
    _fresh().backup(connection)
    connection.execute("PRAGMA foreign_keys = 1")
    connection.execute("PRAGMA recursive_triggers = 1")
    return connection


@cache
def tables_read(question: str) -> frozenset[str]:
    """The tables that a question reads, as SQLite itself says when it prepares it."""
    found = set[str]()

    def note(action: int, table: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table:
            found.add(table)
        return sqlite3.SQLITE_OK

    _fresh().set_authorizer(note)
    _fresh().execute(f"EXPLAIN {question}", [None] * question.count("?"))
    _fresh().set_authorizer(None)
    return frozenset(found)


@cache
def _fresh() -> sqlite3.Connection:
    with TemporaryDirectory() as folder:
        made = create(Path(folder) / "coopflow.db", new_id=lambda: "simulated")
        kept = sqlite3.connect(":memory:")
        made.connection().backup(kept)
        made.close()
    return kept
