"""Whether the clock on the wall can be believed: a pure judgement, in front of every tick that would do something.

A clock that is set back must not repeat anything, and one that jumps ahead must not send a year of messages at once
(reliability, 4.11). The time since the machine was started cannot be set, so within one start of it every step of the
clock is seen exactly, however long no tick was at work.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from coopflow.core.instants import format_instant

SMALL_STEP_BACK = timedelta(minutes=5)  # as time servers correct; the engine waits for it to pass
LARGEST_STEP_AHEAD = timedelta(hours=24)
LONGEST_OFF = timedelta(days=366)  # a machine may have been off so long; beyond it, a dead battery is likelier


class Boot(Struct, frozen=True):
    """How long a machine has been running since it was started, by a clock that nobody can set."""

    boot_id: str
    seconds: int


class Seen(Struct, frozen=True):
    """What the last tick that did something saw."""

    wall: datetime
    boot: Boot | None = None


class Clock(Struct, frozen=True):
    """The instant to go by; never before the last one that was gone by."""

    now: datetime
    held: str | None = None  # why nothing may be done until a person has looked at the clock, or it has caught up


def judge_clock(wall: datetime, *, last: Seen | None, boot: Boot | None) -> Clock:
    """Say by which instant a tick goes, or why it must not."""
    if last is None:
        return Clock(wall)
    now = max(wall, last.wall)
    if last.wall - wall > SMALL_STEP_BACK:
        back = f"the clock has gone back by {_length(last.wall - wall)}: it shows {_text(wall)}"
        return Clock(now, f"{back}, and the last tick was at {_text(last.wall)}")
    return Clock(now, _step_ahead(wall, last, boot))


def _step_ahead(wall: datetime, last: Seen, boot: Boot | None) -> str | None:
    passed = wall - last.wall
    if last.boot is None or boot is None or boot.boot_id != last.boot.boot_id or boot.seconds < last.boot.seconds:
        if passed <= LONGEST_OFF:
            return None
        return f"the clock shows {_text(wall)}, {_length(passed)} after the last tick at {_text(last.wall)}"
    running = timedelta(seconds=boot.seconds - last.boot.seconds)
    if passed - running <= LARGEST_STEP_AHEAD:
        return None
    ahead = f"the clock has jumped ahead by {_length(passed - running)}: it shows {_text(wall)}"
    return f"{ahead}, {_length(running)} after the last tick at {_text(last.wall)}"


def _text(at: datetime) -> str:
    return format_instant(at)


def _length(length: timedelta) -> str:
    """A length in its largest unit, rounded down: `3 hours`, `10 years`."""
    seconds = int(length.total_seconds())
    for unit, size in _UNITS:
        if seconds >= size:
            number = seconds // size
            return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return "no time"


_UNITS = (("year", 365 * 86400 + 6 * 3600), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
