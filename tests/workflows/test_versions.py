"""What an edited folder means for the workflows in force, and what is different in words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coopflow.workflows.definition import Definition, read_definition
from coopflow.workflows.diff import diff
from coopflow.workflows.folder import Known, Reading, read_folder
from coopflow.workflows.versions import Change, Kind, compare
from tests.workflows.corpus import KNOWN

FILE = "name: {}\ndescription: {}\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: end}}]\n"


@dataclass(frozen=True)
class Stored:
    version: int
    source_hash: str
    source_path: str
    active: bool = True


def folder(path: Path, **files: str) -> Reading:
    path.mkdir(exist_ok=True)
    for old in path.glob("*.yaml"):
        old.unlink()
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text)
    return read_folder(path, Known())


def stored(reading: Reading, version: int = 1) -> dict[str, Stored]:
    return {
        definition.name: Stored(version, definition.source_hash, definition.source_path)
        for definition in reading.definitions
    }


def said(changes: list[Change]) -> list[str]:
    return [str(change) for change in changes]


def test_a_new_file_is_added_as_version_one(tmp_path: Path) -> None:
    (change,) = compare(folder(tmp_path, a=FILE.format("a", "x")), {})

    assert (change.kind, change.version, str(change)) == (Kind.ADDED, 1, "a: added (v1)")
    assert change.definition is not None


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    reading = folder(tmp_path, a=FILE.format("a", "x"))
    again = folder(tmp_path, a=f"# a comment\n{FILE.format('a', 'x')}")

    assert compare(again, stored(reading, 4)) == [Change("a", Kind.UNCHANGED, 4)]


def test_an_edited_file_is_a_new_version(tmp_path: Path) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")), 4)

    assert said(compare(folder(tmp_path, a=FILE.format("a", "y")), before)) == ["a: updated to v5"]


def test_a_file_restored_from_an_old_copy_is_a_new_version_too(tmp_path: Path) -> None:
    first = folder(tmp_path, a=FILE.format("a", "x"))
    second = stored(folder(tmp_path, a=FILE.format("a", "y")), 2)

    assert said(compare(first, second)) == ["a: updated to v3"]


def test_a_deleted_file_retires_its_workflow_once(tmp_path: Path) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")), 2)

    assert said(compare(folder(tmp_path), before)) == ["a: retired (v2)"]
    assert compare(folder(tmp_path), {"a": Stored(2, "h", "a.yaml", active=False)}) == []


def test_a_renamed_file_is_the_same_workflow(tmp_path: Path) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")))

    assert said(compare(folder(tmp_path, b=FILE.format("a", "x")), before)) == ["a: unchanged (v1)"]


def test_a_renamed_workflow_is_one_added_and_one_retired(tmp_path: Path) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")))

    assert said(compare(folder(tmp_path, a=FILE.format("b", "x")), before)) == ["a: retired (v1)", "b: added (v1)"]


@pytest.mark.parametrize("broken", ["name: a\nsteps: []\n", "name: [", "name: aa\nsteps: []\n", "no workflow"])
def test_a_broken_file_leaves_the_last_good_version_in_force(tmp_path: Path, broken: str) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")), 3)

    assert said(compare(folder(tmp_path, a=broken), before)) == ["a: not loaded, v3 stays in force"]


def test_a_broken_file_that_was_never_good_is_told_too(tmp_path: Path) -> None:
    assert said(compare(folder(tmp_path, a="name: ["), {})) == ["a.yaml: not loaded, nothing is in force"]
    assert said(compare(folder(tmp_path, a="name: b\n"), {})) == ["b: not loaded, nothing is in force"]


def test_two_files_of_one_name_leave_the_last_good_version_in_force(tmp_path: Path) -> None:
    before = stored(folder(tmp_path, a=FILE.format("a", "x")))

    both = folder(tmp_path, a=FILE.format("a", "x"), b=FILE.format("a", "y"))

    assert said(compare(both, before)) == ["a: not loaded, v1 stays in force"]


# -- differences in words -----------------------------------------------------------------------------------------

TEXTS = {"hello": {"": "---\nsubject: Hi\n---\nHi.\n"}, "bye": {"": "---\nsubject: Bye\n---\nBye.\n"}}
OLD = """\
name: w
trigger: {type: prediction, conditions: confidence_score > 80}
escalation: {levels: [{after: 2 days, assign: sarah}]}
steps:
  - {id: a, type: email, template_id: hello, template_vars: {tone: warm}}
  - {id: b, type: wait, duration: 2 days}
  - {id: c, type: sms, message: Hi}
  - {id: d, type: call, reason: x, outcomes: {reached: e, voicemail: {retry_in: 1 day}}}
  - {id: e, type: end}
