"""Machines that are slow or let a tick compute for a moment only, and a package that is replaced under a tick."""

import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import command
from tests.faults.children import end_of, fork
from tests.faults.scene import assert_sound, files, ledger, opened
from tests.faults.test_signals_and_scarcity import FAMILIES, goes_on, moved_in
from tests.faults.test_signals_and_scarcity import due as due

EACH_STATEMENT = 0.02  # seconds that a slow machine takes for it; it is some twenty microseconds elsewhere


def computes(seconds: float) -> None:
    """Keep the processor busy, as a slow one is."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def slow_tick(folder: Path, *, limit: int | None = None) -> int:
    """A tick on a slow machine, with the least priority, and perhaps with so many seconds of computing; its end."""
    from coopflow.store.database import SqliteFile

    connect = SqliteFile._initialize_connection

    def slowly(db: SqliteFile, connection: object) -> None:
        connect(db, connection)  # type: ignore[arg-type]
        connection.set_trace_callback(lambda _: computes(EACH_STATEMENT))  # type: ignore[attr-defined]

    def work() -> None:
        os.nice(19)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        SqliteFile._initialize_connection = slowly  # type: ignore[method-assign]
        os._exit(command.said_by_tick(folder)[0])

    return end_of(fork(work))


def test_p19_on_a_slow_machine_everything_is_only_later(due: Path) -> None:
    before = time.monotonic()
    assert slow_tick(due) == 0
    assert time.monotonic() - before > 20 * EACH_STATEMENT
    assert len(files(due)) == FAMILIES
    goes_on(due)


def test_p19_a_tick_that_may_compute_for_a_moment_only_is_taken_up_by_the_next_one(due: Path) -> None:
    assert slow_tick(due, limit=1) in (-signal.SIGXCPU, -signal.SIGKILL)
    goes_on(due)


# -- P23: an upgrade in the middle ----------------------------------------------------------------------------------


def package_in(place: Path) -> Path:
    """The package as `pip` would put it there."""
    shutil.copytree(command.ROOT / "coopflow", place / "coopflow", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(command.ROOT / "workflows.d", place / "coopflow" / "bundled" / "workflows.d")
    return place / "coopflow"


def ticks_from(place: Path, folder: Path) -> subprocess.Popen[str]:
    """A tick by the package in that place, and by no other."""
    program = "import sys; sys.path[:0] = [sys.argv.pop(1)]; from coopflow.__main__ import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-B", "-c", program, str(place), "-c", "coopflow.yaml", "tick"],
        cwd=folder,
        env=os.environ | {"TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", range(8))
def test_p23_a_package_that_is_replaced_during_a_tick_leaves_everything_to_the_next_one(
    due: Path, folder: Path, number: int
) -> None:
    place, moments = folder / "site", random.Random(number)  # noqa: S311
    place.mkdir()
    package = package_in(place)
    copy = due.with_name("copy")
    moved_in(due, copy)
    process = ticks_from(place, copy)
    handle = os.pidfd_open(process.pid)
    select.select([handle], [], [], moments.random() * 0.8)
    package.rename(place / "old")  # pip removes the old one, and puts the new one there
    package_in(place)
    _, said = process.communicate(timeout=60)
    os.close(handle)
    assert process.returncode in (0, 1, 70), said
    after = ticks_from(place, copy)
    assert (after.communicate(timeout=60)[1], after.returncode) == ("", 0)
    goes_on(copy)


def test_p23_another_version_of_coopflow_goes_on_with_what_the_last_one_left(
    due: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.starts(command.open_app(due / "coopflow.yaml"), FAMILIES)
    assert command.said_by_tick(due) == (0, "")
    for module in ("coopflow", "coopflow.door", "coopflow.cli.root"):
        monkeypatch.setattr(f"{module}.__version__", "99.0", raising=False)
    command.starts(command.open_app(due / "coopflow.yaml"), FAMILIES)
    assert command.said_by_tick(due) == (0, "")
    assert {len(keys) for keys in files(due).values()} == {3}
    with opened(due) as store:
        assert_sound(store)
        assert ledger(store, "pending", "running", "failed") == {}
