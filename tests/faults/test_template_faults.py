"""The known faults of workflow files and message templates, Y01 to Y30: each refused with its place, or defined."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coopflow.problems import ProblemsFound
from coopflow.strict_yaml import read_yaml
from coopflow.workflows.folder import Known, read_folder
from tests.cli.conftest import CoOp
from tests.pattern.parts import END, MAIL, refusals, wait
from tests.world import World, world

TOP = "name: w\ntrigger: {type: manual}\nsteps:\n"
ONE = "name: {}\ntrigger: {{type: manual}}\nsteps: [{{id: a, type: task, description: look}}]\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    made = tmp_path / "workflows.d"
    (made / "messages").mkdir(parents=True)
    (made / "good.yaml").write_text(ONE.format("good"))
    return made


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.has_family("42")
        yield made


def said_of(folder: Path, **texts: str) -> list[str]:
    """What is said of files of these names; the good one beside them is always read."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    reading = read_folder(folder, Known(), shown_as="workflows.d")
    assert "good" in [found.name for found in reading.definitions]
    return [str(problem) for problem in reading.problems]


def refused(content: bytes | str) -> str:
    with pytest.raises(ProblemsFound) as caught:
        read_yaml(content, path="w.yaml")
    return str(caught.value.problems[0])


@pytest.mark.parametrize("text", ["", "# nothing\n", "- id: a\n", "name: a\n---\nname: b\n"])
def test_y01_an_empty_file_a_list_and_a_second_document_are_named_and_others_go_on(files: Path, text: str) -> None:
    [problem] = said_of(files, bad=text)
    assert problem.startswith("workflows.d/bad.yaml:")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("name: w\n\ttrigger: x\n", "indent with spaces"),
        ("name: w\n  trigger: x\n", "check the indentation"),
        ("name: 'w\n", "this quote is never closed"),
        ("name: {{ x }}\n", "must be in quotes"),
    ],
)
def test_y02_slips_of_yaml_are_placed_with_a_hint(text: str, hint: str) -> None:
    assert hint in refused(text)
    assert refused(text).startswith("w.yaml:")


def test_y03_a_key_given_twice_is_told_with_both_lines() -> None:
    assert "is given twice, in lines 1 and 3" in refused("name: w\nsteps: []\nname: v\n")
    assert "is given twice, in lines 1 and 2" in refused("- {id: a,\n   id: b}\n")


def test_y04_an_unknown_key_gets_the_one_that_was_meant() -> None:
    [problem] = refusals("- {id: a, type: sms, message: hi, delay_day: 3}")
    assert "unknown key 'delay_day'. Did you mean 'delay_days'?" in problem


@pytest.mark.parametrize("key", ["name", "trigger", "steps"])
def test_y05_what_is_missing_or_of_the_wrong_kind_is_told_by_its_field(files: Path, key: str) -> None:
    keys = {"name": "w", "trigger": "{type: manual}", "steps": "[{id: a, type: end}]"}
    whole = "".join(f"{name}: {value}\n" for name, value in keys.items() if name != key)
    assert any(f"missing key '{key}'" in problem for problem in said_of(files, bad=whole))
    assert any(key in problem for problem in said_of(files, bad=f"{whole}{key}: 5\n"))


@pytest.mark.parametrize("written", ["09.00", "24:01", "25:00", "9am", "540"])
def test_y06_times_of_day_have_one_form_and_others_are_explained(written: str) -> None:
    trigger = f"{{type: schedule, on: 3 days before renewal_date, at: {written}}}"
    assert any("trigger.at" in problem for problem in refusals("- {id: a, type: end}", trigger=trigger))


def test_y07_text_stays_text() -> None:
    source = read_yaml("a: 'on'\nb: NO\nc: yes\nd: 02134\ne: +15125550142\nf: 1.10\n", path="w.yaml")
    assert {key: source.data[key] for key in "bcde"} == {"b": "NO", "c": "yes", "d": "02134", "e": "+15125550142"}


@pytest.mark.parametrize("text", ["a: &x 1\n", "a: *x\n", "<<: {a: 1}\n", "a: !!python/object:os.system x\n"])
def test_y08_anchors_aliases_merges_and_tags_are_refused(text: str) -> None:
    assert refused(text).startswith("w.yaml:1:")


@pytest.mark.parametrize(
    "content",
    [
        "a: " + "[" * 10_000,
        "a: x\n" * 200_000,
        "\n".join(f"k{number}: v" for number in range(60_000)),
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a, *a, *a, *a, *a]\n" for n in range(500)),
        " " * 10_000_000,
    ],
    ids=["deep", "long", "many keys", "alias bomb", "10 MB"],
)
def test_y09_what_would_eat_the_machine_is_refused_within_a_tenth_of_a_second(content: str) -> None:
    begun = time.process_time()
    refused(content)
    assert time.process_time() - begun < 0.1


@pytest.mark.parametrize("good", [b"\xef\xbb\xbfa: b\n", b"a: b\r\n", b"a: b"])
def test_y10_harmless_bytes_are_accepted(good: bytes) -> None:
    assert read_yaml(good, path="w.yaml").data == {"a": "b"}


