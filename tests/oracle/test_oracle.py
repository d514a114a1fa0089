"""coopflow's arithmetic of time against the oracle: around every change of every clock, 200,000 cases and more.

Ten million are a command of their own: `python -m tests.oracle`.
"""

import os
from functools import cache
from multiprocessing import get_context

import pytest
from msgspec.structs import replace

from tests.oracle.clocks import Clock, clocks, known_zones
from tests.oracle.comparing import Result, changes, compare
from tests.oracle.rules import RULES
from tests.oracle.subject import Subject, accepted

RULES_EACH = 7  # at each change, so that the whole comes to more than 200,000; which ones is drawn anew for each zone
SEED = 2026


@cache
def all_clocks() -> list[Clock]:
    return clocks(accepted(known_zones()))


def part(number: int) -> Result:
    return compare(all_clocks(), slice(number, number + 1), seed=SEED, rules_each=RULES_EACH, starts=1)


def test_the_arithmetic_of_time_is_that_of_the_oracle_around_every_change_of_every_clock() -> None:
    with get_context("spawn").Pool(min(2, os.cpu_count() or 1)) as pool:
        result = sum(pool.imap_unordered(part, range(len(all_clocks())), chunksize=8), Result())
    assert [str(found) for found in result.disagreements[:20]] == []
    assert result.cases >= 200_000
    assert result.changes == sum(len(changes(clock)) for clock in all_clocks())
    assert sum(len(clock.names) for clock in all_clocks()) > 400


class AnHourLate(Subject):
    """coopflow with a fault, for the oracle to find."""

    def answer(self, at: int) -> int:
        return super().answer(at) + 3600


class WithoutResuming(Subject):
    """coopflow that takes what was shut out at the stroke of eight."""

    def _answer(self, at):  # type: ignore[no-untyped-def]
        self.hours = [
            replace(place, windows=tuple(replace(window, resume_at=None) for window in place.windows))
            for place in self.hours
        ]
        return super()._answer(at)


@pytest.mark.parametrize("subject", [AnHourLate, WithoutResuming])
def test_the_oracle_sees_what_is_wrong(subject: type[Subject]) -> None:
    chicago = [number for number, clock in enumerate(all_clocks()) if "America/Chicago" in clock.names]
    part = slice(chicago[0], chicago[0] + 1)
    assert compare(all_clocks(), part, seed=SEED, starts=1).disagreements == []
    assert compare(all_clocks(), part, seed=SEED, starts=1, subject=subject).disagreements


def test_every_shape_of_rule_is_compared() -> None:
    asked = {rule.question for rule in RULES}
    assert asked == {"next", "closes", "preferred", "spread", "add", "plan"}
    assert len(RULES) >= 20
