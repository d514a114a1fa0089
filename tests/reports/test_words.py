"""Codes become words that a coordinator would say."""

from datetime import timedelta
from typing import Any

import pytest

from coopflow.core.reading import read_workflow
from coopflow.core.workflow import TaskOutcome
from coopflow.reports.words import closing, counted, joined, outcome_words, started_by, waits_for, with_others
from tests.reports.samples import NOW


def branch(**columns: Any) -> dict[str, Any]:
    own = {
        "attempts": 0,
        "awaits": "turn",
        "status": "queued",
        "scheduled_for": NOW + timedelta(hours=1),
        "reason": None,
    }
    return {**own, **columns}


@pytest.fixture(scope="module")
def steps():
    data = [
        {"id": "plain", "type": "task", "task_type": "errand", "description": "go"},
        {"id": "late", "type": "task", "task_type": "errand", "description": "go", "delay": "2 days"},
        {"id": "pause", "type": "wait", "duration": "3 days"},
        {"id": "reply", "type": "wait", "duration": "3 days", "until": {"event": "payment_received"}},
        {"id": "trip", "type": "wait", "timeout": "3 days", "until": {"event": "trip_booked"}},
    ]
    trigger = {"type": "manual"}
    workflow = read_workflow(
        {"name": "w", "trigger": trigger, "steps": data}, {}, template_id=1, version=1, active=True
    )
    return workflow.steps


@pytest.mark.parametrize(
    ("step", "columns", "words"),
    [
        ("plain", {}, "its time"),
        ("plain", {"scheduled_for": NOW}, "the next tick"),
        ("plain", {"reason": "Sat is outside business_hours"}, "its time"),
        ("plain", {"attempts": 1, "reason": "trying again; busy"}, "trying again; busy"),
        ("late", {}, "2 days to pass"),
        ("pause", {"awaits": "time", "reason": "waiting"}, "time to pass"),
        ("reply", {"awaits": "time", "reason": "waiting"}, "word that the family paid"),
        ("trip", {"awaits": "time", "reason": "waiting"}, "trip_booked"),
        ("reply", {"awaits": "time", "scheduled_for": NOW, "reason": "it came"}, "the next tick (it came)"),
        ("plain", {"awaits": "task", "scheduled_for": None}, "the outcome of task 7"),
        ("plain", {"awaits": "approval", "scheduled_for": None}, "a yes or no in task 7"),
        (
            "plain",
            {"awaits": "person", "scheduled_for": None, "reason": "no address"},
            "a decision in task 7: no address",
        ),
        ("plain", {"awaits": "doubt", "scheduled_for": None, "reason": "cut off"}, "a decision in task 7: cut off"),
        (
            "plain",
            {"awaits": "send", "status": "processing", "reason": "the email is on its way"},
            "the email is on its way",
        ),
        ("plain", {"awaits": "branches", "scheduled_for": None, "reason": "2 are under way"}, "2 are under way"),
    ],
)
def test_what_a_branch_waits_for_is_said_in_words(steps, step, columns, words):
    assert waits_for(branch(**columns), steps[step], 7, paused_because=None, now=NOW) == words


def test_what_a_person_paused_waits_for_someone_to_resume_it_and_what_is_on_hold_for_a_decision(steps):
    own = {"status": "paused", "reason": "no address"}
    assert (
        waits_for(branch(**own), steps["plain"], None, paused_because="holiday", now=NOW)
        == "someone to resume it: holiday"
    )
    held = branch(**own, awaits="person")
    assert (
        waits_for(held, steps["plain"], None, paused_because="holiday", now=NOW) == "a decision in a task: no address"
    )


@pytest.mark.parametrize(
    ("triggered_by", "words"),
    [
        ("prediction_id:10042", "prediction 10042"),
        ("event_id:7", "event 7"),
        ("manual:sarah", "sarah, by hand"),
        ("instance_id:3", "instance 3, which starts it as one of its steps"),
        ("schedule:2026-03-02", "its schedule (2026-03-02)"),
        ("something else", "something else"),
    ],
)
def test_what_started_an_instance_is_said_in_words(triggered_by, words):
    assert started_by(triggered_by) == words


@pytest.mark.parametrize(
    ("outcomes", "command"),
    [
        ([], "coopflow task done 7"),
        (["sent"], "coopflow task done 7 --outcome sent"),
        (["sent", "not_sent"], "coopflow task done 7 --outcome sent (or not_sent)"),
    ],
)
def test_the_command_that_closes_a_task_can_be_copied_into_a_shell(outcomes, command):
    assert with_others(closing(7, outcomes), outcomes) == command


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (TaskOutcome(goto="done"), "x → 'Done'"),
        (TaskOutcome(), "x → a person takes over"),
        (TaskOutcome(retry_in=None, then="done"), "x → 'Done'"),
    ],
)
def test_where_an_outcome_leads_is_said_in_words(way, words):
    assert outcome_words("x", way, {"done": "Done"}) == words


def test_small_words():
    assert [counted(1, "task"), counted(0, "task"), counted(1200, "task")] == ["1 task", "0 tasks", "1,200 tasks"]
    assert [joined([]), joined(["a"]), joined(["a", "b"]), joined(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
