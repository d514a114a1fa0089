"""When the rules of time change, what waits is planned again, and both times are on record."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.core.people import snooze
from coopflow.core.timing import parse_window
from coopflow.core.zones import local_text
from tests.world import NEW_YORK, World, at

LATER = [{"id": "mail", "type": "email", "template_id": "hello", "delay": "4 days"}, {"id": "end", "type": "end"}]


def with_calendar(world: World, **changed: Any) -> None:
    coop = replace(world.coop, calendar=replace(world.coop.calendar, **changed))
    world.coop = world.store.coop = world.store.cases._coop = coop


def waits_until(world: World, instance: int) -> str:
    [entry] = world.case(instance).entries.values()
    assert entry.scheduled_for is not None
    return local_text(entry.scheduled_for, NEW_YORK)


def replanned(world: World, instance: int) -> list[dict[str, Any]]:
    return [row["data"] for row in world.store.looking.events(instance_id=instance) if row["kind"] == "step.replanned"]


def waiting(world: World) -> int:
    """Started Friday 09:00, the mail is planned for Tuesday 09:00; the tick has seen by which rules."""
    world.has_workflow("w", LATER)
    world.has_family("42")
    instance = world.start("w", family="42")
    world.tick()
    assert waits_until(world, instance) == "Tue 24 Mar 09:00"
    return instance


def test_a_closed_day_that_is_added_moves_what_was_planned_on_it(coop: World) -> None:
    instance = waiting(coop)
    with_calendar(coop, closed_days={date(2026, 3, 24): "Teachers' day"})
    report = coop.tick("2026-03-20 10:00")
    assert (report.replanned, waits_until(coop, instance)) == (1, "Wed 25 Mar 09:00")
    [change] = replanned(coop, instance)
    assert change == {
        "step": "mail",
        "reason": "the calendar or the windows have changed",
        "from": "2026-03-24T13:00:00Z",
        "to": "2026-03-25T13:00:00Z",
    }
    [entry] = coop.case(instance).entries.values()
    assert entry.reason is not None
    assert entry.reason.endswith("Tue 24 Mar is closed (Teachers' day) → Wed 25 Mar 09:00")


def test_a_closed_day_that_is_taken_back_moves_it_back(coop: World) -> None:
    instance = waiting(coop)
    with_calendar(coop, closed_days={date(2026, 3, 24): ""})
    coop.tick("2026-03-20 10:00")
    with_calendar(coop, closed_days={})
    coop.tick("2026-03-20 10:01")
    assert waits_until(coop, instance) == "Tue 24 Mar 09:00"


def test_rules_that_have_not_changed_replan_nothing(coop: World) -> None:
    instance = waiting(coop)
    assert coop.tick("2026-03-20 10:00").replanned == 0
    assert replanned(coop, instance) == []


def test_what_a_person_has_put_at_a_time_stays_there(coop: World) -> None:
    instance = waiting(coop)
    coop.does(snooze, instance, until=at("2026-03-24 11:00"))
    with_calendar(coop, closed_days={date(2026, 3, 23): ""})
    coop.tick("2026-03-20 10:00")
    assert waits_until(coop, instance) == "Tue 24 Mar 11:00"


def test_nothing_is_moved_into_the_past(coop: World) -> None:
    instance = waiting(coop)
    with_calendar(coop, closed_days={date(2026, 3, 24): ""})
    coop.tick("2026-03-20 10:00")
    with_calendar(coop, closed_days={})
    coop.tick("2026-03-24 20:00")  # by the new rules its turn was this morning
    assert waits_until(coop, instance) == "Wed 25 Mar 09:00"


def test_newer_time_zone_data_is_a_reason_and_both_versions_are_named(coop: World) -> None:
    coop.engine = replace(coop.engine, zone_data="2026a")
    instance = waiting(coop)
    coop.engine = replace(coop.engine, zone_data="2026b")
    coop.db.execute_sql("UPDATE workflow_queue SET scheduled_for = '2026-03-24T14:00:00Z'")  # as the old data had it
    coop.db.execute_sql("UPDATE workflow_instances SET next_execution_at = '2026-03-24T14:00:00Z'")
    coop.tick("2026-03-20 10:00")
    [change] = replanned(coop, instance)
    assert change["reason"] == "time-zone data 2026a → 2026b"
    assert (change["from"], change["to"]) == ("2026-03-24T14:00:00Z", "2026-03-24T13:00:00Z")


def test_older_time_zone_data_moves_nothing(coop: World) -> None:
    coop.engine = replace(coop.engine, zone_data="2026b")
    instance = waiting(coop)
    coop.engine = replace(coop.engine, zone_data="2026a")
    assert coop.tick("2026-03-20 10:00").replanned == 0
    assert replanned(coop, instance) == []


def test_hours_that_have_changed_count_for_what_waits(coop: World) -> None:
    instance = waiting(coop)
    late = parse_window("business_hours", {"days": "mon-fri", "hours": "12:00-15:00"})
    with_calendar(coop, windows={**coop.coop.calendar.windows, "business_hours": late})
    coop.tick("2026-03-20 10:00")
    assert waits_until(coop, instance) == "Tue 24 Mar 12:00"


def test_many_are_planned_again_batch_by_batch(coop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coopflow.replanning.BATCH", 3)
    coop.has_workflow("w", LATER)
    for family in map(str, range(10)):
        coop.has_family(family)
        coop.start("w", family=family)
    coop.tick()
    with_calendar(coop, closed_days={date(2026, 3, 24): ""})
    assert coop.tick("2026-03-20 10:00").replanned == 10
    coop.tick("2026-03-25 09:00")
    assert len(coop.mails()) == 10
