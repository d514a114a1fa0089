"""Two ticks at once: one works, the other says nothing, and every message leaves once."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from coopflow.channels.base import Delivery, Message
from coopflow.store.lock import TickLock, lock_path
from coopflow.tick import tick
from tests.faults import command
from tests.faults.children import Gate, end_of, fork, run
from tests.faults.scene import assert_sound, engine, files, fill, ledger, opened
from tests.faults.story import TruthLog, truth
from tests.world import at, world

NOW = at("2026-03-20 09:00")


def test_two_ticks_in_the_same_second_send_every_message_once_twenty_times_over(folder: Path) -> None:
    app = command.made(folder, families=15)
    for number in range(1, 21):
        command.starts(app, 15)
        ready, go = Gate(), Gate()

        def race() -> None:
            ready.open()  # noqa: B023 - used in this round only
            go.wait()  # noqa: B023
            assert command.said_by_tick(folder) == (0, "")

        children = [fork(race), fork(race)]
        ready.wait()
        ready.wait()
        go.open()
        go.open()
        assert [end_of(child) for child in children] == [0, 0]
        assert {family: len(keys) for family, keys in files(folder).items()} == {str(n): number for n in range(1, 16)}
    with app.store() as store:
        assert_sound(store)
        assert set(ledger(store, "completed")) == {key for keys in files(folder).values() for key in keys}
        assert Counter(row[0] for row in store.db.execute_sql("SELECT status FROM workflow_instances")) == {
            "completed": 300
        }


class HeldUp(TruthLog):
    """A channel that stands still at a moment of the test's choice, until the test lets it go on."""

    reached: Gate
    go: Gate
    before_the_last_call: bool

    def stands_still(self, reached: Gate, go: Gate, *, before_the_last_call: bool) -> "HeldUp":
        for name, value in {"reached": reached, "go": go, "before_the_last_call": before_the_last_call}.items():
            object.__setattr__(self, name, value)
        return self

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        def asked() -> bool:
            if self.before_the_last_call:
                self._stand_still()
            granted = last_call()
            if granted and not self.before_the_last_call:
                self._stand_still()
            return granted

        return super().deliver(message, asked)

    def _stand_still(self) -> None:
        self.reached.open()
        self.go.wait()


def a_tick_that_stands_still(
    folder: Path, reached: Gate, go: Gate, *, before_the_last_call: bool, now: datetime = NOW
) -> int:
    def work() -> None:
        channel = HeldUp("email", folder / "truth").stands_still(reached, go, before_the_last_call=before_the_last_call)
        with (
            TickLock(folder / "coopflow.db") as lock,
            engine(folder, {"email": channel}, concurrent=1) as opened_engine,
        ):
            assert lock.acquire()
            tick(opened_engine, now=now)

    return fork(work)


def another_tick(folder: Path) -> None:
    with (
        TickLock(folder / "coopflow.db") as lock,
        engine(folder, {"email": TruthLog("email", folder / "truth")}) as made,
    ):
        assert lock.acquire()
        tick(made, now=NOW)


def test_a_tick_that_outlives_its_minute_is_not_joined_by_the_next_one(folder: Path) -> None:
    app = command.made(folder, families=3)
    command.starts(app, 3)
    reached, go = Gate(), Gate()
    first = a_tick_that_stands_still(folder, reached, go, before_the_last_call=False, now=command.now())
    reached.wait()
    for _ in range(3):
        assert command.said_by_tick(folder) == (0, "")
    assert truth(folder) == []
    for _ in range(3):
        go.open()
    assert end_of(first) == 0
    assert len(truth(folder)) == len(set(truth(folder))) == 3


def test_a_tick_whose_lock_file_was_deleted_in_the_middle_sends_nothing_that_another_one_has_taken_up(
    folder: Path,
) -> None:
    with world(folder) as made:
        fill(made, 3)
    reached, go = Gate(), Gate()
    first = a_tick_that_stands_still(folder, reached, go, before_the_last_call=True)
    reached.wait()
    lock_path(folder / "coopflow.db").unlink()

    assert run(lambda: another_tick(folder)) == 0
    for _ in range(3):
        go.open()

    assert end_of(first) == 75  # "another tick has taken over"
    assert len(truth(folder)) == len(set(truth(folder))) == 3
    with opened(folder) as store:
        assert_sound(store)
        assert store.desk.tasks() == []


def test_a_message_that_left_while_another_tick_took_over_is_in_doubt_until_its_answer_comes_after_all(
    folder: Path,
) -> None:
    with world(folder) as made:
        fill(made, 3)
    reached, go = Gate(), Gate()
    first = a_tick_that_stands_still(folder, reached, go, before_the_last_call=False)
    reached.wait()
    lock_path(folder / "coopflow.db").unlink()

    assert run(lambda: another_tick(folder)) == 0
    with opened(folder) as store:
        assert [task.task_type for task in store.desk.tasks()] == ["doubt"]
    assert len(truth(folder)) == 2
    for _ in range(3):
        go.open()

    assert end_of(first) == 75
    assert len(truth(folder)) == len(set(truth(folder))) == 3
    with opened(folder) as store:
        assert_sound(store)
        assert store.desk.tasks() == []
        assert len(ledger(store, "completed")) == 3
    assert run(lambda: another_tick(folder)) == 0
    with opened(folder) as store:
        assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]
