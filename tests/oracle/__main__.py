"""Compares ten million cases and writes down what came of it."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path

import tzdata

from coopflow import __version__
from tests.oracle.clocks import Clock, clocks, known_zones
from tests.oracle.comparing import Result, changes, compare
from tests.oracle.rules import RULES
from tests.oracle.subject import accepted

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "timing-oracle.md"
SHOWN = 20  # disagreements that are printed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    started = time.monotonic()
    starts = -(-given.cases // (len(RULES) * sum(len(changes(clock)) for clock in _clocks())))
    with Pool(given.jobs) as pool:
        parts = pool.imap_unordered(_part, [(number, given.seed, starts) for number in range(len(_clocks()))])
        result = sum(parts, Result())
    minutes = (time.monotonic() - started) / 60
    zones = sum(len(clock.names) for clock in _clocks())
    told = (
        f"{result.cases:,} cases, {zones} zones with {len(_clocks())} clocks, {result.changes:,} changes of the clocks,"
        f" {len(RULES)} rules: {len(result.disagreements)} disagreements"
    )
    print(f"{told}; {minutes:.1f} minutes, {given.jobs} jobs")
    for disagreement in result.disagreements[:SHOWN]:
        print(f"  {disagreement}")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(_page(result, zones, given.seed, minutes, given.jobs), encoding="utf-8")
    return 1 if result.disagreements else 0


@cache
def _clocks() -> list[Clock]:
    return clocks(accepted(known_zones()))


def _part(task: tuple[int, int, int]) -> Result:
    number, seed, starts = task
    return compare(_clocks(), slice(number, number + 1), seed=seed, starts=starts)


def _page(result: Result, zones: int, seed: int, minutes: float, jobs: int) -> str:
    rules = "\n".join(f"- {rule.name}" for rule in RULES)
    found = "\n".join(f"- {disagreement}" for disagreement in result.disagreements[:SHOWN])
    return f"""# The arithmetic of time against an oracle

coopflow works out when a step's turn comes; `tests/oracle` works it out once more, minute by minute over the rules as
they are worded, with a reader of the zone files of its own. They share no code. This page is written by

    python -m tests.oracle --cases 10000000

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| cases | {result.cases:,} |
| disagreements | {len(result.disagreements):,} |
| zones | {zones}, with {len(_clocks())} different clocks |
| changes of the clocks, 1970 to 2100 | {result.changes:,} |
| rules | {len(RULES)} |
| seed | {seed} |
| coopflow | {__version__} |
| Python | {sys.version.split()[0]} |
| zone data | {tzdata.IANA_VERSION} (tzdata {version("tzdata")}) |
| it took | {minutes:.0f} minutes, {jobs} processes |

Around every change of every clock each rule is asked from several moments, to the second, within three days of it; the
first of them lies close to the change.
{
        f'''
## Disagreements

{found}
'''
        if found
        else ""
    }
## The rules

{rules}
"""


if __name__ == "__main__":
    sys.exit(main())
