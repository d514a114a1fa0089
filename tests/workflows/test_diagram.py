"""A workflow as a picture, in a terminal and as Mermaid: small, and nothing a file says can break it."""

import re

import pytest

from coopflow.core.workflow import Step
from coopflow.workflows import diagram
from coopflow.workflows.arrows import does
from coopflow.workflows.bundled import bundled_folder
from coopflow.workflows.definition import read_definition
from coopflow.workflows.folder import Known, read_folder
from tests.workflows.test_good_files import EVERYTHING, workflow

SAMPLE = """\
high_risk_intervention v1
starts with a prediction, if predicted_probability > 0.8 and confidence_score > 80
ends at any moment, if email_response_received or sms_response_received or call_reached or family_withdrew

● first_email: Send Initial Email [email concern_outreach]
│   if it fails → sms_followup
│
○ wait_for_response: Wait for an answer [wait 3 days, or until email_response_received]
│
◆ check_response: Has the family answered? [email_response_received]
│   yes → done
│   no → sms_followup
│
● sms_followup: Send a text [text]
│   if it fails → phone_call
│ 2 days later
■ phone_call: Call the family [call for coordinator]
│   reached → done
│   voicemail: again after 1 day, at most 3 times, then → a person decides
│   wrong_number → a person decides
│
● done: Done [end: success]"""

ALL = """\
everything v1
starts with a prediction, if predicted_probability > 0.8 and tenure_months < 12
ends at any moment, if payment_received or not steps.mail.status is defined

● mail: Say hello [email two_tongues_ok] (after approval; only if email is defined)
│   if it fails → text
│
● text: Text [text]
│   if it fails → the end: failed
│
○ wait: Wait [wait 3 days, or until payment_overdue]
│   payment_overdue → ask
│   after 3 days → both
│
◆ ask: Ask [payment_received]
│   yes → done
│   no → both
│
╪ both: Both [2 branches at once, until one has ended]
│   ┌ branch 0
│   │ ■ visit: Visit [task for sarah]
│   │ │
│   │ ○ pause: Pause [wait 7 days, or until payment_received]
│   └
│   ┌ branch 1
│   │ ■ ring: Ring [call for coordinator, due in 2 business days]
│   │ │   reached → after
│   │ │   voicemail: again after 1 day, at most 3 times, then → a person decides
│   │ │   busy: again after 1 hour, once, then → after
│   │ │   wrong → a person decides
│   │ │
│   │ ● after: After [text text_only]
│   └
│
╪ advice: Advice [what the prediction recommends]
│   ┌ recommended: offer_plan
│   │ ■ advice_offer_plan: Advice offer plan [task for coordinator]
│   └
│   ┌ recommended: write
│   │ ● write_them: Write them [text]
│   └
│
● next: Next [start other]
│
○ short: Short [wait 1 hour 30 minutes]
│
■ desk: Desk [task for coordinator, due in 3 days]
│
● done: Done [end: partial_success]"""


def test_the_sample_as_text() -> None:
    sample = read_folder(bundled_folder(), Known()).definitions[0].workflow()

    assert diagram.text(sample) == SAMPLE


def test_every_type_of_step_as_text() -> None:
    assert diagram.text(workflow(EVERYTHING)) == ALL


def test_other_ways_of_starting_are_told() -> None:
    end = "steps: [{id: a, type: end}]\n"

    assert diagram.text(workflow("name: w\ntrigger: {type: manual}\n" + end)).splitlines()[1] == "starts by hand"
    assert diagram.text(workflow("name: w\ntrigger: {type: event, event: fair}\n" + end)).splitlines()[1] == (
        "starts with the event fair"
    )


FAILURES = """\
name: w
trigger: {type: manual}
steps:
  - {id: a, type: sms, message: hi, on_failure: hold}
  - {id: b, type: sms, message: hi, on_failure: continue}
  - {id: c, type: sms, template_id: text_only, on_failure: continue}
"""


