"""Faults 20 to 26 of the pattern's own code, on time: none is possible here."""

from datetime import UTC, date

import pytest
from msgspec.structs import replace

from coopflow.core.durations import Duration
from coopflow.core.timing import BUSINESS_HOURS, Calendar, OpenHours, Window, next_open, plan, zone
from tests.pattern.parts import CALL, END, MAIL, TEXT, planned, refusals
from tests.world import NEW_YORK, World, at

CALENDAR = Calendar.default(NEW_YORK)
NOW = Duration()


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42")
    return coop


def office(window: Window = BUSINESS_HOURS, closed: dict[date, str] | None = None) -> list[OpenHours]:
    return [OpenHours((window,), NEW_YORK, closed or {})]


def moved(text: str, delay: Duration = NOW) -> str:
    found = plan(after=at(text), delay=delay, hours=office(), tz=NEW_YORK, calendar=CALENDAR)
    return found.at.astimezone(NEW_YORK).strftime("%a %d %H:%M")


@pytest.mark.parametrize(("start", "minutes"), [("2026-03-20 19:00", 0), ("2026-03-20 17:58", 5)])
def test_20_friday_evening_becomes_monday_morning(start: str, minutes: int) -> None:
    assert moved(start, Duration(seconds=60 * minutes)) == "Mon 23 09:00"


@pytest.mark.parametrize("start", ["2026-03-21 19:00", "2026-03-22 20:00"])
def test_21_monday_is_not_lost_after_a_weekend(start: str) -> None:
    assert moved(start) == "Mon 23 09:00"


@pytest.mark.parametrize(
    ("start", "resume_at", "expected"),
    [("07:59", 9 * 60, "Mon 23 09:00"), ("08:00", 9 * 60, "Mon 23 08:00"), ("07:59", None, "Mon 23 08:00")],
)
def test_22_where_an_early_moment_goes_is_a_setting_and_the_reason_is_told(
    start: str, resume_at: int | None, expected: str
) -> None:
    window = replace(BUSINESS_HOURS, resume_at=resume_at)
    found = next_open(at(f"2026-03-23 {start}"), office(window))
    assert found.at.astimezone(NEW_YORK).strftime("%a %d %H:%M") == expected
    assert len(found.reasons) == (0 if start == "08:00" else 1)


@pytest.mark.parametrize(
    ("place", "expected"),
    [("America/New_York", "2026-03-20T13:00:00Z"), ("Pacific/Honolulu", "2026-03-20T19:00:00Z")],
)
def test_23_the_familys_own_clock_counts_and_what_is_stored_is_utc(co: World, place: str, expected: str) -> None:
    co.changes_family("42", time_zone=zone(place).key)
    co.has_workflow("w", [MAIL, END])
    instance = co.start("w", family="42")
    moment = co.case(instance).entries["main"].scheduled_for
    assert moment is not None
    assert (moment, moment.tzinfo) == (at(expected), UTC)
    [(stored,)] = co.db.execute_sql("SELECT next_execution_at FROM workflow_instances").fetchall()
    assert stored == expected


def test_24_a_first_step_at_two_on_a_saturday_waits_for_monday(co: World) -> None:
    co.has_workflow("w", [MAIL, END])
    co.now = at("2026-03-21 02:00")
    instance = co.start("w", family="42")
    co.tick()
    assert (co.mails(), planned(co, instance)) == ([], "Mon 23 09:00")


@pytest.mark.parametrize(
    ("written", "expected"), [("2026-03-24T02:00", "Tue 24 09:00"), ("2026-03-24T11:00", "Tue 24 11:00")]
)
def test_24_a_scheduled_time_keeps_the_windows(co: World, written: str, expected: str) -> None:
    co.has_workflow("w", [{**MAIL, "scheduled_time": written}, END])
    assert planned(co, co.start("w", family="42")) == expected


def test_24_a_scheduled_time_that_is_past_keeps_the_windows_too(co: World) -> None:
    co.has_workflow("w", [{**MAIL, "scheduled_time": "2026-03-20T23:00"}, END])
    co.now = at("2026-03-21 02:00")
    instance = co.start("w", family="42")
    co.tick()
    assert (co.mails(), planned(co, instance)) == ([], "Mon 23 09:00")


def test_24_a_scheduled_time_that_is_past_comes_before_a_person(co: World) -> None:
    co.has_workflow("w", [{**MAIL, "scheduled_time": "2026-03-10T11:00"}, END])
    instance = co.start("w", family="42")
    co.tick()
    assert (co.mails(), co.status(instance), len(co.tasks("42"))) == ([], "paused", 1)


def test_24_an_unreadable_time_is_refused_at_load() -> None:
    steps = "- {id: a, type: email, template_id: hello, scheduled_time: soon}\n- {id: done, type: end}"
    [problem] = refusals(steps)
    assert "scheduled_time" in problem


def test_25_closed_days_are_kept() -> None:
    days = {date(2026, 3, 23): "", date(2026, 3, 24): ""}
    found = next_open(at("2026-03-20 19:00"), office(closed=days))
    assert found.at == at("2026-03-25 09:00")


@pytest.mark.parametrize(
    ("start", "urgent", "expected"),
    [
        ("2026-03-21 20:30", False, "Mon 23 09:00"),
        ("2026-03-21 20:30", True, "Sat 21 20:30"),
        ("2026-03-21 21:00", True, "Sun 22 08:00"),
    ],
)
def test_25_what_is_urgent_crosses_office_hours_and_never_the_hours_of_texts(
    co: World, start: str, urgent: bool, expected: str
) -> None:
    co.has_workflow("w", [{**TEXT, "urgent": urgent}, END])
    co.now = at(start)
    assert planned(co, co.start("w", family="42")) == expected


def test_25_a_planned_moment_cannot_be_changed_in_place() -> None:
    found = next_open(at("2026-03-20 10:00"), office())
    with pytest.raises(AttributeError, match="immutable"):
        found.at = at("2026-03-20 11:00")  # type: ignore[misc]


def test_26_a_call_is_due_on_the_next_business_day_and_never_on_a_sunday(co: World) -> None:
    co.has_workflow("w", [{**CALL, "outcomes": {"reached": "done"}}, END])
    for family, start in (("42", "2026-03-20 09:00"), ("7", "2026-03-21 12:00")):
        co.has_family(family)
        co.now = at(start)
        co.start("w", family=family)
    co.ticks_until("2026-03-23 10:00")
    due = {found.family_id: found.due_date for found in co.tasks()}
    assert due["7"] is not None
    assert {when.astimezone(NEW_YORK).weekday() < 5 for when in due.values() if when} == {True}


def test_26_a_task_of_the_sample_is_due_at_a_time_that_can_be_stated(co: World) -> None:
    step = {"id": "hello", "type": "task", "description": "Say hello", "due": "5 business days"}
    co.has_workflow("w", [step, END])
    co.start("w", family="42")
    co.tick()
    [found] = co.tasks("42")
    assert found.due_date == at("2026-03-27 09:00")
