"""What no other test held: found by mistakes that were planted on purpose (docs/evidence/planted-bugs.md)."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from coopflow.core.deliveries import Deferred
from coopflow.core.durations import Duration
from coopflow.core.people import cancel, pause, resume
from coopflow.core.timing import ALWAYS, OpenHours, Planned, Preference, parse_window, preferred
from coopflow.store.database import copy
from tests.world import NEW_YORK, World, at

END = {"id": "done", "type": "end"}
MAIL = {"id": "mail", "type": "email", "template_id": "hello"}


@pytest.fixture
def mailing(wired: World) -> World:
    wired.has_workflow("outreach", [MAIL, END])
    wired.has_family("42")
    wired.start("outreach", family="42")
    return wired


def planned(world: World) -> str:
    [entry] = world.case(1).entries.values()
    assert entry.scheduled_for is not None
    return f"{entry.scheduled_for.astimezone(world.coop.calendar.tz):%a %H:%M}"


def test_a_server_that_says_when_to_come_back_is_not_asked_before(mailing: World) -> None:
    mailing.wires["email"].answers.append(Deferred("too many today", timedelta(hours=5)))
    mailing.tick()
    assert planned(mailing) == "Fri 14:00"
    mailing.tick("2026-03-20 13:59")
    assert mailing.wires["email"].taken == []
    mailing.tick("2026-03-20 14:00")
    assert len(mailing.wires["email"].taken) == 1


def test_another_try_that_would_come_after_hours_is_planned_for_when_they_begin(mailing: World) -> None:
    mailing.wires["email"].answers.append(Deferred("greylisted"))
    mailing.tick("2026-03-20 17:58")
    assert planned(mailing) == "Mon 09:00"


def test_what_became_overdue_in_a_pause_is_planned_for_when_its_window_opens(mailing: World) -> None:
    mailing.does(pause, 1)
    mailing.now = at("2026-03-21 12:00")  # a Saturday
    mailing.does(resume, 1)
    assert planned(mailing) == "Mon 09:00"


def test_a_best_time_an_hour_after_patience_has_ended_is_not_waited_for() -> None:
    window = parse_window("best", {"days": "sun", "hours": "13:00-14:00"})
    hours = [OpenHours((ALWAYS,), NEW_YORK, {})]

    def waits_for(patience: str) -> Planned:
        return preferred(at("2026-03-20 12:00"), hours, Preference(window, Duration.parse(patience)), NEW_YORK)

    assert waits_for("49 hours").at == at("2026-03-22 13:00")
    assert waits_for("48 hours").at == at("2026-03-20 12:00")


def test_a_paused_instance_keeps_its_place_so_that_the_database_lets_no_second_one_in(mailing: World) -> None:
    def places() -> list[tuple[str | None]]:
        return mailing.db.execute_sql("SELECT slot FROM workflow_instances").fetchall()  # type: ignore[no-any-return]

    assert places() == [("outreach:0",)]
    mailing.does(pause, 1)
    assert places() == [("outreach:0",)]
    mailing.does(cancel, 1)
    assert places() == [(None,)]


def starts(world: World) -> list[str]:
    return [row[0] for row in world.db.execute_sql("SELECT triggered_by FROM workflow_instances ORDER BY instance_id")]


def test_what_a_schedule_has_started_is_not_started_again_although_the_schedule_does_not_know(coop: World) -> None:
    coop.now = at("2026-03-15 12:00")
    coop.has_family("42")
    coop.has_workflow("news", [END], trigger={"type": "schedule", "every": "monday 09:00"})
    [before] = coop.db.execute_sql("SELECT done_until, next_at FROM workflow_schedules").fetchall()
    for _ in range(2):  # the second time as after a crash before the last commit, with the first start at its end
        coop.tick("2026-03-16 09:00")
        assert starts(coop) == ["schedule:2026-03-16T09:00"]
        coop.db.execute_sql("UPDATE workflow_schedules SET done_until = ?, next_at = ?", before)


def test_of_the_reminders_that_came_during_an_absence_only_the_latest_is_made_up_for(coop: World) -> None:
    coop.now = at("2026-03-01 12:00")
    coop.has_family("42", attributes={"renewal_date": "2026-04-06"})
    on = ["14 days before renewal_date", "3 days before renewal_date"]
    coop.has_workflow("news", [END], trigger={"type": "schedule", "on": on})
    coop.tick("2026-04-04 12:00")
    assert starts(coop) == ["schedule:3 days before renewal_date = 2026-04-06"]


def test_a_copy_is_durable_before_it_gets_its_name(
    coop: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "copy.db", []
    fsync = os.fsync

    def watched(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, target.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    copy(coop.db, target)
    assert ("copy.db.partial", False) in synced
    assert synced[-1] == (tmp_path.name, True)
