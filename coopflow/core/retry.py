"""How often a step is tried, and how long is waited between two tries: a refusal and a count in, a decision out."""

from datetime import datetime, timedelta
from math import isfinite

from msgspec import Struct

from coopflow.core.durations import Duration

FIVE_MINUTES = Duration(seconds=5 * 60)
ONE_DAY = Duration(days=1)
JITTER = 10  # a wait grows by at most a tenth, so that many retries do not come in one moment


class Retry(Struct, frozen=True):
    """Try once more."""

    at: datetime
    attempt_number: int  # the number of the attempt that this will be


class GiveUp(Struct, frozen=True):
    """Do not try again."""

    reason: str


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often a step is tried again, and after how long: elapsed time, in which a day is 24 hours."""

    max_retries: int = 3  # after the first attempt; 0: never
    initial_delay: Duration = FIVE_MINUTES
    backoff_multiplier: float = 2
    max_delay: Duration = ONE_DAY

    def __post_init__(self) -> None:
        if self.max_retries < 0:
            raise ValueError(f"max_retries is {self.max_retries}; it is 0 (never again) or more")
        if not (isfinite(self.backoff_multiplier) and self.backoff_multiplier >= 1):
            raise ValueError(f"backoff_multiplier is {self.backoff_multiplier}; it is 1 (equal waits) or more")
        if _elapsed("initial_delay", self.initial_delay) > _elapsed("max_delay", self.max_delay):
            raise ValueError(f"max_delay ({self.max_delay}) is shorter than initial_delay ({self.initial_delay})")

    def decide(self, *, permanent: bool, attempts: int, reason: str, now: datetime, key: str) -> Retry | GiveUp:
        """What follows a failure after so many attempts. The same `key` always gives the same wait."""
        if permanent or attempts > self.max_retries:
            return GiveUp(reason)
        wait = self._wait(attempts)
        return Retry(now + timedelta(seconds=wait + _jitter(wait, key, attempts)), attempts + 1)

    def _wait(self, retry: int) -> int:
        """Whole seconds before the nth retry, counted from 1."""
        longest = _elapsed("max_delay", self.max_delay)
        try:
            wait = _elapsed("initial_delay", self.initial_delay) * float(self.backoff_multiplier) ** (retry - 1)
        except OverflowError:  # so many retries that the number has no end: long past the cap
            return longest
        return round(min(wait, longest))


def _elapsed(name: str, duration: Duration) -> int:
    if duration.months or duration.business_days or duration.business_minutes:
        raise ValueError(f"{name} is {duration}; a retry waits minutes, hours or days")
    return duration.days * 86_400 + duration.seconds


def _jitter(wait: int, key: str, retry: int) -> int:
    """Up to a tenth of the wait, always the same for the same retry of the same visit."""
    from hashlib import blake2b  # it takes long to load, and only a failure needs it

    digest = blake2b(f"{key}\n{retry}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (wait // JITTER + 1)
