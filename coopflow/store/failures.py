"""What SQLite's failures mean to a person: a sentence with its remedy, and whether trying again may help."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from peewee import PeeweeException

from coopflow.errors import CoopflowError, DatabaseUnusable, Temporary

RESTORE = "put the last good copy of the file in its place"

_TEMPORARY = {
    sqlite3.SQLITE_BUSY: "is in use by another program and did not become free in time; try again",
    sqlite3.SQLITE_LOCKED: "is in use by another program and did not become free in time; try again",
    sqlite3.SQLITE_PROTOCOL: "is in use by too many programs at once; try again",
}
_UNUSABLE = {
    sqlite3.SQLITE_FULL: "cannot grow: no space is left. Nothing of this change was written; make room and try again",
    sqlite3.SQLITE_READONLY: "cannot be written: its file, its directory or its disk is read-only for this user",
    sqlite3.SQLITE_CANTOPEN: "or a file beside it cannot be opened; check the directory and who owns the files in it",
    sqlite3.SQLITE_PERM: "cannot be used by this user; check who owns its file",
    sqlite3.SQLITE_IOERR: f"met a disk error. Check the disk and its free space; if need be, {RESTORE}",
    sqlite3.SQLITE_CORRUPT: f"is damaged; {RESTORE}",
    sqlite3.SQLITE_NOTADB: f"is not an SQLite database, or its header is damaged; {RESTORE}",
}


@contextmanager
def translating(name: object = None) -> Iterator[None]:
    """Turn SQLite's failures inside the block into coopflow's errors; what is a fault in coopflow passes as it is."""
    try:
        yield
    except (PeeweeException, sqlite3.Error) as problem:
        meaning = meaning_of(problem, name)
        if meaning is None:
            raise
        raise meaning from problem


def is_database_trouble(problem: Exception) -> bool:
    """True when the database itself is in trouble, and not just what was to be written into it."""
    original = getattr(problem, "orig", problem)
    about_one_row = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)
    if isinstance(original, sqlite3.DatabaseError):
        return not isinstance(original, about_one_row)
    return isinstance(problem, DatabaseUnusable | Temporary)


def meaning_of(problem: Exception, name: object = None) -> CoopflowError | None:
    """What a failure says to a person; None: it is no condition of the database but a fault in coopflow."""
    original = getattr(problem, "orig", problem)  # peewee keeps the driver's own exception
    subject = "the database" if name is None else f"the database {name}"
    code = getattr(original, "sqlite_errorcode", None)
    if code is None:
        unreadable = isinstance(original, sqlite3.OperationalError) and "Could not decode" in str(original)
        return DatabaseUnusable(f"{subject} holds text that is damaged; {RESTORE}") if unreadable else None
    primary = code & 0xFF  # the rest says it in more detail
    if primary in _TEMPORARY:
        return Temporary(f"{subject} {_TEMPORARY[primary]}")
    if primary in _UNUSABLE:
        return DatabaseUnusable(f"{subject} {_UNUSABLE[primary]} ({getattr(original, 'sqlite_errorname', code)})")
    return None
