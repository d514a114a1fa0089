"""The second files, into which finished instances are moved: databases of the same form, from which nothing is sent."""

import json
from pathlib import Path

from coopflow.core.audit import canonical_json
from coopflow.errors import DatabaseUnusable
from coopflow.keeping.place import ARCHIVE, PLACE
from coopflow.store.database import Database, create, open_database, transaction
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

ARCHIVES = "archives"  # in `meta`: the paths of all of them
ORIGIN = "archive_of"  # in an archive's `meta`: the database that it was purged from


def archives_of(store: Store) -> list[Path]:
    """Every archive into which instances of this database were moved."""
    return [Path(path) for path in json.loads(find_meta(store.db, ARCHIVES) or "[]")]


def remember_archive(store: Store, path: Path) -> None:
    """Note where an archive lies, inside the caller's transaction."""
    known = [str(one) for one in archives_of(store)]
    if str(path) not in known:
        write_meta(store.db, ARCHIVES, canonical_json([*known, str(path)]))


def open_archive(path: Path) -> Database:
    """An archive that must be there."""
    if not path.exists():
        raise DatabaseUnusable(
            f"the archive {path} is not there, and holds instances of this co-op; bring it back and try again"
        )
    return open_database(path)


def open_or_make_archive(path: Path, store: Store) -> Database:
    """The archive of this database at a path; one that is not there is made."""
    if not path.exists():
        made = create(path)
        with transaction(made):
            write_meta(made, PLACE, ARCHIVE)
            write_meta(made, ORIGIN, store.database_id)
        return made
    archive = open_database(path)
    if find_meta(archive, ORIGIN) != store.database_id:
        archive.close()
        raise DatabaseUnusable(f"{path} is no archive of this database; name another file with --archive")
    return archive
