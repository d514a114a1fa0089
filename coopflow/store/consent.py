"""What was said about writing to addresses: kept as it was said, and never changed."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import Database

from coopflow.core.consent import ConsentRecord, Word, standing
from coopflow.core.instants import format_instant, parse_instant

_COLUMNS = "channel, address, allowed, at, how, actor, covers, text, family_id"
_AT_ADDRESSES = f"""
SELECT {_COLUMNS} FROM consent_records WHERE address IN (SELECT value FROM json_each(?)) ORDER BY at, record_id
"""
_OF_FAMILY = f"""
SELECT {_COLUMNS} FROM consent_records
WHERE family_id = ?1 OR address IN (SELECT value FROM json_each(?2)) ORDER BY at, record_id
"""
_ADD = f"""
INSERT INTO consent_records ({_COLUMNS}, created_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_KNOWN = """
SELECT EXISTS (SELECT 1 FROM consent_records
WHERE channel = ? AND address IS ? AND allowed = ? AND at = ? AND covers = ? AND family_id IS ?)
"""
_FAMILIES_AT = """
SELECT family_id FROM families WHERE email IS NOT NULL AND lower(email) = ?1
UNION SELECT family_id FROM families WHERE phone = ?1 ORDER BY 1
"""


class Consents:
    """The records of consent."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, record: ConsentRecord, *, now: datetime) -> bool:
        """Keep a record; False: it tells of something earlier, and has been kept before."""
        connection = self._db.connection()
        said = (record.channel, record.address, record.allowed, format_instant(record.at))
        known = (*said, record.covers, record.family_id)
        if record.at < now and connection.execute(_KNOWN, known).fetchone()[0]:
            return False
        rest = (record.how, record.actor, record.covers, record.text, record.family_id, format_instant(now))
        connection.execute(_ADD, (*said, *rest))
        return True

    def at_address(self, channel: str, address: str) -> Word | None:
        """What stands for an address."""
        return standing_at(self._db, [address]).get((channel, address))

    def of_family(self, family_id: str, addresses: Collection[str]) -> Sequence[ConsentRecord]:
        """All that a family said, and all that was said for these addresses, oldest first."""
        rows = self._db.connection().execute(_OF_FAMILY, (family_id, json.dumps(sorted(addresses))))
        return [_record_of(row) for row in rows]

    def said_by(self, family_id: str, channel: str) -> Sequence[ConsentRecord]:
        """What a family said itself about a channel, oldest first."""
        return [found for found in self.of_family(family_id, ()) if found.channel == channel]

    def families_at(self, address: str) -> Sequence[str]:
        """The families that have an address, in its one spelling."""
        return [row[0] for row in self._db.connection().execute(_FAMILIES_AT, (address,))]


def standing_at(db: Database, addresses: Iterable[str]) -> Mapping[tuple[str, str], Word]:
    """What stands for each of these addresses, by channel and address, in one question."""
    said: dict[tuple[str, str], list[Word]] = defaultdict(list)
    for row in db.connection().execute(_AT_ADDRESSES, (json.dumps(sorted(addresses)),)):
        said[row[0], row[1]].append(_record_of(row).word)
    return {key: word for key, words in said.items() if (word := standing(words))}


def _record_of(row: Sequence[Any]) -> ConsentRecord:
    channel, address, allowed, at, how, actor, covers, text, family_id = row
    return ConsentRecord(
        channel=channel,
        address=address,
        allowed=bool(allowed),
        at=parse_instant(at),
        how=how,
        actor=actor,
        covers=covers,
        text=text,
        family_id=family_id,
    )
