"""`coopflow restore`: looked through first, the present one kept, and nothing sent before `adopt`."""

import shutil
import sqlite3
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest

from coopflow.core.audit import Verified
from coopflow.errors import ExitCode
from coopflow.keeping import restoring
from coopflow.store.database import create, open_database, problems
from coopflow.store.log import verify
from coopflow.store.migrations import MIGRATIONS, upgrade
from tests.cli.conftest import CoOp
from tests.keeping.conftest import LATER, ask, copy_over, database, documents
from tests.keeping.test_place import mails, tick


@pytest.fixture
def saved(school: CoOp) -> CoOp:
    """There is a backup; since then a mail has left."""
    school.run("backup", "saved.db")
    tick(school, at="2026-03-20 13:01:00")
    return school


def entries(path: Path) -> int:
    return int(ask(path, "SELECT count(*) FROM event_log")[0][0])


def beside(school: CoOp) -> set[str]:
    known = {"coopflow.db", "coopflow.db.lock", "coopflow.db.head", "saved.db"}
    return {path.name for path in school.folder.glob("*.db*")} - known


def test_a_backup_is_put_back_and_the_present_one_kept(saved: CoOp) -> None:
    present = entries(database(saved))
    ran = saved.run("restore", "saved.db", "--yes", at=LATER)
    assert ran.code == 0, ran.err
    [kept] = beside(saved)
    assert kept == "coopflow.db.before-restore-20260324T150000Z"
    assert entries(saved.folder / kept) == present
    assert entries(database(saved)) == entries(saved.folder / "saved.db") + 1
    assert ask(database(saved), "SELECT kind FROM event_log ORDER BY event_id DESC LIMIT 1") == [("database.restored",)]
    assert database(saved).stat().st_mode & 0o777 == 0o600
    with closing(open_database(database(saved))) as db:
        assert problems(db, thorough=True) == []
        assert isinstance(verify(db), Verified)


def test_s27_nothing_is_sent_before_somebody_has_adopted_it(saved: CoOp) -> None:
    saved.run("restore", "saved.db", "--yes", at=LATER)
    code, words = tick(saved, at="2026-03-24 15:01:00")
    assert (code, "it was restored from a backup" in words) == (ExitCode.PERSON_NEEDED, True)
    assert mails(saved.folder) == 1
    assert saved.run("adopt", "--yes", at="2026-03-24 15:02:00").code == 0
    assert tick(saved, at="2026-03-24 15:03:00") == (0, "")
    assert mails(saved.folder) == 1
    assert [task["task_type"] for task in documents(saved, "task", "list")] == ["person"]


def test_it_works_where_the_database_is_gone(saved: CoOp) -> None:
    database(saved).unlink()
    assert saved.run("restore", "saved.db", "--yes", at=LATER).code == 0
    assert beside(saved) == set()
    assert tick(saved)[0] == ExitCode.PERSON_NEEDED


def test_it_works_where_the_database_is_damaged(saved: CoOp) -> None:
    damaged = b"not a database" * 1000
    database(saved).write_bytes(damaged)
    (saved.folder / "coopflow.db-shm").write_bytes(b"stale")
    assert saved.run("restore", "saved.db", "--yes", at=LATER).code == 0
    kept = "coopflow.db.before-restore-20260324T150000Z"
    assert beside(saved) == {kept}, "and nothing that belonged to the old one lies beside the new one"
    assert (saved.folder / kept).read_bytes() == damaged


def test_without_a_yes_nothing_is_changed(saved: CoOp) -> None:
    before = database(saved).read_bytes()
    ran = saved.run("restore", "saved.db", at=LATER)
    assert (ran.code, "is sound" in ran.err) == (ExitCode.USAGE, True)
    assert (database(saved).read_bytes(), beside(saved)) == (before, set())


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"x" * 4096
    path.write_bytes(content)


