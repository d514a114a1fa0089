"""`python -m benchmarks`: steps per second of a tick beside raw sqlite3 writing the same rows, in one run.

Rounds are interleaved and medians are shown. Carry the ratios away, not the seconds: machines differ, and so do hours.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.raw import replay
from benchmarks.world import IN_HOUSE, TICKS, WITH_MESSAGES, make_world
from coopflow.core.instants import parse_instant
from coopflow.tick import BATCH, tick

WORKLOADS = {"in the house": IN_HOUSE, "with messages to the outbox": WITH_MESSAGES}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="1,000 instances, one round")
    given = parser.parse_args()
    instances, rounds = (1_000, 1) if given.quick else (given.instances, given.rounds)
    print(f"{instances} instances of six steps, {rounds} rounds, {BATCH} instances a transaction")
    for name, steps in WORKLOADS.items():
        measured = [one_round(steps, instances) for _ in range(rounds)]
        ours, raw, transactions = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"\n{name}")
        print(f"  coopflow             {ours:10,.0f} steps/s, {transactions:.0f} transactions")
        print(f"  raw sqlite3          {raw:10,.0f} steps/s, the same rows in the same batches")
        print(f"  coopflow / raw       {ours / raw:10.2f}")


def one_round(steps: list[dict[str, object]], instances: int) -> tuple[float, float, int]:
    """Steps per second of coopflow and of raw sqlite3, and how many transactions coopflow made."""
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        world = make_world(Path(ours), steps, instances)
        transactions: list[str] = []
        world.store.db.connection().set_trace_callback(
            lambda statement: transactions.append(statement) if statement.startswith("BEGIN") else None
        )
        started = time.perf_counter()
        for instant in TICKS:
            tick(world.engine, now=parse_instant(instant))
        seconds = time.perf_counter() - started
        world.store.db.connection().set_trace_callback(None)
        done = world.store.db.execute_sql("SELECT COUNT(*) FROM workflow_step_executions").fetchone()[0]
        world.close()
        raw = replay(Path(theirs), Path(ours) / "coopflow.db", BATCH)
        return done / seconds, done / raw, len(transactions)


if __name__ == "__main__":
    main()
