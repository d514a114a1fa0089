"""Plants every mistake, one at a time, and writes down which test saw each."""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from coopflow import __version__
from tests.planted.planting import PLANTS, ROOT, Seen, misfits, seen, without
from tests.planted.plants import Plant

PAGE = ROOT / "docs" / "evidence" / "planted-bugs.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", help="those with these words in their name; no page is written")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--keep", type=Path, help="a file with what was seen so far: an interrupted run goes on there")
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    if wrong := misfits():
        print("\n".join(wrong), file=sys.stderr)
        return 2
    plants = [plant for plant in PLANTS if given.only is None or given.only in plant.name]
    found = _kept(given.keep, plants)
    left = [plant for plant in plants if plant.name not in {one.plant.name for one in found}]
    with multiprocessing.get_context("fork").Pool(given.jobs) as pool:
        for one in pool.imap_unordered(seen, left):
            found.append(one)
            if given.keep:
                with given.keep.open("a") as file:
                    file.write(json.dumps([one.plant.name, one.by, one.seconds, one.problem]) + "\n")
            print(f"{'seen' if one.by and not one.problem else 'NOT SEEN':8} {one.seconds:4.0f} s  {one.plant.name}")
            print(f"                 {one.problem or one.by}", flush=True)
    found = without(sorted(found, key=lambda one: plants.index(one.plant)))
    missed = [one for one in found if not one.by or one.problem]
    print(f"{len(found) - len(missed)} of {len(found)} were seen")
    if given.only is None:
        given.output.write_text(_page(found), encoding="utf-8")
    return 1 if missed else 0


def _kept(path: Path | None, plants: Sequence[Plant]) -> list[Seen]:
    """What an earlier run has seen of these plants."""
    if path is None or not path.exists():
        return []
    by_name = {plant.name: plant for plant in plants}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Seen(by_name[name], *rest) for name, *rest in rows if name in by_name and rest[0]]


def _page(found: Sequence[Seen]) -> str:
    caught = sum(1 for one in found if one.by and not one.problem)
    rows = "\n".join(f"| {one.plant.name} | `{one.plant.file}` | {_by(one)} |" for one in found)
    return f"""# Planted bugs

Mistakes that somebody might make, planted one at a time in a copy of the package, to see that the tests find each.
Only the test files that should see it are run, up to the first test that fails; that test must pass without the plant.
Every run of the tests checks that each of them can still be planted, and that three of them, drawn by lot, are found.
This page is written by

    python -m tests.planted

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| coopflow | {__version__} |
| planted | {len(found)} |
| found | {caught} |
| it took | {sum(one.seconds for one in found) / 60:.0f} minutes of one process |

| what is wrong then | in | found by |
|---|---|---|
{rows}
"""


def _by(one: Seen) -> str:
    if one.problem or not one.by:
        return f"**not found** {one.problem}".strip()
    file, _, test = one.by.partition("::")
    name = test.partition("[")[0] or "it hung"
    return f"{name.removeprefix('test_').replace('_', ' ')} (`{file.removeprefix('tests/')}`)"


if __name__ == "__main__":
    sys.exit(main())
