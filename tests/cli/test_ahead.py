"""`coopflow agenda` and `coopflow simulate`: what will be done, and what would be; nothing is written."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CoOp

STEPS = [
    {"id": "mail", "type": "email", "template_id": "hello", "name": "First email"},
    {"id": "pause", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}},
    {"id": "text", "type": "sms", "message": "Hi {{ family_name }}", "name": "A text"},
    {"id": "call", "type": "call", "reason": "No answer", "outcomes": {"reached": "end"}, "delay": "1 day"},
    {"id": "end", "type": "end"},
]
FILE = """\
name: outreach
trigger: {type: manual}
steps:
- {id: text, type: sms, message: "Hi {{ family_name }}", delay: 2 days}
- {id: call, type: call, reason: No answer, outcomes: {reached: end, no_answer: end}}
- {id: end, type: end}
"""


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    co_op.world.has_workflow("high_risk", STEPS)
    co_op.world.has_family("42", family_name="Martinez")
    co_op.world.has_family("7", family_name="Garcia", time_zone="Pacific/Honolulu")
    return co_op


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("coopflow.db")}


# -- agenda -------------------------------------------------------------------------------------------------------


def test_the_agenda_lists_what_will_be_done_with_the_rules_that_moved_it(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    school.world.start("high_risk", family="7")
    before = bytes_of(school.folder)
    ran = school.run("agenda", "--days", "4")
    assert ran.err == (
        "This assumes that every message is accepted and nobody answers; an answer changes what follows.\n"
        "Times in the reasons are those of each family's own clock.\n"
    )
    header, *lines = [line.split("\t") for line in ran.out.splitlines()]
    assert header == ["at", "what", "name", "family_id", "family_name", "workflow", "instance_id", "reason"]
    assert [line[:5] for line in lines] == [
        ["2026-03-20T13:00:00Z", "email", "First email", "42", "Martinez"],
        ["2026-03-20T19:00:00Z", "email", "First email", "7", "Garcia"],
        ["2026-03-23T13:00:00Z", "text", "A text", "42", "Martinez"],
        ["2026-03-23T19:00:00Z", "text", "A text", "7", "Garcia"],
        ["2026-03-24T13:00:00Z", "call", "Call", "42", "Martinez"],
    ]
    assert lines[1][7] == "Fri 20 Mar 03:00 is outside business_hours → Fri 20 Mar 09:00"
    assert lines[4][7] == "Mon 23 Mar 09:00 + 1 day → Tue 24 Mar 09:00"
    assert bytes_of(school.folder) == before


def test_an_empty_agenda_says_so(school: CoOp) -> None:
    assert school.run("agenda", "--format", "table").out == "Nothing is planned for the next 7 days.\n"


def test_the_agenda_of_one_family_and_one_workflow(school: CoOp) -> None:
    school.world.start("high_risk", family="42")
    school.world.start("high_risk", family="7")
    found = json.loads(school.run("agenda", "--family", "Garcia", "--json").out)
    assert {row["family_id"] for row in found} == {"7"}
    assert json.loads(school.run("agenda", "--workflow", "high_risk", "--json").out)
    assert school.run("agenda", "--workflow", "hihg_risk").code == 3


def test_tasks_that_are_due_are_on_it(school: CoOp) -> None:
    school.world.has_workflow("look", [{"id": "look", "type": "task", "description": "Look", "due": "2 days"}])
    school.world.start("look", family="42")
    school.run("tick")
    [row] = json.loads(school.run("agenda", "--json").out)
    assert (row["what"], row["name"], row["at"]) == ("due", "task 1: follow up", "2026-03-23T13:00:00Z")


def test_what_the_clock_starts_is_on_it(school: CoOp) -> None:
    school.world.has_workflow("news", STEPS[:1], trigger={"type": "schedule", "every": "monday 08:30"})
    rows = json.loads(school.run("agenda", "--days", "14", "--json").out)
    assert [(row["what"], row["name"], row["at"]) for row in rows] == [
        ("start", "news", "2026-03-23T12:30:00Z"),
        ("start", "news", "2026-03-30T12:30:00Z"),
    ]


def test_for_whom_a_date_starts_something_is_on_it_at_the_familys_own_hour(school: CoOp) -> None:
    on = ["14 days before renewal_date", "3 days before renewal_date"]
    school.world.has_workflow("renewal", STEPS[:1], trigger={"type": "schedule", "on": on})
    school.world.has_family("9", time_zone="Pacific/Honolulu", attributes={"renewal_date": "2026-04-05"})
    school.world.has_family("8", attributes={"renewal_date": "2026-09-01"})
    rows = json.loads(school.run("agenda", "--days", "14", "--json").out)
    assert [(row["what"], row["family_id"], row["at"], row["reason"]) for row in rows] == [
        ("start", "9", "2026-03-22T19:00:00Z", "14 days before renewal_date = 2026-04-05"),
        ("start", "9", "2026-04-02T19:00:00Z", "3 days before renewal_date = 2026-04-05"),
    ]
    assert json.loads(school.run("agenda", "--family", "8", "--json").out) == []


def test_a_watched_condition_shows_when_it_is_looked_at_next(school: CoOp) -> None:
    risk = {"field": "withdrawal_risk", "operator": ">", "value": 0.8}
    trigger = {"type": "condition", "conditions": risk, "at": "07:00"}
    school.world.has_workflow("watch", STEPS[:1], trigger=trigger)
    [row] = json.loads(school.run("agenda", "--json").out)
    assert (row["what"], row["name"], row["at"]) == ("start", "watch", "2026-03-21T11:00:00Z")


# -- simulate -----------------------------------------------------------------------------------------------------


def test_a_run_is_tried_out_from_beginning_to_end(school: CoOp) -> None:
    before = bytes_of(school.folder)
    ran = school.run("simulate", "high_risk", "--family", "42", "--at", "2026-03-20 19:00", "--format", "table")
    assert ran.code == 0
    assert ran.out.splitlines()[0] == (
        "high_risk for Martinez (42), if it starts Fri 20 Mar 19:00: nothing is written or sent"
    )
    assert "Fri 20 Mar 19:00 is outside business_hours → Mon 23 Mar 09:00" in ran.out
    assert ran.out.splitlines()[-1] == "It has not ended by then, with 2 messages."
    assert bytes_of(school.folder) == before
    assert school.world.mails() == []


def test_an_answer_and_an_outcome_may_be_assumed(school: CoOp) -> None:
    ran = school.run("simulate", "high_risk", "--family", "42", "--reply-after", "2 days", "--json")
    found = json.loads(ran.out)
    over = [event["at"] for event in found["events"] if event["kind"] in ("email_response_received", "step.completed")]
    assert over == ["2026-03-22T13:00:00Z", "2026-03-22T13:00:00Z"]
    ran = school.run("simulate", "high_risk", "--family", "42", "--outcome", "call=reached", "--json")
    found = json.loads(ran.out)
    assert (found["messages"], found["outcome"], found["ended"]) == (2, "success", "2026-03-24T13:00:00Z")


def test_a_file_is_tried_out_before_it_is_loaded(school: CoOp) -> None:
    (school.folder / "workflows.d" / "outreach.yaml").write_text(FILE)
    ran = school.run("simulate", "outreach", "--family", "42", "--fail", "text", "--json")
    found = json.loads(ran.out)
    assert [event["kind"] for event in found["events"]][-3:] == ["step.failed", "instance.paused", "task.opened"]
    assert school.world.store.templates.versions("outreach") == []


def test_a_message_that_cannot_be_written_is_named(school: CoOp) -> None:
    school.world.has_workflow("holey", STEPS[:1], messages={"hello": "---\nsubject: Hi\n---\nDear {{ tutor }}."})
    ran = school.run("simulate", "holey", "--family", "42")
    assert ran.err.startswith("This message cannot be written for the family: 'First email': ")
    assert "tutor" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("hihg_risk",), 3, "there is no workflow 'hihg_risk' (did you mean 'high_risk'?)"),
        (("high_risk", "--fail", "txet"), 3, "workflow 'high_risk' has no step 'txet' (did you mean 'text'?)"),
        (("high_risk", "--fail", "call"), 2, "--fail: 'call' sends no message, so nothing can refuse it"),
        (("high_risk", "--outcome", "call=lost"), 2, "--outcome: 'call' has no outcome 'lost'; it has reached"),
        (
            ("high_risk", "--outcome", "call"),
            2,
            "--outcome takes two parts, as in --outcome 'phone_call=reached'; found",
        ),
        (
            ("high_risk", "--event", "paid"),
            2,
            "--event takes two parts, as in --event 'payment_received@5 days'; found",
        ),
        (("high_risk", "--reply-after", "soon"), 2, "'soon' is not a duration"),
        (("high_risk", "--at", "yesterday"), 2, "--at: 'yesterday' is not a date"),
    ],
)
def test_what_is_misspelt_is_told(school: CoOp, options: tuple[str, ...], code: int, said: str) -> None:
    ran = school.run("simulate", *options, "--family", "42")
    assert ran.code == code
    assert ran.err.startswith(f"coopflow: {said}")
