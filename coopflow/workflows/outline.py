"""The steps of a file as a graph, each with its place: what the checks across steps look at.

It is made from whatever stands in the file, however wrong, so that a mistake in one step hides no mistake in another.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from coopflow.core.reading import action_step_id
from coopflow.problems import Loc, describe

CONTAINERS = ("parallel", "recommended")


class Lane(Struct, frozen=True, kw_only=True):
    """One list of steps: the file's own, or one branch of a step."""

    owner: str | None = None  # the step whose branch it is; None: the file's own
    name: str = ""  # which branch, in words


class Spot(Struct, frozen=True, kw_only=True):
    """One step as it stands in the file."""

    id: str
    loc: Loc
    data: Mapping[str, Any]
    lane: Lane
    follower: str | None  # the step after it in its list
    firsts: tuple[str, ...] = ()  # the first step of each of its branches

    @property
    def type(self) -> str:
        """The word in `type:`, good or bad."""
        return str(self.data.get("type"))

    @property
    def label(self) -> str:
        """What a sentence calls it: its id, else where it stands."""
        return self.id if self.id.isprintable() else describe(self.loc, {})

    @property
    def id_loc(self) -> Loc:
        """Where its id stands; the step itself, if it is given none."""
        return (*self.loc, "id") if "id" in self.data else self.loc


class Outline(Struct, frozen=True):
    """All steps of a file, in its order."""

    spots: Sequence[Spot]
    by_id: Mapping[str, Spot]  # the first step of each id
    top: Sequence[str]  # the ids of the file's own list, for jumps by number

    @property
    def first(self) -> str | None:
        """Where a run begins."""
        return self.top[0] if self.top else None

    def resolve(self, target: Any) -> str | None:
        """The id that a jump names by id or by number; None for a number beyond the list, or for neither."""
        if isinstance(target, int) and not isinstance(target, bool):
            return self.top[target] if 0 <= target < len(self.top) else None
        return target if isinstance(target, str) else None


def outline(data: Any) -> Outline:
    """Read the steps of a file's data."""
    steps = data.get("steps") if isinstance(data, Mapping) else None
    spots = list(_spots(steps, ("steps",), Lane()))
    top = _ids(steps, ("steps",)) if isinstance(steps, list) else []
    return Outline(spots, {spot.id: spot for spot in reversed(spots)}, top)


def branch_lists(step: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    """Name, place and steps of each branch of a step's data."""
    branches = step.get("branches")
    if isinstance(branches, Mapping):
        yield from ((f"branch '{name}'", ("branches", name), steps) for name, steps in branches.items())
    elif isinstance(branches, list):
        yield from ((f"branch {place}", ("branches", place), steps) for place, steps in enumerate(branches))


def _spots(steps: Any, loc: Loc, lane: Lane) -> Iterator[Spot]:
    if not isinstance(steps, list):
        return
    ids = _ids(steps, loc)
    for place, step in enumerate(steps):
        if isinstance(step, Mapping):
            follower = ids[place + 1] if place + 1 < len(ids) else None
            yield from _with_branches(step, (*loc, place), ids[place], lane, follower)


def _with_branches(step: Mapping[str, Any], loc: Loc, step_id: str, lane: Lane, follower: str | None) -> Iterator[Spot]:
    inside: list[Spot] = []
    firsts: list[str] = []
    for name, place, steps in branch_lists(step):
        branch = list(_spots(steps, (*loc, *place), Lane(owner=step_id, name=name)))
        firsts += [spot.id for spot in branch[:1]]
        inside += branch
    for action, data in _actions(step):
        spot = _action(action, data, loc, step_id)
        firsts.append(spot.id)
        inside.append(spot)
    yield Spot(id=step_id, loc=loc, data=step, lane=lane, follower=follower, firsts=tuple(firsts))
    yield from inside


def _actions(step: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    actions = step.get("actions")
    if not isinstance(actions, Mapping):
        return []
    return [(action, data) for action, data in actions.items() if isinstance(data, Mapping)]


def _action(action: str, data: Mapping[str, Any], loc: Loc, parent: str) -> Spot:
    given = data.get("id")
    step_id = given if isinstance(given, str) else action_step_id(parent, action)
    lane = Lane(owner=parent, name=f"action '{action}'")
    return Spot(id=step_id, loc=(*loc, "actions", action), data=data, lane=lane, follower=None)


def _ids(steps: Sequence[Any], loc: Loc) -> list[str]:
    return [_id(step, (*loc, place)) for place, step in enumerate(steps)]


def _id(step: Any, loc: Loc) -> str:
    """A step without an id gets one that nobody can write, so that it takes its place in the graph all the same."""
    given = step.get("id") if isinstance(step, Mapping) else None
    return given if isinstance(given, str) else "\0" + "/".join(map(str, loc))
