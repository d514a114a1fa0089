"""The whole story of one instance."""
# ruff: noqa: E501 - screens are as wide as they are

import csv
import io
import json

import pytest

from coopflow.core.people import note, pause, resume
from tests.cli.conftest import CoOp
from tests.render.conftest import Terminal
from tests.stories.test_sample import CRITERIA, SAMPLE

BODY = ("Dear {{ family_name }},", "we think of you.", "Call us.", "We mean it.", "Sarah")
LETTER = {"hello": "\n\n".join(["---\nsubject: How are you?\n---", *BODY])}
WEDNESDAY = "2026-03-25 14:00:00"


@pytest.fixture
def called(co_op: CoOp) -> CoOp:
    """Martinez was written to on Friday, texted on Monday and is to be called on Wednesday."""
    world = co_op.world
    trigger = {"type": "prediction", "conditions": {"field": "predicted_probability", "operator": ">", "value": 0.8}}
    world.has_workflow("outreach", SAMPLE, completion_criteria=CRITERIA, messages=LETTER, trigger=trigger)
    world.has_family("42", family_name="Martinez")
    world.predicts("42", 0.87, 82, number="10042", prediction_window_days=32)
    world.tick("2026-03-20 09:00")
    world.tick("2026-03-23 09:00")
    world.tick("2026-03-25 09:00")
    return co_op


def screen(co_op: CoOp, *arguments: str, at: str = WEDNESDAY) -> str:
    ran = co_op.run("show", "1", "--format", "table", *arguments, at=at)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def test_the_story_begins_with_why_and_ends_with_what_is_ahead(called: CoOp) -> None:
    sent = [row["output_data"] for row in called.world.store.looking.attempts(1) if row["message_id"]]
    assert screen(called) == STORY.format(*(output["reference"] for output in sent))


STORY = """\
Instance: 1
Workflow: outreach v1
Family: Martinez (42)
Why: prediction 10042: predicted_probability 0.87 > 0.8
Started: Fri 20 Mar 09:00 (5 days ago)
Status: running
Deadline: Tue 21 Apr 09:00 (in 27 days): the prediction spoke of 32 days

What happened, and what is ahead if nothing happens

started  Fri 20 Mar 09:00 (5 days ago)  Started 'outreach' version 1 because of prediction 10042: predicted_probability 0.87 > 0.8
sending  Fri 20 Mar 09:00 (5 days ago)  A message is about to leave by email to family42@example.org for 'Send Initial Email'
    To: family42@example.org
    Subject: How are you?
    Dear Martinez,
    we think of you.
    Call us.
    …
sent     Fri 20 Mar 09:00 (5 days ago)  The message of 'Send Initial Email' was accepted (reference {})
waiting  Fri 20 Mar 09:00 (5 days ago)  'Wait for response' waits until Mon 23 Mar 09:00 (2 days ago): waiting for email_response_received
done     Mon 23 Mar 09:00 (2 days ago)  'Wait for response' is done, next is 'Check response'
done     Mon 23 Mar 09:00 (2 days ago)  'Check response' is done, next is 'Sms followup'
sending  Mon 23 Mar 09:00 (2 days ago)  A message is about to leave by sms to +12125550142 for 'Sms followup'
    To: +12125550142
    Hi Martinez, checking in. Can we chat?
sent     Mon 23 Mar 09:00 (2 days ago)  The message of 'Sms followup' was accepted (reference {})
task     Wed 25 Mar 09:00 (1 hour ago)  Task opened: phone call for sarah: High withdrawal risk, no email or SMS response
waiting  later                          Phone call
    waits for the outcome of task 1
    coopflow task done 1 --outcome reached (or voicemail, wrong_number)
    reached → 'Done'; voicemail → again after 1 day, at most 3 times, then a person takes over; wrong_number → a person takes over
planned  later                          Done
    ends with success
"""


def test_the_texts_are_shown_whole_when_they_are_asked_for(called: CoOp) -> None:
    assert "    Call us.\n    …\n" in screen(called)
    assert "    Call us.\n    \n    We mean it.\n    \n    Sarah\n" in screen(called, "--messages")


def test_what_people_did_is_told_with_who_and_why(called: CoOp) -> None:
    world = called.world
    world.does(pause, 1, reason="holiday")
    world.does(note, 1, text="Grandmother is ill.")
    world.does(resume, 1, reason="back")
    [task] = world.tasks("42")
    world.closes(task, "reached", "We had a good talk.")
    out = screen(called)
    for line in (
        "Paused: holiday (sarah)",
        "Note: Grandmother is ill. (by sarah)",
        "Resumed: back (by sarah)",
        f"Task {task.task_id} done: phone call, outcome reached: We had a good talk. (by sarah)",
        "Completed with outcome success: reached 'Done'",
    ):
        assert line in out
    assert "Status: completed on Wed 25 Mar 09:00 (1 hour ago): success: reached 'Done'\n" in out
    assert "What happened\n" in out
    assert "planned" not in out


def test_a_paused_instance_says_why_and_what_would_follow(called: CoOp) -> None:
    called.world.does(pause, 1, reason="holiday")
    out = screen(called)
    assert "Status: paused: holiday (sarah)\n" in out
    assert "waits for the outcome of task 1" in out  # which can be closed all the same


