"""The verbs for instances, from `pause` to `note`: what each does, says and refuses."""

import pytest

from coopflow.core.deliveries import Refused
from coopflow.sending import Post
from tests.cli.conftest import CoOp

EMAIL = {"id": "hello", "type": "email", "name": "Say hello", "template_id": "hello"}
WAIT = {"id": "rest", "type": "wait", "name": "Wait for an answer", "duration": "3 days"}
TEXT = {"id": "text", "type": "sms", "name": "Send a text", "message": "Hi {{ family_name }}"}
END = {"id": "done", "type": "end", "name": "Done"}
VERBS = ("pause", "resume", "cancel", "retry", "skip", "goto", "snooze", "run-now", "note")
ENDING = {"goto": ["text"], "note": ["Called back."], "snooze": ["--for", "9 days"]}


@pytest.fixture
def co(co_op: CoOp) -> CoOp:
    """Martinez and King have their mail and wait for three days before their text; instances 1 and 2."""
    co_op.world.has_workflow("outreach", [EMAIL, WAIT, TEXT, END])
    co_op.world.has_family("42", family_name="Martinez")
    co_op.world.has_family("7", family_name="King")
    for family in ("42", "7"):
        co_op.world.start("outreach", family=family)
    co_op.world.tick()
    return co_op


# -- what each says -----------------------------------------------------------------------------------------------


def test_each_verb_says_what_changed_what_comes_next_and_how_to_undo_it(co: CoOp) -> None:
    told = {
        "pause 1 --reason holiday": (
            "Paused 1 (Martinez, outreach). Next would have been: the end of the wait 'Wait for an answer'"
            " on Mon 23 Mar 09:00 (in 3 days). Undo: coopflow resume 1\n"
        ),
        "note 1 Called": (
            "Noted on 1 (Martinez, outreach). It is paused (holiday (sarah)) until: coopflow resume 1;"
            " then: the end of the wait 'Wait for an answer' on Mon 23 Mar 09:00 (in 3 days).\n"
        ),
        "resume 1": (
            "Resumed 1 (Martinez, outreach). Next: the end of the wait 'Wait for an answer'"
            " on Mon 23 Mar 09:00 (in 3 days). Undo: coopflow pause 1\n"
        ),
        "snooze 1 --until 2026-04-01": (
            "Put off 1 (Martinez, outreach). Next: the end of the wait 'Wait for an answer'"
            " on Wed 1 Apr 00:00 (in 12 days). Undo: coopflow run-now 1\n"
        ),
        "run-now 1": (
            "Brought forward 1 (Martinez, outreach). Next: text 'Send a text' with the next tick."
            " Undo: coopflow snooze 1 --until '2026-04-01 00:00'\n"
        ),
        "goto 1 rest": (
            "Moved 1 (Martinez, outreach) to 'rest'. Next: the end of the wait 'Wait for an answer'"
            " on Mon 23 Mar 09:00 (in 3 days). Undo: coopflow goto 1 text\n"
        ),
        "skip 1": (
            "Skipped 'Wait for an answer' of 1 (Martinez, outreach). Next: text 'Send a text' with the next tick."
            " Undo: coopflow goto 1 rest\n"
        ),
        "retry 1 --from rest": (
            "Moved 1 (Martinez, outreach) to 'rest'. Next: the end of the wait 'Wait for an answer'"
            " on Mon 23 Mar 09:00 (in 3 days). Undo: coopflow goto 1 text\n"
        ),
        "goto 1 done": "Moved 1 (Martinez, outreach) to 'done'. It is completed: reached 'Done'.\n",
        "cancel 2 --reason moved": (
            "Cancelled 2 (King, outreach). Next would have been: the end of the wait 'Wait for an answer'"
            " on Mon 23 Mar 09:00 (in 3 days). It cannot be resumed;"
            " to start anew: coopflow trigger --workflow outreach --family 7\n"
        ),
    }
    for command, words in told.items():
        ran = co.run(*command.split())
        assert (ran.code, ran.out, ran.err) == (0, "", words), command
    assert (co.world.status(1), co.world.status(2)) == ("completed", "cancelled")


