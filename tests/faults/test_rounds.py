"""Workflows that start each other, and events that come in the same second as a start."""

import pytest

from tests.world import World

END = {"id": "done", "type": "end"}


def starts(name: str, **rest: object) -> dict[str, object]:
    return {"id": f"start_{name}", "type": "start", "workflow": name, **rest}


def wait(**rest: object) -> dict[str, object]:
    return {"id": "rest", "type": "wait", "duration": "1 day", **rest}


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42")
    return coop


def instances(world: World) -> list[tuple[str, str]]:
    return world.db.execute_sql(  # type: ignore[no-any-return]
        "SELECT template_name, status FROM workflow_instances JOIN workflow_templates USING (template_id)"
        " ORDER BY instance_id"
    ).fetchall()


def reasons(world: World) -> list[str]:
    events = world.store.looking.events(family_id="42")
    return [row["data"]["reason"] for row in events if row["kind"] == "trigger.skipped"]


def test_a_start_step_that_comes_round_again_starts_the_other_workflow_again(co: World) -> None:
    co.has_workflow("short", [END])
    co.has_workflow("long", [{**starts("short"), "id": "one"}, wait(), {**starts("short"), "id": "two"}, END])
    co.start("long", family="42")
    assert co.tick().faults == []
    co.ticks_until("2026-03-21 10:00")
    assert instances(co) == [("long", "completed"), ("short", "completed"), ("short", "completed")]


def test_steps_that_lead_to_each_other_without_a_pause_are_stopped(co: World) -> None:
    def asks(name: str, other: str) -> dict[str, object]:
        named = {"field": "family_name", "operator": "exists", "value": True}
        return {"id": name, "type": "condition", "condition": named, "if_true_step": other, "if_false_step": "done"}

    co.has_workflow("w", [asks("hither", "thither"), asks("thither", "hither"), END])
    instance = co.start("w", family="42")
    assert co.tick().faults == []
    assert co.status(instance) == "paused"
    assert "200 steps in a row without a pause: the workflow goes round in circles" in co.tasks()[0].description
    assert len(co.attempts(instance)) == 200


def test_two_workflows_that_start_each_other_without_a_pause_are_stopped(co: World) -> None:
    co.has_workflow("ping", [starts("pong"), END])
    co.has_workflow("pong", [starts("ping"), END])
    co.start("ping", family="42")
    assert co.tick().faults == []
    assert instances(co) == [("ping", "completed"), ("pong", "completed")]
    assert reasons(co) == ["'ping' led to this start without a pause: the workflows go round in circles"]


def test_a_workflow_does_not_start_itself_without_a_pause(co: World) -> None:
    co.has_workflow("self", [starts("self"), END], max_concurrent_instances=9)
    co.start("self", family="42")
    co.tick()
    assert instances(co) == [("self", "completed")]


def test_two_workflows_that_start_each_other_with_a_pause_go_on_for_ever(co: World) -> None:
    co.has_workflow("ping", [wait(), starts("pong"), END])
    co.has_workflow("pong", [wait(), starts("ping"), END])
    co.start("ping", family="42")
    co.ticks_until("2026-03-24 10:00")
    assert [name for name, _ in instances(co)] == ["ping", "pong", "ping", "pong", "ping"]


def test_the_event_that_starts_a_workflow_is_not_the_one_that_it_waits_for(co: World) -> None:
    waiting = {"id": "rest", "type": "wait", "duration": "1 day", "until": {"event": "payment_received"}}
    co.has_workflow("thanks", [waiting, END], trigger={"type": "event", "event": "payment_received"})
    co.event("payment_received", family="42")
    co.tick()
    assert instances(co) == [("thanks", "running")]
    co.event("payment_received", family="42")
    co.tick()
    assert instances(co) == [("thanks", "completed"), ("thanks", "running")]


def test_an_event_of_the_same_second_counts_if_it_came_after_the_start_and_not_if_before(co: World) -> None:
    waiting = {"id": "rest", "type": "wait", "duration": "1 day", "until": {"event": "payment_received"}}
    co.has_workflow("w", [waiting, END])
    co.event("payment_received", family="42")
    co.start("w", family="42")
    co.tick()
    assert instances(co) == [("w", "running")]
    co.event("payment_received", family="42")
    assert instances(co) == [("w", "completed")]


def test_an_answer_counts_although_the_clock_was_set_back_after_the_start(co: World) -> None:
    reply = {"field": "email_response_received", "operator": "==", "value": True}
    co.has_workflow("w", [wait(), {"id": "mail", "type": "email", "template_id": "hello"}], completion_criteria=reply)
    instance = co.start("w", family="42")
    co.now = co.now.replace(hour=1)
    co.event("email_response_received", family="42")
    assert co.status(instance) == "completed"