def test_what_came_from_outside_is_part_of_the_story(called: CoOp) -> None:
    called.world.event("email_response_received", family="42", subject="Re: How are you?")
    out = screen(called)
    assert "The family answered by mail (email_response_received), told by test: subject: Re: How are you?\n" in out
    assert "Task withdrawn: phone call: completion criteria met: email_response_received is true\n" in out


def test_a_family_in_another_zone_is_told_apart(co_op: CoOp) -> None:
    co_op.world.has_workflow("outreach", SAMPLE)
    co_op.world.has_family("42", time_zone="America/Denver")
    co_op.world.start("outreach", family="42")
    out = screen(co_op, at="2026-03-20 13:00:00")
    assert "Family's clock: America/Denver\n" in out
    assert "Why: sarah, by hand: started by hand\n" in out
    assert "Deadline" not in out


def test_an_error_is_shown_at_the_top(co_op: CoOp) -> None:
    co_op.world.has_workflow("outreach", SAMPLE[:1] + SAMPLE[3:])
    co_op.world.has_family("42", phone=None, email=None)
    co_op.world.start("outreach", family="42")
    co_op.world.tick()
    out = screen(co_op, at="2026-03-20 13:00:00")
    assert "Last error: 'Sms followup' failed: family 42 has no phone number\n" in out
    assert "coopflow task done 1 --outcome retry (or skip, cancel)\n" in out


def test_on_a_terminal_it_is_one_line_down_and_what_is_too_long_stands_below_what_it_is_about(
    called: CoOp, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = on_a_terminal(called, monkeypatch, "show", "1")
    assert (
        "✓ done     Mon 23 Mar 09:00 (2 days ago)  Wait for response\n"
        "│     'Wait for response' is done, next is 'Check response'\n"
        "✓ done     Mon 23 Mar 09:00 (2 days ago)  Check response\n"
    ) in out
    assert (
        "· task     Wed 25 Mar 09:00 (1 hour ago)  phone call\n"
        "│     Task opened: phone call for sarah: High withdrawal risk, no email or SMS\n"
        "│     response\n"
        "● waiting  later                          Phone call\n"
        "┊     waits for the outcome of task 1\n"
    ) in out


def on_a_terminal(co_op: CoOp, monkeypatch: pytest.MonkeyPatch, *arguments: str, encoding: str = "utf-8") -> str:
    """What a person with eighty columns and no colour sees."""
    terminal = Terminal(encoding)
    for name, value in {"NO_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        assert co_op.run(*arguments, at=WEDNESDAY).code == 0
    return terminal.text


# -- data ---------------------------------------------------------------------------------------------------------


def test_json_has_every_event_with_its_sentence_and_the_words_sent(called: CoOp) -> None:
    document = json.loads(called.run("show", "1", "--json", at=WEDNESDAY).out)
    assert list(document) == ["instance", "events", "step_executions", "tasks", "planned"]
    assert document["instance"]["current_step"] == "phone_call"
    assert document["instance"]["deadline"] == "2026-04-21T13:00:00Z"
    assert document["instance"]["context"]["confidence_score"] == 82
    waiting = next(event for event in document["events"] if event["kind"] == "step.waiting")
    assert waiting["sentence"] == (
        "'Wait for response' waits until 2026-03-23T13:00:00Z: waiting for email_response_received"
    )
    assert document["step_executions"][0]["input_data"]["subject"] == "How are you?"
    assert document["tasks"][0]["task_type"] == "phone_call"
    assert [(step["step_id"], step["at"]) for step in document["planned"]] == [("phone_call", None), ("done", None)]


def test_in_a_pipe_it_is_a_row_for_each_event_and_each_step_ahead(called: CoOp) -> None:
    ran = called.run("show", "1", at=WEDNESDAY)
    rows = list(csv.DictReader(io.StringIO(ran.out), delimiter="\t"))
    assert ran.out.startswith("at\tstate\tplanned\tkind\tactor\twords\tdetail\n")
    assert (rows[0]["at"], rows[0]["kind"], rows[0]["planned"]) == ("2026-03-20T13:00:00Z", "instance.started", "false")
    assert [(row["state"], row["words"]) for row in rows if row["planned"] == "true"] == [
        ("waiting", "Phone call"),
        ("planned", "Done"),
    ]


def test_a_name_that_acts_on_a_terminal_is_spelled_out(co_op: CoOp) -> None:
    co_op.world.has_workflow("outreach", SAMPLE)
    co_op.world.has_family("42", family_name="[red]Sly\x1b[2J")
    co_op.world.start("outreach", family="42", reason="\x1b[2J")
    for chosen in ("table", "tsv", "csv", "jsonl", "json"):
        assert "\x1b" not in co_op.run("show", "1", "--format", chosen).out


# -- what cannot be asked -----------------------------------------------------------------------------------------


def test_an_instance_that_does_not_exist_is_refused_with_a_hint(co_op: CoOp) -> None:
    assert co_op.run("show", "9") == (3, "", "coopflow: there is no instance 9; list them with: coopflow status\n")


def test_a_word_for_an_instance_is_wrong_usage(co_op: CoOp) -> None:
    assert co_op.run("show", "martinez").code == 2
