"""Opens the database, and makes it.

Whatever differs between kinds of databases is here; SQLite is the only one so far.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import peewee

from coopflow.errors import DatabaseUnusable, Usage
from coopflow.store import files
from coopflow.store.copying import copy as copy
from coopflow.store.failures import RESTORE
from coopflow.store.failures import translating as translating
from coopflow.store.migrations import MIGRATIONS, Migration, upgrade, version_of
from coopflow.store.parameters import make_known

APPLICATION_ID = 0x436F4F70  # "CoOp" in the file's header: by this we know our own
BUSY_SECONDS = 10  # how long a writer waits for another one
_JSON_IS_INNOCUOUS = (
    "SELECT count(*) FROM pragma_function_list WHERE name IN ('json_valid', 'json_type') AND flags & 0x200000"
)
OLDEST_SQLITE = (3, 38, 0)  # STRICT tables and json_valid
CHECKPOINT_PAGES = 16_000  # with a checkpoint after each tick, the log is copied back once and not in the middle of one


class SqliteFile(peewee.SqliteDatabase):
    """An SQLite file, opened the one way that is safe; every connection has these settings, read back."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.journal = journal_mode(sqlite3.sqlite_version_info)
        make_known()
        super().__init__(
            f"{path.as_uri()}?mode=rw",  # never "rwc": only `create` makes a file
            uri=True,
            lock_type="IMMEDIATE",  # a deferred one fails at its first write, without waiting, if another was faster
            timeout=BUSY_SECONDS,
            autoconnect=False,  # a connection is opened on purpose, never by another thread's first query
        )

    def settings(self, *, schema_trusted: bool = False) -> Mapping[str, int]:
        """What is set on each connection and must then read back the same."""
        common = {
            "foreign_keys": 1,
            "recursive_triggers": 1,  # else INSERT OR REPLACE deletes without asking the log's triggers
            "trusted_schema": int(schema_trusted),
            "cell_size_check": 1,
            "mmap_size": 0,
        }
        if self.read_only:
            return {**common, "query_only": 1}
        if self.journal == "wal":
            return {**common, "synchronous": 2, "wal_autocheckpoint": CHECKPOINT_PAGES}  # 2 is FULL
        return {**common, "synchronous": 3}  # EXTRA: the journal's removal is durable too

    def connection(self) -> sqlite3.Connection:
        """The open connection, for what peewee would make slow; each thread would need one of its own."""
        if self.is_closed():
            raise peewee.InterfaceError(f"{self.path} is not open in this thread")
        connection: sqlite3.Connection = super().connection()  # type: ignore[no-untyped-call]
        return connection

    def _initialize_connection(self, conn: sqlite3.Connection) -> None:
        # Up to 3.40 at least, a schema that is not trusted may not call json_valid, which our tables' checks do.
        (usable,) = conn.execute(_JSON_IS_INNOCUOUS).fetchone()
        for name, wanted in self.settings(schema_trusted=not usable).items():
            conn.execute(f"PRAGMA {name} = {wanted:d}")
            row = conn.execute(f"PRAGMA {name}").fetchone()
            if row is not None and row[0] != wanted:  # no row: this SQLite was built without it
                raise DatabaseUnusable(
                    f"this SQLite ({sqlite3.sqlite_version}) refuses {name} = {wanted}: it is {row[0]}"
                )

    def settle_journal(self) -> None:
        """Put the file into its journal mode, which stays with the file."""
        (mode,) = self.connection().execute(f"PRAGMA journal_mode = {self.journal}").fetchone()
        if mode != self.journal:
            raise DatabaseUnusable(
                f"the database {self.path} does not accept the journal mode {self.journal}: it is {mode}"
            )

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so already (as it does when the disk is full)."""
        if self.connection().in_transaction:
            super().rollback()


Database: TypeAlias = SqliteFile  # PostgreSQL joins here, with its own way to begin, to lock and to say what went wrong


def create(
    where: str | os.PathLike[str],
    *,
    created_by: str = "coopflow",
    new_id: Callable[[], str] = lambda: os.urandom(16).hex(),
) -> Database:
    """Make a new database, for `coopflow init` alone; what exists already is refused and left as it is."""
    path = path_of(where)
    _require_sqlite()
    if not path.parent.is_dir():
        raise DatabaseUnusable(f"there is no directory {path.parent} to make the database in")
    files.require_local(path)
    db = SqliteFile(path)
    with files.new_file(path), translating(path):
        try:
            db.connect()
            db.settle_journal()
            upgrade(db.connection(), after=lambda: _mark_as_ours(db, new_id(), created_by))
        except BaseException:
            db.close()
            raise
    return db


def open_database(
    where: str | os.PathLike[str], *, read_only: bool = False, migrations: Sequence[Migration] = MIGRATIONS
) -> Database:
    """Open a database of ours and bring it up to date; refuse any other, and leave it as it is."""
    path = path_of(where)
    _require_sqlite()
    files.require_fit(path, writable=not read_only)
    files.require_own_log(path)
    db = SqliteFile(path, read_only=read_only)
    try:
        with translating(path):
            db.connect()
            _require_ours(db, migrations)
            if not read_only:
                db.settle_journal()
                _bring_up_to_date(db, migrations)
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: peewee.Database) -> Iterator[None]:
    """One durable change, alone among all writers: all of it or nothing. Inside another one it is part of that one."""
    with translating(getattr(db, "path", None)):
        try:
            with db.transaction("IMMEDIATE"):
                yield
        finally:  # Ctrl-C on the way to the commit leaves it open, and whoever reads here next would take it for done
            if not db.in_transaction() and not db.is_closed() and db.connection().in_transaction:
                db.connection().rollback()


def copy_in_memory(db: Database) -> Database:
    """A copy to try out on it what would happen; what is done to it is gone when it is closed."""
    copied = SqliteFile(db.path)
    copied.database = ":memory:"
    copied.connect()
    with translating(db.path):
        db.connection().backup(copied.connection())
    return copied


def problems(db: peewee.Database, *, thorough: bool = False) -> list[str]:
    """What SQLite's own checks find wrong; `thorough` compares the indexes with their tables too."""
    with translating(getattr(db, "path", None)):
        check = "integrity_check" if thorough else "quick_check"
        found = [str(row[0]) for row in db.execute_sql(f"PRAGMA {check}(20)").fetchall()]
        broken = db.execute_sql("PRAGMA foreign_key_check").fetchall()
    dangling = [f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in broken[:20]]
    return [line for line in found if line != "ok"] + dangling


