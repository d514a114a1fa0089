"""What comes next of an instance: the earliest thing that is planned, else what it waits for."""

from datetime import datetime
from itertools import chain

from msgspec import Struct

from coopflow.core.case import Case
from coopflow.core.holding import PLANNED, on_hold
from coopflow.core.model import Entry, Task
from coopflow.core.states import Awaited, EntryStatus
from coopflow.core.workflow import EndStep, Step, TaskStep

CHANNEL_WORDS = {
    "sms": "text",
    "condition": "check",
    "http": "request",
}  # where the step's type is not the word that people use
DECISIONS = {Awaited.PERSON: "a decision", Awaited.DOUBT: "a message in doubt", Awaited.APPROVAL: "a yes or no"}


class Coming(Struct, frozen=True):
    """What comes next, and when; without a time it is what the instance waits for."""

    what: str
    at: datetime | None


class OnceMore(Struct, frozen=True):
    """A task that comes back because of its outcome."""

    at: datetime
    number: int  # which time it comes back
    of: int  # how often it may


def coming(case: Case) -> Coming | None:
    """What comes next; None: nothing, it is finished."""
    planned = [
        (entry.scheduled_for, entry)
        for entry in case.entries.values()
        if entry.awaits in PLANNED and entry.scheduled_for is not None
    ]
    if planned:
        at, entry = min(planned, key=lambda found: found[0])
        return Coming(_turn(case, entry), at)
    waits = _waits_for(case)
    return Coming(waits, None) if waits else None


def once_more(case: Case, task: Task) -> OnceMore | None:
    """When a closed task comes back by its outcome; None: it does not."""
    entry = case.entries.get(task.branch or "")
    if entry is None or entry.step_id != task.step_id or entry.scheduled_for is None:
        return None
    step = case.step(entry)
    way = step.outcomes.get(task.outcome or "") if isinstance(step, TaskStep) else None
    return OnceMore(entry.scheduled_for, entry.attempts, way.max) if way and entry.attempts else None


def standing_at(case: Case) -> str | None:
    """The step that people mean when they name none: the one on hold, else the only one, else the main path's."""
    entries = on_hold(case) or [entry for entry in case.entries.values() if entry.awaits is not Awaited.BRANCHES]
    return entries[0].step_id if len(entries) == 1 else case.instance.current_step


def step_words(step: Step) -> str:
    """A step as a person calls it: `text 'Send a text'`."""
    return "the end" if isinstance(step, EndStep) else f"{CHANNEL_WORDS.get(step.type, step.type)} '{step.name}'"


def task_words(task: Task) -> str:
    """A task by its number and kind: `task 7 (phone call)`."""
    number = "a task" if task.task_id is None else f"task {task.task_id}"
    kind = next((words for kind, words in DECISIONS.items() if kind == task.task_type), None)
    return f"{number} ({kind or task.task_type.replace('_', ' ')})"


def _turn(case: Case, entry: Entry) -> str:
    words = step_words(case.step(entry))
    return f"the end of the {words}" if entry.awaits is Awaited.TIME else words


def _waits_for(case: Case) -> str | None:
    """The first task that a branch waits for, else the message that is on its way."""
    tasks = (task_words(task) for task in case.tasks if task.branch is not None)
    messages = (
        f"the answer to its {step_words(case.step(entry))}"
        for entry in case.entries.values()
        if entry.status is EntryStatus.PROCESSING
    )
    return next(chain(tasks, messages), None)
