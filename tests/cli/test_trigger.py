"""`coopflow trigger`: what a script, and what a person at the keyboard, sees of it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coopflow.store.lock import TickLock
from tests.cli.conftest import CoOp


class Terminal(io.TextIOWrapper):
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        return True


HEADER = "line\tprediction_id\tfamily_id\tverdict\tworkflow\tinstance_id\treason\n"
STEPS = [{"id": "hello", "type": "email", "name": "Send Initial Email", "template_id": "hello"}]
RISK = {
    "all": [
        {"field": "predicted_probability", "operator": ">", "value": 0.8},
        {"field": "confidence_score", "operator": ">", "value": 80},
    ]
}


@pytest.fixture
def school(co_op: CoOp) -> CoOp:
    co_op.world.has_workflow("high_risk", STEPS, trigger={"type": "prediction", "conditions": RISK})
    co_op.world.has_workflow("onboarding", STEPS)
    co_op.world.has_family("42", family_name="Martinez")
    co_op.world.has_family("7", family_name="Garcia")
    return co_op


def line(number: int, family: object, probability: float, confidence: float = 90) -> str:
    return (
        f'{{"prediction_id": {number}, "family_id": {json.dumps(family)}, "predicted_probability": {probability},'
        f' "confidence_score": {confidence}}}\n'
    )


def test_each_line_has_a_verdict_and_the_end_a_summary(school: CoOp) -> None:
    ran = school.run("trigger", "-", input=line(1, 42, 0.87) + line(2, "7", 0.9, 75))
    assert ran.out == (
        HEADER
        + "1\t1\t42\tstarted\thigh_risk\t1\tpredicted_probability 0.87 > 0.8 and confidence_score 90 > 80\n"
        + "2\t2\t7\tskipped\t\t\thigh_risk: confidence_score 75 ≤ 80\n"
    )
    assert ran.err == "1 started, 1 skipped, 0 rejected. See one: coopflow why 42\n"
    assert ran.code == 0


def test_the_same_predictions_again_start_nothing_and_that_is_no_error(school: CoOp) -> None:
    school.run("trigger", input=line(1, 42, 0.87))
    ran = school.run("trigger", input=line(1, 42, 0.87))
    assert ran.code == 0
    assert ran.out == HEADER + "1\t1\t42\tskipped\t\t\tthis prediction was taken in before\n"
    assert ran.err == "0 started, 1 skipped, 0 rejected. See one: coopflow why 42\n"


def test_bad_lines_are_named_the_rest_goes_on_and_the_exit_code_says_so(school: CoOp) -> None:
    content = line(1, 42, 87) + line(2, 99, 0.9) + line(3, 42, 0.9).replace("0.9", "NaN") + line(4, 42, 0.87) + '{"pred'
    ran = school.run("trigger", "-", input=content)
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "<stdin>:1: field 'predicted_probability': 87 is not between 0 and 1; is it a percentage? write 0.87",
        "<stdin>:2: field 'family_id': there is no family '99'",
        "<stdin>:3: field 'predicted_probability': NaN is not a number that JSON knows",
        "<stdin>:5: the line is cut off",
        "1 started, 0 skipped, 4 rejected. See one: coopflow why 42",
    ]
    assert [row.split("\t")[3] for row in ran.out.splitlines()[1:]] == [
        "rejected",
        "rejected",
        "rejected",
        "started",
        "rejected",
    ]


def test_a_file_is_named_in_what_is_wrong_with_it(school: CoOp) -> None:
    Path("new.csv").write_text("prediction_id,family_id,predicted_probability,confidence_score\n1,42,87%,90\n")
    ran = school.run("trigger", "new.csv")
    assert ran.err.splitlines()[0] == "new.csv:2: field 'predicted_probability': '87%' is not a number"
    Path("old.csv").write_text("prediction_id;family_id;predicted_probability;confidence_score\n")
    ran = school.run("trigger", "old.csv")
    assert ran == (
        4,
        "",
        "coopflow: old.csv:1: the columns are separated by semicolons; save the file with commas between them\n",
    )


def test_json_is_one_document_with_the_columns_as_keys(school: CoOp) -> None:
    ran = school.run("trigger", "--json", input="[" + line(1, 42, 0.87) + "]")
    assert json.loads(ran.out) == [
        {
            "line": 1,
            "prediction_id": "1",
            "family_id": "42",
            "verdict": "started",
            "workflow": "high_risk",
            "instance_id": 1,
            "reason": "predicted_probability 0.87 > 0.8 and confidence_score 90 > 80",
        }
    ]


def test_a_dry_run_says_would_and_changes_nothing(school: CoOp) -> None:
    ran = school.run("trigger", "--dry-run", input=line(1, 42, 0.87) + line(2, 7, 0.1) + "x\n")
    assert [row.split("\t")[3:6] for row in ran.out.splitlines()[1:]] == [
        ["would start", "high_risk", ""],
        ["would skip", "", ""],
        ["would reject", "", ""],
    ]
    assert ran.err.splitlines()[-1] == "1 would start, 1 would skip, 1 would reject. Nothing was changed."
    assert school.world.store.looking.events(family_id="42") == []
    assert school.run("trigger", input=line(1, 42, 0.87)).err.startswith("1 started")


def test_now_sends_what_it_started(school: CoOp) -> None:
    ran = school.run("trigger", "--now", input=line(1, 42, 0.87))
    assert ran.err.splitlines() == [
        "1 started, 0 skipped, 0 rejected. See one: coopflow why 42",
        "Advanced 1 instance, sent 1 message.",
    ]
    assert [mail["to"] for mail in school.world.mails()] == ["family42@example.org"]


def test_now_leaves_it_to_a_tick_that_is_at_work(school: CoOp) -> None:
    with TickLock(school.folder / "coopflow.db") as lock:
        assert lock.acquire()
        ran = school.run("trigger", "--now", input=line(1, 42, 0.87))
    assert ran.code == 0
    assert ran.err.splitlines()[-1] == "Another tick is at work: what was started follows with it."
    assert school.world.mails() == []


def test_an_empty_stream_is_no_error_and_is_told(school: CoOp) -> None:
    ran = school.run("trigger", "-", input="")
    assert ran == (0, HEADER, "0 started, 0 skipped, 0 rejected: <stdin> is empty.\n")


def test_at_a_terminal_with_nothing_piped_it_does_not_hang(school: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("io.TextIOWrapper", Terminal)
    ran = school.run("trigger")
    assert ran == (
        2,
        "",
        "coopflow: nothing is piped in and no file is named; for example: coopflow trigger predictions.jsonl\n",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["trigger", "none.jsonl"], 3, "there is no file none.jsonl"),
        (["trigger", "."], 4, ". cannot be read: Is a directory"),
        (["trigger", "--now", "--dry-run"], 2, "--now and --dry-run exclude each other"),
        (
            ["trigger", "--workflow", "onboarding"],
            2,
            "to start one by hand, name both and no file: coopflow trigger --workflow onboarding --family 42",
        ),
        (
            ["trigger", "--set", "a=1"],
            2,
            "to start one by hand, name both and no file: coopflow trigger --workflow onboarding --family 42",
        ),
        (
            ["trigger", "-w", "onbording", "-f", "42"],
            3,
            "there is no workflow 'onbording'. Did you mean 'onboarding'?",
        ),
        (
            ["trigger", "-w", "onboarding", "-f", "Martines"],
            3,
            "there is no family 'Martines' (did you mean 'Martinez'?); list them with: coopflow family list",
        ),
        (
            ["trigger", "-w", "onboarding", "-f", "42", "--set", "tone"],
            2,
            "--set takes a name and a value, as in --set tone=warm; found 'tone'",
        ),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(
    school: CoOp, arguments: list[str], code: int, sentence: str
) -> None:
    ran = school.run(*arguments)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coopflow: {sentence}\n")


# -- by hand ------------------------------------------------------------------------------------------------------


def test_a_workflow_is_started_by_hand(school: CoOp) -> None:
    ran = school.run("trigger", "--workflow", "onboarding", "--family", "Mart", "--set", "tone=warm", "--set", "week=2")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "Started onboarding for 42 (Martinez): instance 1. Next: Send Initial Email, with the next tick."
        " Undo: coopflow cancel 1\n"
    )
    instance = school.world.case(1).instance
    assert (instance.context, instance.triggered_by) == ({"tone": "warm", "week": 2}, "manual:sarah")


def test_on_a_saturday_it_says_when_it_begins(school: CoOp) -> None:
    ran = school.run("trigger", "--workflow", "onboarding", "--family", "42", at="2026-03-21 13:00:00")
    assert "Next: Send Initial Email on Mon 23 Mar 09:00 (in 2 days)." in ran.err


def test_a_second_run_by_hand_is_not_allowed_and_on_record(school: CoOp) -> None:
    school.run("trigger", "--workflow", "onboarding", "--family", "42")
    ran = school.run("trigger", "--workflow", "onboarding", "--family", "42", "--format", "jsonl")
    assert ran.code == 3
    assert json.loads(ran.out)["verdict"] == "skipped"
    assert ran.err == "coopflow: onboarding for 42 (Martinez) was not started: already active: instance 1\n"
    kinds = [row["kind"] for row in school.world.store.looking.events(family_id="42")]
    assert kinds == ["instance.started", "trigger.skipped"]


def test_by_hand_a_dry_run_changes_nothing(school: CoOp) -> None:
    ran = school.run("trigger", "--workflow", "onboarding", "--family", "42", "--dry-run")
    assert ran.err == (
        "Would start onboarding for 42 (Martinez). Next: Send Initial Email, with the next tick. Nothing was changed.\n"
    )
    assert school.world.store.looking.instances() == []


# -- as a process -------------------------------------------------------------------------------------------------


def test_when_the_reader_of_its_output_stops_the_rest_is_taken_in_all_the_same(school: CoOp) -> None:
    lines = "".join(line(number, 42, 0.1) for number in range(3_000))
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-m", "coopflow", "trigger", "-"],
        input=lines.encode(),
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
    )
    os.close(writing)
    assert ran.stderr.decode() == "0 started, 3000 skipped, 0 rejected. See one: coopflow why 42\n"
    assert ran.returncode == 0
    assert school.world.db.execute_sql("SELECT count(*) FROM ml_predictions").fetchone() == (3_000,)


def test_nothing_from_outside_reaches_a_terminal_unseen(school: CoOp) -> None:
    ran = school.run("trigger", input='{"prediction_id": "\\u001b[2J", "family_id": "x\\u001b[31m"}\n')
    assert "\x1b" not in ran.out + ran.err
    assert ran.code == 1


def test_by_hand_now_sends_at_once(school: CoOp) -> None:
    ran = school.run("trigger", "--workflow", "onboarding", "--family", "42", "--now")
    assert ran.err.splitlines()[1] == "Advanced 1 instance, sent 1 message."
    assert len(school.world.mails()) == 1
