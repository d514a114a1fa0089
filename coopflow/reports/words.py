"""Codes as a coordinator says them: what a branch waits for, why an instance began, how a task is closed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from coopflow.core.desk import FIXED_OUTCOMES
from coopflow.core.facts import BUILT_IN_EVENTS
from coopflow.core.leaving import BLAST, NOT_LIVE
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus
from coopflow.core.workflow import Step, TaskOutcome, TaskStep, WaitStep

Row = Mapping[str, Any]
When = Callable[[datetime], str]  # how the reader wants a time to be written

NEXT_TICK = "the next tick"
ON_THE_DESK = frozenset({Awaited.TASK, Awaited.APPROVAL, Awaited.PERSON, Awaited.DOUBT})

TASK_TYPES: Mapping[str, str] = {  # of the tasks that coopflow itself opens; others are named by their workflows
    Awaited.PERSON: "decision needed",
    Awaited.DOUBT: "message in doubt",
    "check": "to be checked",
    "recommended": "recommended action",
    "deadline": "deadline near",
}


def waits_for(branch: Row, step: Step, task_id: int | None, *, paused_because: str | None, now: datetime) -> str:
    """What brings a live branch further; `paused_because` is why its instance is paused, None while it is not."""
    awaits = Awaited(branch["awaits"])
    if awaits in ON_THE_DESK:
        return _from_the_desk(branch, awaits, task_id)
    if paused_because is not None:
        return f"someone to resume it: {paused_because}"
    if branch["status"] == EntryStatus.PROCESSING:
        return branch["reason"] or "its message to leave"
    due = branch["scheduled_for"] is not None and branch["scheduled_for"] <= now
    if awaits is Awaited.TIME and isinstance(step, WaitStep):
        return f"{NEXT_TICK} ({branch['reason']})" if due else waiting_words(step)
    if due:
        return branch["reason"] if branch["reason"] in (NOT_LIVE, BLAST) else NEXT_TICK
    if awaits is Awaited.TURN and not branch["attempts"]:  # which rules moved it is told by `show`
        return f"{step.delay} to pass" if step.delay else "its time"
    return branch["reason"] or "its time"


def _from_the_desk(branch: Row, awaits: Awaited, task_id: int | None) -> str:
    task = "a task" if task_id is None else f"task {task_id}"
    match awaits:
        case Awaited.TASK:
            return f"the outcome of {task}"
        case Awaited.APPROVAL:
            return f"a yes or no in {task}"
        case _:
            return f"a decision in {task}: {branch['reason']}"


def waiting_words(step: WaitStep) -> str:
    """What a `wait` step waits for, in short."""
    if step.until_event is None:
        return "time to pass"
    meaning = BUILT_IN_EVENTS.get(step.until_event)
    return f"word that {meaning}" if meaning else step.until_event


def event_words(kind: str) -> str:
    """An outside event that is waited for, with what it means where coopflow knows it."""
    meaning = BUILT_IN_EVENTS.get(kind)
    return f"word that {meaning} ({kind})" if meaning else kind


def why_paused(instance: Row) -> str | None:
    """Why an instance is paused; None when it is not."""
    return (instance["outcome_notes"] or "paused") if instance["status"] == InstanceStatus.PAUSED else None


def started_by(triggered_by: str) -> str:
    """What started an instance, from the short form that is stored."""
    kind, _, reference = triggered_by.partition(":")
    words = {
        "prediction_id": f"prediction {reference}",
        "event_id": f"event {reference}",
        "instance_id": f"instance {reference}, which starts it as one of its steps",
        "schedule": f"its schedule ({reference})",
        "condition": f"its condition, which became true (looked at on {reference})",
        "manual": f"{reference}, by hand",
    }
    return words.get(kind, triggered_by)


def family_words(row: Row) -> str:
    """A family by name, with the id by which commands know it."""
    return f"{row['family_name']} ({row['family_id']})"


# -- tasks --------------------------------------------------------------------------------------------------------


def task_type_words(task_type: str) -> str:
    """What kind of work a task is."""
    return TASK_TYPES.get(task_type, task_type.replace("_", " "))


def task_words(task: Row) -> str:
    """What a task asks for, in one line."""
    return f"{task_type_words(task['task_type'])}: {task['description']}"


def outcomes_of(task: Row, step: Step | None) -> tuple[str, ...]:
    """What a task may be closed with; empty: anything."""
    if task["task_type"] in FIXED_OUTCOMES:
        return FIXED_OUTCOMES[task["task_type"]]
    return tuple(step.outcomes) if isinstance(step, TaskStep) else ()


def closing(task_id: int | None, outcomes: Sequence[str]) -> str:
    """The command that closes a task, ready to be copied."""
    return " ".join([f"coopflow task done {task_id}", *(f"--outcome {outcome}" for outcome in outcomes[:1])])


def with_others(command: str, outcomes: Sequence[str]) -> str:
    """A command with the outcomes that it could name as well."""
    return f"{command} (or {', '.join(outcomes[1:])})" if outcomes[1:] else command


def outcome_words(name: str, way: TaskOutcome, names: Mapping[str, str]) -> str:
    """Where one outcome of a task leads."""
    then = f"'{names[target]}'" if (target := way.goto or way.then) else "a person takes over"
    if way.retry_in is None:
        return f"{name} → {then}"
    return f"{name} → again after {way.retry_in}, at most {times(way.max)}, then {then}"


# -- small words --------------------------------------------------------------------------------------------------


def times(count: int) -> str:
    """`once`, `3 times`."""
    return "once" if count == 1 else f"{count} times"


def counted(count: int, noun: str) -> str:
    """`1 task`, `1,200 tasks`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