@pytest.mark.parametrize("bad", [b"\xff\xfea\x00:\x00", b"a: caf\xe9\n", b"a: \x00\n"])
def test_y10_bytes_that_are_no_text_are_named(bad: bytes) -> None:
    assert refused(bad)


def test_y11_two_files_with_one_name_are_both_named_and_neither_is_loaded(files: Path) -> None:
    problems = said_of(files, one=ONE.format("twin"), two=ONE.format("twin"))
    assert ["one.yaml" in problems[0], "two.yaml" in problems[1]] == [True, True]
    reading = read_folder(files, Known())
    assert [found.name for found in reading.definitions] == ["good"]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("- {id: a, type: end}\n- {id: a, type: end}", "taken by the step in line"),
        ("- {id: a, type: sms, message: hi, on_failure: b}", "there is no step 'b'"),
        ("- {id: a, type: sms, message: hi, on_failure: a}", "jumps to itself"),
        (
            "- {id: a, type: condition, condition: payment_received, if_true_step: b}\n"
            "- {id: b, type: condition, condition: payment_received, if_true_step: a}",
            "a → b → a",
        ),
        ("- id: a\n  type: parallel\n  branches: [[{id: a, type: sms, message: hi}]]", "taken by the step in line"),
    ],
)
def test_y12_ids_and_ways_are_checked(steps: str, words: str) -> None:
    assert any(words in problem for problem in refusals(steps)), refusals(steps)


def test_y13_a_step_that_nothing_leads_to_is_a_warning() -> None:
    [problem] = refusals("- {id: a, type: end}\n- {id: b, type: end}")
    assert "warning: " in problem
    assert "no step leads here" in problem


@pytest.mark.parametrize(
    "condition", ["nobody_knows_it", "withdrawal_risk > 'high'", "withdrawal_risk > NaN", "withdrawal_risk / 0 > 1"]
)
def test_y14_a_condition_that_cannot_be_meant_is_refused_at_load(condition: str) -> None:
    assert refusals(f'- {{id: a, type: end, only_if: "{condition}"}}')


def test_y14_a_missing_value_is_a_no_and_never_an_error(here: World) -> None:
    asked = {"id": "ask", "type": "condition", "condition": {"field": "withdrawal_risk", "operator": ">", "value": 0}}
    here.has_workflow("w", [{**asked, "if_true_step": "mail", "if_false_step": "done"}, MAIL, END])
    instance = here.start("w", family="42")
    here.tick()
    assert here.status(instance) == "completed"
    assert here.mails() == []


@pytest.mark.parametrize("number", ["-1", "1000000000", "1.5", "'3'"])
def test_y15_a_number_of_retries_is_a_whole_number_from_0_to_100(number: str) -> None:
    assert refusals(f"- {{id: a, type: sms, message: hi, retry: {{max_retries: {number}}}}}")
    assert refusals("- {id: a, type: sms, message: hi, retry: {max_retries: 0}}") == []


@pytest.mark.parametrize("wait", ["duration_days: -3", "duration_days: 1000000000", "duration: 0 days"])
def test_y16_waits_have_a_length_that_makes_sense(wait: str) -> None:
    assert refusals(f"- {{id: a, type: wait, {wait}}}")
    assert refusals("- {id: a, type: wait, duration: 1 day, delay: 1 day}") == []


def test_y17_a_mistake_in_a_text_is_placed_inside_the_yaml(files: Path) -> None:
    steps = f"{TOP}- id: a\n  type: sms\n  message: |\n    Hi\n    {{% if email %}}\n"
    [problem] = [found for found in said_of(files, bad=steps) if "warning" not in found]
    assert problem.startswith("workflows.d/bad.yaml:6:")
    assert "is not closed" in problem


def test_y18_a_name_that_nothing_fills_in_is_found_before_any_family_gets_it() -> None:
    [problem] = refusals('- {id: a, type: sms, message: "Dear {{ family }}"}')
    assert "there is no 'family' for this message" in problem


def test_y19_a_value_that_one_family_lacks_holds_that_message_and_no_other(here: World) -> None:
    messages = {"hello": "---\nsubject: Hello\n---\nUntil {{ renewal_date }}."}
    here.has_workflow("w", [MAIL, END], messages=messages)
    here.has_family("43", attributes={"renewal_date": "2026-09-01"})
    lacking, whole = here.start("w", family="42"), here.start("w", family="43")
    here.tick()
    assert (here.status(lacking), here.status(whole)) == ("paused", "completed")
    assert [mail["To"] for mail in here.mails()] == ["family43@example.org"]
    assert [task.task_type for task in here.tasks("42")] == ["person"]


@pytest.mark.parametrize("name", ["two\nlines", "x" * 10_000])
def test_y20_a_subject_is_one_line_of_a_length_before_anything_is_intended(here: World, name: str) -> None:
    here.has_workflow("w", [MAIL, END], messages={"hello": "---\nsubject: '{{ title }}'\n---\nHello."})
    here.changes_family("42", attributes={"title": name})
    instance = here.start("w", family="42")
    here.tick()
    assert "message.intended" not in here.trail(instance) or "\n" not in here.mails()[0]["Subject"]
    assert all(len(mail["Subject"]) < 1_000 and "\n" not in mail["Subject"] for mail in here.mails())


