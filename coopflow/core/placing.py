"""When a step's turn comes: the one place that gives a step its time (design, section 7).

The rules in their order: what the time counts from, and the delay; a family that is treated gently; windows, closed
days and quiet hours; the best times of the channel and the family; the spread over an opening.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from coopflow.core.anchors import Anchors, anchor, moment_of
from coopflow.core.best_times import preference_of
from coopflow.core.date_rules import parse_date_rule
from coopflow.core.durations import Duration
from coopflow.core.model import Coop, Family, Task
from coopflow.core.openings import day_text
from coopflow.core.timing import (
    BUSINESS_HOURS,
    TEXT_HOURS,
    NeverOpens,
    OpenHours,
    Planned,
    Window,
    add,
    is_open,
    local_text,
    next_open,
    plan,
    preferred,
    scheduled,
    spread,
    zone,
)
from coopflow.core.workflow import CallingStep, EmailStep, EscalationLevel, SmsStep, Step, TaskStep, Workflow
from coopflow.core.zones import on_the_wall, zone_or

REACHING_PEOPLE = (EmailStep, SmsStep, TaskStep)
LATE_EMAIL = Duration(seconds=24 * 3600)  # a mail that is a day late says the wrong thing (reliability, 2.5 no. 6)
LATE_TEXT = Duration(seconds=4 * 3600)
LATE_CALL = Duration(seconds=24 * 3600)  # so long a program elsewhere may be out of reach before a person hears of it


class Setting(Struct, frozen=True):
    """Whose rules of time hold for a step: its workflow's, the co-op's, the family's."""

    workflow: Workflow
    coop: Coop
    family: Family

    @property
    def tz(self) -> ZoneInfo:
        """The family's zone, else the co-op's (design, section 7)."""
        return zone_or(self.family.time_zone, self.coop.calendar.tz)


def reaches_people(step: Step) -> bool:
    """True for the steps that somebody outside or at a desk notices."""
    return isinstance(step, REACHING_PEOPLE)


def keeps_hours(step: Step) -> bool:
    """True for the steps that keep to a window: those that reach people, and any other that is given one."""
    return step.window is not None or reaches_people(step)


# -- the plan -----------------------------------------------------------------------------------------------------


def place(step: Step, setting: Setting, *, anchors: Anchors, key: str) -> Planned:
    """When the step's turn comes, with the rules that moved it; `key` tells the branches that a spread spreads apart.

    What counts from a date of the calendar, and has passed, stays what it is: the step is late then, and too late after
    a while. Raises NeverOpens, or NoAnchor, with a sentence.
    """
    counted = _counted(step, setting, anchors)
    if not keeps_hours(step):
        return counted
    hours = open_hours(step, setting)
    opened = _opened(counted.at, step, setting, hours)
    best = _at_its_best(opened.at, step, setting, hours, key)
    return Planned(best.at, (*counted.reasons, *opened.reasons, *best.reasons))


def _counted(step: Step, setting: Setting, anchors: Anchors) -> Planned:
    """From what the time counts, and the delay."""
    tz = setting.tz
    if step.scheduled_time is not None:
        return _on_the_date(step.scheduled_time, anchors, tz)
    origin = anchor(step.counts_from, anchors, tz)
    if not step.delay and origin.at == anchors.arrived:
        return Planned(origin.at, ())
    due = add(step.delay, to=origin.at, tz=tz, calendar=setting.coop.calendar)
    start = f"{local_text(origin.at, tz)}{f' ({origin.words})' if origin.words else ''}"
    reason = f"{start} + {step.delay} → {local_text(due, tz)}" if step.delay else start
    if due < anchors.arrived and not origin.fixed:
        return Planned(anchors.arrived, (f"{reason}; it was not its turn before {local_text(anchors.arrived, tz)}",))
    return Planned(due, (reason,))


def _on_the_date(text: str, anchors: Anchors, tz: ZoneInfo) -> Planned:
    if text[:4].isdigit():
        return Planned(scheduled(text, tz), ())
    at = moment_of(parse_date_rule(text), anchors, tz)
    return Planned(at, (f"{text} → {local_text(at, tz)}",))


def _at_its_best(at: datetime, step: Step, setting: Setting, hours: tuple[OpenHours, ...], key: str) -> Planned:
    """The moment within what is open that suits the family best."""
    best = Planned(at, ())
    preference = preference_of(step, setting.family, setting.coop)
    if preference is not None:
        best = preferred(at, hours, preference, setting.tz)
        suits = (*hours, OpenHours((preference.window,), setting.tz, {}))
        hours = suits if is_open(best.at, suits) else hours  # what is spread stays within the best time
    if not setting.coop.spread or step.urgent or not isinstance(step, EmailStep | SmsStep):
        return best
    apart = spread(best.at, hours, setting.coop.spread, key)
    return Planned(apart.at, best.reasons + apart.reasons)


