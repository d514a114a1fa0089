"""The small facts about the database itself."""

from peewee import Database

from coopflow.errors import DatabaseUnusable
from coopflow.store.tables import MetaRow


def read_meta(db: Database, key: str) -> str:
    """One fact; a database without it was not made by `coopflow init`."""
    value = find_meta(db, key)
    if value is None:
        raise DatabaseUnusable(f"the database lacks its '{key}'; restore it from a backup")
    return value


def find_meta(db: Database, key: str) -> str | None:
    """One fact, or None."""
    found = MetaRow.select().where(MetaRow.key == key).execute(db)
    return next((str(row.value) for row in found), None)


def write_meta(db: Database, key: str, value: str) -> None:
    """Set one fact."""
    statement = MetaRow.insert(key=key, value=value)
    statement.on_conflict(conflict_target=[MetaRow.key], update={MetaRow.value: value}).execute(db)
