"""The pattern's engine as it is written down, on peewee: a poll for ten instances, one row and one save at a time.

It differs from the pattern where the pattern would not come to an end: after its last step an instance is completed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from peewee import AutoField, DateTimeField, IntegerField, Model, SqliteDatabase, TextField

from benchmarks.peers.job import STEPS, Job, carry_out
from benchmarks.sqlite_files import count

PACKAGE = "peewee"
VARIANTS = {"put in WAL by hand": "WAL, NORMAL"}
MAX_CONCURRENT = 10
FIVE_MINUTES = timedelta(minutes=5)
FIRST = datetime(2026, 3, 20, 9)  # noqa: DTZ001 - the pattern knows no zones

database = SqliteDatabase(None)


class Row(Model):
    class Meta:
        database = database


class Instance(Row):
    class Meta:
        table_name = "workflow_instances"
        indexes = ((("status", "next_execution_at"), False),)

    instance_id = AutoField()
    template_id = IntegerField()
    family_id = IntegerField()
    triggered_by = TextField()
    trigger_date = DateTimeField()
    status = TextField()
    current_step = IntegerField()
    priority = IntegerField()
    started_at = DateTimeField(null=True)
    completed_at = DateTimeField(null=True)
    next_execution_at = DateTimeField(null=True)
    outcome = TextField(null=True)
    error_count = IntegerField(default=0)


class Execution(Row):
    class Meta:
        table_name = "workflow_step_executions"

    execution_id = AutoField()
    instance_id = IntegerField(index=True)
    step_number = IntegerField()
    step_name = TextField()
    step_type = TextField()
    status = TextField()
    started_at = DateTimeField()
    completed_at = DateTimeField(null=True)
    output_data = TextField(null=True)
    success = IntegerField(null=True)
    retry_count = IntegerField(default=0)


def prepare(job: Job) -> None:
    """Start each instance."""
    _open(job.database)
    database.create_tables([Instance, Execution])
    with database.atomic():
        for number in range(job.instances):
            Instance.create(
                template_id=1,
                family_id=number,
                triggered_by=f"prediction_id:{number}",
                trigger_date=FIRST,
                status="pending",
                current_step=0,
                priority=8,
                next_execution_at=FIRST,
            )
    database.close()


def begin(job: Job) -> Callable[[], None]:
    _open(job.database)

    def work() -> None:
        now = FIRST
        while Instance.select().where(Instance.next_execution_at.is_null(False)).exists():
            while due := _poll(now):
                for instance in due:
                    _execute(instance, job.outbox, now)
            now += FIVE_MINUTES

    return work


def _poll(now: datetime) -> list[Instance]:
    ready = Instance.status.in_(("pending", "running")) & (Instance.next_execution_at <= now)
    query = Instance.select().where(ready).order_by(Instance.priority.desc(), Instance.next_execution_at)
    return list(query.limit(MAX_CONCURRENT))


def _execute(instance: Instance, outbox: Path, now: datetime) -> None:
    instance.status, instance.started_at = "running", instance.started_at or now
    instance.save()
    number = instance.current_step
    step = STEPS[number]
    execution = Execution.create(
        instance_id=instance.instance_id,
        step_number=number,
        step_name=step,
        step_type=step,
        status="running",
        started_at=now,
    )
    execution.output_data = carry_out(outbox, step, instance.family_id)
    execution.status, execution.completed_at, execution.success = "completed", now, 1
    execution.save()
    if number + 1 < len(STEPS):
        instance.current_step, instance.next_execution_at = number + 1, now + FIVE_MINUTES
    else:
        instance.status, instance.completed_at, instance.outcome = "completed", now, "success"
        instance.next_execution_at = None
    instance.save()


def _open(path: Path) -> None:
    database.init(str(path), pragmas={"journal_mode": "wal", "synchronous": "normal"})
    database.connect()


def done(job: Job) -> int:
    return count(job.database, Execution._meta.table_name, "status = 'completed'")
