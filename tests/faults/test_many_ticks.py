"""Ticks in crowds, ticks that are frozen, and locks in the wrong hands (reliability, section 7, P09 to P16)."""

import itertools
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from coopflow.store.lock import TickLock, holder, lock_path
from coopflow.tick import tick
from tests.faults import command
from tests.faults.children import KILLED, Gate, end_of, fork, run
from tests.faults.crowding import FAMILIES, crowd
from tests.faults.scene import assert_sound, engine, files, fill, opened
from tests.faults.story import settle_doubts, truth, wires
from tests.world import at, world

MORNING = "2026-03-20 09:00"
NOW = at(MORNING)


def test_p09_p27_fifty_ticks_at_once_send_every_message_once(folder: Path) -> None:
    assert crowd(folder, 3) == 3 * FAMILIES


# -- a tick that is frozen ----------------------------------------------------------------------------------------


def a_tick_frozen_before(folder: Path, statement: str, number: int) -> int:
    """A tick that stops dead before the n-th statement that begins so, as a suspended machine would."""
    count = itertools.count(1)

    def passed(text: str) -> None:
        if text.startswith(statement) and next(count) == number:
            os.kill(os.getpid(), signal.SIGSTOP)

    def work() -> None:
        with TickLock(folder / "coopflow.db") as lock, engine(folder, wires(folder), concurrent=1) as made:
            assert lock.acquire()
            made.store.db.connection().set_trace_callback(passed)
            tick(made, now=NOW)

    return fork(work)


def is_frozen(pid: int) -> bool:
    """Wait for it; False: it came to its end and was never frozen."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


def another_tick(folder: Path) -> None:
    with TickLock(folder / "coopflow.db") as lock, engine(folder, wires(folder), concurrent=1) as made:
        assert lock.acquire()
        tick(made, now=NOW)


def test_p11_a_tick_frozen_between_any_two_commits_while_another_one_works_doubles_and_loses_nothing(
    folder: Path,
) -> None:
    base = folder / "base"
    base.mkdir()
    with world(base) as made:
        fill(made, 2)
    for number in itertools.count(1):
        copy = folder / str(number)
        shutil.copytree(base, copy)
        frozen = a_tick_frozen_before(copy, "BEGIN", number)
        if not is_frozen(frozen):
            break
        assert not TickLock(copy / "coopflow.db").acquire()  # who is frozen still has the lock
        lock_path(copy / "coopflow.db").unlink()  # so the worst is done to it: somebody deletes the file
        assert run(lambda: another_tick(copy)) == 0  # noqa: B023
        os.kill(frozen, signal.SIGCONT)
        assert end_of(frozen) in (0, 75)  # "another tick has taken over"
        with opened(copy) as store:
            assert_sound(store)
            settle_doubts(copy, store, MORNING)
        assert run(lambda: another_tick(copy)) == 0  # noqa: B023
        with opened(copy) as store:
            assert_sound(store)
            assert store.desk.tasks() == []
            assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
        assert len(truth(copy)) == len(set(truth(copy))) == 2
    assert number > 8  # it has in fact been frozen


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
def test_p16_whoever_looks_while_a_tick_stands_still_is_answered_at_once(folder: Path, statement: str) -> None:
    from coopflow.cli.main import run as coopflow

    app = command.made(folder, families=2)
    command.starts(app, 2)
    frozen = a_tick_frozen_before(folder, statement, 3)
    assert is_frozen(frozen)

    def look() -> None:
        for words in (["status"], ["agenda"], ["task", "list"], ["stats"], ["audit", "verify"]):
            with redirect_stdout(StringIO()):
                assert coopflow(["-c", str(folder / "coopflow.yaml"), *words]) == 0, words

    try:
        looking = fork(look)
        timer = threading.Timer(60, lambda: os.kill(looking, signal.SIGKILL))
        timer.start()
        assert end_of(looking) == 0
    finally:
        timer.cancel()
        os.kill(frozen, signal.SIGKILL)
        os.kill(frozen, signal.SIGCONT)
        assert end_of(frozen) == KILLED


# -- the lock -----------------------------------------------------------------------------------------------------


def test_p12_a_lock_file_that_is_deleted_or_replaced_while_it_is_held_is_noticed_by_its_holder(folder: Path) -> None:
    database = folder / "coopflow.db"
    with TickLock(database) as first, TickLock(database) as second:
        assert first.acquire()
        lock_path(database).unlink()
        assert second.acquire()
        assert (first.intact(), second.intact()) == (False, True)
        lock_path(database).rename(folder / "away")
        lock_path(database).touch()
        assert not second.intact()


def test_p13_a_lock_that_a_child_of_a_killed_tick_still_holds_keeps_others_out_and_names_its_tick(
    folder: Path,
) -> None:
    app = command.made(folder, families=2)
    command.starts(app, 2)
    database, go = folder / "coopflow.db", Gate()
    up = Gate()

    def tick_with_a_child() -> None:
        lock = TickLock(database)
        assert lock.acquire()
        fork(go.wait)  # it inherits the lock, as no program that is started by a tick would
        up.open()
        os.kill(os.getpid(), signal.SIGKILL)

    killed = fork(tick_with_a_child)
    up.wait()
    assert end_of(killed) == KILLED
    assert holder(database) == killed
    assert command.said_by_tick(folder) == (0, "")
    assert files(folder) == {}
    go.open()
    _until(lambda: holder(database) is None)
    assert command.said_by_tick(folder) == (0, "")
    assert len(files(folder)) == 2


def _until(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never happened")