"""
DIFFERENT = {
    "nothing": (OLD, OLD, []),
    "what it is for": (
        OLD,
        OLD.replace("name: w", "name: w\ndescription: For all"),
        ["  description: nothing → For all"],
    ),
    "a default that is changed": (OLD, OLD.replace("name: w", "name: w\npriority: 8"), ["  priority: 5 → 8"]),
    "a condition": (
        OLD,
        OLD.replace("> 80", "> 85"),
        ["  trigger.conditions: confidence_score > 80 → confidence_score > 85"],
    ),
    "a key that is new": (
        OLD,
        OLD.replace("name: w", "name: w\ncompletion_criteria: payment_received"),
        ["+ completion_criteria: payment_received"],
    ),
    "a key that is gone": (
        OLD.replace("type: prediction,", "type: prediction, cooldown: 1 week,"),
        OLD,
        ["- trigger.cooldown is gone (was 7 days)"],
    ),
    "the levels": (
        OLD,
        OLD.replace("assign: sarah}", "assign: sarah}, {after: 5 days, assign: director}"),
        ["  escalation.levels: after 2 days sarah → after 2 days sarah, after 5 days director"],
    ),
    "a step's wait": (
        OLD,
        OLD.replace("2 days}\n  - {id: c", "3 days}\n  - {id: c"),
        ["  step 'b': duration: 2 days → 3 days"],
    ),
    "a step's words": (OLD, OLD.replace("message: Hi", "message: Hello"), ["  step 'c': message: Hi → Hello"]),
    "a switch": (OLD, OLD.replace("message: Hi", "message: Hi, urgent: true"), ["+ step 'c': urgent: true"]),
    "a step's own value": (
        OLD,
        OLD.replace("tone: warm", "tone: short"),
        ["  step 'a': template_vars.tone: warm → short"],
    ),
    "an outcome": (
        OLD,
        OLD.replace("retry_in: 1 day", "retry_in: 2 days, max: 2"),
        ["  step 'd': outcomes.voicemail.retry_in: 1 day → 2 days", "+ step 'd': outcomes.voicemail.max: 2"],
    ),
    "a step that is new": (
        OLD,
        OLD.replace("  - {id: c", "  - {id: n, type: wait, duration: 1 day}\n  - {id: c"),
        ["+ step 'n' (wait) is new, after 'b'"],
    ),
    "a step that is new at the beginning": (
        OLD,
        OLD.replace("  - {id: a", "  - {id: n, type: wait, duration: 1 day}\n  - {id: a"),
        ["+ step 'n' (wait) is new, at the beginning"],
    ),
    "a step that is gone": (
        OLD,
        OLD.replace("  - {id: b, type: wait, duration: 2 days}\n", ""),
        ["- step 'b' (wait) is gone"],
    ),
    "the order": (
        OLD,
        OLD.replace("  - {id: b, type: wait, duration: 2 days}\n", "").replace(
            "  - {id: d", "  - {id: b, type: wait, duration: 2 days}\n  - {id: d"
        ),
        [
            "  step 'c' is now after 'a' (was after 'b')",
            "  step 'b' is now after 'c' (was after 'a')",
            "  step 'd' is now after 'b' (was after 'c')",
        ],
    ),
    "another message": (
        OLD,
        OLD.replace("template_id: hello", "template_id: bye"),
        ["  step 'a': template_id: hello → bye", "+ message bye.md is new", "- message hello.md is not used any more"],
    ),
    "a very long text": (
        OLD.replace("reason: x", f"reason: {'x' * 150}"),
        OLD.replace("reason: x", "reason: short"),
        [f"  step 'd': reason: {'x' * 99}… → short"],
    ),
}
BRANCHES = """\
name: w
trigger: {type: prediction}
steps:
  - id: p
    type: parallel
    branches:
      - [{id: x, type: sms, message: Hi}]
      - [{id: y, type: sms, message: Hi}]
  - {id: r, type: recommended, actions: {call: {id: z, type: call, reason: x}}}
"""
INSIDE = {
    "a step in a branch": (
        BRANCHES.replace("{id: x, type: sms, message: Hi}", "{id: x, type: sms, message: Ho}"),
        ["  step 'x': message: Hi → Ho"],
    ),
    "a step that is new in a branch": (
        BRANCHES.replace("- [{id: y", "- [{id: n, type: wait, duration: 1 day}, {id: y"),
        ["+ step 'n' (wait) is new, first in branch 1 of 'p'"],
    ),
    "a step that moved to another branch": (
        BRANCHES.replace("[{id: x, type: sms, message: Hi}]", "[{id: n, type: sms, message: Hi}]").replace(
            "[{id: y, type: sms, message: Hi}]", "[{id: y, type: sms, message: Hi}, {id: x, type: sms, message: Hi}]"
        ),
        [
            "+ step 'n' (sms) is new, first in branch 0 of 'p'",
            "  step 'x' is now after 'y' (was first in branch 0 of 'p')",
        ],
    ),
    "the name of an action": (
        BRANCHES.replace("{call: {id: z", "{ring: {id: z"),
        ["- step 'r': actions.call is gone (was z)", "+ step 'r': actions.ring: z"],
    ),
}


def loaded(text: str, messages: Any = TEXTS) -> Definition:
    found = read_definition(text, path="w.yaml", known=KNOWN, messages=messages).definition
    assert found is not None
    return found


@pytest.mark.parametrize(("old", "new", "expected"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_the_difference_is_told_in_words(old: str, new: str, expected: list[str]) -> None:
    before, after = loaded(old), loaded(new)

    assert diff(before.data, after.data, before.messages, after.messages) == expected


@pytest.mark.parametrize(("new", "expected"), INSIDE.values(), ids=INSIDE.keys())
def test_the_difference_inside_branches_is_told_too(new: str, expected: list[str]) -> None:
    assert diff(loaded(BRANCHES).data, loaded(new).data) == expected


def test_the_lines_of_an_edited_message_are_shown() -> None:
    edited = {"hello": {"": "---\nsubject: Hi\n---\nHi there.\n", "es": "---\nsubject: Hola\n---\nHola.\n"}}
    before, after = loaded(OLD), loaded(OLD, edited)

    assert diff(before.data, after.data, before.messages, after.messages) == [
        "+ message hello.es.md is new",
        "  message hello.md:",
        "    - Hi.",
        "    + Hi there.",
    ]
