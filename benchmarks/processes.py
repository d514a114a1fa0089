"""Whole processes, as cron and people start them, beside the plainest ones there are; rounds interleaved."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.large import COOPFLOW, PYTHON, LargeCoop
from benchmarks.table import Table

FEW, SOME, MANY = DUE = (10, 1_000, 10_000)
SMALL = 1_000  # instances that have ended in the co-op that the large one is compared with
PLAIN = "python -I -c 'import sqlite3'"
EMPTY = "an empty Typer command that imports peewee"
EMPTY_COMMAND = """
import peewee
import typer
app = typer.Typer()
@app.command()
def nothing(family: str = "") -> None:
    "Do nothing."
app()
"""
LOOKS: Mapping[str, Sequence[str]] = {
    "idle tick": ("tick",),
    "status --family 42": ("status", "--family", "42", "--format", "table"),
    "why 42": ("why", "42", "--format", "table"),
    "show of one instance": ("show", "10", "--format", "table"),
    "agenda of one family": ("agenda", "--family", "42", "--format", "table"),
}


class Process(NamedTuple):
    """What a process took."""

    seconds: float
    cpu: float
    peak: int  # bytes


ALONE = """
import json, os, resource, subprocess, sys, time
with open(sys.argv[1], "rb") as source, open(os.devnull, "wb") as sink:
    started = time.perf_counter()
    code = subprocess.run(sys.argv[2:], stdin=source, stdout=sink).returncode
    seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
sys.exit(code)
"""


def run(words: Sequence[str], *, given: Path = Path(os.devnull)) -> Process:
    """Run a command to its end, in silence, and see what it took.

    A small process starts it: the peak that Linux gives for a child is never less than its parent's.
    """
    started = [sys.executable, "-I", "-S", "-c", ALONE, str(given), *words]
    ran = subprocess.run(started, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return Process(*json.loads(ran.stdout))


class Processes:
    """What some commands took, as medians."""

    def __init__(self) -> None:
        self._taken: dict[str, list[Process]] = defaultdict(list)

    def take(self, name: str, words: Sequence[str]) -> None:
        self._taken[name].append(run(words))

    def __getitem__(self, name: str) -> float:
        """Seconds on the clock."""
        return statistics.median(one.seconds for one in self._taken[name])

    def cpu(self, name: str) -> float:
        """Seconds of CPU, which other processes on the machine change little."""
        return statistics.median(one.cpu for one in self._taken[name])

    def names(self) -> list[str]:
        return list(self._taken)


@contextmanager
def co_ops(finished: int, waiting: int, kept: Path | None) -> Iterator[tuple[LargeCoop, LargeCoop]]:
    """A large co-op and a small one; the large one is taken from, or left in, the folder to keep it in."""
    now = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        folder = kept or Path(one)
        if (folder / "coopflow.db").exists():
            large = LargeCoop.open(folder)
        else:
            print(f"  filling a database with {finished:,} instances", file=sys.stderr)
            large = LargeCoop.make(folder, finished=finished, waiting=waiting, now=now)
        yield large, LargeCoop.make(Path(other), finished=SMALL, waiting=SMALL // 5, now=now)


def look(large: LargeCoop, small: LargeCoop, rounds: int) -> Processes:
    """Idle ticks and look-ups in both co-ops, beside the plainest processes."""
    found = Processes()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY_COMMAND)
        for _ in range(rounds):
            found.take(PLAIN, [PYTHON, "-I", "-c", "import sqlite3"])
            found.take(EMPTY, [PYTHON, str(empty), "--family", "42"])
            for name, words in LOOKS.items():
                for coop, which in ((large, "large"), (small, "small")):
                    found.take(f"{name}, {which}", [COOPFLOW, "-c", str(coop.config), *words])
    return found


def ticks(large: LargeCoop, rounds: int) -> Processes:
    """Ticks with something to do, beside idle ones."""
    found = Processes()
    words = [COOPFLOW, "-c", str(large.config), "tick"]
    for _ in range(rounds):
        for due in DUE:
            run(words)  # whatever has become due meanwhile
            found.take("idle", words)
            large.add_due(due)
            found.take(f"{due}", words)
    return found


def table_of_looks(found: Processes) -> Table:
    rows = Table(
        "command", "ms", f"× {PLAIN}", "× the small co-op", "CPU ms", f"CPU × {PLAIN}", "CPU × the small co-op"
    )
    for name in found.names():
        twin = name.replace(", large", ", small")
        rows.add(name, *_beside(found.__getitem__, name, twin), *_beside(found.cpu, name, twin))
    return rows


def _beside(took: Callable[[str], float], name: str, twin: str) -> tuple[str, str, str]:
    """Milliseconds, and how often the plainest process and the twin would fit into it."""
    seconds = took(name)
    return f"{seconds * 1e3:.1f}", f"{seconds / took(PLAIN):.2f}", f"{seconds / took(twin):.2f}" if twin != name else ""


def table_of_ticks(found: Processes) -> Table:
    rows = Table("instances due", "ms", "× an idle tick", "CPU ms", "CPU × an idle tick")
    for name in found.names():
        cells = (
            cell
            for took in (found.__getitem__, found.cpu)
            for cell in (f"{took(name) * 1e3:.1f}", f"{took(name) / took('idle'):.1f}")
        )
        rows.add(name, *cells)
    return rows
