"""The prediction's window is the instance's deadline: known at once, and told to a person before it has passed."""

from typing import Any

import pytest

from tests.world import World, at

MAIL = {"id": "mail", "type": "email", "template_id": "hello"}
LATER = {"id": "later", "type": "email", "template_id": "hello", "delay": "30 days"}
MUCH_LATER = {"id": "much_later", "type": "email", "template_id": "hello", "delay": "40 days"}
MESSAGES = {"hello": "---\nsubject: Hello\n---\nDear {{ family_name }}."}
COME_BACK = {"id": "done", "type": "end"}


def has(coop: World, *steps: dict[str, Any]) -> None:
    coop.has_workflow("w", [*steps, COME_BACK], messages=MESSAGES)
    coop.has_family("42")


@pytest.mark.parametrize("days", [None, "32", True, 10**9, -1, 0, 3.5])
def test_no_deadline_follows_from_a_window_that_is_none(coop: World, days: Any) -> None:
    has(coop, MAIL)
    instance = coop.start("w", family="42", prediction_window_days=days)
    assert coop.case(instance).instance.deadline is None


def test_the_deadline_is_the_end_of_the_predictions_window_by_the_familys_clock(coop: World) -> None:
    coop.now = at("2026-02-20 09:00")
    has(coop, MAIL)
    instance = coop.start("w", family="42", prediction_window_days=32)
    assert coop.case(instance).instance.deadline == at("2026-03-24 09:00")  # the clocks went forward meanwhile


def test_the_window_counts_from_when_the_model_spoke(coop: World) -> None:
    has(coop, MAIL)
    coop.now = at("2026-03-20 09:00")
    instance = coop.start("w", family="42", prediction_window_days=10, predicted_at="2026-03-16T13:00:00Z")
    assert coop.case(instance).instance.deadline == at("2026-03-26 09:00")


def test_a_person_is_told_three_days_before_the_deadline_and_once(coop: World) -> None:
    has(coop, LATER)
    coop.now = at("2026-03-02 09:00")
    coop.start("w", family="42", prediction_window_days=32)
    coop.tick("2026-03-31 08:59")
    assert coop.tasks() == []
    coop.tick("2026-03-31 09:00")
    coop.tick("2026-03-31 09:01")
    [task] = coop.tasks()
    assert (task.task_type, task.priority, task.due_date) == ("deadline", "high", at("2026-04-03 09:00"))
    assert task.description == "The prediction's window ends Fri 3 Apr 09:00, and w has come to no end yet"
    assert len(coop.mails()) == 0


def test_of_a_short_window_the_last_quarter_is_left_to_act(coop: World) -> None:
    has(coop, LATER)
    coop.now = at("2026-03-16 09:00")
    coop.start("w", family="42", prediction_window_days=4)
    coop.tick("2026-03-19 08:59")
    assert coop.tasks() == []
    coop.tick("2026-03-19 09:00")
    assert [task.task_type for task in coop.tasks()] == ["deadline"]


def test_nobody_is_told_of_a_deadline_when_all_is_done(coop: World) -> None:
    has(coop, MAIL)
    coop.now = at("2026-03-16 09:00")
    coop.start("w", family="42", prediction_window_days=32)
    coop.tick()
    coop.tick("2026-04-16 09:00")
    assert coop.tasks() == []


def test_a_window_that_is_over_before_the_start_is_shown_and_warns_nobody(coop: World) -> None:
    has(coop, LATER)
    coop.now = at("2026-03-20 09:00")
    instance = coop.start("w", family="42", prediction_window_days=3, predicted_at="2026-03-02T14:00:00Z")
    assert coop.case(instance).instance.deadline == at("2026-03-05 09:00")
    coop.tick("2026-03-21 09:00")
    assert coop.tasks() == []


def test_a_step_that_is_planned_after_the_deadline_is_said_so_at_once(coop: World) -> None:
    has(coop, MUCH_LATER)
    coop.now = at("2026-03-02 09:00")
    instance = coop.start("w", family="42", prediction_window_days=32)
    assert coop.trail(instance) == ["instance.started", "step.after_deadline"]
    assert "after the deadline of Fri 3 Apr 09:00" in str(coop.case(instance).entries["main"].reason)


@pytest.mark.parametrize(
    ("arrived", "deadline", "late"),
    [
        ("2026-03-20 09:00", "2026-03-23 09:00", False),  # at the last moment is in time
        ("2026-03-20 09:00", "2026-03-23 08:59", True),
        ("2026-03-20 09:00", "2026-03-20 09:00", True),
        ("2026-03-20 09:00", "2026-03-20 08:59", False),  # who comes after it knows already
    ],
)
def test_after_the_deadline_is_later_than_the_deadline(coop: World, arrived: str, deadline: str, late: bool) -> None:
    has(coop, {**LATER, "delay": "3 days"})
    case = coop.case(coop.start("w", family="42"))
    case.instance.deadline = at(deadline)
    entry = case.entries["main"]
    case.journal.events.clear()
    case.arrive(entry, entry.step_id, now=at(arrived))
    assert entry.scheduled_for == at("2026-03-23 09:00")
    assert ("after the deadline" in str(entry.reason)) is late
    assert ("step.after_deadline" in [event.kind for event in case.journal.events]) is late
