"""What no other test held: found by mistakes that were planted on purpose (docs/evidence/planted-bugs.md)."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from coopflow.core.deliveries import Deferred
from coopflow.core.people import cancel, pause
from coopflow.store.database import copy
from tests.world import World

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}


@pytest.fixture
def mailing(wired: World) -> World:
    wired.has_workflow("outreach", [MAIL, {"id": "done", "type": "end"}])
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


def test_a_paused_instance_keeps_its_place_so_that_the_database_lets_no_second_one_in(mailing: World) -> None:
    def places() -> list[tuple[str | None]]:
        return mailing.db.execute_sql("SELECT slot FROM workflow_instances").fetchall()  # type: ignore[no-any-return]

    assert places() == [("outreach:0",)]
    mailing.does(pause, 1)
    assert places() == [("outreach:0",)]
    mailing.does(cancel, 1)
    assert places() == [(None,)]


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
