"""coopflow beside others that keep workflows in one file: the same six steps, in one run, rounds interleaved."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.table import Table

FEWEST = 30
LONGEST = 900  # seconds for one engine's round; what takes longer hangs
ROOT = Path(__file__).parents[1]
OURS = ("ours", "steps in the house")


@dataclass(frozen=True)
class Engine:
    """What is run, and how it is called."""

    module: str
    variant: str
    title: str
    share: float  # of the instances that coopflow is given: a slow one's rate is known after fewer

    @property
    def key(self) -> tuple[str, str]:
        return self.module, self.variant


ENGINES = (
    Engine("ours", "steps in the house", "coopflow, steps in the house", 1),
    Engine("ours", "messages to the outbox", "coopflow, two messages to the outbox", 1),
    Engine("raw_sqlite3", "500 steps a transaction", "raw sqlite3, the same rows, 500 steps a transaction", 1),
    Engine("raw_sqlite3", "1 step a transaction", "raw sqlite3, the same rows, 1 step a transaction", 0.02),
    Engine("huey", "fsync off", "huey, fsync off (WAL, OFF)", 0.1),
    Engine("huey", "as it ships", "huey as it ships (WAL, FULL)", 0.02),
    Engine("spiffworkflow", "saved as JSON", "SpiffWorkflow, JSON after each step (WAL, FULL)", 0.02),
    Engine("apscheduler", "put in WAL by hand", "APScheduler 3, put in WAL (NORMAL)", 0.02),
    Engine("langgraph", "durability=sync", "LangGraph, SQLite saver (WAL, FULL)", 0.02),
    Engine("pattern", "put in WAL by hand", "the pattern's engine on peewee (WAL, NORMAL)", 0.1),
    Engine("dbos", "put in WAL by hand", "DBOS on SQLite, put in WAL (NORMAL)", 0.1),
    Engine("dbos", "as it ships", "DBOS on SQLite as it ships (rollback journal, FULL)", 0.02),
)


@dataclass
class Measured:
    """What the rounds of one engine came to, as medians."""

    instances: int
    empty: int = 0
    rounds: list[Mapping[str, float]] = field(default_factory=list)

    def _median(self, of: str) -> float:
        return statistics.median(found[of] for found in self.rounds)

    @property
    def rate(self) -> float:
        """Steps per second."""
        return statistics.median(found["steps"] / found["seconds"] for found in self.rounds)

    @property
    def slowest_and_fastest(self) -> tuple[float, float]:
        rates = [found["steps"] / found["seconds"] for found in self.rounds]
        return min(rates), max(rates)

    @property
    def cpu(self) -> float:
        """Seconds for 1,000 steps."""
        return self._median("cpu") * 1000 / self._median("steps")

    @property
    def size(self) -> float:
        """Bytes that a step leaves in the file."""
        return (self._median("bytes") - self.empty) / self._median("steps")

    @property
    def peak(self) -> float:
        """Mebibytes."""
        return self._median("peak") / 2**20


class Bench:
    """The engines that are installed: ours where this runs, the others where `python` finds them."""

    def __init__(self, python: str) -> None:
        self._python = python
        self.versions = {name: self._version(name) for name in dict.fromkeys(engine.module for engine in ENGINES)}

    @property
    def left_out(self) -> list[str]:
        """The engines that are not installed."""
        return [name for name, version in self.versions.items() if version is None]

    def measure(self, instances: int, rounds: int) -> dict[tuple[str, str], Measured]:
        """Each engine, so many rounds."""
        there = [engine for engine in ENGINES if self.versions[engine.module]]
        found = {one.key: Measured(max(FEWEST, round(instances * one.share))) for one in there}
        with tempfile.TemporaryDirectory() as prepared, tempfile.TemporaryDirectory() as rest:
            for number, engine in enumerate(there):
                one = found[engine.key]
                one.empty = int(self._child("empty", engine, one.instances, Path(rest) / f"empty-{number}")["bytes"])
                self._child("prepare", engine, one.instances, Path(prepared) / str(number))
            for round_number in range(1, rounds + 1):
                for number, engine in enumerate(there):
                    folder = Path(rest) / f"{round_number}-{number}"
                    shutil.copytree(Path(prepared) / str(number), folder)
                    one = found[engine.key]
                    one.rounds.append(self._child("run", engine, one.instances, folder))
                    shutil.rmtree(folder)
                    print(f"  round {round_number}: {engine.title}: {one.rate:,.0f} steps/s", file=sys.stderr)
        return found

    def _child(self, what: str, engine: Engine, instances: int, folder: Path) -> Mapping[str, float]:
        """Have a process of its own do it, and answer with what it says."""
        folder.mkdir(exist_ok=True)
        ran = self._run(engine.module, what, engine.module, engine.variant, str(instances), str(folder))
        if ran.returncode:
            raise SystemExit(f"{engine.title} did not do what it should:\n{ran.stderr[-2000:]}")
        said = ran.stdout.splitlines()
        return dict(json.loads(said[-1])) if said else {}

    def _version(self, module: str) -> str | None:
        """What is installed for an engine, and in which version; None: nothing is."""
        ran = self._run(module, "version", module)
        return None if ran.returncode else ran.stdout.strip()

    def _run(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        python = sys.executable if module in (OURS[0], "raw_sqlite3") else self._python
        asked = [python, "-m", "benchmarks.child", *words]
        return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, check=False)


def table(found: Mapping[tuple[str, str], Measured]) -> Table:
    """The engines, the fastest first."""
    ours = found[OURS]
    rows = Table(
        "engine",
        "steps/s",
        "slowest – fastest",
        "coopflow is × faster",
        "CPU s / 1,000 steps",
        "bytes / step",
        "peak MiB",
        "instances",
    )
    by_rate = sorted((engine for engine in ENGINES if engine.key in found), key=lambda engine: -found[engine.key].rate)
    for engine in by_rate:
        one = found[engine.key]
        slowest, fastest = one.slowest_and_fastest
        rows.add(
            engine.title,
            f"{one.rate:,.0f}",
            f"{slowest:,.0f} – {fastest:,.0f}",
            f"{ours.rate / one.rate:,.2f}",
            f"{one.cpu:.3f}",
            f"{one.size:,.0f}",
            f"{one.peak:.0f}",
            f"{one.instances:,}",
        )
    return rows
