"""What a target must not do: raise what is no error of ours, say what cannot be printed, take long or much memory.

Time is that of the processor. A case that seems to break a limit is tried again, and the best of all tries counts: a
machine that is busy is nobody's fault. Memory is first looked at from outside, by the process's peak, which costs
nothing; a case that has raised it is run once more with every allocation counted.
"""

import resource
import time
import traceback
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import coopflow
from coopflow.errors import CoopflowError

TRIES = 4
MOST_TRIES = 300  # of making a finding smaller
LONGEST = 0.1  # seconds of the processor
MOST_MEMORY = 64 * 1024 * 1024  # bytes
OURS = str(Path(coopflow.__file__).parent)


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that a target must not have."""

    target: str
    content: bytes
    problem: str
    place: str = ""  # the last line of ours that it came by: what tells one finding from another

    @property
    def kind(self) -> tuple[str, str, str]:
        """Two findings are one if they differ in their content only."""
        return self.target, self.problem.split(":")[0], self.place


class NotOurs(Exception):
    """A target says by it what it must not have done."""


def judge(
    name: str, work: Callable[[bytes], None], content: bytes, *, longest: float = LONGEST, memory: bool = True
) -> Finding | None:
    """Run one case; what is wrong with it, or None."""
    before, peak = _resident(), _peak()
    began = time.process_time()
    problem = _said(name, work, content)
    took = time.process_time() - began
    if problem is None and memory and _peak() > peak and _peak() - before > MOST_MEMORY:
        problem = _too_much(name, work, content)
    if problem is not None:
        return problem
    for _ in range(TRIES - 1):
        if took <= longest:
            break
        began = time.process_time()
        _said(name, work, content)
        took = min(took, time.process_time() - began)
    return Finding(name, content, f"slow: {took:.2f} s of the processor") if took > longest else None


def smaller(found: Finding, work: Callable[[bytes], None], *, longest: float = LONGEST) -> Finding:
    """The same finding with as little of its content as it takes."""
    size, tries = len(found.content) // 2, 0
    while size and tries < MOST_TRIES:
        for start in range(0, len(found.content), size):
            tries += 1
            rest = found.content[:start] + found.content[start + size :]
            again = judge(found.target, work, rest, longest=longest)
            if again is not None and again.kind == found.kind:
                found = again
                break
        else:
            size //= 2
    return found


def _said(name: str, work: Callable[[bytes], None], content: bytes) -> Finding | None:
    try:
        work(content)
    except Exception as error:  # noqa: BLE001 - which of them are findings is the question
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(OURS)]
        place = f"{frames[-1].filename.removeprefix(OURS)}:{frames[-1].name}" if frames else ""
        if not is_ours(error):
            return Finding(name, content, f"{type(error).__name__}: {error}", place)
        unprintable = [line for line in str(error).splitlines() if not line.isprintable()]
        if unprintable or not str(error):
            return Finding(name, content, f"unprintable: {unprintable!r}", place)
    return None


def is_ours(error: Exception) -> bool:
    """An error of coopflow's, or a ValueError that a line of coopflow has raised with a sentence of its own."""
    if isinstance(error, CoopflowError):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    raised = last.filename.startswith(OURS) and (last.line or "").lstrip().startswith("raise ")
    return isinstance(error, ValueError) and raised


def _too_much(name: str, work: Callable[[bytes], None], content: bytes) -> Finding | None:
    tracemalloc.start()
    try:
        _said(name, work, content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return Finding(name, content, f"memory: {peak / 2**20:.0f} MiB") if peak > MOST_MEMORY else None


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