def test_who_and_why_are_on_record(co: CoOp) -> None:
    co.run("cancel", "1", "--reason", "moved away")
    last = co.world.store.looking.events(instance_id=1)[-1]
    assert (last["kind"], last["actor"], last["data"]["reason"]) == ("instance.cancelled", "sarah", "moved away")


def test_a_step_on_hold_is_retried(co: CoOp) -> None:
    co.world.has_family("9", family_name="Okafor")
    co.world.engine.post = Post(co.world.wires, max_concurrent=1)
    co.world.wires["email"].answers.append(Refused("550 mailbox unknown"))
    held = co.world.start("outreach", family="9")
    co.world.tick()
    ran = co.run("note", str(held), "They have a new address")
    assert ran.err == f"Noted on {held} (Okafor, outreach). It waits for task 1 (a decision).\n"

    ran = co.run("retry", str(held))

    assert ran.err == (
        f"Retrying 'Say hello' of {held} (Okafor, outreach). Next: email 'Say hello' with the next tick."
        f" Stop: coopflow pause {held}\n"
    )


def test_what_waits_for_a_task_names_it(co: CoOp) -> None:
    call = {"id": "call", "type": "call", "name": "Call", "reason": "Hello", "outcomes": {"reached": "done"}}
    co.world.has_workflow("calls", [call, END])
    instance = co.world.start("calls", family="7")
    co.world.tick()
    assert "It was waiting for task 1 (phone call)." in co.run("pause", str(instance)).err
    assert "Resumed 3 (King, calls). It waits for task 1 (phone call)." in co.run("resume", str(instance)).err


def test_a_pause_of_what_is_on_its_way_says_so(co: CoOp) -> None:
    co.world.has_family("9", family_name="Okafor")
    co.world.engine.post = Post(co.world.wires, max_concurrent=1)
    instance = co.world.start("outreach", family="9")
    deliver, told = co.world.engine.post.deliver, []

    def pause_meanwhile(batch, book):  # type: ignore[no-untyped-def]
        def written(asked, answers):  # type: ignore[no-untyped-def]
            if answers:
                told.append(co.run("pause", str(instance)).err)
            return book(asked, answers)

        return deliver(batch, written)

    co.world.engine.post.deliver = pause_meanwhile  # type: ignore[method-assign]
    co.world.tick()

    assert told == [
        "Paused 3 (Okafor, outreach). It was waiting for the answer to its email 'Say hello'. Undo: coopflow resume 3\n"
    ]
    assert (co.world.status(instance), co.world.step(instance)) == ("paused", "rest")


def test_a_step_inside_branches_has_no_way_back_but_to_all_of_them(co: CoOp) -> None:
    branch = [{"id": "one", "type": "wait", "duration": "1 day"}, {"id": "two", "type": "wait", "duration": "1 day"}]
    split = {"id": "split", "type": "parallel", "branches": [branch]}
    co.world.has_workflow("w", [split, {"id": "rest", "type": "wait", "duration": "2 days"}, END])
    instance = co.world.start("w", family="7")
    co.world.tick()
    assert co.run("skip", str(instance)).err == (
        "Skipped 'One' of 3 (King, w). Next: the end of the wait 'Two' on Sat 21 Mar 09:00 (in 1 day).\n"
    )
    assert co.run("goto", str(instance), "rest").err.endswith("Undo: coopflow goto 3 split\n")


# -- choosing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_choice_nothing_is_done(co: CoOp, verb: str) -> None:
    ran = co.run(verb, *ENDING.get(verb, []))
    assert ran.code == 2
    assert ran.err == "coopflow: say which instances: their numbers, --family, --workflow, --state or --all\n"


