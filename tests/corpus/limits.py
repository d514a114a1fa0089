"""How long each bad input takes, and how much memory: the processor's time, best of three, and every allocation."""

import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from coopflow import __version__
from tests.corpus.reading import Corpus
from tests.corpus.subjects import SUBJECTS, workflow
from tests.workflows.corpus import Case

LONGEST = 0.1  # seconds of the processor for one
MOST_MEMORY = 64 * 1024 * 1024
TRIES = 3
PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "bad-inputs.md"

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one input has taken."""

    title: str
    seconds: float
    memory: int  # bytes

    @property
    def too_much(self) -> bool:
        """Whether it is more than it may be."""
        return self.seconds > LONGEST or self.memory > MOST_MEMORY


def inputs(files: Iterable[Corpus], workflows: Iterable[Case]) -> dict[str, Work]:
    """Everything that is read, by its title: all but whole commands, which open a database."""
    read: dict[str, Work] = {
        f"{corpus.path.stem} {number}": lambda corpus=corpus, case=case: SUBJECTS[corpus.subject](case.content)
        for corpus in files
        if corpus.subject != "command"
        for number, case in enumerate(corpus.cases, start=1)
    }
    return read | {
        f"file {number}": lambda case=case: workflow(case.text.encode())
        for number, case in enumerate(workflows, start=1)
    }


def taken(works: dict[str, Work]) -> list[Taken]:
    """What each takes; the first run of all loads what reads them."""
    for work in works.values():
        work()
    seconds = {title: _quickest(work) for title, work in works.items()}
    tracemalloc.start()
    try:
        return [Taken(title, seconds[title], _memory(work)) for title, work in works.items()]
    finally:
        tracemalloc.stop()


def _quickest(work: Work) -> float:
    best = float("inf")
    for _ in range(TRIES):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def _memory(work: Work) -> int:
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    work()
    return tracemalloc.get_traced_memory()[1] - before


def page(found: list[Taken], commands: int, today: str) -> str:
    """The page with what they came to."""
    seconds, memory = max(one.seconds for one in found), max(one.memory for one in found)
    figures = {
        "run on": today,
        "coopflow": __version__,
        "inputs that are read": f"{len(found):,}",
        "command lines": f"{commands:,}",
        "over 100 ms or 64 MiB": f"{sum(one.too_much for one in found)}",
        "the longest takes": f"{1000 * seconds:.1f} ms of the processor",
        "most memory": f"{memory / 1024:,.0f} KiB",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"{HEAD}\n| | |\n|---|---|\n{table}\n\n{REST}"


HEAD = """# Bad inputs

Written by `python -m tests.corpus --page`. The inputs are plain text in `tests/corpus/bad` and `tests/workflows/bad`,
each with what is said of it: workflows, steps, conditions, message templates, configuration, predictions, events,
families, closed days, and command lines. All were made by hand, but for those that
[fuzzing](fuzzing.md) has found.
"""
REST = """Every test run compares what is said word for word, and holds the limits: each input takes at most 100 ms of
the processor (the best of three, since a machine that is busy is nobody's fault) and 64 MiB.
"""
