"""`python -m benchmarks.timing`: what it costs to plan a send, and to look ahead through everything in flight.

A plan is measured beside the plainest search there is, minute by minute, in the same run; carry the ratio away.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.world import WITH_MESSAGES, make_world
from coopflow.core.instants import parse_instant
from coopflow.core.timing import BUSINESS_HOURS, TEXT_HOURS, OpenHours, next_open, zone
from coopflow.reports.agenda import agenda
from coopflow.tick import tick

ZONES = ("America/New_York", "America/Chicago", "America/Los_Angeles", "America/Denver", "Pacific/Honolulu")
CLOSED = {date(2026, 12, 21) + timedelta(days=number): "Winter break" for number in range(14)}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timing", description=__doc__)
    parser.add_argument("--plans", type=int, default=20_000)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    moments = [FIRST + timedelta(minutes=37 * number) for number in range(given.plans)]
    ours, plain = [], []
    for _ in range(given.rounds):
        ours.append(per_call(next_open, moments))
        plain.append(per_call(minute_by_minute, moments[:: max(1, given.plans // 500)]))
    planned, searched = statistics.median(ours), statistics.median(plain)
    print(f"to plan a text: {planned * 1e6:.1f} µs, {given.plans:,} moments of {len(ZONES)} zones and two places")
    print(f"minute by minute: {searched * 1e6:,.0f} µs; ratio {searched / planned:,.0f}")
    seconds, found = look_ahead(given.instances)
    print(f"agenda of {given.instances:,} instances in flight, 7 days: {seconds:.2f} s, {found:,} appointments")


def places(number: int) -> tuple[OpenHours, ...]:
    tz, other = zone(ZONES[number % len(ZONES)]), zone(ZONES[number // 7 % len(ZONES)])
    return OpenHours((BUSINESS_HOURS, TEXT_HOURS), tz, CLOSED), OpenHours((TEXT_HOURS,), other, {})


def per_call(search: Callable[[datetime, tuple[OpenHours, ...]], object], moments: list[datetime]) -> float:
    """Seconds for one search."""
    asked = [(at, places(number)) for number, at in enumerate(moments)]
    started = time.perf_counter()
    for at, hours in asked:
        search(at, hours)
    return (time.perf_counter() - started) / len(asked)


def minute_by_minute(at: datetime, hours: tuple[OpenHours, ...]) -> datetime:
    """The first open minute, by looking at each."""
    while not all(_open(at, place) for place in hours):
        at += MINUTE
    return at


def _open(at: datetime, place: OpenHours) -> bool:
    local = at.astimezone(place.tz)
    minute = local.hour * 60 + local.minute
    if local.date() in place.closed_days:
        return False
    return all(any(start <= minute < end for start, end in window.days[local.weekday()]) for window in place.windows)


def look_ahead(instances: int) -> tuple[float, int]:
    """How long `agenda` takes for so many instances that wait for an answer, and how much it finds."""
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), WITH_MESSAGES, instances)
        now = parse_instant("2026-03-20T13:00:00Z")
        tick(world.engine, now=now)
        started = time.perf_counter()
        found = agenda(world.store, since=now, until=now + timedelta(days=7))
        seconds = time.perf_counter() - started
        world.close()
    return seconds, len(found)


if __name__ == "__main__":
    main()
