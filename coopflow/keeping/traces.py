"""Where a family can be named outside the database: files of messages, and whatever else lies in the co-op's folder."""

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from coopflow.core.model import Family

DONE = "done"  # a folder of what was taken in, wherever it lies
LARGEST = 20_000_000  # bytes; longer files are not read
MOST = 20_000  # files that are looked at
SHORTEST_NAME = 4  # a shorter one would be found in any text
NOT_OURS = frozenset({".git", ".venv", "node_modules", "__pycache__"})


def message_files(outbox: Path, keys: Collection[str], families: Iterable[Family]) -> list[Path]:
    """The files in the outbox that are called by one of these keys, drafts of them, and all that hold an address.

    A database that was restored does not know the keys of what it sent in the time that it has lost.
    """
    addresses = _pattern(*(address for family in families for address in _addresses(family)))
    return [
        path
        for path in _files(outbox)
        if path.name.split(".")[0] in keys or (addresses is not None and _holds(path, addresses))
    ]


def done_files(folder: Path, family: Family) -> list[Path]:
    """What came from the family and was taken in: files in folders called `done` that hold one of its addresses."""
    addresses = _pattern(*_addresses(family))
    if addresses is None:
        return []
    taken_in = (path for path in _files(folder) if DONE in path.relative_to(folder).parts[:-1])
    return [path for path in taken_in if _holds(path, addresses)]


def mentions(folder: Path, family: Family, *, leave_out: Collection[Path]) -> list[Path]:
    """Files of the co-op's folder that still hold the family's name or an address of it."""
    name = family.family_name if len(family.family_name) >= SHORTEST_NAME else None
    wanted = _pattern(*_addresses(family), name)
    ours = {path.name for path in leave_out}
    if wanted is None:
        return []
    found = (path for path in _files(folder) if not any(path.name.startswith(own) for own in ours))
    return [path for path in found if _holds(path, wanted)]


def _addresses(family: Family) -> list[str | None]:
    return [family.email, family.phone]


def _pattern(*words: str | None) -> re.Pattern[bytes] | None:
    given = [re.escape(word.encode()) for word in words if word]
    return re.compile(rb"(?<![\w.])(?:" + b"|".join(given) + rb")(?!\w)", re.IGNORECASE) if given else None


def _holds(path: Path, wanted: re.Pattern[bytes]) -> bool:
    try:
        return path.stat().st_size <= LARGEST and wanted.search(path.read_bytes()) is not None
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for directory, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if name not in NOT_OURS)
        for name in sorted(names):
            path = Path(directory, name)
            count += 1
            if count > MOST:
                return
            if path.is_file() and not path.is_symlink():
                yield path
