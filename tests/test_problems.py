"""Problems say where they are and what was expected, also those that a model found."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from coopflow.problems import (
    Problem,
    ProblemsFound,
    describe,
    did_you_mean,
    summary,
)
from coopflow.schema_problems import problems_from_pydantic
from coopflow.strict_yaml import read_yaml

FIRST = Problem("workflows.d/a.yaml", 10, 11, "steps[0] 'email1'", "unknown key 'dely'. Did you mean 'delay'?")
LATER = Problem("workflows.d/a.yaml", 19, 3, "", "missing key 'name'")
OTHER = Problem("workflows.d/b.yaml", 1, 1, "", "never reached", warning=True)


def test_a_problem_is_one_line_that_an_editor_can_jump_to():
    assert str(FIRST) == "workflows.d/a.yaml:10:11: steps[0] 'email1': unknown key 'dely'. Did you mean 'delay'?"
    assert str(LATER) == "workflows.d/a.yaml:19:3: missing key 'name'"
    assert str(OTHER) == "workflows.d/b.yaml:1:1: warning: never reached"


def test_problems_sort_by_file_and_place():
    assert sorted([OTHER, LATER, FIRST]) == [FIRST, LATER, OTHER]


def test_the_error_lists_every_problem_and_counts_them():
    assert str(ProblemsFound([FIRST, LATER], files_checked=5)) == (
        f"{FIRST}\n{LATER}\n2 errors in 1 file (5 files checked)."
    )


@pytest.mark.parametrize(
    ("problems", "checked", "words"),
    [
        ([FIRST], 1, "1 error in 1 file (1 file checked)."),
        ([FIRST], None, "1 error in 1 file."),
        ([FIRST, LATER, OTHER], 5, "2 errors and 1 warning in 2 files (5 files checked)."),
        ([OTHER], 2, "1 warning in 1 file (2 files checked)."),
        ([], 3, "no problems (3 files checked)."),
    ],
)
def test_the_summary_counts(problems, checked, words):
    assert summary(problems, files_checked=checked) == words


@pytest.mark.parametrize(
    ("word", "hint"),
    [("dely", " Did you mean 'delay'?"), ("DELAY", " Did you mean 'delay'?"), ("zzz", ""), ("", ""), ("d" * 10**6, "")],
)
def test_a_near_word_is_suggested(word, hint):
    assert did_you_mean(word, ["delay", "name"]) == hint


@pytest.mark.parametrize(
    ("loc", "words"),
    [
        ((), ""),
        (("name",), "name"),
        (("steps", 3), "steps[3] 'sms'"),
        (("steps", 3, "retry", "max"), "steps[3] 'sms' retry.max"),
        (("steps", 4, "delay"), "steps[4].delay"),
        (("steps", 3, "branches", 0, 1, "x"), "steps[3] 'sms' branches[0][1].x"),
        (("windows", "a b", "\x1b"), "windows.'a b' '\\x1b'"),
    ],
)
def test_places_are_named_in_words(loc, words):
    assert describe(loc, {("steps", 3): "sms"}) == words


class Strict(BaseModel):
    """As the models of the house are."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Outcome(Strict):
    """What may stand there instead of one word."""

    goto: str | None = None
    max: int = Field(1, ge=1)


class Condition(Strict):
    """Its type is the name of one of its keys."""

    id: str
    type: Literal["condition"]
    condition: dict[str, Any] | str
    if_true_step: str | int


class Call(Strict):
    """Two words for one kind."""

    id: str
    type: Literal["call", "task"]
    outcomes: dict[str, str | Outcome] = {}
    join: Literal["all", "any"] | int = "all"
    sender: str | None = Field(None, alias="from", min_length=1)
    urgent: bool = False
    share: float = Field(0.5, gt=0, lt=1)


class Command(Strict):
    """Holds steps itself."""

    id: str
    type: Literal["command"]
    command: Annotated[list[str], Field(min_length=1, max_length=2)]
    branches: list[list["Step"]] = []


Step = Annotated[Condition | Call | Command, Field(discriminator="type")]
Command.model_rebuild()


class File(Strict):
    """The whole."""

    steps: list[Step]

    @model_validator(mode="after")
    def _not_empty(self) -> "File":
        if not self.steps:
            raise ValueError("there are no steps")
        return self


def refused(text: str) -> list[str]:
    """What is wrong with a file, without the file's name."""
    source = read_yaml(text, path="f.yaml")
    with pytest.raises(ValidationError) as caught:
        File.model_validate(source.data)
    return [str(problem).removeprefix("f.yaml:") for problem in problems_from_pydantic(caught.value, source, File)]


