"""Two pieces of work of which exactly one runs at any time; after each commit the dice say which one goes on."""

from collections.abc import Callable, Sequence
from random import Random
from threading import Condition, Thread, current_thread

LONGEST = 30  # seconds that a piece of work may wait for its turn; a run is over long before


class Baton:
    """Who may run."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._turn = Condition()
        self._running: list[str] = []
        self._holder = ""

    def run(self, work: Sequence[Callable[[], object]]) -> list[BaseException | None]:
        """Run all of it to its end; answer with how each ended."""
        ended: dict[str, BaseException | None] = {}
        names = [f"work-{number}" for number in range(len(work))]
        self._running, self._holder = list(names), self._random.choice(names)
        threads = [
            Thread(target=self._work, args=(piece, ended), name=name, daemon=True)
            for name, piece in zip(names, work, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [ended[name] for name in names]

    def pass_on(self) -> None:
        """Let the dice say who goes on, and wait for the next turn."""
        with self._turn:
            self._holder = self._random.choice(self._running)
            self._turn.notify_all()
            self._wait()

    def _work(self, piece: Callable[[], object], ended: dict[str, BaseException | None]) -> None:
        name = current_thread().name
        error: BaseException | None = None
        with self._turn:
            self._wait()
        try:
            piece()
        except BaseException as found:  # noqa: BLE001 - it is handed to whoever waits
            error = found
        with self._turn:
            ended[name] = error
            self._running.remove(name)
            self._holder = self._random.choice(self._running) if self._running else ""
            self._turn.notify_all()

    def _wait(self) -> None:
        name = current_thread().name
        if not self._turn.wait_for(lambda: self._holder == name, timeout=LONGEST):
            raise TimeoutError("the baton was never passed on")
