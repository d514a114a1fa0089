"""When a step's turn comes: the one place that gives a step its time (design, section 7)."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from coopflow.core.durations import Duration
from coopflow.core.model import Coop, Task
from coopflow.core.timing import (
    TEXT_HOURS,
    Calendar,
    NeverOpens,
    Planned,
    Window,
    add,
    is_open,
    next_open,
    plan,
    scheduled,
)
from coopflow.core.workflow import EmailStep, EscalationLevel, SmsStep, Step, TaskStep, Workflow

LATE_EMAIL = Duration(seconds=24 * 3600)  # a mail that is a day late says the wrong thing (reliability, 2.5 no. 6)
LATE_TEXT = Duration(seconds=4 * 3600)


def reaches_people(step: Step) -> bool:
    """True for the steps that keep to windows: those that somebody outside or at a desk notices."""
    return isinstance(step, EmailStep | SmsStep | TaskStep)


def windows_of(step: Step, workflow: Workflow, coop: Coop) -> list[Window]:
    """The windows that must all be open. `urgent` crosses them, but never the legal quiet hours for text."""
    windows = []
    if step.window and not step.urgent:
        windows.append(_window(step.window, coop))
    elif reaches_people(step) and not step.urgent:
        windows.append(_window(workflow.window, coop))
    if isinstance(step, SmsStep):
        windows.append(TEXT_HOURS)
    return windows


def _window(name: str, coop: Coop) -> Window:
    """A window that has been taken out of the configuration while instances need it opens no more."""
    try:
        return coop.calendar.window(name)
    except LookupError as problem:
        raise NeverOpens(str(problem)) from None


def place(step: Step, workflow: Workflow, *, coop: Coop, tz: ZoneInfo, after: datetime) -> Planned:
    """When the step's turn comes for a branch that arrives `after`, with the rules that moved it.

    A `scheduled_time` that has passed stays what it is: the step is late then, and too late after a while.
    """
    if step.scheduled_time is not None:
        return _open_from(scheduled(step.scheduled_time, tz), step, workflow, coop=coop, tz=tz)
    windows = windows_of(step, workflow, coop)
    if not windows and not step.delay:
        return Planned(after, ())
    return plan(after=after, delay=step.delay, windows=windows, tz=tz, calendar=_calendar(step, coop))


def _open_from(at: datetime, step: Step, workflow: Workflow, *, coop: Coop, tz: ZoneInfo) -> Planned:
    windows = windows_of(step, workflow, coop)
    if not windows:
        return Planned(at, ())
    return next_open(at, windows, tz=tz, closed_days=_calendar(step, coop).closed_days)


def reopen(at: datetime, step: Step, workflow: Workflow, *, coop: Coop, tz: ZoneInfo) -> Planned:
    """The first moment from `at` on at which the step may be carried out: for retries and for what is late."""
    return _open_from(at, step, workflow, coop=coop, tz=tz)


def may_go_now(step: Step, workflow: Workflow, *, coop: Coop, tz: ZoneInfo, now: datetime) -> bool:
    """True when every window of the step is open at this moment."""
    windows = windows_of(step, workflow, coop)
    return not windows or is_open(now, windows, tz=tz, closed_days=_calendar(step, coop).closed_days)


def _calendar(step: Step, coop: Coop) -> Calendar:
    return replace(coop.calendar, closed_days=frozenset()) if step.urgent else coop.calendar


def too_late_after(step: Step) -> Duration | None:
    """How late a step may be carried out at most; None: any time."""
    if step.stale_after is not None:
        return step.stale_after
    match step:
        case EmailStep():
            return LATE_EMAIL
        case SmsStep():
            return LATE_TEXT
        case _:
            return None


def next_level(levels: tuple[EscalationLevel, ...], task: Task, *, coop: Coop, tz: ZoneInfo) -> datetime | None:
    """When an open task goes up to its next level; None: there is no further level."""
    if task.escalation_level >= len(levels):
        return None
    return add(levels[task.escalation_level].after, to=task.created_date, tz=tz, calendar=coop.calendar)
