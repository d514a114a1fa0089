import hashlib
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import peewee
import pytest

from coopflow.errors import DatabaseUnusable, ExitCode, Temporary, Usage
from coopflow.store import files
from coopflow.store.database import (
    APPLICATION_ID,
    Database,
    checkpoint,
    copy,
    create,
    journal_mode,
    open_database,
    problems,
    transaction,
    translating,
)
from coopflow.store.lock import TickLock
from coopflow.store.migrations import MIGRATIONS
from tests.store.processes import finish, line_from, run, start

OpenIt = Callable[[], Database]


def contents(directory: Path) -> dict[str, str]:
    """Every file in a directory by what is in it."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir()}


def meta(db: Database) -> dict[str, str]:
    return dict(db.connection().execute("SELECT key, value FROM meta").fetchall())


def put(db: Database, key: str, value: str) -> None:
    db.execute_sql("INSERT INTO meta (key, value) VALUES (?, ?)", (key, value))


# -- making one ---------------------------------------------------------------------------------------------------


def test_a_new_database_is_sound_and_knows_itself(path: Path) -> None:
    db = create(path, created_by="0.1.0", new_id=lambda: "c0ffee")
    assert meta(db) == {"created_by": "0.1.0", "database_id": "c0ffee", "epoch": "0"}
    assert db.connection().execute("PRAGMA application_id").fetchone() == (0x436F4F70,)
    assert db.connection().execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert problems(db, thorough=True) == []
    db.close()
    assert [file.name for file in path.parent.iterdir()] == ["coopflow.db"]


def test_no_two_databases_have_the_same_id(tmp_path: Path) -> None:
    found = set()
    for name in ("one.db", "two.db"):
        db = create(tmp_path / name)
        found.add(meta(db)["database_id"])
        db.close()
    assert len(found) == 2
    assert all(len(database_id) == 32 for database_id in found)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o377])
def test_its_file_is_private_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        create(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", [b"", b"a letter to the treasurer"])
def test_init_leaves_a_file_that_exists_as_it_is(path: Path, there: bytes) -> None:
    path.write_bytes(there)
    with pytest.raises(DatabaseUnusable, match=r"coopflow\.db exists already; it is left as it is"):
        create(path)
    assert path.read_bytes() == there


def test_init_leaves_a_database_that_exists_as_it_is(made: Path) -> None:
    before = contents(made.parent)
    with pytest.raises(DatabaseUnusable, match="exists already"):
        create(made)
    assert contents(made.parent) == before


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
def test_init_does_not_start_beside_what_another_database_left(path: Path, suffix: str) -> None:
    Path(f"{path}{suffix}").write_bytes(b"left over")
    with pytest.raises(DatabaseUnusable, match=rf"coopflow\.db{suffix} is left over from another database"):
        create(path)
    assert not path.exists()


def test_an_init_that_fails_leaves_nothing_behind(path: Path) -> None:
    def no_luck() -> str:
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        create(path, new_id=no_luck)
    assert list(path.parent.iterdir()) == []


def test_init_needs_a_directory(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r"there is no directory .*/nowhere to make the database in"):
        create(tmp_path / "nowhere" / "coopflow.db")


# -- refusing what is not ours ------------------------------------------------------------------------------------


def test_a_missing_database_is_never_made_by_opening_it(path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r"there is no database at .*coopflow\.db; make one with: coopflow init"):
        open_database(path)
    assert list(path.parent.iterdir()) == []


def of_another_application(path: Path, application_id: int = 0) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {application_id}")
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.commit()
    connection.close()


def of_a_newer_coopflow(path: Path) -> None:
    create(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 6}")
    connection.close()


def with_a_strange_trigger(path: Path) -> None:
    create(path).close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TRIGGER spy AFTER INSERT ON meta BEGIN DELETE FROM workflow_queue; END")
    connection.close()


def without_its_tables(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    connection.close()


def with_a_damaged_header(path: Path) -> None:
    create(path).close()
    with path.open("r+b") as file:
        file.write(b"SQLite format 4\0")


def with_a_damaged_schema(path: Path) -> None:
    create(path).close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 900)


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\); restore a backup, or delete the file"),
    "short text": (lambda path: path.write_bytes(b"hello\n"), "is not an SQLite database"),
    "long text": (lambda path: path.write_bytes(b"a long letter\n" * 2000), "is not an SQLite database"),
    "another's": (of_another_application, r"of another application \(application_id 0x0, coopflow's is 0x436f4f70\)"),
    "another's, marked": (lambda path: of_another_application(path, 0x1234), "of another application"),
    "newer": (of_a_newer_coopflow, rf"has version {len(MIGRATIONS) + 6}, this coopflow knows up to {len(MIGRATIONS)}"),
    "spied on": (with_a_strange_trigger, "has a trigger that is not coopflow's .*'spy'"),
    "without tables": (without_its_tables, "is damaged: it has no table 'meta'"),
    "damaged header": (with_a_damaged_header, "is not an SQLite database, or its header is damaged"),
    "damaged schema": (with_a_damaged_schema, "is damaged; put the last good copy"),
}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_no_sound_database_of_ours_is_refused_and_not_touched(
    path: Path, kind: str, read_only: bool
) -> None:
    make, sentence = BAD_FILES[kind]
    make(path)
    path.chmod(0o600)
    before = contents(path.parent)
    with pytest.raises(DatabaseUnusable, match=sentence) as refusal:
        open_database(path, read_only=read_only)
    assert str(path) in str(refusal.value)
    assert refusal.value.exit_code == ExitCode.DATABASE_UNUSABLE
    assert contents(path.parent) == before


def test_a_database_under_two_names_is_refused(made: Path) -> None:
    made.with_name("second.db").hardlink_to(made)
    with pytest.raises(DatabaseUnusable, match=r"has 2 names \(hard links\)"):
        open_database(made)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_database_that_others_can_change_is_refused(made: Path, mode: int) -> None:
    made.chmod(mode)
    with pytest.raises(DatabaseUnusable, match=rf"can be changed by other users \(mode {mode:04o}\); run: chmod 600"):
        open_database(made)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_not_a_file_is_refused_and_waited_for_by_nobody(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(DatabaseUnusable, match="is not a file"):
        open_database(path)


def test_a_symbolic_link_leads_to_the_one_lock(made: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(made)
    db = open_database(link)
    assert db.path == made.resolve()
    assert TickLock(db.path).path == made.resolve().with_name("coopflow.db.lock")
    db.close()


def test_a_path_may_hold_what_a_url_cannot(tmp_path: Path) -> None:
    path = tmp_path / "our co-op? 100% #1 ü.db"
    create(path).close()
    db = open_database(path)
    assert db.path == path.resolve()
    db.close()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/coop/coopflow.db", "nfs4"),
        ("/srv/co op/coopflow.db", "cifs"),
        ("/srv/cooperative/coopflow.db", "ext4"),
        ("/home/ada/coopflow.db", "fuse.sshfs"),
        ("/mnt/coopflow.db", "xfs"),
    ],
)
def test_the_nearest_and_latest_mount_says_what_a_path_lies_on(path: str, kind: str) -> None:
    mounts = "\n".join(
        [
            "/dev/sda1 / ext4 rw 0 0",
            "server:/coop /srv/coop nfs4 rw 0 0",
            "//server/x /srv/co\\040op cifs rw 0 0",
            "ada@server: /home/ada fuse.sshfs rw 0 0",
            "server:/old /mnt nfs rw 0 0",
            "/dev/sdb1 /mnt xfs rw 0 0",
        ]
    )
    assert files.file_system(Path(path), mounts) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_a_network_disk_is_refused(made: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = made.with_name("mounts")
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/coop {made.parent.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(files, "MOUNTS", mounts)
    with pytest.raises(DatabaseUnusable, match=rf"lies on a network file system \({kind}\)"):
        open_database(made)
    with pytest.raises(DatabaseUnusable, match="put the database on a disk of this machine"):
        create(made.with_name("new.db"))


@pytest.mark.parametrize("url", ["postgresql://ada@server/coop", "postgres://server/coop"])
def test_postgresql_is_not_yet_supported(url: str) -> None:
    for door in (create, open_database):
        with pytest.raises(Usage, match="PostgreSQL is not yet supported"):
            door(url)


@pytest.mark.parametrize("where", ["mysql://server/coop", "", "sqlite://", "a\0b"])
def test_what_names_no_sqlite_file_is_a_usage_error(where: str) -> None:
    with pytest.raises(Usage):
        open_database(where)


def test_a_url_names_a_file_too(made: Path) -> None:
    db = open_database(f"sqlite:///{made}")
    assert db.path == made.resolve()
    db.close()


# -- how it is opened ---------------------------------------------------------------------------------------------


def test_every_connection_has_the_settings_that_keep_data_safe(db: Database) -> None:
    for _ in range(2):
        found = {
            name: db.connection().execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("foreign_keys", "recursive_triggers", "cell_size_check", "mmap_size", "busy_timeout")
        }
        assert found == {
            "foreign_keys": 1,
            "recursive_triggers": 1,
            "cell_size_check": 1,
            "mmap_size": 0,
            "busy_timeout": 10_000,
        }
        durable = {"wal": 2, "delete": 3}[db.journal]
        assert db.connection().execute("PRAGMA synchronous").fetchone() == (durable,)
        assert db.connection().execute("PRAGMA journal_mode").fetchone() == (db.journal,)
        db.close()
        db.connect()


def test_the_schema_is_not_trusted_where_its_own_checks_allow_that(db: Database) -> None:
    (usable,) = (
        db.connection()
        .execute("SELECT count(*) FROM pragma_function_list WHERE name = 'json_valid' AND flags & 0x200000")
        .fetchone()
    )
    assert db.connection().execute("PRAGMA trusted_schema").fetchone() == (0 if usable else 1,)


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "delete"),
        ((3, 44, 5), "delete"),
        ((3, 44, 6), "wal"),
        ((3, 45, 9), "delete"),
        ((3, 50, 6), "delete"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "delete"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_the_write_ahead_log_is_used_only_where_it_is_mended(version: tuple[int, ...], mode: str) -> None:
    assert journal_mode(version) == mode


def test_a_file_in_another_journal_mode_is_brought_to_ours(made: Path) -> None:
    other = sqlite3.connect(made)
    assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    other.close()
    db = open_database(made)
    assert db.connection().execute("PRAGMA journal_mode").fetchone() == (db.journal,)
    db.close()


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """This SQLite, if it were one whose write-ahead log is mended."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))


