"""Only what has changed of a row is written: a column that is not named costs neither its checks nor its indexes."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from sqlite3 import Connection
from typing import Any

from msgspec import Struct

Row = tuple[Any, ...]


class Table(Struct, frozen=True):
    """The columns of a table that change, in the order in which rows hold them."""

    name: str
    key: str
    columns: tuple[str, ...]

    def write(self, connection: Connection, changes: Iterable[tuple[int, Row, Row]]) -> None:
        """Write rows, each given by its key, as it is stored and as it is to be."""
        alike: dict[tuple[int, ...], list[list[Any]]] = defaultdict(list)
        for key, stored, row in changes:
            if row != stored:
                changed = tuple(place for place, value in enumerate(row) if value != stored[place])
                alike[changed].append([*(row[place] for place in changed), key])
        for places, rows in alike.items():
            connection.executemany(_update(self, places), rows)


@cache
def _update(table: Table, places: tuple[int, ...]) -> str:
    assignments = ", ".join(f"{table.columns[place]} = ?" for place in places)
    return f"UPDATE {table.name} SET {assignments} WHERE {table.key} = ?"
