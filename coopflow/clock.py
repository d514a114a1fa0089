"""The guard of the clock in front of a tick: what the last one saw, whether this one may go on, and who said so."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from coopflow.core.audit import canonical_json
from coopflow.core.case import ENGINE
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.model import Event
from coopflow.core.wall_clock import Boot, Clock, Seen, judge_clock
from coopflow.errors import ClockHeld
from coopflow.store.meta import find_meta, write_meta
from coopflow.store.store import Store

SEEN = "clock_seen"  # what the last tick that did something saw
HELD = "clock_held"  # why ticks do nothing; empty or missing: they do
ACCEPT = "coopflow tick --accept-clock"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot() -> Boot | None:
    """How long the machine has been running, its sleep included; None where the system does not tell.

    Whoever replaces the wall clock, as tests do, replaces this as well.
    """
    try:
        return Boot(BOOT_ID.read_text().strip(), int(time.clock_gettime(time.CLOCK_BOOTTIME)))
    except (OSError, AttributeError):  # not Linux
        return None


def stopwatch() -> Callable[[], timedelta]:
    """Answer with what tells how much time has passed since now: by a clock that nobody sets, in whole seconds."""
    began = _running()
    return lambda: timedelta(seconds=_running() - began)


def _running() -> int:
    running = boot()
    return running.seconds if running else int(time.monotonic())


def time_for_tick(store: Store, *, wall: datetime, say_again: bool = False) -> datetime:
    """The instant that a tick goes by, left for the next one to compare with; raise ClockHeld if there is none.

    Its words come once, as cron sends a mail for every word; or again for somebody at a keyboard.
    """
    clock = look_at_clock(store, wall=wall)
    with store.transaction():
        if clock.held is None:
            _go_on(store, clock.now)
            return clock.now
        news = not held_clock(store)
        if news:
            write_meta(store.db, HELD, clock.held)
            data = {"reason": clock.held, "shown": format_instant(wall)}
            store.log([Event(at=clock.now, kind="clock.held", actor=ENGINE, data=data)])
    raise ClockHeld(advice(clock.held) if news or say_again else "")


def look_at_clock(store: Store, *, wall: datetime) -> Clock:
    """Judge the clock, and write nothing."""
    return judge_clock(wall, last=last_seen(store), boot=boot())


def accept_clock(store: Store, *, wall: datetime, actor: str) -> bool:
    """Go by the clock from here on, since a person says that it is right; False: nobody had doubted it."""
    doubts = look_at_clock(store, wall=wall).held
    if doubts is None:
        return False
    with store.transaction():
        _go_on(store, wall)
        data = {"shown": format_instant(wall), "reason": doubts}
        store.log([Event(at=wall, kind="clock.accepted", actor=actor, data=data)])
    return True


def advice(doubts: str) -> str:
    """What is wrong with the clock, and what a person does about it."""
    return f"{doubts}. Nothing is done until it is right. Set the clock; or if it is right, say so: {ACCEPT}"


def held_clock(store: Store) -> str | None:
    """Why ticks do nothing because of the clock; None: they do."""
    return find_meta(store.db, HELD) or None


def last_seen(store: Store) -> Seen | None:
    """What the last tick that did something saw."""
    text = find_meta(store.db, SEEN)
    if text is None:
        return None
    wall, boot_id, seconds = json.loads(text)
    return Seen(parse_instant(wall), None if boot_id is None else Boot(boot_id, seconds))


def _go_on(store: Store, now: datetime) -> None:
    running = boot()
    seen = [format_instant(now), running.boot_id if running else None, running.seconds if running else None]
    write_meta(store.db, SEEN, canonical_json(seen))
    if held_clock(store):
        write_meta(store.db, HELD, "")
