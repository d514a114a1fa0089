"""The event log: append-only, each entry chained to the one before it, in the transaction of the change it tells of.

What a person may ask to have erased lies apart, with a salt; the entry keeps a commitment to it, so that the chain
holds when it is gone.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from peewee import Database

from coopflow.core.audit import (
    GENESIS,
    PERSONAL,
    Broken,
    Record,
    Verified,
    canonical_json,
    committed_text,
    row_hash,
    verify_rows,
)
from coopflow.core.instants import format_instant
from coopflow.core.model import Event
from coopflow.store.failures import translating

_Columns: TypeAlias = tuple[Any, ...]
# What people type, what servers answer, what conditions quote of a family. Entries of version 1 kept them for good.
WORDS = ("reason", "description", "reference")
MOVED = "entry.words"  # the key under which the erasable part holds them
WORDS_OF_TASKS = (*WORDS, "outcome")  # a task whose step names no outcomes is closed with any words
SALT = 16  # bytes of it
PAGE = 5_000  # rows read at once: a reader that never pauses would keep writers waiting


class LogWriter:
    """Appends to the log of one database, inside the caller's transaction."""

    def __init__(self, db: Database, *, salts: Callable[[int], bytes] = lambda size: os.urandom(size)) -> None:
        self._db = db
        self._salts = salts

    def append(self, events: Sequence[Event]) -> list[int]:
        """Write the events in their order; answer with the ids they got."""
        if not events:
            return []
        connection = self._db.connection()
        if not connection.in_transaction:
            raise RuntimeError("the log is written inside the transaction of the change it tells of")
        # The end of the log is read each time: nobody can have moved it since this transaction began, but before, yes.
        last_id, last_hash = connection.execute(_LAST).fetchone() or (0, GENESIS)
        rows, personal = self._rows(events, last_id, last_hash)
        connection.executemany(_ADD, rows)
        connection.executemany(_ADD_PERSONAL, personal)
        return list(range(last_id + 1, last_id + 1 + len(rows)))

    def _rows(self, events: Sequence[Event], last_id: int, previous: str) -> tuple[list[_Columns], list[_Columns]]:
        rows: list[_Columns] = []
        personal: list[_Columns] = []
        at, at_text = None, ""
        salts = self._salts(SALT * len(events))  # at once, since each draw is a call to the system
        for place, event in enumerate(events):
            number = last_id + 1 + place
            if event.at is not at:  # a batch mostly has one instant
                at, at_text = event.at, format_instant(event.at)
            data, own = apart(event)
            if own is not None:
                salt, words = salts[place * SALT : (place + 1) * SALT], canonical_json(own)
                personal.append((number, event.family_id, salt, words))
                data = _with_commitment(data, committed_text(salt, words))
            data_text = canonical_json(data)
            entry = (number, at_text, event.kind, event.family_id, event.instance_id, event.actor, data_text)
            following = row_hash(previous, *entry)
            rows.append((*entry, previous, following))
            previous = following
        return rows, personal


def apart(event: Event) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """What an entry keeps for good, and what can be erased: of a family's entry, all that is free words."""
    if event.family_id is None:
        return event.data, event.personal
    names = WORDS_OF_TASKS if event.kind.startswith("task.") else WORDS
    if event.data.keys().isdisjoint(names):
        return event.data, event.personal
    moved = {name: event.data[name] for name in names if event.data.get(name) is not None}
    if not moved:
        return event.data, event.personal
    kept = {name: value for name, value in event.data.items() if name not in moved}
    return kept, {**(event.personal or {}), MOVED: moved}


def together(data: Mapping[str, Any], personal: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], Any]:
    """An entry as it was before `apart`, as far as it was not erased: what it says, and what is personal in it."""
    if not personal or not isinstance(personal.get(MOVED), Mapping):
        return data, personal
    rest = {name: value for name, value in personal.items() if name != MOVED} or None
    kept = {name: value for name, value in data.items() if rest or name != PERSONAL}
    return {**kept, **personal[MOVED]}, rest


