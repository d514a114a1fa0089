"""The known faults of predictions, D15 to D19: once, corrected, of nobody, out of range, on the threshold."""

import json
from typing import Any

import pytest

from coopflow.core.verdict import Answer
from tests.cli.conftest import CoOp
from tests.stories.test_triggers import STEPS, trigger
from tests.stories.test_triggers import co as co
from tests.world import World


def of(number: str, family: str = "42", probability: Any = 0.87, **more: Any) -> str:
    given = {"prediction_id": number, "family_id": family, "predicted_probability": probability}
    return json.dumps({**given, "confidence_score": 90, **more}) + "\n"


def started(world: World) -> list[tuple[str, str]]:
    return [
        (name, status)
        for name, status in world.db.execute_sql(
            "SELECT template_name, status FROM workflow_instances JOIN workflow_templates USING (template_id)"
        )
    ]


@pytest.fixture
def risky(co_op: CoOp) -> CoOp:
    co_op.world.has_family("42")
    co_op.world.has_workflow("high", STEPS, trigger=trigger(0.80, 80), priority=8)
    return co_op


@pytest.mark.parametrize("order", ["aab", "aba", "baa"])
def test_d15_a_prediction_twice_or_a_hundred_times_or_in_another_order_starts_one_instance(
    risky: CoOp, order: str
) -> None:
    risky.run("trigger", "-", input="".join(map(of, order)))
    risky.run("trigger", "-", input=of("a") * 100 + of("b"))
    assert started(risky.world) == [("high", "pending")]


def test_d16_a_prediction_that_is_corrected_stops_nothing_and_both_are_on_record(co: World) -> None:
    [first] = co.predicts("42", 0.87, 90)
    [second] = co.predicts("42", 0.12, 90)
    assert (first.answer, second.answer) == (Answer.STARTED, Answer.SKIPPED)
    assert started(co) == [("high", "pending")]  # what is to end it stands in its completion criteria, or is a person's
    told = [row["data"].get("reason") for row in co.store.looking.events(family_id="42")]
    assert any("predicted_probability 0.12 ≤ 0.8" in reason for reason in told if reason)


def test_d17_a_prediction_for_a_family_that_nobody_knows_is_kept_aside_with_its_reason(risky: CoOp) -> None:
    ran = risky.run("trigger", "-", input=of("a", "99") + of("b"))
    assert ran.code == 1
    assert "there is no family '99'" in ran.out
    assert started(risky.world) == [("high", "pending")]
    kinds = [row["kind"] for row in risky.world.store.looking.events(family_id="99")]
    assert kinds == ["trigger.rejected"]
    risky.world.has_family("99")
    assert risky.run("trigger", "-", input=of("a", "99")).code == 0  # it was not used up


def test_d17_a_prediction_for_a_family_that_was_erased_starts_nothing(risky: CoOp) -> None:
    assert risky.run("family", "forget", "42", "--yes").code == 0
    ran = risky.run("trigger", "-", input=of("a"))
    assert (ran.code, "family 42 was forgotten" in ran.out) == (1, True)
    assert started(risky.world) == []


@pytest.mark.parametrize("given", [87, -0.1, 1.0000001, "high", None, True])
def test_d18_a_probability_that_is_none_is_refused_with_its_field_and_others_go_on(risky: CoOp, given: Any) -> None:
    ran = risky.run("trigger", "-", input=of("a", probability=given) + of("b"))
    assert ran.code == 1
    assert "predicted_probability" in ran.out
    assert started(risky.world) == [("high", "pending")]


@pytest.mark.parametrize(
    ("probability", "confidence", "starts"),
    [(0.80, 81, 0), (0.81, 80, 0), (0.8000000001, 80.0000001, 1), (0.80, 80, 0), (0.7999999999, 99, 0)],
)
def test_d19_on_the_threshold_nothing_starts_and_just_above_it_it_does(
    risky: CoOp, probability: float, confidence: float, starts: int
) -> None:
    risky.run("trigger", "-", input=of("a", probability=probability, confidence_score=confidence))
    assert len(started(risky.world)) == starts
