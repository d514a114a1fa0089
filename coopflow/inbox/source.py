"""Where things come in from: what every source answers with, and the bounds that hold for all of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct, field

from coopflow.store.inbox import Inbox

LARGEST = 1_000_000  # bytes of one thing that are read; an answer has a thousandth of that
MOST_BYTES = 20_000_000  # taken in at one reading
LONGEST_ID = 300  # characters
LOOKS_BACK = timedelta(days=7)  # so far back a source is read when it is read for the first time


class Unreachable(Exception):
    """A source cannot be read; the text is the end of a sentence, and holds no secret."""


def safe_id(text: str) -> str:
    """An id that can be stored, whatever bytes a file's name is made of."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    return (
        plain
        if len(plain) <= LONGEST_ID
        else f"{plain[:LONGEST_ID]}:{blake2b(plain.encode(), digest_size=8).hexdigest()}"
    )


def _nothing() -> None:
    return


class Arrived(Struct, frozen=True, kw_only=True):
    """One thing as it came, not read yet."""

    provider_id: str  # the same for the same thing, however often it is handed over
    content: bytes  # at most LARGEST of it
    name: str = ""  # of a file
    kind: str | None = None  # mail | sms | report; None: its content says so
    at: datetime | None = None  # when it came in, as its source says
    cut: bool = False  # there is more of it than was read
    taken: Callable[[], None] = field(default=_nothing)  # tell the source, once it is on record


class Source(Protocol):
    """A place that things come in to. Nothing there is ever deleted."""

    @property
    def name(self) -> str:
        """What the record calls it."""

    def fetch(self, inbox: Inbox, *, since: datetime, limit: int, now: datetime) -> list[Arrived]:
        """What has come in and is not on record, the oldest first, at most so much; raise Unreachable.

        `since` is from when on anything is taken in: what lay there long before coopflow did is nobody's answer.
        """
