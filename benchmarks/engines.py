"""coopflow beside others that keep workflows in one file: the same six steps, in one run, rounds interleaved."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from benchmarks.peers.job import Job
from benchmarks.table import Table

FEWEST = 30
LONGEST = 900  # seconds for one engine's round; what takes longer hangs
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


def measure(instances: int, rounds: int) -> dict[tuple[str, str], Measured]:
    """Each engine that is installed, so many rounds."""
    found: dict[tuple[str, str], Measured] = {}
    for number in range(rounds):
        for engine in installed():
            share = max(FEWEST, round(instances * engine.share))
            if number == 0:
                found[engine.key] = Measured(share, int(_child("empty", engine, share)["bytes"]))
            found[engine.key].rounds.append(_one_round(engine, share))
            print(f"  round {number + 1}: {engine.title}: {found[engine.key].rate:,.0f} steps/s", file=sys.stderr)
    return found


def installed() -> list[Engine]:
    return [engine for engine in ENGINES if find_spec(_package(engine).split(".")[0])]


def left_out() -> list[str]:
    """The engines that are not installed."""
    return sorted({engine.module for engine in ENGINES} - {engine.module for engine in installed()})


def versions() -> Iterator[str]:
    """What was measured, with its version."""
    names = dict.fromkeys(_package(engine) for engine in installed())
    for name in names:
        distribution = {"langgraph.checkpoint.sqlite": "langgraph-checkpoint-sqlite"}.get(name, name)
        if name != "sqlite3":
            yield f"{distribution} {metadata.version(distribution)}"


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


def _one_round(engine: Engine, instances: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        job = Job(Path(folder), instances, engine.variant)
        _run("prepare", engine, job)
        return _run("run", engine, job)


def _child(what: str, engine: Engine, instances: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return _run(what, engine, Job(Path(folder), instances, engine.variant))


def _run(what: str, engine: Engine, job: Job) -> Mapping[str, float]:
    """Have a process of its own do it, and answer with what it says."""
    words = [sys.executable, "-m", "benchmarks.child", what, engine.module, job.variant, str(job.instances), job.folder]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST, check=False)
    if ran.returncode:
        raise SystemExit(f"{engine.title} did not do what it should:\n{ran.stderr[-2000:]}")
    return dict(json.loads(ran.stdout.splitlines()[-1])) if what != "prepare" else {}


def _package(engine: Engine) -> str:
    return str(import_module(f"benchmarks.peers.{engine.module}").PACKAGE)
