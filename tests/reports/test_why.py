"""Every rule with what it found, and the verdict."""

from datetime import timedelta

import pytest

from coopflow.reports.why import why
from tests.reports.samples import MAIL
from tests.world import World

RISK = {
    "type": "prediction",
    "conditions": {
        "all": [
            {"field": "predicted_probability", "operator": ">", "value": 0.8},
            {
                "all": [
                    {"field": "confidence_score", "operator": ">", "value": 80},
                    {
                        "any": [
                            {"field": "payment_received", "operator": "==", "value": True},
                            {"field": "grade", "operator": "exists"},
                        ]
                    },
                ]
            },
        ]
    },
}


def test_each_part_of_a_condition_is_a_rule_of_its_own_with_the_value_it_met(coop: World) -> None:
    coop.has_workflow("risky", [MAIL], trigger=RISK)
    coop.has_family("42")
    coop.predicts("42", 0.87, 75)
    [judged] = why(coop.store, "42", workflow=None, now=coop.now).judged
    assert [(rule.text, rule.met, rule.found) for rule in judged.rules][:3] == [
        ("predicted_probability > 0.8", True, "predicted_probability 0.87 > 0.8"),
        ("confidence_score > 80", False, "confidence_score 75 ≤ 80"),
        ("payment_received or grade is defined", False, "payment_received is false and grade is not known"),
    ]
    assert judged.starts is False


def test_without_a_prediction_nothing_that_needs_one_would_start(coop: World) -> None:
    coop.has_workflow("always", [MAIL], trigger={"type": "prediction"})
    coop.has_family("42")
    found = why(coop.store, "42", workflow=None, now=coop.now)
    assert found.prediction is None
    assert (found.judged[0].starts, found.judged[0].reason) == (False, "none has come in yet")


def test_the_latest_prediction_is_the_one_that_came_in_last(coop: World) -> None:
    coop.has_family("42")
    coop.predicts("42", 0.9, 90, number="first")
    coop.predicts("42", 0.8, 80, number="second")
    coop.now += timedelta(hours=1)
    coop.predicts("42", 0.1, 10, number="third")
    found = why(coop.store, "42", workflow=None, now=coop.now)
    assert (found.prediction.prediction_id, found.received_at) == ("third", coop.now)
    assert found.verdict == "skipped: no active workflow is triggered by a prediction"


def test_a_workflow_that_an_event_starts_is_judged_on_the_latest_such_event(coop: World) -> None:
    condition = {"field": "amount", "operator": ">", "value": 100}
    coop.has_workflow("remind", [MAIL], trigger={"type": "event", "event": "payment_missed", "conditions": condition})
    coop.has_family("42")
    [judged] = why(coop.store, "42", workflow=None, now=coop.now).judged
    assert judged.reason == "no payment_missed has come for this family yet; amount is not known"
    coop.event("payment_missed", family="42", amount=50)
    [judged] = why(coop.store, "42", workflow=None, now=coop.now).judged
    assert (judged.starts, judged.reason, judged.trigger) == (False, "amount 50 ≤ 100", "by the event payment_missed")


def test_what_a_person_starts_needs_no_condition(coop: World) -> None:
    coop.has_workflow("by_hand", [MAIL])
    coop.has_family("42")
    [judged] = why(coop.store, "42", workflow="by_hand", now=coop.now).judged
    assert (judged.starts, judged.trigger) == (True, "by hand only")


def test_a_disabled_workflow_is_left_out_unless_it_is_named(coop: World) -> None:
    coop.has_workflow("off", [MAIL])
    coop.has_family("42")
    with coop.store.transaction():
        coop.store.templates.set_active(1, False, now=coop.now)
    assert why(coop.store, "42", workflow=None, now=coop.now).judged == []
    [judged] = why(coop.store, "42", workflow="off", now=coop.now).judged
    assert judged.reason == "it is switched off; allow it with: coopflow workflow enable off"


def test_of_one_group_only_the_most_urgent_would_start_also_when_another_is_asked_about(coop: World) -> None:
    trigger = {"type": "prediction", "group": "risk"}
    coop.has_workflow("high", [MAIL], trigger=trigger, priority=8)
    coop.has_workflow("low", [MAIL], trigger=trigger, priority=2)
    coop.has_family("42")
    coop.has_family("7")
    coop.predicts("7", 0.9, 90)
    coop.db.execute_sql("UPDATE ml_predictions SET family_id = '42'")
    [judged] = why(coop.store, "42", workflow="low", now=coop.now).judged
    assert (judged.starts, judged.reason) == (False, "high is more urgent")


def test_asking_why_changes_nothing(coop: World) -> None:
    coop.has_workflow("always", [MAIL], trigger={"type": "prediction"})
    coop.has_family("42")
    coop.predicts("42", 0.9, 90)
    before = coop.store.looking.events(family_id="42")
    why(coop.store, "42", workflow=None, now=coop.now)
    assert coop.store.looking.events(family_id="42") == before


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"type": "schedule", "every": "monday 09:00"}, "every monday 09:00"),
        ({"type": "schedule", "rrule": "FREQ=MONTHLY;BYMONTHDAY=1"}, "by the rule FREQ=MONTHLY;BYMONTHDAY=1"),
        (
            {"type": "schedule", "on": ["14 days before renewal_date", "renewal_date at 08:00"]},
            "14 days before renewal_date and renewal_date at 08:00 (at 09:00 where no time is said)",
        ),
        ({"type": "condition", "at": "06:00"}, "as soon as its condition holds, looked at every day at 06:00"),
    ],
)
def test_other_triggers_are_judged_on_what_is_known_of_the_family(
    coop: World, trigger: dict[str, str], words: str
) -> None:
    condition = {"field": "engagement_score", "operator": "<", "value": 20}
    coop.has_workflow("quiet", [MAIL], trigger={**trigger, "conditions": condition})
    coop.has_family("42", engagement_score=10)
    [judged] = why(coop.store, "42", workflow=None, now=coop.now).judged
    assert (judged.starts, judged.trigger, judged.reason) == (True, words, "engagement_score 10 < 20")
