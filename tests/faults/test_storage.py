"""A disk that is full, a database that others hold, and files that are not what they should be."""

import hashlib
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coopflow.errors import DatabaseUnusable, ExitCode
from coopflow.store import database
from coopflow.tick import tick
from tests.faults import command
from tests.faults.children import Gate, end_of, fork, run
from tests.faults.scene import assert_sound, engine, files, fill, ledger, opened
from tests.faults.story import truth, wires
from tests.world import at, world

NOW = at("2026-03-20 09:00")
PAGE = 4096
FAMILIES = 12


@pytest.fixture
def due(folder: Path) -> Path:
    """Families with a mail that is due."""
    base = folder / "due"
    base.mkdir()
    with world(base) as made:
        fill(made, FAMILIES)
    return base


# -- a full disk --------------------------------------------------------------------------------------------------


def until_it_fits(due: Path, attempt: Callable[[Path, int], int], *, wired: bool) -> int:
    """Give the database one page more after the other until a tick finds room; answer with how often it did not."""
    for pages in range(200):
        copy = due.with_name(f"{due.name}-{pages}")
        shutil.copytree(due, copy)
        code = attempt(copy, pages)
        with opened(copy) as store:
            left = set(truth(copy)) if wired else {key for keys in files(copy).values() for key in keys}
            assert left <= set(ledger(store, "running", "completed"))  # nothing without an intent on disk
        if code == 0:
            shutil.rmtree(copy)
            return pages
        assert code == ExitCode.DATABASE_UNUSABLE
        goes_on_when_there_is_room(copy, wired=wired)
        shutil.rmtree(copy)
    raise AssertionError("it never fits")


def goes_on_when_there_is_room(copy: Path, *, wired: bool) -> None:
    with engine(copy, wires(copy) if wired else None) as made:
        in_doubt = tick(made, now=NOW).in_doubt
        assert_sound(made.store)
        done = made.store.db.execute_sql("SELECT status, COUNT(*) FROM workflow_instances GROUP BY 1").fetchall()
        assert dict(done).get("completed", 0) + len(in_doubt) == FAMILIES
    if wired:
        assert len(truth(copy)) == len(set(truth(copy)))
        assert len(in_doubt) <= 4  # no more than were under way at once
    else:
        assert in_doubt == []
        assert {family: len(keys) for family, keys in files(copy).items()} == {
            str(n): 1 for n in range(1, FAMILIES + 1)
        }


@pytest.mark.parametrize("wired", [False, True])
def test_a_database_that_cannot_grow_ends_the_tick_and_everything_goes_on_when_there_is_room(
    due: Path, wired: bool
) -> None:
    def attempt(copy: Path, pages: int) -> int:
        try:
            with engine(copy, wires(copy) if wired else None) as made:
                connection = made.store.db.connection()
                (now,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {now + pages}")
                tick(made, now=NOW)
        except DatabaseUnusable as problem:
            return problem.exit_code if "cannot grow: no space is left" in str(problem) else ExitCode.FAULT
        return 0

    assert until_it_fits(due, attempt, wired=wired) > 2


def test_a_limit_on_the_size_of_files_does_no_more_harm_than_a_full_disk(due: Path) -> None:
    size = (due / "coopflow.db").stat().st_size

    def attempt(copy: Path, pages: int) -> int:
        def work() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            sys.dont_write_bytecode = True  # it would be cut short, and stay so
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + pages * PAGE, resource.RLIM_INFINITY))
            with engine(copy) as made:
                tick(made, now=NOW)

        return run(work)

    assert until_it_fits(due, attempt, wired=False) > 2


# -- a database that another program holds ------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks that wait for a tenth of a second, not for ten."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)


@pytest.fixture
def co_op(folder: Path) -> Path:
    """A co-op for the command, with mails that are due."""
    app = command.made(folder, families=FAMILIES)
    command.starts(app, FAMILIES)
    return folder


