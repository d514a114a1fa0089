"""`python -m tests.mutation --sample 300`: small changes to the rules, each with the tests that come by it.

python -m tests.mutation --sample 300 --page                     some of all, and writes docs/evidence/mutation.md
python -m tests.mutation --only coopflow/core/retry.py           all of one module
python -m tests.mutation --only coopflow/core/retry.py --line 40 those of one line
python -m tests.mutation --survivors                             once more those that nobody noticed or explains
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from random import Random

from tests.mutation.covering import KEPT, covering
from tests.mutation.mutants import Mutant, modules, mutants
from tests.mutation.page import PAGE, Tried, explained, page, score
from tests.mutation.trial import Fate, fate, few, load, passes

RESULTS = KEPT / "tried.json"  # of all runs: the page tells of them together
TOLD = 10  # it says after so many how far it has come


def main() -> int:
    """Try them; 1 if one was not noticed that no line of equivalent.txt explains."""
    asked = _asked()
    load()
    known, began = covering(anew=asked.anew), time.monotonic()
    every = [mutant for path in modules() for mutant in mutants(path)]
    chosen = _chosen(every, asked)
    _require_tests_that_pass(chosen)
    tried, results = [], _kept()
    for mutant in chosen:
        if time.monotonic() > began + 60 * asked.minutes:
            break
        tried.append(Tried(mutant, fate(mutant, known)))
        results[mutant.name] = tried[-1].fate
        RESULTS.write_text(json.dumps(results, indent=1))
        if not len(tried) % TOLD:
            print(f"{len(tried)} of {len(chosen)} tried", flush=True)
        if not tried[-1].fate.killed:
            mark = "known" if mutant.name in explained() else "SURVIVED"
            print(f"{mark} {mutant.path}:{mutant.line} {mutant.name}: {tried[-1].fate}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{score(tried, explained())} noticed; {minutes:.1f} minutes")
    if asked.page:
        so_far = [Tried(mutant, Fate(results[mutant.name])) for mutant in every if mutant.name in results]
        PAGE.write_text(page(so_far, len(every), f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    return 1 if any(not one.fate.killed and one.mutant.name not in explained() for one in tried) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, help="so many, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one module")
    parser.add_argument("--line", type=int, help="with --only: one line")
    parser.add_argument("--survivors", action="store_true", help="once more those that nobody noticed or explains")
    parser.add_argument("--minutes", type=float, default=10_000, help="begin no more after so many minutes")
    parser.add_argument("--anew", action="store_true", help="find out anew which tests come by which line")
    parser.add_argument("--page", action="store_true", help="write docs/evidence/mutation.md")
    return parser.parse_args()


def _chosen(every: list[Mutant], asked: argparse.Namespace) -> list[Mutant]:
    found = [mutant for mutant in every if asked.only in (None, mutant.path)]
    found = [mutant for mutant in found if asked.line in (None, mutant.line)]
    if asked.survivors:
        left = {name for name, told in _kept().items() if not Fate(told).killed} - explained().keys()
        found = [mutant for mutant in found if mutant.name in left]
    if asked.sample is not None and asked.sample < len(found):
        random = Random(asked.seed)  # noqa: S311 - a seed makes it repeatable
        found = random.sample(found, asked.sample)
    return found


def _kept() -> dict[str, str]:
    """What became of those that were tried before: name → fate."""
    found: dict[str, str] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


def _require_tests_that_pass(chosen: list[Mutant]) -> None:
    """The tests of a few of them must pass with nothing changed."""
    known = covering()
    for mutant in chosen[:: max(1, len(chosen) // 3)]:
        tests = few(known.of(mutant.path, mutant.line))
        if tests and not passes(tests, known):
            raise SystemExit(f"the tests of {mutant.path}:{mutant.line} fail with nothing changed; try --anew")


if __name__ == "__main__":
    sys.exit(main())
