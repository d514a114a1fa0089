"""Does something that may take for ever, for no longer than it may."""

from collections.abc import Callable
from typing import TypeVar

from coopflow.inbox.source import Unreachable
from coopflow.threads import Worker

Done = TypeVar("Done")


def within(seconds: float, work: Callable[[], Done]) -> Done:
    """What the work comes to; raise Unreachable when it takes longer. It is then left alone, and ends with us."""
    done: list[Done] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as problem:  # noqa: BLE001 - it is raised again where it is waited for
            failed.append(problem)

    worker = Worker(run)
    worker.start()
    worker.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise Unreachable(f"it took longer than {seconds:g} seconds")
    return done[0]
