"""What keys mean to each other, within a step and in the whole file."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from coopflow.core.durations import Duration
from coopflow.core.reading import retry_policy
from coopflow.core.retry import RetryPolicy
from coopflow.core.wording import shown
from coopflow.problems import Loc, Problem, did_you_mean
from coopflow.strict_yaml import Source
from coopflow.workflows.known import ALWAYS_ASSIGNED, Known
from coopflow.workflows.outline import Outline, Spot, branch_lists
from coopflow.workflows.step_schema import Retry

# Words of the language for which this version has no clockwork yet. Such a file is refused, since it would never start.
NOT_STARTED_YET = {
    "schedule": "by the calendar",
    "condition": "by watching a condition",
}
PAIRS = (
    ("delay", "delay_days"),
    ("duration", "duration_days"),
    ("message", "template_id"),
    ("due", "due_date"),
    ("description", "reason"),
    ("delay", "scheduled_time"),
    ("delay_days", "scheduled_time"),
)

Data = Mapping[str, Any]


def check_rules(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """Everything that the schema cannot say of one value alone."""
    yield from _without_value(source.data, (), source)
    yield from _repeated_ids(file, source)
    yield from _trigger(source)
    yield from _levels(source)
    yield from _retries(file, source)
    yield from _names(file, source, known)
    for spot in file.spots:
        yield from _both(spot, source)
        yield from RULES.get(spot.type, _nothing)(spot, source)


def _without_value(data: Any, loc: Loc, source: Source) -> Iterator[Problem]:
    """A key with nothing after it is an edit that was not finished, even where the key may be left out."""
    parts = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        if value is None and isinstance(key, str):
            yield source.problem((*loc, key), "expected a value, found nothing; give it one, or delete the key")
        yield from _without_value(value, (*loc, key), source)


def _repeated_ids(file: Outline, source: Source) -> Iterator[Problem]:
    for spot in file.spots:
        first = file.by_id[spot.id]
        if spot is not first:
            line, _ = source.mark(first.id_loc)
            yield source.problem(spot.id_loc, f"the id '{spot.label}' is taken by the step in line {line}")


def _both(spot: Spot, source: Source) -> Iterator[Problem]:
    for one, other in PAIRS:
        if one in spot.data and other in spot.data:
            yield source.problem((*spot.loc, other), f"'{one}' and '{other}' cannot both be given", on_key=True)


def _trigger(source: Source) -> Iterator[Problem]:
    trigger = source.data.get("trigger")
    if not isinstance(trigger, Mapping):
        return
    kind = trigger.get("type")
    if kind in NOT_STARTED_YET:
        how = NOT_STARTED_YET[kind]
        yield source.problem(
            ("trigger", "type"),
            f"'{kind}' is a word of the language, but this version starts nothing {how} yet; "
            "use prediction, event or manual",
        )
    if kind == "event" and "event" not in trigger:
        yield source.problem(("trigger",), "a trigger of the type event needs 'event', the kind that starts it")
    if "event" in trigger and kind != "event" and isinstance(kind, str):
        yield source.problem(
            ("trigger", "event"), f"'event' is for triggers of the type event; this is {kind}", on_key=True
        )


def _levels(source: Source) -> Iterator[Problem]:
    """Each level counts from when the task was opened, so a later one cannot come earlier."""
    escalation = source.data.get("escalation")
    levels = escalation.get("levels") if isinstance(escalation, Mapping) else None
    before: Duration | None = None
    for place, level in enumerate(levels if isinstance(levels, list) else []):
        after = _length(level.get("after")) if isinstance(level, Mapping) else None
        if after and before and _about(after) <= _about(before):
            loc = ("escalation", "levels", place, "after")
            yield source.problem(
                loc, f"{after} is not later than the level before it ({before}); both count from the start"
            )
        before = after or before


def _retries(file: Outline, source: Source) -> Iterator[Problem]:
    default = yield from _retry(source.data.get("retry"), ("retry",), RetryPolicy(), source)
    for spot in file.spots:
        if "retry" in spot.data:
            yield from _retry(spot.data["retry"], (*spot.loc, "retry"), default, source)


def _retry(data: Any, loc: Loc, default: RetryPolicy, source: Source) -> Generator[Problem, None, RetryPolicy]:
    """The policy that comes of it; the other one where it makes none."""
    try:
        said = Retry.model_validate(data).model_dump(exclude_none=True)
    except ValidationError:
        return default  # the schema's own problem; absent data too
    try:
        return retry_policy(said, default)
    except ValueError as error:
        yield source.problem(loc, str(error))
        return default


def _names(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """Windows and people that coopflow.yaml does not know."""
    timing = source.data.get("timing")
    if isinstance(timing, Mapping) and "window" in timing:
        yield from _name(timing["window"], ("timing", "window"), source, "window", known.windows)
    people = known.coordinators and {*known.coordinators, *ALWAYS_ASSIGNED}
    escalation = source.data.get("escalation")
    levels = escalation.get("levels") if isinstance(escalation, Mapping) else None
    for place, level in enumerate(levels if isinstance(levels, list) else []):
        if isinstance(level, Mapping):
            loc = ("escalation", "levels", place, "assign")
            yield from _name(level.get("assign"), loc, source, "coordinator", people)
    for spot in file.spots:
        yield from _name(spot.data.get("window"), (*spot.loc, "window"), source, "window", known.windows)
        yield from _name(spot.data.get("assign"), (*spot.loc, "assign"), source, "coordinator", people)


def _name(name: Any, loc: Loc, source: Source, noun: str, known: Collection[str]) -> Iterator[Problem]:
    if isinstance(name, str) and known and name not in known:
        hint = did_you_mean(name, known)
        # a task for somebody unknown still lies on the desk, but a window that is unknown has no hours
        yield source.problem(
            loc, f"coopflow.yaml has no {noun} {shown(name)}.{hint}".removesuffix("."), warning=noun == "coordinator"
        )


def _nothing(spot: Spot, source: Source) -> Iterator[Problem]:  # noqa: ARG001 - the shape of a rule
    yield from ()


def _sms(spot: Spot, source: Source) -> Iterator[Problem]:
    if "message" not in spot.data and "template_id" not in spot.data:
        yield source.problem(spot.loc, "a text needs 'message' or 'template_id'")


def _task(spot: Spot, source: Source) -> Iterator[Problem]:
    if "description" not in spot.data and "reason" not in spot.data:
        yield source.problem(spot.loc, "a task needs 'description', what is to be done")


def _wait(spot: Spot, source: Source) -> Iterator[Problem]:
    data = spot.data
    lasts = "duration" in data or "duration_days" in data
    if not lasts and "until" not in data:
        yield source.problem(spot.loc, "a wait needs 'duration', or 'until' with 'timeout'")
    elif not lasts and "timeout" not in data:
        yield source.problem(
            (*spot.loc, "until"), "the event may never come: give 'duration' or 'timeout' as well", on_key=True
        )
    if "timeout" in data and lasts:
        yield source.problem(
            (*spot.loc, "timeout"), "'timeout' bounds a wait that has only 'until'; use 'duration'", on_key=True
        )
    if "on_timeout" in data and "until" not in data:
        yield source.problem(
            (*spot.loc, "on_timeout"), "'on_timeout' needs 'until', the event that may not come", on_key=True
        )
    for key in ("duration", "duration_days", "timeout"):
        if _is_nothing(data.get(key)):
            yield source.problem((*spot.loc, key), "a wait of no time at all waits for nothing")


def _condition(spot: Spot, source: Source) -> Iterator[Problem]:
    if "if_true_step" not in spot.data and "if_false_step" not in spot.data:
        yield source.problem(spot.loc, "a condition needs 'if_true_step' or 'if_false_step', or it decides nothing")


def _parallel(spot: Spot, source: Source) -> Iterator[Problem]:
    count, join = len(list(branch_lists(spot.data))), spot.data.get("join")
    if count == 1:
        yield source.problem((*spot.loc, "branches"), "one branch alone is not parallel to anything")
    if isinstance(join, int) and not isinstance(join, bool) and join > count:
        yield source.problem((*spot.loc, "join"), f"join waits for {join} branches, and there are {count}")


def _recommended(spot: Spot, source: Source) -> Iterator[Problem]:
    trigger = source.data.get("trigger")
    kind = trigger.get("type") if isinstance(trigger, Mapping) else "prediction"
    if kind in ("event", "manual"):
        yield source.problem(
            (*spot.loc, "type"),
            f"recommendations come with a prediction, and this workflow's trigger is of the type {kind}",
        )


def _start(spot: Spot, source: Source) -> Iterator[Problem]:
    if spot.data.get("workflow") == source.data.get("name"):
        yield source.problem((*spot.loc, "workflow"), "a workflow cannot start itself")


RULES: Mapping[str, Callable[[Spot, Source], Iterator[Problem]]] = {
    "sms": _sms,
    "task": _task,
    "wait": _wait,
    "condition": _condition,
    "parallel": _parallel,
    "recommended": _recommended,
    "start": _start,
}


def _length(text: Any) -> Duration | None:
    try:
        return Duration.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_nothing(found: Any) -> bool:
    """True for a length of no time; what cannot be read is told elsewhere."""
    if isinstance(found, int) and not isinstance(found, bool):
        return found == 0
    length = _length(found)
    return length is not None and not length


def _about(length: Duration) -> float:
    """Roughly how many days; good enough to put two in order."""
    return length.months * 30.5 + length.days + length.business_days * 1.4 + length.seconds / 86_400
