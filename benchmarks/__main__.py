"""`python -m benchmarks`: coopflow beside others and beside the limits, in one run; what it found goes into the docs.

Rounds are interleaved and medians are shown. Carry the ratios away, not the seconds: machines differ, and so do hours.
The others are an extra, `pip install -e '.[benchmarks]'`; one that is missing is named and left out.
`python -m benchmarks.mail` and `python -m benchmarks.timing` look closer at what their names say.
"""

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from benchmarks import engines, goals, words
from benchmarks.sqlite_files import count
from coopflow.store.database import journal_mode
from coopflow.tick import BATCH

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
INSTALLED = "COOPFLOW_BENCHMARKED"  # read by benchmarks.large
COMMIT = ("git", "describe", "--always", "--dirty")
MEASURED = "<!-- what follows is written by `python -m benchmarks` -->"


LOOKS_A_ROUND = 5


class Size(NamedTuple):
    """How much of everything there is."""

    instances: int
    rounds: int
    finished: int
    waiting: int
    due: int
    mails: int
    lines: int
    files: int
    growing: int
    families: int  # of the co-op that lives a year; 0: none does


FULL = Size(10_000, 3, 1_000_000, 200_000, 100_000, 1_000, 100_000, 1_000, 1_000, 10)
QUICK = Size(1_000, 1, 10_000, 2_000, 10_000, 200, 5_000, 100, 200, 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="little of everything, in less than two minutes")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many instead of 3")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the large co-op there, or use the one there")
    parser.add_argument(
        "--others",
        metavar="PYTHON",
        default=sys.executable,
        help="the Python that has the other engines, if this one should not: what they bring along makes it slower",
    )
    parser.add_argument(
        "--installed",
        metavar="VENV",
        help="the environment with coopflow alone whose commands are measured: what tests need makes them slower",
    )
    parser.add_argument("--write", action="store_true", help=f"write what was found into docs/{PAGE.name}")
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {sorted(unknown)[0]}; there are {', '.join(PARTS)}")
    size = QUICK if given.quick else FULL
    if given.rounds:
        size = size._replace(rounds=given.rounds)
    os.environ[INSTALLED] = given.installed or ""
    run = Run(size, given.keep, engines.Bench(given.others))
    found = [about(run.size, run.bench)]
    for part in given.parts or PARTS:
        print(f"{part} ...", file=sys.stderr)
        found += PARTS[part](run)
        if given.write:  # after each part: a run is long
            write([*found, *run.goals()])
    print("\n\n".join([*found, *run.goals()]))


def write(found: list[str]) -> None:
    """Put what was found in the place of what was found before."""
    by_hand, _, _ = PAGE.read_text().partition(MEASURED)
    PAGE.write_text("\n\n".join([f"{by_hand}{MEASURED}", *found]) + "\n")


