"""`task`: the desk, what closing a task sets off, and what is refused."""

import json

import pytest

from tests.cli.conftest import CoOp

CALL = {
    "id": "call",
    "type": "call",
    "name": "Call the family",
    "reason": "No answer so far",
    "outcomes": {
        "reached": "done",
        "voicemail": {"retry_in": "1 day", "max": 3, "then": "escalate"},
        "wrong_number": "escalate",
    },
}
PACK = {"id": "pack", "type": "task", "description": "Pack a parcel", "due": "3 days", "assign": "mike"}
EMAIL = {"id": "hello", "type": "email", "name": "Say hello", "template_id": "hello"}
END = {"id": "done", "type": "end", "name": "Done"}
ADVICE = [{"action": "call", "reason": "they seem lonely"}, {"action": "offer_payment_plan"}]


@pytest.fixture
def co(co_op: CoOp) -> CoOp:
    """Task 1 is a call to Martinez that instance 1 waits for; task 2 is plain work for King."""
    co_op.world.has_family("42", family_name="Martinez", phone="+12125550142", time_zone="America/Los_Angeles")
    co_op.world.has_family("7", family_name="King")
    co_op.world.has_workflow("calls", [EMAIL, {**CALL, "window": "always"}, END])
    co_op.world.has_workflow("parcels", [PACK, {"id": "rest", "type": "wait", "duration": "9 days"}, END])
    co_op.world.now = co_op.world.now.replace(day=19, hour=17)
    co_op.world.start("calls", family="42", recommendations=ADVICE)
    co_op.world.tick()
    co_op.world.start("parcels", family="7")
    co_op.world.tick()
    return co_op


# -- looking ------------------------------------------------------------------------------------------------------


def test_the_list_has_what_a_script_needs(co: CoOp) -> None:
    ran = co.run("task", "list", "--json")
    assert ran.code == 0
    first, second = json.loads(ran.out)
    assert first == {
        "task_id": 1,
        "due_date": "2026-03-20T17:00:00Z",
        "priority": "high",
        "family_id": "42",
        "family_name": "Martinez",
        "task_type": "phone_call",
        "description": "No answer so far (recommended: call: they seem lonely; offer payment plan)",
        "assignee": "sarah",
        "instance_id": 1,
        "outcomes": ["reached", "voicemail", "wrong_number"],
    }
    assert (second["task_id"], second["outcomes"], second["assignee"]) == (2, [], "mike")


