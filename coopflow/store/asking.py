"""Questions to the database whose answers are rows by name: instants and JSON are read, nothing else is changed."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from peewee import Database

from coopflow.core.instants import parse_instant
from coopflow.store.failures import translating

Row = Mapping[str, Any]

_INSTANTS = (
    "at arrived_at completed_at created_date deadline due_date next_execution_at"
    " predicted_at received_at scheduled_for started_at trigger_date"
)
_DOCUMENTS = "data extra input_data output_data personal recommendations"
_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INSTANTS.split(), parse_instant),
    **dict.fromkeys(_DOCUMENTS.split(), json.loads),
}


class Asking:
    """What can be asked of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def _ask(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        with translating(getattr(self._db, "path", None)):
            cursor = self._db.execute_sql(statement, parameters)
            names = [column[0] for column in cursor.description]
            return list(_rows(names, cursor))


def _rows(names: Sequence[str], cursor: Iterable[Sequence[Any]]) -> Iterator[Row]:
    readers = [(name, _READ[name]) for name in names if name in _READ]
    for cells in cursor:
        row: dict[str, Any] = dict(zip(names, cells, strict=True))
        for name, read in readers:
            if row[name] is not None:
                row[name] = read(row[name])
        yield row


def all_of(clauses: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The condition that all clauses hold whose value is given, with the values; nothing if none is given."""
    asked = {clause: value for clause, value in clauses.items() if value is not None}
    return (f"WHERE {' AND '.join(asked)}" if asked else "", tuple(asked.values()))


def listed(values: Sequence[Any] | None) -> str | None:
    """Values as `json_each` reads them; None stays None."""
    return None if values is None else json.dumps(list(values))
