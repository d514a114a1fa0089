"""A batch that trips over a fault of ours is taken in line by line: the line that meets it stops none of the others."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from coopflow.errors import CoopflowError, in_one_line
from coopflow.intake.unfit import Unfit
from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store

Line = TypeVar("Line")
Taken = TypeVar("Taken")


def take_in(
    store: Store,
    batch: Sequence[Line],
    take: Callable[[Sequence[Line]], list[Taken]],
    refuse: Callable[[Line, Unfit], Taken],
) -> list[Taken]:
    """Take a batch in, in one durable change; after a fault each line in its own, and the one that meets it is refused.

    Where a transaction is open already, as in a dry run, no part could be taken back, and a fault is raised.
    """
    in_another = store.db.connection().in_transaction
    try:
        with store.transaction():
            return take(batch)
    except CoopflowError:
        raise
    except Exception as fault:
        if in_another or is_database_trouble(fault):
            raise
        if len(batch) > 1:
            return [taken for line in batch for taken in take_in(store, [line], take, refuse)]
        # What it says may be of anybody, so it is told, and not kept.
        problem = Unfit("this is a fault in coopflow, nothing was taken in", hint=f" ({in_one_line(fault)})")
        with store.transaction():
            return [refuse(batch[0], problem)]