KINDS = "'condition', 'call', 'task' or 'command'"
CASES = {
    "- a": ["1:1: expected a group of keys, found a list"],
    "steps: []": ["1:1: there are no steps"],
    "step: []": ["1:1: missing key 'steps'", "1:1: unknown key 'step'. Did you mean 'steps'?"],
    "steps: x": ["1:8: steps: expected a list, found the text 'x'"],
    "steps: [1, [a], ]": [
        "1:9: steps[0]: expected a group of keys, found the number 1",
        "1:12: steps[1]: expected a group of keys, found a list",
    ],
    "steps: [{id: a}]": ["1:9: steps[0] 'a': missing key 'type'"],
    "steps: [{id: a, type: cal}]": [
        f"1:23: steps[0] 'a' type: expected {KINDS}, found the text 'cal'. Did you mean 'call'?"
    ],
    "steps: [{id: a, type: 5}]": [f"1:23: steps[0] 'a' type: expected {KINDS}, found the number 5"],
    "steps: [{type: command, id: a}]": ["1:9: steps[0] 'a': missing key 'command'"],
    "steps: [{id: a, type: command, command: []}]": ["1:41: steps[0] 'a' command: expected at least 1 entry, found 0"],
    "steps: [{id: a, type: command, command: [a, b, c]}]": [
        "1:41: steps[0] 'a' command: expected at most 2 entries, found 3"
    ],
    "steps: [{id: a, type: command, command: [x, 1]}]": [
        "1:45: steps[0] 'a' command[1]: expected text, found the number 1; put it in quotes"
    ],
    "steps: [{id: c, type: condition, condition: {a: 1}, if_true: x}]": [
        "1:9: steps[0] 'c': missing key 'if_true_step'",
        "1:53: steps[0] 'c': unknown key 'if_true'. Did you mean 'if_true_step'?",
    ],
    "steps: [{id: c, type: condition, condition: [x], if_true_step: {}}]": [
        "1:45: steps[0] 'c' condition: expected a group of keys or text, found a list",
        "1:64: steps[0] 'c' if_true_step: expected text or a whole number, found a group of keys",
    ],
    "steps: [{id: k, type: call, outcomes: {a: 3}}]": [
        "1:43: steps[0] 'k' outcomes.a: expected text or a group of keys, found the number 3"
    ],
    "steps: [{id: k, type: call, outcomes: {a: {mx: 1}}}]": [
        "1:44: steps[0] 'k' outcomes.a: unknown key 'mx'. Did you mean 'max'?"
    ],
    "steps: [{id: k, type: call, outcomes: {a: {max: 0, goto: 5}}}]": [
        "1:49: steps[0] 'k' outcomes.a.max: expected a number of at least 1, found the number 0",
        "1:58: steps[0] 'k' outcomes.a.goto: expected text, found the number 5; put it in quotes",
    ],
    "steps: [{id: k, type: task, join: some}]": [
        "1:35: steps[0] 'k' join: expected 'all', 'any' or a whole number, found the text 'some'"
    ],
    "steps: [{id: k, type: task, from: 1}]": [
        "1:35: steps[0] 'k' from: expected text, found the number 1; put it in quotes"
    ],
    "steps: [{id: k, type: task, from: ''}]": [
        "1:35: steps[0] 'k' from: expected a text that is not empty, found an empty text"
    ],
    "steps: [{id: k, type: task, urgent: yes}]": [
        "1:37: steps[0] 'k' urgent: expected true or false, found the text 'yes'; write true, without quotes"
    ],
    "steps: [{id: k, type: task, share: 1}]": [
        "1:36: steps[0] 'k' share: expected a number below 1.0, found the number 1"
    ],
    "steps: [{id: k, type: task, share: '0.5'}]": [
        "1:36: steps[0] 'k' share: expected a number, found the text '0.5'; write it without quotes"
    ],
    "steps: [{id: k, type: task, share: }]": ["1:36: steps[0] 'k' share: expected a number, found nothing"],
    "steps: [{id: k, type: task, share: true}]": ["1:36: steps[0] 'k' share: expected a number, found true"],
    "steps: [{id: o, type: command, command: [a], branches: [[{id: i, type: task, frm: x}]]}]": [
        "1:78: steps[0] 'o' branches[0][0] 'i': unknown key 'frm'. Did you mean 'from'?"
    ],
    'steps: [{id: k, type: task, "\\e[2J": x}]': [
        "1:29: steps[0] 'k': unknown key '\\x1b[2J'. Known here: id, type, outcomes, join, from, urgent, share"
    ],
}


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_what_a_model_refuses_is_told_in_our_words_at_its_place(text, expected):
    assert refused(text) == expected


def test_a_problem_is_one_line_whatever_it_repeats() -> None:
    said = str(Problem("w.yaml", 3, 1, "steps[0] 'a\tb'", "there is no step '\x1b[31m\u202e\n'. Größe"))
    assert said == r"w.yaml:3:1: steps[0] 'a\tb': there is no step '\x1b[31m\u202e\n'. Größe"
