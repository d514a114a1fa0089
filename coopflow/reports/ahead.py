"""What is ahead of an instance if nothing happens: where its branches stand, and the steps that would follow."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict, replace

from coopflow.core import rules
from coopflow.core.case import Case
from coopflow.core.model import Entry, Task
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus
from coopflow.core.timing import NeverOpens, add
from coopflow.core.workflow import (
    ConditionStep,
    EndStep,
    ParallelStep,
    RecommendedStep,
    StartStep,
    Step,
    TaskStep,
    WaitStep,
)
from coopflow.reports.words import (
    ON_THE_DESK,
    closing,
    event_words,
    joined,
    outcome_words,
    outcomes_of,
    waits_for,
    with_others,
)

ITS_TURN = frozenset({Awaited.TURN, Awaited.APPROVED, Awaited.SEND})  # what stands there waits for the clock alone
MOST = 50  # steps of a walk; a workflow that is longer than this is not read on a screen


class Ahead(Struct, frozen=True, kw_only=True):
    """One step that stands open, or would follow."""

    at: datetime | None  # None: nobody can know
    state: str  # waiting | paused | in doubt | running | planned
    branch: str
    step_id: str
    step_name: str
    step_type: str
    reason: str | None  # the rules that moved its time
    remarks: tuple[str, ...]


def ahead(case: Case, *, now: datetime) -> list[Ahead]:
    """Every live branch with what would follow; the path that waits for others stands after them."""
    entries = sorted(case.entries.values(), key=lambda entry: entry.awaits is Awaited.BRANCHES)
    return [step for entry in entries for step in (_standing(case, entry, now=now), *_following(case, entry, now=now))]


# -- where a branch stands ----------------------------------------------------------------------------------------


def _standing(case: Case, entry: Entry, *, now: datetime) -> Ahead:
    step = case.step(entry)
    task = _task_of(case, entry)
    paused = case.instance.status is InstanceStatus.PAUSED
    why = (case.instance.outcome_notes or "paused") if paused else None
    waits = waits_for(asdict(entry), step, task.task_id if task else None, paused_because=why, now=now)
    remarks = [f"waits for {waits}", *_of_the_desk(entry, task, step), *_why_then(entry, waits)]
    return Ahead(
        at=entry.scheduled_for,
        state=_state(entry),
        branch=entry.branch,
        step_id=step.id,
        step_name=step.name,
        step_type=step.type,
        reason=entry.reason if entry.awaits in ITS_TURN else None,
        remarks=(*remarks, *remarks_on(step, case)),
    )


def _of_the_desk(entry: Entry, task: Task | None, step: Step) -> Iterator[str]:
    if entry.awaits in ON_THE_DESK and task is not None:
        outcomes = outcomes_of(asdict(task), step)
        yield with_others(closing(task.task_id, outcomes), outcomes)
    if entry.awaits in ON_THE_DESK and entry.scheduled_for is not None:
        yield "if nobody has closed it by then, the step fails"


def _why_then(entry: Entry, waits: str) -> list[str]:
    """The rules that moved its time, where what it waits for has not said so already."""
    speaks = entry.reason and entry.awaits in ITS_TURN and entry.reason not in waits
    return [str(entry.reason)] if speaks else []


def _state(entry: Entry) -> str:
    if entry.awaits is Awaited.DOUBT:
        return "in doubt"
    if entry.status is EntryStatus.PAUSED:
        return "paused"
    if entry.status is EntryStatus.PROCESSING:
        return "running"
    return "planned" if entry.awaits in ITS_TURN else "waiting"


def _task_of(case: Case, entry: Entry) -> Task | None:
    own = (task for task in case.tasks if task.branch == entry.branch and task.step_id == entry.step_id)
    return next(own, None)


# -- what would follow --------------------------------------------------------------------------------------------


def _following(case: Case, entry: Entry, *, now: datetime) -> Iterator[Ahead]:
    step = case.step(entry)
    seen = {step.id}
    target, at = _after_standing(case, entry, step, now=now)
    for _ in range(MOST):
        if target is None:
            return
        step = case.workflow.steps[target]
        at, moved_by = _placed(case, step, at)
        reason = "; ".join(moved_by) or None
        following = Ahead(
            at=at,
            state="planned",
            branch=entry.branch,
            step_id=step.id,
            step_name=step.name,
            step_type=step.type,
            reason=reason,
            remarks=(*([reason] if reason else []), *remarks_on(step, case)),
        )
        if step.id in seen:
            yield replace(following, remarks=("and so on: it goes round from here",))
            return
        seen.add(step.id)
        yield following
        target, at = _leads_to(case, step, at)


def _after_standing(case: Case, entry: Entry, step: Step, *, now: datetime) -> tuple[str | None, datetime | None]:
    at = None if entry.scheduled_for is None else max(entry.scheduled_for, now)
    if entry.awaits is Awaited.TIME and isinstance(step, WaitStep):
        return step.on_timeout or step.next, at
    if entry.awaits in ON_THE_DESK:
        return _leads_to(case, step, None)
    return _leads_to(case, step, at)


def _leads_to(case: Case, step: Step, at: datetime | None) -> tuple[str | None, datetime | None]:
    """The step after this one as things stand, and when this one is over; no time where a person decides."""
    if not _would_be_done(step, case):
        return step.next, at
    match step:
        case EndStep():
            return None, at
        case ConditionStep():
            held = rules.holds(step.condition, case.facts)
            return (step.if_true if held else step.if_false) or step.next, at
        case WaitStep():
            length = step.duration or step.timeout
            over = at and length and add(length, to=at, tz=case.tz, calendar=case.coop.calendar)
            return step.on_timeout or step.next, over or None
        case TaskStep() if step.outcomes:
            return _first_way(step), None
        case ParallelStep() | RecommendedStep():
            return step.next, None
        case _:
            return step.next, None if step.approval else at


def _first_way(step: TaskStep) -> str | None:
    ways = (way.goto or way.then for way in step.outcomes.values())
    return next(filter(None, ways), None)


def _placed(case: Case, step: Step, after: datetime | None) -> tuple[datetime | None, tuple[str, ...]]:
    """Its time, and the rules that moved it there."""
    if after is None:
        return None, ()
    try:
        planned = case.plan(step, arrived=after)
    except NeverOpens as problem:
        return None, (f"its turn never comes: {problem}",)
    return planned.at, planned.reasons


def _would_be_done(step: Step, case: Case) -> bool:
    return step.only_if is None or rules.holds(step.only_if, case.facts)


# -- what is to be known about a step -----------------------------------------------------------------------------


def remarks_on(step: Step, case: Case) -> tuple[str, ...]:
    """What a step depends on, in words: its conditions, its waits, its outcomes, its branches."""
    return (*_general(step, case), *_by_type(step, case))


def _general(step: Step, case: Case) -> Iterator[str]:
    if step.only_if is not None:
        verdict = "" if _would_be_done(step, case) else "; as things stand it would be skipped"
        yield f"only if {rules.text_of(step.only_if)}{verdict}"
    if step.approval:
        yield "a person must say yes first"


def _by_type(step: Step, case: Case) -> Iterator[str]:
    names = {id_: other.name for id_, other in case.workflow.steps.items()}
    match step:
        case ConditionStep():
            yes, no = (_target(target or step.next, names) for target in (step.if_true, step.if_false))
            held = "yes" if rules.holds(step.condition, case.facts) else "no"
            yield f"if {rules.text_of(step.condition)}: {yes}, else: {no}; as things stand: {held}"
        case WaitStep():
            yield from _waiting(step)
        case TaskStep() if step.outcomes:
            yield "; ".join(outcome_words(name, way, names) for name, way in step.outcomes.items())
        case ParallelStep():
            firsts = joined([_target(first, names) for first in step.branches])
            enough = "all" if step.join == len(step.branches) else f"{step.join} of them"
            yield f"at once: {firsts}; the next step comes after {enough}"
        case RecommendedStep():
            yield f"one step for each action that the prediction recommends: {joined(list(step.actions))}"
        case StartStep():
            yield f"starts {step.workflow}"
        case EndStep():
            yield f"ends with {step.outcome}"


def _waiting(step: WaitStep) -> Iterator[str]:
    length = step.duration or step.timeout
    if step.until_event:
        most = f", for {length} at most" if length else ""
        yield f"until {event_words(step.until_event)}{most}"
    elif length:
        yield f"for {length}"


def _target(step_id: str | None, names: Mapping[str, str]) -> str:
    return f"'{names[step_id]}'" if step_id is not None else "the end"
