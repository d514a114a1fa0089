"""The small facts about the database itself. Every tick asks for some, so the statements are written out."""

from peewee import Database

from coopflow.errors import DatabaseUnusable


def read_meta(db: Database, key: str) -> str:
    """One fact; a database without it was not made by `coopflow init`."""
    value = find_meta(db, key)
    if value is None:
        raise DatabaseUnusable(f"the database lacks its '{key}'; restore it from a backup")
    return value


def find_meta(db: Database, key: str) -> str | None:
    """One fact, or None."""
    row = db.execute_sql("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def write_meta(db: Database, key: str, value: str) -> None:
    """Set one fact."""
    db.execute_sql(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
