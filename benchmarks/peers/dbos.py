"""DBOS: each step is a checkpoint in its database; the instances run one after the other, which is its fastest here."""

from collections.abc import Callable

from benchmarks.peers.job import STEPS, Job, carry_out
from benchmarks.sqlite_files import count, put_in_wal

PACKAGE = "dbos"
VARIANTS = {"as it ships": "rollback journal, FULL", "put in WAL by hand": "WAL, NORMAL"}


def prepare(job: Job) -> None:
    from dbos import DBOS

    begin(job)
    DBOS.destroy()


def begin(job: Job) -> Callable[[], None]:
    from dbos import DBOS, SetWorkflowID

    if job.variant != "as it ships":
        put_in_wal()
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{job.database}",
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )

    @DBOS.step()
    def step(name: str, instance: int) -> str:
        return carry_out(job.outbox, name, instance)

    @DBOS.workflow()
    def intervention(instance: int) -> str:
        for name in STEPS:
            step(name, instance)
        return "done"

    def work() -> None:
        for instance in range(job.instances):
            with SetWorkflowID(str(instance)):
                intervention(instance)

    DBOS.launch()
    return work


def done(job: Job) -> int:
    return count(job.database, "operation_outputs")
