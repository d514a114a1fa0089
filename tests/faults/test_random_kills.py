"""Kills at random moments in the middle of many messages, again and again until all of them are done."""

import os
import random
import select
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from coopflow.tick import tick
from tests.faults import command
from tests.faults.children import KILLED, end_of, fork
from tests.faults.gateway import GatewayChannel, gateway
from tests.faults.scene import assert_sound, engine, files, fill, ledger, opened
from tests.faults.story import settle_doubts, truth
from tests.world import at, world

NOW = at("2026-03-20 09:00")
MESSAGES = 500
KILLS = 30
AT_LEAST = 15  # where a machine is busy with other things, a kill comes late, and more has left before it


def killed_after(process: int, more: int, count: Callable[[], int]) -> bool:
    """Kill a process once so many messages more have left; False: it was done before."""
    enough = count() + more
    handle = os.pidfd_open(process)
    try:
        while count() < enough:
            ended, _, _ = select.select([handle], [], [], 0.001)
            if ended:
                return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    finally:
        os.close(handle)


def few(moments: random.Random, done: int, kills: int) -> int:
    """So many messages that enough are left for the kills that are still to come, however fast this machine is."""
    return moments.randint(0, max(1, (MESSAGES - done) // max(KILLS - kills, 8)))


def test_the_command_killed_in_the_middle_of_500_messages_leaves_one_for_each_family(folder: Path) -> None:
    app = command.made(folder, families=MESSAGES)
    command.starts(app, MESSAGES)
    moments = random.Random(1)  # noqa: S311
    shelf = folder / "outbox" / "email"

    def count() -> int:
        return sum(1 for _ in shelf.iterdir()) if shelf.exists() else 0

    kills = 0
    while True:
        with command.tick(folder) as process:
            killed = killed_after(process.pid, few(moments, count(), kills), count)
            assert process.communicate() == ("", "")
        if not killed:
            break
        kills += 1
    assert process.returncode == 0
    assert kills >= AT_LEAST

    assert {family: len(keys) for family, keys in files(folder).items()} == {
        str(number): 1 for number in range(1, MESSAGES + 1)
    }
    assert list((folder / "outbox" / "tmp").iterdir()) == []
    with app.store() as store:
        assert_sound(store)
        assert ledger(store, "completed") == Counter(key for keys in files(folder).values() for key in keys)
        assert ledger(store, "pending", "running", "failed", "skipped") == {}
        assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
        assert store.desk.tasks() == []


def test_a_gateway_that_cannot_dedupe_gets_every_message_once_and_what_is_in_doubt_is_exactly_what_was_under_way(
    folder: Path,
) -> None:
    with world(folder) as made:
        fill(made, MESSAGES)
    moments = random.Random(2)  # noqa: S311
    doubted: set[str] = set()
    kills = 0
    with gateway(folder / "truth") as port:
        channels = {"email": GatewayChannel("email", port)}

        def one_tick() -> None:
            with engine(folder, channels, concurrent=4) as made_engine:
                tick(made_engine, now=NOW)

        def count() -> int:
            return len(truth(folder))

        while killed_after(process := fork(one_tick), few(moments, count(), kills), count):
            assert end_of(process) == KILLED
            kills += 1
            with opened(folder) as store:
                under_way = set(ledger(store, "running")) - doubted
            with engine(folder, channels) as quick:  # the next tick, which is to find nothing but what was left
                report = tick(quick, now=NOW, limit=1)
                assert len(report.in_doubt) == len(under_way)
                assert set(ledger(quick.store, "running")) == doubted | under_way
                doubted |= under_way
                assert len([task for task in quick.store.desk.tasks() if task.task_type == "doubt"]) == len(doubted)
                assert_sound(quick.store)
        assert end_of(process) == 0
        assert kills >= AT_LEAST

        sent = Counter(truth(folder))
        assert set(sent.values()) == {1}
        with opened(folder) as store:
            accepted = set(ledger(store, "completed"))
            assert accepted <= set(sent) <= accepted | doubted
            assert len(accepted | doubted) == MESSAGES
            assert accepted.isdisjoint(doubted)
            assert ledger(store, "pending", "failed", "skipped") == {}
            assert settle_doubts(folder, store, "2026-03-20 09:00") == doubted
        assert end_of(fork(one_tick)) == 0

    assert len(truth(folder)) == len(set(truth(folder))) == MESSAGES
    with opened(folder) as store:
        assert_sound(store)
        assert store.desk.tasks() == []
        assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
