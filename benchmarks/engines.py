"""coopflow beside others that keep workflows in one file: the same six steps, in one run, rounds interleaved."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
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
    Engine("dbos", "put in WAL by hand", "DBOS on SQLite, put in WAL (NORMAL)", 0.02),
    Engine("dbos", "as it ships", "DBOS on SQLite as it ships (rollback journal, FULL)", 0.02),
)


@dataclass
class Measured:
    """What the rounds of one engine came to, as medians."""

    instances: int
    empty: int
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
        found: dict[tuple[str, str], Measured] = {}
        for number in range(rounds):
            for engine in [one for one in ENGINES if self.versions[one.module]]:
                share = max(FEWEST, round(instances * engine.share))
                if number == 0:
                    found[engine.key] = Measured(share, int(self._child(["empty"], engine, share)["bytes"]))
                found[engine.key].rounds.append(self._child(["prepare", "run"], engine, share))
                print(f"  round {number + 1}: {engine.title}: {found[engine.key].rate:,.0f} steps/s", file=sys.stderr)
        return found

    def _child(self, whats: Sequence[str], engine: Engine, instances: int) -> Mapping[str, float]:
        """Have processes of its own do it, one after the other, and answer with what the last one says."""
        with tempfile.TemporaryDirectory() as folder:
            for what in whats:
                ran = self._run(engine.module, what, engine.module, engine.variant, str(instances), folder)
                if ran.returncode:
                    raise SystemExit(f"{engine.title} did not do what it should:\n{ran.stderr[-2000:]}")
        return dict(json.loads(ran.stdout.splitlines()[-1]))

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
