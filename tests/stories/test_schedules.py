"""Workflows that the clock starts: once each time, for whom they are meant, whatever happened to the server."""

import sqlite3
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coopflow.core.audit import canonical_json
from coopflow.core.date_triggers import Moment, moments_of
from coopflow.core.model import Family
from coopflow.core.workflow import Trigger
from coopflow.schedules import keep_schedules
from tests.world import World, at

END = [{"id": "end", "type": "end"}]
MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}]
PRICEY = {"field": "monthly_fee", "operator": ">", "value": 100}


def schedules(world: World, **trigger: Any) -> None:
    world.has_workflow("news", MAIL, trigger={"type": "schedule", **trigger})


def starts(world: World, family: str = "42") -> list[str]:
    rows = world.db.execute_sql(
        "SELECT triggered_by FROM workflow_instances WHERE family_id = ? ORDER BY instance_id", (family,)
    )
    return [row[0] for row in rows]


def skipped(world: World) -> list[str]:
    rows = world.store.looking.events_after(0)
    return [canonical_json(row["data"]) for row in rows if row["kind"] == "trigger.skipped"]


@pytest.fixture
def sunday(coop: World) -> World:
    coop.now = at("2026-03-15 12:00")
    coop.has_family("42", attributes={"monthly_fee": 120})
    coop.has_family("7", attributes={"monthly_fee": 80})
    return coop


# -- what comes round ---------------------------------------------------------------------------------------------


def test_a_schedule_starts_once_for_every_family_each_time(sunday: World) -> None:
    schedules(sunday, every="monday 09:00")
    sunday.tick("2026-03-16 08:59")
    assert starts(sunday) == []
    for minute in ("09:00", "09:00", "09:01", "12:00"):
        sunday.tick(f"2026-03-16 {minute}")
    assert starts(sunday) == starts(sunday, "7") == ["schedule:2026-03-16T09:00"]
    assert len(sunday.mails()) == 2
    sunday.tick("2026-03-23 09:00")
    assert starts(sunday) == ["schedule:2026-03-16T09:00", "schedule:2026-03-23T09:00"]


def test_only_those_are_concerned_for_whom_the_conditions_hold_and_the_others_are_no_news(sunday: World) -> None:
    schedules(sunday, every="monday 09:00", conditions=PRICEY)
    sunday.tick("2026-03-16 09:00")
    assert (len(starts(sunday)), starts(sunday, "7"), skipped(sunday)) == (1, [], [])


def test_what_stands_in_the_way_of_a_start_is_on_record(sunday: World) -> None:
    schedules(sunday, every="day 09:00", cooldown="5 days")
    sunday.tick("2026-03-16 09:00")
    sunday.tick("2026-03-17 09:00")
    assert len(starts(sunday)) == 1
    assert "started less than 5 days ago" in skipped(sunday)[0]
    assert len(skipped(sunday)) == 2


@pytest.mark.parametrize(
    ("catch_up", "found"),
    [
        ("latest", ["2026-03-23T09:00"]),
        ("all", ["2026-03-16T09:00", "2026-03-23T09:00"]),
        ("none", []),
    ],
)
def test_after_ten_days_away_it_makes_up_for_what_it_is_told_to(sunday: World, catch_up: str, found: list[str]) -> None:
    sunday.has_workflow(
        "news",
        [{"id": "look", "type": "task", "description": "Look"}],
        trigger={"type": "schedule", "every": "monday 09:00", "catch_up": catch_up},
        max_concurrent_instances=5,
    )
    sunday.tick("2026-03-25 12:00")
    assert starts(sunday) == [f"schedule:{key}" for key in found]
    sunday.tick("2026-03-30 09:00")
    assert starts(sunday)[-1] == "schedule:2026-03-30T09:00"


def test_a_new_schedule_owes_nothing_that_was_before_it(sunday: World) -> None:
    sunday.now = at("2026-03-16 10:00")
    schedules(sunday, every="monday 09:00")
    sunday.tick("2026-03-16 10:01")
    assert starts(sunday) == []


def test_a_schedule_that_is_changed_begins_anew(sunday: World) -> None:
    schedules(sunday, every="monday 09:00")
    sunday.now = at("2026-03-16 10:00")
    schedules(sunday, every="monday 09:30")
    sunday.tick("2026-03-16 10:00")
    assert starts(sunday) == []
    sunday.tick("2026-03-23 09:30")
    assert starts(sunday) == ["schedule:2026-03-23T09:30"]


