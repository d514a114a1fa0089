"""`python -m benchmarks.child`: one engine in a process of its own, so that its memory and its CPU time are its own.

It is started by `benchmarks.engines`, once to prepare and once to run, and says as JSON what it measured.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import replace
from importlib import import_module, metadata
from pathlib import Path
from sqlite3 import sqlite_version

from benchmarks.peers.job import STEPS, Job
from benchmarks.sqlite_files import size


def main(what: str, engine: str, variant: str = "", instances: str = "0", folder: str = "") -> None:
    peer = import_module(f"benchmarks.peers.{engine}")
    job = Job(Path(folder), int(instances), variant)
    match what:
        case "version":
            print(peer.PACKAGE, metadata.version(peer.PACKAGE) if peer.PACKAGE != "sqlite3" else sqlite_version)
        case "empty":
            getattr(peer, "empty", peer.prepare)(job if hasattr(peer, "empty") else replace(job, instances=0))
            print(json.dumps({"bytes": size(job.database)}))
        case "prepare":
            peer.prepare(job)
        case "run":
            print(json.dumps(measured(peer, job)))
    sys.stdout.flush()
    os._exit(0)  # whatever threads an engine still has


def measured(peer: object, job: Job) -> dict[str, float]:
    work = peer.begin(job)  # type: ignore[attr-defined]
    forget_the_peak()
    cpu, started = time.process_time(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = peak_memory()
    steps = peer.done(job)  # type: ignore[attr-defined]
    wanted = len(STEPS) * job.instances
    if steps != wanted:
        raise SystemExit(f"{steps} steps were carried out, not {wanted}")
    return {"steps": steps, "seconds": seconds, "cpu": cpu, "peak": peak, "bytes": size(job.database)}


def forget_the_peak() -> None:
    """Count the peak from here on, where the system lets us (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """The most memory that this process had resident, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
