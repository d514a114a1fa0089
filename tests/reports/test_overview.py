"""The top of the day."""

from datetime import timedelta

import pytest

from coopflow.core.people import pause
from coopflow.reports.matters import Scope
from coopflow.reports.overview import FIRST_STEPS, end_of_day, first_step, overview
from tests.reports.samples import MAIL
from tests.world import NEW_YORK, World, at


def test_the_day_ends_at_midnight_on_the_co_ops_wall_clock_also_when_the_clocks_change():
    assert end_of_day(at("2026-03-20 09:00"), NEW_YORK) == at("2026-03-21 00:00")
    assert end_of_day(at("2026-03-08 01:00"), NEW_YORK) == at("2026-03-09 00:00")
    assert end_of_day(at("2026-03-20 23:59"), NEW_YORK) == at("2026-03-21 00:00")


@pytest.mark.parametrize("missing", ["families", "workflows", "instances"])
def test_where_nothing_has_begun_the_next_step_is_told(missing):
    known = dict.fromkeys(FIRST_STEPS, False)
    for name in FIRST_STEPS:
        if name == missing:
            break
        known[name] = True
    assert first_step(known) == FIRST_STEPS[missing]


def test_where_instances_are_there_nothing_else_is_asked_for():
    assert first_step({"families": True, "workflows": False, "instances": True}) is None


def test_what_is_paused_comes_first_then_what_is_due_soonest_and_a_limit_keeps_the_count(coop: World) -> None:
    coop.has_workflow("later", [{**MAIL, "delay": "2 days"}])
    coop.has_workflow("soon", [MAIL])
    for family in ("1", "2", "3"):
        coop.has_family(family)
    late, soon, paused = (
        coop.start("later", family="1"),
        coop.start("soon", family="2"),
        coop.start("later", family="3"),
    )
    coop.does(pause, paused)
    found = overview(coop.store, Scope(), tz=NEW_YORK, now=coop.now)
    assert [line["instance_id"] for line in found.instances] == [paused, soon, late]
    few = overview(coop.store, Scope(), tz=NEW_YORK, now=coop.now, most=1)
    assert ([line["instance_id"] for line in few.instances], few.matching) == ([paused], 3)


def test_a_family_is_shown_with_what_it_finished_in_the_last_thirty_days(coop: World) -> None:
    coop.has_workflow("short", [MAIL])
    coop.has_family("42")
    coop.start("short", family="42")
    coop.tick()
    for days, count in [(30, 1), (31, 0)]:
        now = coop.now + timedelta(days=days)
        assert len(overview(coop.store, Scope(family_id="42"), tz=NEW_YORK, now=now).instances) == count
        assert overview(coop.store, Scope(), tz=NEW_YORK, now=now).instances == []
