"""Why a workflow would start for a family, or why not."""
# ruff: noqa: E501 - screens are as wide as they are

import csv
import io
import json

import pytest

from tests.cli.conftest import CoOp
from tests.cli.test_show import on_a_terminal

MAIL = [{"id": "mail", "type": "email", "template_id": "hello"}]
MONDAY = "2026-03-23 14:00:00"


def risk(probability: float, confidence: float) -> dict[str, object]:
    rules = [
        {"field": "predicted_probability", "operator": ">", "value": probability},
        {"field": "confidence_score", "operator": ">", "value": confidence},
    ]
    return {"type": "prediction", "group": "risk", "cooldown": "30 days", "conditions": {"all": rules}}


@pytest.fixture
def judged(co_op: CoOp) -> CoOp:
    """Two workflows of one group, and a prediction that is sure enough for the milder one only."""
    world = co_op.world
    world.has_workflow("high_risk_intervention", MAIL, trigger=risk(0.8, 80), priority=8)
    world.has_workflow("medium_risk_intervention", MAIL, trigger=risk(0.6, 70))
    world.has_workflow("reminder", MAIL, trigger={"type": "event", "event": "payment_missed"})
    world.has_workflow("onboarding", MAIL)
    world.has_family("42", family_name="Martinez")
    world.has_family("7", family_name="Ng")
    world.predicts("42", 0.87, 75, number="10042", prediction_window_days=32)
    return co_op


def test_every_rule_is_told_with_what_it_found_and_the_verdict(judged: CoOp) -> None:
    ran = judged.run("why", "42", "--format", "table", at=MONDAY)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == SCREEN


SCREEN = """\
Martinez (42), enrolled
  Judged as if the latest prediction came in now: 10042 of Fri 20 Mar 09:00 (3 days ago), probability 0.87, confidence 75, within 32 days
  What came of it then: started: predicted_probability 0.87 > 0.6 and confidence_score 75 > 70

high_risk_intervention v1 (by a prediction): would not start
  ✓ met      predicted_probability > 0.8: predicted_probability 0.87 > 0.8
  ✗ not met  confidence_score > 80: confidence_score 75 ≤ 80
  ✓ met      the family may be contacted: the family's status is enrolled
  ✓ met      nothing more urgent of the group risk matches
  ✓ met      at most 1 at a time: none is active
  ✓ met      not again within 30 days: none in that time

medium_risk_intervention v1 (by a prediction): would not start
  ✓ met      predicted_probability > 0.6: predicted_probability 0.87 > 0.6
  ✓ met      confidence_score > 70: confidence_score 75 > 70
  ✓ met      the family may be contacted: the family's status is enrolled
  ✓ met      nothing more urgent of the group risk matches
  ✗ not met  at most 1 at a time: already active: instance 1
  ✓ met      not again within 30 days: none in that time

reminder v1 (by the event payment_missed): would not start
  ✗ not met  payment_missed has come: no payment_missed has come for this family yet
  ✓ met      the family may be contacted: the family's status is enrolled
  ✓ met      it is in no group
  ✓ met      at most 1 at a time: none is active

onboarding v1 (by hand only): would start
  ✓ met      the family may be contacted: the family's status is enrolled
  ✓ met      it is in no group
  ✓ met      at most 1 at a time: none is active

What is planned
  - Fri 20 Mar 09:00 (3 days ago): 'Mail' of medium_risk_intervention (instance 1)

What was decided before
  - Fri 20 Mar 09:00 (3 days ago): Started 'medium_risk_intervention' version 1 because of prediction 10042: predicted_probability 0.87 > 0.6 and confidence_score 75 > 70

"""


def test_one_workflow_can_be_asked_about(judged: CoOp) -> None:
    out = judged.run("why", "Martinez", "--workflow", "high_risk_intervention", "--format", "table").out
    assert "high_risk_intervention v1 (by a prediction): would not start" in out
    assert "medium_risk_intervention v1" not in out


def test_a_family_without_a_prediction_is_told_so(judged: CoOp) -> None:
    out = judged.run("why", "7", "--workflow", "high_risk_intervention", "--format", "table").out
    assert out.startswith("Ng (7), enrolled\n  No prediction about this family has come in yet.\n")
    assert "  ✗ not met  a prediction about the family has come in: none has come in yet\n" in out
    assert "  ✗ not met  confidence_score > 80: confidence_score is not known\n" in out
    assert out.endswith("What was decided before\n  nothing yet\n\n")


def test_refusals_are_told_with_their_reasons(judged: CoOp) -> None:
    judged.world.predicts("7", 0.5, 60, number="10007")
    assert (
        "A workflow was not started for prediction 10007: high_risk_intervention: predicted_probability 0.5 ≤ 0.8;"
        " confidence_score 60 ≤ 80; medium_risk_intervention: predicted_probability 0.5 ≤ 0.6;"
        " confidence_score 60 ≤ 70\n"
    ) in judged.run("why", "7", "--format", "table").out


