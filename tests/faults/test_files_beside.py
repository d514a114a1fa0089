"""What lies beside the database, and who owns it: logs of others, journals of others, indexes that disagree."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from coopflow.errors import ExitCode
from coopflow.reports import machine
from coopflow.store import database
from tests.faults import command
from tests.faults.children import KILLED, Gate, end_of, fork, run
from tests.faults.scene import assert_sound, files, opened

NOBODY = 65534
FAMILIES = 3
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")


def co_op(folder: Path, families: int = FAMILIES) -> Path:
    """A co-op with mails that are due, in a folder that anybody may pass through."""
    folder.mkdir()
    folder.parent.chmod(0o755)
    command.starts(command.made(folder, families=families), families)
    return folder / "coopflow.db"


def said_by(folder: Path, *words: str) -> tuple[int, str]:
    """What a command says, and its exit code."""
    from coopflow.cli.main import run as carry_out

    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        code = carry_out(["-c", str(folder / "coopflow.yaml"), *words])
    return code, said.getvalue()


@pytest.fixture
def with_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this SQLite were one whose write-ahead log can be trusted."""
    monkeypatch.setattr(database, "journal_mode", lambda _: "wal")


def once_each(folder: Path, families: int = FAMILIES) -> None:
    assert {family: len(keys) for family, keys in files(folder).items()} == {
        str(number): 1 for number in range(1, families + 1)
    }
    with opened(folder) as store:
        assert_sound(store)


# -- S14: logs ----------------------------------------------------------------------------------------------------


def writes_a_log(path: Path) -> None:
    """Another program changes every family in a write-ahead log, and dies before it is copied back."""

    def work() -> None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE families SET email = 'stranger' || family_id || '@example.org'")
        connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    assert run(work) == KILLED


def test_s14_the_log_of_another_database_is_refused_and_gets_nowhere(tmp_path: Path) -> None:
    path, other = co_op(tmp_path / "ours"), co_op(tmp_path / "others", 5)
    writes_a_log(other)
    shutil.copy(f"{other}-wal", f"{path}-wal")
    before = path.read_bytes()
    for words in (("tick",), ("status",), ("family", "list"), ("event", "payment_received", "--family", "1")):
        code, said = said_by(path.parent, *words)
        assert code == ExitCode.DATABASE_UNUSABLE
        assert "coopflow.db-wal is of another database" in said
    assert path.read_bytes() == before
    assert files(path.parent) == {}
    Path(f"{path}-wal").unlink()
    assert command.said_by_tick(path.parent) == (0, "")
    once_each(path.parent)


def test_s14_the_log_of_another_database_is_no_reason_to_be_silent(tmp_path: Path) -> None:
    path, other = co_op(tmp_path / "ours"), co_op(tmp_path / "others", 5)
    assert command.said_by_tick(path.parent) == (
        0,
        "",
    )  # so that nothing is due, and the next one could end at the door
    writes_a_log(other)
    shutil.copy(f"{other}-wal", f"{path}-wal")
    process = command.tick(path.parent)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "is of another database" in said) == (ExitCode.DATABASE_UNUSABLE, True)


def test_s14_a_log_that_was_deleted_takes_back_what_a_tick_has_done_and_the_next_one_refuses(
    tmp_path: Path, with_log: None
) -> None:
    path = co_op(tmp_path / "ours")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM families").fetchone()  # so that the log is not copied back
        assert command.said_by_tick(path.parent) == (0, "")
        shutil.copy(path, tmp_path / "without its log")
    once_each(path.parent)
    shutil.copyfile(tmp_path / "without its log", path)  # the inode stays
    code, said = command.said_by_tick(path.parent)
    assert (code, "its audit trail ends with entry" in said) == (ExitCode.PERSON_NEEDED, True)
    assert sum(map(len, files(path.parent).values())) == FAMILIES


def test_s14_whoever_opens_it_again_and_again_while_it_has_a_log_keeps_one_handle_and_no_more(
    tmp_path: Path, with_log: None
) -> None:
    path = co_op(tmp_path / "ours")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM families").fetchone()  # so that the log is not copied back
        open_handles = []
        for _ in range(4):
            assert command.said_by_tick(path.parent) == (0, "")
            assert Path(f"{path}-wal").stat().st_size > 0
            open_handles.append(len(list(Path("/proc/self/fd").iterdir())))
    assert open_handles[1:] == open_handles[1:2] * 3


@pytest.mark.parametrize("content", [b"", b"stale" * 10_000, bytes(32_768)], ids=["empty", "garbage", "zeros"])
def test_s14_a_stale_index_of_the_log_does_no_harm(tmp_path: Path, with_log: None, content: bytes) -> None:
    path = co_op(tmp_path / "ours")
    Path(f"{path}-shm").write_bytes(content)
    assert command.said_by_tick(path.parent) == (0, "")
    once_each(path.parent)


# -- S15, O15: what somebody else owns ----------------------------------------------------------------------------


