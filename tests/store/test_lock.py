import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coopflow.errors import DatabaseUnusable
from coopflow.store.lock import TickLock, holder, last_beat, lock_path
from tests.store.processes import finish, line_from, run, start

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
HOLD = """
import sys
from pathlib import Path
from coopflow.store.lock import TickLock
lock = TickLock(Path(sys.argv[1]))
print("taken" if lock.acquire() else "busy", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def lock(path: Path) -> Iterator[TickLock]:
    with TickLock(path) as lock:
        yield lock


def test_the_lock_lies_beside_the_database_and_never_on_it(path: Path) -> None:
    assert lock_path(path) == path.parent / "coopflow.db.lock"


def test_another_process_finds_it_busy_until_it_is_let_go(path: Path, lock: TickLock) -> None:
    assert lock.acquire()
    assert run(HOLD, path) == (0, "busy\n")
    lock.release()
    assert run(HOLD, path) == (0, "taken\n")


def test_two_ticks_in_one_process_exclude_each_other_too(path: Path, lock: TickLock) -> None:
    assert lock.acquire()
    with TickLock(path) as second:
        assert not second.acquire()
        lock.release()
        assert second.acquire()


def test_a_killed_tick_lets_go(path: Path, lock: TickLock) -> None:
    tick = start(HOLD, path)
    assert line_from(tick) == "taken"
    assert not lock.acquire()
    assert holder(path) == tick.pid
    tick.kill()
    finish(tick)
    assert lock.acquire()


def test_a_program_started_by_a_tick_does_not_keep_its_lock(path: Path, lock: TickLock) -> None:
    assert lock.acquire()
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        close_fds=False,
    )
    assert line_from(child) == "up"
    lock.release()
    assert lock.acquire()
    child.communicate()


def test_the_file_stays_and_is_private(path: Path, lock: TickLock) -> None:
    before = os.umask(0)
    try:
        assert lock.acquire()
    finally:
        os.umask(before)
    inode = lock.path.stat().st_ino
    lock.release()
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    assert lock.acquire()
    assert lock.path.stat().st_ino == inode


def test_a_deleted_or_replaced_lock_file_is_noticed(path: Path, lock: TickLock) -> None:
    assert not lock.intact()
    assert lock.acquire()
    assert lock.intact()
    lock.path.unlink()
    assert not lock.intact()
    with TickLock(path) as second:
        assert second.acquire(), "nobody can lock a file that is not there any more"
        assert second.intact()
        assert not lock.intact()


def test_a_file_replaced_while_it_was_being_locked_is_let_go_for_the_new_one(path: Path) -> None:
    class Unlucky(TickLock):
        unlucky = 2

        def _open(self) -> int:
            handle = super()._open()
            if self.unlucky:
                self.unlucky -= 1
                self.path.unlink()
                self.path.touch()
            return handle

    lock = Unlucky(path)
    with lock:
        assert lock.acquire()
        assert lock.intact()
        assert lock.unlucky == 0


def test_a_symbolic_link_in_its_place_is_refused(path: Path, lock: TickLock) -> None:
    precious = path.with_name("precious")
    precious.write_text("precious")
    lock.path.symlink_to(precious)
    with pytest.raises(DatabaseUnusable, match=r"coopflow\.db\.lock is a symbolic link"):
        lock.acquire()
    assert precious.read_text() == "precious"


def test_what_cannot_be_a_lock_file_is_named(path: Path, lock: TickLock) -> None:
    lock.path.mkdir()
    with pytest.raises(DatabaseUnusable, match=r"coopflow\.db\.lock cannot be opened: Is a directory"):
        lock.acquire()
    with pytest.raises(DatabaseUnusable, match="No such file or directory"):
        TickLock(path.parent / "nowhere" / "coopflow.db").acquire()


def test_the_heartbeat_is_the_last_ticks_and_not_the_files(path: Path, lock: TickLock) -> None:
    assert last_beat(path) is None
    assert lock.acquire()
    assert last_beat(path) is None, "a tick that has only begun has left no heartbeat"
    lock.touch(now=NOW)
    assert last_beat(path) == NOW
    lock.release()
    assert lock.acquire()
    assert last_beat(path) == NOW


def test_only_who_holds_the_lock_leaves_a_heartbeat(lock: TickLock) -> None:
    with pytest.raises(RuntimeError, match="is not held"):
        lock.touch(now=NOW)


def test_a_lock_is_taken_once(lock: TickLock) -> None:
    assert lock.acquire()
    with pytest.raises(RuntimeError, match="is held already"):
        lock.acquire()
    lock.release()
    lock.release()


def test_nobody_holds_a_free_lock(path: Path, lock: TickLock) -> None:
    assert holder(path) is None
    assert lock.acquire()
    assert holder(path) == os.getpid()
    lock.release()
    assert holder(path) is None
