"""What a person's act came to, in words: what changed, what comes next, and the command that undoes it."""

import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from coopflow.acting import Act
from coopflow.cli.session import Session
from coopflow.core.case import Case
from coopflow.core.coming import CHANNEL_WORDS, Coming, coming, once_more, task_words
from coopflow.core.holding import in_doubt, on_hold
from coopflow.core.model import Task
from coopflow.core.states import InstanceStatus, StepStatus
from coopflow.render import moment
from coopflow.render.words import wall_clock

if TYPE_CHECKING:
    from coopflow.store.asking import Row
    from coopflow.store.store import Store


class Wording(Struct, frozen=True, kw_only=True):
    """How a verb is told; `{which}` is the instance with its family and workflow, `{step}` the step it was at."""

    do: str  # Pause {which}
    done: str  # Paused {which}
    undo: Callable[[Act, Session], str | None]
    stops: bool = False  # nothing comes next any more: what would have


def line(act: Act, wording: Wording, session: Session, *, would: bool = False, **values: str) -> str:
    """What became of one instance: a line."""
    case = _case(act)
    step = case.workflow.steps.get(act.step_before or "")
    names = {"which": which(case), "step": f"'{step.name}'" if step else "its step", **values}
    told = f"Would {wording.do.format(**names)}" if would else wording.done.format(**names)
    undo = None if would else wording.undo(act, session)
    parts = (f"{told}.", _following(act, wording, session), undo)
    return " ".join(part for part in parts if part)


def which(case: Case) -> str:
    """An instance by its number, with its family and its workflow."""
    return f"{case.instance.instance_id} ({case.family.family_name}, {case.workflow.name})"


def _following(act: Act, wording: Wording, session: Session) -> str:
    if wording.stops:
        return would_have_come(act.next_before, session)
    return comes_next(_case(act), session)


def would_have_come(before: Coming | None, session: Session) -> str:
    """What does not come any more, or not before it is resumed."""
    if before is None:
        return ""
    if before.at is None:
        return f"It was waiting for {before.what}."
    return f"Next would have been: {before.what} {_when(before.at, session)}."


def comes_next(case: Case, session: Session) -> str:
    """How an instance goes on from here."""
    if not case.instance.active:
        return f"It is {case.instance.status}: {case.instance.outcome_notes}."
    found = coming(case)
    if found is None:
        return ""
    if case.instance.status is InstanceStatus.PAUSED and not (on_hold(case) or in_doubt(case)):
        then = "" if found.at is None else f"; then: {found.what} {_when(found.at, session)}"
        return f"It is paused ({case.instance.outcome_notes}) until: coopflow resume {case.instance.instance_id}{then}."
    if found.at is None or case.instance.status is InstanceStatus.PAUSED:
        held = next((task for task in case.tasks if task.branch is not None), None)
        return f"It waits for {task_words(held) if held else found.what}."
    return f"Next: {found.what} {_when(found.at, session)}."


def _when(at: datetime, session: Session) -> str:
    return "with the next tick" if at <= session.now else f"on {moment(at, session.app.coop.calendar.tz, session.now)}"


def wall(session: Session, at: datetime) -> str:
    """`Tue 24 Nov 09:00` on the co-op's clock."""
    return wall_clock(at, session.app.coop.calendar.tz, session.now)


def typed(session: Session, at: datetime) -> str:
    """`'2026-11-24 09:00'`, as an option takes it."""
    return shlex.quote(f"{at.astimezone(session.app.coop.calendar.tz):%Y-%m-%d %H:%M}")


def question(word: str, number: int, **values: str) -> str:
    """What is asked before a verb is applied to so many instances."""
    instances = "this instance" if number == 1 else f"these {number:,} instances"
    words = WORDINGS[word].do.format(which=instances, **{"step": "the current step", **values})
    return f"{words[:1].upper()}{words[1:]}?"


def again_words(store: "Store", instance_ids: Sequence[int], step_id: str | None, session: Session) -> list[str]:
    """What has left before and would go out once more, if instances go back to a step."""
    found = [(number, _sent(store, number, step_id)) for number in instance_ids] if step_id else []
    return [
        f"The {CHANNEL_WORDS.get(row['step_type'], row['step_type'])} '{row['step_name']}' of instance {number} left on"
        f" {wall(session, row['completed_at'])}; it would go out once more."
        for number, row in found
        if row is not None
    ]


