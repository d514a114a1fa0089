"""What a file says comes through: into one canonical form, and from there into core values."""

import json
from typing import Any

import pytest

from coopflow.core.conditions import AllOf, AnyOf, Compare, Operator
from coopflow.core.durations import Duration
from coopflow.core.reading import read_workflow
from coopflow.core.retry import RetryPolicy
from coopflow.core.states import Outcome
from coopflow.core.workflow import (
    CallStep,
    ConditionStep,
    EmailStep,
    EndStep,
    EscalationLevel,
    OnFailure,
    ParallelStep,
    RecommendedStep,
    SmsStep,
    StartStep,
    TaskOutcome,
    TaskStep,
    Trigger,
    WaitStep,
    Workflow,
)
from coopflow.workflows.definition import Definition, read_definition
from tests.workflows.corpus import HEAD, KNOWN, MESSAGES

EVERYTHING = """\
name: everything
description: Every key once
priority: 9
max_concurrent_instances: 2
trigger:
  type: prediction
  conditions: predicted_probability > 0.8 and tenure_months < 12
  group: risk
  cooldown: 30 days
timing: {window: evenings}
retry: {max_retries: 5, initial_delay: 10 minutes, backoff_multiplier: 1.5, max_delay: 6 hours}
completion_criteria: {any: [payment_received, {not: {field: steps.mail.status, operator: exists}}]}
escalation:
  on_failure: continue
  levels: [{after: 2 days, assign: sarah}, {after: 1 week, assign: director}]
steps:
  - id: mail
    name: Say hello
    type: email
    template_id: two_tongues_ok
    template_vars: {tone: warm, times: 2, kind: true}
    delay_days: 1
    window: business_hours
    urgent: true
    retry: {max_retries: 0}
    on_failure: text
    only_if: email is defined
    approval: true
    stale_after: 36 hours
    timeout: 2 business days
  - id: text
    type: sms
    message: "Hi {{ family_name }}"
    scheduled_time: 2026-09-01T09:00
    on_failure: fail
  - id: wait
    type: wait
    duration_days: 3
    until: {event: payment_overdue}
    on_timeout: both
  - id: ask
    type: condition
    condition: {field: payment_received, operator: "==", value: true}
    if_true_step: 9
    if_false_step: both
  - id: both
    type: parallel
    join: 1
    branches:
      desk:
        - id: visit
          type: task
          task_type: home_visit
          reason: Visit them
          due_date: 2026-09-01
          assign: sarah
          priority: low
        - {id: pause, type: wait, timeout: P1W, until: {event: payment_received}}
      phone:
        - id: ring
          type: call
          reason: Nobody answers
          due_date: 2 business days
          outcomes:
            reached: after
            voicemail: {retry_in: 1 day, max: 3, then: escalate}
            busy: {retry_in: 1 hour, then: after}
            wrong: escalate
        - {id: after, type: sms, template_id: text_only}
  - id: advice
    type: recommended
    actions:
      offer_plan: {type: task, description: Offer a plan}
      write: {id: write_them, type: sms, message: hi}
  - {id: next, type: start, workflow: other}
  - {id: short, type: wait, duration: 90 minutes}
  - {id: desk, type: task, description: Look again, due: 3 days}
  - {id: done, type: end, outcome: partial_success, notes: That was it}
"""
TEXTS = {
    **MESSAGES,
    "two_tongues_ok": {"": "---\nsubject: Hi\n---\nHi.\n", "es": "---\nsubject: Hola\n---\nHola.\n"},
    "text_only": {"": "Hi.\n"},
}


def definition(text: str) -> Definition:
    reading = read_definition(text, path="w.yaml", known=KNOWN, messages=TEXTS)
    assert reading.problems == ()
    assert reading.definition is not None
    return reading.definition


def workflow(text: str) -> Workflow:
    return definition(text).workflow()


def step(yaml: str) -> Any:
    return workflow(f"{HEAD}- {{id: a, {yaml}}}\n").steps["a"]


def test_the_top_of_a_file_comes_through() -> None:
    read = definition(EVERYTHING).workflow(template_id=7, version=3)

    assert (read.template_id, read.version, read.name, read.description) == (7, 3, "everything", "Every key once")
    assert (read.priority, read.max_concurrent_instances, read.active, read.window) == (9, 2, True, "evenings")
    assert read.trigger == Trigger(
        type="prediction",
        conditions=AllOf(
            (
                Compare("predicted_probability", Operator.GREATER, 0.8),
                Compare("tenure_months", Operator.LESS, 12),
            )
        ),
        group="risk",
        cooldown=Duration(days=30),
    )
    assert read.retry == RetryPolicy(
        max_retries=5, initial_delay=Duration(seconds=600), backoff_multiplier=1.5, max_delay=Duration(seconds=21_600)
    )
    assert isinstance(read.completion_criteria, AnyOf)
    assert read.on_failure == OnFailure("continue")
    assert read.escalation == (
        EscalationLevel(Duration(days=2), "sarah"),
        EscalationLevel(Duration(days=7), "director"),
    )