@pytest.mark.parametrize(
    ("choice", "paused"),
    [
        (["--family", "42"], [1]),
        (["--family", "marti"], [1]),
        (["--workflow", "outreach", "--family", "King"], [2]),
        (["--all", "--yes"], [1, 2]),
        (["--state", "running", "--yes"], [1, 2]),
        (["1", "2", "--family", "7"], [2]),
        (["2", "2"], [2]),
    ],
)
def test_choices_are_joined(co: CoOp, choice: list[str], paused: list[int]) -> None:
    co.run("pause", *choice)
    assert [number for number in (1, 2) if co.world.status(number) == "paused"] == paused


def test_finished_instances_are_left_alone_unless_they_are_meant(co: CoOp) -> None:
    co.run("cancel", "1")
    assert co.run("pause", "--all").code == 0
    ran = co.run("pause", "--state", "cancelled")
    assert (ran.code, ran.err) == (3, "coopflow: instance 1 is cancelled already\n")


@pytest.mark.parametrize(
    ("choice", "code", "words"),
    [
        (["--family", "99"], 3, "there is no family '99'"),
        (["--family", "42", "--state", "paused"], 3, "there is no paused instance of family 42; see them with"),
        (["--workflow", "outraech"], 3, "there is no workflow 'outraech'. Did you mean 'outreach'?"),
        (["--state", "slow"], 2, "'slow' is not one of"),
        (["one"], 2, "'one' is not a number such as 17"),
        (["9" * 30], 2, "is not a number such as"),
        (["42"], 3, "there is no instance 42; family 42 (Martinez) has instance 1\n"),
        (["99"], 3, "there is no instance 99; list them with: coopflow status\n"),
    ],
)
def test_what_is_not_there_is_named_with_what_may_be_meant(co: CoOp, choice: list[str], code: int, words: str) -> None:
    ran = co.run("pause", *choice)
    assert ran.code == code
    assert words in ran.err
    assert (co.world.status(1), co.world.status(2)) == ("running", "running")


def test_a_tasks_number_or_a_family_without_instances_is_recognised(co: CoOp) -> None:
    co.world.has_family("3", family_name="Lopez")
    co.world.has_workflow("w", [{"id": "pack", "type": "task", "description": "Pack"}, END])
    for family in ("3", "7", "42"):
        co.world.start("w", family=family)
    co.world.tick()
    assert "task 3 is of instance 5" not in co.run("pause", "1").err
    for number in (3, 4, 5):
        assert co.run("pause", str(number)).code == 3
    co.world.has_family("11", family_name="Adams")
    assert "family 11 (Adams) has no active instance" in co.run("pause", "11").err


def test_some_done_and_some_not_is_done_in_part(co: CoOp) -> None:
    co.run("pause", "2")
    ran = co.run("pause", "1", "2", "99", "--yes")
    assert ran.code == 1
    assert ran.err.splitlines()[0].startswith("Paused 1 (Martinez, outreach).")
    assert ran.err.splitlines()[1:] == [
        "coopflow: there is no instance 99; list them with: coopflow status",
        "coopflow: instance 2 is paused already: paused by sarah",
    ]


# -- asking first -------------------------------------------------------------------------------------------------


def test_more_than_one_is_asked_about_with_all_that_would_be_done(co: CoOp) -> None:
    ran = co.run("cancel", "--all")
    assert ran.code == 2
    assert ran.err.splitlines() == [
        "Would cancel 1 (Martinez, outreach). Next would have been: the end of the wait 'Wait for an answer'"
        " on Mon 23 Mar 09:00 (in 3 days).",
        "Would cancel 2 (King, outreach). Next would have been: the end of the wait 'Wait for an answer'"
        " on Mon 23 Mar 09:00 (in 3 days).",
        "coopflow: Cancel these 2 instances? Say --yes to do it without being asked.",
    ]
    assert (co.world.status(1), co.world.status(2)) == ("running", "running")


