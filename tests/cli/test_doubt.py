"""`doubt`: the messages of which nobody knows whether they left."""

import json

import pytest

from coopflow.core.deliveries import Unknown
from coopflow.sending import Post
from tests.cli.conftest import CoOp

STEPS = [
    {"id": "hello", "type": "email", "name": "Say hello", "template_id": "hello"},
    {"id": "rest", "type": "wait", "name": "Wait", "duration": "3 days"},
    {"id": "done", "type": "end"},
]


@pytest.fixture
def co(co_op: CoOp) -> CoOp:
    """The mail of instance 1 is in doubt."""
    world = co_op.world
    world.engine.post = Post(world.wires, max_concurrent=1)
    world.has_family("42", family_name="Martinez")
    world.has_workflow("outreach", STEPS)
    world.start("outreach", family="42")
    world.wires["email"].answers.append(lambda _: Unknown("timed out after the dot"))
    world.tick()
    return co_op


def test_the_list_tells_all_that_is_needed_to_find_out(co: CoOp) -> None:
    ran = co.run("doubt", "list", "--json")
    [row] = json.loads(ran.out)
    message_id = row.pop("message_id")
    assert message_id.startswith("<")
    assert message_id.endswith("@example.org>")
    assert row == {
        "instance_id": 1,
        "task_id": 1,
        "family_id": "42",
        "family_name": "Martinez",
        "channel": "email",
        "to": "family42@example.org",
        "message": "Hello",
        "handed_over_at": "2026-03-20T13:00:00Z",
        "reply": "timed out after the dot",
    }
    assert ran.err == "Once you know: coopflow doubt resolve INSTANCE --sent, or --not-sent and it goes out again.\n"


def test_without_a_doubt_the_list_says_so(co_op: CoOp) -> None:
    ran = co_op.run("doubt", "list", "--format", "table")
    assert (ran.out, ran.err) == ("No message is in doubt.\n", "")


def test_a_message_that_left_is_not_sent_again(co: CoOp) -> None:
    ran = co.run("doubt", "resolve", "1", "--sent", "--note", "it is in the mail server's log")
    assert (ran.code, ran.err) == (
        0,
        "The message of 1 (Martinez, outreach) left."
        " Next: the end of the wait 'Wait' on Mon 23 Mar 09:00 (in 3 days).\n",
    )
    co.world.tick()
    assert co.world.wires["email"].taken == []
    assert co.world.attempts(1) == [("hello", "completed"), ("rest", "running")]


def test_a_message_that_did_not_leave_goes_out_with_the_next_tick(co: CoOp) -> None:
    ran = co.run("doubt", "resolve", "1", "--not-sent")
    assert ran.err == (
        "The message of 1 (Martinez, outreach) did not leave. Next: email 'Say hello' with the next tick.\n"
    )
    co.world.tick()
    assert len(co.world.wires["email"].taken) == 1


def test_the_second_to_settle_it_is_told_what_the_first_said(co: CoOp) -> None:
    co.run("doubt", "resolve", "1", "--sent")
    ran = co.run("doubt", "resolve", "1", "--not-sent")
    assert (ran.code, ran.err) == (3, "coopflow: sarah has settled the doubt of instance 1 already: it was sent\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["1"], 2, "say what became of it: --sent or --not-sent"),
        (["99", "--sent"], 3, "there is neither an instance nor a task 99"),
    ],
)
def test_what_makes_no_sense_is_said(co: CoOp, arguments: list[str], code: int, words: str) -> None:
    ran = co.run("doubt", "resolve", *arguments)
    assert (ran.code, words in ran.err) == (code, True)


def test_an_instance_with_a_doubt_is_not_resumed_but_the_way_out_is_named(co: CoOp) -> None:
    ran = co.run("resume", "1")
    assert (ran.code, ran.err) == (
        3,
        "coopflow: a message of instance 1 is in doubt; say first what became of it:"
        " coopflow doubt resolve 1 --sent (or --not-sent)\n",
    )


@pytest.mark.parametrize("command", ["list", "resolve", "verify"])
def test_the_help_shows_an_example(co: CoOp, command: str) -> None:
    assert f"coopflow doubt {command}" in " ".join(co.run("doubt", command, "--help").out.split())
