"""What is aimed at, as ratios within one run, and whether it was reached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.table import Table

MORE, LESS = "more", "less"


@dataclass(frozen=True)
class Goal:
    """A figure, where it must be and where it should be."""

    name: str
    words: str
    floor: float
    stretch: float
    better: str

    def verdict(self, reached: float) -> str:
        """How far it was reached."""
        if self._as_good_as(reached, self.stretch):
            return "stretch goal"
        return "floor" if self._as_good_as(reached, self.floor) else "no"

    def _as_good_as(self, reached: float, wanted: float) -> bool:
        return reached >= wanted if self.better == MORE else reached <= wanted


GOALS = (
    Goal("dbos", "steps/s × DBOS on SQLite as it ships", 50, 150, MORE),
    Goal("dbos_wal", "steps/s × DBOS put in WAL", 25, 70, MORE),
    Goal("huey", "steps/s × huey as it ships", 15, 35, MORE),
    Goal("huey_off", "steps/s × huey with fsync off", 4, 10, MORE),
    Goal("spiff", "steps/s × SpiffWorkflow, FULL", 15, 40, MORE),
    Goal("pattern", "steps/s × the pattern's engine on peewee, WAL", 20, 55, MORE),
    Goal("raw", "steps/s × raw sqlite3 writing the same rows in the same batches", 0.4, 0.9, MORE),
    Goal("peak", "peak memory of a tick, MiB", 60, 40, LESS),
    Goal("bytes", "bytes per step × DBOS's", 1.0, 0.5, LESS),
    Goal("idle", "idle tick, whole process, × python -I -c 'import sqlite3'", 1.4, 1.05, LESS),
    Goal("tick_10", "tick with 10 due × an idle tick", 6, 3, LESS),
    Goal("tick_1000", "tick with 1,000 due × an idle tick", 10, 5, LESS),
    Goal("tick_10000", "tick with 10,000 due × an idle tick", 30, 15, LESS),
    Goal("claim", "claim of 500, × faster than the pattern's poll on its own index", 100, 350, MORE),
    Goal("status", "status --family 42 × an empty Typer command that imports peewee", 1.5, 1.2, LESS),
    Goal("flat", "the slowest of ticks and look-ups × the same with 1,000 that have ended", 1.2, 1.05, LESS),
    Goal("mail", "rendered mails of a tick on one connection × smtplib.send_message", 2, 5, MORE),
    Goal("trigger", "trigger: lines for a second of CPU", 10_000, 25_000, MORE),
    Goal("trigger_peak", "trigger: peak memory, MiB", 150, 80, LESS),
    Goal("load_unchanged", "workflow load of 1,000 unchanged files, ms", 20, 10, LESS),
    Goal("load_new", "workflow load of 1,000 new files × CSafeLoader alone", 1.5, 1.15, LESS),
    Goal("verify", "audit verify: entries a second", 100_000, 250_000, MORE),
)


def table(reached: Mapping[str, float]) -> Table:
    """Each goal, with what was reached where it was measured."""
    rows = Table("what", "floor", "stretch", "reached", "met")
    for goal in GOALS:
        found = reached.get(goal.name)
        sign = "≥" if goal.better == MORE else "≤"
        said = ("not measured", "") if found is None else (_text(found), goal.verdict(found))
        rows.add(goal.words, f"{sign} {_text(goal.floor)}", f"{sign} {_text(goal.stretch)}", *said)
    return rows


def _text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")


def of_engines(found: Mapping[tuple[str, str], Any]) -> Iterator[tuple[str, float]]:
    """The goals that engines side by side tell of."""
    ours = found["ours", "steps in the house"]
    others = {
        "dbos": ("dbos", "as it ships"),
        "dbos_wal": ("dbos", "put in WAL by hand"),
        "huey": ("huey", "as it ships"),
        "huey_off": ("huey", "fsync off"),
        "spiff": ("spiffworkflow", "saved as JSON"),
        "pattern": ("pattern", "put in WAL by hand"),
        "raw": ("raw_sqlite3", "500 steps a transaction"),
    }
    yield from ((name, ours.rate / found[key].rate) for name, key in others.items() if key in found)
    yield "peak", max(one.peak for (module, _), one in found.items() if module == "ours")
    if others["dbos_wal"] in found:  # of which there are enough for the first pages not to matter
        yield "bytes", ours.size / found[others["dbos_wal"]].size
