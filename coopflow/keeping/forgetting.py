"""A family is forgotten: not a byte of its name, addresses, notes and messages stays where coopflow keeps things.

What proves what was done stays: the audit trail with its chain, without the words. The order makes it safe to be
interrupted at any point: first the family is on the list of erased ones, at last the database notes that it has
forgotten all of them; in between, whatever opens it next begins again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from coopflow.acting import change
from coopflow.core import people
from coopflow.core.case import ENGINE
from coopflow.core.instants import format_instant
from coopflow.core.model import Event, Family
from coopflow.core.states import EntryStatus
from coopflow.doubts import doubts
from coopflow.errors import NotAllowed
from coopflow.keeping import erased, traces
from coopflow.keeping.archives import archives_of, open_archive
from coopflow.leftovers import entry_at
from coopflow.store import erasing, files
from coopflow.store.store import Store
from coopflow.triggers import require_family

WHY_CANCELLED = "the family is forgotten"
KEPT_COPIES = (".version-*", ".before-restore-*")  # what coopflow itself has put beside the database
_OPEN_TASKS = "SELECT task_id FROM coordinator_tasks WHERE family_id = ? AND status = 'open' ORDER BY task_id"
_WITHDRAW = "UPDATE coordinator_tasks SET status = 'withdrawn', completed_at = ?, escalate_at = NULL WHERE task_id = ?"
_UNDER_WAY = """
SELECT x.instance_id FROM workflow_step_executions x JOIN workflow_instances i USING (instance_id)
WHERE i.family_id = ? AND x.idempotency_key IS NOT NULL AND x.status IN ('pending', 'running') ORDER BY 1
"""


class Footprint(Struct, frozen=True):
    """What there is of a family, and goes."""

    family: Family
    active: Sequence[int]  # instances that are cancelled
    messages: Sequence[Path]  # files of messages
    copies: Sequence[Path]  # old copies of the whole database beside it
    archives: Sequence[Path]


class Forgotten(Struct):
    """What became of it."""

    family_id: str
    cancelled: list[int] = field(default_factory=list)
    deleted: list[Path] = field(default_factory=list)
    mentions: list[Path] = field(default_factory=list)  # files that are not coopflow's, and still name the family


def footprint(store: Store, family_id: str, *, outbox: Path, folder: Path) -> Footprint:
    """What forgetting a family comes to; NotAllowed with a sentence where it must wait."""
    family = require_family(store, family_id)
    _require_nothing_under_way(store, family_id)
    archives = archives_of(store)
    keys = set(erasing.keys_of_messages(store.db, family_id))
    for path in archives:
        with closing(open_archive(path)) as archive:
            keys |= set(erasing.keys_of_messages(archive, family_id))
    messages = [*traces.message_files(outbox, keys, [family]), *traces.done_files(folder, family)]
    return Footprint(family, store.active_instances(family_id), messages, _copies(store.path), archives)


def forget(
    store: Store,
    found: Footprint,
    *,
    folder: Path,
    reason: str | None,
    actor: str,
    now: datetime,
) -> Forgotten:
    """Erase a family for good. The caller holds the tick lock, so that no message of it is being sent."""
    family_id = found.family.family_id
    erased.add_to_list(store.path, family_id, now=now)
    done = Forgotten(family_id)
    with _without_a_trace(store, store.path):
        for path in found.archives:
            _erase_in_archive(path, family_id)
        _erase(store, done, reason=reason, actor=actor, now=now)
        for path in (*found.messages, *found.copies):
            path.unlink(missing_ok=True)
            done.deleted.append(path)
        for directory in {path.parent for path in done.deleted}:
            files.sync(directory)
    done.mentions = traces.mentions(folder, found.family, leave_out=(store.path, *found.archives))
    return done


def forget_again(store: Store, *, outbox: Path, actor: str, now: datetime, database: Path | None = None) -> list[str]:
    """Erase once more the families that a copy of the database still has although they were erased; nothing refuses.

    `database` is where it will lie, if that is elsewhere: the list lies there.
    """
    listed = database or store.path
    if not erased.may_remember_too_much(store, listed):
        return []
    on_the_list = erased.those_on_the_list(store, listed)
    again = sorted(family_id for family_id, is_shell in on_the_list.items() if not is_shell)
    keys = {key for family_id in on_the_list for key in erasing.keys_of_messages(store.db, family_id)}
    written = traces.message_files(outbox, keys, store.families(on_the_list, scores=False).values())
    with _without_a_trace(store, listed):
        for family_id in again:
            _erase(store, Forgotten(family_id), reason=None, actor=actor, now=now)
        for path in archives_of(store):
            for family_id in on_the_list if path.exists() else ():
                _erase_in_archive(path, family_id)
        for path in (*written, *_copies(store.path)):
            path.unlink(missing_ok=True)
    return again


@contextmanager
def _without_a_trace(store: Store, database: Path) -> Iterator[None]:
    """What is deleted in the block is overwritten; afterwards the file is written anew, and that is noted in it."""
    erasing.overwrite_what_is_deleted(store.db)
    yield
    erasing.leave_no_trace(store.db)
    with store.transaction():
        erased.mark_as_forgotten(store, database)


def _erase(store: Store, done: Forgotten, *, reason: str | None, actor: str, now: datetime) -> None:
    family_id = done.family_id
    with store.transaction():
        while ids := store.active_instances(family_id):  # the end of one may let another begin
            for number in ids:
                change(store, number, partial(people.cancel, reason=WHY_CANCELLED, now=now), actor=ENGINE, now=now)
            done.cancelled += ids
        for (number,) in store.db.execute_sql(_OPEN_TASKS, (family_id,)).fetchall():
            store.db.execute_sql(_WITHDRAW, (format_instant(now), number))
            store.log([_told("task.withdrawn", family_id, {"task": number}, ENGINE, now)])
        erasing.erase(store.db, family_id)
        event = _told("family.forgotten", family_id, {"cancelled": done.cancelled}, actor, now, reason)
        store.log([event])


def _told(
    kind: str, family_id: str, data: dict[str, object], actor: str, now: datetime, reason: str | None = None
) -> Event:
    words = {"reason": reason} if reason else None
    return Event(at=now, kind=kind, actor=actor, family_id=family_id, data=data, personal=words)


def _erase_in_archive(path: Path, family_id: str) -> None:
    with closing(open_archive(path)) as archive:
        erasing.overwrite_what_is_deleted(archive)
        with archive.transaction("IMMEDIATE"):
            erasing.erase(archive, family_id)
        erasing.leave_no_trace(archive)


def _copies(database: Path) -> list[Path]:
    found: Iterable[Path] = (path for kind in KEPT_COPIES for path in database.parent.glob(f"{database.name}{kind}"))
    return sorted(found)


def _require_nothing_under_way(store: Store, family_id: str) -> None:
    for doubt in doubts(store):
        if doubt.task.family_id == family_id:
            number = doubt.case.instance.instance_id
            raise NotAllowed(
                f"it is not known whether a message of instance {number} left; say so first, while its words are still"
                f" there: coopflow doubt resolve {number} --sent (or --not-sent)"
            )
    for (number,) in store.db.execute_sql(_UNDER_WAY, (family_id,)).fetchall():
        [case] = store.cases.load([number])
        entries = [entry_at(case, attempt) for attempt in case.running.values() if attempt.idempotency_key]
        if any(entry is None or entry.status is EntryStatus.PROCESSING for entry in entries):
            raise NotAllowed(f"a message of instance {number} is under way; try again after the next tick")
        if any(entry is not None and case.handed_over(entry) for entry in entries):
            raise NotAllowed(
                f"a message of instance {number} may have left when a tick was interrupted, and it is asked about when"
                f" the instance goes on; try again after that, or end it first with: coopflow cancel {number}"
            )
