"""Steps that ask a program elsewhere, on the screens where people look."""

import json

import pytest

from coopflow.core.deliveries import Unknown
from coopflow.sending import Post
from tests.cli.conftest import CoOp

STEPS = [
    {"id": "hook", "type": "http", "url": "https://example.org/hook", "body": {"who": "{{ family_name }}"}},
    {"id": "rest", "type": "wait", "duration": "1 day"},
    {"id": "sheet", "type": "command", "command": "sheet"},
    {"id": "done", "type": "end"},
]


@pytest.fixture
def co(co_op: CoOp) -> CoOp:
    co_op.world.has_family("42", family_name="Martinez")
    co_op.world.has_workflow("outreach", STEPS)
    return co_op


def test_the_agenda_and_a_simulation_tell_of_them(co: CoOp) -> None:
    co.world.start("outreach", family="42")
    rows = json.loads(co.run("agenda", "--json").out)
    assert [(row["what"], row["name"]) for row in rows] == [("request", "Hook"), ("command", "Sheet")]
    assert co.run("simulate", "outreach", "--family", "42").code == 0
    assert co.run("simulate", "outreach", "--family", "42", "--fail", "hook").code == 0


def test_a_rehearsal_asks_nobody(co: CoOp) -> None:
    co.world.start("outreach", family="42")
    assert co.run("tick", "--dry-run").code == 0
    assert not list(co.world.outbox.glob("http/*"))


def test_the_story_and_the_diagram_tell_of_them(co: CoOp) -> None:
    co.world.start("outreach", family="42")
    co.world.tick()
    assert "https://example.org/hook" in co.run("show", "1").out
    diagram = co.run("workflow", "diagram", "outreach").out
    assert "POST to example.org" in diagram
    assert "run sheet" in diagram


def test_they_are_no_messages_to_the_family(co: CoOp) -> None:
    co.world.start("outreach", family="42")
    co.world.tick()
    assert co.world.store.looking.messages("42", limit=10) == []
    assert co.run("status", "--family", "42").code == 0


def test_a_doubt_about_one_is_told_by_its_name(co: CoOp) -> None:
    co.world.engine.post = Post(co.world.wires, max_concurrent=1)
    co.world.wires["http"].answers.append(lambda _: Unknown("no answer"))
    co.world.start("outreach", family="42")
    co.world.tick()
    [row] = json.loads(co.run("doubt", "list", "--json").out)
    assert (row["channel"], row["to"], row["message"]) == ("http", "https://example.org/hook", "Hook")
    assert "the request 'Hook'" in co.run("task", "list").out
