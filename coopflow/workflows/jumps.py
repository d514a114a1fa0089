"""Where steps lead: every jump that a file names, checked; and the graph of all ways that a run can take."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from coopflow.core.durations import Duration
from coopflow.core.reading import ACTIONS_ON_FAILURE, ESCALATE
from coopflow.problems import Loc, Problem, did_you_mean
from coopflow.strict_yaml import Source
from coopflow.workflows.outline import CONTAINERS, Outline, Spot

BY_NUMBER = ("if_true_step", "if_false_step")  # where the pattern counts


class Jump(Struct, frozen=True):
    """One place where a step names another."""

    loc: Loc
    target: Any
    words: tuple[str, ...] = ()  # what may stand there instead of a step's id


class Way(Struct, frozen=True):
    """One way from a step: to another, or to the end of its list."""

    to: str | None
    pauses: bool  # something keeps a run from taking it at once


def jumps_of(spot: Spot) -> Iterator[Jump]:
    """Every jump that a step names."""
    data, loc = spot.data, spot.loc
    if "on_failure" in data:
        yield Jump((*loc, "on_failure"), data["on_failure"], ACTIONS_ON_FAILURE)
    for key in ("on_timeout", *BY_NUMBER):
        if key in data:
            yield Jump((*loc, key), data[key])
    for name, way in _outcomes(data).items():
        if isinstance(way, Mapping):
            yield Jump((*loc, "outcomes", name, "then"), way.get("then", ESCALATE), (ESCALATE,))
        else:
            yield Jump((*loc, "outcomes", name), way, (ESCALATE,))


def check_jumps(file: Outline, source: Source) -> Iterator[Problem]:
    """Jumps to steps that do not exist, to the step itself, and in or out of a branch."""
    for spot in file.spots:
        for jump in jumps_of(spot):
            sentence = _fault(jump, spot, file)
            if sentence:
                yield source.problem(jump.loc, sentence)


def ways_of(spot: Spot, file: Outline, on_failure: str) -> Iterator[Way]:
    """Every way from a step. `on_failure` is the workflow's own word for steps that say nothing."""
    late = _has_delay(spot.data)
    for way in _ways(spot, file, on_failure):
        yield Way(way.to, pauses=way.pauses or late)


def _fault(jump: Jump, spot: Spot, file: Outline) -> str | None:
    by_number = jump.loc[-1] in BY_NUMBER
    if not isinstance(jump.target, str | int) or isinstance(jump.target, bool) or jump.target in jump.words:
        return None
    if isinstance(jump.target, int):
        return _number_fault(jump.target, file, spot) if by_number else None  # elsewhere the schema refuses it
    target = file.by_id.get(jump.target)
    if target is None:
        return _unknown(jump, spot, file)
    return _wrong_place(spot, target)


def _number_fault(number: int, file: Outline, spot: Spot) -> str | None:
    if spot.lane.owner is not None:
        return f"a number counts the steps of the workflow's own list; inside {spot.lane.name} write the step's id"
    if 0 <= number < len(file.top):
        return _itself(file.top[number]) if file.top[number] == spot.id else None
    return f"there is no step number {number}; the {len(file.top)} steps are counted from 0"


def _unknown(jump: Jump, spot: Spot, file: Outline) -> str:
    if jump.target in (*ACTIONS_ON_FAILURE, ESCALATE):
        instead = (
            f"; possible here: a step's id, {', '.join(jump.words)}" if jump.words else "; a step's id is expected"
        )
        return f"'{jump.target}' cannot stand here{instead}"
    near = [other.id for other in file.spots if other.lane == spot.lane and other is not spot]
    return f"there is no step '{jump.target}'.{did_you_mean(jump.target, [*near, *jump.words])}".removesuffix(".")


def _wrong_place(spot: Spot, target: Spot) -> str | None:
    if target.lane == spot.lane:
        return _itself(target.id) if target is spot else None
    if target.lane.owner is None or target.lane.owner != spot.lane.owner:
        outside = spot.lane.owner and f"'{target.id}' is outside {spot.lane.name} of '{spot.lane.owner}'"
        inside = f"'{target.id}' is inside {target.lane.name} of '{target.lane.owner}'"
        return f"{outside or inside}; a jump stays in its own list of steps"
    return (
        f"'{target.id}' is in {target.lane.name}, this step in {spot.lane.name}; a jump stays in its own list of steps"
    )


