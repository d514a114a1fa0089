"""S21: what a tick does depends on what is due, and not on how much has ever been done."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.door import ANYTHING_TO_DO, FILES_TAKEN_IN
from tests.faults.scene import engine, fill
from tests.world import World, at, world

NOW = at("2026-03-20 09:00")
LATER = at("2026-04-20 09:00")
AFTER_ALL = at("2028-04-20 09:00")


def a_co_op(folder: Path, *, finished: int) -> Path:
    """A co-op with so many instances that have ended, and three with a mail that is due."""
    folder.mkdir()
    with world(folder) as made:
        fill(made, finished)
        made.now = NOW
        made.tick()
        assert set(statuses(made)) == {"completed"}
        made.now = LATER
        for number in range(1, 4):
            made.start("outreach", family=str(number))
    return folder


def statuses(made: World) -> list[str]:
    return [row[0] for row in made.db.execute_sql("SELECT status FROM workflow_instances")]


class Counted:
    """How many instructions SQLite carries out for a connection, and how many statements."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.instructions = self.statements = 0
        connection.set_progress_handler(self._instruction, 1)
        connection.set_trace_callback(self._statement)

    def _instruction(self) -> int:
        self.instructions += 1
        return 0

    def _statement(self, _: str) -> None:
        self.statements += 1


def cost(folder: Path, *, due: bool) -> tuple[int, int]:
    """What a tick costs that has three mails to hand over, or nothing."""
    from coopflow.tick import tick

    with engine(folder) as made:
        if not due:
            tick(made, now=LATER)
        counted = Counted(made.store.db.connection())
        report = tick(made, now=LATER)
        assert report.sent == (3 if due else 0)
        return counted.instructions, counted.statements


@pytest.mark.parametrize("due", [True, False], ids=["with-mails-due", "idle"])
def test_s21_a_tick_costs_the_same_however_much_has_been_done_before(tmp_path: Path, due: bool) -> None:
    young = cost(a_co_op(tmp_path / "young", finished=4), due=due)
    old = cost(a_co_op(tmp_path / "old", finished=600), due=due)
    assert old[1] == young[1]
    assert old[0] <= young[0] * 1.05


def at_the_door(folder: Path) -> int:
    """What it costs to find out that nothing is due."""
    cost(folder, due=True)
    connection = sqlite3.connect(folder / "coopflow.db")
    counted = Counted(connection)
    assert connection.execute(ANYTHING_TO_DO, ("2026-04-20T13:00:00Z", FILES_TAKEN_IN, "")).fetchone() == (1,)
    connection.close()
    return counted.instructions


def test_s21_an_idle_tick_ends_at_the_door_by_as_few_steps_however_much_has_been_done_before(tmp_path: Path) -> None:
    young = at_the_door(a_co_op(tmp_path / "young", finished=4))
    old = at_the_door(a_co_op(tmp_path / "old", finished=600))
    assert old == young


def families_with_a_past(folder: Path, *, weeks: int) -> Path:
    """Three families whose news came, and whose scores were measured, in so many weeks; and a mail that is due."""
    folder.mkdir()
    with world(folder) as made:
        fill(made, 3)
        made.tick()
        for _ in range(weeks):
            made.now += timedelta(weeks=1)
            families = made.store.families(["1", "2", "3"])
            with made.store.transaction():
                made.store.add_scores([replace(one, engagement_score=50) for one in families.values()], now=made.now)
            for number in families:
                made.start("outreach", family=number)
            made.tick()
        assert set(statuses(made)) == {"completed"}
    return folder


def cost_of_a_start(folder: Path) -> int:
    """What it costs to take in a prediction of a family that starts a workflow, and to send its first mail."""
    from coopflow.tick import tick

    with world(folder, again=True) as made:
        made.now = AFTER_ALL
        counted = Counted(made.db.connection())
        made.start("outreach", family="2")
        tick(made.engine, now=made.now)
        return counted.instructions


def test_s21_what_a_family_has_been_through_makes_nothing_dearer(tmp_path: Path) -> None:
    young = cost_of_a_start(families_with_a_past(tmp_path / "young", weeks=2))
    old = cost_of_a_start(families_with_a_past(tmp_path / "old", weeks=60))
    assert old <= young * 1.1, (old, young)
