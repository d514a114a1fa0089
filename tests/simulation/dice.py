"""One seed, one stream of chance per concern: a draw added in one shifts none of the others."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

Thing = TypeVar("Thing")


class Dice:
    """What is left to chance in one run."""

    def __init__(self, seed: int | str) -> None:
        self.seed = seed

    def stream(self, *concern: object) -> Random:
        """The dice of one concern; seeded by text, so that PYTHONHASHSEED does not matter."""
        return Random("/".join(map(str, (self.seed, *concern))))  # noqa: S311 - a test's dice


def some(random: Random, things: Sequence[Thing], *, share: float) -> list[Thing]:
    """Each of the things with this chance, in their order."""
    return [thing for thing in things if random.random() < share]


def weighted(random: Random, ways: Sequence[tuple[int, Callable[[], Thing]]]) -> Thing:
    """One of several ways, each as often as its weight says."""
    [(_, way)] = random.choices(ways, weights=[weight for weight, _ in ways])
    return way()
