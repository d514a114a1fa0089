"""A Maildir on this machine: what a local mail server delivers into. It is only read; nothing in it is touched."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coopflow.inbox.source import LARGEST, MOST_BYTES, Arrived, Unreachable, safe_id
from coopflow.store.inbox import Inbox


class MaildirSource:
    """One Maildir."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._path = Path(settings["path"])
        self.name = str(settings["name"])

    def fetch(self, inbox: Inbox, *, since: datetime, limit: int, now: datetime) -> list[Arrived]:
        """The mails that are not on record, whether somebody has looked at them or not."""
        del now
        from mailbox import Maildir

        if not (self._path / "new").is_dir() or not (self._path / "cur").is_dir():
            raise Unreachable(f"{self._path} is not a Maildir: it has no folders `new` and `cur`")
        try:
            box = Maildir(self._path, create=False)
            recent = [key for key in box.keys() if (at := _came_at(key)) is None or at >= since]  # noqa: SIM118
            known = inbox.known(self.name, [safe_id(key) for key in recent])
            keys = sorted((key for key in recent if safe_id(key) not in known), key=_order)[:limit]
            return list(_mails(box, keys))
        except OSError as problem:
            raise Unreachable(f"{self._path}: {(problem.strerror or 'no reason given').lower()}") from None


def _mails(box: Any, keys: list[str]) -> Iterator[Arrived]:
    taken = 0
    for key in keys:
        if taken > MOST_BYTES:
            return
        try:
            with box.get_file(key) as file:
                content = file.read(LARGEST + 1)
        except (KeyError, FileNotFoundError):
            continue  # a mail program has moved it: the next reading finds it
        taken += len(content)
        yield Arrived(
            provider_id=safe_id(key),
            content=content[:LARGEST],
            kind="mail",
            at=_came_at(key),
            cut=len(content) > LARGEST,
        )


def _came_at(key: str) -> datetime | None:
    """When it was delivered: the name begins with it, in seconds."""
    seconds = key.partition(".")[0]
    if not seconds.isdigit() or len(seconds) > 11:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def _order(key: str) -> tuple[int, str]:
    seconds = key.partition(".")[0]
    return int(seconds) if seconds.isdigit() else 0, key
