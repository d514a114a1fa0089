"""One tick at a time: a lock that the kernel lets go of when its holder dies, on a file beside the database.

The file is never deleted: whoever still holds a deleted one would not see the next holder. Its time of change is the
heartbeat of the last tick. The lock saves work; that nothing is sent twice is the database's promise, not this one's.
"""

import errno
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from coopflow.errors import DatabaseUnusable

LOCKS = Path("/proc/locks")


class TickLock:
    """The right to run a tick on a database; let go at the end of a `with` block."""

    def __init__(self, database: Path) -> None:
        self.path = lock_path(database)
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False: another tick is at work."""
        if self._handle is not None:
            raise RuntimeError(f"{self.path} is held already")
        while True:
            handle = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            except OSError as problem:
                os.close(handle)
                raise DatabaseUnusable(f"{self.path} cannot be locked: {problem.strerror}") from None
            if _is_at(handle, self.path):
                self._handle = handle
                return True
            os.close(handle)  # the file was replaced between opening and locking it

    def release(self) -> None:
        """Let the lock go, if it is held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def intact(self) -> bool:
        """Whether it is held, and its file still is the one beside the database: no other tick can hold it too."""
        return self._handle is not None and _is_at(self._handle, self.path)

    def touch(self, *, now: datetime) -> None:
        """Leave the heartbeat: a tick was at work at this instant."""
        if self._handle is None:
            raise RuntimeError(f"{self.path} is not held")
        os.utime(self._handle, (now.timestamp(), now.timestamp()))

    def __enter__(self) -> "TickLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            try:
                handle = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                return os.open(self.path, flags)
        except OSError as problem:
            raise DatabaseUnusable(_why_not(self.path, problem)) from None
        os.fchmod(handle, 0o600)
        os.utime(handle, (0, 0))  # no tick has been at work yet
        return handle


def lock_path(database: Path) -> Path:
    """The file beside the database that ticks lock: `coopflow.db.lock`."""
    return database.with_name(f"{database.name}.lock")


def last_beat(database: Path) -> datetime | None:
    """When a tick last left its heartbeat; None: none ever has."""
    try:
        changed = int(lock_path(database).stat(follow_symlinks=False).st_mtime)
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(changed, UTC) if changed else None


def holder(database: Path) -> int | None:
    """The process that took the lock, by the kernel's table; a dead one's child may still hold what it inherited."""
    try:
        inode = str(lock_path(database).stat(follow_symlinks=False).st_ino)
        lines = [line.split() for line in LOCKS.read_text().splitlines()]
    except FileNotFoundError:
        return None
    found = (int(line[4]) for line in lines if line[1] == "FLOCK" and line[5].rpartition(":")[2] == inode)
    return next(found, None)


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), there)


def _why_not(path: Path, problem: OSError) -> str:
    if problem.errno == errno.ELOOP:
        return f"{path} is a symbolic link; it must be a file: delete the link"
    if problem.errno in (errno.EACCES, errno.EPERM):
        return f"{path} cannot be opened by this user; check who owns it and its directory (was a tick run as root?)"
    return f"{path} cannot be opened: {problem.strerror}"
