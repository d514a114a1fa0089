"""When a transport counts as out of order, and when it is tried again. It is never a single family that pays for it."""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn

ENOUGH = 3  # failures in a row after which it is the transport, and no accident
PAUSE = timedelta(minutes=15)  # what is held is tried again so often


class Trouble(Struct, frozen=True, kw_only=True):
    """How a transport has failed lately, without a success in between."""

    reason: str
    since: datetime
    tried_at: datetime
    failures: int = 1
    until_mended: bool = False  # only a person can mend it
    told: bool = False  # a person has been told
    settings: str = ""  # what stands for the settings it was tried with; with others it is tried at once

    @property
    def held(self) -> bool:
        """Whether messages wait for it without being tried."""
        return self.until_mended or self.told or self.failures >= ENOUGH

    @property
    def answer(self) -> Unavailable:
        """What every message is answered meanwhile."""
        return Unavailable(self.reason, until_mended=self.until_mended)

    def rests(self, now: datetime, *, settings: str) -> bool:
        """Whether it was tried so lately, and with the same settings, that it is left alone."""
        return self.held and self.settings == settings and self.tried_at <= now < self.tried_at + PAUSE


def after(trouble: Trouble | None, fate: Delivery, *, at: datetime, settings: str = "") -> Trouble | None:
    """How it stands with a transport after what became of a message; None: well."""
    match fate:
        case Accepted() | Deferred():
            return None
        case Unavailable(reason, until_mended):
            return _worse(trouble, reason, until_mended=until_mended, at=at, settings=settings)
        case Unknown(reason):  # a server that takes mails and never answers makes a doubt of each
            return _worse(trouble, reason, until_mended=False, at=at, settings=settings)
        case Refused() | Withdrawn():  # may have been settled without the transport
            return trouble


def _worse(trouble: Trouble | None, reason: str, *, until_mended: bool, at: datetime, settings: str) -> Trouble:
    found = trouble or Trouble(reason=reason, since=at, tried_at=at, failures=0)
    return replace(
        found,
        reason=reason,
        tried_at=at,
        failures=found.failures + 1,
        until_mended=until_mended,
        settings=settings,
    )
