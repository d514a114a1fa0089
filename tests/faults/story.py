"""A few days of a small co-op as a list of commands, each of which may be killed and given again."""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coopflow.acting import finish_task
from coopflow.channels.base import Accepted, Channel, Delivery, Message, Withdrawn
from coopflow.core.model import Prediction
from coopflow.events import take_event
from coopflow.store.store import Store
from coopflow.tick import Engine, tick
from coopflow.triggers import take_predictions
from tests.faults.children import KILLED, Fate, run
from tests.faults.scene import engine
from tests.world import at

Command = Callable[[Engine], object]
FAMILIES = ("1", "2", "3")


def predict(opened: Engine) -> None:
    predictions = [
        Prediction(prediction_id=f"p{family}", family_id=family, predicted_probability=0.9, confidence_score=90.0)
        for family in FAMILIES
    ]
    with opened.store.transaction():
        take_predictions(opened.store, predictions, now=at("2026-03-20 09:00"))


def reply(opened: Engine) -> None:
    with opened.store.transaction():
        take_event(opened.store, "email_response_received", "2", data={}, actor="test", now=at("2026-03-21 11:00"))


def reach(opened: Engine) -> None:
    for task in opened.store.desk.tasks():
        assert task.task_id is not None
        finish_task(opened.store, task.task_id, outcome="reached", note=None, actor="sarah", now=at("2026-03-25 10:00"))


def ticks(when: str) -> Command:
    return lambda opened: tick(opened, now=at(when))


SAMPLE_DAYS: tuple[Command, ...] = (
    predict,
    ticks("2026-03-20 09:00"),
    reply,
    ticks("2026-03-23 09:00"),
    ticks("2026-03-25 09:00"),
    reach,
)


@dataclass(frozen=True)
class TruthLog:
    """A channel that cannot dedupe, as a mail server cannot: what it took is on its own record, one key a line."""

    name: str
    path: Path
    transport: str = "truth log"
    dedupes: bool = False

    def deliver(self, message: Message, last_call: Callable[[], bool]) -> Delivery:
        if not last_call():
            return Withdrawn()
        sys.audit("coopflow.point")
        with self.path.open("ab", buffering=0) as file:  # this, too, is a point
            os.write(file.fileno(), f"{message.key}\n".encode())
        sys.audit("coopflow.point")
        return Accepted("250 ok")

    def close(self) -> None:
        pass


def wires(folder: Path) -> Mapping[str, Channel]:
    return {name: TruthLog(name, folder / "truth") for name in ("email", "sms")}


def truth(folder: Path) -> list[str]:
    path = folder / "truth"
    return path.read_text().split() if path.exists() else []


def perform(
    folder: Path, commands: Sequence[Command], *, die_at: int = 0, channels: Mapping[str, Channel] | None = None
) -> int:
    """Give commands in a child process that dies at a point; answer with how many of them were done."""
    progress = folder / "done"
    progress.write_bytes(b"\0")

    def go() -> None:
        with engine(folder, channels, concurrent=1) as opened, progress.open("r+b", buffering=0) as note:
            Fate(die_at).watch(opened.store.db.connection())
            for number, command in enumerate(commands, start=1):
                command(opened)
                os.pwrite(note.fileno(), bytes([number]), 0)

    assert run(go) in (0, KILLED)
    return progress.read_bytes()[0]


def settle_doubts(folder: Path, store: Store, when: str) -> set[str]:
    """What a person does who looks at the mail server's log; answers with the keys that were in doubt."""
    doubted = set()
    for task in [found for found in store.desk.tasks() if found.task_type == "doubt"]:
        [(key,)] = store.db.execute_sql(
            "SELECT idempotency_key FROM workflow_step_executions WHERE instance_id = ? AND status = 'running'"
            " AND idempotency_key IS NOT NULL",
            (task.instance_id,),
        )
        outcome = "sent" if key in truth(folder) else "not_sent"
        finish_task(store, int(task.task_id or 0), outcome=outcome, note=None, actor="sarah", now=at(when))
        doubted.add(key)
    return doubted


def state_of(folder: Path) -> str:
    """A fingerprint of all that a killed process has left and that the next one can see."""
    with engine(folder) as opened:
        rows = [row for question in _STATE for row in opened.store.db.execute_sql(question)]
    left = sorted(path.relative_to(folder).as_posix()[:40] for path in (folder / "outbox").rglob("*"))
    return hashlib.sha256(repr((rows, left, truth(folder))).encode()).hexdigest()


_STATE = (
    "SELECT instance_id, status, current_step, next_execution_at FROM workflow_instances",
    "SELECT instance_id, step_id, visit, retry_count, status FROM workflow_step_executions ORDER BY 1, execution_id",
    "SELECT instance_id, branch, step_id, visit, status, awaits, scheduled_for FROM workflow_queue ORDER BY 1, 2",
    "SELECT instance_id, step_id, status, task_type FROM coordinator_tasks ORDER BY task_id",
    "SELECT kind, instance_id FROM event_log ORDER BY event_id",
    "SELECT value FROM meta WHERE key = 'epoch'",
)