def test_of_very_many_the_question_shows_the_first_ones_and_the_number(co: CoOp) -> None:
    for number in range(100, 130):
        co.world.has_family(str(number))
        co.world.start("outreach", family=str(number))
    ran = co.run("pause", "--all")
    assert len(ran.err.splitlines()) == 22
    assert ran.err.splitlines()[-2:] == [
        "… and 12 more.",
        "coopflow: Pause these 32 instances? Say --yes to do it without being asked.",
    ]


def test_a_message_that_has_left_is_not_sent_once_more_unasked(co: CoOp) -> None:
    ran = co.run("retry", "1", "--from", "hello")
    assert ran.code == 2
    assert ran.err.splitlines()[-2:] == [
        "The email 'Say hello' of instance 1 left on Fri 20 Mar 09:00; it would go out once more.",
        "coopflow: Move this instance to 'hello'? Say --yes to do it without being asked.",
    ]
    assert co.world.step(1) == "rest"
    assert co.run("retry", "1", "--from", "hello", "--yes").code == 0
    co.world.tick()
    assert len(co.world.mails()) == 3


def test_what_cannot_be_done_is_shown_before_the_question_too(co: CoOp) -> None:
    co.run("pause", "2")
    ran = co.run("pause", "1", "2")
    assert "instance 2 is paused already: paused by sarah" in ran.err.splitlines()
    assert co.world.status(1) == "running"


# -- trying it out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("resume", "retry")])
def test_a_dry_run_says_the_same_with_would_and_changes_nothing(co: CoOp, verb: str) -> None:
    before = co.world.trail(1)
    ran = co.run(verb, "1", *ENDING.get(verb, []), "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Would ")
    assert ran.out.count("\n") == 1
    assert (co.world.trail(1), co.world.step(1), co.world.status(1)) == (before, "rest", "running")


def test_a_dry_run_names_what_would_be_refused(co: CoOp) -> None:
    ran = co.run("resume", "1", "--dry-run")
    assert (ran.code, ran.out, ran.err) == (3, "", "coopflow: instance 1 is not paused; it is running\n")


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["snooze", "1"], "say until when: either --until '2026-12-01 09:00' or --for '2 days'"),
        (["snooze", "1", "--for", "1 day", "--until", "2026-12-01"], "say until when: either"),
        (["snooze", "1", "--for", "2"], "--for: '2' has no unit (did you mean '2 days'?)"),
        (["snooze", "1", "--until", "monday"], "--until: 'monday' is not a date; write for example '2026-12-01'"),
        (["snooze", "1", "--until", "2026-03-20 08:00"], "--until: that is not in the future: 2026-03-20 08:00"),
        (["snooze", "1", "--for", "0 days"], "--for: that is not in the future: 0 days"),
        (["note", "1", "  "], "the remark is empty; write it after the instance"),
        (["goto", "1"], "say which instances"),  # the only word is the step
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(co: CoOp, arguments: list[str], words: str) -> None:
    before = co.world.trail(1)
    ran = co.run(*arguments)
    assert (ran.code, words in ran.err) == (2, True), ran.err
    assert co.world.trail(1) == before


def test_an_unknown_step_is_named_with_the_one_that_was_meant(co: CoOp) -> None:
    ran = co.run("goto", "1", "txt")
    assert ran.code == 3
    assert ran.err == (
        "coopflow: workflow outreach version 1 has no step 'txt' (did you mean 'text'?);"
        " it has hello, rest, text, done\n"
    )


def test_a_familys_name_cannot_act_on_the_terminal(co: CoOp) -> None:
    co.world.changes_family("42", family_name="\x1b[31mRed\u202e {which}")
    for dry in ([], ["--dry-run"]):
        ran = co.run("pause", "1", *dry)
        assert "\x1b" not in ran.out + ran.err
        assert "\\x1b[31mRed\\u202e {which}" in ran.out + ran.err
        co.run("resume", "1")


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_shows_examples(co: CoOp, verb: str) -> None:
    ran = co.run(verb, "--help")
    assert ran.code == 0
    assert f"coopflow {verb} 17" in " ".join(ran.out.split())
