"""APScheduler 3: a step is a job in its SQLAlchemy store, and leaves the next step there as another one."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from benchmarks.peers.job import STEPS, Job, carry_out
from benchmarks.sqlite_files import put_in_wal

PACKAGE = "apscheduler"
VARIANTS = {"put in WAL by hand": "WAL, NORMAL", "as it ships": "rollback journal, FULL"}

_scheduler: Any = None  # a stored job is a function's name, so what it needs is found here
_counted = 0
_last = Event()


def prepare(job: Job) -> None:
    """Leave the first step of each instance in the store."""
    scheduler = _set_up(job)
    scheduler.start(paused=True)
    for instance in range(job.instances):
        _leave(scheduler, job, 0, instance)
    # No shutdown, here or below: it lets the scheduler's thread take up what is due. The process just ends.


def begin(job: Job) -> Callable[[], None]:
    global _scheduler
    _scheduler = _set_up(job)

    def work() -> None:
        _scheduler.start()
        _last.wait()

    return work


def step(folder: str, instances: int, variant: str, number: int, instance: int) -> None:
    """Carry out one step, and leave the next."""
    global _counted
    job = Job(Path(folder), instances, variant)
    carry_out(job.outbox, STEPS[number], instance)
    if number + 1 < len(STEPS):
        _leave(_scheduler, job, number + 1, instance)
    _counted += 1
    if _counted == instances * len(STEPS):
        _last.set()


def _leave(scheduler: Any, job: Job, number: int, instance: int) -> None:
    given = (str(job.folder), job.instances, job.variant, number, instance)
    scheduler.add_job(step, "date", run_date=datetime.now(UTC), args=given, misfire_grace_time=None)


def _set_up(job: Job) -> Any:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    if job.variant != "as it ships":
        put_in_wal()
    stores = {"default": SQLAlchemyJobStore(url=f"sqlite:///{job.database}")}
    return BackgroundScheduler(jobstores=stores, executors={"default": ThreadPoolExecutor(1)}, timezone=UTC)


def done(_: Job) -> int:
    """It keeps no history: what it counted itself."""
    return _counted
