"""A kill before every single statement and file operation, one after the other, until a run meets none.

What a kill leaves is looked at as the next process sees it. Most points leave the same (a transaction that was not
committed has not happened), so the recovery is gone through once for each thing that can be left, not for each point.
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.faults.children import end_of, fork
from tests.faults.scene import MAIL, assert_sound, files, ledger, opened
from tests.faults.story import FAMILIES, SAMPLE_DAYS, Command, perform, settle_doubts, state_of, ticks, truth, wires
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import world

MORNING = "2026-03-20 09:00"
ONE_MAIL = (ticks(MORNING),)


@pytest.fixture
def warm(tmp_path: Path) -> None:
    """Everything imported that a tick imports when it needs it, so that no child has to."""
    with world(tmp_path) as made:
        made.has_workflow("outreach", [MAIL[0], {"id": "text", "type": "sms", "message": "Hi"}])
        made.has_family("1")
        made.start("outreach", family="1")
        made.tick()


@pytest.fixture
def sample(folder: Path, warm: None) -> Path:
    """Three families about whom nothing is predicted yet."""
    base = folder / "base"
    base.mkdir()
    with world(base) as made:
        made.has_workflow("high_risk", SAMPLE, completion_criteria=CRITERIA, trigger={"type": "prediction"})
        for family in FAMILIES:
            made.has_family(family)
    return base


@pytest.fixture
def one_mail(folder: Path, warm: None) -> Path:
    """One family with a mail that is due."""
    base = folder / "base"
    base.mkdir()
    with world(base) as made:
        made.has_workflow("outreach", MAIL)
        made.has_family("1")
        made.start("outreach", family="1")
    return base


def side_by_side(work: Callable[[int, int], None]) -> None:
    """Share the points between two processes."""
    children = [fork(lambda part=part: work(part, 2)) for part in (1, 2)]  # type: ignore[misc]
    assert [end_of(child) for child in children] == [0, 0]


def killed_everywhere(
    base: Path,
    commands: Sequence[Command],
    first: int,
    step: int,
    *,
    wired: bool,
    recovered: Callable[[Path, int], None],
) -> int:
    """Kill at every point (or every second one), and see to the recovery of whatever is left that is new."""
    for point in count(first, step):
        copy = base.with_name(f"{base.name}-{point}")
        shutil.copytree(base, copy)
        done = perform(copy, commands, die_at=point, channels=wires(copy) if wired else None)
        if is_new(base.parent / f"{recovered.__name__}-{state_of(copy)}-{done}"):
            recovered(copy, done)
        shutil.rmtree(copy)
        if done == len(commands):
            return point
    raise AssertionError


def is_new(mark: Path) -> bool:
    """True for the first of all processes that asks."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def test_the_sample_killed_at_every_point_reaches_every_family_once(sample: Path) -> None:
    def recovered(copy: Path, done: int) -> None:
        assert perform(copy, SAMPLE_DAYS[done:]) == len(SAMPLE_DAYS[done:])
        with opened(copy) as store:
            assert_sound(store)
            assert {family: len(keys) for family, keys in files(copy).items()} == {"1": 2, "2": 1, "3": 2}
            assert set(ledger(store, "completed")) == {key for keys in files(copy).values() for key in keys}
            assert ledger(store, "pending", "running", "failed", "skipped") == {}
            assert store.desk.tasks() == []
            statuses = store.db.execute_sql("SELECT status FROM workflow_instances").fetchall()
            assert statuses == [("completed",)] * 3

    def work(first: int, step: int) -> None:
        last = killed_everywhere(sample, SAMPLE_DAYS, first, step, wired=False, recovered=recovered)
        assert last > 300  # it has in fact been watched

    side_by_side(work)


def test_a_channel_that_cannot_dedupe_killed_at_every_point_loses_and_doubles_nothing(sample: Path) -> None:
    def recovered(copy: Path, done: int) -> None:
        for number, command in enumerate(SAMPLE_DAYS[done:], start=done):
            perform(copy, [command], channels=wires(copy))
            with opened(copy) as store:
                if settle_doubts(copy, store, DAYS[number]):
                    perform(copy, [ticks(DAYS[number])], channels=wires(copy))
                assert_sound(store)
        with opened(copy) as store:
            sent = truth(copy)
            assert len(sent) == len(set(sent)) == 5
            assert store.desk.tasks() == []
            assert store.db.execute_sql("SELECT DISTINCT status FROM workflow_instances").fetchall() == [("completed",)]

    def work(first: int, step: int) -> None:
        killed_everywhere(sample, SAMPLE_DAYS, first, step, wired=True, recovered=recovered)

    side_by_side(work)


DAYS = [MORNING, MORNING, "2026-03-21 11:00", "2026-03-23 09:00", "2026-03-25 09:00", "2026-03-25 10:00"]


@pytest.mark.parametrize("wired", [False, True])
def test_a_second_kill_during_the_recovery_changes_nothing(one_mail: Path, wired: bool) -> None:
    def recovered(copy: Path, done: int) -> None:
        with opened(copy) as store:
            if wired and settle_doubts(copy, store, MORNING):
                assert_sound(store)
        for _ in range(2):
            perform(copy, ONE_MAIL, channels=wires(copy) if wired else None)
            with opened(copy) as store:
                settle_doubts(copy, store, MORNING)
        with opened(copy) as store:
            assert_sound(store)
            assert store.db.execute_sql("SELECT status FROM workflow_instances").fetchall() == [("completed",)]
            assert len(truth(copy) if wired else files(copy)["1"]) == 1
            assert store.desk.tasks() == []

    def again(copy: Path, done: int) -> None:
        killed_everywhere(copy, ONE_MAIL, 1, 1, wired=wired, recovered=recovered)

    def work(first: int, step: int) -> None:
        killed_everywhere(one_mail, ONE_MAIL, first, step, wired=wired, recovered=again)

    side_by_side(work)
