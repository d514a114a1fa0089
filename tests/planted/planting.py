"""Plants a mistake in a copy of the package and runs the tests that should see it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.planted import in_rules, in_sending
from tests.planted.plants import Plant

ROOT = Path(__file__).parents[2]
PLANTS: tuple[Plant, ...] = (*in_sending.PLANTS, *in_rules.PLANTS)
LONGEST = 300  # seconds; who hangs so long has been seen as well
HUNG = " (it hung)"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_NOT_COPIED = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist")  # what is compiled already comes along


@dataclass(frozen=True, slots=True)
class Seen:
    """What the tests made of a plant."""

    plant: Plant
    by: str  # the test that failed; empty: none did
    seconds: float
    problem: str = ""  # why this run proves nothing


def misfits(plants: Sequence[Plant] = PLANTS) -> list[str]:
    """The plants whose text does not stand in the package exactly once, and those whose tests are not there."""
    found = []
    for plant in plants:
        times = (ROOT / "coopflow" / plant.file).read_text(encoding="utf-8").count(plant.old)
        if times != 1:
            found.append(f"'{plant.name}': its text stands {times} times in coopflow/{plant.file}")
        missing = [test for test in plant.tests if not (ROOT / test.partition("::")[0]).is_file()]
        found += [f"'{plant.name}': there is no {test}" for test in missing]
    return found


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of all that the tests need, to plant in."""
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="coopflow-planted-", dir=memory if memory.is_dir() else None))
    try:
        yield Path(shutil.copytree(ROOT, folder / "copy", ignore=_NOT_COPIED))
    finally:
        shutil.rmtree(folder)


def seen(plant: Plant) -> Seen:
    """Plant it, and run its tests one file after the other until one fails."""
    began, by = time.monotonic(), ""
    with copied() as copy:
        place = copy / "coopflow" / plant.file
        place.write_text(place.read_text(encoding="utf-8").replace(plant.old, plant.new), encoding="utf-8")
        for test in plant.tests:
            by, problem = failure(copy, [test])
            if by or problem:
                break
    return Seen(plant, "" if problem else by, time.monotonic() - began, problem)


def without(found: Sequence[Seen]) -> list[Seen]:
    """The same, but whoever was seen by a test that fails without the plant too was not seen."""
    tests = sorted({one.by for one in found if one.by and not one.by.endswith(HUNG)})
    with copied() as copy:
        broken = set()
        while tests and (first := next(iter(failure(copy, tests)), "")):
            broken.add(first)
            tests.remove(first)
    return [replace(one, problem="its test fails without it too") if one.by in broken else one for one in found]


def failure(copy: Path, tests: Sequence[str]) -> tuple[str, str]:
    """The first test that fails, and what is wrong if none could be run; in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy)}
    words = copy.parent / "said"
    with (
        words.open("wb") as file,
        subprocess.Popen(
            command, cwd=copy, env=environment, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        try:
            code = process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with all that it has started
            return f"{tests[0]}{HUNG}", ""
    said = words.read_text(encoding="utf-8", errors="replace")
    failed = _FAILED.search(said)
    if code == 0:
        return "", ""
    return (failed[1], "") if code == 1 and failed else ("", f"pytest ended with {code}: {said[-500:]}")