def test_every_key_of_a_step_comes_through() -> None:
    assert workflow(EVERYTHING).steps["mail"] == EmailStep(
        id="mail",
        name="Say hello",
        number=0,
        next="text",
        delay=Duration(days=1),
        window="business_hours",
        urgent=True,
        retry=RetryPolicy(
            max_retries=0,
            initial_delay=Duration(seconds=600),
            backoff_multiplier=1.5,
            max_delay=Duration(seconds=21_600),
        ),
        on_failure=OnFailure("goto", "text"),
        only_if=Compare("email", Operator.EXISTS, True),
        approval=True,
        stale_after=Duration(seconds=36 * 3600),
        timeout=Duration(business_days=2),
        template_id="two_tongues_ok",
        template_vars={"tone": "warm", "times": 2, "kind": True},
    )


def test_every_type_of_step_comes_through() -> None:
    steps = workflow(EVERYTHING).steps

    assert steps["text"] == SmsStep(
        id="text",
        name="Text",
        number=1,
        next="wait",
        scheduled_time="2026-09-01T09:00",
        on_failure=OnFailure("fail"),
        message="Hi {{ family_name }}",
    )
    assert steps["wait"] == WaitStep(
        id="wait",
        name="Wait",
        number=2,
        next="ask",
        duration=Duration(days=3),
        until_event="payment_overdue",
        on_timeout="both",
    )
    assert steps["ask"] == ConditionStep(
        id="ask",
        name="Ask",
        number=3,
        next="both",
        condition=Compare("payment_received", Operator.EQUAL, True),
        if_true="done",
        if_false="both",
    )
    assert steps["next"] == StartStep(id="next", name="Next", number=6, next="short", workflow="other")
    assert steps["short"] == WaitStep(id="short", name="Short", number=7, next="desk", duration=Duration(seconds=5400))
    assert steps["desk"] == TaskStep(
        id="desk",
        name="Desk",
        number=8,
        next="done",
        task_type="follow_up",
        description="Look again",
        due=Duration(days=3),
    )
    assert steps["done"] == EndStep(
        id="done", name="Done", number=9, next=None, outcome=Outcome.PARTIAL_SUCCESS, notes="That was it"
    )


def test_branches_come_through_with_their_steps() -> None:
    read = workflow(EVERYTHING)

    assert read.first == "mail"
    assert read.steps["both"] == ParallelStep(
        id="both", name="Both", number=4, next="advice", branches=("visit", "ring"), join=1
    )
    assert read.steps["visit"] == TaskStep(
        id="visit",
        name="Visit",
        number=0,
        next="pause",
        parent="both",
        branch=0,
        task_type="home_visit",
        description="Visit them",
        due_date="2026-09-01",
        priority="low",
        assign="sarah",
    )
    assert read.steps["pause"] == WaitStep(
        id="pause",
        name="Pause",
        number=1,
        next=None,
        parent="both",
        branch=0,
        timeout=Duration(days=7),
        until_event="payment_received",
    )
    assert read.steps["ring"] == CallStep(
        id="ring",
        name="Ring",
        number=0,
        next="after",
        parent="both",
        branch=1,
        task_type="phone_call",
        description="Nobody answers",
        due=Duration(business_days=2),
        priority="high",
        outcomes={
            "reached": TaskOutcome(goto="after"),
            "voicemail": TaskOutcome(retry_in=Duration(days=1), max=3),
            "busy": TaskOutcome(retry_in=Duration(seconds=3600), then="after"),
            "wrong": TaskOutcome(),
        },
    )


def test_recommended_actions_become_steps_with_ids_of_their_own() -> None:
    steps = workflow(EVERYTHING).steps

    assert steps["advice"] == RecommendedStep(
        id="advice",
        name="Advice",
        number=5,
        next="next",
        actions={"offer_plan": "advice_offer_plan", "write": "write_them"},
    )
    assert steps["advice_offer_plan"] == TaskStep(
        id="advice_offer_plan",
        name="Advice offer plan",
        number=0,
        next=None,
        parent="advice",
        task_type="follow_up",
        description="Offer a plan",
    )
    assert steps["write_them"] == SmsStep(
        id="write_them", name="Write them", number=0, next=None, parent="advice", branch=1, message="hi"
    )