@pytest.fixture
def other(co_op: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection."""
    connection = sqlite3.connect(co_op / "coopflow.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_database_that_stays_locked_ends_the_tick_for_this_time_and_nothing_leaves(
    co_op: Path, other: sqlite3.Connection, impatient: None, kind: str
) -> None:
    other.execute(f"BEGIN {kind}")
    code, said = command.said_by_tick(co_op)
    assert code == ExitCode.TEMPORARY
    assert "is in use by another program and did not become free in time; try again" in said
    assert files(co_op) == {}

    other.execute("ROLLBACK")
    assert command.said_by_tick(co_op) == (0, "")
    assert len(files(co_op)) == FAMILIES


def test_a_database_that_becomes_free_in_time_is_waited_for(co_op: Path) -> None:
    held, let_go = Gate(), Gate()

    def hold() -> None:
        connection = sqlite3.connect(co_op / "coopflow.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        held.open()
        let_go.wait()
        connection.execute("ROLLBACK")

    holder = fork(hold)
    held.wait()
    with engine(co_op) as made:
        waiting: list[str] = []

        def listen(statement: str) -> None:
            if not waiting and statement.startswith("BEGIN"):
                waiting.append(statement)
                let_go.open()

        made.store.db.connection().set_trace_callback(listen)
        tick(made, now=command.now())
    assert end_of(holder) == 0
    assert waiting == ["BEGIN IMMEDIATE"]
    assert len(files(co_op)) == FAMILIES


def test_a_reader_that_stays_does_not_make_a_tick_send_twice(
    co_op: Path, other: sqlite3.Connection, impatient: None
) -> None:
    other.execute("BEGIN")
    other.execute("SELECT COUNT(*) FROM workflow_instances").fetchone()
    code, _ = command.said_by_tick(co_op)
    other.execute("ROLLBACK")
    assert code in (0, ExitCode.TEMPORARY)  # with a write-ahead log a reader is in nobody's way
    assert command.said_by_tick(co_op) == (0, "")
    assert {family: len(keys) for family, keys in files(co_op).items()} == {str(n): 1 for n in range(1, FAMILIES + 1)}


# -- files that are not what they should be -----------------------------------------------------------------------


def contents(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file() and not path.name.endswith(".lock")
    }


def a_foreign_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.commit()
    connection.close()
    path.chmod(0o600)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (Path.unlink, "there is no database"),
        (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
        (lambda path: path.write_bytes(b"a long letter\n" * 2000), "is not an SQLite database"),
        (a_foreign_database, "is the database of another application"),
    ],
    ids=["missing", "empty", "text", "foreign"],
)
def test_a_tick_refuses_what_is_no_database_of_ours_and_leaves_it_as_it_is(
    co_op: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    spoil(co_op / "coopflow.db")
    before = contents(co_op)
    code, said = command.said_by_tick(co_op)
    assert code == ExitCode.DATABASE_UNUSABLE
    assert sentence in said
    assert contents(co_op) == before
    assert files(co_op) == {}


def test_a_tick_that_may_not_write_the_database_says_so_and_sends_nothing(co_op: Path) -> None:
    nobody = 65534
    for path in (co_op, *co_op.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, nobody, nobody)
    (co_op / "coopflow.db").chmod(0o400)
    before = contents(co_op)

    def work() -> None:
        if os.geteuid() == 0:  # whoever may do anything may also write what is read-only
            os.setgid(nobody)
            os.setuid(nobody)
        with open(co_op / "said", "w") as said:  # noqa: PTH123
            code, words = command.said_by_tick(co_op)
            said.write(words)
        os._exit(code)

    assert run(work) == ExitCode.DATABASE_UNUSABLE
    assert "is read-only for this user" in (co_op / "said").read_text()
    (co_op / "said").unlink()
    assert contents(co_op) == before
    assert files(co_op) == {}
