"""What the graph of all steps shows: circles without a pause, steps that no way leads to, times that never come."""

from collections.abc import Iterator, Mapping

from coopflow.problems import Problem
from coopflow.strict_yaml import Source
from coopflow.workflows.jumps import Way, ways_of
from coopflow.workflows.outline import Outline, Spot

Ways = Mapping[str, list[Way]]


def check_circles(file: Outline, source: Source, on_failure: str) -> Iterator[Problem]:
    """Ways round that nothing slows down: families would be written to without end."""
    for circle in _circles(_ways(file, on_failure)):
        if len(circle) > 1:  # a step that jumps to itself is told as that
            yield _circle_problem(circle, file, source)


def check_reach(file: Outline, source: Source, on_failure: str) -> Iterator[Problem]:
    """Warnings for steps that no way leads to."""
    for spot in _unreached(file, _ways(file, on_failure)):
        yield source.problem(spot.id_loc, "no step leads here", warning=True)


def check_order(file: Outline, source: Source, on_failure: str) -> Iterator[Problem]:
    """Warnings for times that count from the end of a step which nothing makes sure has ended."""
    ways = _ways(file, on_failure)
    for spot in file.spots:
        name = spot.data.get("from")
        if isinstance(name, str) and name in ways and spot.id not in _after(name, file, ways):
            sentence = f"no way leads here from '{name}'; where it has not ended, this step's turn never comes"
            yield source.problem((*spot.loc, "from"), sentence, warning=True)


def _after(step_id: str, file: Outline, ways: Ways) -> set[str]:
    """The steps that may come once a step has ended: those behind the branches that it is in among them."""
    found: set[str] = set()
    todo = _onward(file.by_id[step_id], file, ways)
    while todo:
        step = todo.pop()
        if step in ways and step not in found:
            found.add(step)
            todo += _onward(file.by_id[step], file, ways)
    return found


def _onward(spot: Spot, file: Outline, ways: Ways) -> list[str]:
    around = file.by_id.get(spot.lane.owner or "")
    behind = [around.follower, *_onward(around, file, {})] if around else []
    return [step for step in (*(way.to for way in ways.get(spot.id, ())), *behind) if step]


def _ways(file: Outline, on_failure: str) -> Ways:
    return {spot.id: list(ways_of(spot, file, on_failure)) for spot in file.spots if file.by_id[spot.id] is spot}


def _circle_problem(circle: list[str], file: Outline, source: Source) -> Problem:
    steps = file.by_id
    entry = min(range(len(circle)), key=lambda place: file.spots.index(steps[circle[place]]))
    turned = circle[entry:] + circle[:entry]
    waits = [steps[step_id].label for step_id in turned if steps[step_id].type == "wait"]
    hint = f" ('{waits[0]}' is no pause once its event has come)" if waits else ""
    path = " → ".join(steps[step_id].label for step_id in (*turned, turned[0]))
    return source.problem(
        steps[turned[0]].id_loc, f"{path} goes round without a pause{hint}; put a wait or a delay between them"
    )


def _circles(ways: Ways) -> Iterator[list[str]]:
    """Circles of ways without a pause, each step in one at most."""
    left = {step: {way.to for way in found if not way.pauses and way.to in ways} for step, found in ways.items()}
    while left := _without_dead_ends(left):
        circle = _walk_round(left)
        yield circle
        left = {step: onward - set(circle) for step, onward in left.items() if step not in circle}


def _without_dead_ends(left: dict[str, set[str | None]]) -> dict[str, set[str | None]]:
    while dead := {step for step, onward in left.items() if not onward}:
        left = {step: onward - dead for step, onward in left.items() if step not in dead}
    return left


def _walk_round(left: Mapping[str, set[str | None]]) -> list[str]:
    """Walk on until a step comes again: every step has a way onward."""
    path: list[str] = [next(iter(left))]
    while (onward := min(filter(None, left[path[-1]]))) not in path:
        path.append(onward)
    return path[path.index(onward) :]


def _unreached(file: Outline, ways: Ways) -> list[Spot]:
    reached: set[str] = set()
    todo = [file.first] if file.first else []
    while todo:
        step = todo.pop()
        if step in ways and step not in reached:
            reached.add(step)
            todo += [way.to for way in ways[step] if way.to]
    return [spot for spot in file.spots if spot.id not in reached]
