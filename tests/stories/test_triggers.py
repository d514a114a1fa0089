"""Who starts, who does not, and the reason for each."""

from datetime import timedelta

import pytest

from coopflow.core.verdict import Answer
from tests.world import World, at

STEPS = [{"id": "rest", "type": "wait", "duration": "5 days"}, {"id": "done", "type": "end"}]


def trigger(probability: float, confidence: float, **rest: object) -> dict[str, object]:
    conditions = {
        "all": [
            {"field": "predicted_probability", "operator": ">", "value": probability},
            {"field": "confidence_score", "operator": ">", "value": confidence},
        ]
    }
    return {"type": "prediction", "conditions": conditions, "group": "risk", **rest}


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42")
    coop.has_workflow("high", STEPS, trigger=trigger(0.80, 80), priority=8)
    coop.has_workflow("medium", STEPS, trigger=trigger(0.60, 70), priority=5)
    return coop


@pytest.mark.parametrize(
    ("probability", "confidence", "started"),
    [
        (0.87, 82, "high"),
        (0.80, 80, "medium"),  # the threshold itself is not above it
        (0.81, 80, "medium"),
        (0.80000001, 80.1, "high"),
        (0.61, 70.1, "medium"),
        (0.90, 75, "medium"),
        (0.60, 99, None),
        (0.99, 70, None),
    ],
)
def test_thresholds_decide_and_of_one_group_only_the_most_urgent_starts(
    co: World, probability: float, confidence: float, started: str | None
) -> None:
    [result] = co.predicts("42", probability, confidence)
    assert result.workflow == started


def test_what_did_not_start_has_its_reason_on_record(co: World) -> None:
    [result] = co.predicts("42", 0.90, 65)
    assert result.answer is Answer.SKIPPED
    assert result.reason == "high: confidence_score 65 ≤ 80; medium: confidence_score 65 ≤ 70"
    [told] = co.store.looking.events(family_id="42")
    assert (told["kind"], told["data"]["reason"], told["data"]["prediction"]) == (
        "trigger.skipped",
        result.reason,
        "p42-0.9-65",
    )


def test_the_same_prediction_twice_starts_nothing(co: World) -> None:
    co.predicts("42", 0.87, 82, number="1")
    [again] = co.predicts("42", 0.87, 82, number="1")
    assert (again.answer, again.reason) == (Answer.SKIPPED, "this prediction was taken in before")


@pytest.mark.parametrize("paused", [False, True])
def test_a_second_run_does_not_start_beside_an_active_one_paused_or_not(co: World, paused: bool) -> None:
    from coopflow.core.people import pause

    [first] = co.predicts("42", 0.87, 82, number="1")
    assert first.instance_id is not None
    co.tick()
    if paused:
        co.does(pause, first.instance_id)
    [second] = co.predicts("42", 0.90, 90, number="2")
    assert second.answer is Answer.SKIPPED
    assert f"already active: instance {first.instance_id}" in second.reason


def test_a_lower_workflow_does_not_start_in_the_place_of_a_higher_one_that_must_not(coop: World) -> None:
    """The higher one matches, and waits for its cooldown: the family has had what the group is there for."""
    coop.has_workflow("high", [{"id": "done", "type": "end"}], priority=9, trigger=trigger(0.8, 80, cooldown="30 days"))
    coop.has_workflow("low", [{"id": "done", "type": "end"}], priority=5, trigger=trigger(0.5, 50))
    coop.has_family("42")
    [first] = coop.predicts("42", 0.9, 90, number="1")
    coop.tick()
    [second] = coop.predicts("42", 0.9, 90, number="2")
    assert (first.workflow, second.answer) == ("high", Answer.SKIPPED)
    assert "low: high is more urgent" in second.reason


def test_a_lower_workflow_does_not_start_beside_a_higher_one_of_its_group(co: World) -> None:
    co.predicts("42", 0.87, 82, number="1")
    [second] = co.predicts("42", 0.70, 90, number="2")
    assert second.answer is Answer.SKIPPED
    assert "high is active already (instance 1)" in second.reason


