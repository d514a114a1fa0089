"""Copies of a database in use: complete and proven sound under their name, or not there at all."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from coopflow.core.audit import GENESIS
from coopflow.errors import DatabaseUnusable, Temporary
from coopflow.store import files
from coopflow.store.failures import meaning_of, translating

PATIENCE = 30  # seconds to wait for those who write
_HEAD = "SELECT event_id, hash FROM event_log ORDER BY event_id DESC LIMIT 1"
_HASH_OF = "SELECT hash FROM event_log WHERE event_id = ?"


class Source(Protocol):
    """What is copied: where it lies, and how SQLite opens it."""

    path: Path
    database: str


class Copied(Struct, frozen=True):
    """A copy that was looked through from end to end."""

    path: Path
    size: int  # bytes
    entries: int  # of its audit trail
    head: str  # the hash of the last one


def copy(db: Source, target: Path, *, replace: bool = False) -> Copied:
    """Write a sound and durable copy while others read and write; `target` appears complete or not at all."""
    if not replace and os.path.lexists(target):
        raise DatabaseUnusable(f"{target} exists already; it is left as it is")
    partial = target.with_name(f"{target.name}.partial")
    with _alone_beside(target), _writing(target):
        files.remove(partial)  # what an interrupted copy left
        with files.new_file(partial), translating(partial):
            copied = _fill(partial, db)
            partial.replace(target)
    return Copied(target, *copied)


def _fill(target: Path, db: Source) -> tuple[int, int, str]:
    source, copied = sqlite3.connect(db.database, uri=True, timeout=PATIENCE), sqlite3.connect(target)
    with closing(source), closing(copied):
        copied.execute(
            "PRAGMA locking_mode = EXCLUSIVE"
        )  # it is ours alone, and may lie on a disk without shared memory
        _take_over(source, copied, db.path)
        copied.execute("PRAGMA journal_mode = DELETE")  # so that the copy is one file
        wrong = _fault(copied) or _not_its_trail(copied, source)
        entries, head = copied.execute(_HEAD).fetchone() or (0, GENESIS)
    if wrong is not None:
        raise DatabaseUnusable(f"the copy of {db.path} is not sound: {wrong}")
    files.sync(target)
    return target.stat().st_size, entries, head


def _take_over(source: sqlite3.Connection, copied: sqlite3.Connection, name: Path) -> None:
    try:
        source.backup(copied)
    except sqlite3.Error as problem:  # what others do is about the database, all else about the copy
        meaning = meaning_of(problem, name)
        raise (meaning if isinstance(meaning, Temporary) else problem) from None


def _fault(copied: sqlite3.Connection) -> str | None:
    (found,) = copied.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        return str(found)
    broken = copied.execute("PRAGMA foreign_key_check").fetchone()
    return broken and f"row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is not there"


def _not_its_trail(copied: sqlite3.Connection, source: sqlite3.Connection) -> str | None:
    """The last entry of the copy must be one of the database's, which may have gone on since."""
    last = copied.execute(_HEAD).fetchone()
    if last is None:
        return None
    there = source.execute(_HASH_OF, (last[0],)).fetchone()
    return None if there == (last[1],) else f"its last entry, {last[0]}, is not the one in the audit trail"


@contextmanager
def _alone_beside(target: Path) -> Iterator[None]:
    """One copy at a time in a directory, so that two never write under the same name."""
    try:
        handle = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise DatabaseUnusable(f"{target} cannot be made: {target.parent}: {os.strerror(problem.errno or 0)}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Temporary(f"another copy is being written in {target.parent}; try again when it is done") from None
    except OSError:
        pass  # a network disk that has no locks of this kind: there nobody is told of a second one
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Say in words what the system has against the copy."""
    try:
        yield
    except OSError as problem:
        raise DatabaseUnusable(f"{target} cannot be written: {(problem.strerror or str(problem)).lower()}") from None
