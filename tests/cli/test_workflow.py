"""`coopflow workflow`: seen, checked, loaded, switched, compared and moved, without a manual."""

import json
from pathlib import Path

import pytest

from coopflow.workflows.folder import read_files
from coopflow.workflows.known import Known
from tests.cli.conftest import CONFIG, CoOp
from tests.folders import ERRAND, HELLO, WELCOME

PLAN = """\
name: plan
description: A call, and a text if nobody answers
priority: 8
max_concurrent_instances: 2
trigger: {type: event, event: field_trip_booked, conditions: grade > 3, group: trips, cooldown: 30 days}
completion_criteria: email_response_received or family_withdrew
escalation:
  levels: [{after: 2 days, assign: mike}, {after: 5 days, assign: director}]
steps:
  - {id: rest, name: Wait a little, type: wait, duration: 3 days}
  - id: call
    name: Call them
    type: call
    reason: They did not say whether they come
    approval: true
    only_if: engagement_score < 50
    stale_after: 3 days
    outcomes:
      reached: done
      busy: {retry_in: 1 day, max: 3, then: text}
  - {id: text, name: Send a text, type: sms, message: "Hello {{ family_name }}", delay: 2 days, urgent: true}
  - {id: done, name: Done, type: end}
"""


@pytest.fixture
def desk(co_op: CoOp) -> CoOp:
    """A co-op with the workflows errand, plan and welcome in force, and the Martinez family."""
    folder = co_op.folder / "workflows.d"
    (folder / "messages").mkdir()
    (folder / "messages" / "hello.md").write_text(HELLO)
    (co_op.folder / "coopflow.yaml").write_text(f"{CONFIG}attributes: [grade]\n")
    for name, text in {"errand": ERRAND, "plan": PLAN, "welcome": WELCOME}.items():
        (folder / f"{name}.yaml").write_text(text)
    assert co_op.run("workflow", "load").code == 0
    co_op.world.has_family("42", family_name="Martinez", attributes={"grade": 4})
    return co_op


def writes(desk: CoOp, name: str, text: str) -> None:
    (desk.folder / "workflows.d" / f"{name}.yaml").write_text(text)


# -- looking --------------------------------------------------------------------------------------------------------


def test_the_list_says_what_starts_each_and_what_runs_on_which_version(desk: CoOp) -> None:
    desk.world.start("errand", family="42")
    writes(desk, "errand", ERRAND.replace("1 minute", "2 minutes"))
    desk.run("workflow", "load")
    desk.world.has_family("7")
    desk.world.start("errand", family="7")

    rows = json.loads(desk.run("workflow", "list", "--json").out)

    assert rows[0] == {
        "name": "errand",
        "version": 2,
        "active": True,
        "trigger": "by hand",
        "steps": 4,
        "instances": {"v1": 1, "v2": 1},
        "source_path": "errand.yaml",
    }
    assert rows[1]["trigger"] == "with the event field_trip_booked, if grade > 3"
    table = desk.run("workflow", "list", "--format", "table").out
    assert "1 on v1, 1 on v2" in table


def test_piped_the_list_is_plain(desk: CoOp) -> None:
    ran = desk.run("workflow", "list")

    assert "\x1b" not in ran.out
    assert ran.out.splitlines()[0].split("\t")[:3] == ["name", "version", "active"]


def test_without_any_the_list_says_what_to_do(co_op: CoOp) -> None:
    ran = co_op.run("workflow", "list", "--format", "table")

    assert ran.out == "There are no workflows. Put some into the folder, then: coopflow workflow load\n"


def test_a_workflow_is_shown_in_plain_words(desk: CoOp) -> None:
    desk.world.start("plan", family="42")

    assert (
        desk.run("workflow", "show", "plan", "--format", "table").out
        == """\
plan v1
A call, and a text if nobody answers
In force; running: 1 instance on v1; from plan.yaml

Starts with the event field_trip_booked, if grade > 3.
Not again for the same family within 30 days.
Only the most urgent matching workflow of the group trips starts.
A family has at most 2 runs of it at a time; its priority is 8 of 10.
Ends at any moment, if email_response_received or family_withdrew.
Reaches people in the window business_hours (America/New_York, or the family's own time zone).
What fails for now is tried again 3 times at most, first after 5 minutes, then 2 times as long each, never more than \
1 day apart.
If a step fails for good: a person decides.
A task that nobody closes goes to mike after 2 days and to director after 5 days.

Steps
  1. Wait a little (rest): wait 3 days
  2. Call them (call): call for coordinator
       only if engagement_score < 50, else it is skipped
       only after a person has said yes
       a person decides if it is more than 3 days late
       busy: again after 1 day, at most 3 times, then → text
       reached → done
  3. Send a text (text): text
       2 days after the step before
       urgent: at any hour that the law allows
  4. Done (done): end: success
"""
    )


