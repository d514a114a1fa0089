"""A database in memory that tells of every commit, and a death that nothing in the program can stop."""

import sqlite3
from collections.abc import Callable
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


def new_memory() -> sqlite3.Connection:
    """A database as `coopflow init` makes it, in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=1000)
    _fresh().backup(connection)
    connection.execute("PRAGMA foreign_keys = 1")
    connection.execute("PRAGMA recursive_triggers = 1")
    return connection


@cache
def _fresh() -> sqlite3.Connection:
    with TemporaryDirectory() as folder:
        made = create(Path(folder) / "coopflow.db", new_id=lambda: "simulated")
        kept = sqlite3.connect(":memory:")
        made.connection().backup(kept)
        made.close()
    return kept
