"""Threads that nobody waits for in vain.

`threading.Thread.start` waits until the new thread says that it has begun. One that dies of a lack of memory before
that never says so, and who started it would wait for ever, with the tick's lock in its hands.
"""

from _thread import start_new_thread
from collections.abc import Callable
from threading import Lock

BIRTH = 10  # seconds after which a thread that has not begun is no longer counted on


class Worker:
    """Work done in a thread of its own, which never keeps the process from ending."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._to_begin, self._to_end = Lock(), Lock()

    def start(self) -> None:
        """Begin; RuntimeError: the system has no thread to give, or none that comes to life."""
        self._to_begin.acquire()
        self._to_end.acquire()
        start_new_thread(self._live, ())
        if not self._to_begin.acquire(timeout=BIRTH):
            raise RuntimeError("can't start new thread: it did not begin")

    def join(self, seconds: float | None = None) -> None:
        """Wait for the end of the work, or for so long."""
        if self._to_end.acquire(timeout=-1 if seconds is None else seconds):
            self._to_end.release()

    def alive(self) -> bool:
        """Whether the work has not come to its end, in one way or another."""
        return self._to_end.locked()

    def _live(self) -> None:
        try:
            self._to_begin.release()
            self._work()
        finally:
            self._to_end.release()
