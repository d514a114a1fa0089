"""What instances leave in the file, table by table; the journal of a big tick; a co-op's file after a year."""

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path

from benchmarks.peers import ours
from benchmarks.peers.job import STEPS, Job
from benchmarks.sqlite_files import size
from benchmarks.table import Table

TAKEN = """
SELECT COALESCE(i.tbl_name, 'the schema'), s.name, SUM(s.pgsize) - SUM(s.unused)
FROM dbstat s LEFT JOIN sqlite_master i ON i.name = s.name GROUP BY s.name
"""


def taken(variant: str, instances: int) -> tuple[Table, int]:
    """Bytes for a step, by table and index, of so many instances, and the most that the journal took."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        before, job = Job(Path(one), instances, variant), Job(Path(other), instances, variant)
        ours.empty(before)
        ours.prepare(job)
        work = ours.begin(job)
        with Watch(job.database) as watch:
            work()
        there, left = _by_part(before.database), _by_part(job.database)
        free = size(job.database) - size(before.database) - sum(left.values()) + sum(there.values())
    steps = instances * len(STEPS)
    rows = Table("table", "its part", "bytes / step")
    for (table, part), found in sorted(left.items(), key=lambda item: -item[1]):
        grown = found - there.get((table, part), 0)
        if grown > steps:
            rows.add(table, "rows" if part == table else part, f"{grown / steps:,.0f}")
    rows.add("", "free, on pages in use and others", f"{free / steps:,.0f}")
    return rows, watch.most


def _by_part(path: Path) -> dict[tuple[str, str], int]:
    with closing(sqlite3.connect(path)) as connection:
        return {(table, part): found for table, part, found in connection.execute(TAKEN)}


class Watch:
    """The most that lay in the journal beside a database, while something was done."""

    def __init__(self, database: Path) -> None:
        self._files = [database.with_name(f"{database.name}{end}") for end in ("-wal", "-journal")]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most = 0

    def _look(self) -> None:
        while not self._over.wait(0.002):
            for file in self._files:
                try:
                    self.most = max(self.most, file.stat().st_size)
                except FileNotFoundError:
                    continue

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def a_year(families: int) -> Table:
    """The file after a year of a co-op, as `python -m tests.year` lives it."""
    from tests.year.test_a_year import lived

    with tempfile.TemporaryDirectory() as folder:
        life = lived(Path(folder), families=families, seed=2026)
        life.world.close()
        [path] = Path(folder).glob("*.db")
        with closing(sqlite3.connect(path)) as connection:
            steps, instances, entries = (
                connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                for table in ("workflow_step_executions", "workflow_instances", "event_log")
            )
        found = size(path)
    rows = Table("families", "instances", "steps", "log entries", "MiB", "KiB a family", "bytes / step")
    rows.add(
        f"{families:,}",
        f"{instances:,}",
        f"{steps:,}",
        f"{entries:,}",
        f"{found / 2**20:,.1f}",
        f"{found / 2**10 / families:,.0f}",
        f"{found / steps:,.0f}",
    )
    return rows
