"""Messages of which nobody knows whether they left: what is known about each, and the end of the doubt."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.acting import finish_task
from coopflow.core.case import Case
from coopflow.core.model import Task
from coopflow.core.states import Awaited
from coopflow.core.workflow import CallingStep, EmailStep, SmsStep
from coopflow.errors import NotAllowed, NotFound
from coopflow.store.store import Store

LATE = "check"  # the task about a doubt that came up after its instance had ended
OUTCOMES = {True: "sent", False: "not_sent"}


class Doubt(Struct, frozen=True):
    """One message in doubt, with all that a person needs to find out what became of it."""

    task: Task
    case: Case
    channel: str
    key: str | None
    to: str | None
    words: str | None  # its subject, else its text; of a request its step's name
    text: str | None
    handed_over_at: datetime | None
    doubted_at: datetime | None
    message_id: str | None
    reply: str | None  # what was heard from the other side so far


def doubts(store: Store) -> list[Doubt]:
    """Every doubt that is not settled, in the order of the desk."""
    tasks = [task for task in store.desk.tasks() if task.task_type in (Awaited.DOUBT, LATE)]
    found = [(task, store.cases.load([task.instance_id])[0]) for task in tasks if task.instance_id is not None]
    return [_doubt(store, task, case) for task, case in found if _is_about_a_message(task, case)]


def settle_doubt(
    store: Store, number: int, *, sent: bool, note: str | None, actor: str, now: datetime, reference: str | None = None
) -> tuple[Task, Case | None]:
    """Say what became of a message, named by its instance or by its task."""
    with store.transaction():
        task = the_doubt(store, number).task
        return finish_task(
            store,
            int(task.task_id or 0),
            outcome=OUTCOMES[sent],
            note=note,
            actor=actor,
            now=now,
            reference=reference,
        )


def the_doubt(store: Store, number: int) -> Doubt:
    """The one doubt that an instance's or a task's number means; raise NotAllowed, which says why it means none."""
    found = [doubt for doubt in doubts(store) if number in (doubt.task.instance_id, doubt.task.task_id)]
    tasks = [doubt.task for doubt in found]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotAllowed(_already(store, number) or f"{_known(store, number)}; list what is with: coopflow doubt list")
    ways = "; ".join(
        f"of instance {task.instance_id}: coopflow task done {task.task_id} --outcome sent" for task in tasks
    )
    raise NotAllowed(f"{number} may mean several messages in doubt (or --outcome not_sent): {ways}")


def _already(store: Store, number: int) -> str | None:
    """What was found out before, for the second of two people."""
    for instance_id in dict.fromkeys((number, _instance_of_task(store, number))):
        settled = [row for row in store.looking.events(instance_id=instance_id) if row["kind"] == "doubt.resolved"]
        if instance_id is not None and settled:
            came_to = "it was sent" if settled[-1]["data"]["sent"] else "it was not sent"
            return f"{settled[-1]['actor']} has settled the doubt of instance {instance_id} already: {came_to}"
    return None


def _instance_of_task(store: Store, number: int) -> int | None:
    try:
        return store.desk.get(number).instance_id
    except NotFound:
        return None


def _known(store: Store, number: int) -> str:
    if store.looking.instances(ids=[number]) or _instance_of_task(store, number) is not None:
        return f"no message of instance or task {number} is in doubt"
    return f"there is neither an instance nor a task {number}"


def _is_about_a_message(task: Task, case: Case) -> bool:
    """A workflow may have tasks of a type `check` for its own ends."""
    step = case.workflow.steps.get(task.step_id or "")
    return task.task_type == Awaited.DOUBT or isinstance(step, EmailStep | SmsStep | CallingStep)


def _doubt(store: Store, task: Task, case: Case) -> Doubt:
    number = case.instance.instance_id
    attempt = _last(
        row for row in store.looking.attempts(number) if row["step_id"] == task.step_id and row["message_id"]
    )
    event = _last(
        row
        for row in store.looking.events(instance_id=number)
        if row["kind"] == "step.in_doubt" and row["data"].get("step") == task.step_id
    )
    given = (attempt.get("input_data") or {}) if attempt else {}
    step = case.workflow.steps[str(task.step_id)]
    return Doubt(
        task=task,
        case=case,
        channel=step.type,
        key=attempt.get("idempotency_key"),
        to=given.get("to"),
        words=step.name if isinstance(step, CallingStep) else given.get("subject") or given.get("text"),
        text=given.get("text"),
        handed_over_at=attempt.get("started_at"),
        doubted_at=event.get("at"),
        message_id=attempt.get("message_id"),
        reply=event.get("data", {}).get("reason"),
    )


def _last(rows: Any) -> Mapping[str, Any]:
    found: Sequence[Mapping[str, Any]] = list(rows)
    return found[-1] if found else {}
