"""A co-op on disk, as `coopflow init` makes it, filled with as much history as is wanted; for whole processes."""

import json
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.filling import Copy, Original, fill
from benchmarks.sqlite_files import count
from benchmarks.world import IN_HOUSE, REPLY, family
from coopflow.acting import finish_task
from coopflow.app import open_app
from coopflow.core.instants import format_instant
from coopflow.core.model import Prediction
from coopflow.tick import tick
from coopflow.triggers import take_predictions

INSTALLED = "COOPFLOW_BENCHMARKED"  # names the environment whose commands are measured, if it is not the one at work
VENV = Path(os.environ.get(INSTALLED) or sys.prefix)
PYTHON, COOPFLOW = (str(VENV / "bin" / name) for name in ("python", "coopflow"))
ORIGINALS = (9_000_000, 9_000_001, 9_000_002)  # families whose instances are copied: one ended, one waits, one is due
RISK = {"field": "predicted_probability", "operator": ">", "value": 0.8}
WORKFLOW = {
    "name": "sample",
    "trigger": {"type": "prediction", "conditions": RISK},
    "timing": {"window": "always"},
    "steps": IN_HOUSE,
    "completion_criteria": REPLY,
}
DAY = timedelta(days=1)
DUE = "due.pickle"  # the instance that is due, as it was before a tick took it up
SPREAD = 1_000  # days over which what has ended is spread


class LargeCoop:
    """A folder with a co-op in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "coopflow.yaml"
        self.database = folder / "coopflow.db"
        self._families = 0

    @classmethod
    def make(cls, folder: Path, *, finished: int, waiting: int, now: datetime) -> "LargeCoop":
        """A co-op with so many instances that have ended, and so many that wait for an answer."""
        coop = cls(folder)
        run("init", str(folder))
        for file in (folder / "workflows.d").glob("*.yaml"):
            file.unlink()
        (folder / "workflows.d" / "sample.yaml").write_text(json.dumps(WORKFLOW))
        coop.run("workflow", "load")
        coop._live(now)
        coop._families = max(waiting, finished // 20, 1)
        with closing(sqlite3.connect(coop.database)) as connection:
            ended, waits, due = (Original(connection, number) for number in (1, 2, 3))
        (folder / DUE).write_bytes(pickle.dumps(due))
        fill(coop.database, coop._copies(ended, finished, waits, waiting), rebuild=True)
        coop.run("tick")
        return coop

    @classmethod
    def open(cls, folder: Path) -> "LargeCoop":
        """One that was made before."""
        coop = cls(folder)
        coop._families = count(coop.database, "families")
        return coop

    def _copies(self, ended: Original, finished: int, waits: Original, waiting: int) -> Iterator[tuple[Original, Copy]]:
        for number in range(finished):
            days = SPREAD - number * SPREAD // finished
            yield ended, Copy(family=number % self._families, days=-days)
        for number in range(waiting):
            yield waits, Copy(family=number)

    def _live(self, now: datetime) -> None:
        """One instance to its end, one to its wait, and one that is due."""
        app = open_app(self.config)
        with app.engine() as engine:
            store = engine.store
            with store.transaction():
                store.save_families([family(number) for number in ORIGINALS], now=now - 10 * DAY)
            for number, started, ticks in zip(ORIGINALS, (10, 1, 0), ((10, 7, 5), (1,), ()), strict=True):
                at = now - started * DAY
                with store.transaction():
                    take_predictions(store, [prediction(number)], now=at)
                for days in ticks:
                    tick(engine, now=now - days * DAY)
                for task in store.desk.tasks(family_id=str(number)):
                    finish_task(store, int(task.task_id or 0), outcome=None, note=None, actor="bench", now=at)

    def add_due(self, number: int) -> None:
        """So many more instances that are due, of families that have none."""
        due: Original = pickle.loads((self.folder / DUE).read_bytes())  # noqa: S301 - written above
        first, self._families = self._families, self._families + number
        fill(self.database, ((due, Copy(family=one)) for one in range(first, first + number)))

    def put_off_what_is_due(self, now: datetime) -> None:
        """Take up none of it in this life, so that the co-op can be measured again."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(
                "UPDATE workflow_queue SET scheduled_for = '2099-01-01T00:00:00Z'"
                " WHERE status = 'queued' AND scheduled_for <= ?",
                (format_instant(now),),
            )

    def run(self, *words: str) -> str:
        return run("-c", str(self.config), *words)


def prediction(number: int) -> Prediction:
    return Prediction(
        prediction_id=f"prediction-of-{number}", family_id=str(number), predicted_probability=0.9, confidence_score=90
    )


def run(*words: str) -> str:
    """Run a command of coopflow, and answer with what it says."""
    return subprocess.run([COOPFLOW, *words], check=True, capture_output=True, text=True).stdout