def test_what_is_unusual_is_said_too(desk: CoOp) -> None:
    odd = PLAN.replace("name: plan", "name: odd\nretry: {max_retries: 0}").replace("urgent: true", "window: always")
    odd = odd.replace("duration: 3 days}", "duration: 3 days, scheduled_time: '2026-04-01T10:00'}")
    odd = odd.replace("window: always}", "window: always, retry: {max_retries: 2, initial_delay: 1 hour}}")
    writes(desk, "odd", odd)
    assert "odd: added (v1)" in desk.run("workflow", "load").out

    shown = desk.run("workflow", "show", "odd", "--format", "table").out

    assert "What fails for now is not tried again.\n" in shown
    assert "       not before 2026-04-01T10:00\n" in shown
    assert "       in the window always\n       tried again 2 times at most, first after 1 hour\n" in shown


def test_what_is_stored_is_shown_as_json(desk: CoOp) -> None:
    shown = json.loads(desk.run("workflow", "show", "welcome", "--json").out)

    assert (shown["name"], shown["version"], shown["active"]) == ("welcome", 1, True)
    assert shown["trigger"] == {"type": "manual"}
    assert shown["messages"] == {"hello": {"": HELLO}}
    assert [step["id"] for step in shown["steps"]] == ["hello", "pause"]
    assert (shown["source_path"], shown["instances"]) == ("welcome.yaml", {})


def test_an_older_version_is_shown_by_its_number(desk: CoOp) -> None:
    writes(desk, "errand", ERRAND.replace("1 minute", "2 minutes"))
    desk.run("workflow", "load")

    assert "wait 1 minute" in desk.run("workflow", "show", "errand", "--version", "1", "--format", "table").out
    assert "wait 2 minutes" in desk.run("workflow", "show", "errand", "--format", "table").out
    missing = desk.run("workflow", "show", "errand", "--version", "3")
    assert missing == (3, "", "coopflow: there is no version 3 of workflow 'errand'; there is 1, 2\n")


@pytest.mark.parametrize("command", ["show", "diagram", "diff", "disable", "enable"])
def test_a_slip_in_a_name_is_told_with_what_was_meant(desk: CoOp, command: str) -> None:
    ran = desk.run("workflow", command, "erand")

    assert ran == (3, "", "coopflow: there is no workflow 'erand'. Did you mean 'errand'?\n")


# -- checking -------------------------------------------------------------------------------------------------------

WRONG = ERRAND.replace("if_true_step: visit", "if_true_step: visti").replace("type: manual", "typ: manual")
PROBLEMS = [
    "workflows.d/errand.yaml:2:11: trigger: unknown key 'typ'. Did you mean 'type'?",
    "workflows.d/errand.yaml:5:84: steps[1] 'enrolled' if_true_step: there is no step 'visti'. Did you mean 'visit'?",
]


def test_every_problem_is_told_at_once(desk: CoOp) -> None:
    writes(desk, "errand", WRONG)
    writes(desk, "welcome", WELCOME.replace("template_id: hello", "template_id: helo"))

    ran = desk.run("workflow", "validate")

    found = ran.out.splitlines()
    assert set(PROBLEMS) <= set(found)
    assert any(line.startswith("workflows.d/welcome.yaml:4:") for line in found)
    assert ran.err == f"{len(found)} errors in 2 files (3 files checked).\n"
    assert ran.code == 4


def test_what_is_good_is_said_in_one_line(desk: CoOp) -> None:
    assert desk.run("workflow", "validate") == (0, "", "no problems (3 files checked).\n")


def test_warnings_alone_are_no_failure(desk: CoOp) -> None:
    (desk.folder / "workflows.d" / "messages" / "Not a name.md").write_text(HELLO)

    ran = desk.run("workflow", "validate")

    assert ran.code == 0
    assert ran.out.startswith("workflows.d/messages/Not a name.md:1:1: warning: ")
    assert ran.err == "1 warning in 1 file (3 files checked).\n"