def _itself(step_id: str) -> str:
    return f"'{step_id}' jumps to itself; to try again use retry, or retry_in in an outcome"


def _ways(spot: Spot, file: Outline, on_failure: str) -> Iterator[Way]:
    approved = spot.data.get("approval") is True
    if "only_if" in spot.data:
        yield Way(spot.follower, pauses=False)
    for way in _own_ways(spot, file):
        yield Way(way.to, pauses=way.pauses or approved)
    if _can_fail(spot):
        yield from _ways_of_failure(spot, file, on_failure, pauses=approved or spot.type in ("call", "task", "wait"))


def _own_ways(spot: Spot, file: Outline) -> Iterator[Way]:
    data = spot.data
    match spot.type:
        case "end":
            return
        case "condition":
            for key in BY_NUMBER:
                yield Way(file.resolve(data[key]) if key in data else spot.follower, pauses=False)
        case "wait":
            yield Way(_target(data, "on_timeout", file) or spot.follower, pauses=True)
            if "until" in data:
                yield Way(spot.follower, pauses=False)  # its event may have come already
        case "call" | "task" if _outcomes(data):
            for way in _outcomes(data).values():
                target = way.get("then") if isinstance(way, Mapping) else way
                if target not in (None, ESCALATE):
                    yield Way(file.resolve(target), pauses=True)
        case kind if kind in CONTAINERS:
            for first in spot.firsts:
                yield Way(first, pauses=False)
            yield Way(spot.follower, pauses=bool(spot.firsts) and not _passes_freely(spot, file))
        case _:
            yield Way(spot.follower, pauses=False)


def _can_fail(spot: Spot) -> bool:
    waits_for_a_person = bool(_outcomes(spot.data)) or spot.data.get("approval") is True
    return spot.type in ("email", "sms", "http", "command") or (waits_for_a_person and "timeout" in spot.data)


def _ways_of_failure(spot: Spot, file: Outline, on_failure: str, *, pauses: bool) -> Iterator[Way]:
    word = spot.data.get("on_failure", on_failure)
    if word == "continue":
        yield Way(spot.follower, pauses)
    elif word not in ACTIONS_ON_FAILURE:
        yield Way(file.resolve(word), pauses)


def _passes_freely(spot: Spot, file: Outline) -> bool:
    """True if the branches of a step may all end, as far as it waits for them, without a pause."""
    free = [_ends_freely(first, file) for first in spot.firsts if _is_inside(file.by_id.get(first), spot)]
    return all(free) if spot.data.get("join", "all") == "all" else any(free)


def _is_inside(step: Spot | None, around: Spot) -> bool:
    """False for the first of two steps with one id, where it is not the one meant: around itself it would never end."""
    return step is not None and step is not around and step.loc[: len(around.loc)] == around.loc


def _ends_freely(first: str, file: Outline) -> bool:
    """True if there is a way from the first step of a branch to the branch's end that has no pause."""
    steps, seen, todo = file.by_id, set[str](), [first]
    while todo:
        step = steps.get(todo.pop())
        if step is None or step.id in seen:
            continue
        seen.add(step.id)
        for way in ways_of(step, file, "hold"):
            if way.to is None and not way.pauses:
                return True
            todo += [way.to] if way.to and not way.pauses and steps[way.to].lane == step.lane else []
    return False


def _target(data: Mapping[str, Any], key: str, file: Outline) -> str | None:
    return file.resolve(data[key]) if key in data else None


def _outcomes(data: Mapping[str, Any]) -> Mapping[str, Any]:
    outcomes = data.get("outcomes")
    return outcomes if isinstance(outcomes, Mapping) else {}


def _has_delay(data: Mapping[str, Any]) -> bool:
    if isinstance(data.get("delay_days"), int) and data["delay_days"] > 0:
        return True
    try:
        return isinstance(data.get("delay"), str) and bool(Duration.parse(data["delay"]))
    except ValueError:
        return True  # it is told elsewhere, and meant to be a delay