def _sent(store: "Store", number: int, step_id: str) -> "Row | None":
    rows = [row for row in store.looking.attempts(number) if row["step_id"] == step_id and row["message_id"]]
    return next((row for row in reversed(rows) if row["status"] == StepStatus.COMPLETED), None)


def _case(act: Act) -> Case:
    assert act.case is not None  # only what was done is told  # noqa: S101
    return act.case


# -- verbs --------------------------------------------------------------------------------------------------------


def _command(words: str) -> Callable[[Act, Session], str]:
    return lambda act, _: f"Undo: coopflow {words.format(id=act.instance_id)}"


def _back_to_its_step(act: Act, _: Session) -> str | None:
    """Only steps of the main path can be gone back to, and only while the instance lasts."""
    case = _case(act)
    step = case.workflow.steps.get(act.step_before or "")
    if step is None or step.parent is not None or not case.instance.active:
        return None
    return f"Undo: coopflow goto {act.instance_id} {step.id}"


def _back_to_the_main_path(act: Act, _: Session) -> str | None:
    """A step inside others is gone back to by doing all of them again."""
    case = _case(act)
    step = case.workflow.steps.get(act.step_before or "")
    while step is not None and step.parent is not None:
        step = case.workflow.steps[step.parent]
    return f"Undo: coopflow goto {act.instance_id} {step.id}" if step and case.instance.active else None


def _back_to_its_time(act: Act, session: Session) -> str | None:
    if act.next_before is None or act.next_before.at is None or not _case(act).instance.active:
        return None
    return f"Undo: coopflow snooze {act.instance_id} --until {typed(session, act.next_before.at)}"


def _anew(act: Act, _: Session) -> str:
    case = _case(act)
    again = f"coopflow trigger --workflow {case.workflow.name} --family {shlex.quote(case.family.family_id)}"
    return f"It cannot be resumed; to start anew: {again}"


WORDINGS = {
    "pause": Wording(do="pause {which}", done="Paused {which}", undo=_command("resume {id}"), stops=True),
    "resume": Wording(do="resume {which}", done="Resumed {which}", undo=_command("pause {id}")),
    "cancel": Wording(do="cancel {which}", done="Cancelled {which}", undo=_anew, stops=True),
    "retry": Wording(
        do="retry {step} of {which}",
        done="Retrying {step} of {which}",
        undo=lambda act, _: f"Stop: coopflow pause {act.instance_id}",
    ),
    "skip": Wording(do="skip {step} of {which}", done="Skipped {step} of {which}", undo=_back_to_its_step),
    "goto": Wording(do="move {which} to {to}", done="Moved {which} to {to}", undo=_back_to_the_main_path),
    "snooze": Wording(do="put off {which}", done="Put off {which}", undo=_command("run-now {id}")),
    "run-now": Wording(do="bring forward {which}", done="Brought forward {which}", undo=_back_to_its_time),
    "recall": Wording(
        do="take back the message of {which}, and pause it",
        done="Took back the message of {which}, which is paused",
        undo=_command("resume {id}"),
        stops=True,
    ),
    "recall-and-go-on": Wording(
        do="take back the message of {which}, and go on",
        done="Took back the message of {which}",
        undo=_back_to_its_step,
    ),
    "note": Wording(do="note on {which}", done="Noted on {which}", undo=lambda _act, _session: None),
}


# -- tasks --------------------------------------------------------------------------------------------------------


def task_done(task: Task, case: Case | None, session: Session) -> str:
    """What closing a task set off."""
    done = f"Task {task.task_id} is done."
    if case is None or task.branch is None:
        return f"{done} Undo: coopflow task reopen {task.task_id}"
    outcome = str(task.outcome).replace("_", " ").capitalize()
    again = once_more(case, task)
    if again is not None:
        return f"{done} {outcome}: once more on {wall(session, again.at)} ({again.number} of {again.of})."
    instance = f"Instance {which(case)}"
    return f"{done} {outcome}. {instance}: {_uncapitalised(comes_next(case, session))}{_way_back(task, case)}"


def _way_back(task: Task, case: Case) -> str:
    step = case.workflow.steps.get(task.step_id or "")
    if step is None or step.parent is not None or not case.instance.active:
        return ""
    return f" To go back: coopflow retry {case.instance.instance_id} --from {step.id}"


def _uncapitalised(words: str) -> str:
    return words[:1].lower() + words[1:]