def test_the_order_of_the_file_is_kept() -> None:
    assert list(workflow(EVERYTHING).steps) == [
        *("mail", "text", "wait", "ask", "both", "visit", "pause", "ring", "after"),
        *("advice", "advice_offer_plan", "write_them", "next", "short", "desk", "done"),
    ]


def test_only_the_messages_that_are_used_are_kept_in_all_their_languages() -> None:
    assert definition(EVERYTHING).messages == {
        "text_only": {"": "Hi.\n"},
        "two_tongues_ok": TEXTS["two_tongues_ok"],
    }


def test_a_short_file_has_the_defaults() -> None:
    read = workflow("name: w\ntrigger: {type: manual}\nsteps: [{id: a, type: end}]\n")

    assert (read.priority, read.max_concurrent_instances, read.active, read.window) == (5, 1, True, "business_hours")
    assert (read.retry, read.on_failure, read.escalation) == (RetryPolicy(), OnFailure("hold"), ())
    assert (read.completion_criteria, read.description, read.trigger) == (None, "", Trigger(type="manual"))


def test_a_file_that_is_not_enabled_is_read_but_not_active() -> None:
    assert not definition("name: w\nenabled: false\ntrigger: {type: manual}\nsteps: [{id: a, type: end}]\n").active


def test_branches_without_a_word_about_join_wait_for_all() -> None:
    both = "type: parallel, branches: [[{id: b, type: sms, message: hi}], [{id: c, type: sms, message: hi}]]"

    assert [step(more).join for more in (both, f"{both}, join: all", f"{both}, join: any", f"{both}, join: 2")] == [
        2,
        2,
        1,
        2,
    ]


def test_a_type_of_step_that_nobody_knows_is_named() -> None:
    data = {"name": "w", "trigger": {"type": "manual"}, "steps": [{"id": "a", "type": "dance"}]}

    with pytest.raises(ValueError, match=r"^step 'a': there is no step type 'dance'$"):
        read_workflow(data, {}, template_id=1, version=1, active=True)


# -- one form for everything that means the same ------------------------------------------------------------------


def test_what_is_stored_as_json_reads_back_the_same() -> None:
    found = definition(EVERYTHING)
    stored = json.loads(json.dumps(found.data, sort_keys=True))

    again = read_workflow(stored, found.messages, template_id=1, version=1, active=True)

    assert again == found.workflow(template_id=1)


def test_canonical_data_is_a_workflow_file_that_means_the_same() -> None:
    found = definition(EVERYTHING)

    again = definition(json.dumps(found.data))

    assert (again.data, again.source_hash) == (found.data, found.source_hash)


