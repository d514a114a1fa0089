"""Small things to know of an SQLite file, and to set on connections that SQLAlchemy opens."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def count(path: Path, table: str, where: str = "TRUE") -> int:
    """How many rows a table has."""
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}").fetchone()
    return int(rows)


def size(path: Path) -> int:
    """How large a file is once the write-ahead log has been copied back into it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page)


def put_in_wal() -> None:
    """Have each connection that SQLAlchemy opens in this process write ahead, without a sync for each commit."""
    from sqlalchemy import Engine, event

    @event.listens_for(Engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