def test_single_files_and_folders_can_be_named(desk: CoOp) -> None:
    writes(desk, "errand", WRONG)

    assert desk.run("workflow", "validate", "workflows.d/plan.yaml").err == "no problems (1 file checked).\n"
    assert desk.run("workflow", "validate", "workflows.d/errand.yaml").code == 4
    assert desk.run("workflow", "validate", "workflows.d/plan.yaml", "workflows.d").code == 4
    assert desk.run("workflow", "validate", "nowhere.yaml") == (4, "", "coopflow: there is no file nowhere.yaml\n")
    message = desk.run("workflow", "validate", "workflows.d/messages/hello.md")
    assert message.code == 2
    assert message.err.endswith(" is not a workflow file (.yaml); message templates are checked with their folder\n")


def test_neither_database_nor_configuration_is_needed(co_op: CoOp, tmp_path: Path) -> None:
    (co_op.folder / "coopflow.yaml").unlink()
    (co_op.folder / "coopflow.db").unlink()
    assert co_op.run("workflow", "validate").err == "no problems (0 files checked).\n"

    (co_op.folder / "workflows.d" / "errand.yaml").write_text(WRONG)
    assert co_op.run("workflow", "validate").code == 4
    (co_op.folder / "workflows.d" / "errand.yaml").unlink()
    (co_op.folder / "workflows.d").rmdir()
    assert co_op.run("workflow", "validate").code == 2
    assert co_op.run("-c", "other.yaml", "workflow", "validate").code == 3


def test_imported_attributes_are_known_if_the_database_can_be_asked(desk: CoOp) -> None:
    (desk.folder / "coopflow.yaml").write_text(CONFIG)
    assert desk.run("workflow", "validate").code == 0  # the family has a grade

    desk.world.close()
    (desk.folder / "coopflow.db").write_bytes(b"no database")
    ran = desk.run("workflow", "validate")
    assert ran.code == 4
    assert "nothing provides 'grade'" in ran.out
    assert "so attributes that were imported are not known" in ran.err


def test_problems_as_json(desk: CoOp) -> None:
    writes(desk, "errand", WRONG)

    for arguments in (["--json"], ["--format", "json"]):
        ran = desk.run("workflow", "validate", *arguments)
        found = json.loads(ran.out)
        assert (ran.code, found["files"], found["errors"], found["warnings"]) == (4, 3, len(found["problems"]), 0)
        assert {
            "path": "workflows.d/errand.yaml",
            "line": 5,
            "column": 84,
            "where": "steps[1] 'enrolled' if_true_step",
            "message": "there is no step 'visti'. Did you mean 'visit'?",
            "severity": "error",
        } in found["problems"]


def test_problems_as_remarks_for_github(desk: CoOp) -> None:
    writes(desk, "errand", WRONG)
    (desk.folder / "workflows.d" / "messages" / "100%: a, b.md").write_text(HELLO)

    lines = desk.run("workflow", "validate", "--format", "github").out.splitlines()

    place, what = "file=workflows.d/errand.yaml,line=5,col=84", "steps[1] 'enrolled' if_true_step"
    assert f"::error {place}::{what}: there is no step 'visti'. Did you mean 'visit'?" in lines
    [warning] = [line for line in lines if line.startswith("::warning")]
    assert warning.startswith("::warning file=workflows.d/messages/100%25%3A a%2C b.md,line=1,col=1::'100%25: a, b.md'")


# -- loading and switching ------------------------------------------------------------------------------------------


def test_loading_says_what_became_of_each(desk: CoOp) -> None:
    writes(desk, "errand", ERRAND.replace("1 minute", "2 minutes"))
    (desk.folder / "workflows.d" / "plan.yaml").unlink()
    writes(desk, "visit", ERRAND.replace("name: errand", "name: visit"))

    lines = "errand: updated to v2\nplan: retired (v1)\nvisit: added (v1)\nwelcome: unchanged (v1)\n"
    assert desk.run("workflow", "load") == (0, lines, "")


def test_loading_a_broken_file_ends_with_4_after_the_good_ones(desk: CoOp) -> None:
    writes(desk, "errand", WRONG)
    writes(desk, "visit", ERRAND.replace("name: errand", "name: visit"))

    ran = desk.run("workflow", "load")

    assert ran.code == 4
    assert "errand: not loaded, v1 stays in force\n" in ran.out
    assert "visit: added (v1)\n" in ran.out
    assert ran.err.splitlines()[-1] == "3 errors in 1 file."
    assert desk.run("tick") == (0, "", "")  # cron need not repeat it


