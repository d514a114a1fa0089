"""What a file of closed days says line by line, whatever its form."""

from datetime import date
from typing import NamedTuple

from coopflow.intake.unfit import Unfit


class Closure(NamedTuple):
    """Days in a row that are closed: the line that says so, the first, the last, and why."""

    line: int
    first: date
    last: date
    name: str


class Misfit(NamedTuple):
    """A line of the file and what is wrong there."""

    line: int
    problem: Unfit
