"""Lines are taken in by the batch; one that meets a fault of ours is refused, and stops none of the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from coopflow.errors import CoopflowError, in_one_line
from coopflow.intake.unfit import Unfit
from coopflow.one_by_one import in_batch_or_one_by_one
from coopflow.store.store import Store

Line = TypeVar("Line")
Taken = TypeVar("Taken")


def take_in(
    store: Store,
    batch: Sequence[Line],
    take: Callable[[Sequence[Line]], list[Taken]],
    refuse: Callable[[Line, Unfit], Taken],
) -> list[Taken]:
    """Take a batch in, in one durable change; after a fault each line in its own, and the one with it is refused."""

    def refused(line: Line, fault: Exception) -> list[list[Taken]]:
        if isinstance(fault, CoopflowError):
            raise fault
        # What it says may be of anybody, so it is told, and not kept.
        problem = Unfit("this is a fault in coopflow, nothing was taken in", hint=f" ({in_one_line(fault)})")
        with store.transaction():
            return [[refuse(line, problem)]]

    parts = in_batch_or_one_by_one(store, batch, take, refused)
    return [taken for part in parts for taken in part]