def test_disabling_and_enabling(desk: CoOp) -> None:
    desk.world.start("plan", family="42")

    off = desk.run("workflow", "disable", "plan")
    words = "Disabled plan (v1): nothing starts from it; 1 instance of it goes on. Undo: coopflow workflow enable plan"
    assert off == (0, "", f"{words}\n")
    assert desk.run("trigger", "--workflow", "errand", "--family", "42").code == 0
    refused = desk.run("trigger", "--workflow", "plan", "--family", "42")
    assert refused.code == 3
    assert "coopflow workflow enable plan" in refused.err
    assert desk.run("workflow", "disable", "plan").code == 3

    on = desk.run("workflow", "enable", "plan")
    assert on == (0, "", "Enabled plan (v1). Undo: coopflow workflow disable plan\n")
    assert desk.run("workflow", "enable", "plan") == (3, "", "coopflow: workflow 'plan' is enabled already\n")


def test_enabling_what_its_file_keeps_back(desk: CoOp) -> None:
    desk.run("workflow", "disable", "errand")
    writes(desk, "errand", f"enabled: false\n{ERRAND}")

    reason = "workflows.d/errand.yaml says 'enabled: false'; take that line out, and it starts"
    ran = desk.run("workflow", "enable", "errand")
    assert ran.err == f"It is enabled again, but {reason}. Undo: coopflow workflow disable errand\n"
    assert desk.run("workflow", "enable", "errand") == (3, "", f"{reason}\n")


# -- drawing and comparing ------------------------------------------------------------------------------------------


def test_a_diagram_in_text_and_for_a_wiki(desk: CoOp) -> None:
    drawn = desk.run("workflow", "diagram", "errand").out
    assert drawn.startswith("errand v1\nstarts by hand\n\n○ rest: Rest [wait 1 minute]\n")
    assert desk.run("workflow", "diagram", "errand", "--format", "mermaid").out.startswith("flowchart TD\n  begin(")


def test_a_diagram_of_the_file_before_it_is_loaded(desk: CoOp) -> None:
    writes(desk, "errand", ERRAND.replace("1 minute", "2 hours"))
    assert "wait 2 hours" not in desk.run("workflow", "diagram", "errand").out
    assert "wait 2 hours" in desk.run("workflow", "diagram", "errand", "--file").out

    writes(desk, "errand", WRONG)
    broken = desk.run("workflow", "diagram", "errand", "--file")
    assert broken.code == 4
    assert set(PROBLEMS) <= set(broken.err.splitlines())
    missing = desk.run("workflow", "diagram", "erand", "--file")
    assert missing.code == 3
    assert missing.err == "coopflow: there is no file of workflow 'erand' in workflows.d.\n"


def test_the_newest_version_is_compared_with_the_file(desk: CoOp) -> None:
    same = desk.run("workflow", "diff", "errand")
    assert same == (0, "", "Version 1 and the file mean the same.\n")
    desk.world.start("errand", family="42")
    writes(desk, "errand", ERRAND.replace("1 minute", "2 minutes"))

    changed = desk.run("workflow", "diff", "errand")
    assert changed.out == "  step 'rest': duration: 1 minute → 2 minutes\n"
    kept = "They keep their version until: coopflow workflow migrate errand --all"
    assert changed.err == f"Running: 1 instance on v1. {kept}\n"


def test_two_versions_are_compared(desk: CoOp) -> None:
    writes(desk, "errand", ERRAND.replace("1 minute", "2 minutes"))
    desk.run("workflow", "load")

    there = desk.run("workflow", "diff", "errand", "--from", "1", "--to", "2")
    assert there == (0, "  step 'rest': duration: 1 minute → 2 minutes\n", "")
    back = desk.run("workflow", "diff", "errand", "--to", "1")
    assert back.out == "  step 'rest': duration: 2 minutes → 1 minute\n"
    assert desk.run("workflow", "diff", "errand", "--from", "9").code == 3


# -- beginning ------------------------------------------------------------------------------------------------------


