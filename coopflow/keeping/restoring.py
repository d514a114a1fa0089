"""A backup is put in the database's place: looked through first, and not at work before a person says so."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from coopflow.core.audit import Broken
from coopflow.core.model import Coop, Event
from coopflow.door import FILES_TAKEN_IN
from coopflow.errors import DatabaseUnusable, NotAllowed, NotFound, Temporary
from coopflow.keeping.forgetting import forget_again
from coopflow.keeping.place import ARCHIVE, PLACE, RESTORED
from coopflow.store import files
from coopflow.store.database import Database, open_database, path_of, problems
from coopflow.store.failures import meaning_of, translating
from coopflow.store.log import head_of, verify
from coopflow.store.meta import find_meta, read_meta, write_meta
from coopflow.store.migrations import MIGRATIONS, version_of
from coopflow.store.store import Store

ASIDE = ".restoring"  # beside the database, until it is in its place
_LAST_AT = "SELECT at FROM event_log ORDER BY event_id DESC LIMIT 1"


class Sound(Struct, frozen=True):
    """A backup that was looked through from end to end."""

    path: Path
    database_id: str
    entries: int
    head: str
    last_at: str | None  # an instant's text: when its last entry was written


class Restored(Struct, frozen=True):
    """What was put in place."""

    backup: Sound
    kept: Path | None  # where the database that was there before lies now; None: there was none
    forgotten: list[str]  # families that were erased after the backup was made, and once more now


@contextmanager
def looked_through(backup: Path, database: str) -> Iterator[Sound]:
    """A copy of a backup, beside the database and looked through; it is gone at the end unless it was put in place.

    The backup itself is only read. DatabaseUnusable says what is wrong with it.
    """
    path = path_of(database)
    _require_another_file(backup, path)
    aside = path.with_name(f"{path.name}{ASIDE}")
    files.remove(aside)  # what an interrupted one left
    try:
        with files.new_file(aside), translating(backup):
            _take_in(backup, aside)
            sound = _look_through(backup, aside)
            _require_same_database(sound, path)
        yield sound
    finally:
        files.remove(aside)
        for old in aside.parent.glob(f"{aside.name}.version-*"):
            old.unlink()  # the backup itself is the copy of the old version


def _take_in(backup: Path, aside: Path) -> None:
    source, copied = sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True), sqlite3.connect(aside)
    with closing(source), closing(copied):
        source.backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE")


def _look_through(backup: Path, aside: Path) -> Sound:
    with closing(sqlite3.connect(aside)) as raw:
        version = version_of(raw)
    known = MIGRATIONS[: max(version, 1)]  # it is looked at as the version that it is
    try:
        with closing(open_database(aside, read_only=True, migrations=known)) as db:
            wrong = problems(db, thorough=True)
            if wrong:
                raise DatabaseUnusable(f"{aside} is damaged: {wrong[0]}")
            return _read(backup, db)
    except DatabaseUnusable as problem:
        raise DatabaseUnusable(f"{backup} is not restored: {str(problem).replace(str(aside), str(backup))}") from None


def _read(backup: Path, db: Database) -> Sound:
    verdict = verify(db)
    if isinstance(verdict, Broken):
        where = "its audit trail" if verdict.event_id is None else f"entry {verdict.event_id} of its audit trail"
        raise DatabaseUnusable(f"{where} is not as it was written: {verdict.reason}")
    if find_meta(db, PLACE) == ARCHIVE:
        raise DatabaseUnusable("it is an archive and no backup")
    last = db.connection().execute(_LAST_AT).fetchone()
    entries, head = head_of(db)
    return Sound(backup, read_meta(db, "database_id"), entries, head, last and last[0])


def put_in_place(sound: Sound, database: str, *, coop: Coop, outbox: Path, actor: str, now: datetime) -> Restored:
    """Put the copy that was looked through in the database's place; the caller holds the tick lock.

    What was there is kept beside it.
    """
    path = path_of(database)
    aside = path.with_name(f"{path.name}{ASIDE}")
    forgotten = _prepare(aside, path, sound, coop=coop, outbox=outbox, actor=actor, now=now)
    kept = _keep_the_old(path, now=now)
    aside.replace(path)
    files.sync(path.parent)
    return Restored(sound, kept, forgotten)


def _prepare(
    aside: Path, path: Path, sound: Sound, *, coop: Coop, outbox: Path, actor: str, now: datetime
) -> list[str]:
    """Bring the copy up to date, erase again whom it still knows, and keep it from being at work unasked."""
    db = open_database(aside)
    try:
        store = Store(db, coop)
        forgotten = forget_again(store, outbox=outbox, actor=actor, now=now, database=path)
        data = {"file": sound.path.name, "entries": sound.entries, "head": sound.head}
        with store.transaction():
            write_meta(db, PLACE, RESTORED)
            write_meta(db, FILES_TAKEN_IN, "")  # so that the next tick is a full one, and says what it waits for
            store.log([Event(at=now, kind="database.restored", actor=actor, data=data)])
        db.connection().execute("PRAGMA journal_mode = DELETE")  # so that it is one file when it is put in its place
    finally:
        db.close()
    files.sync(aside)
    return forgotten


def _require_another_file(backup: Path, path: Path) -> None:
    if not backup.is_file():
        raise NotFound(f"there is no file {backup}")
    if backup.stat().st_size == 0:
        raise DatabaseUnusable(f"{backup} is empty (0 bytes), so it is no backup")
    if path.exists() and backup.samefile(path):
        raise NotAllowed(f"{backup} is the database itself; name the backup")


def _require_same_database(sound: Sound, path: Path) -> None:
    present = _id_of(path)
    if present is not None and present != sound.database_id:
        raise NotAllowed(
            f"{sound.path} is the backup of another database than {path}; if you do want it in its place, move {path}"
            " away first"
        )


def _id_of(path: Path) -> str | None:
    """What the present database is, as far as it can still be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as raw:
        row = raw.execute("SELECT value FROM meta WHERE key = 'database_id'").fetchone()
        return None if row is None else str(row[0])
    return None


def _keep_the_old(path: Path, *, now: datetime) -> Path | None:
    """Put the present database, with what lies beside it, under a name that says when; its own name stays taken."""
    there = path.exists()
    if there:
        _settle(path)
    kept = _free(path.with_name(f"{path.name}.before-restore-{now:%Y%m%dT%H%M%SZ}"))
    for suffix in files.COMPANIONS:
        beside = Path(f"{path}{suffix}")
        if suffix == "-shm":
            beside.unlink(missing_ok=True)
        elif beside.exists():
            beside.replace(f"{kept}{suffix}")
    if not there:
        return None
    try:
        os.link(path, kept)  # so that at every moment one of the two is there
    except OSError:  # a file system without links
        path.rename(kept)
    return kept


def _settle(path: Path) -> None:
    """Bring what lies beside a database into it; Temporary while others have it open with a write-ahead log.

    They would take the log of the new one for that of the old one. A database that is damaged is kept as it is.
    """
    try:
        with closing(sqlite3.connect(path, timeout=2)) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as problem:
        meaning = meaning_of(problem, path)
        if isinstance(meaning, Temporary):
            raise meaning from None


def _free(path: Path) -> Path:
    number = 1
    found = path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found