def tamper(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        (sql,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'event_log_is_never_updated'").fetchone()
        raw.execute("DROP TRIGGER event_log_is_never_updated")
        raw.execute("UPDATE event_log SET actor = 'mike' WHERE event_id = 1")
        raw.execute(sql)
        raw.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")


def others(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA application_id = 7")


def another(path: Path) -> None:
    path.unlink()
    create(path).close()


SPOILT = [
    (damage, ExitCode.DATABASE_UNUSABLE, "saved.db"),
    (tamper, ExitCode.DATABASE_UNUSABLE, "entry 1 of its audit trail is not as it was written"),
    (newer, ExitCode.DATABASE_UNUSABLE, "a newer coopflow has used it"),
    (others, ExitCode.DATABASE_UNUSABLE, "is the database of another application"),
    (another, ExitCode.NOT_FOUND, "is the backup of another database"),
    (lambda path: path.write_text("hello"), ExitCode.DATABASE_UNUSABLE, "is not an SQLite database"),
    (lambda path: path.write_text(""), ExitCode.DATABASE_UNUSABLE, "is empty"),
    (lambda path: path.unlink(), ExitCode.NOT_FOUND, "there is no file"),
]


@pytest.mark.parametrize(("spoil", "code", "words"), SPOILT)
def test_what_is_no_sound_backup_of_this_database_is_refused(saved: CoOp, spoil, code: int, words: str) -> None:  # type: ignore[no-untyped-def]
    spoil(saved.folder / "saved.db")
    before = database(saved).read_bytes()
    ran = saved.run("restore", "saved.db", "--yes", at=LATER)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert (database(saved).read_bytes(), beside(saved)) == (before, set())


def test_the_database_itself_is_no_backup(saved: CoOp) -> None:
    ran = saved.run("restore", "coopflow.db", "--yes")
    assert (ran.code, "is the database itself" in ran.err) == (ExitCode.NOT_FOUND, True)


def test_a_tick_at_work_is_waited_for_and_not_overrun(saved: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    from coopflow.cli import keeping
    from coopflow.store.lock import TickLock

    monkeypatch.setattr(keeping, "TRIES", 2)
    with TickLock(database(saved)) as lock:
        assert lock.acquire()
        assert saved.run("restore", "saved.db", "--yes").code == ExitCode.TEMPORARY


def test_a_backup_of_version_1_is_brought_up_to_date_on_its_way(saved: CoOp) -> None:
    old = saved.folder / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as raw:
        upgrade(raw, MIGRATIONS[:1])
        raw.execute("PRAGMA application_id = 1131368304")
        raw.execute("INSERT INTO meta VALUES ('database_id', 'test'), ('epoch', '3'), ('created_by', '0.1.0')")
    assert saved.run("restore", "old.db", "--yes", at=LATER).code == 0
    assert ask(database(saved), "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert ask(old, "PRAGMA user_version") == [(1,)], "the backup itself stays as it is"
    assert [name for name in beside(saved) if "version" in name or "restoring" in name] == []


@pytest.mark.parametrize("place", ["_prepare", "_keep_the_old"])
def test_what_fails_on_the_way_leaves_the_present_one(saved: CoOp, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("out of luck")

    monkeypatch.setattr(restoring, place, fails)
    before = database(saved).read_bytes()
    assert saved.run("restore", "saved.db", "--yes", at=LATER).code == ExitCode.FAULT
    assert (database(saved).read_bytes(), beside(saved)) == (before, set())


def test_an_interrupted_one_can_be_begun_again(saved: CoOp) -> None:
    """The process died between giving the old one its other name and putting the new one in its place."""
    shutil.copy(saved.folder / "saved.db", saved.folder / "coopflow.db.restoring")
    (saved.folder / "coopflow.db.before-restore-20260324T150000Z").hardlink_to(database(saved))
    assert tick(saved)[0] == ExitCode.DATABASE_UNUSABLE  # two names for one file
    assert saved.run("restore", "saved.db", "--yes", at=LATER).code == 0
    assert tick(saved)[0] == ExitCode.PERSON_NEEDED
    assert "coopflow.db.restoring" not in beside(saved)


def test_o17_without_the_outbox_only_history_is_lost(saved: CoOp) -> None:
    copy_over(saved.folder / "saved.db", database(saved))
    shutil.rmtree(saved.folder / "outbox")
    (saved.folder / "outbox").mkdir()
    assert saved.run("adopt", "--yes", at=LATER).code == 0
    assert tick(saved, at="2026-03-24 15:01:00") == (0, "")


def to_whom(folder: Path) -> set[str]:
    return {message_from_bytes(path.read_bytes())["To"] for path in (folder / "outbox").rglob("*.eml")}


def test_s27_an_instance_with_the_number_of_one_that_was_lost_sends_a_mail_of_its_own(saved: CoOp) -> None:
    """The outbox, a gateway or a mail program that knows the lost one's key must not take this one for it."""
    saved.world.has_family("43")
    saved.world.has_family("44")
    saved.run("backup", "later.db", at="2026-03-20 13:02:00")
    saved.run("trigger", "--workflow", "welcome", "--family", "43", at="2026-03-20 13:03:00")
    tick(saved, at="2026-03-20 13:04:00")
    saved.run("restore", "later.db", "--yes", at="2026-03-20 13:05:00")
    saved.run("adopt", "--yes", at="2026-03-20 13:06:00")

    saved.run("trigger", "--workflow", "welcome", "--family", "44", at="2026-03-20 13:07:00")
    assert tick(saved, at="2026-03-20 13:08:00") == (0, "")

    numbers = ask(database(saved), "SELECT instance_id, family_id FROM workflow_instances ORDER BY 1")
    assert numbers == [(1, "42"), (2, "44")]
    assert to_whom(saved.folder) == {f"family{number}@example.org" for number in (42, 43, 44)}
    assert mails(saved.folder) == 3
