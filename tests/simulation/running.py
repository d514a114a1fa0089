"""Runs seeds, and cuts a plan that fails down to the events that it takes to fail."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.judges import Violated
from tests.simulation.month import lived
from tests.simulation.plan import Plan, plan_of

MOST_TRIES = 400  # of shrinking one plan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    seed: int
    problem: str | None = None
    head: str = ""
    commits: int = 0
    messages: int = 0
    crashes: int = 0
    ticks: int = 0


def run(seed: int, numbers: list[int] | None = None) -> Outcome:
    """One seed, or what is left of its plan."""
    return run_plan(plan_of(seed), numbers)


def run_plan(plan: Plan, numbers: list[int] | None = None) -> Outcome:
    """One plan; whatever goes wrong in it is its outcome."""
    try:
        month = lived(plan, numbers)
    except (Exception, Violated) as problem:  # noqa: BLE001 - a traceback is a finding like another
        return Outcome(plan.seed, f"{type(problem).__name__}: {problem}")
    return Outcome(
        seed=plan.seed,
        head=month.judges.head(),
        commits=month.judges.commits,
        messages=len(month.judges.truth),
        crashes=month.crashes,
        ticks=month.ticks,
    )


def shrunk(plan: Plan, fails: Callable[[list[int]], bool]) -> list[int]:
    """The events of a failing plan without which it would not fail (delta debugging)."""
    kept, parts, tries = list(range(len(plan.happenings))), 2, 0
    while len(kept) > 1 and tries < MOST_TRIES:
        size = max(1, len(kept) // parts)
        for start in range(0, len(kept), size):
            tries += 1
            rest = kept[:start] + kept[start + size :]
            if fails(rest):
                kept, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts *= 2
    return kept


def replay_line(seed: int, numbers: list[int] | None = None) -> str:
    """The one line that shows it again."""
    plan = f" --plan {','.join(map(str, numbers)) or '-'}" if numbers is not None else ""
    return f"python -m tests.simulation --seed {seed}{plan}"
