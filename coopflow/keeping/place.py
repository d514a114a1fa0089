"""Whether a database stands where it was last at work: a copy must not send what the original sends, or has sent.

The database keeps its place: machine, path, inode. A file beside the lock keeps how far the audit trail had come. A
database that was restored, copied or moved has another place or an older trail, and a person must say that it is the
one to go on with. A cloned machine cannot be told from its original by anything on it.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple

from coopflow.core.audit import canonical_json
from coopflow.errors import CoopflowError, OutOfPlace
from coopflow.keeping.erased import mark_as_forgotten, may_remember_too_much
from coopflow.store import files
from coopflow.store.log import hash_of, head_of
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

PLACE = "place"  # in `meta`: where it was last at work
TOLD = "out_of_place"  # in `meta`: what was said last about being out of it
RESTORED = "restored"  # what stands there for one that `coopflow restore` has put back
ARCHIVE = "archive"  # and for one that holds what was purged
ADOPT = "coopflow adopt"
MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
NO_LASTING_INODES = frozenset({"vfat", "exfat", "msdos", "fuseblk"})  # numbered anew each time they are mounted
FORMAT = "coopflow head 1"


class Place(Struct, frozen=True):
    """Where a database stands; what this machine does not tell is None, and is not compared."""

    machine: str | None
    path: str
    inode: int | None


class Head(Struct, frozen=True):
    """How far the audit trail of a database had come."""

    database_id: str
    event_id: int
    hash: str


def here(database: Path) -> Place:
    """The place of the file that is there now."""
    kind = files.file_system(database, files.mounts())
    inode = None if kind in NO_LASTING_INODES else database.stat().st_ino
    return Place(_machine(), os.fsencode(database).decode(errors="backslashreplace"), inode)


def _machine() -> str | None:
    """The machine by a hash of its id, which is nobody else's business; None: it has none."""
    for path in MACHINE_IDS:
        with suppress(OSError):
            if found := path.read_bytes().strip():
                return hashlib.blake2b(found, digest_size=16, person=b"coopflow").hexdigest()
    return None


# -- in front of a tick, and behind it --------------------------------------------------------------------------------


def require_in_place(store: Store, *, say_again: bool = False) -> None:
    """Let a tick go on; raise OutOfPlace for a database that a person must adopt first, with words the first time."""
    reasons = list(why_not_in_place(store))
    if not reasons:
        if find_meta(store.db, PLACE) is None:
            with store.transaction():
                take_place(store)
        return
    words = "; ".join(reasons)
    news = find_meta(store.db, TOLD) != words
    if news:
        with store.transaction():
            write_meta(store.db, TOLD, words)
    raise OutOfPlace(advice(words) if news or say_again else "")


def advice(reasons: str) -> str:
    """What is wrong, and what a person does about it."""
    return f"this database was restored, copied or moved: {reasons}. Nothing is sent or moved forward; run: {ADOPT}"


def why_not_in_place(store: Store) -> Iterator[str]:
    """Everything that speaks against this being the database that was last at work here."""
    yield from _other_place(find_meta(store.db, PLACE), store.path)
    yield from _other_trail(store)
    if may_remember_too_much(store, store.path):
        yield "families were erased after this copy of it was made"


def _other_place(known: str | None, database: Path) -> Iterator[str]:
    if known is None:  # it was never at work
        return
    if known in (RESTORED, ARCHIVE):
        yield {RESTORED: "it was restored from a backup", ARCHIVE: "it is an archive"}[known]
        return
    before, now = Place(*json.loads(known)), here(database)
    if None not in (before.machine, now.machine) and before.machine != now.machine:
        yield "it was last at work on another machine"
    if before.path != now.path:
        yield f"it was last at work as {before.path}"
    elif None not in (before.inode, now.inode) and before.inode != now.inode:
        yield "its file was replaced by another one"


def _other_trail(store: Store) -> Iterator[str]:
    try:
        kept = kept_head(store.path)
    except ValueError:
        yield f"{head_path(store.path)} is damaged, which says how far its audit trail had come"
        return
    if kept is None:
        return
    last, _ = head_of(store.db)
    if kept.database_id != store.database_id:
        if find_meta(store.db, PLACE) is None and last:
            yield "another database was at work here before"
    elif last < kept.event_id:
        yield f"its audit trail ends with entry {last:,}, and had come to {kept.event_id:,} here"
    elif kept.event_id and hash_of(store.db, kept.event_id) != kept.hash:
        yield f"its audit trail is another one than was here, from entry {kept.event_id:,} or before"


def take_place(store: Store) -> None:
    """Say that the database is at work here from now on, inside the caller's transaction."""
    write_meta(store.db, PLACE, canonical_json(list(astuple(here(store.path)))))
    if find_meta(store.db, TOLD):
        write_meta(store.db, TOLD, "")


def settle_in(store: Store) -> None:
    """Begin here with a new database, whatever one that was here before has left beside it."""
    with store.transaction():
        take_place(store)
        mark_as_forgotten(store, store.path)
    replace_head(store)


# -- the file beside the lock -----------------------------------------------------------------------------------------


def head_path(database: Path) -> Path:
    """`coopflow.db.head`."""
    return database.with_name(f"{database.name}.head")


def kept_head(database: Path) -> Head | None:
    """How far the trail had come when a tick last ended; None: none has; ValueError: nobody can read it."""
    try:
        lines = head_path(database).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise ValueError(str(problem)) from None
    if len(lines) != 4 or lines[0] != FORMAT:
        raise ValueError(f"it does not begin with {FORMAT}")
    return Head(lines[1], int(lines[2]), lines[3])


def leave_head(store: Store) -> None:
    """Keep how far the trail has come, if it has gone on; where that cannot be written, the next tick does."""
    with suppress(ValueError, OSError, CoopflowError):
        if kept_head(store.path) != _head(store):
            replace_head(store)


def replace_head(store: Store) -> None:
    """Keep it whatever was kept before: what was on record here may be given up."""
    head = _head(store)
    files.put(head_path(store.path), "\n".join([FORMAT, head.database_id, str(head.event_id), head.hash, ""]))


def _head(store: Store) -> Head:
    return Head(store.database_id, *head_of(store.db))
