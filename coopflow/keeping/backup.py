"""A copy of the database to put away: made while coopflow works, and looked through before it gets its name."""

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path

from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.model import Event
from coopflow.errors import NotAllowed
from coopflow.store.copying import Copied, copy
from coopflow.store.database import open_database, path_of
from coopflow.store.files import COMPANIONS
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

MADE = "backup_made"  # in `meta`: when the last one was made
BESIDE = (*COMPANIONS, ".lock", ".head", ".erased")  # what belongs to a database in use


def back_up(database: str, target: Path, *, force: bool) -> Copied:
    """Write a backup that is as the database is; with `force` in the place of another file."""
    path, where = path_of(database), target.absolute()
    _require_elsewhere(path, where)
    if where.is_dir():
        raise NotAllowed(f"{target} is a directory; name a file in it, such as {target / path.name}")
    if not force and os.path.lexists(where):
        raise NotAllowed(f"{target} exists already and is left as it is; --force puts the backup in its place")
    with closing(open_database(database, read_only=True)) as db:
        return copy(db, where, replace=force)


def note_backup(store: Store, made: Copied, *, actor: str, now: datetime) -> None:
    """Put on record that a backup was made; afterwards, so that the backup is as the database was."""
    data = {"file": made.path.name, "entries": made.entries, "head": made.head}
    with store.transaction():
        write_meta(store.db, MADE, format_instant(now))
        store.log([Event(at=now, kind="backup.made", actor=actor, data=data)])


def last_backup(store: Store) -> datetime | None:
    """When the last backup was made; None: none ever was."""
    made = find_meta(store.db, MADE)
    return None if made is None else parse_instant(made)


def _require_elsewhere(database: Path, target: Path) -> None:
    """Refuse the database itself and what belongs to it, whatever name it goes by."""
    own = {Path(f"{database}{suffix}") for suffix in ("", *BESIDE)}
    resolved = Path(os.path.realpath(target))
    same = target.exists() and database.exists() and target.samefile(database)
    if resolved in own or same:
        raise NotAllowed(f"{target} belongs to the database itself; name another file, best on another disk")
