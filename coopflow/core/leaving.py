"""What may leave the house in one tick: nothing until somebody has said so, and never far more than is usual."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from coopflow.core.audit import canonical_json

LIVE = "live"
ALWAYS_ALLOWED = 50  # messages in one tick that are no blast whatever is usual
TIMES_THE_USUAL = 3

NOT_LIVE = "held back until somebody says that messages may leave: coopflow go-live"
BLAST = "held back, since many messages would leave at once: coopflow release"


class WayOut(Struct, frozen=True):
    """How the configuration lets messages leave: somebody must have agreed to it before the first one does."""

    deliver: str = "outbox"
    transports: str = ""  # the fingerprint of where they go

    @property
    def reaches_families(self) -> bool:
        """Whether messages would really leave, to those they are meant for."""
        return self.deliver == LIVE


class Room(Struct):
    """How many messages may still leave in a tick."""

    left: int | None = None  # None: as many as there are
    why_not: str = BLAST  # what is said of those that stay
    stopped: bool = False  # a person must say something before any leaves

    @property
    def closed(self) -> bool:
        """True when not even the intent to send is written down."""
        return self.why_not == NOT_LIVE

    @property
    def full(self) -> bool:
        """True when no further message may leave."""
        return self.left == 0

    def take(self) -> bool:
        """Take one message's place; False: there is none left."""
        if self.left is None:
            return True
        if self.left == 0:
            return False
        self.left -= 1
        return True


def fingerprint(settings: Mapping[str, Any]) -> str:
    """What changes when messages would go another way."""
    return hashlib.sha256(canonical_json(settings).encode()).hexdigest()[:16]


def usual(ticks: Iterable[tuple[date, int]]) -> int:
    """What is usual in one tick, from the day and the number of messages of each that sent any.

    The fullest tick of each day counts, and of those the median: on half of the days it was not fuller. So a co-op that
    sends all of a day's messages at nine is not asked every morning, and one that sends them one by one is asked early.
    """
    fullest: dict[date, int] = {}
    for day, messages in ticks:
        fullest[day] = max(messages, fullest.get(day, 0))
    return sorted(fullest.values())[(len(fullest) - 1) // 2] if fullest else 0  # of an even number the lower one


def most_at_once(usually: int) -> int:
    """How many messages may leave in one tick without being asked for."""
    return max(ALWAYS_ALLOWED, TIMES_THE_USUAL * usually)