# -- what is open -------------------------------------------------------------------------------------------------


def reopen(at: datetime, step: Step, setting: Setting) -> Planned:
    """The first moment from `at` on at which the step may be carried out: for plans, retries and for what is late."""
    return _opened(at, step, setting, open_hours(step, setting))


def _opened(at: datetime, step: Step, setting: Setting, hours: tuple[OpenHours, ...]) -> Planned:
    gently = _gently(at, step, setting)
    if not hours:
        return gently
    opened = next_open(gently.at, hours)
    if not step.urgent and any(place.keeps_closed_days for place in hours):
        _require_known_holidays(opened.at, setting)
    return Planned(opened.at, gently.reasons + opened.reasons)


def may_go_now(step: Step, setting: Setting, *, now: datetime) -> bool:
    """True when every window of the step is open at this moment, and the family is not treated gently."""
    return _gently(now, step, setting).at == now and is_open(now, open_hours(step, setting))


def open_hours(step: Step, setting: Setting) -> tuple[OpenHours, ...]:
    """Where all must be open. `urgent` crosses windows and closed days, but never the quiet hours for text."""
    calendar = setting.coop.calendar
    windows = tuple(_windows(step, setting))
    closed = {} if step.urgent else calendar.closed_days
    own = (OpenHours(windows, setting.tz, closed),) if windows else ()
    return own + tuple(_where_the_number_is(step, setting))


def _windows(step: Step, setting: Setting) -> Iterator[Window]:
    if not step.urgent and keeps_hours(step):
        yield _window(step.window or setting.workflow.window, setting.coop)
    if isinstance(step, SmsStep):
        yield _window(TEXT_HOURS.name, setting.coop)


def _where_the_number_is(step: Step, setting: Setting) -> Iterator[OpenHours]:
    """The quiet hours where a phone number belongs, since nobody knows in which zone the phone is."""
    if isinstance(step, SmsStep):
        quiet = (_window(TEXT_HOURS.name, setting.coop),)
        yield from (
            OpenHours(quiet, zone_or(key, setting.tz), {})
            for key in setting.family.phone_zones
            if key != setting.tz.key
        )


def _window(name: str, coop: Coop) -> Window:
    """A window that has been taken out of the configuration while instances need it opens no more."""
    try:
        return coop.calendar.window(name)
    except LookupError as problem:
        raise NeverOpens(str(problem)) from None


def _gently(at: datetime, step: Step, setting: Setting) -> Planned:
    until = setting.family.gentle_until
    if until is None or until <= at or not reaches_people(step):
        return Planned(at, ())
    return Planned(until, (f"the family is treated gently until {local_text(until, setting.tz)}",))


def _require_known_holidays(at: datetime, setting: Setting) -> None:
    """Nothing is planned for a day of which nobody knows whether it is a holiday (reliability, 4.8)."""
    known = setting.coop.calendar.holidays_until
    if known is None:
        return
    day = on_the_wall(at, setting.tz).date()
    if day > known:
        raise NeverOpens(
            f"the public holidays are known until {day_text(known)} {known.year} only, and this would be"
            f" {day_text(day)} {day.year}; run: coopflow calendar import --year {day.year}"
        )


# -- late, and nobody there ---------------------------------------------------------------------------------------


def too_late_after(step: Step) -> Duration | None:
    """How late a step may be carried out at most; None: any time."""
    if step.stale_after is not None:
        return step.stale_after
    match step:
        case EmailStep():
            return LATE_EMAIL
        case SmsStep():
            return LATE_TEXT
        case CallingStep():
            return LATE_CALL
        case _:
            return None


def due_at_the_desk(duration: Duration, assignee: str, coop: Coop, *, after: datetime) -> datetime:
    """When a task is due that may take so long: within the working hours of whoever has it."""
    calendar, person = coop.calendar, coop.coordinators.get(assignee, {})
    tz = zone(person["time_zone"]) if person.get("time_zone") else calendar.tz
    hours = OpenHours((_window(person.get("window") or BUSINESS_HOURS.name, coop),), tz, calendar.closed_days)
    return plan(after=after, delay=duration, hours=(hours,), tz=tz, calendar=calendar).at


def next_level(levels: tuple[EscalationLevel, ...], task: Task, *, coop: Coop, tz: ZoneInfo) -> datetime | None:
    """When an open task goes up to its next level; None: there is no further level."""
    if task.escalation_level >= len(levels):
        return None
    return add(levels[task.escalation_level].after, to=task.created_date, tz=tz, calendar=coop.calendar)