def test_with_a_write_ahead_log_every_commit_is_durable_and_the_log_is_emptied(mended: None, made: Path) -> None:
    db = open_database(made)
    assert db.connection().execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.connection().execute("PRAGMA synchronous").fetchone() == (2,)
    with transaction(db):
        put(db, "one", "1")
    log = Path(f"{made}-wal")
    assert log.stat().st_size > 0
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    checkpoint(db)
    assert log.stat().st_size == 0
    db.close()
    assert [file.name for file in made.parent.iterdir()] == ["coopflow.db"]


def test_a_reader_and_a_writer_do_not_wait_for_each_other_with_a_write_ahead_log(mended: None, open_it: OpenIt) -> None:
    reader, writer = open_it(), open_it()
    writer.timeout = 0.01
    rows = reader.connection().execute("SELECT key FROM meta")
    assert rows.fetchone() == ("created_by",)
    with transaction(writer):
        put(writer, "one", "1")
    copy(reader, reader.path.with_name("copy.db"))
    assert [key for (key,) in rows] == ["database_id", "epoch"]


def test_an_sqlite_that_is_too_old_is_named(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(DatabaseUnusable, match=r"coopflow needs 3\.38 or newer"):
        open_database(made)


def test_a_reader_changes_nothing(made: Path) -> None:
    before = contents(made.parent)
    db = open_database(made, read_only=True)
    assert meta(db)["database_id"] == "c0ffee"
    with pytest.raises(DatabaseUnusable, match="cannot be written"), translating(db.path):
        put(db, "key", "value")
    db.close()
    assert contents(made.parent) == before


def test_another_thread_cannot_use_the_connection_by_mistake(db: Database) -> None:
    problems_met: list[Exception] = []

    def work() -> None:
        for use in (db.connection, lambda: db.execute_sql("SELECT 1")):
            try:
                use()
            except peewee.InterfaceError as problem:
                problems_met.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(problems_met) == 2


# -- transactions and failures ------------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(db: Database) -> None:
    def half_of_it() -> None:
        with transaction(db):
            put(db, "one", "1")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        half_of_it()
    with transaction(db):
        put(db, "two", "2")
    assert meta(db).keys() & {"one", "two"} == {"two"}


def test_one_that_is_interrupted_on_the_way_to_its_commit_is_not_left_open(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is kept of the audit trail afterwards would be ahead of it, and the next tick refuse to go on."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(db, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt), transaction(db):
        db.execute_sql("INSERT INTO meta (key, value) VALUES ('half', 'done')")
    assert not db.connection().in_transaction
    assert db.execute_sql("SELECT * FROM meta WHERE key = 'half'").fetchall() == []


def test_a_transaction_inside_another_is_part_of_it(db: Database) -> None:
    def one_in_another() -> None:
        with transaction(db):
            with transaction(db):
                put(db, "inner", "1")
            raise RuntimeError("after all")

    with pytest.raises(RuntimeError, match="after all"):
        one_in_another()
    assert "inner" not in meta(db)


def test_a_writer_that_finds_it_taken_says_so(open_it: OpenIt) -> None:
    first, second = open_it(), open_it()
    second.timeout = 0.01
    with (
        transaction(first),
        pytest.raises(Temporary, match="is in use by another program") as refusal,
        transaction(second),
    ):
        put(second, "never", "1")
    assert refusal.value.exit_code == ExitCode.TEMPORARY
    assert "coopflow.db" in str(refusal.value)
    with transaction(second):
        put(second, "later", "1")


WRITER = """
import sys
from coopflow.store.database import open_database, transaction
db = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with transaction(db):
        (count,) = db.execute_sql("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        db.execute_sql("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(int(count) + 1),))
db.close()
"""


def test_two_processes_that_read_and_write_at_once_lose_no_change(made: Path, open_it: OpenIt) -> None:
    writers = [start(WRITER, made, 40) for _ in range(2)]
    assert [line_from(writer) for writer in writers] == ["ready", "ready"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        finish(writer)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert meta(open_it())["epoch"] == "80"


TRY_TO_WRITE = """
import sys
from coopflow.errors import Temporary
from coopflow.store.database import open_database, transaction
try:
    db = open_database(sys.argv[1])
    db.timeout = 0.01
    with transaction(db):
        print("wrote")
except Temporary:
    print("locked")
"""


def test_opening_it_again_does_not_drop_the_lock_of_a_transaction(made: Path, open_it: OpenIt) -> None:
    db = open_it()
    with transaction(db):
        put(db, "one", "1")
        again = open_database(made, read_only=True)
        again.close()
        assert run(TRY_TO_WRITE, made) == (0, "locked\n")
    assert run(TRY_TO_WRITE, made) == (0, "wrote\n")


def test_a_full_disk_is_named_and_costs_nothing_but_the_change(db: Database) -> None:
    (pages,) = db.connection().execute("PRAGMA page_count").fetchone()
    db.connection().execute(f"PRAGMA max_page_count = {pages + 2}")

    def too_much() -> None:
        with transaction(db):
            put(db, "small", "x")
            for number in range(100):
                put(db, f"large {number}", "x" * 4000)

    with pytest.raises(DatabaseUnusable, match=r"cannot grow: no space is left.*\(SQLITE_FULL\)"):
        too_much()
    assert "small" not in meta(db)
    assert problems(db, thorough=True) == []
    with transaction(db):
        put(db, "small", "x")
    assert meta(db)["small"] == "x"


def test_a_full_disk_at_init_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = Database._initialize_connection

    def tiny(self: Database, conn: sqlite3.Connection) -> None:
        connect(self, conn)
        conn.execute("PRAGMA max_page_count = 5")

    monkeypatch.setattr(Database, "_initialize_connection", tiny)
    with pytest.raises(DatabaseUnusable, match="no space is left"):
        create(path)
    assert list(path.parent.iterdir()) == []


def test_a_fault_of_our_own_is_not_blamed_on_the_database(db: Database) -> None:
    with pytest.raises(peewee.OperationalError, match="no such table"), translating():
        db.execute_sql("SELECT * FROM recipes")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), translating():
        db.connection().execute("SELECT * FROM recipes")
    with pytest.raises(peewee.IntegrityError), transaction(db):
        put(db, "epoch", "1")


def test_text_that_is_not_text_is_damage(made: Path) -> None:
    db = open_database(made)
    db.connection().execute("INSERT INTO meta (key, value) VALUES ('bad', CAST(x'ff' AS TEXT))")
    with pytest.raises(DatabaseUnusable, match="holds text that is damaged"), translating(made):
        meta(db)
    db.close()


# -- damage -------------------------------------------------------------------------------------------------------


def everything(path: Path) -> list[tuple[object, ...]]:
    """All that is in a database, with everything checked that SQLite can check; damage is an error."""
    db = open_database(path)
    try:
        wrong = problems(db, thorough=True)
        if wrong:
            raise DatabaseUnusable(wrong[0])
        with translating(path):
            tables = [row[0] for row in db.connection().execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return [row for table in tables for row in db.connection().execute(f"SELECT * FROM {table}")]  # noqa: S608
    finally:
        db.close()


@pytest.fixture
def filled(made: Path) -> Path:
    """A database with a few pages of rows."""
    db = open_database(made)
    with transaction(db):
        for number in range(60):
            put(db, f"key {number}", f"{number}" * 100)
    db.close()
    return made


def test_a_damaged_page_is_found_or_proven_harmless(filled: Path) -> None:
    sound, rows = filled.read_bytes(), everything(filled)
    harmless = 0
    for start_of_page in range(0, len(sound), 4096):
        filled.write_bytes(sound[:start_of_page] + b"\xa5" * 4096 + sound[start_of_page + 4096 :])
        try:
            assert everything(filled) == rows
            harmless += 1
        except DatabaseUnusable:
            pass
    assert harmless < len(sound) / 4096 / 4


def test_a_truncated_file_is_found(filled: Path) -> None:
    sound = filled.read_bytes()
    for length in range(4096, len(sound), 4096):
        filled.write_bytes(sound[:length])
        with pytest.raises(DatabaseUnusable):
            everything(filled)


def test_what_follows_the_end_does_no_harm(filled: Path) -> None:
    rows = everything(filled)
    with filled.open("ab") as file:
        file.write(b"garbage" * 100)
    assert everything(filled) == rows


# -- copies -------------------------------------------------------------------------------------------------------


def test_a_copy_made_during_a_transaction_is_whole(db: Database) -> None:
    target = db.path.with_name("copy.db")
    with transaction(db):
        put(db, "unfinished", "1")
        copy(db, target)
    there = open_database(target)
    assert meta(there) == {"created_by": "0.1.0", "database_id": "c0ffee", "epoch": "0"}
    assert problems(there, thorough=True) == []
    there.close()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_copy_replaces_nothing_by_mistake(db: Database) -> None:
    target = db.path.with_name("copy.db")
    target.write_text("precious")
    for place in (target, db.path):
        with pytest.raises(DatabaseUnusable, match="exists already; it is left as it is"):
            copy(db, place)
    assert target.read_text() == "precious"
    copy(db, target, replace=True)
    assert target.read_bytes().startswith(b"SQLite format 3\0")


def test_an_interrupted_copy_is_no_hindrance(db: Database) -> None:
    for left_over in ("copy.db.partial", "copy.db.partial-journal"):
        db.path.with_name(left_over).write_text("half of it")
    copy(db, db.path.with_name("copy.db"))
    assert sorted(file.name for file in db.path.parent.iterdir()) == ["coopflow.db", "copy.db"]


def test_a_copy_that_cannot_be_made_leaves_nothing(db: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="cannot be made"):
        copy(db, tmp_path / "nowhere" / "copy.db")
    assert [file.name for file in db.path.parent.iterdir()] == ["coopflow.db"]
