"""Shares the cuts and the faults among processes."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.powercut.cutting import Cutter, Tally
from tests.powercut.failing import FAULTS, Outcomes, fail_at_each, operations
from tests.powercut.recording import OURS, Mode, recorded

A, B = TypeVar("A"), TypeVar("B")
DAMAGES = 20
PARTS = 4  # of each mode: a process has one at a time


@dataclass(frozen=True, slots=True)
class Share:
    """The cuts that one process makes."""

    folder: Path
    mode: Mode
    part: int
    seed: int = 1
    damages: int = DAMAGES


def shares(folder: Path, *, seed: int = 1, damages: int = DAMAGES) -> Iterator[Share]:
    """All cuts once."""
    for part in range(PARTS):
        for mode in OURS:
            yield Share(folder, mode, part, seed, damages)


def cut(share: Share) -> Tally:
    """The cuts of a share; each lies close to the next one, so that what they have in common is looked at once."""
    run = recorded(share.folder, share.mode)
    size = -(-(len(run.operations) + 1) // PARTS)
    cuts = range(share.part * size, (share.part + 1) * size)
    return Cutter(run, share.mode, seed=share.seed).cut_all(share.damages, cuts)


def cut_twice(share: Share) -> Tally:
    """Cuts in the middle of ticks that recover from a cut."""
    run = recorded(share.folder, share.mode)
    return Cutter(run, share.mode, seed=share.seed).second_cuts(2, share.damages)


@dataclass(frozen=True, slots=True)
class Trial:
    """Faults of one kind."""

    folder: Path
    mode: Mode
    kind: str
    for_ever: bool


def trials(folder: Path) -> Iterator[Trial]:
    """All faults once."""
    for mode in OURS:
        for kind in FAULTS:
            for for_ever in (False, True):
                yield Trial(folder, mode, kind, for_ever)


def fail(trial: Trial) -> Outcomes:
    """The ticks of a trial."""
    codes = FAULTS[trial.kind]
    met = operations(trial.folder, trial.mode)
    points = [number for number, kind in enumerate(met, start=1) if kind in codes]
    return fail_at_each(trial.folder, trial.mode, codes, for_ever=trial.for_ever, points=points)


def side_by_side(work: Callable[[A], B], given: Iterable[A], *, jobs: int | None = None) -> Iterator[B]:
    """Do all of it, in as many processes as there are processors."""
    sys.stdout.flush()
    with multiprocessing.get_context("fork").Pool(jobs or len(os.sched_getaffinity(0))) as pool:
        yield from pool.imap_unordered(work, given)