def test_the_schema_is_the_one_that_lies_beside_the_bundled_workflows(desk: CoOp) -> None:
    from coopflow.workflows.bundled import bundled_folder

    bundled = (bundled_folder() / "workflow.schema.json").read_text()
    assert desk.run("workflow", "schema") == (0, bundled, "")

    assert desk.run("workflow", "schema", "-o", "mine.json") == (0, "", "Wrote mine.json.\n")
    assert (desk.folder / "mine.json").read_text() == bundled
    nowhere = desk.run("workflow", "schema", "-o", "no/where.json")
    assert nowhere == (1, "", "coopflow: no/where.json cannot be written: no such file or directory\n")


def test_a_new_workflow_is_a_good_one(desk: CoOp) -> None:
    ran = desk.run("workflow", "new", "spring_picnic")

    assert ran.err == (
        "made workflows.d/spring_picnic.yaml\nmade workflows.d/messages/spring_picnic.md\n"
        "made workflows.d/workflow.schema.json\nChange it, then: coopflow workflow validate\n"
    )
    assert desk.run("workflow", "validate").err == "no problems (4 files checked).\n"
    assert "spring_picnic: added (v1)\n" in desk.run("workflow", "load").out


def test_a_copy_of_a_bundled_workflow_starts_nothing_until_it_is_meant_to(desk: CoOp) -> None:
    ran = desk.run("workflow", "new", "my_onboarding", "--from", "onboarding")

    assert ran.code == 0
    path = desk.folder / "workflows.d" / "my_onboarding.yaml"
    reading = read_files([path], Known())
    assert [(found.name, found.active) for found in reading.definitions] == [("my_onboarding", False)]
    assert "\nname: my_onboarding\nenabled: false " in path.read_text()


def test_nothing_that_is_there_is_written_over(desk: CoOp) -> None:
    message = desk.folder / "workflows.d" / "messages" / "onboarding_welcome.md"
    message.write_text("mine")
    ran = desk.run("workflow", "new", "mine", "--from", "onboarding")
    assert "kept workflows.d/messages/onboarding_welcome.md\n" in ran.err
    assert message.read_text() == "mine"

    again = desk.run("workflow", "new", "mine")
    assert again == (3, "", "workflows.d/mine.yaml is there already; choose another name\n")
    writes(desk, "elsewhere", ERRAND.replace("name: errand", "name: taken"))
    taken = desk.run("workflow", "new", "taken")
    assert taken == (3, "", "coopflow: a workflow 'taken' is there already, in another file; choose another name\n")


def test_without_a_place_for_it_nothing_is_begun(desk: CoOp) -> None:
    messages = desk.folder / "workflows.d" / "messages"
    messages.rename(desk.folder / "texts")
    messages.write_text("in the way")
    ran = desk.run("workflow", "new", "mine")
    assert ran == (1, "", f"coopflow: {messages} cannot be made: file exists\n")
    (desk.folder / "workflows.d" / "mine.yaml").unlink()

    (desk.folder / "workflows.d").rename(desk.folder / "elsewhere")
    ran = desk.run("workflow", "new", "mine")
    assert ran == (3, "", "coopflow: there is no folder of workflows at workflows.d\n")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["../evil"], 4, "'../evil' is not a name for a workflow: small letters, digits, _ and -,"),
        (["a\nb: c"], 4, r"'a\nb: c' is not a name for a workflow"),
        (["x", "--from", "onbording"], 3, "there is no bundled workflow 'onbording'. Did you mean 'onboarding'?"),
        (["onboarding", "--from", "onboarding"], 2, "give the copy of 'onboarding' a name of its own"),
    ],
)
def test_a_name_that_cannot_be_is_refused(desk: CoOp, arguments: list[str], code: int, problem: str) -> None:
    before = sorted(desk.folder.rglob("*"))

    ran = desk.run("workflow", "new", *arguments)

    assert ran.code == code
    assert problem in ran.err
    assert sorted(desk.folder.rglob("*")) == before


# -- moving what runs -----------------------------------------------------------------------------------------------


@pytest.fixture
def edited(desk: CoOp) -> CoOp:
    """Three instances on version 1 of `errand`, one of them at a step that version 2 does not have."""
    for family in ("7", "8"):
        desk.world.has_family(family)
    numbers = [desk.world.start("errand", family=family) for family in ("42", "7", "8")]
    assert numbers == [1, 2, 3]
    desk.world.tick()
    desk.world.db.execute_sql("UPDATE workflow_queue SET step_id = 'visit', awaits = 'turn' WHERE instance_id = 3")
    writes(desk, "errand", ERRAND.replace("1 minute", "2 days").replace("visit", "errand"))
    assert desk.run("workflow", "load").code == 0
    return desk