def checkpoint(db: peewee.Database) -> None:
    """Copy what the write-ahead log holds back into the file; at the end of a tick, so that the log stays small."""
    with translating(getattr(db, "path", None)):
        db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def journal_mode(version: tuple[int, ...]) -> str:
    """`wal` where SQLite's write-ahead log is known to be free of the bug that damages databases, else `delete`."""
    patched: dict[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7}  # lines that got the correction of 3.51.3
    least = patched.get(version[:2])
    good = version >= (3, 51, 3) or (least is not None and version[2] >= least)
    return "wal" if good else "delete"


def path_of(where: str | os.PathLike[str]) -> Path:
    """The file that a path or a URL names, with every symbolic link followed, so that all agree on the lock's place."""
    text = os.fspath(where)
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "sqlite":
        text = rest.removeprefix("/")  # sqlite:///relative, sqlite:////absolute
    elif separator and scheme.startswith("postgres"):
        raise Usage("PostgreSQL is not yet supported; give the path of an SQLite file, such as coopflow.db")
    elif separator:
        raise Usage(f"'{scheme}' is not a kind of database that coopflow knows; give the path of an SQLite file")
    if not text or "\0" in text:
        raise Usage("the database needs a path, such as coopflow.db")
    return Path(os.path.realpath(text))


def _require_sqlite() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseUnusable(f"this Python has SQLite {sqlite3.sqlite_version}; coopflow needs 3.38 or newer")


def _mark_as_ours(db: Database, database_id: str, created_by: str) -> None:
    about = {"database_id": database_id, "epoch": "0", "created_by": created_by}
    db.connection().execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.connection().executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(about.items()))


def _require_ours(db: Database, migrations: Sequence[Migration]) -> None:
    """Refuse another application's database, and one that a newer coopflow has changed."""
    connection = db.connection()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        raise DatabaseUnusable(
            f"{db.path} is the database of another application (application_id {application_id:#x},"
            f" coopflow's is {APPLICATION_ID:#x}); it is left as it is"
        )
    version, latest = version_of(connection), len(migrations)
    if version > latest:
        raise DatabaseUnusable(
            f"the database {db.path} has version {version}, this coopflow knows up to {latest}:"
            " a newer coopflow has used it; run that one. It is left as it is"
        )
    if version < latest and db.read_only:
        raise DatabaseUnusable(
            f"the database {db.path} has version {version}, this coopflow needs {latest};"
            " any command that changes something brings it up to date, such as: coopflow tick"
        )
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "meta" not in tables:
        raise DatabaseUnusable(f"the database {db.path} is damaged: it has no table 'meta'; {RESTORE}")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    strange = [name for name, sql in triggers if sql not in {s for migration in migrations for s in migration}]
    if strange:
        raise DatabaseUnusable(
            f"the database {db.path} has a trigger that is not coopflow's and could change anything: '{strange[0]}';"
            " drop it if you know what it is for"
        )


def _bring_up_to_date(db: Database, migrations: Sequence[Migration]) -> None:
    connection = db.connection()
    if version_of(connection) == len(migrations):
        return

    def keep_the_old(version: int) -> None:
        wrong = problems(db, thorough=True)
        if wrong:
            raise DatabaseUnusable(f"the database {db.path} is damaged, so it is not brought up to date: {wrong[0]}")
        copy(db, db.path.with_name(f"{db.path.name}.version-{version}"), replace=True)

    upgrade(connection, migrations, before=keep_the_old)
