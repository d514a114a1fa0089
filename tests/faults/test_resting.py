"""A kill at every point while messages rest, wait for a person's word, and leave: once each, or in doubt."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from coopflow.core.leaving import WayOut
from coopflow.leaving import go_live
from coopflow.tick import Engine, tick
from tests.faults import scene
from tests.faults.scene import MAIL, assert_sound, files, opened
from tests.faults.story import Command, perform, settle_doubts, truth, wires
from tests.faults.test_kill_points import killed_everywhere, side_by_side, warm  # noqa: F401 - a fixture
from tests.world import at, world

MORNING = "2026-03-20 09:00"
LIVE = WayOut("live", "these transports")


def live_tick(when: str) -> Command:
    def carry_out(opened: Engine) -> None:
        opened.way_out = LIVE
        tick(opened, now=at(when))

    return carry_out


def say_so(opened: Engine) -> None:
    go_live(opened.store, LIVE, due=1, actor="sarah", now=at(MORNING))


# Nobody has said so; somebody does; the message begins to rest; it still rests; it leaves.
DAYS: Sequence[Command] = (
    live_tick(MORNING),
    say_so,
    live_tick(MORNING),
    live_tick("2026-03-20 09:04"),
    live_tick("2026-03-20 09:10"),
)


@pytest.fixture
def one_mail(folder: Path, warm: None, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """One family with a mail that is due, in a co-op whose messages rest for five minutes."""
    monkeypatch.setattr(scene, "COOP", replace(scene.COOP, rest=timedelta(minutes=5)))
    base = folder / "base"
    base.mkdir()
    with world(base) as made:
        made.has_workflow("outreach", MAIL)
        made.has_family("1")
        made.start("outreach", family="1")
    return base


@pytest.mark.parametrize("wired", [False, True])
def test_a_message_that_rests_killed_at_every_point_leaves_once(one_mail: Path, wired: bool) -> None:
    def recovered(copy: Path, done: int) -> None:
        last = "2026-03-20 09:20"  # a message whose rest began again after the kill has rested by then
        for command in [*DAYS[done:], live_tick("2026-03-20 09:15"), live_tick(last)]:
            perform(copy, [command], channels=wires(copy) if wired else None)
            with opened(copy) as store:
                settle_doubts(copy, store, MORNING)
                assert_sound(store)
        perform(copy, [live_tick(last)], channels=wires(copy) if wired else None)
        with opened(copy) as store:
            assert len(truth(copy) if wired else files(copy)["1"]) == 1
            assert store.db.execute_sql("SELECT status FROM workflow_instances").fetchall() == [("completed",)]
            assert store.desk.tasks() == []

    def work(first: int, step: int) -> None:
        last = killed_everywhere(one_mail, DAYS, first, step, wired=wired, recovered=recovered)
        assert last > 50  # it has in fact been watched

    side_by_side(work)
