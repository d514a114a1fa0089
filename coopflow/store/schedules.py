"""The workflows that the clock starts: when each is looked at next, and for whom its condition held the last time."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from peewee import Database

from coopflow.core.instants import format_instant, parse_instant
from coopflow.store.meta import find_meta, write_meta

HAD = "had"  # in `meta`: `had:NAME`
_PUT = """
INSERT INTO workflow_schedules (template_name, trigger, done_until, next_at) VALUES (?, ?, ?, ?)
ON CONFLICT (template_name) DO UPDATE
SET trigger = excluded.trigger, done_until = excluded.done_until, next_at = excluded.next_at
"""
_SOON = """
UPDATE workflow_schedules SET next_at = ?1
WHERE json_extract(trigger, '$.on') IS NOT NULL AND (next_at IS NULL OR next_at > ?1)
"""
_MATCHES = (
    "SELECT family_id FROM workflow_matches WHERE template_name = ? AND family_id IN (SELECT value FROM json_each(?))"
)
_FORGET = "DELETE FROM workflow_matches WHERE template_name = ? AND family_id IN (SELECT value FROM json_each(?))"
_USED = "SELECT start_key FROM workflow_instances WHERE start_key IN (SELECT value FROM json_each(?))"
_UPDATED = "SELECT family_id FROM families WHERE updated_date > ? AND family_id IN (SELECT value FROM json_each(?))"


class Schedule(Struct, frozen=True):
    """One row: what the times were computed from, up to when all is done, and when it is looked at next."""

    name: str
    trigger: str  # canonical JSON
    done_until: datetime
    next_at: datetime | None  # None: never again


class Schedules:
    """The schedules of one database. Every change expects to be made inside a transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> Mapping[str, Schedule]:
        """Every schedule by the name of its workflow."""
        rows = self._db.execute_sql("SELECT template_name, trigger, done_until, next_at FROM workflow_schedules")
        return {
            row[0]: Schedule(row[0], row[1], parse_instant(row[2]), row[3] and parse_instant(row[3])) for row in rows
        }

    def due(self, *, now: datetime) -> list[str]:
        """The workflows that are to be looked at, the longest overdue first."""
        rows = self._db.execute_sql(
            "SELECT template_name FROM workflow_schedules WHERE next_at <= ? ORDER BY next_at", (format_instant(now),)
        )
        return [row[0] for row in rows]

    def put(self, schedule: Schedule) -> None:
        """Keep a schedule as it now is."""
        next_at = schedule.next_at and format_instant(schedule.next_at)
        self._db.execute_sql(_PUT, (schedule.name, schedule.trigger, format_instant(schedule.done_until), next_at))

    def drop(self, name: str) -> None:
        """Forget a schedule, with all that it remembers of families."""
        self._db.execute_sql("DELETE FROM workflow_schedules WHERE template_name = ?", (name,))
        self._db.execute_sql("DELETE FROM meta WHERE key = ?", (f"{HAD}:{name}",))

    def count_as_had(self, name: str, start_keys: Collection[str]) -> None:
        """Let these count as started, and no others: what had passed for families when a trigger came into force."""
        write_meta(self._db, f"{HAD}:{name}", json.dumps(sorted(map(_fingerprint, start_keys))))

    def look_soon(self, *, now: datetime) -> None:
        """Let what hangs on dates of families be looked at by the next tick, since the families have changed."""
        self._db.execute_sql(_SOON, (format_instant(now),))

    def matches(self, name: str, family_ids: Collection[str]) -> set[str]:
        """Those of the families for whom the condition held the last time."""
        return {row[0] for row in self._db.execute_sql(_MATCHES, (name, json.dumps(sorted(family_ids))))}

    def remember(self, name: str, family_ids: Collection[str], *, now: datetime) -> None:
        """Note that the condition holds for these families."""
        self._db.connection().executemany(
            "INSERT INTO workflow_matches (template_name, family_id, since) VALUES (?, ?, ?)",
            [(name, family_id, format_instant(now)) for family_id in sorted(family_ids)],
        )

    def forget(self, name: str, family_ids: Collection[str]) -> None:
        """Note that it does not hold for these any more."""
        self._db.execute_sql(_FORGET, (name, json.dumps(sorted(family_ids))))

    def used(self, name: str, start_keys: Collection[str]) -> set[str]:
        """Those of the start keys by which an instance of a workflow was started already, or that count as had."""
        begun = {row[0] for row in self._db.execute_sql(_USED, (json.dumps(sorted(start_keys)),))}
        had = set(json.loads(find_meta(self._db, f"{HAD}:{name}") or "[]"))
        return begun | {key for key in start_keys if _fingerprint(key) in had} if had else begun

    def updated_since(self, family_ids: Collection[str], *, since: datetime) -> set[str]:
        """Those of the families that were changed after an instant."""
        return {
            row[0] for row in self._db.execute_sql(_UPDATED, (format_instant(since), json.dumps(sorted(family_ids))))
        }

    def families(self, *, at_once: int) -> Iterator[list[str]]:
        """The ids of all families, a batch at a time; those that come meanwhile may be among them."""
        last = ""
        while True:
            rows = self._db.execute_sql(
                "SELECT family_id FROM families WHERE family_id > ? ORDER BY family_id LIMIT ?", (last, at_once)
            ).fetchall()
            if not rows:
                return
            yield [row[0] for row in rows]
            last = rows[-1][0]


def _fingerprint(start_key: str) -> str:
    """A start key without what it says: it names a family and its date."""
    return hashlib.blake2b(start_key.encode(), digest_size=8).hexdigest()
