"""The same with a write-ahead log, which is used where SQLite's is without its fault."""

from contextlib import closing

import pytest

from coopflow.errors import ExitCode
from coopflow.store import database as databases
from coopflow.store.database import open_database, problems
from tests.cli.conftest import CoOp
from tests.keeping.conftest import LATER, ask, database
from tests.keeping.test_forget import AFTER, SECRETS, bytes_left, forget
from tests.keeping.test_forget import known as known
from tests.keeping.test_place import mails, tick


@pytest.fixture
def wal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this SQLite were one whose write-ahead log can be trusted."""
    monkeypatch.setattr(databases, "journal_mode", lambda _: "wal")


pytestmark = pytest.mark.usefixtures("wal")


def test_o24_not_a_byte_is_left_in_the_write_ahead_log(known: CoOp) -> None:
    assert ask(database(known), "PRAGMA journal_mode") == [("wal",)]
    assert forget(known)[0] == 0
    assert bytes_left(known.folder, *SECRETS) == []
    assert known.run("audit", "verify", at=AFTER).code == 0


def test_while_somebody_reads_what_was_erased_is_not_called_gone(known: CoOp) -> None:
    with closing(open_database(database(known), read_only=True)) as reader:
        reader.connection().execute("BEGIN")
        reader.connection().execute("SELECT count(*) FROM families").fetchone()
        code, words = forget(known)
        assert (code, "still holds what was erased; try again" in words or "in use" in words) == (
            ExitCode.TEMPORARY,
            True,
        )
    known.run("note", "1", "another family", at=AFTER)  # any command that writes finishes it
    assert bytes_left(known.folder, *SECRETS) == []


def test_a_backup_is_one_file_and_is_restored(school: CoOp) -> None:
    assert school.run("backup", "saved.db").code == 0
    tick(school, at="2026-03-20 13:01:00")
    ran = school.run("restore", "saved.db", "--yes", at=LATER)
    assert (ran.code, "in use by another program" in ran.err) == (ExitCode.TEMPORARY, True), "others have it open"
    school.world.db.close()
    assert school.run("restore", "saved.db", "--yes", at=LATER).code == 0
    assert [path.name for path in school.folder.glob("*-wal")] == []
    assert tick(school)[0] == ExitCode.PERSON_NEEDED
    with closing(open_database(database(school))) as db:
        assert problems(db, thorough=True) == []
    assert mails(school.folder) == 1
    school.world.db.connect()
