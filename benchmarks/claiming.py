"""The claim of a batch among very many that are due, beside the poll that the pattern writes down, on its own index."""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.large import LargeCoop
from coopflow.app import open_app
from coopflow.tick import BATCH

TIMES = 20
# A fifth of them is active, half of that is due.
THEIRS = """
CREATE TABLE workflow_instances (instance_id INTEGER PRIMARY KEY, template_id INTEGER, family_id INTEGER, status TEXT,
                                 priority INTEGER, current_step INTEGER, next_execution_at TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {all})
INSERT INTO workflow_instances SELECT i, 1, i, CASE WHEN i % 5 THEN 'completed' ELSE 'running' END, 1 + i / 5 % 10, 2,
  CASE WHEN i % 5 THEN NULL WHEN i % 10 THEN '2099-01-01T00:00:00Z'
       ELSE strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch') END FROM n;
CREATE INDEX ready ON workflow_instances (status, next_execution_at) WHERE status IN ('pending', 'running');
ANALYZE;
"""
POLL = """
SELECT instance_id, template_id, family_id, current_step FROM workflow_instances
WHERE status IN ('pending', 'running') AND next_execution_at <= ? ORDER BY priority DESC, next_execution_at LIMIT ?
"""


def claims(coop: LargeCoop, due: int) -> tuple[float, float]:
    """Seconds for our claim and for the pattern's poll, each of a whole batch, with so many due."""
    coop.add_due(due)
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
    with open_app(coop.config).store(read_only=True) as store:
        ours = _median(lambda: store.cases.due(now=now, limit=BATCH))
    coop.put_off_what_is_due(now)
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "pattern.db")) as connection:
        connection.executescript(THEIRS.format(all=10 * due))
        asked = (now.strftime("%Y-%m-%dT%H:%M:%SZ"), BATCH)
        theirs = _median(lambda: connection.execute(POLL, asked).fetchall())
    return ours, theirs


def _median(claim: Callable[[], list[object]] | Callable[[], list[int]]) -> float:
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found = claim()
        took.append(time.perf_counter() - started)
        assert len(found) == BATCH
    return statistics.median(took)