def test_the_list_on_a_screen_can_be_read_side_by_side(co: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    ran = co.run("task", "list", "--format", "table")
    assert ran.out.splitlines()[0].split() == ["Task", "Due", "Family", "What", "For", "Closed", "with"]
    assert "Fri 20 Mar 13:00" in ran.out
    assert "Martinez" in ran.out
    assert ran.err == "More about one: coopflow task show 1\n"


def test_an_empty_desk_is_said_to_be_empty(co_op: CoOp) -> None:
    ran = co_op.run("task", "list", "--format", "table")
    assert (ran.out, ran.err) == ("Nothing is on the desk.\n", "")


@pytest.mark.parametrize(
    ("choice", "tasks"),
    [
        (["--family", "King"], [2]),
        (["--assignee", "Sarah"], [1]),
        (["--due", "today"], [1]),
        (["--due", "week"], [1, 2]),
        (["--due", "overdue"], []),
        (["--assignee", "director"], []),
    ],
)
def test_the_list_can_be_narrowed(co: CoOp, choice: list[str], tasks: list[int]) -> None:
    assert [row["task_id"] for row in json.loads(co.run("task", "list", "--json", *choice).out)] == tasks


def test_closed_tasks_are_listed_when_asked_for(co: CoOp) -> None:
    co.run("task", "done", "2", "--outcome", "posted")
    assert co.run("task", "list").out.count("\n") == 2
    ran = co.run("task", "list", "--all", "--format", "jsonl")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [(row["task_id"], row["status"], row["outcome"], row["outcomes"]) for row in rows] == [
        (1, "open", None, ["reached", "voicemail", "wrong_number"]),
        (2, "done", "posted", []),
    ]
    table = co.run("task", "list", "--all", "--family", "7", "--format", "table")
    assert "posted" in table.out
    assert table.err == ""


def test_an_unknown_coordinator_is_named_with_the_one_that_was_meant(co: CoOp) -> None:
    ran = co.run("task", "list", "--assignee", "sara")
    assert (ran.code, ran.err) == (
        3,
        "coopflow: there is no coordinator 'sara' (did you mean 'sarah'?); coopflow.yaml names sarah, mike, director\n",
    )


def test_the_page_of_a_task_has_the_phone_and_the_story(co: CoOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    co.run("task", "done", "1", "--outcome", "voicemail", "--note", "spoke to nobody")
    co.world.now = co.world.now.replace(day=21)
    co.world.tick()
    ran = co.run("task", "show", "3", "--format", "table", at="2026-03-21 17:00:00")
    assert ran.out == (
        "Task 3: phone call for Martinez\n"
        "\n"
        "What: No answer so far (recommended: call: they seem lonely; offer payment plan)\n"
        "Due: Mon 23 Mar 13:00 (in 2 days)\n"
        "Priority: high\n"
        "For: sarah\n"
        "Family: Martinez (42)\n"
        "Phone: +12125550142\n"
        "Email: family42@example.org\n"
        "Their clock: 10:00\n"
        "Recommended: call: they seem lonely; offer payment plan\n"
        "Instance: 1 (calls): coopflow show 1\n"
        "Status: open\n"
        "Close it: coopflow task done 3 --outcome reached (or voicemail, wrong_number)\n"
        "\n"
        "So far\n"
        "\n"
        "sent  Thu 19 Mar 13:00 (2 days ago)  Say hello\n"
        "    Hello\n"
        "done  Fri 20 Mar 09:00 (1 day ago)   phone call: voicemail (sarah)\n"
        "    spoke to nobody\n"
    )


def test_the_page_of_a_task_as_data(co: CoOp) -> None:
    page = json.loads(co.run("task", "show", "1", "--json").out)
    assert page["family"]["phone"] == "+12125550142"
    assert page["recommended"] == ["call: they seem lonely", "offer payment plan"]
    assert [message["step_name"] for message in page["messages"]] == ["Say hello"]
    assert (page["workflow"], page["status"], page["outcomes"]) == (
        "calls",
        "open",
        ["reached", "voicemail", "wrong_number"],
    )


def test_a_closed_task_has_its_page_too(co: CoOp) -> None:
    co.run("task", "dismiss", "2", "--note", "they have moved")
    ran = co.run("task", "show", "2", "--format", "table")
    assert "Status: dismissed (they have moved)\n" in ran.out
    assert "Close it" not in ran.out


# -- closing ------------------------------------------------------------------------------------------------------


def test_a_voicemail_says_when_the_call_comes_back(co: CoOp) -> None:
    ran = co.run("task", "done", "1", "--outcome", "voicemail")
    assert (ran.code, ran.out, ran.err) == (
        0,
        "",
        "Task 1 is done. Voicemail: once more on Sat 21 Mar 09:00 (1 of 3).\n",
    )


def test_the_end_says_so(co: CoOp) -> None:
    ran = co.run("task", "done", "1", "--outcome", "reached", "--note", "a good talk")
    assert ran.err == "Task 1 is done. Reached. Instance 1 (Martinez, calls): it is completed: reached 'Done'.\n"


def test_an_escalation_says_whose_turn_it_is_and_how_to_go_back(co: CoOp) -> None:
    ran = co.run("task", "done", "1", "--outcome", "wrong_number")
    assert ran.err == (
        "Task 1 is done. Wrong number. Instance 1 (Martinez, calls): it waits for task 3 (a decision)."
        " To go back: coopflow retry 1 --from call\n"
    )


def test_plain_work_is_closed_with_any_word_or_none(co: CoOp) -> None:
    assert co.run("task", "done", "2").err == "Task 2 is done. Undo: coopflow task reopen 2\n"
    assert co.run("task", "reopen", "2").err == "Task 2 is open again. Undo: coopflow task dismiss 2\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["done", "1"],
            3,
            "task 1 is closed with one of the outcomes reached, voicemail, wrong_number; none was given",
        ),
        (["done", "1", "--outcome", "voicemial"], 3, "(did you mean 'voicemail'?)"),
        (["done", "99"], 3, "there is no task 99; list them with: coopflow task list"),
        (["show", "99"], 3, "there is no task 99; list them with: coopflow task list"),
        (["done", "x"], 2, "'x' is not a number such as"),
        (["show", "9" * 30], 2, "is not a number such as"),
        (["assign", "2", "mikey"], 3, "there is no coordinator 'mikey' (did you mean 'mike'?)"),
        (["snooze", "2"], 2, "say until when"),
        (["dismiss", "1"], 3, "coopflow task done 1 --outcome reached|voicemail|wrong_number"),
        (["reopen", "2"], 3, "task 2 is open"),
        (["list", "--due", "tomorrow"], 2, "'tomorrow' is not one of"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(co: CoOp, arguments: list[str], code: int, words: str) -> None:
    before = [co.world.trail(number) for number in (1, 2)]
    ran = co.run("task", *arguments)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert [co.world.trail(number) for number in (1, 2)] == before


def test_closing_a_task_twice_names_what_it_came_to(co: CoOp) -> None:
    co.run("task", "done", "1", "--outcome", "reached")
    ran = co.run("task", "done", "1", "--outcome", "voicemail")
    assert (ran.code, ran.err) == (3, "coopflow: task 1 is done already (reached)\n")


# -- giving away and putting off ----------------------------------------------------------------------------------


def test_a_task_goes_to_somebody_else_and_back(co: CoOp) -> None:
    ran = co.run("task", "assign", "2", "director")
    assert ran.err == "Task 2 is director's now. Undo: coopflow task assign 2 mike\n"
    assert co.world.store.desk.get(2).assignee == "director"


def test_a_task_is_put_off_to_the_end_of_a_day(co: CoOp) -> None:
    ran = co.run("task", "snooze", "2", "--until", "2026-03-27")
    assert ran.err == (
        "Task 2 is due on Fri 27 Mar 17:00 now. Undo: coopflow task snooze 2 --until '2026-03-23 09:00'\n"
    )
    ran = co.run("task", "snooze", "2", "--for", "2 business days")
    assert ran.err.startswith("Task 2 is due on Tue 24 Mar 09:00 now.")


def test_there_is_no_way_back_to_a_time_that_has_passed(co: CoOp) -> None:
    ran = co.run("task", "snooze", "1", "--for", "7 days", at="2026-03-25 13:00:00")
    assert ran.err == "Task 1 is due on Wed 1 Apr 09:00 now.\n"


def test_notes_are_kept_apart_so_that_they_can_be_erased(co: CoOp) -> None:
    co.run("task", "dismiss", "2", "--note", "the mother is ill")
    last = co.world.store.looking.events(instance_id=2)[-1]
    assert (last["kind"], last["personal"]) == ("task.dismissed", {"note": "the mother is ill"})


@pytest.mark.parametrize("command", ["list", "show", "done", "assign", "snooze", "dismiss", "reopen"])
def test_the_help_shows_an_example(co: CoOp, command: str) -> None:
    assert f"coopflow task {command}" in " ".join(co.run("task", command, "--help").out.split())
