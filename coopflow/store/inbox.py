"""What came in from outside: each thing once, whose it is, and which message of ours it speaks of."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.core.audit import canonical_json
from coopflow.core.incoming import ItemKind, ItemStatus, Sent
from coopflow.core.instants import format_instant, parse_instant
from coopflow.store.asking import Asking, Row, all_of
from coopflow.store.meta import find_meta, write_meta

ALL = -1  # what LIMIT takes for no limit

_ITEMS = """
SELECT n.item_id, n.source, n.provider_id, n.kind, n.channel, n.received_at, n.taken_at, n.status, n.reason,
       n.family_id, f.family_name, n.instance_id, n.event_id, n.task_id, p.data AS personal
FROM inbox_items n LEFT JOIN families f USING (family_id) LEFT JOIN event_personal p USING (event_id)
"""
_ADD = """
INSERT INTO inbox_items (item_id, source, provider_id, mail_id, kind, channel, received_at, taken_at, status, reason,
                         family_id, instance_id, event_id, task_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SETTLE = """
UPDATE inbox_items SET status = ?, reason = ?, family_id = ?, instance_id = ?, event_id = ? WHERE item_id = ?
"""
_SENT = """
SELECT x.execution_id, x.instance_id, i.family_id, x.branch, x.step_id, x.visit, x.step_type, x.message_id,
       json_extract(x.input_data, '$.to'), x.output_data, x.status
FROM workflow_step_executions x JOIN workflow_instances i USING (instance_id)
WHERE x.idempotency_key IS NOT NULL AND {which} ORDER BY x.status = 'completed' DESC, x.execution_id DESC LIMIT 1
"""
_BY_MESSAGE = _SENT.format(which="x.message_id IN (SELECT value FROM json_each(?))")
_BY_REFERENCE = _SENT.format(which="json_extract(x.output_data, '$.reference') = ? AND x.step_type = ?")
_BY_KEY = _SENT.format(which="x.idempotency_key = ? AND x.step_type = ?")
_LAST_TO = _SENT.format(
    which="i.family_id = ? AND x.step_type = ? AND x.started_at >= ? AND x.status = 'completed'"
    " AND json_extract(x.input_data, '$.to') = ? COLLATE NOCASE"
)
_SHARING = {
    "email": "SELECT family_id FROM families WHERE email IS NOT NULL AND lower(email) = lower(?) ORDER BY family_id",
    "sms": "SELECT family_id FROM families WHERE phone = ? ORDER BY family_id",
}
_OPTED_IN = """
SELECT 1 FROM event_log WHERE family_id = ? AND kind = 'family.opted_in'
  AND EXISTS (SELECT 1 FROM json_each(data, '$.channel') WHERE value = ?)
"""


class Inbox(Asking):
    """The things that came in to one co-op. What writes expects to be called inside `Store.transaction()`."""

    # -- items ----------------------------------------------------------------------------------------------------

    def known(self, source: str, provider_ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that the source has had taken in before."""
        rows = self._ask(
            "SELECT provider_id FROM inbox_items WHERE source = ? AND provider_id IN (SELECT value FROM json_each(?))",
            (source, json.dumps(list(provider_ids))),
        )
        return frozenset(row["provider_id"] for row in rows)

    def newest(self, source: str) -> str | None:
        """The greatest id of a source among those with the beginning (up to a colon) that its last item has."""
        rows = self._ask(
            "SELECT provider_id FROM inbox_items NOT INDEXED WHERE source = ? ORDER BY item_id DESC LIMIT 1", (source,)
        )
        if not rows:
            return None
        beginning = rows[0]["provider_id"].partition(":")[0]
        [row] = self._ask(
            "SELECT MAX(provider_id) AS newest FROM inbox_items"
            " WHERE source = ? AND provider_id BETWEEN ? || ':' AND ? || ';'",
            (source, beginning, beginning),
        )
        found: str | None = row["newest"]
        return found

    def earlier(self, source: str, provider_id: str, mail_id: str | None) -> Row | None:
        """The item that this is once more: by its source's id, or the same mail by another way."""
        rows = self._ask(
            f"{_ITEMS} WHERE n.source = ? AND n.provider_id = ? OR n.mail_id = ? ORDER BY n.item_id LIMIT 1",
            (source, provider_id, mail_id),
        )
        return rows[0] if rows else None

    def next_id(self) -> int:
        """The id for the next item."""
        [row] = self._ask("SELECT COALESCE(MAX(item_id), 0) + 1 AS next FROM inbox_items")
        return int(row["next"])

    def add(
        self,
        item_id: int,
        *,
        source: str,
        provider_id: str,
        mail_id: str | None,
        kind: ItemKind,
        channel: str,
        received_at: datetime,
        status: ItemStatus,
        reason: str,
        family_id: str | None,
        instance_id: int | None,
        event_id: int,
        task_id: int | None,
        now: datetime,
    ) -> None:
        """Keep an item; the database refuses one that it has already."""
        stamps = (format_instant(received_at), format_instant(now))
        whose = (family_id, instance_id, event_id, task_id)
        self._db.execute_sql(
            _ADD,
            (item_id, source, provider_id, mail_id, kind, channel, *stamps, status, reason, *whose),
        )

    def settle(
        self,
        item_id: int,
        *,
        status: ItemStatus,
        reason: str,
        family_id: str | None,
        instance_id: int | None,
        event_id: int,
    ) -> None:
        """Say what became of an item after all."""
        self._db.execute_sql(_SETTLE, (status, reason, family_id, instance_id, event_id, item_id))

    def get(self, item_id: int) -> Row | None:
        """One item."""
        rows = self._ask(f"{_ITEMS} WHERE n.item_id = ?", (item_id,))
        return rows[0] if rows else None

    def items(self, *, status: str | None = None, family_id: str | None = None, limit: int = ALL) -> Sequence[Row]:
        """Items, the newest first."""
        where, values = all_of({"n.status = ?": status, "n.family_id = ?": family_id})
        return self._ask(f"{_ITEMS} {where} ORDER BY n.item_id DESC LIMIT ?", (*values, limit))

    def unmatched(self) -> int:
        """How many items a person must match."""
        [row] = self._ask("SELECT COUNT(*) AS items FROM inbox_items WHERE status = 'unmatched'")
        return int(row["items"])

    def forget_words(self, event_id: int) -> None:
        """Erase what an entry says that has been told again elsewhere, under the family that it belongs to."""
        self._db.execute_sql("DELETE FROM event_personal WHERE event_id = ?", (event_id,))

    # -- what it may speak of ---------------------------------------------------------------------------------------

    def sent_as(self, message_ids: Sequence[str]) -> Sent | None:
        """The message of ours with one of these Message-IDs."""
        return self._sent(_BY_MESSAGE, (json.dumps(message_ids),)) if message_ids else None

    def sent_with(self, reference: str, channel: str) -> Sent | None:
        """The message that a gateway calls by this name, or that we do."""
        return (
            self._sent(_BY_REFERENCE, (reference, channel))
            or self._sent(_BY_KEY, (reference, channel))
            or self.sent_as([reference])
        )

    def last_sent_to(self, family_id: str, channel: str, address: str, *, since: datetime) -> Sent | None:
        """The last message to a family at this address that was accepted."""
        return self._sent(_LAST_TO, (family_id, channel, format_instant(since), address))

    def _sent(self, statement: str, values: Sequence[Any]) -> Sent | None:
        row = self._db.execute_sql(statement, values).fetchone()
        if row is None:
            return None
        return Sent(
            execution_id=row[0],
            instance_id=row[1],
            family_id=row[2],
            branch=row[3],
            step_id=row[4],
            visit=row[5],
            channel=row[6],
            message_id=row[7],
            to=row[8],
            output=json.loads(row[9] or "{}"),
            accepted=row[10] == "completed",
        )

    def record_output(self, execution_id: int, output: Mapping[str, Any]) -> None:
        """Write what became of a message beside what the step gave."""
        self._db.execute_sql(
            "UPDATE workflow_step_executions SET output_data = ? WHERE execution_id = ?",
            (canonical_json(output), execution_id),
        )

    def families_at(self, channel: str, address: str) -> list[str]:
        """The families with this address or number."""
        return [row["family_id"] for row in self._ask(_SHARING[channel], (address,))]

    def family_of(self, instance_id: int) -> str | None:
        """Whose instance it is; None: there is none."""
        rows = self._ask("SELECT family_id FROM workflow_instances WHERE instance_id = ?", (instance_id,))
        return rows[0]["family_id"] if rows else None

    def once_opted_in(self, family_id: str, channel: str) -> bool:
        """Whether consent of the family was put on record at some time."""
        return bool(self._ask(_OPTED_IN, (family_id, channel)))

    # -- addresses that do not work ---------------------------------------------------------------------------------

    def mark_bad(self, channel: str, address: str, reason: str, *, now: datetime) -> None:
        """Remember that messages to an address come back."""
        self._db.execute_sql(
            "INSERT INTO bad_addresses (channel, address, since, reason) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (channel, address) DO UPDATE SET reason = excluded.reason",
            (channel, address.lower(), format_instant(now), reason),
        )

    def clear_bad(self, channel: str, address: str) -> bool:
        """Forget it; False: it was not known as bad."""
        cursor = self._db.execute_sql(
            "DELETE FROM bad_addresses WHERE channel = ? AND address = ?", (channel, address.lower())
        )
        return bool(cursor.rowcount)

    def bad_addresses(self) -> Sequence[Row]:
        """The addresses that do not work."""
        return self._ask("SELECT channel, address, since AS arrived_at, reason FROM bad_addresses ORDER BY 1, 2")

    # -- sources ----------------------------------------------------------------------------------------------------

    def first_contact(self, source: str) -> datetime | None:
        """From when on things of a source are taken in; None: it has never been read."""
        text = find_meta(self._db, f"inbox_since:{source}")
        return None if text is None else parse_instant(text)

    def begin(self, source: str, *, since: datetime) -> None:
        """Take things of a source in from an instant on."""
        write_meta(self._db, f"inbox_since:{source}", format_instant(since))

    def trouble(self, source: str) -> Mapping[str, Any]:
        """Why a source cannot be read: `words`, `since` and when it is tried `again`; empty: it can."""
        found: Mapping[str, Any] = json.loads(find_meta(self._db, f"inbox_trouble:{source}") or "{}")
        return found

    def set_trouble(self, source: str, trouble: Mapping[str, Any]) -> None:
        """Remember why a source cannot be read; with nothing, that it can."""
        write_meta(self._db, f"inbox_trouble:{source}", canonical_json(trouble))