def test_a_family_that_has_left_is_not_contacted(judged: CoOp) -> None:
    judged.world.changes_family("7", status="withdrawn")
    out = judged.run("why", "7", "--workflow", "onboarding", "--format", "table").out
    assert "onboarding v1 (by hand only): would not start\n" in out
    assert "  ✗ not met  the family may be contacted: the family's status is withdrawn\n" in out


def test_a_disabled_workflow_names_the_command_that_allows_it(judged: CoOp) -> None:
    with judged.world.store.transaction():
        judged.world.store.templates.set_active(4, False, now=judged.world.now)
    out = judged.run("why", "42", "--workflow", "onboarding", "--format", "table").out
    assert "it is switched off; allow it with: coopflow workflow enable onboarding" in out


def test_where_no_workflow_may_start_the_next_command_is_named(co_op: CoOp) -> None:
    co_op.world.has_family("42")
    out = co_op.run("why", "42", "--format", "table").out
    assert "No workflow may start\n  load or enable one: coopflow workflow list\n" in out


def test_a_terminal_that_knows_ascii_only_gets_ascii_marks(judged: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    out = on_a_terminal(judged, monkeypatch, "why", "42", encoding="latin-1")
    assert "  x not met  confidence_score > 80: confidence_score 75 \\u2264 80\n" in out
    assert "  + met      predicted_probability > 0.8" in out


def test_each_planned_time_stands_with_the_rules_that_moved_it_there(co_op: CoOp) -> None:
    late = [{"id": "mail", "type": "email", "template_id": "hello", "delay": "1 day"}]
    co_op.world.has_workflow("errand", late)
    co_op.world.has_family("42", time_zone="Pacific/Honolulu")
    co_op.world.start("errand", family="42")
    out = co_op.run("why", "42", "--format", "table").out
    assert (
        out[out.index("What is planned") : out.index("What was decided")]
        == """\
What is planned
  The reasons name the times of the family's clock, Pacific/Honolulu.
  - Mon 23 Mar 15:00 (in 3 days): 'Mail' of errand (instance 1)
    Fri 20 Mar 03:00 + 1 day → Sat 21 Mar 03:00; Sat 21 Mar 03:00 is outside business_hours → Mon 23 Mar 09:00

"""
    )
    [planned] = json.loads(co_op.run("why", "42", "--json").out)["planned"]
    assert (planned["instance_id"], planned["step_id"], planned["at"]) == (1, "mail", "2026-03-23T19:00:00Z")


# -- data ---------------------------------------------------------------------------------------------------------


def test_json_has_the_prediction_the_verdicts_and_the_past(judged: CoOp) -> None:
    document = json.loads(judged.run("why", "42", "--json", at=MONDAY).out)
    assert list(document) == ["family", "prediction", "workflows", "planned", "events"]
    assert document["family"] == {"family_id": "42", "family_name": "Martinez", "status": "enrolled"}
    assert document["prediction"]["confidence_score"] == 75
    assert document["prediction"]["received_at"] == "2026-03-20T13:00:00Z"
    high = document["workflows"][0]
    assert (high["workflow"], high["would_start"], high["reason"]) == (
        "high_risk_intervention",
        False,
        "confidence_score 75 ≤ 80",
    )
    assert high["rules"][1] == {"rule": "confidence_score > 80", "met": False, "found": "confidence_score 75 ≤ 80"}
    assert document["events"][0]["sentence"].startswith("Started 'medium_risk_intervention' version 1")


def test_in_a_pipe_it_is_a_row_for_each_rule(judged: CoOp) -> None:
    rows = list(csv.DictReader(io.StringIO(judged.run("why", "42").out), delimiter="\t"))
    assert rows[1] == {
        "workflow": "high_risk_intervention",
        "version": "1",
        "would_start": "false",
        "rule": "confidence_score > 80",
        "met": "false",
        "found": "confidence_score 75 ≤ 80",
    }


# -- what cannot be asked -----------------------------------------------------------------------------------------


def test_an_unknown_family_is_refused_with_the_name_that_is_most_like_it(judged: CoOp) -> None:
    ran = judged.run("why", "Martines")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no family 'Martines'" in ran.err
    assert "Martinez" in ran.err


def test_several_families_of_a_name_are_listed(judged: CoOp) -> None:
    judged.world.has_family("43", family_name="Martin")
    ran = judged.run("why", "Mart")
    assert (ran.code, ran.out) == (3, "")
    assert "42 (Martinez)" in ran.err
    assert "43 (Martin)" in ran.err


def test_an_unknown_workflow_is_refused(judged: CoOp) -> None:
    ran = judged.run("why", "42", "--workflow", "hi_risk")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no workflow 'hi_risk'" in ran.err
