"""coopflow itself: intents, tasks and the whole audit trail included, as durably as it always is."""

import gc
from collections.abc import Callable

from benchmarks.peers.job import Job
from benchmarks.sqlite_files import count
from benchmarks.world import IN_HOUSE, TICKS, WITH_MESSAGES, make_world, open_world
from coopflow.__main__ import ALLOCATIONS
from coopflow.core.instants import parse_instant
from coopflow.tick import tick

PACKAGE = "coopflow"
VARIANTS = {"steps in the house": IN_HOUSE, "messages to the outbox": WITH_MESSAGES}


def empty(job: Job) -> None:
    """The families are there before anything is started for them."""
    make_world(job.folder, VARIANTS[job.variant], 0, families=job.instances).close()


def prepare(job: Job) -> None:
    """Start each instance."""
    make_world(job.folder, VARIANTS[job.variant], job.instances).close()


def begin(job: Job) -> Callable[[], None]:
    gc.set_threshold(ALLOCATIONS)  # as the command does
    world = open_world(job.folder)

    def work() -> None:
        for instant in TICKS:
            tick(world.engine, now=parse_instant(instant))

    return work


def done(job: Job) -> int:
    return count(job.database, "workflow_step_executions", "status = 'completed'")