def test_y21_an_edit_leaves_what_is_in_flight_on_its_version(here: World) -> None:
    here.has_workflow("w", [wait(), MAIL, END])
    instance = here.start("w", family="42")
    here.has_workflow("w", [wait(duration="1 day"), END])
    assert here.case(instance).workflow.version == 1
    assert [step.id for step in here.case(instance).workflow.steps.values()] == ["rest", "mail", "done"]


def loaded(co_op: CoOp, **texts: str | None) -> str:
    """What `workflow load` says after files were written, or removed."""
    for name, text in texts.items():
        path = co_op.folder / "workflows.d" / f"{name}.yaml"
        path.unlink() if text is None else path.write_text(text)
    ran = co_op.run("workflow", "load")
    return ran.out + ran.err


def test_y22_a_file_that_goes_away_leaves_its_instances_running(co_op: CoOp) -> None:
    co_op.world.has_family("42")
    loaded(co_op, w=f"{TOP}- {{id: a, type: wait, duration: 3 days}}\n")
    instance = co_op.world.start("w", family="42")
    assert "retired" in loaded(co_op, w=None)
    co_op.world.tick("2026-03-20 09:00")
    co_op.world.tick("2026-03-23 09:30")
    assert co_op.world.status(instance) == "completed"


@pytest.mark.parametrize("name", [".w.yaml.swp", "w.yaml~", "w.yaml.bak", ".hidden.yaml", "#w.yaml#"])
def test_y23_what_editors_leave_is_not_read(files: Path, name: str) -> None:
    (files / name).write_text("name: [")
    assert said_of(files) == []


def test_y23_a_pipe_among_the_files_never_blocks(files: Path) -> None:
    os.mkfifo(files / "pipe.yaml")
    assert len(said_of(files)) == 1


def test_y24_of_many_files_with_one_broken_all_others_are_read(files: Path) -> None:
    for number in range(50):
        (files / f"w{number}.yaml").write_text(ONE.format(f"w{number}"))
    assert len(said_of(files, w7="name: [")) == 1
    assert len(read_folder(files, Known()).definitions) == 50


@pytest.mark.parametrize("kind", ["dangling", "outside"])
def test_y25_links_that_lead_nowhere_or_outside_are_named(files: Path, kind: str) -> None:
    target = files.parent / "elsewhere.yaml"
    if kind == "outside":
        target.write_text(ONE.format("elsewhere"))
    (files / "link.yaml").symlink_to(target)
    [problem] = said_of(files)
    assert "link.yaml" in problem


def test_y26_an_edit_with_a_mistake_is_refused_whole_and_the_last_good_version_stays(co_op: CoOp) -> None:
    loaded(co_op, w=f"{TOP}- {{id: a, type: sms, message: hi}}\n")
    assert "w.yaml:5" in loaded(co_op, w=f"{TOP}- {{id: a, type: sms, message: hello}}\n- {{id: b, type: smoke}}\n")
    assert "hi" in co_op.run("workflow", "show", "w", "--json").out
    [version] = co_op.world.store.templates.versions("w")
    assert version.version == 1


def test_y27_of_two_workflows_of_one_group_the_more_urgent_starts_and_the_first_of_equals(here: World) -> None:
    trigger = {"type": "prediction", "group": "risk"}
    for name, priority in (("b", 5), ("a", 5), ("c", 9)):
        here.has_workflow(name, [wait(), END], trigger=trigger, priority=priority)
    assert [result.workflow for result in here.predicts("42", 0.9, 90) if result.instance_id] == ["c"]


def test_y28_a_condition_that_flips_starts_nothing_beside_what_is_paused(here: World) -> None:
    from coopflow.core.people import pause

    likely = {"field": "predicted_probability", "operator": ">", "value": 0.5}
    here.has_workflow("w", [wait(), END], trigger={"type": "prediction", "conditions": likely})
    [first] = here.predicts("42", 0.9, 90)
    assert first.instance_id is not None
    here.does(pause, first.instance_id)
    for number, probability in enumerate((0.1, 0.9, 0.2, 0.8)):
        assert all(found.instance_id is None for found in here.predicts("42", probability, 90, number=f"x{number}"))


@pytest.mark.parametrize("name", ["withdrawal_risk", "engagement_score", "predicted_probability", "confidence_score"])
def test_y29_what_only_the_co_op_may_see_cannot_be_written_to_a_family(name: str) -> None:
    assert any(
        "only for the co-op" in said for said in refusals(f'- {{id: a, type: sms, message: "{{{{ {name} }}}}"}}')
    )


def test_y30_an_older_file_put_back_is_a_new_version(co_op: CoOp) -> None:
    older, newer = (f"{TOP}- {{id: a, type: sms, message: {words}}}\n" for words in ("hi", "hello"))
    assert "added" in loaded(co_op, w=older)
    assert "v2" in loaded(co_op, w=newer)
    assert "v3" in loaded(co_op, w=older)
    assert len(co_op.world.store.templates.versions("w")) == 3