SAME = {
    "quotes": ("type: end", 'type: "end"'),
    "an explicit default": ("type: end", "type: end, outcome: success, urgent: false, delay_days: 0"),
    "another spelling of a duration": ("type: wait, duration: 1 week", "type: wait, duration: P7D"),
    "days": ("type: wait, duration_days: 3", "type: wait, duration: 3 days"),
    "one day": ("type: wait, duration_days: 1", "type: wait, duration: 1 day"),
    "a delay in days": ("type: end, delay_days: 2", "type: end, delay: 2d"),
    "due and due_date": (
        "type: task, description: x, due_date: 3 days",
        "type: task, description: x, due: 3 days",
    ),
    "reason and description": ("type: task, reason: x", "type: task, description: x"),
    "a condition as text": (
        "type: end, only_if: payment_received and confidence_score > 80",
        "type: end, only_if: {all: [{field: payment_received, operator: ==, value: true},"
        ' {field: confidence_score, operator: ">", value: 80}]}',
    ),
    "named branches": (
        "type: parallel, branches: [[{id: b, type: sms, message: x}], [{id: c, type: sms, message: x}]]",
        "type: parallel, branches: {one: [{id: b, type: sms, message: x}], two: [{id: c, type: sms, message: x}]}",
    ),
    "an action with the id it would get": (
        "type: recommended, actions: {x: {type: sms, message: x}}",
        "type: recommended, actions: {x: {id: a_x, type: sms, message: x}}",
    ),
    "what follows retries by default": (
        "type: task, description: x, outcomes: {x: {retry_in: 1 day}}",
        "type: task, description: x, outcomes: {x: {retry_in: 1 day, max: 1, then: escalate}}",
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_what_means_the_same_is_the_same_version(one: str, other: str) -> None:
    first, second = (definition(f"{HEAD}- {{id: a, {text}}}\n") for text in (one, other))

    assert first.data == second.data
    assert first.source_hash == second.source_hash


def test_comments_and_layout_mean_nothing() -> None:
    one = definition(f"{HEAD}- {{id: a, type: end}}\n")
    other = definition(f"# mine\n{HEAD}\n\n  - id: a   # the only one\n    type: end\n")

    assert one.source_hash == other.source_hash


def test_the_order_of_keys_means_nothing() -> None:
    one = definition("name: w\ntrigger: {type: manual}\nsteps: [{id: a, type: end}]\n")
    other = definition("steps: [{type: end, id: a}]\ntrigger: {type: manual}\nname: w\n")

    assert one.source_hash == other.source_hash


def test_jumps_by_number_and_by_id_mean_the_same() -> None:
    text = "- {{id: a, type: condition, condition: payment_received, if_true_step: {}}}\n- {{id: b, type: end}}\n"

    assert definition(HEAD + text.format(1)).data == definition(HEAD + text.format("b")).data


CHANGES = {
    "a word in a text": ("message: hi", "message: ho"),
    "a name": ("id: a,", "id: a, name: First,"),
    "a delay": ("id: a,", "id: a, delay: 1 day,"),
    "whether it is enabled": ("name: w", "name: w\nenabled: false"),
    "the priority": ("name: w", "name: w\npriority: 6"),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_what_means_something_else_is_another_version(before: str, after: str) -> None:
    text = f"{HEAD}- {{id: a, type: sms, message: hi}}\n"

    assert definition(text).source_hash != definition(text.replace(before, after)).source_hash


def test_a_word_in_a_message_template_makes_another_version() -> None:
    text = f"{HEAD}- {{id: a, type: email, template_id: hello}}\n"
    edited = {"hello": {"": MESSAGES["hello"][""].replace("Dear", "Dearest")}}

    found = read_definition(text, path="w.yaml", known=KNOWN, messages=edited).definition

    assert found is not None
    assert found.source_hash != definition(text).source_hash


LOOPS = {
    "with a wait": "- {id: a, type: wait, duration: 1 day}",
    "with a delay": "- {id: a, type: sms, message: hi, delay: 1 hour}",
    "with delay_days": "- {id: a, type: sms, message: hi, delay_days: 1}",
    "with a task that somebody closes": "- {id: a, type: call, reason: x, outcomes: {reached: b}}",
    "with an approval": "- {id: a, type: sms, message: hi, approval: true}",
    "with a pause in every branch": "- id: a\n  type: parallel\n  join: any\n  branches:\n"
    "    - [{id: x, type: wait, duration: 1 day}]\n    - [{id: y, type: sms, message: hi, delay: 1 day}]",
    "with a pause in a branch after two ways": "- id: a\n  type: parallel\n  join: any\n  branches:\n"
    "    - - {id: x, type: condition, condition: payment_received, if_true_step: y}\n"
    "      - {id: y, type: wait, duration: 1 day}\n"
    "    - [{id: z, type: sms, message: hi, delay: 1 day}]",
    "with a pause in a branch that is waited for": "- id: a\n  type: parallel\n  branches:\n"
    "    - [{id: x, type: wait, duration: 1 day}]\n    - [{id: y, type: sms, message: hi}]",
}


@pytest.mark.parametrize("pause", LOOPS.values(), ids=LOOPS.keys())
def test_a_circle_with_a_pause_is_fine(pause: str) -> None:
    definition(f"{HEAD}{pause}\n- {{id: b, type: condition, condition: payment_received, if_false_step: a}}\n")


FIELDS = {
    "a column of the family": "family_name == 'x'",
    "the same with its head": "family.status == 'enrolled'",
    "an imported column": "tenure_months > 3",
    "an imported column that is not declared": "attributes.colour == 'red' or family.colour == 'red'",
    "a part of an imported column": "tenure_months.first > 3",
    "a prediction": "predicted_probability > 0.8 and prediction.model == 'v2'",
    "an event that coopflow knows": "email_response_received",
    "an event of the co-op's own": "payment_overdue",
    "an output of a step": "steps.a.status == 'accepted'",
    "what started it": "trigger.anything == 1",
    "a list of texts": "status in ['enrolled', 'new']",
}


@pytest.mark.parametrize("line", FIELDS.values(), ids=FIELDS.keys())
def test_a_condition_may_ask_about(line: str) -> None:
    assert step(f'type: end, only_if: "{line}"').only_if is not None


def test_the_event_that_starts_a_workflow_is_known_in_it() -> None:
    head = "name: w\ntrigger: {type: event, event: fair_held, conditions: event.visitors > 3}\n"
    steps = "steps: [{id: a, type: wait, duration: 1 day, until: {event: fair_held}, only_if: fair_held}]\n"

    assert workflow(head + steps).trigger.event == "fair_held"