class Run:
    """One run: its sections as they are measured, and what they say of the goals."""

    def __init__(self, size: Size, keep: Path | None, bench: engines.Bench) -> None:
        self.bench = bench
        self.size = size
        self.keep = keep
        self.reached: dict[str, float] = {}

    def goals(self) -> list[str]:
        """What has been reached, as far as it has been measured."""
        return ["## Goals", str(goals.table(self.reached))]

    def side_by_side(self) -> Iterator[str]:
        found = self.bench.measure(self.size.instances, self.size.rounds)
        self.reached |= dict(goals.of_engines(found))
        yield "## Engines that keep workflows in one file"
        yield words.ENGINES.format(instances=self.size.instances, rounds=self.size.rounds, batch=BATCH)
        yield str(engines.table(found))
        if missing := self.bench.left_out:
            yield f"Not installed, and left out: {', '.join(missing)}."

    def processes(self) -> Iterator[str]:
        from benchmarks import claiming, processes

        with processes.co_ops(self.size.finished, self.size.waiting, self.keep) as (large, small):
            finished = count(large.database, "workflow_instances", "completed_at IS NOT NULL")
            waiting = count(large.database, "workflow_queue")
            looks = processes.look(large, small, LOOKS_A_ROUND * self.size.rounds)
            ticks = processes.ticks(large, self.size.rounds)
            ours, theirs = claiming.claims(large, self.size.due)
        flat = {name: looks[f"{name}, large"] / looks[f"{name}, small"] for name in processes.LOOKS}
        self.reached |= {
            "idle": looks["idle tick, large"] / looks[processes.PLAIN],
            "status": looks["status --family 42, large"] / looks[processes.EMPTY],
            "flat": max(flat.values()),
            "claim": theirs / ours,
            **{f"tick_{due}": ticks[str(due)] / ticks["idle"] for due in processes.DUE},
        }
        yield "## Whole processes"
        if find_spec("psycopg"):
            yield words.PSYCOPG
        yield words.PROCESSES.format(finished=finished, waiting=waiting, small=processes.SMALL)
        yield str(processes.table_of_looks(looks))
        yield words.TICKS
        yield str(processes.table_of_ticks(ticks))
        yield words.CLAIM.format(
            batch=BATCH, due=self.size.due, all=10 * self.size.due, ours=ours * 1e3, theirs=theirs * 1e3
        )

    def many(self) -> Iterator[str]:
        from benchmarks.bulk import bulk

        found = bulk(self.size.lines, self.size.files, self.size.rounds)
        self.reached |= {"trigger": found.predictions, "trigger_peak": found.predictions_peak}
        self.reached |= {"load_new": found.new_files, "load_unchanged": found.unchanged_files}
        self.reached["verify"] = found.verified
        yield "## Very many at once"
        yield words.BULK.format(lines=self.size.lines, files=self.size.files, **found._asdict())

    def mails(self) -> Iterator[str]:
        from shutil import which

        yield "## Mails"
        if which("smtp-sink", path="/usr/sbin:/usr/bin:/bin") is None:
            yield "Not measured: `smtp-sink`, of Debian's package `postfix`, is not installed."
            return
        from benchmarks import mail

        found = mail.measure(self.size.mails, rounds=self.size.rounds, workers=1)
        self.reached["mail"] = ratio = found.tick / found.messages
        yield words.MAILS.format(mails=self.size.mails, ratio=ratio, **found._asdict())

    def growth(self) -> Iterator[str]:
        from benchmarks import growth

        yield "## What stays in the file"
        for variant in growth.ours.VARIANTS:
            rows, journal = growth.taken(variant, self.size.growing)
            yield words.GROWTH.format(variant=variant, instances=self.size.growing, journal=journal / 2**20)
            yield str(rows)
        if self.size.families:
            yield words.YEAR
            yield str(growth.a_year(self.size.families))


PARTS: dict[str, Callable[[Run], Iterator[str]]] = {
    "engines": Run.side_by_side,
    "processes": Run.processes,
    "bulk": Run.many,
    "mail": Run.mails,
    "growth": Run.growth,
}


def about(size: Size, bench: engines.Bench) -> str:
    """When, where and with what."""
    journal = journal_mode(sqlite3.sqlite_version_info)
    mode = {"wal": "the write-ahead log, synchronous=FULL", "delete": "the rollback journal, synchronous=EXTRA"}[
        journal
    ]
    asked = subprocess.run(COMMIT, cwd=PAGE.parent, capture_output=True, text=True, check=False)
    commit = asked.stdout.strip() or "an unknown commit"
    much = "little" if size.instances == QUICK.instances else "much"
    used = ", ".join(version for name, version in bench.versions.items() if version and name != "raw_sqlite3")
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} at {commit}, with {much} of everything,"
        f" {size.rounds} {'round' if size.rounds == 1 else 'rounds'}. {platform.python_implementation()}"
        f" {platform.python_version()} on {platform.system()}, {platform.machine()}, {os.cpu_count()} cores;"
        f" SQLite {sqlite3.sqlite_version}, with which coopflow uses {mode}. {used}."
    )


if __name__ == "__main__":
    main()
