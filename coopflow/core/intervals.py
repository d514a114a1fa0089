"""Sets of stretches: half-open `[start, end)`, ascending, apart. Minutes of a day, or instants."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

Point = TypeVar("Point", int, datetime)


def union(stretches: Iterable[tuple[Point, Point]]) -> tuple[tuple[Point, Point], ...]:
    """What any of them holds; those that overlap or touch become one."""
    joined: list[tuple[Point, Point]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def intersection(
    some: Iterable[tuple[Point, Point]], others: tuple[tuple[Point, Point], ...]
) -> tuple[tuple[Point, Point], ...]:
    """What both hold. Stretches that touch stay two."""
    return tuple(
        (max(start, opens), min(end, closes))
        for start, end in some
        for opens, closes in others
        if max(start, opens) < min(end, closes)
    )


def subtraction(
    some: Iterable[tuple[Point, Point]], others: tuple[tuple[Point, Point], ...]
) -> tuple[tuple[Point, Point], ...]:
    """What the first holds and the second does not."""
    left: list[tuple[Point, Point]] = []
    for start, end in some:
        for opens, closes in others:
            if opens < end and start < closes:
                if start < opens:
                    left.append((start, opens))
                start = max(start, closes)
        if start < end:
            left.append((start, end))
    return tuple(left)
