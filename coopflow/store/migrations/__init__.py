"""Brings the tables up to date: numbered steps, whose number the database keeps as its `user_version`.

peewee's own runner does not fit: it keeps a second record of the version with a time of its own making, commits each
step by itself, and looks at what is pending before it holds the lock. Here all of it is one transaction under the lock.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeAlias

from coopflow.errors import DatabaseUnusable
from coopflow.store.migrations import v0001, v0002, v0003, v0004

Migration: TypeAlias = Sequence[str]  # statements, in order; a released one is never edited

MIGRATIONS: tuple[Migration, ...] = (v0001.STATEMENTS, v0002.STATEMENTS, v0003.STATEMENTS, v0004.STATEMENTS)


def version_of(connection: sqlite3.Connection) -> int:
    """Tell how many migrations the database has behind it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def upgrade(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration] = MIGRATIONS,
    *,
    before: Callable[[int], object] | None = None,
    after: Callable[[], object] | None = None,
) -> int:
    """Run what is pending, all of it or nothing, and tell the version found.

    `before` is called with that version when something is pending: nobody else writes then, and nothing has changed.
    `after` is called when all of it has been done, and belongs to it.
    """
    # A step that rebuilds a table needs the references off, which works outside a transaction only; `_run` checks them.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = version_of(connection)
        if found < len(migrations):
            if before is not None:
                before(found)
            _run(connection, [statement for migration in migrations[found:] for statement in migration])
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
            if after is not None:
                after()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")
    return found


def _run(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        table, row, parent, _ = broken[0]
        raise DatabaseUnusable(
            f"the database cannot be brought up to date: row {row} of {table} refers to a row of {parent}"
            f" that is not there ({len(broken)} such rows); nothing was changed"
        )
