"""What keys mean to each other, within a step and in the whole file."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from coopflow.core.anchors import ATTRIBUTES, START, TRIGGER
from coopflow.core.date_rules import DateRule, parse_date_rule
from coopflow.core.durations import MINUTES_OF_A_BUSINESS_DAY, Duration
from coopflow.core.reading import DEFAULT_WINDOW, retry_policy
from coopflow.core.retry import RetryPolicy
from coopflow.core.wording import shown
from coopflow.problems import Loc, Problem, did_you_mean
from coopflow.strict_yaml import Source
from coopflow.workflows.known import ALWAYS_ASSIGNED, Known
from coopflow.workflows.outline import Outline, Spot, branch_lists
from coopflow.workflows.step_schema import Retry

RHYTHMS = ("every", "rrule", "on")  # a schedule has exactly one of them
ONLY_FOR = {  # keys of a trigger, and the one type that they belong to
    "event": ("event",),
    "every": ("schedule",),
    "rrule": ("schedule",),
    "starting": ("schedule",),
    "on": ("schedule",),
    "catch_up": ("schedule",),
    "at": ("schedule", "condition"),
    "existing": ("condition",),
}
DECLARE_DATE = "declare it under `attributes:` in coopflow.yaml"
PAIRS = (
    ("delay", "delay_days"),
    ("duration", "duration_days"),
    ("message", "template_id"),
    ("due", "due_date"),
    ("description", "reason"),
    ("delay", "scheduled_time"),
    ("delay_days", "scheduled_time"),
    ("from", "scheduled_time"),
)

Data = Mapping[str, Any]


def check_rules(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """Everything that the schema cannot say of one value alone."""
    yield from _without_value(source.data, (), source)
    yield from _repeated_ids(file, source)
    yield from _trigger(source, known)
    yield from _levels(source)
    yield from _retries(file, source)
    yield from _names(file, source, known)
    yield from _anchors(file, source, known)
    for spot in file.spots:
        yield from _both(spot, source)
        yield from RULES.get(spot.type, _nothing)(spot, source)


def _without_value(data: dict[str, Any] | list[Any], loc: Loc, source: Source) -> Iterator[Problem]:
    """A key with nothing after it is an edit that was not finished, even where the key may be left out."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from _without_value(value, (*loc, key), source)
        elif value is None and isinstance(key, str):
            yield source.problem((*loc, key), "expected a value, found nothing; give it one, or delete the key")


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


def _trigger(source: Source, known: Known) -> Iterator[Problem]:
    trigger = source.data.get("trigger")
    if not isinstance(trigger, Mapping):
        return
    kind = trigger.get("type")
    if kind == "event" and "event" not in trigger:
        yield source.problem(("trigger",), "a trigger of the type event needs 'event', the kind that starts it")
    if kind == "condition" and "conditions" not in trigger:
        yield source.problem(("trigger",), "a trigger of the type condition needs 'conditions', what must become true")
    for key, kinds in ONLY_FOR.items():
        if key in trigger and isinstance(kind, str) and kind not in kinds:
            types = " or ".join(kinds)
            yield source.problem(
                ("trigger", key), f"'{key}' is for triggers of the type {types}; this is {kind}", on_key=True
            )
    if kind == "schedule":
        yield from _schedule(trigger, source, known)


def _schedule(trigger: Data, source: Source, known: Known) -> Iterator[Problem]:
    """A schedule has one rhythm, and what belongs to another has no place in it."""
    given = [key for key in RHYTHMS if key in trigger]
    if not given:
        yield source.problem(
            ("trigger",), "a trigger of the type schedule needs 'every', 'rrule' or 'on', which say when it starts"
        )
    for key in given[1:]:
        yield source.problem(("trigger", key), f"'{given[0]}' and '{key}' cannot both be given", on_key=True)
    for key, rhythm in (("at", "on"), ("starting", "rrule")):
        if key in trigger and given and rhythm not in given:
            yield source.problem(
                ("trigger", key), f"'{key}' goes with '{rhythm}'; '{given[0]}' needs none", on_key=True
            )
    for text in _listed(trigger.get("on")):
        if rule := _date_rule(text):
            yield from _date(rule.field, ("trigger", "on"), source, known)


def _listed(said: object) -> list[object]:
    return said if isinstance(said, list) else [said]


def _anchors(file: Outline, source: Source, known: Known) -> Iterator[Problem]:
    """What times count from: steps that there are, dates that a family may have."""
    steps = [spot.id for spot in file.spots]
    for spot in file.spots:
        name = spot.data.get("from")
        if not isinstance(name, str) or name in (START, TRIGGER):
            pass
        elif name.startswith(ATTRIBUTES):
            yield from _date(name.removeprefix(ATTRIBUTES), (*spot.loc, "from"), source, known)
        elif name == spot.id:
            yield source.problem((*spot.loc, "from"), "a step's time cannot count from its own end")
        elif name not in steps:
            hint = did_you_mean(name, [START, TRIGGER, *steps])
            yield source.problem((*spot.loc, "from"), f"there is no step {shown(name)}.{hint}".removesuffix("."))
        if rule := _date_rule(spot.data.get("scheduled_time")):
            yield from _date(rule.field, (*spot.loc, "scheduled_time"), source, known)


def _date_rule(text: object) -> DateRule | None:
    try:
        return parse_date_rule(text) if isinstance(text, str) and text[4:5] != "-" else None
    except ValueError:
        return None  # the schema's own problem


def _date(name: str, loc: Loc, source: Source, known: Known) -> Iterator[Problem]:
    if name not in known.attributes:
        hint = did_you_mean(name, known.attributes)
        yield source.problem(loc, f"nothing provides '{name}'.{hint} If it is right, {DECLARE_DATE}")


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
        yield from _never_texts(spot, timing, source, known)
        yield from _name(spot.data.get("assign"), (*spot.loc, "assign"), source, "coordinator", people)


def _never_texts(spot: Spot, timing: object, source: Source, known: Known) -> Iterator[Problem]:
    """A text in a window that is open only while texts are not allowed would wait for ever."""
    common = timing.get("window", DEFAULT_WINDOW) if isinstance(timing, Mapping) else DEFAULT_WINDOW
    window = spot.data.get("window", common)
    if spot.type != "sms" or spot.data.get("urgent") is True or not isinstance(window, str):
        return
    if window in known.windows_without_texts:
        loc = (*spot.loc, "window") if "window" in spot.data else spot.loc
        yield source.problem(loc, f"the window {shown(window)} never opens while texts may go (text_hours)")


def _name(name: Any, loc: Loc, source: Source, noun: str, known: Collection[str]) -> Iterator[Problem]:
    if isinstance(name, str) and known and name not in known:
        hint = did_you_mean(name, known) or f" There are {', '.join(sorted(known))}"
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
    business_days = length.business_days + length.business_minutes / MINUTES_OF_A_BUSINESS_DAY
    return length.months * 30.5 + length.days + business_days * 1.4 + length.seconds / 86_400
