"""When a step's turn comes, with every rule that moved it: anchors, dates, best times, spread, quiet hours."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from coopflow.core.durations import Duration
from coopflow.core.model import Coop
from coopflow.core.timing import Preference, Window, parse_window
from tests.world import World, at

DONE = {"id": "done", "type": "end"}
TUESDAY_TO_THURSDAY = parse_window("preferred", {"days": "tue-thu", "hours": "09:00-11:00"})


def mail(**more: Any) -> dict[str, Any]:
    return {"id": "mail", "type": "email", "template_id": "hello", **more}


def text(**more: Any) -> dict[str, Any]:
    return {"id": "text", "type": "sms", "message": "Hi {{ family_name }}", **more}


def call(**more: Any) -> dict[str, Any]:
    return {"id": "call", "type": "call", "reason": "No answer", **more}


def with_rules(world: World, **changed: Any) -> None:
    """Another configuration of the co-op, as an edit of coopflow.yaml would bring it about."""
    coop: Coop = replace(world.coop, **changed)
    world.coop = world.store.coop = world.store.cases._coop = coop


def planned(world: World, instance: int) -> tuple[str, str | None]:
    """When the instance goes on by the wall clock in New York, and why then."""
    [entry] = world.case(instance).entries.values()
    assert entry.scheduled_for is not None
    local = entry.scheduled_for.astimezone(at("2026-03-20 09:00").astimezone(world.coop.calendar.tz).tzinfo)
    return local.strftime("%Y-%m-%d %H:%M"), entry.reason


def start(world: World, *steps: dict[str, Any], **family: Any) -> int:
    world.has_workflow("w", [*steps, DONE])
    world.has_family("42", **family)
    return world.start("w", family="42")


# -- what the time counts from ------------------------------------------------------------------------------------


def test_the_delay_of_a_first_step_counts_from_the_start(coop: World) -> None:
    assert planned(coop, start(coop, mail(delay="3 days"))) == (
        "2026-03-23 09:00",
        "Fri 20 Mar 09:00 + 3 days → Mon 23 Mar 09:00",
    )


def test_day_7_is_day_7_however_long_the_steps_before_it_took(coop: World) -> None:
    steps = [{"id": "pause", "type": "wait", "duration": "4 days"}, mail(**{"from": "start", "delay": "7 days"})]
    instance = start(coop, *steps)
    coop.tick("2026-03-20 09:00")
    coop.tick("2026-03-24 09:00")
    assert planned(coop, instance) == (
        "2026-03-27 09:00",
        "Fri 20 Mar 09:00 (the start) + 7 days → Fri 27 Mar 09:00",
    )


def test_what_counts_from_the_start_and_has_passed_comes_at_once_and_is_not_late(coop: World) -> None:
    steps = [{"id": "pause", "type": "wait", "duration": "10 days"}, mail(**{"from": "start", "delay": "7 days"})]
    instance = start(coop, *steps)
    coop.tick("2026-03-20 09:00")
    coop.tick("2026-03-30 09:00")
    assert len(coop.mails()) == 1
    assert coop.status(instance) == "completed"


def test_a_delay_may_count_from_the_end_of_another_step(coop: World) -> None:
    steps = [mail(), {"id": "pause", "type": "wait", "duration": "3 days"}, text(**{"from": "mail", "delay": "5 days"})]
    instance = start(coop, *steps)
    coop.tick("2026-03-20 09:05")
    coop.tick("2026-03-23 09:05")
    assert planned(coop, instance) == (
        "2026-03-25 09:05",
        "Fri 20 Mar 09:05 (the end of mail) + 5 days → Wed 25 Mar 09:05",
    )


def test_a_delay_may_count_from_when_the_model_spoke(coop: World) -> None:
    coop.has_workflow("w", [mail(**{"from": "trigger", "delay": "7 days"}), DONE])
    coop.has_family("42")
    instance = coop.start("w", family="42", predicted_at="2026-03-18T14:00:00Z")
    assert planned(coop, instance) == (
        "2026-03-25 10:00",
        "Wed 18 Mar 10:00 (what triggered it) + 7 days → Wed 25 Mar 10:00",
    )


def test_a_delay_may_count_from_a_date_of_the_family(coop: World) -> None:
    step = mail(**{"from": "attributes.renewal_date", "delay": "2 days"})
    instance = start(coop, step, attributes={"renewal_date": "2026-04-01"})
    assert planned(coop, instance) == (
        "2026-04-03 09:00",
        "Wed 1 Apr 00:00 (renewal_date) + 2 days → Fri 3 Apr 00:00;"
        " Fri 3 Apr 00:00 is outside business_hours → Fri 3 Apr 09:00",
    )


def test_months_count_from_the_anchor_and_do_not_drift(coop: World) -> None:
    coop.now = at("2027-01-29 09:00")
    steps = [
        {"id": "one", "type": "wait", "duration": "1 month"},
        {"id": "two", "type": "task", "description": "Look", "from": "start", "delay": "2 months"},
    ]
    instance = start(coop, *steps)
    coop.tick("2027-01-29 09:00")
    coop.tick("2027-02-28 09:00")
    assert planned(coop, instance)[0] == "2027-03-29 09:00"


def test_a_mail_may_go_a_week_before_a_date_of_the_family(coop: World) -> None:
    step = mail(scheduled_time="7 days before payment_due_on at 09:00")
    instance = start(coop, step, attributes={"payment_due_on": "2026-04-08"})
    assert planned(coop, instance) == (
        "2026-04-01 09:00",
        "7 days before payment_due_on at 09:00 → Wed 1 Apr 09:00",
    )


def test_a_family_without_the_date_goes_to_a_person(coop: World) -> None:
    instance = start(coop, mail(scheduled_time="7 days before payment_due_on at 09:00"))
    [task] = coop.tasks()
    assert task.description == "the turn of 'Mail' never comes: the family has no payment_due_on"
    assert coop.status(instance) == "paused"


def test_a_date_that_is_none_goes_to_a_person(coop: World) -> None:
    start(coop, mail(scheduled_time="7 days before payment_due_on"), attributes={"payment_due_on": "soon"})
    [task] = coop.tasks()
    assert task.description.startswith("the turn of 'Mail' never comes: payment_due_on: 'soon' is not a date")


# -- where a phone is ---------------------------------------------------------------------------------------------


def test_a_text_keeps_to_the_quiet_hours_where_the_number_belongs(coop: World) -> None:
    instance = start(coop, text(), phone="+12135550142")  # a number of Los Angeles, a family in New York
    assert planned(coop, instance) == (
        "2026-03-20 11:00",
        "Fri 20 Mar 09:00 is outside text_hours (06:00 in America/Los_Angeles) → Fri 20 Mar 11:00",
    )


def test_an_urgent_text_crosses_windows_but_no_quiet_hours_anywhere(coop: World) -> None:
    coop.now = at("2026-03-21 07:30")
    instance = start(coop, text(urgent=True), phone="+12135550142")
    assert planned(coop, instance)[0] == "2026-03-21 11:00"


# -- the best times -----------------------------------------------------------------------------------------------


def test_a_mail_waits_for_the_best_time_of_its_channel(coop: World) -> None:
    with_rules(coop, preferred={"email": Preference(TUESDAY_TO_THURSDAY, Duration(days=4))})
    when, why = planned(coop, start(coop, mail()))
    assert when == "2026-03-24 09:00"
    assert why is not None
    assert "preferred" in why


def test_a_mail_does_not_wait_longer_than_its_patience(coop: World) -> None:
    with_rules(coop, preferred={"email": Preference(TUESDAY_TO_THURSDAY, Duration(days=2))})
    when, why = planned(coop, start(coop, mail()))
    assert when == "2026-03-20 09:00"
    assert why is not None
    assert "2 days" in why


def test_the_familys_own_hour_comes_before_the_co_ops(coop: World) -> None:
    with_rules(coop, preferred={"email": Preference(TUESDAY_TO_THURSDAY, Duration(days=5))})
    instance = start(coop, mail(), attributes={"best_contact_hour": 17})
    assert planned(coop, instance)[0] == "2026-03-24 17:00"


def test_a_familys_hour_holds_for_texts_and_calls_as_well(coop: World) -> None:
    assert planned(coop, start(coop, call(), attributes={"best_contact_hour": "13"}))[0] == "2026-03-20 13:00"


def test_an_hour_outside_the_windows_is_not_waited_for(coop: World) -> None:
    assert planned(coop, start(coop, mail(), attributes={"best_contact_hour": 22}))[0] == "2026-03-20 09:00"


def test_what_is_urgent_waits_for_no_best_time(coop: World) -> None:
    with_rules(coop, preferred={"email": Preference(TUESDAY_TO_THURSDAY, Duration(days=4))})
    assert planned(coop, start(coop, mail(urgent=True)))[0] == "2026-03-20 09:00"


def test_five_hundred_families_do_not_get_one_minute(coop: World) -> None:
    with_rules(coop, spread=timedelta(minutes=45))
    coop.has_workflow("w", [mail(), DONE])
    coop.now = at("2026-03-21 12:00")
    times = []
    for number in range(500):
        coop.has_family(str(number))
        [entry] = coop.case(coop.start("w", family=str(number))).entries.values()
        times.append(entry.scheduled_for)
    assert min(times) >= at("2026-03-23 09:00")
    assert max(times) < at("2026-03-23 09:45")
    assert max(times.count(moment) for moment in set(times)) < 30


def test_the_same_family_and_step_are_spread_alike_each_time(coop: World) -> None:
    with_rules(coop, spread=timedelta(minutes=45))
    first = planned(coop, start(coop, mail()))
    coop.has_workflow("w", [mail(), DONE], max_concurrent_instances=2)
    assert planned(coop, coop.start("w", family="42")) == first


# -- treated gently, and days that nobody knows --------------------------------------------------------------------


def test_nothing_reaches_a_family_that_is_treated_gently(coop: World) -> None:
    instance = start(coop, mail(urgent=True), gentle_until=at("2026-04-01 00:00"))
    assert planned(coop, instance) == (
        "2026-04-01 00:00",
        "the family is treated gently until Wed 1 Apr 00:00",
    )


def test_a_mark_that_came_after_the_plan_holds_the_message_at_its_moment(coop: World) -> None:
    instance = start(coop, mail())
    coop.changes_family("42", gentle_until=at("2026-04-01 00:00"))
    coop.tick()
    assert coop.mails() == []
    assert planned(coop, instance)[0] == "2026-04-01 09:00"


def test_nothing_is_planned_for_a_year_whose_holidays_nobody_knows(coop: World) -> None:
    with_rules(coop, calendar=replace(coop.coop.calendar, holidays_until=date(2026, 12, 31)))
    coop.now = at("2026-12-30 09:00")
    instance = start(coop, mail(delay="5 days"))
    [task] = coop.tasks()
    assert task.description == (
        "the turn of 'Mail' never comes: the public holidays are known until Thu 31 Dec 2026 only,"
        " and this would be Mon 4 Jan 2027; run: coopflow calendar import --year 2027"
    )
    assert coop.status(instance) == "paused"


@pytest.mark.parametrize("step", [mail(urgent=True), text(urgent=True), mail(window="always")])
def test_what_crosses_closed_days_needs_to_know_of_none(coop: World, step: dict[str, Any]) -> None:
    calendar = replace(coop.coop.calendar, holidays_until=date(2026, 3, 1))
    with_rules(coop, calendar=calendar)
    instance = start(coop, {**step, "delay": "1 hour"})
    coop.tick("2026-03-20 10:00")
    assert coop.status(instance) == "completed"


def test_within_the_known_years_all_is_well(coop: World) -> None:
    with_rules(coop, calendar=replace(coop.coop.calendar, holidays_until=date(2026, 12, 31)))
    assert planned(coop, start(coop, mail(delay="5 days")))[0] == "2026-03-25 09:00"


# -- at the desk --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sarah", "due"),
    [
        ({}, "2026-03-23 09:00"),
        ({"window": "afternoons"}, "2026-03-23 14:00"),
        ({"time_zone": "America/Los_Angeles"}, "2026-03-23 12:00"),
    ],
)
def test_a_task_is_due_within_the_working_hours_of_whoever_has_it(coop: World, sarah: dict[str, str], due: str) -> None:
    afternoons = Window("afternoons", (((14 * 60, 17 * 60),),) * 7)
    calendar = replace(coop.coop.calendar, windows={**coop.coop.calendar.windows, "afternoons": afternoons})
    with_rules(coop, calendar=calendar, coordinators={"sarah": sarah})
    start(coop, call())
    coop.tick()
    [task] = coop.tasks()
    assert task.due_date == at(due)


# -- whose clock --------------------------------------------------------------------------------------------------


def test_a_family_that_moves_zone_while_it_waits_is_not_reached_in_its_night(coop: World) -> None:
    instance = start(coop, mail(delay="1 day"))
    coop.changes_family("42", time_zone="Pacific/Honolulu")
    coop.tick("2026-03-23 09:00")
    assert coop.mails() == []
    assert planned(coop, instance)[0] == "2026-03-23 15:00"
