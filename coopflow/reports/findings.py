"""What a look at the co-op's health goes by, and what it comes to."""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from coopflow.config import Config
from coopflow.core.timing import local_text
from coopflow.store.store import Store
from coopflow.zone_data import ZoneData


class Level(StrEnum):
    """How it stands with one thing."""

    GOOD = "good"
    WARNING = "warning"  # worth a look
    BAD = "bad"  # a person is needed


class Finding(Struct, frozen=True):
    """What one check has found, and what to do about it."""

    check: str
    level: Level
    words: str
    remedy: str | None = None


class Premises(Struct, frozen=True, kw_only=True):
    """What is looked at."""

    store: Store
    config: Config
    database: Path
    zone_data: ZoneData
    now: datetime
    thorough: bool = False  # each index is compared with its table

    def text(self, at: datetime) -> str:
        """A time on the co-op's clock, with its year."""
        tz = self.store.coop.calendar.tz
        return f"{local_text(at, tz)} {at.astimezone(tz).year}"


def length(span: timedelta) -> str:
    """`3 days`; never less than nothing."""
    from coopflow.render import duration

    return duration(max(span, timedelta()))
