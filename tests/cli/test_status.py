"""What a coordinator sees in the morning."""
# ruff: noqa: E501 - screens are as wide as they are

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from coopflow.core.people import pause
from coopflow.reports.lines import KEYS
from coopflow.reports.matters import Scope
from coopflow.reports.overview import overview
from coopflow.store.lock import TickLock
from tests.cli.conftest import CoOp
from tests.stories.test_sample import CRITERIA, SAMPLE
from tests.world import at

MAIL = [{"id": "mail", "name": "First Mail", "type": "email", "template_id": "hello"}]
LATER = "2026-03-25 14:00:00"  # Wednesday 10:00 on the co-op's wall clock: the call has become due


@pytest.fixture
def busy(co_op: CoOp) -> CoOp:
    """Martinez has been called upon until the phone call, Ng has no address, and Sly's name is a trap."""
    world = co_op.world
    world.has_workflow("outreach", SAMPLE, completion_criteria=CRITERIA)
    world.has_workflow("hello", MAIL)
    world.has_family("42", family_name="Martinez")
    world.has_family("7", family_name="Ng", email=None)
    world.has_family("13", family_name="[red]Sly[/]")
    world.start("outreach", family="42")
    world.start("hello", family="7")
    world.tick("2026-03-20 09:00")
    world.tick("2026-03-23 09:00")
    world.tick("2026-03-25 09:00")
    world.start("outreach", family="13")
    world.tick("2026-03-25 09:30")
    beats(co_op, "2026-03-25T13:59:20Z")
    return co_op


def beats(co_op: CoOp, when: str) -> None:
    """A tick was at work then."""
    with TickLock(co_op.folder / "coopflow.db") as lock:
        assert lock.acquire()
        lock.touch(now=at(when))


def screen(co_op: CoOp, *arguments: str, at: str = LATER) -> str:
    ran = co_op.run("status", "--format", "table", *arguments, at=at)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


# -- the screen ---------------------------------------------------------------------------------------------------