def test_what_follows_a_failure_is_told() -> None:
    lines = diagram.text(workflow(FAILURES)).splitlines()

    assert [line.strip("│ ") for line in lines if "fails" in line] == [
        "if it fails → a person decides",
        "if it fails → c",
        "if it fails → the end",
    ]


def test_every_type_of_step_as_mermaid() -> None:
    source = diagram.mermaid(workflow(EVERYTHING))

    assert source.splitlines()[0] == "flowchart TD"
    assert source.count("\n") == len(source.splitlines())
    for line in (
        '  s1 -.->|"if it fails"| s2',
        '  s2 -.->|"if it fails"| s2e1(["the end: failed"])',
        '  s3 -->|"payment_overdue"| s4',
        '  s3 -->|"after 3 days"| s5',
        '  s4 -->|"yes"| s16',
        '  s5 ==>|"branch 0"| s6',
        '  s5 ==>|"branch 1"| s8',
        "  s5 --> s10",
        '  s8 -->|"wrong"| s8e3(["a person decides"])',
        '  s10 ==>|"offer_plan"| s11',
    ):
        assert line in source.splitlines()


def test_what_does_not_lead_on_is_not_joined_to_what_follows() -> None:
    text = """\
name: w
trigger: {type: manual}
steps:
  - {id: a, type: condition, condition: payment_received, if_true_step: c, if_false_step: d}
  - {id: b, type: wait, duration: 1 day}
  - {id: c, type: end}
  - {id: d, type: end, outcome: failed}
"""
    reading = read_definition(text, path="w.yaml", known=Known(), messages={})
    assert reading.definition is not None

    assert diagram.text(reading.definition.workflow()).splitlines()[3:] == [
        "◆ a: A [payment_received]",
        "    yes → c",
        "    no → d",
        "",
        "○ b: B [wait 1 day]",
        "│",
        "● c: C [end: success]",
        "",
        "● d: D [end: failed]",
    ]


def test_join_in_words() -> None:
    branch = "[{{id: {}, type: sms, message: hi}}]"
    branches = ", ".join(branch.format(name) for name in "xyz")
    text = "name: w\ntrigger: {{type: manual}}\nsteps: [{{id: p, type: parallel, join: {}, branches: [{}]}}]\n"

    assert [diagram.text(workflow(text.format(join, branches))).splitlines()[3] for join in ("all", "any", "2")] == [
        "╪ p: P [3 branches at once, until all have ended]",
        "╪ p: P [3 branches at once, until one has ended]",
        "╪ p: P [3 branches at once, until 2 have ended]",
    ]


def test_a_type_of_step_that_no_diagram_knows_is_named() -> None:
    with pytest.raises(TypeError, match=r"^a diagram knows no steps of the type Step$"):
        does(Step(id="a", name="A", number=0, next=None))


def test_a_list_that_simply_stops_leads_to_the_end() -> None:
    assert '  s3 --> s3e0(["the end"])' in diagram.mermaid(workflow(FAILURES)).splitlines()


def test_names_cannot_break_the_drawing() -> None:
    name = """Hello "you" <b>`x`</b> # {|} --> s9; %%{init}%%"""
    text = f"name: w\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: end, name: '{name}'}}]\n"

    (label,) = re.findall(r's1\(\("(.*)"\)\)', diagram.mermaid(workflow(text)))

    assert label == (
        "Hello #34;you#34; #60;b#62;#96;x#96;#60;/b#62; #35; #123;#124;#125; --#62; s9; #37;#37;#123;init#125;#37;#37;"
        "<br/>end: success"
    )


def test_a_name_of_several_lines_is_one_line_in_both() -> None:
    text = 'name: w\ntrigger: {type: manual}\nsteps: [{id: a, type: end, name: "one\\ntwo"}]\n'

    assert "● a: one two [end: success]" in diagram.text(workflow(text))
    assert '"one two<br/>end: success"' in diagram.mermaid(workflow(text))
