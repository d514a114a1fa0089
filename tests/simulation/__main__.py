"""`python -m tests.simulation --seed 17`: one family-month, or many; a seed that fails is cut down and can be replayed.

python -m tests.simulation --seed 17                 one seed, with what it came to
python -m tests.simulation --seed 17 --plan 3,17,22  only these events of its plan
python -m tests.simulation --seeds 1-2000            many, on all processors
python -m tests.simulation --seeds 1-200000 --page   the same, and writes docs/evidence/simulation.md anew
python -m tests.simulation --seeds 5001-9000 --page  adds to the page, if that ends with seed 5000
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import islice

from tests.simulation.page import PAGE, Figures, before, code, page
from tests.simulation.plan import plan_of
from tests.simulation.running import Outcome, replay_line, run, run_plan, shrunk

AT_ONCE = 50  # seeds handed to a process


def main() -> int:
    """Run what is asked for; 1 if an invariant was broken."""
    asked = _asked()
    if asked.seed is not None:
        return _one(asked.seed, asked.plan)
    first, last = (int(part) for part in asked.seeds.split("-"))
    goes = before(first, PAGE.read_text(encoding="utf-8")) if asked.page else []
    began = time.monotonic()
    figures = Figures(first, day=f"{datetime.now(UTC):%Y-%m-%d}", code=code())
    for outcome in _outcomes(first, last, until=began + 60 * asked.minutes, processes=asked.processes):
        figures.add(outcome)
        if outcome.problem:
            print(f"seed {outcome.seed}: {outcome.problem}\n{_cut_down(outcome)}", flush=True)
    figures.minutes = (time.monotonic() - began) / 60
    print("\n".join(f"{name}: {value}" for name, value in figures.rows()))
    if asked.page:
        PAGE.write_text(page([*goes, figures]), encoding="utf-8")
    return 1 if figures.failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="one seed")
    parser.add_argument("--plan", help="with --seed: only these events, as numbers with commas; - for none")
    parser.add_argument("--seeds", default="1-2000", help="a range of seeds, such as 1-2000")
    parser.add_argument("--minutes", type=float, default=10_000, help="begin no more seeds after so many minutes")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--page", action="store_true", help="write docs/evidence/simulation.md, or add to it")
    return parser.parse_args()


def _one(seed: int, text: str | None) -> int:
    numbers = None if text is None else [int(part) for part in text.split(",") if part != "-"]
    plan = plan_of(seed)
    for number, happening in enumerate(plan.happenings):
        if numbers is None or number in numbers:
            print(f"{number:3} {happening}")
    outcome = run(seed, numbers)
    print(outcome.problem or f"head {outcome.head}, {outcome.messages} messages, {outcome.commits} commits")
    return 1 if outcome.problem else 0


def _outcomes(first: int, last: int, *, until: float, processes: int) -> Iterator[Outcome]:
    """In the order of the seeds; no new ones are begun after a time."""
    parts = ((start, min(start + AT_ONCE, last + 1)) for start in range(first, last + 1, AT_ONCE))
    if processes == 1:
        for part in parts:
            if time.monotonic() < until:
                yield from _run_part(part)
        return
    with ProcessPoolExecutor(processes) as pool:
        while time.monotonic() < until and (some := list(islice(parts, 2 * processes))):
            for outcomes in pool.map(_run_part, some):
                yield from outcomes


def _run_part(part: tuple[int, int]) -> list[Outcome]:
    return [run(seed) for seed in range(*part)]


def _cut_down(outcome: Outcome) -> str:
    """The shortest plan that breaks the same rule, and the line that replays it."""
    plan, kind = plan_of(outcome.seed), _kind(outcome.problem)
    numbers = shrunk(plan, lambda kept: _kind(run_plan(plan, kept).problem) == kind)
    events: Iterable[str] = (f"  {number:3} {plan.happenings[number]}" for number in numbers)
    return "\n".join([*events, f"  {replay_line(outcome.seed, numbers)}"])


def _kind(problem: str | None) -> str:
    """Which rule was broken, whoever it met."""
    return ":".join((problem or "").split(":")[:2])


if __name__ == "__main__":
    sys.exit(main())
