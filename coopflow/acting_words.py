"""What a person's act came to, in words: what changed, what comes next, and the command that undoes it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from coopflow.acting import Act
from coopflow.core.case import Case
from coopflow.core.coming import Coming, coming, once_more, task_words
from coopflow.core.holding import in_doubt, on_hold
from coopflow.core.model import Task
from coopflow.core.states import InstanceStatus
from coopflow.render import moment
from coopflow.render.words import wall_clock


@dataclass(frozen=True, slots=True)
class Clock:
    """How times are told to people of the co-op."""

    tz: tzinfo
    now: datetime

    def moment(self, at: datetime) -> str:
        """`Tue 24 Nov 09:00 (in 2 days)`."""
        return moment(at, self.tz, self.now)

    def wall(self, at: datetime) -> str:
        """`Tue 24 Nov 09:00`."""
        return wall_clock(at, self.tz, self.now)

    def typed(self, at: datetime) -> str:
        """`'2026-11-24 09:00'`, as an option takes it."""
        return shlex.quote(f"{at.astimezone(self.tz):%Y-%m-%d %H:%M}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a verb is told; `{id}` is the instance, `{which}` the instance with its family and workflow, `{step}` its step."""

    do: str  # Pause {which}
    done: str  # Paused {which}
    undo: Callable[[Act, Clock], str | None]
    stops: bool = False  # nothing comes next any more: what would have


def line(act: Act, wording: Wording, clock: Clock, *, would: bool = False, **values: str) -> str:
    """What became of one instance: a line."""
    case = _case(act)
    step = case.workflow.steps.get(act.step_before or "")
    names = {"which": which(case), "step": f"'{step.name}'" if step else "its step", **values}
    told = f"Would {wording.do.format(**names)}" if would else wording.done.format(**names)
    undo = None if would else wording.undo(act, clock)
    parts = (f"{told}.", _following(act, wording, clock), undo)
    return " ".join(part for part in parts if part)


def which(case: Case) -> str:
    """An instance by its number, with its family and its workflow."""
    return f"{case.instance.instance_id} ({case.family.family_name}, {case.workflow.name})"


def _following(act: Act, wording: Wording, clock: Clock) -> str:
    if wording.stops:
        return would_have_come(act.next_before, clock)
    return comes_next(_case(act), clock)


def would_have_come(before: Coming | None, clock: Clock) -> str:
    """What does not come any more, or not before it is resumed."""
    if before is None:
        return ""
    if before.at is None:
        return f"It was waiting for {before.what}."
    return f"Next would have been: {before.what} {_when(before.at, clock)}."


def comes_next(case: Case, clock: Clock) -> str:
    """How an instance goes on from here."""
    if not case.instance.active:
        return f"It is {case.instance.status}: {case.instance.outcome_notes}."
    found = coming(case)
    if found is None:
        return ""
    if case.instance.status is InstanceStatus.PAUSED and not (on_hold(case) or in_doubt(case)):
        then = "" if found.at is None else f"; then: {found.what} {_when(found.at, clock)}"
        return f"It is paused ({case.instance.outcome_notes}) until: coopflow resume {case.instance.instance_id}{then}."
    if found.at is None or case.instance.status is InstanceStatus.PAUSED:
        held = next((task for task in case.tasks if task.branch is not None), None)
        return f"It waits for {task_words(held) if held else found.what}."
    return f"Next: {found.what} {_when(found.at, clock)}."


def _when(at: datetime, clock: Clock) -> str:
    return "with the next tick" if at <= clock.now else f"on {clock.moment(at)}"


def _case(act: Act) -> Case:
    assert act.case is not None  # only what was done is told  # noqa: S101
    return act.case


# -- verbs --------------------------------------------------------------------------------------------------------


def _command(words: str) -> Callable[[Act, Clock], str]:
    return lambda act, _: f"Undo: coopflow {words.format(id=act.instance_id)}"


def _back_to_its_step(act: Act, _: Clock) -> str | None:
    """Only steps of the main path can be gone back to, and only while the instance lasts."""
    case = _case(act)
    step = case.workflow.steps.get(act.step_before or "")
    if step is None or step.parent is not None or not case.instance.active:
        return None
    return f"Undo: coopflow goto {act.instance_id} {step.id}"


def _back_to_its_time(act: Act, clock: Clock) -> str | None:
    if act.next_before is None or act.next_before.at is None or not _case(act).instance.active:
        return None
    return f"Undo: coopflow snooze {act.instance_id} --until {clock.typed(act.next_before.at)}"


def _anew(act: Act, _: Clock) -> str:
    case = _case(act)
    again = f"coopflow trigger --workflow {case.workflow.name} --family {shlex.quote(case.family.family_id)}"
    return f"It cannot be resumed; to start anew: {again}"


WORDINGS = {
    "pause": Wording(do="pause {which}", done="Paused {which}", undo=_command("resume {id}"), stops=True),
    "resume": Wording(do="resume {which}", done="Resumed {which}", undo=_command("pause {id}")),
    "cancel": Wording(do="cancel {which}", done="Cancelled {which}", undo=_anew, stops=True),
    "retry": Wording(
        do="retry {step} of {which}", done="Retrying {step} of {which}", undo=lambda act, _: f"Stop: coopflow pause {act.instance_id}"
    ),
    "skip": Wording(do="skip {step} of {which}", done="Skipped {step} of {which}", undo=_back_to_its_step),
    "goto": Wording(do="move {which} to {to}", done="Moved {which} to {to}", undo=_back_to_its_step),
    "snooze": Wording(do="put off {which}", done="Put off {which}", undo=_command("run-now {id}")),
    "run-now": Wording(do="bring forward {which}", done="Brought forward {which}", undo=_back_to_its_time),
    "note": Wording(do="note on {which}", done="Noted on {which}", undo=lambda _act, _clock: None),
}


# -- tasks --------------------------------------------------------------------------------------------------------


def task_done(task: Task, case: Case | None, clock: Clock) -> str:
    """What closing a task set off."""
    done = f"Task {task.task_id} is done."
    if case is None or task.branch is None:
        return f"{done} Undo: coopflow task reopen {task.task_id}"
    outcome = str(task.outcome).replace("_", " ").capitalize()
    again = once_more(case, task)
    if again is not None:
        return f"{done} {outcome}: once more on {clock.wall(again.at)} ({again.number} of {again.of})."
    instance = f"Instance {which(case)}"
    return f"{done} {outcome}. {instance}: {_uncapitalised(comes_next(case, clock))}{_way_back(task, case)}"


def _way_back(task: Task, case: Case) -> str:
    step = case.workflow.steps.get(task.step_id or "")
    if step is None or step.parent is not None or not case.instance.active:
        return ""
    return f" To go back: coopflow retry {case.instance.instance_id} --from {step.id}"


def _uncapitalised(words: str) -> str:
    return words[:1].lower() + words[1:]
