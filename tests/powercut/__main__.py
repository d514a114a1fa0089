"""Cuts the power as often as is asked for, lets every operation fail, and writes down what came of it."""

import argparse
import platform
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw

from coopflow import __version__
from tests.powercut import failing
from tests.powercut.cutting import Cutter, Tally
from tests.powercut.failing import Outcomes
from tests.powercut.recording import OURS, WORSE, Mode, made, recorded
from tests.powercut.working import DAMAGES, cut, cut_twice, fail, shares, side_by_side, trials

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "power-cuts.md"
MEMORY = Path("/dev/shm")  # noqa: S108


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--images", type=int, default=200_000, help="at least so many, if there is time")
    parser.add_argument("--minutes", type=float, default=600, help="begin no further round of cuts after so long")
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        due = made(Path(name) / "due")
        worse = [_worse(due, mode) for mode in WORSE]
        errors = _errors(Path(name) / "one", given.jobs)
        again = sum(side_by_side(cut_twice, list(shares(due, damages=5)), jobs=given.jobs), Tally())
        cuts = {mode.name: Tally() for mode in OURS}
        seed = 0
        while _images(cuts) < given.images and (time.monotonic() - started) / 60 < given.minutes:
            seed += 1
            for mode in OURS:
                mine = [share for share in shares(due, seed=seed, damages=DAMAGES) if share.mode == mode]
                cuts[mode.name] = sum(side_by_side(cut, mine, jobs=given.jobs), cuts[mode.name])
    minutes = (time.monotonic() - started) / 60
    given.output.write_text(_page(cuts, worse, again, errors, minutes), encoding="utf-8")
    wrong = [finding for tally in (*cuts.values(), again) for finding in tally.findings]
    print(f"{_images(cuts):,} images, {len(wrong)} findings; {errors.runs:,} disk errors, {len(errors.wrong)} wrong")
    for problem in (*wrong[:20], *errors.wrong[:20]):
        print(f"  {problem}")
    return 1 if wrong or errors.wrong else 0


def _images(cuts: dict[str, Tally]) -> int:
    return sum(tally.images for tally in cuts.values())


def _worse(due: Path, mode: Mode) -> tuple[str, Tally]:
    return mode.name, Cutter(recorded(due, mode), mode).cut_all(2, recovering=False)


def _errors(folder: Path, jobs: int | None) -> Outcomes:
    made(folder, failing.FAMILIES, failing.STEPS)
    return sum(side_by_side(fail, list(trials(folder)), jobs=jobs), Outcomes())


def _page(
    cuts: dict[str, Tally], worse: list[tuple[str, Tally]], again: Tally, errors: Outcomes, minutes: float
) -> str:
    rows = "\n".join(_row(name, tally) for name, tally in cuts.items())
    others = "\n".join(
        f"| {name} | {tally.images:,} | {tally.of_kind('corrupt'):,} | {tally.of_kind('forgotten'):,} |"
        for name, tally in worse
    )
    sentences = "\n".join(f"- {count:,} × …{sentence}" for sentence, count in sorted(errors.errors.items()))
    return f"""# Power cuts and disk errors

A tick with ten messages runs on a disk of the tests' own: a file system in memory that knows what was synced and what
was not. After every operation that the tick makes on it the power is cut. Of what was not synced, each sector of 512
bytes is kept (45 %), lost (45 %) or torn (10 %); lengths of files and names in the directory that were not synced may
be lost too. An ordinary SQLite then opens what is left. It must be sound and hold what the last acknowledged commit
left, or the one that was under way; then the next tick goes on, and the record of the server, which coopflow cannot
see, must show every message once. This page is written by

    python -m tests.powercut --images 200000

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| coopflow | {__version__} |
| Python | {platform.python_version()} |
| SQLite that was cut short | {apsw.sqlite_lib_version()} |
| SQLite that came after | {sqlite3.sqlite_version} |
| it took | {minutes:.0f} minutes |

## As coopflow writes

Which of the two it is depends on the version of SQLite.

| | cuts | images | of these different | damaged | commits forgotten | messages doubled or lost | recoveries |
|---|---|---|---|---|---|---|---|
{rows}
{_row("a second cut, in the recovery", again)}

The recovery is gone through once for each thing that can be left, and for one in a hundred of the other images.

## With less care

The same cuts, so that it is known that the tests can see.

| | images | damaged | commits forgotten |
|---|---|---|---|
{others}

## Operations that fail

Every operation of a tick with one message fails, once and for ever, as a defect disk, a full disk (told in either of
two ways) and a disk that has become read-only would. {errors.runs:,} ticks: {errors.successes:,} came through,
{sum(errors.errors.values()):,} ended with a sentence and its exit code, **{len(errors.wrong):,} were wrong**. When the
disk works again, the database is sound, what was acknowledged is there, and the next tick sends every message once.

{sentences}
"""


def _row(name: str, tally: Tally) -> str:
    kinds = " | ".join(f"{tally.of_kind(kind):,}" for kind in ("corrupt", "forgotten", "wrong"))
    return f"| {name} | {tally.cuts:,} | {tally.images:,} | {tally.distinct:,} | {kinds} | {tally.recoveries:,} |"


if __name__ == "__main__":
    sys.exit(main())
