"""The list of families that were erased, beside the database: what a backup that is put back must forget again.

It names nobody. A family stands in it as a keyed hash of its id. The key lies in the same file, so whoever can read it
can try ids, and would learn that one was erased, and when; the file is therefore its owner's alone.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from coopflow.core.decide import FORGOTTEN
from coopflow.core.instants import format_instant, parse_instant
from coopflow.errors import DatabaseUnusable
from coopflow.store import files
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

FORMAT = "coopflow erased 1"
SEEN = "erased_list"  # in `meta`: the state of the list up to which this database has forgotten
NONE_YET = "none"
A_MOMENT = timedelta(seconds=1)


class Erased(Struct, frozen=True):
    """The list."""

    key: bytes
    families: dict[str, datetime]  # hash → when it was erased

    def when(self, family_id: str) -> datetime | None:
        """When a family was erased; None: it was not."""
        return self.families.get(self.named(family_id))

    def named(self, family_id: str) -> str:
        """What a family stands as."""
        return hmac.new(self.key, family_id.encode(), hashlib.sha256).hexdigest()

    @property
    def state(self) -> str:
        """The same for two lists only if they are alike."""
        return hashlib.sha256(repr(sorted(self.families.items())).encode()).hexdigest()


def list_path(database: Path) -> Path:
    """`coopflow.db.erased`."""
    return database.with_name(f"{database.name}.erased")


def read_list(database: Path) -> Erased | None:
    """The list beside a database; None: nobody was erased yet."""
    path = list_path(database)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        if lines[:1] != [FORMAT]:
            raise ValueError(f"it does not begin with {FORMAT}")
        pairs = [line.split(" ") for line in lines[2:]]
        return Erased(bytes.fromhex(lines[1]), {name: parse_instant(at) for name, at in pairs})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, IndexError) as problem:
        raise DatabaseUnusable(
            f"{path}, the list of the families that were erased, cannot be read ({problem}); put a good copy of it in"
            " its place, or an erased family could come back with an old backup"
        ) from None


def add_to_list(database: Path, family_id: str, *, now: datetime) -> None:
    """Put a family on the list, durably: before it is erased, so that no crash can leave it out."""
    known = read_list(database) or Erased(os.urandom(32), {})
    families = {**known.families, known.named(family_id): now}
    rows = [f"{name} {format_instant(at)}" for name, at in families.items()]
    files.put(list_path(database), "\n".join([FORMAT, known.key.hex(), *rows, ""]))


def welcome_back(store: Store, family_ids: Iterable[str], *, now: datetime) -> None:
    """Let families that were erased count as known from now on, inside the caller's transaction: not since before."""
    known = read_list(store.path)
    for family_id in family_ids:
        at = known.when(family_id) if known else None
        since = now if at is None else max(now, at + A_MOMENT)
        store.db.execute_sql(
            "UPDATE families SET created_date = ? WHERE family_id = ?", (format_instant(since), family_id)
        )


def mark_as_forgotten(store: Store, database: Path) -> None:
    """Note in the database that it has forgotten everybody on the list."""
    known = read_list(database)
    write_meta(store.db, SEEN, known.state if known else NONE_YET)


def may_remember_too_much(store: Store, database: Path) -> bool:
    """Whether families were erased after this copy of the database was made, as far as it knows."""
    known = read_list(database)
    return known is not None and find_meta(store.db, SEEN) != known.state


def those_on_the_list(store: Store, database: Path) -> dict[str, bool]:
    """The families that the database has from before they were erased; True: all that is left is the shell."""
    known = read_list(database)
    if known is None:
        return {}
    question = (
        "SELECT family_id, created_date, status FROM families"
        " UNION SELECT family_id, received_at, NULL FROM ml_predictions"
        " WHERE family_id NOT IN (SELECT family_id FROM families)"
    )
    rows = store.db.execute_sql(question).fetchall()
    whens = [(family_id, known.when(family_id), parse_instant(since), status) for family_id, since, status in rows]
    return {family_id: status == FORGOTTEN for family_id, at, since, status in whens if at is not None and since <= at}
