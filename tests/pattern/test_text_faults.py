"""Faults 12 to 19 of the pattern's own code, on conditions, context and texts: none is possible here."""

import pytest
from msgspec.structs import replace

from coopflow.composing import words as composed
from coopflow.core.facts import Facts
from coopflow.core.model import Family
from coopflow.core.rules import holds
from coopflow.texts.conditions import parse_condition
from coopflow.texts.messages import RenderError, render_text
from tests.pattern.parts import (
    END,
    HIGH,
    MAIL,
    REPLIED,
    TEXT,
    fork,
    has_bundled_workflows,
    opened,
    refusals,
    task,
    wait,
)
from tests.world import World

FAMILY = Family(family_id="42", family_name="Martinez", attributes={"tenure_months": 5, "kind": "1"})


@pytest.fixture
def co(coop: World) -> World:
    coop.has_family("42", family_name="Martinez")
    return coop


def test_12_a_reply_is_seen_by_a_condition_and_none_is_false_and_not_unknown(co: World) -> None:
    co.has_workflow("w", [wait(), fork(REPLIED, "yes", "no"), task("yes"), END, task("no")])
    co.has_family("7")
    co.start("w", family="42")
    co.start("w", family="7")
    co.tick()
    co.event("email_response_received", family="42")
    co.ticks_until("2026-03-23 09:00")
    assert (opened(co, "42"), opened(co, "7")) == (["yes"], ["no"])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("tenure_months == 5", True),
        ("kind == 1", False),
        ("kind != 1", False),
        ("tenure_months != 4", True),
        ("tenure_months in [4, 5]", True),
        ("email != 'x'", False),
        ("tenure_months == '5'", False),
        ("tenure_months > 4 and not (kind == '2')", True),
        ("tenure_months > 9 or kind == '1'", True),
    ],
)
def test_13_comparisons_are_strict_and_complete(condition: str, expected: bool) -> None:
    assert holds(parse_condition(condition), Facts(family=FAMILY)) is expected


@pytest.mark.parametrize(
    "condition", ["{field: famly_name, operator: '==', value: x}", "{field: email, operator: '~', value: x}"]
)
def test_13_an_unknown_field_or_operator_is_refused_at_load(condition: str) -> None:
    steps = f"- {{id: a, type: condition, condition: {condition}, if_true_step: b, if_false_step: c}}\n"
    assert len(refusals(f"{steps}- {{id: b, type: task, description: x}}\n- {{id: c, type: end}}")) == 1


def test_14_the_familys_name_and_not_a_placeholder_is_sent(co: World) -> None:
    has_bundled_workflows(co)
    co.start(HIGH, family="42")
    co.tick()
    co.ticks_until("2026-03-23 09:00")
    [mail], [text] = co.mails(), co.texts()
    assert "Martinez" in mail.get_body(("plain",)).get_content()
    assert text["text"].startswith("Hi Martinez family, this is sarah.")
    assert "{{" not in mail.as_string() + text["text"]


@pytest.mark.parametrize(("value", "words"), [(0, "0"), (1.5, "1.5"), ("{{ x }}", "{{ x }}"), ("<b>", "<b>")])
def test_15_a_value_is_written_as_it_is_zero_and_dotted_names_included(value: object, words: str) -> None:
    assert render_text("You owe {{ family.owed }}.", {"family": {"owed": value}}) == f"You owe {words}."


@pytest.mark.parametrize("context", [{}, {"owed": ""}, {"owed": None}, {"owed": False}])
def test_15_a_value_that_is_not_there_leaves_no_placeholder_but_an_error(context: dict[str, object]) -> None:
    with pytest.raises(RenderError, match="owed"):
        render_text("You owe {{ owed }}.", context)


def test_16_the_coordinator_is_the_coops_own_and_variables_are_filled_in(co: World) -> None:
    words = "---\nsubject: Hello\n---\nDear {{ family_name }}, {{ coordinator_name }} is {{ tone }}."
    co.has_workflow("w", [{**MAIL, "template_vars": {"tone": "glad"}}, END], messages={"hello": words})
    coop = replace(co.coop, coordinators={"mike": {"name": "Mike"}})
    case = co.case(co.start("w", family="42"))
    subject, text, _ = composed(replace(case, coop=coop), case.step(case.entries["main"]))
    assert (subject, text.strip()) == ("Hello", "Dear Martinez, Mike is glad.")


@pytest.mark.parametrize(
    ("step", "missing", "said"), [(MAIL, "email", "no email address"), (TEXT, "phone", "no phone number")]
)
def test_17_a_missing_address_goes_to_a_person_and_is_not_tried_again(
    co: World, step: dict[str, object], missing: str, said: str
) -> None:
    co.changes_family("42", **{missing: None})
    co.has_workflow("w", [step, END])
    instance = co.start("w", family="42")
    co.tick()
    [found] = co.tasks("42")
    assert (co.status(instance), said in found.description, len(co.attempts(instance))) == ("paused", True, 1)


def test_17_an_unknown_family_is_a_reason_and_no_error(co: World) -> None:
    [result] = co.predicts("99", 0.9, 90)
    assert (result.answer, result.reason) == ("rejected", "there is no family '99'")


def test_18_the_latest_score_counts_and_what_was_sent_is_kept_with_the_step(co: World) -> None:
    for score in (10.0, 90.0):
        co.now = co.now.replace(minute=int(score) // 10)
        co.has_family("42", family_name="Martinez", engagement_score=score)
    high = {"field": "engagement_score", "operator": ">", "value": 50}
    co.has_workflow("w", [fork(high, "mail", "no"), MAIL, END, task("no")])
    instance = co.start("w", family="42")
    co.tick()
    co.changes_family("42", family_name="Smith", email="new@example.org")
    [sent] = [row for row in co.store.looking.attempts(instance) if row["step_id"] == "mail"]
    kept = sent["input_data"]
    assert kept["to"] == "family42@example.org"
    assert "Martinez" in kept["text"]


@pytest.mark.parametrize("columns", [{"status": "withdrawn"}, {"consent": {"email": {"allowed": False}}}])
def test_19_who_has_left_or_opted_out_meanwhile_gets_nothing(co: World, columns: dict[str, object]) -> None:
    co.has_workflow("w", [{**MAIL, "delay": "3 hours"}, END])
    instance = co.start("w", family="42")
    co.changes_family("42", **columns)
    co.ticks_until("2026-03-20 13:00")
    assert co.mails() == []
    assert co.status(instance) == ("cancelled" if "status" in columns else "completed")
