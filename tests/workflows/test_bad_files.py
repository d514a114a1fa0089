"""Every mistake in a workflow file is told with file, line, column, the step's name and what was expected."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.problems import Problem
from coopflow.workflows import step_schema
from coopflow.workflows.definition import read_definition
from coopflow.workflows.known import Known
from coopflow.workflows.schema import WorkflowFile
from tests.workflows.corpus import HEAD, KNOWN, MESSAGES, Case, corpus

BAD = {path.stem: corpus(path) for path in sorted((Path(__file__).parent / "bad").glob("*.txt"))}
CASES = [pytest.param(case, id=f"{topic}: {case.title}") for topic, cases in BAD.items() for case in cases]


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_word_for_word(case: Case) -> None:
    reading = read_definition(case.text, path="w.yaml", known=KNOWN, messages=MESSAGES)

    assert [str(problem) for problem in reading.problems] == case.said


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_refused_unless_there_are_only_warnings(case: Case) -> None:
    reading = read_definition(case.text, path="w.yaml", known=KNOWN, messages=MESSAGES)

    assert (reading.definition is not None) == all(": warning: " in line for line in case.said)


def test_there_are_cases_enough_for_every_topic() -> None:
    assert {topic: len(cases) for topic, cases in BAD.items() if len(cases) < 20} == {}
    assert len(CASES) > 250


def test_all_problems_of_a_file_are_told_at_once() -> None:
    steps = """\
- {id: a, type: email, template_id: helo, dely: 3 days, on_failure: don}
- {id: a, type: wait, duration_days: three}
- {id: done, type: condition, condition: payment_recieved, if_true_step: 9}
"""
    reading = read_definition(HEAD + steps, path="w.yaml", known=KNOWN, messages=MESSAGES)

    assert [(problem.line, problem.column) for problem in reading.problems] == [
        (4, 37),
        (4, 43),
        (4, 69),
        (5, 8),
        (5, 38),
        (6, 42),
        (6, 74),
    ]


def test_one_mistake_is_told_once_where_two_rules_find_it() -> None:
    reading = read_definition(f"{HEAD}- {{id: a, type: wait, duration_days: -3}}\n", path="w", known=KNOWN, messages={})

    assert len(reading.problems) == 1


def test_nothing_declared_means_any_window_and_anybody_will_do() -> None:
    step = "- {id: a, type: task, description: x, window: mornings, assign: mike}\n"

    assert read_definition(HEAD + step, path="w.yaml", known=Known(), messages={}).problems == ()


WORDS = st.sampled_from(
    (
        "a",
        "b",
        "hold",
        "3 days",
        "payment_received",
        "email",
        "wait",
        "{{",
        "all",
        "any",
        "not",
        "field",
        "==",
        "{x: y}",
    )
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
MODELS = {
    model.model_fields["type"].annotation.__args__[0]: model
    for model in vars(step_schema).values()
    if isinstance(model, type) and model.__name__.endswith("Step")
}
TYPES = st.sampled_from(sorted(MODELS))
KEYS = st.sampled_from(sorted({key for model in MODELS.values() for key in model.model_fields}))
STEPS = st.recursive(
    st.fixed_dictionaries({"id": WORDS, "type": TYPES}) | VALUES,
    lambda inner: st.builds(
        lambda step, more, branches: (
            {
                **step,
                **more,
                "branches": branches,
                "actions": {f"a{n}": first for n, [first, *_] in enumerate(filter(None, branches))},
            }
            if isinstance(step, dict)
            else step
        ),
        inner,
        st.dictionaries(KEYS, VALUES, max_size=4),
        st.lists(st.lists(inner, max_size=2), max_size=3),
    ),
    max_leaves=6,
)
TOP = st.sampled_from(sorted(set(WorkflowFile.model_fields) - {"steps"}))


@given(st.lists(STEPS, max_size=4), st.dictionaries(TOP, VALUES, max_size=4))
def test_whatever_stands_in_a_file_there_is_an_answer(steps: list[object], top: dict[str, object]) -> None:
    import yaml

    text = yaml.safe_dump({"name": "w", "trigger": {"type": "prediction"}, "steps": steps, **top}, sort_keys=False)

    reading = read_definition(text, path="w.yaml", known=KNOWN, messages=MESSAGES)

    assert all(isinstance(problem, Problem) for problem in reading.problems)
    assert reading.definition is not None or any(not problem.warning for problem in reading.problems)