def versions(desk: CoOp) -> dict[int, int]:
    return {row["instance_id"]: row["version"] for row in desk.world.store.looking.instances(workflow="errand")}


def test_a_dry_run_shows_each_instance_and_changes_nothing(edited: CoOp) -> None:
    ran = edited.run("workflow", "migrate", "errand", "--all", "--dry-run")

    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert rows == [
        [
            "instance_id",
            "family_id",
            "family_name",
            "from_version",
            "to_version",
            "step_id",
            "planned",
            "will_be",
            "problem",
        ],
        ["1", "42", "Martinez", "1", "2", "rest", "2026-03-20T13:01:00Z", "2026-03-22T13:00:00Z", ""],
        ["2", "7", "Family 7", "1", "2", "rest", "2026-03-20T13:01:00Z", "2026-03-22T13:00:00Z", ""],
        ["3", "8", "Family 8", "1", "2", "", "", "", "stands at 'visit', which version 2 does not have"],
    ]
    assert ran.err == "coopflow: instance 3 stands at 'visit', which version 2 does not have\n"
    assert ran.code == 1
    assert versions(edited) == {1: 1, 2: 1, 3: 1}


def test_moving_all_asks_first_and_leaves_those_that_cannot(edited: CoOp) -> None:
    asked = edited.run("workflow", "migrate", "errand", "--all")
    assert asked.code == 2
    question = "coopflow: Move 2 instances of errand to version 2? Say --yes to do it without being asked.\n"
    assert asked.err.endswith(question)
    assert versions(edited) == {1: 1, 2: 1, 3: 1}

    done = edited.run("workflow", "migrate", "errand", "--all", "--yes", "--reason", "more time")
    assert done.code == 1
    assert done.err.splitlines() == [
        "Moved 1 (Martinez, errand) to v2. Next: the end of the wait 'Rest' on Sun 22 Mar 09:00 (in 2 days)."
        " Undo: coopflow workflow migrate errand 1 --to 1",
        "Moved 2 (Family 7, errand) to v2. Next: the end of the wait 'Rest' on Sun 22 Mar 09:00 (in 2 days)."
        " Undo: coopflow workflow migrate errand 2 --to 1",
        "coopflow: instance 3 stands at 'visit', which version 2 does not have",
    ]
    assert versions(edited) == {1: 2, 2: 2, 3: 1}
    assert "instance.migrated" in edited.world.trail(1)


def test_one_instance_is_moved_without_being_asked_and_back(edited: CoOp) -> None:
    assert edited.run("workflow", "migrate", "errand", "2").code == 0
    assert versions(edited) == {1: 1, 2: 2, 3: 1}

    assert edited.run("workflow", "migrate", "errand", "2", "--to", "1").code == 0
    assert versions(edited) == {1: 1, 2: 1, 3: 1}


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["errand"], 2, "name the instances to move, or say --all"),
        (["errand", "1", "--all"], 2, "name the instances to move, or say --all"),
        (["errand", "99"], 3, "there is no instance 99"),
        (["errand", "3"], 3, "instance 3 stands at 'visit', which version 2 does not have"),
        (["errand", "1", "--to", "1"], 3, "instance 1 is on version 1 already"),
        (["welcome", "1"], 3, "instance 1 is a run of errand, not of welcome"),
        (["welcome", "--all"], 3, "no active instance of welcome is on another version than 1"),
        (["errand", "1", "--to", "7"], 3, "there is no version 7 of workflow 'errand'; there is 1, 2"),
    ],
)
def test_what_cannot_be_moved_is_told(edited: CoOp, arguments: list[str], code: int, problem: str) -> None:
    ran = edited.run("workflow", "migrate", *arguments)

    assert ran == (code, "", f"coopflow: {problem}\n")
    assert versions(edited) == {1: 1, 2: 1, 3: 1}


def test_every_command_has_help_with_an_example(co_op: CoOp) -> None:
    names = ["list", "show", "load", "enable", "disable", "migrate", "validate", "diagram", "diff", "schema", "new"]
    assert co_op.run("workflow", "--help").out.count("\n  ") > len(names)
    for name in names:
        ran = co_op.run("workflow", name, "--help")
        assert ran.code == 0
        assert "Example" in ran.out
