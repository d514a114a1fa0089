"""`coopflow backup`: the copy is sound, or it is not there."""

import errno
import os
import resource
import signal
import sqlite3
import stat
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from coopflow.core.audit import Verified
from coopflow.errors import ExitCode
from coopflow.store import copying
from coopflow.store.database import open_database, problems
from coopflow.store.log import verify
from tests.cli.conftest import CoOp
from tests.faults.children import end_of, fork
from tests.keeping.conftest import ask, database, documents


def test_a_backup_is_the_database_as_it_was(school: CoOp) -> None:
    target = school.folder / "saved.db"
    before = ask(database(school), "SELECT count(*), max(hash) FROM event_log")
    ran = school.run("backup", str(target))
    assert ran.code == 0
    assert "looked through" in ran.err
    assert ask(target, "SELECT count(*), max(hash) FROM event_log") == before
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(open_database(target, read_only=True)) as db:
        assert problems(db, thorough=True) == []
        assert isinstance(verify(db), Verified)


def test_it_is_on_record_afterwards_and_doctor_knows_how_old_it_is(school: CoOp) -> None:
    made = documents(school, "backup", "saved.db", at="2026-03-20 13:00:00")
    assert Path(made["file"]).name == "saved.db"
    [last] = ask(database(school), "SELECT kind, prev_hash FROM event_log ORDER BY event_id DESC LIMIT 1")
    assert last == ("backup.made", made["head"])

    def age(at: str) -> tuple[str, str]:
        [found] = [check for check in documents(school, "doctor", at=at)["checks"] if check["check"] == "backup"]
        return found["level"], found["words"]

    assert age("2026-03-21 13:00:00") == ("good", "the last one was made 1 day ago")
    assert age("2026-03-28 13:00:00")[0] == "warning"


def test_without_any_backup_doctor_says_so(school: CoOp) -> None:
    [found] = [check for check in documents(school, "doctor")["checks"] if check["check"] == "backup"]
    assert (found["level"], found["words"]) == ("warning", "no backup was ever made")


@pytest.mark.parametrize("name", ["coopflow.db", "./coopflow.db", "coopflow.db-wal", "coopflow.db.lock", "link.db"])
def test_s26_the_database_and_what_belongs_to_it_are_refused(school: CoOp, name: str) -> None:
    (school.folder / "link.db").symlink_to(database(school))
    before = database(school).read_bytes()
    ran = school.run("backup", name, "--force")
    assert (ran.code, "belongs to the database itself" in ran.err) == (ExitCode.NOT_FOUND, True)
    assert database(school).read_bytes() == before


def test_s26_a_file_that_exists_is_left_as_it_is_unless_forced(school: CoOp) -> None:
    target = school.folder / "saved.db"
    target.write_text("precious")
    assert school.run("backup", str(target)).code == ExitCode.NOT_FOUND
    assert target.read_text() == "precious"
    assert school.run("backup", str(target), "--force").code == 0
    assert ask(target, "SELECT count(*) FROM families") == [(1,)]


@pytest.mark.parametrize("name", ["nowhere/saved.db", "outbox"])
def test_s26_a_target_that_cannot_be_is_told(school: CoOp, name: str) -> None:
    ran = school.run("backup", name)
    assert ran.code in (ExitCode.DATABASE_UNUSABLE, ExitCode.NOT_FOUND)
    assert "Traceback" not in ran.err
    assert [path for path in school.folder.iterdir() if "partial" in path.name] == []


def test_s02_a_full_disk_leaves_nothing_under_the_name(school: CoOp) -> None:
    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        sys.dont_write_bytecode = True  # it would be cut short, and stay so
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_960, 40_960))
        with closing(open_database(database(school), read_only=True)) as db:
            copying.copy(db, school.folder / "saved.db")

    assert end_of(fork(small_disk)) == ExitCode.DATABASE_UNUSABLE
    assert [path.name for path in school.folder.glob("saved.db*")] == []


def test_a_disk_that_fails_at_the_last_step_leaves_nothing(school: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(copying.files, "sync", fails)
    ran = school.run("backup", "saved.db")
    assert (ran.code, "input/output error" in ran.err) == (ExitCode.DATABASE_UNUSABLE, True)
    assert [path.name for path in school.folder.glob("saved.db*")] == []


def test_two_at_once_do_not_write_into_each_other(school: CoOp) -> None:
    import fcntl

    held = os.open(school.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert school.run("backup", "saved.db").code == ExitCode.TEMPORARY
    os.close(held)
    assert school.run("backup", "saved.db").code == 0


def test_a_copy_with_another_trail_is_not_kept(school: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_HASH_OF", "SELECT 'another' WHERE ? > 0")
    ran = school.run("backup", "saved.db")
    assert (ran.code, "is not sound" in ran.err) == (ExitCode.DATABASE_UNUSABLE, True)
    assert not (school.folder / "saved.db").exists()


def test_s25_each_backup_made_during_busy_ticks_is_sound(school: CoOp) -> None:
    """A writer hardly pauses; every copy is a state that was committed, with its whole trail."""
    path, stop = database(school), threading.Event()

    def busy() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as raw:
            number = 0
            while not stop.is_set():
                number += 1
                raw.execute("BEGIN IMMEDIATE")
                raw.execute("INSERT INTO meta VALUES (?, ?)", (f"a{number}", "x" * 3_000))
                raw.execute("INSERT INTO meta VALUES (?, ?)", (f"b{number}", "x" * 3_000))
                raw.execute("COMMIT")
                stop.wait(0.02)  # much shorter than the lock is free between two ticks

    writer = threading.Thread(target=busy)
    writer.start()
    try:
        for number in range(20):
            with closing(open_database(path, read_only=True)) as db:
                copied = copying.copy(db, school.folder / f"saved-{number}.db")
            [(a, b)] = ask(copied.path, "SELECT sum(key GLOB 'a[0-9]*'), sum(key GLOB 'b[0-9]*') FROM meta")
            assert a == b
            with closing(open_database(copied.path)) as again:
                assert problems(again, thorough=True) == []
                assert isinstance(verify(again, copied.head), Verified)
    finally:
        stop.set()
        writer.join()
