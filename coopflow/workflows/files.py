"""Reading what other people put into a folder: never blocking, never following a link out of it, never half a file."""

import errno
import os
import stat
from pathlib import Path

from coopflow.errors import Invalid
from coopflow.yaml_text import MAX_BYTES

LOOKS = 3  # at a file that changes while it is read
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(Invalid):
    """Why a file is not read: a sentence about it."""


def read_inside(path: Path, root: Path) -> tuple[bytes, bool]:
    """The bytes of a regular file in `root`, at most one more than are allowed, and whether anybody may change it."""
    real = _real(path, root)
    for _ in range(LOOKS):
        content, before, after = _look(real)
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return content, bool(after.st_mode & stat.S_IWOTH)
    raise Unreadable("is being written at this moment")


def _real(path: Path, root: Path) -> Path:
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError:
        raise Unreadable("is a link that leads nowhere" if path.is_symlink() else "is not there any more") from None
    except (OSError, RuntimeError) as problem:
        raise Unreadable(_reason(problem)) from None
    if not real.is_relative_to(root.resolve()):
        raise Unreadable("is a link that leads out of the folder")
    return real


def _look(real: Path) -> tuple[bytes, os.stat_result, os.stat_result]:
    """What the file holds, and what it was before and after; opening a pipe without a writer must not wait for ever."""
    try:
        _require_readable(real.lstat())
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as problem:
        raise Unreadable(_reason(problem)) from None
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        _require_readable(before)
        return file.read(MAX_BYTES + 1), before, os.fstat(descriptor)


def _require_readable(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(f"is {_kind(found)}, not a file")
    if found.st_size > MAX_BYTES:
        raise Unreadable(f"is too large: {found.st_size / 1024:,.0f} KiB, at most {MAX_BYTES // 1024} KiB are read")


def _kind(found: os.stat_result) -> str:
    return next((words for test, words in KINDS if test(found.st_mode)), "something else")


def _reason(problem: BaseException) -> str:
    if isinstance(problem, RuntimeError) or getattr(problem, "errno", None) == errno.ELOOP:
        return "is a link that leads in a circle"
    if isinstance(problem, PermissionError):
        return "may not be read by this user"
    return f"cannot be read: {getattr(problem, 'strerror', None) or problem}"
