"""A folder that other programs put files in: mails (`.eml`), texts and delivery reports (`.json`).

A file is moved into `done/` once it is on record, never deleted. One that is still being written waits.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

from coopflow.inbox.source import LARGEST, MOST_BYTES, Arrived, Unreachable, safe_id
from coopflow.store.inbox import Inbox

DONE = "done"
MAILS, REPORTS = (".eml", ".mail"), (".json", ".form")
STILL_WRITTEN = timedelta(seconds=5)  # a mail has no end that can be told: it waits until nobody has written so long
GIVEN_UP = timedelta(minutes=10)  # JSON that breaks off is not waited for any longer


class FolderSource:
    """One folder."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._path = Path(settings["path"])
        self.name = str(settings["name"])

    def fetch(self, inbox: Inbox, *, since: datetime, limit: int, now: datetime) -> list[Arrived]:
        """What lies in it, the oldest first, but for what is still being written."""
        del inbox, since
        try:
            with os.scandir(self._path) as found:
                names = [entry.name for entry in found if _is_ours(entry.name)]
            return list(self._files(sorted(names, key=self._written), limit, now=now))
        except OSError as problem:
            raise Unreachable(f"{self._path}: {(problem.strerror or 'no reason given').lower()}") from None

    def _files(self, names: list[str], limit: int, *, now: datetime) -> Iterator[Arrived]:
        taken = number = 0
        for name in names:
            arrived = self._file(name, now=now)
            if arrived is None:
                continue
            yield arrived
            taken, number = taken + len(arrived.content), number + 1
            if number >= limit or taken > MOST_BYTES:
                return

    def _written(self, name: str) -> tuple[float, str]:
        try:
            return (self._path / name).lstat().st_mtime, name
        except FileNotFoundError:  # another reading was here
            return 0, name

    def _file(self, name: str, *, now: datetime) -> Arrived | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # whatever lies there, never wait for it
        try:
            with open(os.open(self._path / name, flags), "rb") as file:  # noqa: PTH123
                found, content = os.fstat(file.fileno()), file.read(LARGEST + 1)
        except OSError:  # a link, or no longer there
            return None
        written = datetime.fromtimestamp(int(found.st_mtime), UTC)
        if not stat.S_ISREG(found.st_mode) or _still_written(name, content, now - written):
            return None
        return Arrived(
            provider_id=blake2b(b"\0".join((os.fsencode(name), content)), digest_size=16).hexdigest(),  # names nobody
            content=content[:LARGEST],
            name=safe_id(name),
            kind="mail" if name.lower().endswith(MAILS) else None,
            at=min(written, now),
            cut=len(content) > LARGEST,
            taken=partial(self._put_away, name),
        )

    def _put_away(self, name: str) -> None:
        done = self._path / DONE
        done.mkdir(mode=0o700, exist_ok=True)
        target, number = done / name, 1
        while target.exists():
            number += 1
            target = done / f"{number}-{name}"
        try:
            (self._path / name).rename(target)
        except FileNotFoundError:
            return  # another reading was here


def _is_ours(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith((*MAILS, *REPORTS))


def _still_written(name: str, content: bytes, age: timedelta) -> bool:
    if name.lower().endswith(MAILS):
        return timedelta() <= age < STILL_WRITTEN
    if not name.lower().endswith(".json") or age > GIVEN_UP or len(content) > LARGEST:
        return False
    return not content.rstrip().endswith((b"}", b"]"))
