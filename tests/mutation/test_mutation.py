"""The changes are those that could be mistakes, each leaves the rest as it is, and what they come to is told."""

import ast

import pytest

from tests.mutation.covering import Covering
from tests.mutation.mutants import modules, mutants, mutated
from tests.mutation.page import EQUIVALENT, Tried, explained, page, score
from tests.mutation.trial import Fate

SOURCE = '''"""A module."""

LIMIT: "int" = 3


class Wait(Struct, frozen=True):
    """A value."""


def wait(tried: int, longest: int = 5) -> int | None:
    """How long."""
    if tried > longest and not LIMIT:
        raise ValueError(f"{tried + 1} is too many")
    return min(tried * 2, longest)
'''


def test_every_change_is_another_program() -> None:
    found = mutants("m.py", SOURCE)
    texts = {mutated("m.py", mutant.number, SOURCE) for mutant in found}
    assert len(texts) == len(found)
    assert ast.unparse(ast.parse(SOURCE)) not in texts
    assert {(mutant.before, mutant.after) for mutant in found} == {
        ("3", "4"),
        ("5", "6"),
        ("tried > longest", "tried >= longest"),
        ("tried > longest and (not LIMIT)", "tried > longest or not LIMIT"),
        ("not LIMIT", "LIMIT"),
        ("if tried > longest and (not LIMIT):", "if not (tried > longest and (not LIMIT)):"),
        ("raise ValueError(f'{tried + 1} is too many')", "pass"),
        ("return min(tried * 2, longest)", "return None"),
        ("min(tried * 2, longest)", "max(tried * 2, longest)"),
        ("tried * 2", "tried // 2"),
        ("2", "3"),
    }


def test_a_change_is_named_by_its_place_and_not_by_its_line() -> None:
    moved = mutants("m.py", f"\n\n{SOURCE}")
    assert [mutant.name for mutant in moved] == [mutant.name for mutant in mutants("m.py", SOURCE)]
    assert "m.py | wait | 2 → 3" in [mutant.name for mutant in moved]


def test_changes_that_read_the_same_have_names_of_their_own() -> None:
    names = [mutant.name for mutant in mutants("m.py", "def f(x):\n    return g(x + 1, x + 1)\n")]
    assert len({*names}) == len(names) == 5
    assert {"m.py | f | 1 → 2", "m.py | f | 1 → 2 (2)"} <= {*names}


def test_what_must_hold_is_all_of_the_rules_and_of_sending() -> None:
    paths = modules()
    assert {"coopflow/core/protocol.py", "coopflow/sending.py", "coopflow/tick.py", "coopflow/leftovers.py"} <= {*paths}
    assert sum(len(mutants(path)) for path in paths) > 2_000


def test_a_line_that_no_test_was_seen_on_is_tried_with_all_of_its_module() -> None:
    known = Covering({"m.py": {4: ["slow", "quick"], 9: ["other"], 1: []}}, {"slow": 2, "quick": 0.1, "other": 0.5})
    assert known.of("m.py", 4) == ["quick", "slow"]
    assert known.of("m.py", 1) == known.of("m.py", 7) == ["quick", "other", "slow"]
    assert known.of("n.py", 4) == []


def test_tests_of_files_that_name_a_module_come_first() -> None:
    here, there = "tests/mutation/test_mutation.py::a", "tests/mutation/page.py::b"
    known = Covering({"tests/mutation/trial.py": {1: [there, here]}}, {there: 0.1, here: 0.2})
    assert known.of("tests/mutation/trial.py", 1) == [there, here]
    known = Covering({"tests/mutation/covering.py": {1: [there, here]}}, {there: 0.1, here: 0.2})
    assert known.of("tests/mutation/covering.py", 1) == [here, there]


@pytest.mark.parametrize("name", explained() or ["none"])
def test_every_change_that_is_explained_is_still_there(name: str) -> None:
    path = name.partition(" | ")[0]
    assert name == "none" or name in {mutant.name for mutant in mutants(path)}, f"{EQUIVALENT.name}: {name}"


def test_the_score_leaves_out_what_no_test_can_notice() -> None:
    first, second, third, *_ = mutants("m.py", SOURCE)
    tried = [Tried(first, Fate.FAILED), Tried(second, Fate.SURVIVED), Tried(third, Fate.TOO_LONG)]
    assert score(tried, {}) == "2 of 3 (66.7 %)"
    assert score(tried, {second.name: "it does the same"}) == "2 of 2 (100.0 %)"
    text = page(tried, 900, "2026-11-28")
    assert "| tried | 3 |" in text
    assert f"- `m.py:{second.line}` in `wait`: `{second.before}` → `{second.after}`: every test passed" in text
