"""huey: a pipeline of six tasks for each instance, carried out by one worker in this process."""

from collections.abc import Callable
from typing import Any

from benchmarks.peers.job import STEPS, Job, carry_out
from benchmarks.sqlite_files import count

PACKAGE = "huey"
VARIANTS = {"as it ships": "WAL, FULL", "fsync off": "WAL, OFF"}


def prepare(job: Job) -> None:
    """Queue the first step of each instance."""
    huey, steps = _set_up(job)
    first, *rest = steps
    for instance in range(job.instances):
        pipeline = first.s(instance)
        for step in rest:
            pipeline = pipeline.then(step, instance)
        huey.enqueue(pipeline)


def begin(job: Job) -> Callable[[], None]:
    huey, _ = _set_up(job)

    def work() -> None:
        while task := huey.dequeue():
            huey.execute(task)

    return work


def _set_up(job: Job) -> tuple[Any, list[Any]]:
    from huey import SqliteHuey

    huey = SqliteHuey("bench", filename=str(job.database), **({"fsync": False} if job.variant == "fsync off" else {}))

    def task_of(name: str) -> Any:
        def step(*given: Any) -> str:
            return carry_out(job.outbox, name, given[-1])

        return huey.task(name=name)(step)

    return huey, [task_of(name) for name in STEPS]


def done(job: Job) -> int:
    return count(job.database, "kv")