def test_rising_risk_replaces_the_lower_workflow(co: World) -> None:
    [lower] = co.predicts("42", 0.70, 90, number="1")
    [higher] = co.predicts("42", 0.87, 82, number="2")
    assert (lower.workflow, higher.workflow) == ("medium", "high")
    assert lower.instance_id is not None
    assert co.status(lower.instance_id) == "cancelled"
    assert "replaced by high" in str(co.case(lower.instance_id).instance.outcome_notes)


def test_a_cooldown_is_kept_where_several_may_run_at_once(coop: World) -> None:
    """It counts from the start of the last run, whether that has ended or not."""
    coop.has_workflow(
        "high",
        [{"id": "wait", "type": "wait", "duration": "60 days"}],
        trigger=trigger(0.8, 80, cooldown="30 days"),
        max_concurrent_instances=2,
    )
    coop.has_family("42")
    coop.predicts("42", 0.9, 90, number="1")
    [skipped] = coop.predicts("42", 0.9, 90, number="2")
    assert "started less than 30 days ago" in skipped.reason
    coop.now += timedelta(days=30)
    [started] = coop.predicts("42", 0.9, 90, number="3")
    assert started.instance_id == 2


def test_a_cooldown_is_kept_after_the_end(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("high", [{"id": "done", "type": "end"}], trigger=trigger(0.8, 80, cooldown="30 days"))
    coop.predicts("42", 0.87, 82, number="1")
    coop.tick()

    coop.now = at("2026-04-19 08:59")
    [early] = coop.predicts("42", 0.87, 82, number="2")
    assert early.reason == "high: started less than 30 days ago; not before Sun 19 Apr 09:00"

    coop.now = at("2026-04-19 09:00")
    [late] = coop.predicts("42", 0.87, 82, number="3")
    assert late.answer is Answer.STARTED


def test_an_unknown_family_is_rejected_and_the_prediction_is_not_used_up(co: World) -> None:
    [result] = co.predicts("7", 0.87, 82, number="1")
    assert (result.answer, result.reason) == (Answer.REJECTED, "there is no family '7'")
    co.has_family("7")
    [again] = co.predicts("7", 0.87, 82, number="1")
    assert again.answer is Answer.STARTED


@pytest.mark.parametrize("status", ["withdrawn", "deceased", "do_not_contact"])
def test_a_family_that_must_not_be_contacted_starts_nothing(co: World, status: str) -> None:
    co.changes_family("42", status=status)
    [result] = co.predicts("42", 0.87, 82)
    assert result.answer is Answer.SKIPPED
    assert status in result.reason


def test_several_at_a_time_where_the_workflow_allows_it(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("w", STEPS, max_concurrent_instances=2)
    assert [coop.starts("w", family="42").answer for _ in range(3)] == [Answer.STARTED, Answer.STARTED, Answer.SKIPPED]


def test_the_database_itself_refuses_a_second_active_run(co: World) -> None:
    import peewee

    co.predicts("42", 0.87, 82, number="1")
    with pytest.raises(peewee.IntegrityError):
        co.db.execute_sql(
            "INSERT INTO workflow_instances (template_id, family_id, triggered_by, trigger_date, status, context, slot,"
            " created_date) SELECT template_id, family_id, 'manual:x', trigger_date, 'pending', '{}', slot,"
            " created_date FROM workflow_instances"
        )


def test_an_event_starts_what_it_triggers_once(coop: World) -> None:
    coop.has_family("42")
    coop.has_workflow("dunning", STEPS, trigger={"type": "event", "event": "payment_received"})
    [first] = coop.event("payment_received", family="42")
    [second] = coop.event("payment_received", family="42")
    assert (first.answer, second.answer) == (Answer.STARTED, Answer.SKIPPED)
    assert coop.case(1).instance.triggered_by == f"event_id:{first.event_id}"


def test_a_workflow_started_by_hand_needs_no_condition_to_hold(co: World) -> None:
    assert co.starts("high", family="42").answer is Answer.STARTED


def test_no_active_workflow_is_a_reason_too(coop: World) -> None:
    coop.has_family("42")
    [result] = coop.predicts("42", 0.9, 90)
    assert result.reason == "no active workflow is triggered by a prediction"


def test_a_prediction_that_starts_two_groups_starts_both(co: World) -> None:
    co.has_workflow("other", STEPS, trigger=trigger(0.5, 50, group="money"))
    results = co.predicts("42", 0.87, 82)
    assert sorted(str(result.workflow) for result in results) == ["high", "other"]
