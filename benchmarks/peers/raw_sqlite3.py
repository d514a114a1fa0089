"""The limit: sqlite3 alone writes the rows that coopflow has written, into the same tables, and thinks nothing."""

import shutil
from collections.abc import Callable
from dataclasses import replace

from benchmarks.peers import ours
from benchmarks.peers.job import Job
from benchmarks.raw import Replay

PACKAGE = "sqlite3"
VARIANTS = {"500 steps a transaction": 500, "1 step a transaction": 1}


def empty(job: Job) -> None:
    """The tables and families, as for coopflow."""
    ours.empty(replace(job, variant="steps in the house"))


def prepare(job: Job) -> None:
    """Let coopflow do the work, and keep the database as it was before and after."""
    run = _run(job)
    run.folder.mkdir()
    ours.prepare(run)
    shutil.copyfile(run.database, run.folder / "before.db")
    ours.begin(run)()


def begin(job: Job) -> Callable[[], None]:
    replay = Replay(_run(job).database, job.database)
    return lambda: replay.write(VARIANTS[job.variant])


def done(job: Job) -> int:
    return ours.done(job)


def _run(job: Job) -> Job:
    return replace(job, folder=job.folder / "coopflow", variant="steps in the house")
