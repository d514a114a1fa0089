"""What kind a message is, what its languages have in common, and what no text may say."""

from typing import Any

import pytest

from coopflow.core.facts import INTERNAL_FIELDS
from coopflow.core.workflow import EmailStep, SmsStep
from coopflow.workflows.definition import FileReading, read_definition
from coopflow.workflows.known import Known
from tests.workflows.corpus import HEAD, KNOWN

HELLO = "---\nsubject: Hello\n---\nDear {{ family_name }}.\n"
BILL = "---\nsubject: Your bill\nkind: transactional\n---\nDear {{ family_name }}.\n"


def read(step: str, known: Known = KNOWN, **messages: Any) -> FileReading:
    texts = {name: {"": text} if isinstance(text, str) else text for name, text in messages.items()}
    return read_definition(f"{HEAD}- {{id: a, {step}}}\n", path="w.yaml", known=known, messages=texts)


def kind(step: str, **messages: Any) -> str:
    found = read(step, **messages).definition
    assert found is not None
    a = found.workflow().steps["a"]
    assert isinstance(a, EmailStep | SmsStep)
    return a.kind


@pytest.mark.parametrize(
    ("said", "template", "kept"),
    [
        ("", HELLO, "outreach"),
        ("", BILL, "transactional"),
        (", kind: transactional", HELLO, "transactional"),
        (", kind: outreach", BILL, "outreach"),
        ("", {"": BILL, "es": BILL}, "transactional"),
        ("", {"": BILL, "es": HELLO}, "outreach"),
    ],
)
def test_a_step_says_its_kind_else_its_template_does(said: str, template: Any, kept: str) -> None:
    assert kind(f"type: email, template_id: t{said}", t=template) == kept


def test_a_text_of_its_own_is_outreach_unless_the_step_says_otherwise() -> None:
    assert kind("type: sms, message: Hi") == "outreach"
    assert kind("type: sms, message: Hi, kind: transactional") == "transactional"


def test_the_usual_kind_changes_no_fingerprint() -> None:
    plain, said = (read(f"type: sms, message: Hi{more}").definition for more in ("", ", kind: outreach"))
    assert plain is not None
    assert said is not None
    assert plain.source_hash == said.source_hash


def test_another_kind_is_an_error_with_what_is_possible() -> None:
    [problem] = read("type: sms, message: Hi, kind: marketing").problems
    assert str(problem).endswith("kind: expected 'outreach' or 'transactional', found the text 'marketing'")


def said(default: str, spanish: str) -> list[str]:
    reading = read("type: email, template_id: t", t={"": default, "es": spanish})
    return [str(problem) for problem in reading.problems]


def test_a_language_that_uses_other_names_gives_a_warning() -> None:
    spanish = "---\nsubject: Hola\n---\nHola {{ coordinator_name }}, {{ organisation }}.\n"
    assert said(HELLO, spanish) == [
        "messages/t.es.md:1:1: warning: it does not use 'family_name', which t.md does",
        "messages/t.es.md:1:1: warning: it uses 'coordinator_name' and 'organisation', which t.md does not",
    ]


def test_a_language_of_another_kind_gives_a_warning() -> None:
    assert said(BILL, HELLO) == [
        "messages/t.es.md:1:1: warning: it is outreach, and t.md is transactional: both count as outreach"
    ]


def test_a_language_with_the_same_names_is_fine_and_a_broken_one_is_told_once() -> None:
    assert said(HELLO, "---\nsubject: Hola\n---\nHola {{ family_name }}.\n") == []
    assert len(said(HELLO, "---\nsubject: Hola\n---\nHola {{ nombre }}.\n")) == 1
    assert len(said("---\nsubject: Hello\n---\n{{ broken }.\n", HELLO)) == 1


def test_d14_outreach_by_mail_is_warned_of_while_the_configuration_lacks_what_the_law_asks() -> None:
    bare = Known(no_outreach="there is no postal_address")
    [problem] = read("type: email, template_id: t", bare, t=HELLO).problems
    assert str(problem) == ("w.yaml:4:17: warning: steps[0] 'a' type: this is outreach, and there is no postal_address")
    assert read("type: email, template_id: t", bare, t=BILL).problems == ()
    assert read("type: email, template_id: t, kind: transactional", bare, t=HELLO).problems == ()
    assert read("type: sms, message: Hi", bare).problems == ()


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ('type: sms, message: "Hi {{ familyname }}"', "w.yaml:4:"),
        ("type: email, template_id: body", "messages/body.md:4:1"),
        ("type: email, template_id: subject", "messages/subject.md:2:1"),
    ],
)
def test_y18_a_variable_that_nothing_provides_is_found_before_any_family_reads_it(step: str, place: str) -> None:
    reading = read(
        step,
        body="---\nsubject: Hello\n---\nDear {{ familyname }}.\n",
        subject="---\nsubject: Hello {{ familyname }}\n---\nDear all.\n",
    )
    assert reading.definition is None
    [problem] = reading.problems
    assert str(problem).startswith(place)
    assert "there is no 'familyname' for this message (did you mean 'family_name'?)" in str(problem)


@pytest.mark.parametrize("name", sorted(INTERNAL_FIELDS))
@pytest.mark.parametrize(
    "way", ["{{ NAME }}", "{{ prediction.NAME }}", "{% if NAME %}x{% endif %}", "{{ NAME|round }}"]
)
def test_y29_what_only_the_co_op_may_see_is_refused_in_every_text_at_load(name: str, way: str) -> None:
    text = way.replace("NAME", name)
    mail = f"---\nsubject: Hello\n---\nDear all, {text}.\n"
    for reading in (read("type: email, template_id: t", t=mail), read(f"type: sms, message: 'Hi {text}'")):
        assert reading.definition is None
        assert "is only for the co-op to see" in str(reading.problems[0])


def test_y29_a_step_cannot_bring_it_in_by_a_value_of_its_own() -> None:
    reading = read("type: email, template_id: t, template_vars: {withdrawal_risk: 3}", t=HELLO)
    assert "'withdrawal_risk' is only for the co-op to see" in str(reading.problems[0])
