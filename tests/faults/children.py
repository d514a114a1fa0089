"""Processes that may be killed at any moment: forked from this one, so that each costs milliseconds.

Nobody may fork while this process has a database open: SQLite's locks do not survive that.
"""

import itertools
import os
import select
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable

from coopflow.errors import CoopflowError

KILLED = -signal.SIGKILL
PATIENCE = 60  # seconds; whoever waits longer waits for a process that has died
FILE_OPERATIONS = frozenset({"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.listdir", "coopflow.point"})


def fork(work: Callable[[], object]) -> int:
    """Do something in a child process, which ends with it; its exit code is that of the command line."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        work()
        code = 0
    except CoopflowError as problem:
        code = problem.exit_code
        print(problem, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - the child must never go on as a second test run
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def end_of(pid: int) -> int:
    """Wait for a child; its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(work: Callable[[], object]) -> int:
    """Do something in a child process and wait for its end."""
    return end_of(fork(work))


class Gate:
    """Where one process waits for another."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def open(self) -> None:
        os.write(self._write, b"!")

    def wait(self) -> None:
        ready, _, _ = select.select([self._read], [], [], PATIENCE)
        assert ready, "the other process never came to the gate"
        os.read(self._read, 1)


class Fate:
    """Kills its process at the n-th point of its way: before the n-th statement or file operation."""

    def __init__(self, point: int) -> None:
        self._point = point
        self._count = itertools.count(1)
        sys.addaudithook(self._heard)

    def watch(self, connection: sqlite3.Connection) -> None:
        """Count the statements of a connection too."""
        connection.set_trace_callback(self._passed)

    def _heard(self, event: str, _: object) -> None:
        if event in FILE_OPERATIONS:
            self._passed()

    def _passed(self, _: object = None) -> None:
        if next(self._count) == self._point:
            os.kill(os.getpid(), signal.SIGKILL)
