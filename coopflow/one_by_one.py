"""A batch that trips over a fault of ours is done one by one: what meets it is told of, and all the others go on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store

One = TypeVar("One")
Done = TypeVar("Done")


def in_batch_or_one_by_one(
    store: Store,
    batch: Sequence[One],
    do: Callable[[Sequence[One]], Done],
    give_up: Callable[[One, Exception], list[Done]],
) -> list[Done]:
    """Do it with all in one durable change; after a fault with each in its own, giving up on the one that meets it.

    Answers with what it came to, in one part or in many; what `give_up` answers with stands in the place of its part.
    Where a transaction is open already, as in a dry run, no part could be taken back, and a fault is raised.
    """
    in_another = store.db.connection().in_transaction
    try:
        with store.transaction():
            return [do(batch)]
    except Exception as fault:
        if in_another or is_database_trouble(fault):
            raise
        if len(batch) == 1:
            return give_up(batch[0], fault)
    return [done for one in batch for done in in_batch_or_one_by_one(store, [one], do, give_up)]