def iterate(
    db: Database, *, since: datetime | None = None, until: datetime | None = None, family_id: str | None = None
) -> Iterator[Record]:
    """The entries in their order, with their erasable parts: from `since` on and before `until`."""
    wanted = {
        "l.at >= ?": since and format_instant(since),
        "l.at < ?": until and format_instant(until),
        "l.family_id = ?": family_id,
    }
    asked = {clause: value for clause, value in wanted.items() if value is not None}
    where = " AND ".join([_PAGE, *asked])
    return map(Record._make, _pages(db, _ENTRIES_WINDOW, f"{_ENTRIES} WHERE {where} ORDER BY 1", tuple(asked.values())))


def verify(db: Database, head: str | None = None) -> Verified | Broken:
    """Check the whole chain, then the erasable parts that still exist against what their entries keep of them."""
    verdict = verify_rows(_pages(db, _ENTRIES_WINDOW, f"{_CHAIN} WHERE {_PAGE} ORDER BY 1"), head)
    if isinstance(verdict, Broken):
        return verdict
    parts = _pages(db, _PARTS_WINDOW, f"{_PARTS} WHERE {_PAGE} ORDER BY 1")
    wrong = next((row[0] for row in parts if not _kept(*row[1:])), None)
    return verdict if wrong is None else Broken(wrong, "its personal part is not the one it was written with")


def head_of(db: Database) -> tuple[int, str]:
    """The id and the hash of the last entry: kept elsewhere, they show later that nothing was cut off."""
    with translating():
        row = db.execute_sql(_LAST).fetchone()
    return (0, GENESIS) if row is None else (row[0], row[1])


def hash_of(db: Database, event_id: int) -> str | None:
    """The hash of one entry; None: there is no such entry."""
    with translating():
        row = db.execute_sql("SELECT hash FROM event_log WHERE event_id = ?", (event_id,)).fetchone()
    return None if row is None else str(row[0])


_LAST = "SELECT event_id, hash FROM event_log ORDER BY event_id DESC LIMIT 1"
_ADD = """
INSERT INTO event_log (event_id, at, kind, family_id, instance_id, actor, data, prev_hash, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_PERSONAL = "INSERT INTO event_personal (event_id, family_id, salt, data) VALUES (?, ?, ?, ?)"
_CHAIN = """
SELECT l.event_id, l.at, l.kind, l.family_id, l.instance_id, l.actor, l.data, l.prev_hash, l.hash FROM event_log l
"""
_ENTRIES = """
SELECT l.event_id, l.at, l.kind, l.family_id, l.instance_id, l.actor, l.data, l.prev_hash, l.hash, p.data
FROM event_log l LEFT JOIN event_personal p USING (event_id)
"""
_PARTS = """
SELECT l.event_id, l.salt, l.data, l.family_id, e.family_id, e.data
FROM event_personal l LEFT JOIN event_log e USING (event_id)
"""
_ENTRIES_WINDOW = "SELECT max(event_id) FROM (SELECT event_id FROM event_log WHERE event_id > ? ORDER BY 1 LIMIT ?)"
_PARTS_WINDOW = "SELECT max(event_id) FROM (SELECT event_id FROM event_personal WHERE event_id > ? ORDER BY 1 LIMIT ?)"
_PAGE = "l.event_id > ? AND l.event_id <= ?"
_BEFORE_ALL = -(2**63)


def _pages(db: Database, window: str, sql: str, asked: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The rows of a long question, asked in windows of ids, so that no writer waits for its end."""
    last = _BEFORE_ALL
    while True:
        with translating():
            (until,) = db.execute_sql(window, (last, PAGE)).fetchone()
            if until is None:
                return
            rows = db.execute_sql(sql, (last, until, *asked)).fetchall()
        yield from rows
        last = until


def _kept(salt: bytes, words: str, family_id: str | None, entry_family_id: str | None, entry_data: str | None) -> bool:
    """Whether an erasable part is the one that its entry commits to."""
    if entry_data is None or family_id != entry_family_id:
        return False
    promise = committed_text(salt, words)
    if entry_data.startswith(f'{{"{PERSONAL}":"{promise}"'):
        return True  # its first key, as it mostly is: nothing needs to be parsed
    return bool(json.loads(entry_data).get(PERSONAL) == promise)


def _with_commitment(data: Mapping[str, Any], promise: str) -> Mapping[str, Any]:
    if PERSONAL in data:
        raise ValueError(f"an event's data cannot have a key '{PERSONAL}': it is the place of the commitment")
    return {**data, PERSONAL: promise}