def test_the_screen_of_a_wednesday_morning(busy: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert screen(busy) == WEDNESDAY


WEDNESDAY = """\
Needs you
  2 open tasks, 1 of them overdue, 1 instance paused
  - Ng (7), decision needed: 'First Mail' failed: family 7 has no email address
    overdue since Fri 20 Mar 09:00 (5 days ago), for sarah
    coopflow task done 1 --outcome retry (or skip, cancel)
  - Martinez (42), phone call: High withdrawal risk, no email or SMS response
    due Thu 26 Mar 09:00 (in 23 hours), for sarah
    coopflow task done 2 --outcome reached (or voicemail, wrong_number)
  - country is US, but no public holidays have been imported; run: coopflow calendar import

Due today
  nothing; the next step comes Sat 28 Mar 09:30 (in 3 days)

Running
  2 instances

Went wrong
  nothing in the last 7 days

Last tick
  40 seconds ago

Instances

Id  Family            Workflow  Step               Waits for                                                                Next
--------------------------------------------------------------------------------------------------------------------------------------------
 2  Ng (7)            hello     First Mail         paused; a decision in task 1: 'First Mail' failed: family 7 has no       -
                                                   email address
 3  [red]Sly[/] (13)  outreach  Wait for response  word that the family answered by mail                                    Sat 28 Mar 09:30
 1  Martinez (42)     outreach  Phone call         the outcome of task 2                                                    -
"""


def test_a_familys_screen_has_its_tasks_its_messages_and_its_instances(
    busy: CoOp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert screen(busy, "--family", "martinez") == MARTINEZ


MARTINEZ = """\
Martinez (42), enrolled
  family42@example.org and +12125550142

Needs you
  1 open task
  - Martinez (42), phone call: High withdrawal risk, no email or SMS response
    due Thu 26 Mar 09:00 (in 23 hours), for sarah
    coopflow task done 2 --outcome reached (or voicemail, wrong_number)

Last messages
  - Mon 23 Mar 09:00 (2 days ago), sms 'Sms followup', sent
    To: +12125550142
    Hi Martinez, checking in. Can we chat?
  - Fri 20 Mar 09:00 (5 days ago), email 'Send Initial Email', sent
    To: family42@example.org
    Subject: Hello

Instances

Id  Family         Workflow  Step        Waits for              Next
--------------------------------------------------------------------
 1  Martinez (42)  outreach  Phone call  the outcome of task 2  -
"""


def test_a_deadline_stands_in_the_line_of_its_instance(co_op: CoOp) -> None:
    co_op.world.has_workflow("errand", [{"id": "pause", "type": "wait", "duration": "60 days"}])
    co_op.world.has_family("42")
    co_op.world.start("errand", family="42", prediction_window_days=32)
    out = screen(co_op, "--family", "42")
    assert [line.split()[-3:] for line in out.splitlines() if line.startswith((" 1", "Id"))] == [
        ["for", "Next", "Deadline"],
        ["Tue", "21", "Apr"],
    ]
    assert json.loads(co_op.run("status", "--json").out)["instances"][0]["deadline"] == "2026-04-21T13:00:00Z"


@pytest.mark.parametrize(
    ("family", "line"),
    [
        ({"time_zone": "Pacific/Honolulu"}, "  their clock is that of Pacific/Honolulu"),
        ({"time_zone": None}, "  their time zone is not known: the co-op's is used (America/New_York)"),
        ({"gentle_until": at("2026-04-01 00:00")}, "  treated gently until Wed 1 Apr 00:00 (in 7 days)"),
    ],
)
def test_whose_clock_counts_and_who_is_left_in_peace_is_on_the_familys_screen(
    co_op: CoOp, family: dict[str, Any], line: str
) -> None:
    co_op.world.has_workflow("errand", [{"id": "pause", "type": "wait", "duration": "1 day"}])
    co_op.world.has_family("42", **family)
    co_op.world.start("errand", family="42")
    assert line in screen(co_op, "--family", "42").splitlines()


def test_what_a_family_finished_lately_is_on_its_screen(busy: CoOp) -> None:
    busy.world.event("email_response_received", family="42")
    out = screen(busy, "--family", "42")
    assert "completed" in out
    assert "Waits for, or how it ended" in out
    assert "nothing waits for you" in out


def test_a_family_that_cannot_be_reached_and_never_was_says_so(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", MAIL)
    co_op.world.has_family("42", email=None, phone=None)
    co_op.world.start("hello", family="42")
    out = screen(co_op, "--family", "42")
    assert out.startswith("Family 42 (42), enrolled\n  neither an address nor a phone number\n")
    assert "Last messages\n  none yet\n" in out


def test_what_went_wrong_with_a_family_is_on_its_screen(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", [{**MAIL[0], "on_failure": "fail"}])
    co_op.world.has_family("42", email=None)
    co_op.world.start("hello", family="42")
    co_op.world.tick()
    assert (
        "Went wrong\n"
        "  1 instance failed in the last 7 days\n"
        "  - Family 42 (42), hello failed: 'First Mail' failed: family 42 has no email address\n"
        "    coopflow show 1\n"
    ) in screen(co_op, "--family", "42", at="2026-03-20 13:00:00")


def test_a_filter_leaves_only_the_instances(busy: CoOp) -> None:
    for arguments in (["--workflow", "hello"], ["--state", "paused"]):
        out = screen(busy, *arguments)
        assert out.startswith("Instances\n")
        assert "First Mail" in out
        assert "Phone call" not in out


def test_where_no_instance_matches_the_screen_says_so(busy: CoOp) -> None:
    assert screen(busy, "--state", "failed") == "No instance matches.\n"


def test_more_than_fifty_instances_are_counted_and_the_way_to_all_of_them_is_named(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", MAIL)
    for number in range(53):
        co_op.world.has_family(str(number))
        co_op.world.start("hello", family=str(number))
    beats(co_op, "2026-03-20T13:00:00Z")
    out = screen(co_op, at="2026-03-20 13:00:00")
    assert out.count("First Mail") == 50
    assert out.endswith("and 3 more: coopflow status --format csv\n")
    assert "53 steps, 53 of them at the next tick" in out
    filtered = screen(co_op, "--workflow", "hello", at="2026-03-20 13:00:00")
    assert filtered.endswith("and 3 more: coopflow status --workflow hello --format csv\n")


def test_more_than_five_tasks_are_counted(co_op: CoOp) -> None:
    co_op.world.has_workflow("errand", [{"id": "go", "type": "task", "task_type": "errand", "description": "Go."}])
    for number in range(7):
        co_op.world.has_family(str(number))
        co_op.world.start("errand", family=str(number))
    co_op.world.tick()
    out = screen(co_op)
    assert "  7 open tasks\n" in out
    assert out.count("errand: Go.") == 5
    assert "  and 2 more: coopflow task list\n" in out


# -- the last tick ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beat", "words"),
    [
        ("2026-03-25T13:59:20Z", "  40 seconds ago\n\n"),
        ("2026-03-25T13:55:00Z", "  5 minutes ago\n\n"),
        ("2026-03-25T14:00:30Z", "  0 seconds ago\n\n"),
        (
            "2026-03-25T13:54:00Z",
            "  6 minutes ago\n"
            "  coopflow has not been run since Wed 25 Mar 09:54 (6 minutes ago): is the cron line there?\n",
        ),
        (
            "2026-03-23T13:00:00Z",
            "  Mon 23 Mar 09:00 (2 days ago)\n"
            "  coopflow has not been run since Mon 23 Mar 09:00 (2 days ago): is the cron line there?\n",
        ),
    ],
)
def test_the_last_tick_is_told_and_a_silent_cron_is_warned_of(busy: CoOp, beat: str, words: str) -> None:
    beats(busy, beat)
    assert f"Last tick\n{words}" in screen(busy)


def test_a_co_op_without_any_tick_is_asked_about_its_cron_line(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", MAIL)
    co_op.world.has_family("42")
    co_op.world.start("hello", family="42")
    assert "Last tick\n  coopflow has not been run yet: is the cron line there?\n" in screen(co_op)
    assert screen(co_op, "--workflow", "hello").endswith("coopflow has not been run yet: is the cron line there?\n")


# -- the first day ------------------------------------------------------------------------------------------------


def test_an_empty_co_op_is_told_what_to_do_first(co_op: CoOp) -> None:
    families = "There are no families yet. Bring them in with: coopflow family import families.csv\n"
    workflows = "There are no workflows yet. Load them with: coopflow workflow load\n"
    instances = "Nothing has been started yet. Hand in predictions with: coopflow trigger predictions.jsonl\n"
    assert screen(co_op) == families
    co_op.world.has_family("42")
    assert screen(co_op) == workflows
    co_op.world.has_workflow("hello", MAIL)
    assert screen(co_op) == instances


def test_an_empty_co_op_gives_programs_empty_data(co_op: CoOp) -> None:
    assert co_op.run("status").out == "\t".join(KEYS) + "\n"
    document = json.loads(co_op.run("status", "--json").out)
    assert (document["instances"], document["needs_you"], document["last_tick"]) == ([], [], None)
    assert document["numbers"]["open_tasks"] == 0


# -- data ---------------------------------------------------------------------------------------------------------


def test_in_a_pipe_there_is_a_line_for_each_active_instance(busy: CoOp) -> None:
    ran = busy.run("status", at=LATER)
    assert (ran.code, ran.err) == (0, "")
    [head, *rows] = [line.split("\t") for line in ran.out.splitlines()]
    assert tuple(head) == KEYS
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(row["family_name"], row["step_name"]) for row in found] == [
        ("Ng", "First Mail"),
        ("[red]Sly[/]", "Wait for response"),
        ("Martinez", "Phone call"),
    ]
    assert found[2]["waits_for"] == "the outcome of task 2"
    assert found[1]["next_execution_at"] == "2026-03-28T13:30:00Z"


def test_a_name_that_acts_on_a_terminal_is_spelled_out_everywhere(co_op: CoOp) -> None:
    co_op.world.has_workflow("hello", MAIL)
    co_op.world.has_family("13", family_name="[red]Sly\x1b[2J")
    co_op.world.start("hello", family="13")
    for arguments in (["--format", "table"], [], ["--format", "csv"], ["--family", "13", "--format", "table"]):
        out = co_op.run("status", *arguments).out
        assert "\x1b" not in out
        assert "[red]Sly\\x1b[2J" in out
    assert json.loads(co_op.run("status", "--json").out)["instances"][0]["family_name"] == "[red]Sly\x1b[2J"


def test_csv_has_the_same_lines(busy: CoOp) -> None:
    rows = list(csv.DictReader(io.StringIO(busy.run("status", "--format", "csv", "--state", "paused").out)))
    assert [(row["instance_id"], row["current_step"], row["status"]) for row in rows] == [("2", "mail", "paused")]


def test_json_is_one_document_with_stable_keys(busy: CoOp) -> None:
    ran = busy.run("status", "--json", at=LATER)
    document = json.loads(ran.out)
    assert list(document) == [
        "numbers",
        "needs_you",
        "went_wrong",
        "instances",
        "messages",
        "last_tick",
        "cron_silent",
        "notes",
    ]
    assert document["numbers"] == {
        "open_tasks": 2,
        "overdue_tasks": 1,
        "urgent_tasks": 2,
        "tasks_due_today": 0,
        "in_doubt": 0,
        "on_hold": 1,
        "paused": 1,
        "running": 2,
        "due_today": 0,
        "due_now": 0,
        "next_execution_at": "2026-03-28T13:30:00Z",
        "troubled": 0,
        "failed": 0,
    }
    assert [list(line) for line in document["instances"]] == [list(KEYS)] * 3
    assert document["needs_you"][1] == {
        "kind": "task",
        "urgent": True,
        "words": "phone call: High withdrawal risk, no email or SMS response",
        "command": "coopflow task done 2 --outcome reached",
        "outcomes": ["reached", "voicemail", "wrong_number"],
        "instance_id": 1,
        "family_id": "42",
        "family_name": "Martinez",
        "workflow": "outreach",
        "task_id": 2,
        "due_date": "2026-03-26T13:00:00Z",
        "assignee": "sarah",
    }
    assert (document["last_tick"], document["cron_silent"]) == ("2026-03-25T13:59:20Z", False)


def test_a_familys_document_has_its_messages(busy: CoOp) -> None:
    document = json.loads(busy.run("status", "--json", "--family", "42", at=LATER).out)
    assert [(message["channel"], message["status"]) for message in document["messages"]] == [
        ("sms", "completed"),
        ("email", "completed"),
    ]
    assert document["messages"][1]["input_data"]["subject"] == "Hello"


# -- is a person needed -------------------------------------------------------------------------------------------


def test_check_is_silent_when_nobody_is_needed(co_op: CoOp) -> None:
    co_op.world.has_workflow("outreach", SAMPLE)
    co_op.world.has_family("42")
    instance = co_op.world.start("outreach", family="42")
    co_op.world.does(pause, instance, reason="holiday")
    beats(co_op, "2026-03-20T12:55:00Z")
    assert co_op.run("status", "--check") == (0, "", "")
    assert json.loads(co_op.run("status", "--check", "--json").out) == {"person_needed": False, "reasons": []}


def test_check_says_why_a_person_is_needed_and_ends_with_five(busy: CoOp) -> None:
    beats(busy, "2026-03-25T13:00:00Z")
    ran = busy.run("status", "--check", at=LATER)
    assert ran == (
        5,
        "coopflow has not been run since Wed 25 Mar 09:00 (1 hour ago): is the cron line there?; coopflow tick\n"
        "Ng (7), decision needed: 'First Mail' failed: family 7 has no email address;"
        " overdue since Fri 20 Mar 09:00 (5 days ago), for sarah;"
        " coopflow task done 1 --outcome retry (or skip, cancel)\n"
        "Martinez (42), phone call: High withdrawal risk, no email or SMS response;"
        " due Thu 26 Mar 09:00 (in 23 hours), for sarah;"
        " coopflow task done 2 --outcome reached (or voicemail, wrong_number)\n",
        "",
    )


def test_check_can_be_asked_about_one_family_or_workflow(busy: CoOp) -> None:
    assert busy.run("status", "--check", "--family", "13", at=LATER) == (0, "", "")
    assert busy.run("status", "--check", "--workflow", "hello", at=LATER).out.startswith("Ng (7), decision needed")


def test_check_counts_what_it_does_not_print(co_op: CoOp) -> None:
    urgent = {"id": "go", "type": "task", "task_type": "errand", "description": "Go.", "priority": "high"}
    co_op.world.has_workflow("errand", [urgent])
    for number in range(23):
        co_op.world.has_family(str(number))
        co_op.world.start("errand", family=str(number))
    co_op.world.tick()
    beats(co_op, "2026-03-20T13:00:00Z")
    ran = co_op.run("status", "--check")
    assert (ran.code, len(ran.out.splitlines())) == (5, 21)
    assert ran.out.endswith("and 3 more: coopflow status\n")


def test_checks_reasons_are_data_where_data_is_asked_for(busy: CoOp) -> None:
    ran = busy.run("status", "--check", "--json", at=LATER)
    document = json.loads(ran.out)
    assert (ran.code, document["person_needed"]) == (5, True)
    assert [(reason["kind"], reason["family_id"]) for reason in document["reasons"]] == [("task", "7"), ("task", "42")]
    rows = list(csv.DictReader(io.StringIO(busy.run("status", "--check", "--format", "csv", at=LATER).out)))
    assert [row["command"] for row in rows] == [
        "coopflow task done 1 --outcome retry",
        "coopflow task done 2 --outcome reached",
    ]


def test_a_silent_cron_is_told_in_data_with_an_instant(busy: CoOp) -> None:
    document = json.loads(busy.run("status", "--check", "--json", at="2026-03-25 15:00:00").out)
    assert document["reasons"][0]["words"] == (
        "coopflow has not been run since 2026-03-25T13:59:20Z: is the cron line there?"
    )


# -- what cannot be asked -----------------------------------------------------------------------------------------


def test_an_unknown_family_or_workflow_is_refused_with_a_sentence(busy: CoOp) -> None:
    ran = busy.run("status", "--family", "Martines")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("coopflow: there is no family 'Martines'")
    assert "Martinez" in ran.err
    ran = busy.run("status", "--workflow", "outreech")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no workflow 'outreech'" in ran.err


def test_an_unknown_state_and_two_formats_at_once_are_wrong_usage(busy: CoOp) -> None:
    assert busy.run("status", "--state", "sleeping").code == 2
    ran = busy.run("status", "--json", "--format", "csv")
    assert (ran.code, ran.err) == (2, "coopflow: --json and --format csv exclude each other\n")


def test_looking_changes_nothing(busy: CoOp) -> None:
    before = list(busy.world.db.connection().iterdump())
    for arguments in ([], ["--check"], ["--json"], ["--family", "42"], ["--format", "table"]):
        busy.run("status", *arguments, at=LATER)
    assert list(busy.world.db.connection().iterdump()) == before


def test_ten_thousand_instances_are_asked_for_in_the_same_few_questions(co_op: CoOp) -> None:
    """The number of statements does not grow with the number of instances."""
    co_op.world.has_workflow("hello", MAIL)
    counts = []
    for number in range(12):
        co_op.world.has_family(str(number))
        co_op.world.start("hello", family=str(number))
        asked: list[str] = []
        co_op.world.db.connection().set_trace_callback(asked.append)
        overview(co_op.world.store, Scope(), tz=co_op.world.coop.calendar.tz, now=co_op.world.now + timedelta(hours=1))
        co_op.world.db.connection().set_trace_callback(None)
        counts.append(len(asked))
    assert len(set(counts[1:])) == 1
