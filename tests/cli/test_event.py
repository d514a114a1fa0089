"""`coopflow event`: something happened outside, and this is what it did."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CoOp

STEPS = [
    {"id": "wait", "type": "wait", "duration": "3 days", "until": {"event": "sms_response_received"}},
    {"id": "hello", "type": "email", "name": "Send Initial Email", "template_id": "hello"},
]
ANSWERED = {"any": [{"field": "email_response_received", "operator": "==", "value": True}]}


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    co_op.world.has_workflow("high_risk", STEPS, completion_criteria=ANSWERED)
    co_op.world.has_workflow(
        "thanks", STEPS[1:], trigger={"type": "event", "event": "payment_received"}, description="Says thank you"
    )
    co_op.world.has_family("7", family_name="Garcia")
    co_op.world.has_family("42", family_name="Martinez")
    return co_op


def test_it_says_what_it_ended(school: CoOp) -> None:
    school.world.start("high_risk", family="7")
    ran = school.run("event", "email_response_received", "--family", "7")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "Recorded email_response_received for 7 (Garcia). high_risk (instance 1) is completed:"
        " completion criteria met: email_response_received is true.\n"
    )


def test_it_says_what_goes_on(school: CoOp) -> None:
    school.world.start("high_risk", family="7")
    school.run("tick")
    ran = school.run("event", "sms_response_received", "--family", "Garcia", at="2026-03-21 13:00:00")
    assert ran.err == (
        "Recorded sms_response_received for 7 (Garcia). high_risk (instance 1) goes on."
        " Next: Send Initial Email on Mon 23 Mar 09:00 (in 2 days).\n"
    )


def test_it_says_what_it_started(school: CoOp) -> None:
    ran = school.run("event", "payment_received", "--family", "7", "--data", '{"amount": 80}', "--now")
    assert ran.err.splitlines() == [
        "Recorded payment_received for 7 (Garcia). thanks (instance 1) was started: every event starts it.",
        "Advanced 1 instance, sent 1 message.",
    ]
    assert school.world.case(1).instance.context == {"amount": 80}


def test_it_says_when_nothing_was_waiting(school: CoOp) -> None:
    ran = school.run("event", "field_trip_booked", "--family", "7")
    assert ran.err == "Recorded field_trip_booked for 7 (Garcia). Nothing was waiting for it.\n"


def test_an_opt_out_told_as_an_event_names_the_command_that_stops_messages(school: CoOp) -> None:
    ran = school.run("event", "opted_out", "--family", "7")
    assert ran.err == (
        "Recorded opted_out for 7 (Garcia). Nothing was waiting for it."
        " Messages go on; to stop them: coopflow family optout 7\n"
    )


def test_an_event_of_before_changes_nothing_that_began_later(school: CoOp) -> None:
    school.world.start("high_risk", family="7")
    ran = school.run("event", "email_response_received", "--family", "7", "--at", "2026-03-19T09:00-04:00")
    assert ran.err == (
        "Recorded email_response_received for 7 (Garcia). It happened before instance 1 began, so that goes on.\n"
    )
    assert school.world.status(1) == "pending"


def test_json_shows_what_is_on_record(school: CoOp) -> None:
    ran = school.run("event", "payment_received", "--family", "7", "--json")
    [row] = json.loads(ran.out)
    assert row == {
        "line": None,
        "event_id": 1,
        "kind": "payment_received",
        "family_id": "7",
        "verdict": "recorded",
        "touched": [],
        "started": [1],
        "reason": None,
    }


def test_a_dry_run_says_would_and_changes_nothing(school: CoOp) -> None:
    school.world.start("high_risk", family="7")
    ran = school.run("event", "email_response_received", "--family", "7", "--dry-run")
    assert ran.err.startswith(
        "Would record email_response_received for 7 (Garcia). high_risk (instance 1) is completed"
    )
    assert school.world.status(1) == "pending"


def test_events_come_from_a_file(school: CoOp) -> None:
    school.world.start("high_risk", family="7")
    Path("events.jsonl").write_text(
        '{"kind": "email_response_received", "family_id": 7, "id": "m1"}\n'
        '{"kind": "email_response_received", "family_id": 7, "id": "m1"}\n'
        '{"kind": "email_bounce", "family_id": 7}\n'
        '{"kind": "payment_received", "family_id": "42", "at": "2026-03-20T08:00:00-04:00"}\n'
    )
    ran = school.run("event", "--from", "events.jsonl")
    assert ran.code == 1
    assert ran.out == (
        "line\tevent_id\tkind\tfamily_id\tverdict\ttouched\tstarted\treason\n"
        "1\t2\temail_response_received\t7\trecorded\t[1]\t[]\t\n"
        "2\t2\temail_response_received\t7\tskipped\t[]\t[]\tit is on record already (event 2)\n"
        "3\t\t\t7\trejected\t[]\t[]\tfield 'kind': 'email_bounce' is not an event that coopflow knows (did you mean"
        " 'email_bounced'?); one of your own is declared in coopflow.yaml, under events:\n"
        "4\t5\tpayment_received\t42\trecorded\t[]\t[2]\t\n"
    )
    assert ran.err.splitlines() == [
        "events.jsonl:3: field 'kind': 'email_bounce' is not an event that coopflow knows (did you mean"
        " 'email_bounced'?); one of your own is declared in coopflow.yaml, under events:",
        "2 recorded, 1 skipped, 1 rejected. See one: coopflow status --family 7",
    ]


def test_events_come_from_a_pipe(school: CoOp) -> None:
    ran = school.run("event", "--from", "-", "--format", "jsonl", input="kind,family_id\nfield_trip_booked,7\n")
    assert ran.code == 0
    assert json.loads(ran.out)["verdict"] == "recorded"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "name what happened and to whom: coopflow event payment_received --family 42"),
        (["payment_received"], 2, "name what happened and to whom: coopflow event payment_received --family 42"),
        (
            ["payment_recieved", "--family", "7"],
            2,
            "KIND: 'payment_recieved' is not an event that coopflow knows (did you mean 'payment_received'?);"
            " one of your own is declared in coopflow.yaml, under events:",
        ),
        (
            ["payment_received", "--family", "7", "--data", "amount=5"],
            2,
            "--data: it is not JSON: expecting value, at column 1",
        ),
        (
            ["payment_received", "--family", "7", "--at", "2027-01-01T00:00Z"],
            2,
            "--at: '2027-01-01T00:00Z' lies in the future",
        ),
        (
            ["payment_received", "--family", "99"],
            3,
            "there is no family '99'; list them with: coopflow family list",
        ),
        (
            ["payment_received", "--from", "x.jsonl"],
            2,
            "--from FILE says everything itself; leave out KIND, --family, --data and --at",
        ),
        (["--from", "x.jsonl"], 3, "there is no file x.jsonl"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(
    school: CoOp, arguments: list[str], code: int, sentence: str
) -> None:
    ran = school.run("event", *arguments)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coopflow: {sentence}\n")
