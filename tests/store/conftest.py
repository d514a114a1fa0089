from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coopflow.store.database import Database, create, open_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a database is; nothing else is in that directory."""
    home = tmp_path / "coop"
    home.mkdir()
    return home / "coopflow.db"


@pytest.fixture
def made(path: Path) -> Path:
    """A new database that nobody has open."""
    create(path, created_by="0.1.0", new_id=lambda: "c0ffee").close()
    return path


@pytest.fixture
def open_it(made: Path) -> Iterator[Callable[[], Database]]:
    """Opens the database as often as it is called."""
    opened: list[Database] = []

    def one_more() -> Database:
        opened.append(open_database(made))
        return opened[-1]

    yield one_more
    for db in opened:
        db.close()


@pytest.fixture
def db(open_it: Callable[[], Database]) -> Database:
    """The database, open."""
    return open_it()
