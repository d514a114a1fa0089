"""Ticks killed at random moments, one after the other, and what must be true after each: for hours, if need be."""

import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from coopflow.store.store import Store
from coopflow.tick import tick
from coopflow.triggers import start_by_hand
from tests.faults import command
from tests.faults.children import KILLED, end_of, fork
from tests.faults.gateway import GatewayChannel, gateway
from tests.faults.scene import assert_sound, engine, files, fill, ledger, opened
from tests.faults.story import settle_doubts, truth
from tests.world import at, world

MORNING = "2026-03-20 09:00"
NOW = at(MORNING)
FAMILIES = 40
DUE = 12  # messages that are due when a tick begins
LOOKED_AT = 100  # after so many kills everything is looked at, not just what was under way


@dataclass(slots=True)
class Toll:
    """What was killed, and what came of it."""

    kills: int = 0
    ticks: int = 0  # those that came to their end
    messages: int = 0
    in_doubt: int = 0


@dataclass(slots=True)
class Reaper:
    """Kills a process at a random moment of the time that one takes, which it finds out."""

    moments: random.Random
    usual: float = 0.3  # seconds
    toll: Toll = field(default_factory=Toll)

    def kills(self, pid: int) -> bool:
        """Wait, and kill; False: it had ended by then, and ended well."""
        handle = os.pidfd_open(pid)
        try:
            ended, _, _ = select.select([handle], [], [], self.moments.random() * self.usual)
            if not ended:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
        if end_of(pid) == KILLED:
            self.toll.kills += 1
            self.usual *= 1.05  # however fast the machine is, about one in six comes to its end
            return True
        self.usual *= 0.8
        self.toll.ticks += 1
        return False


def enough(reaper: Reaper, kills: int, seconds: float) -> Callable[[], bool]:
    """True once so many have been killed, or so much time has passed."""
    end = time.monotonic() + seconds
    return lambda: reaper.toll.kills >= kills or time.monotonic() >= end


# -- a gateway that cannot dedupe ---------------------------------------------------------------------------------


def kill_senders(folder: Path, kills: int, *, seed: int = 1, seconds: float = 3600) -> Toll:
    """Kill ticks that send to an HTTP gateway; every doubt is shown by the next tick, and settled by its record."""
    with world(folder) as made:
        fill(made, FAMILIES)
    reaper = Reaper(random.Random(seed))  # noqa: S311
    done = enough(reaper, kills, seconds)
    families = cycle(range(1, FAMILIES + 1))
    with gateway(folder / "truth") as port:
        channels = {"email": GatewayChannel("email", port)}

        def one_tick() -> None:
            with engine(folder, channels, concurrent=4) as made_engine:
                tick(made_engine, now=NOW)

        while not done():
            _top_up(folder, families)
            if reaper.kills(fork(one_tick)):
                reaper.toll.in_doubt += _settled(folder, channels, thorough=reaper.toll.kills % LOOKED_AT == 0)
        assert end_of(fork(one_tick)) == 0
        reaper.toll.messages = _all_once(folder)
    return reaper.toll


def _top_up(folder: Path, families: Iterator[int]) -> None:
    with opened(folder) as store:
        missing = DUE - len(store.cases.due(now=NOW, limit=DUE))
        with store.transaction():
            for family in (next(families) for _ in range(missing)):
                start_by_hand(store, "outreach", str(family), values={}, actor="sarah", now=NOW)


def _settled(folder: Path, channels: dict[str, GatewayChannel], *, thorough: bool) -> int:
    """Let the next tick tell what is in doubt, which must be what was under way; and a person find out."""
    with engine(folder, channels) as quick:
        under_way = set(ledger(quick.store, "running"))
        shown = tick(quick, now=NOW, limit=1).in_doubt
        assert len(shown) == len(under_way), "in doubt is not what was under way"
        assert set(ledger(quick.store, "running")) == under_way
        assert settle_doubts(folder, quick.store, MORNING) == under_way
        if thorough:
            assert_sound(quick.store)
    counted = Counter(truth(folder))
    assert [key for key, times in counted.items() if times > 1] == []
    return len(under_way)


def _all_once(folder: Path) -> int:
    sent = Counter(truth(folder))
    with opened(folder) as store:
        assert_sound(store)
        assert set(sent.values()) == {1}
        assert set(ledger(store, "completed")) == set(sent)
        assert ledger(store, "pending", "running") == {}
        assert store.desk.tasks() == []
        assert _statuses(store) == {"completed": len(sent)}
    return len(sent)


def _statuses(store: Store) -> dict[str, int]:
    return dict(store.db.execute_sql("SELECT status, COUNT(*) FROM workflow_instances GROUP BY 1").fetchall())


# -- the command and its outbox -----------------------------------------------------------------------------------


def kill_commands(folder: Path, kills: int, *, seed: int = 2, seconds: float = 3600, installed: bool = False) -> Toll:
    """Kill `coopflow tick`, forked from here or, `installed`, started as cron does; nothing is ever in doubt."""
    app = command.made(folder, families=FAMILIES)
    reaper = Reaper(random.Random(seed), usual=1.0 if installed else 0.3)  # noqa: S311
    done, families = enough(reaper, kills, seconds), cycle(range(1, FAMILIES + 1))
    started = 0
    while not done():
        with app.store() as store:
            missing = DUE - len(store.cases.due(now=command.now(), limit=DUE))
            with store.transaction():
                for family in (next(families) for _ in range(missing)):
                    start_by_hand(store, "outreach", str(family), values={}, actor="sarah", now=command.now())
        started += missing
        with _a_tick(folder, installed=installed) as pid:
            reaper.kills(pid)
    assert command.said_by_tick(folder) == (0, "")
    with app.store() as store:
        assert_sound(store)
        sent = Counter(key for keys in files(folder).values() for key in keys)
        assert ledger(store, "completed") == sent
        assert ledger(store, "pending", "running", "failed", "skipped") == {}
        assert _statuses(store) == {"completed": started}
        assert store.desk.tasks() == []
    reaper.toll.messages = len(sent)
    assert reaper.toll.messages == started
    assert list((folder / "outbox" / "tmp").iterdir()) == []
    return reaper.toll


@contextmanager
def _a_tick(folder: Path, *, installed: bool) -> Iterator[int]:
    if not installed:
        yield fork(lambda: _said_nothing(folder))
        return
    process = command.tick(folder)
    try:
        yield process.pid
    finally:
        process.returncode = 0  # it has been waited for
        assert (process.stdout.read(), process.stderr.read()) == ("", "")  # type: ignore[union-attr]
        for pipe in (process.stdout, process.stderr):
            pipe.close()  # type: ignore[union-attr]


def _said_nothing(folder: Path) -> None:
    assert command.said_by_tick(folder) == (0, "")
