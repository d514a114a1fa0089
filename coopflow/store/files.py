"""What the file of an SQLite database must be before anything opens it, and how such a file is made.

Nothing here ever closes the database file itself: that would drop the locks that SQLite holds on it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from coopflow.errors import DatabaseUnusable

MOUNTS = Path("/proc/self/mounts")
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afs",
        "ceph",
        "cifs",
        "coda",
        "gfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)
_VERSIONS = 18  # where the header says by which journal the file is written and read
_NO_LOG = b"\x01\x01"
COMPANIONS = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a database while it is in use


def require_fit(path: Path, *, writable: bool) -> None:
    """Refuse a path that holds no database file, or one that others could harm or that cannot be locked safely."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DatabaseUnusable(f"there is no database at {path}; make one with: coopflow init") from None
    except OSError as problem:
        raise DatabaseUnusable(f"the database {path} cannot be reached: {problem.strerror}") from None
    _require_own_file(path, status)
    require_local(path)
    if not os.access(path, os.R_OK):
        raise DatabaseUnusable(f"the database {path} cannot be read by this user; it belongs to user {status.st_uid}")
    if writable and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise DatabaseUnusable(
            f"the database {path} is read-only for this user: its file and its directory must be writable"
        )


def _require_own_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DatabaseUnusable(f"{path} is not a file, so it is no database")
    if status.st_nlink > 1:
        raise DatabaseUnusable(
            f"the database {path} has {status.st_nlink} names (hard links): used under two names it would be damaged;"
            " delete all but one of them"
        )
    if status.st_mode & 0o022:
        raise DatabaseUnusable(
            f"the database {path} can be changed by other users (mode {stat.S_IMODE(status.st_mode):04o});"
            f" run: chmod 600 {path}"
        )
    if status.st_size == 0:
        raise DatabaseUnusable(
            f"the database {path} is empty (0 bytes); restore a backup, or delete the file and run: coopflow init"
        )


def require_own_log(path: Path) -> None:
    """Refuse a write-ahead log beside a database that has none: SQLite would take the pages in it for this one's."""
    log = Path(f"{path}-wal")
    if not (log.exists() and log.stat().st_size):
        return
    found = path.stat()
    database = _opened_for_good(path, found.st_dev, found.st_ino)
    if os.pread(database, 2, _VERSIONS) == _NO_LOG and log.exists() and os.pread(database, 2, _VERSIONS) == _NO_LOG:
        raise DatabaseUnusable(
            f"{log} is of another database: {path.name} has no write-ahead log, and what is in that one would get"
            " into it; move it away"
        )


@cache
def _opened_for_good(path: Path, device: int, inode: int) -> int:  # noqa: ARG001 - they tell files of one name apart
    """A handle on a database that stays open until the process ends: see above."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def require_local(path: Path) -> None:
    """Refuse a network file system: SQLite's locks do not hold there."""
    kind = file_system(path, mounts())
    if kind in NETWORK_FILE_SYSTEMS or kind.startswith("fuse."):
        raise DatabaseUnusable(
            f"{path} lies on a network file system ({kind}), where SQLite's locks do not hold;"
            " put the database on a disk of this machine"
        )


def mounts() -> str:
    """The kernel's table of mounts; empty where there is none."""
    return MOUNTS.read_text(errors="replace") if MOUNTS.exists() else ""


def file_system(path: Path, mounts: str) -> str:
    """The kind of file system that a path lies on, by the kernel's table of mounts; empty if it is not in there."""
    below, longest, kind = f"{path}/", 0, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:
            point = f"{_unescaped(fields[1]).rstrip('/')}/"
            if below.startswith(point) and len(point) >= longest:  # a later mount hides an earlier one
                longest, kind = len(point), fields[2]
    return kind


def _unescaped(text: str) -> str:
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escape, character)
    return text


@contextmanager
def new_file(path: Path) -> Iterator[None]:
    """Make an empty file that only its owner can read, whatever the umask; remove it if the block fails."""
    left_over = [f"{path}{suffix}" for suffix in COMPANIONS if os.path.lexists(f"{path}{suffix}")]
    if left_over:
        raise DatabaseUnusable(f"{left_over[0]} is left over from another database; move it away first")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise DatabaseUnusable(f"{path} exists already; it is left as it is") from None
    except OSError as problem:
        raise DatabaseUnusable(f"{path} cannot be made: {problem.strerror}") from None
    os.fchmod(handle, 0o600)
    os.close(handle)
    try:
        yield
    except BaseException:
        remove(path)
        raise
    sync(path.parent)


def remove(path: Path) -> None:
    """Remove a database that nobody has open, with what lies beside it."""
    for suffix in ("", *COMPANIONS):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file's content durable, or the names in a directory. Never for a database in use: see above."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # some network disks know nothing of durable directories
            raise
    finally:
        os.close(handle)


def put(path: Path, text: str) -> None:
    """Write a small file that only its owner can read: durable, and whole or not there; never a database."""
    aside = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(aside, flags, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, 0o600)
        file.write(text)
        file.flush()
        os.fsync(handle)
    aside.replace(path)
    sync(path.parent)
