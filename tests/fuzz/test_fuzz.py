"""Every target holds for some cases by chance, and the guard sees what a target must not do."""

import time
from collections.abc import Callable

import pytest

from coopflow.errors import Invalid
from tests.fuzz.chance import by_chance
from tests.fuzz.guard import Finding, judge, smaller
from tests.fuzz.guided import guided, there_is_atheris
from tests.fuzz.page import Tried, page
from tests.fuzz.targets import TARGETS, Target

CASES = 60  # of each target: a short look; the command looks longer


@pytest.mark.parametrize("name", TARGETS)
def test_what_nobody_would_write_harms_nothing(name: str) -> None:
    count, findings = by_chance(TARGETS[name], until=float("inf"), most=CASES)
    assert findings == []
    assert count >= CASES


@pytest.mark.parametrize("name", TARGETS)
def test_no_case_that_a_target_begins_from_is_a_finding(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    for content in seeds[:: max(1, len(seeds) // 50)]:
        assert judge(name, target.work, content, longest=target.longest) is None, content


# -- the guard --------------------------------------------------------------------------------------------------------


def raises_what_is_not_ours(_: bytes) -> None:
    raise KeyError("subject")


def lets_a_library_speak(_: bytes) -> None:
    int("many")


def says_what_cannot_be_printed(_: bytes) -> None:
    raise Invalid("the name \x1b[31m is not one")


def takes_long(_: bytes) -> None:
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass


def takes_much_memory(_: bytes) -> None:
    assert len(bytearray(200 * 2**20)) > 0


def refuses(_: bytes) -> None:
    raise Invalid("the name is not one")


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        (raises_what_is_not_ours, "KeyError: 'subject'"),
        (lets_a_library_speak, "ValueError: invalid literal"),
        (says_what_cannot_be_printed, "unprintable: "),
        (takes_long, "slow: "),
        (takes_much_memory, "memory: 200 MiB"),
    ],
)
def test_the_guard_sees_it(work: Callable[[bytes], None], problem: str) -> None:
    found = judge("x", work, b"case")
    assert found is not None
    assert found.problem.startswith(problem)
    assert found.content == b"case"


def test_a_refusal_in_our_words_is_what_is_wanted() -> None:
    assert judge("x", refuses, b"case") is None


def breaks_at_a_letter(content: bytes) -> None:
    if b"z" in content:
        raise KeyError("z")


def test_what_is_found_by_chance_is_made_small() -> None:
    target = Target("x", breaks_at_a_letter, lambda: [b"a long case"], ("z",))
    _, [finding] = by_chance(target, until=float("inf"), most=300)
    assert b"z" in finding.content
    assert smaller(finding, target.work).content == b"z"


@pytest.mark.skipif(not there_is_atheris(), reason="atheris is an extra")
def test_a_guided_run_tells_how_many_cases_it_tried() -> None:
    count, found = guided("time", 2)
    assert count > 100
    assert found == []


def test_the_page_has_a_row_for_each_target() -> None:
    finding = Finding("mail", b"x", "KeyError: 'x'")
    text = page([Tried("mail", 1200, 34_000, [finding], 0.5), Tried("smtp", 7, None)], "2026-11-28")
    assert "| mail | 1,200 | 34,000 | 1 | 0.5 |" in text
    assert "| smtp | 7 | – | 0 | 0.0 |" in text
    assert "| cases | 35,207 |" in text