def test_a_workflow_that_is_switched_off_starts_nothing_and_makes_up_for_nothing(sunday: World) -> None:
    schedules(sunday, every="monday 09:00")
    switch(sunday, False)
    sunday.tick("2026-03-16 09:00")
    switch(sunday, True)
    sunday.tick("2026-03-16 12:00")
    assert starts(sunday) == []


def switch(world: World, on: bool) -> None:
    with world.store.transaction():
        version = world.store.templates.newest("news")
        world.store.templates.set_active(version.template_id, on, now=world.now)
        keep_schedules(world.store, now=world.now)


def test_an_hour_that_is_skipped_loses_no_start_and_one_that_is_shown_twice_doubles_none(sunday: World) -> None:
    sunday.now = at("2026-03-07 12:00")
    sunday.has_workflow("news", END, trigger={"type": "schedule", "every": "day 02:30"})
    for hour in range(72):
        sunday.tick((at("2026-03-07 12:00") + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert starts(sunday) == [f"schedule:2026-03-{day}T02:30" for day in ("08", "09", "10")]


def test_a_crash_between_two_batches_loses_nobody_and_doubles_nobody(
    sunday: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopflow.schedules.BATCH", 1)
    schedules(sunday, every="monday 09:00")
    remember, calls = sunday.store.schedules.used, []

    def dies(name: str, keys: Any) -> set[str]:
        calls.append(keys)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return remember(name, keys)

    monkeypatch.setattr(sunday.store.schedules, "used", dies)
    with pytest.raises(KeyboardInterrupt):
        sunday.tick("2026-03-16 09:00")
    assert sorted([starts(sunday), starts(sunday, "7")]) == [[], ["schedule:2026-03-16T09:00"]]
    sunday.tick("2026-03-16 09:01")
    assert starts(sunday) == starts(sunday, "7") == ["schedule:2026-03-16T09:00"]


# -- what hangs on a date -----------------------------------------------------------------------------------------


def renews(world: World, day: str, family: str = "42", **more: Any) -> None:
    found = world.store.families([family])[family]
    world.changes_family(family, attributes={**found.attributes, "renewal_date": day}, **more)
    with world.store.transaction():
        world.store.schedules.look_soon(now=world.now)


RENEWAL = ["14 days before renewal_date", "3 days before renewal_date at 08:00"]


def test_a_family_is_reminded_by_its_own_date_in_its_own_zone(sunday: World) -> None:
    schedules(sunday, on=RENEWAL)
    renews(sunday, "2026-04-06", time_zone="Pacific/Honolulu")
    sunday.tick("2026-03-23 14:59")
    assert starts(sunday) == []
    sunday.tick("2026-03-23 15:00")  # 09:00 in Honolulu
    sunday.tick("2026-03-23 15:01")
    assert starts(sunday) == ["schedule:14 days before renewal_date = 2026-04-06"]
    sunday.tick("2026-04-03 14:00")
    assert starts(sunday)[1:] == ["schedule:3 days before renewal_date at 08:00 = 2026-04-06"]
    assert starts(sunday, "7") == []


def test_who_joins_late_gets_only_the_latest_that_has_passed(sunday: World) -> None:
    schedules(sunday, on=["30 days before renewal_date", *RENEWAL])
    sunday.now = at("2026-03-16 08:59")
    sunday.has_family("99", attributes={"renewal_date": "2026-03-26"})
    sunday.tick("2026-03-16 09:01")
    sunday.tick("2026-03-16 09:02")
    assert starts(sunday, "99") == ["schedule:14 days before renewal_date = 2026-03-26"]


def test_so_does_a_family_whose_date_comes_in_late(sunday: World) -> None:
    sunday.now = at("2026-02-02 09:00")
    schedules(sunday, on=["30 days before renewal_date", *RENEWAL])
    sunday.tick("2026-03-16 09:00")
    renews(sunday, "2026-03-26")
    sunday.tick("2026-03-16 09:01")
    sunday.tick("2026-03-16 09:02")
    assert starts(sunday) == ["schedule:14 days before renewal_date = 2026-03-26"]


def test_a_rule_that_is_changed_reminds_nobody_of_what_has_passed(sunday: World) -> None:
    """Whoever has had the reminder of 14 days must not get that of 15 days the day after."""
    schedules(sunday, on="14 days before renewal_date")
    renews(sunday, "2026-03-30")
    renews(sunday, "2026-04-01", family="7")
    sunday.tick("2026-03-16 09:00")
    assert starts(sunday) == ["schedule:14 days before renewal_date = 2026-03-30"]
    sunday.now = at("2026-03-16 10:00")

    schedules(sunday, on="15 days before renewal_date")

    sunday.tick("2026-03-16 10:01")
    renews(sunday, "2026-03-30", phone="+12125550199")
    sunday.tick("2026-03-17 09:00")
    assert starts(sunday)[1:] == []
    assert starts(sunday, "7") == ["schedule:15 days before renewal_date = 2026-04-01"]


def test_a_date_that_comes_in_after_the_rule_was_changed_is_reminded_of(sunday: World) -> None:
    schedules(sunday, on="14 days before renewal_date")
    sunday.now = at("2026-03-16 10:00")
    schedules(sunday, on="15 days before renewal_date")
    sunday.tick("2026-03-16 10:01")
    renews(sunday, "2026-03-26")
    sunday.tick("2026-03-16 10:02")
    assert starts(sunday) == ["schedule:15 days before renewal_date = 2026-03-26"]


def test_a_trigger_on_dates_that_is_enabled_again_makes_up_for_nothing(sunday: World) -> None:
    schedules(sunday, on=RENEWAL)
    renews(sunday, "2026-03-30")
    switch(sunday, False)
    sunday.tick("2026-03-16 09:00")
    sunday.now = at("2026-03-18 09:00")
    switch(sunday, True)
    sunday.tick("2026-03-18 12:00")
    assert starts(sunday) == []
    sunday.tick("2026-03-27 08:00")
    assert starts(sunday) == ["schedule:3 days before renewal_date at 08:00 = 2026-03-30"]


def test_who_joins_after_the_date_gets_nothing(sunday: World) -> None:
    sunday.now = at("2026-02-02 09:00")
    schedules(sunday, on=[*RENEWAL, "2 days after renewal_date"])
    sunday.tick("2026-03-16 09:00")
    renews(sunday, "2026-03-10")
    sunday.tick("2026-03-16 09:01")
    assert starts(sunday) == []


def test_a_date_that_is_changed_has_its_own_moments(sunday: World) -> None:
    schedules(sunday, on="14 days before renewal_date")
    renews(sunday, "2026-03-30")
    sunday.tick("2026-03-16 09:00")
    renews(sunday, "2026-04-06")
    sunday.tick("2026-03-23 09:00")
    assert starts(sunday) == [
        "schedule:14 days before renewal_date = 2026-03-30",
        "schedule:14 days before renewal_date = 2026-04-06",
    ]


def test_a_value_that_is_no_date_is_said_once(sunday: World) -> None:
    schedules(sunday, on="14 days before renewal_date")
    sunday.now = at("2026-03-15 12:01")
    renews(sunday, "soon")
    for minute in range(2, 5):
        with sunday.store.transaction():
            sunday.store.schedules.look_soon(now=sunday.now)
        sunday.tick(f"2026-03-15 12:0{minute}")
    assert len(skipped(sunday)) == 1
    assert "renewal_date: 'soon' is not a date" in skipped(sunday)[0]


@pytest.mark.parametrize("other_form", ["2026-03-30 00:00:00", "2026-03-30T00:00", " 2026-03-30"])
def test_the_same_date_written_in_another_way_starts_nothing_anew(sunday: World, other_form: str) -> None:
    """As when the next list comes out of another program."""
    schedules(sunday, on="14 days before renewal_date")
    renews(sunday, "2026-03-30")
    sunday.tick("2026-03-16 09:00")
    renews(sunday, other_form)
    sunday.tick("2026-03-16 09:05")
    assert starts(sunday) == ["schedule:14 days before renewal_date = 2026-03-30"]


@pytest.mark.parametrize("stand_in", ["9999-12-31", "0001-01-01"])
@pytest.mark.parametrize("rule", ["14 days before renewal_date", "14 days after renewal_date"])
def test_a_date_that_stands_for_none_stops_nobody_else(sunday: World, stand_in: str, rule: str) -> None:
    """Databases write such days for "never" and "unknown"; no calendar goes two weeks further than they do."""
    schedules(sunday, on=rule)
    sunday.now = at("2026-03-15 12:01")
    sunday.has_family("8", attributes={"renewal_date": stand_in})
    renews(sunday, "2026-03-30" if "before" in rule else "2026-03-02")
    sunday.tick("2026-03-16 09:00")
    assert len(starts(sunday)) == 1
    assert len(skipped(sunday)) == 1
    assert f"renewal_date: '{stand_in}' is not between the years 1970 and 2999" in skipped(sunday)[0]


def test_a_fault_about_one_family_holds_nobody_else_up_and_is_tried_again(
    sunday: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedules(sunday, on="14 days before renewal_date")
    for family in ("42", "7"):
        renews(sunday, "2026-03-30", family)

    def faulty(trigger: Trigger, family: Family, tz: ZoneInfo) -> tuple[list[Moment], list[str]]:
        if family.family_id == "42":
            raise RuntimeError("nobody has thought of this")
        return moments_of(trigger, family, tz)

    with monkeypatch.context() as patched:
        patched.setattr("coopflow.owed.moments_of", faulty)
        report = sunday.tick("2026-03-16 09:00")
        assert report.faults == ["family 42, workflow 'news': RuntimeError: nobody has thought of this"]
        assert (report.started, len(starts(sunday)), len(starts(sunday, "7"))) == (1, 0, 1)
        assert sunday.tick("2026-03-16 09:59").faults == []  # not every minute
    assert sunday.tick("2026-03-16 10:00").faults == []
    assert (len(starts(sunday)), len(starts(sunday, "7"))) == (1, 1)


def test_trouble_with_the_database_is_no_fault_of_a_family(sunday: World, monkeypatch: pytest.MonkeyPatch) -> None:
    schedules(sunday, on="14 days before renewal_date")

    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("coopflow.owed.moments_of", locked)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sunday.tick("2026-03-16 09:00")


# -- what becomes true ----------------------------------------------------------------------------------------------


def watches(world: World, **more: Any) -> None:
    trigger = {"type": "condition", "conditions": PRICEY, "at": "06:00", **more}
    world.has_workflow("news", END, trigger=trigger)


def pays(world: World, fee: int, family: str = "7") -> None:
    world.changes_family(family, attributes={"monthly_fee": fee})


def test_a_condition_starts_when_it_becomes_true_and_not_while_it_is(sunday: World) -> None:
    watches(sunday)
    sunday.tick("2026-03-16 06:00")
    assert (starts(sunday), starts(sunday, "7")) == ([], [])
    pays(sunday, 150)
    sunday.tick("2026-03-16 12:00")
    assert starts(sunday, "7") == []
    for day in (17, 18, 19):
        sunday.tick(f"2026-03-{day} 06:00")
    assert starts(sunday, "7") == ["condition:2026-03-17"]
    pays(sunday, 50)
    sunday.tick("2026-03-20 06:00")
    pays(sunday, 150)
    sunday.tick("2026-03-21 06:00")
    assert starts(sunday, "7") == ["condition:2026-03-17", "condition:2026-03-21"]


def test_those_for_whom_it_holds_from_the_beginning_are_started_where_the_file_says_so(sunday: World) -> None:
    watches(sunday, existing="start")
    sunday.tick()
    assert starts(sunday) == ["condition:2026-03-15"]
    sunday.tick("2026-03-16 06:00")
    assert len(starts(sunday)) == 1


def test_a_family_that_comes_in_later_counts_as_becoming(sunday: World) -> None:
    watches(sunday)
    sunday.tick("2026-03-16 06:00")
    sunday.has_family("9", attributes={"monthly_fee": 200})
    sunday.tick("2026-03-17 06:00")
    assert starts(sunday, "9") == ["condition:2026-03-17"]


def test_days_without_a_tick_are_one_look(sunday: World) -> None:
    watches(sunday)
    pays(sunday, 150)
    sunday.tick("2026-03-25 12:00")
    assert starts(sunday, "7") == ["condition:2026-03-25"]


def test_whoever_is_not_to_be_contacted_is_not_started(sunday: World) -> None:
    watches(sunday)
    found = sunday.store.families(["7"])["7"]
    sunday.changes_family("7", status="withdrawn", attributes={**found.attributes, "monthly_fee": 150})
    sunday.tick("2026-03-17 06:00")
    assert starts(sunday, "7") == []
    assert "status is withdrawn" in skipped(sunday)[0]
