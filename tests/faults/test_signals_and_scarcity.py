"""Signals at every phase of a tick, and ticks that are short of memory or of files (P06 to P20)."""

import os
import random
import resource
import select
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from coopflow import threads
from coopflow.errors import ExitCode
from coopflow.keeping.place import take_place
from tests.faults import command
from tests.faults.children import end_of, fork, run
from tests.faults.scene import assert_sound, files, ledger, opened

FAMILIES = 4
MEBIBYTE = 1 << 20


@pytest.fixture
def due(folder: Path) -> Path:
    """A co-op for the command, with mails that are due."""
    base = folder / "due"
    base.mkdir()
    command.starts(command.made(base, families=FAMILIES), FAMILIES)
    return base


def moved_in(due: Path, copy: Path) -> None:
    """The same co-op in another folder, as if it had been set up there."""
    shutil.copytree(due, copy)
    with opened(copy) as store, store.transaction():
        take_place(store)


def goes_on(folder: Path) -> None:
    """The next tick does what is left, and a later one what its transport would not take; each family has one."""
    for minutes in (0, 20):
        with freeze_time(command.now() + timedelta(minutes=minutes)):
            assert command.said_by_tick(folder) == (0, "")
        assert {len(keys) for keys in files(folder).values()} <= {1}
    assert len(files(folder)) == FAMILIES
    with opened(folder) as store:
        assert_sound(store)
        assert ledger(store, "pending", "running", "failed") == {}
        assert store.desk.tasks() == []


# -- signals ------------------------------------------------------------------------------------------------------


def interrupted(folder: Path, after: float, signals: Sequence[signal.Signals]) -> int:
    """A tick that gets signals after so many seconds; its exit code."""

    def work() -> None:
        signal.signal(INT, signal.SIG_DFL)  # as in a process that has not begun yet
        os._exit(command.said_by_tick(folder)[0])

    process = fork(work)
    handle = os.pidfd_open(process)
    select.select([handle], [], [], after)
    with suppress(ProcessLookupError):
        for number in signals:
            signal.pidfd_send_signal(handle, number)
    os.close(handle)
    return end_of(process)


TERM, INT = signal.SIGTERM, signal.SIGINT


@pytest.mark.parametrize("signals", [[TERM], [INT], [INT, INT]], ids=["p06-SIGTERM", "p06-SIGINT", "p07-SIGINT-twice"])
def test_p06_p07_a_tick_that_is_told_to_end_at_any_moment_leaves_everything_to_the_next_one(
    due: Path, signals: list[signal.Signals]
) -> None:
    moments, usual, ends = random.Random(6), 0.2, set()  # noqa: S311
    for number in range(25):
        copy = due.with_name(f"{due.name}-{number}")
        moved_in(due, copy)
        code = interrupted(copy, moments.random() * usual, signals)
        usual *= 0.8 if code == 0 else 1.1  # however fast the machine is, some come to their end and some do not
        ends.add(code)
        goes_on(copy)
        shutil.rmtree(copy)
    assert ends <= {0, ExitCode.INTERRUPTED, *(-number for number in signals)}  # before it listens, a signal kills
    assert len(ends) > 1


# -- scarcity -----------------------------------------------------------------------------------------------------


def with_a_limit(folder: Path, what: int, limit: int, *, patience: int = 20) -> int:
    """A tick in a process that may use so much; who has come to a standstill by it is ended as by a kill."""

    def work() -> None:
        signal.alarm(patience)
        resource.setrlimit(what, (limit, resource.getrlimit(what)[1]))
        code = 70
        try:
            code, _ = command.said_by_tick(folder)
        finally:
            os._exit(code)

    return run(work)


def test_p20_a_tick_that_may_open_few_files_harms_nothing_and_the_next_one_goes_on(due: Path) -> None:
    open_now, ends = len(list(Path("/proc/self/fd").iterdir())), set()
    for more in range(16):
        copy = due.with_name(f"{due.name}-{more}")
        moved_in(due, copy)
        ends.add(with_a_limit(copy, resource.RLIMIT_NOFILE, open_now + more))
        goes_on(copy)
        shutil.rmtree(copy)
    assert len(ends) > 1
    assert 0 in ends


def test_p18_a_tick_that_runs_out_of_memory_sends_nothing_twice_and_the_next_one_goes_on(
    due: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "BIRTH", 1)  # as long as a few of these ticks wait for a thread that died
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    ends = []
    for more in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 1024):
        copy = due.with_name(f"{due.name}-{more}")
        moved_in(due, copy)
        ends.append(with_a_limit(copy, resource.RLIMIT_AS, used + more * MEBIBYTE, patience=60))
        goes_on(copy)
        shutil.rmtree(copy)
    assert -signal.SIGALRM not in ends  # nobody waits for ever
    assert ends[-1] == 0