def given_to(owner: int, *paths: Path) -> None:
    for path in paths:
        os.chown(path, owner, owner)
        for inner in path.rglob("*"):
            os.chown(inner, owner, owner)


def said_to(user: int, folder: Path) -> tuple[int, str]:
    """What a tick says that another user starts."""
    told = folder.parent / "told"
    told.touch()
    given_to(user, told)

    def work() -> None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        code, words = command.said_by_tick(folder)
        told.write_text(words)
        os._exit(code)

    return run(work), told.read_text()


def dies_in_a_transaction(path: Path) -> None:
    """A program changes the file, and is killed before it has said that the change holds."""

    def work() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        for number in range(200):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (f"half {number}", "x" * 3000))
        os.kill(os.getpid(), signal.SIGKILL)

    assert run(work) == KILLED


@as_root
def test_s15_the_journal_of_another_user_is_named_and_nothing_is_sent(folder: Path) -> None:
    path = co_op(folder / "ours")
    dies_in_a_transaction(path)
    given_to(NOBODY, path.parent)
    journal = Path(f"{path}-journal")
    assert journal.stat().st_size > 0
    os.chown(journal, 0, 0)
    journal.chmod(0o600)
    code, said = said_to(NOBODY, path.parent)
    assert code == ExitCode.DATABASE_UNUSABLE
    assert "cannot be opened; check the directory and who owns the files in it" in said
    assert files(path.parent) == {}

    os.chown(journal, NOBODY, NOBODY)
    assert said_to(NOBODY, path.parent) == (0, "")
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM meta WHERE key LIKE 'half%'").fetchone() == (0,)
    once_each(path.parent)


@as_root
@pytest.mark.parametrize("name", ["coopflow.db", "coopflow.db.lock", "outbox"])
def test_o15_what_a_tick_of_root_has_left_is_named_to_the_user_who_runs_the_next_one(folder: Path, name: str) -> None:
    path = co_op(folder / "ours")
    assert command.said_by_tick(path.parent) == (0, "")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DELETE FROM meta WHERE key = 'place'")
    given_to(NOBODY, path.parent)
    given_to(0, path.parent / name)
    (path.parent / name).chmod(0o700)
    command.starts(command.open_app(path.parent / "coopflow.yaml"), FAMILIES)
    code, said = said_to(NOBODY, path.parent)
    assert code in (ExitCode.DATABASE_UNUSABLE, ExitCode.IN_PART), said
    assert name in said
    assert sum(map(len, files(path.parent).values())) == FAMILIES


# -- S20: a log that grows ----------------------------------------------------------------------------------------


def test_s20_a_reader_that_stays_makes_the_log_grow_and_doctor_says_so_and_all_is_sent_once(
    tmp_path: Path, with_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "LARGEST_WAL", 100_000)  # bytes, in place of 64 MiB
    path = co_op(tmp_path / "ours")
    reads, may_end = Gate(), Gate()

    def read() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM families").fetchone()
        reads.open()
        may_end.wait()

    reader = fork(read)
    reads.wait()
    log = Path(f"{path}-wal")
    for _ in range(3):
        assert command.said_by_tick(path.parent) == (0, "")
        command.starts(command.open_app(path.parent / "coopflow.yaml"), FAMILIES)
    assert log.stat().st_size > 100_000
    _, said = said_by(path.parent, "doctor")
    assert "its write-ahead log has grown to" in said
    assert "some program has been reading for long" in said

    may_end.open()
    assert end_of(reader) == 0
    assert command.said_by_tick(path.parent) == (0, "")
    assert not log.exists()
    assert {len(set(keys)) for keys in files(path.parent).values()} == {4}
    with opened(path.parent) as store:
        assert_sound(store)


# -- S22: an index that disagrees ---------------------------------------------------------------------------------


def behind_the_back_of(index: str, path: Path, change: str) -> None:
    """A change of a table of which one of its indexes hears nothing."""
    with closing(sqlite3.connect(path)) as raw:
        definition = raw.execute("SELECT * FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("DELETE FROM sqlite_master WHERE name = ?", (index,))
        raw.commit()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(change)
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", definition)
        raw.commit()


def test_s22_an_index_that_disagrees_is_found_by_the_thorough_check_and_can_be_built_anew(tmp_path: Path) -> None:
    path = co_op(tmp_path / "ours")
    assert command.said_by_tick(path.parent) == (0, "")
    behind_the_back_of("families_at_email", path, "UPDATE families SET email = 'new@example.org' WHERE family_id = '2'")
    assert "an index does not agree" not in said_by(path.parent, "doctor")[1]
    code, said = said_by(path.parent, "doctor", "--thorough")
    assert code == ExitCode.PERSON_NEEDED
    assert "an index does not agree with its table: " in said
    assert f"sqlite3 {path} REINDEX" in said

    with closing(sqlite3.connect(path)) as raw:
        raw.execute("REINDEX")
    assert "database\tgood\tthe file is sound" in said_by(path.parent, "doctor", "--thorough")[1]
