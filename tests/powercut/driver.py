"""The connection that the store knows, over apsw, which alone lets a disk be written in Python.

Everything above it is the real thing: peewee, `SqliteFile` with all its settings, the statements, the tick.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import apsw.ext

from coopflow.store import database
from coopflow.store.database import SqliteFile
from tests.powercut.vfs import CrashingDisk, Recorder

CLASSES: dict[int, type[sqlite3.Error]] = {
    sqlite3.SQLITE_CORRUPT: sqlite3.DatabaseError,
    sqlite3.SQLITE_NOTADB: sqlite3.DatabaseError,
    sqlite3.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    sqlite3.SQLITE_MISMATCH: sqlite3.IntegrityError,
    sqlite3.SQLITE_MISUSE: sqlite3.ProgrammingError,
}


@contextmanager
def as_sqlite3() -> Iterator[None]:
    """Let apsw's errors look as sqlite3's do."""
    try:
        yield
    except apsw.Error as problem:
        code = getattr(problem, "extendedresult", None) or getattr(problem, "result", None)
        kind = CLASSES.get((code or 0) & 0xFF, sqlite3.OperationalError)
        error = kind(str(problem))
        if code is not None:
            error.sqlite_errorcode, error.sqlite_errorname = (
                code,
                apsw.mapping_extended_result_codes.get(code, str(code)),
            )
        raise error from problem


def _name_of(code: int) -> str:
    for names in (apsw.mapping_extended_result_codes, apsw.mapping_result_codes):
        if code in names:
            return str(names[code])
    return str(code)


class Cursor:
    """What the store uses of a cursor; all rows are fetched at once."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.lastrowid = self.rowcount = -1
        self.description: Sequence[Sequence[Any]] = ()
        self._rows: Iterator[Any] = iter(())

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> "Cursor":
        return self._run(lambda cursor: cursor.execute(statement, tuple(parameters)), statement)

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> "Cursor":
        return self._run(lambda cursor: cursor.executemany(statement, parameters), statement)

    def _run(self, run: Callable[[Any], Any], statement: str) -> "Cursor":
        raw, done = self.connection.raw, False
        try:
            with as_sqlite3():
                cursor = run(raw.cursor())
                try:
                    self.description = cursor.description
                except apsw.ExecutionCompleteError:  # there is no row
                    self.description = apsw.ext.query_info(raw, statement).description if "SELECT" in statement else ()
                self._rows = iter(cursor.fetchall())
            done = True
        finally:
            if statement == "COMMIT":
                self.connection.committed(done)
        self.lastrowid, self.rowcount = raw.last_insert_rowid(), raw.changes()
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def close(self) -> None:
        """Nothing is held."""


class Connection:
    """What the store uses of a connection."""

    def __init__(self, raw: apsw.Connection, committed: Callable[[bool], None]) -> None:
        self.raw = raw
        self.committed = committed

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(statement, parameters)

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> Cursor:
        return self.cursor().executemany(statement, parameters)

    def close(self) -> None:
        with suppress(apsw.Error):  # sqlite3 does not tell either
            self.raw.close()


class FileOnSuchADisk(SqliteFile):
    """The store's database, on a disk of ours."""

    vfs: str
    version: tuple[int, int, int]
    synchronous: int | None = None  # None: what the store itself chooses
    committed: Callable[[bool], None]  # whether it said so

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, read_only=read_only)
        self.journal = database.journal_mode(self.version)

    def settings(self, *, schema_trusted: bool = False) -> dict[str, int]:
        chosen = dict(super().settings(schema_trusted=schema_trusted))
        return chosen if self.synchronous is None else {**chosen, "synchronous": self.synchronous}

    def _connect(self) -> Connection:
        with as_sqlite3():
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
            raw = apsw.Connection(self.database, flags=flags, vfs=self.vfs)
            if self.journal == "wal":  # without shared memory, SQLite has its log to itself
                raw.execute("PRAGMA locking_mode = EXCLUSIVE")
        return Connection(raw, type(self).committed)


@contextmanager
def on_such_a_disk(
    recorder: Recorder,
    *,
    version: tuple[int, int, int],
    synchronous: int | None = None,
    committed: Callable[[bool], None] = lambda _: None,
) -> Iterator[None]:
    """Whatever opens a database inside the block opens it on this disk, as an SQLite of this version would."""
    vfs = CrashingDisk("crashing", recorder)
    chosen = {"vfs": "crashing", "version": version, "synchronous": synchronous, "committed": staticmethod(committed)}
    usual, database.SqliteFile = database.SqliteFile, type("Chosen", (FileOnSuchADisk,), chosen)  # type: ignore[misc]
    try:
        yield
    finally:
        database.SqliteFile = usual  # type: ignore[misc]
        vfs.unregister()
