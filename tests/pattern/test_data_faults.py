"""Faults 48 to 56 of the pattern's own code, on data, triggers and reports: none is possible here.

Of 55, mixed SQL dialects have no test: all SQL is written for SQLite alone.
"""

import json
from threading import Barrier, Lock
from typing import Any

import pytest

from coopflow.core.deliveries import Accepted, Delivery
from coopflow.core.model import Message
from coopflow.core.states import FINAL, MOVES, InstanceStatus
from coopflow.core.verdict import Answer
from coopflow.reports.figures import figures
from tests.pattern.parts import END, HIGH, MAIL, MEDIUM, has_bundled_workflows, opened, planned, refusals, task, wait
from tests.world import World


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42")
    return coop


def test_48_an_edited_workflow_does_not_touch_those_on_their_way(co: World) -> None:
    co.has_workflow("w", [wait(), task("old"), END])
    instance = co.start("w", family="42")
    co.tick()
    co.has_workflow("w", [task("inserted"), wait(), task("new"), END])
    co.ticks_until("2026-03-23 09:00")
    assert (opened(co), co.case(instance).workflow.version) == (["old"], 1)


def test_49_queue_priority_timing_limit_input_and_criteria_are_used(co: World) -> None:
    steps = [MAIL, wait(), END]
    goal = {"field": "paid", "operator": "==", "value": True}
    rest: dict[str, Any] = {"priority": 9, "max_concurrent_instances": 2, "timing": {"window": "always"}}
    co.has_workflow("w", steps, completion_criteria=goal, **rest)
    co.tick("2026-03-21 02:00")
    first, _ = co.start("w", family="42"), co.start("w", family="42")
    assert co.starts("w", family="42").answer is Answer.SKIPPED
    co.tick()
    assert len(co.mails()) == 2  # a Saturday night, as this workflow says
    [row, _] = co.db.execute_sql("SELECT priority, status FROM workflow_queue").fetchall()
    assert tuple(row) == (9, "queued")
    [kept] = co.db.execute_sql(
        "SELECT input_data FROM workflow_step_executions WHERE instance_id = ? AND step_type = 'email'", (first,)
    ).fetchall()
    assert json.loads(kept[0])["to"] == "family42@example.org"
    [stored] = co.db.execute_sql("SELECT completion_criteria FROM workflow_templates").fetchall()
    assert "paid" in stored[0]
    co.changes_family("42", attributes={"paid": True})
    co.ticks_until("2026-03-24 03:00")
    assert co.status(first) == "completed"


@pytest.mark.parametrize(
    ("operator", "started"), [(">", Answer.SKIPPED), (">=", Answer.STARTED)], ids=["above", "at_least"]
)
def test_50_a_threshold_is_what_the_workflow_says(co: World, operator: str, started: Answer) -> None:
    likely = {"field": "predicted_probability", "operator": operator, "value": 0.80}
    soon = {"field": "prediction_window_days", "operator": "<=", "value": 32}
    co.has_workflow("w", [wait(), END], trigger={"type": "prediction", "conditions": {"all": [likely, soon]}})
    [result] = co.predicts("42", 0.80, 80, prediction_window_days=30)
    assert result.answer is started


def test_50_why_it_became_the_lower_workflow_is_on_record(co: World) -> None:
    has_bundled_workflows(co)
    [result] = co.predicts("42", 0.90, 75)
    assert result.workflow == MEDIUM
    [started] = [row for row in co.store.looking.events(family_id="42") if row["kind"] == "instance.started"]
    assert started["data"]["reason"] == "predicted_probability 0.9 > 0.6 and confidence_score 75 > 70"


def test_51_why_a_family_was_not_contacted_is_on_record(co: World) -> None:
    [none] = co.predicts("42", 0.9, 90, number="1")
    has_bundled_workflows(co)
    [low] = co.predicts("42", 0.5, 90, number="2")
    told = [
        row["data"]["reason"] for row in co.store.looking.events(family_id="42") if row["kind"] == "trigger.skipped"
    ]
    assert told == [none.reason, low.reason]
    assert low.reason == f"{HIGH}: predicted_probability 0.5 ≤ 0.8; {MEDIUM}: predicted_probability 0.5 ≤ 0.6"


def test_52_an_event_and_a_person_start_workflows_too(co: World) -> None:
    co.has_workflow("paid", [wait(), END], trigger={"type": "event", "event": "payment_received"})
    co.has_workflow("other", [wait(), END])
    [by_event] = co.event("payment_received", family="42")
    by_hand = co.starts("other", family="42")
    origins = [co.case(int(found.instance_id or 0)).instance.triggered_by for found in (by_event, by_hand)]
    assert origins == [f"event_id:{by_event.event_id}", "manual:sarah"]


@pytest.mark.parametrize(
    "steps",
    [
        "- {id: a, type: fax}",
        "- {id: a, type: email}",
        "- {id: a, type: email, template_id: helo}",
        "- {id: a, type: wait, duration: soon}",
        "- {id: a, type: [",
    ],
)
def test_53_a_bad_file_is_refused_before_any_family_is_in_it(steps: str) -> None:
    problems = refusals(steps)
    assert problems
    assert all(problem.startswith("w.yaml:") for problem in problems)


def test_54_what_is_waited_for_and_until_when_can_be_told_and_moves_are_a_table(co: World) -> None:
    co.has_workflow("w", [wait(until={"event": "payment_received"}), END])
    instance = co.start("w", family="42")
    co.tick()
    entry = co.case(instance).entries["main"]
    assert (entry.awaits, planned(co, instance)) == ("time", "Mon 23 09:00")
    assert entry.reason == "waiting for payment_received"
    assert set(MOVES) == set(InstanceStatus)
    assert sorted(FINAL) == ["cancelled", "completed", "failed"]


def test_55_durations_and_rates_per_step_workflow_and_outcome_are_computed_and_every_move_is_stored(co: World) -> None:
    co.has_workflow("w", [MAIL, wait(), END])
    instance = co.start("w", family="42")
    co.tick()
    co.ticks_until("2026-03-23 09:00")
    found = figures(co.store, days=30, workflow=None, now=co.now)
    [row] = found.by_status
    assert (row["workflow"], row["status"], row["mean_seconds"]) == ("w", "completed", 3 * 86_400)
    assert (found.total.finished, found.total.success, found.total.rate) == (1, 1, 1.0)
    assert {step["step_id"] for step in found.by_step} == {"mail", "rest", "done"}
    assert [kind for kind in co.trail(instance) if kind.startswith("instance.")] == [
        "instance.started",
        "instance.completed",
    ]


def test_56_a_tick_has_a_limit_and_only_so_many_messages_are_handed_over_at_once(wired: World) -> None:
    lock, four, at_once, most = Lock(), Barrier(4), [0], [0]

    def counts(_: Message) -> Delivery:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        four.wait(10)
        with lock:
            at_once[0] -= 1
        return Accepted()

    wired.wires["email"].answers += [counts] * 20
    wired.has_workflow("w", [MAIL, wait(), END])
    for number in range(100, 120):
        wired.has_family(str(number))
        wired.start("w", family=str(number))
    first, second = wired.tick(limit=8), wired.tick()
    assert (first.sent, first.limit_reached, second.sent) == (8, True, 12)
    assert most[0] == 4
