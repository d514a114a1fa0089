"""Plants a mistake in a copy of the package and runs the tests that should see it."""

import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest

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
    words = copy.parent / "said"
    child = os.fork()
    if not child:
        _run_tests(copy, tests, words)
    code = _end_of(child)
    said = words.read_text(encoding="utf-8", errors="replace")
    if code is None:
        return f"{tests[0]}{HUNG}", ""
    failed = _FAILED.search(said)
    if code == 0:
        return "", ""
    return (failed[1], "") if code == 1 and failed else ("", f"pytest ended with {code}: {said[-500:]}")


def _run_tests(copy: Path, tests: Sequence[str], words: Path) -> NoReturn:
    """Be pytest, over the copy; what takes long to import has been imported before."""
    code = 70
    try:
        os.setsid()
        output = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        sys.path[:] = [str(copy), *(place for place in sys.path if place not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("coopflow", "tests")]:
            del sys.modules[name]
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]))
    except BaseException:  # noqa: BLE001 - the child must never go on as a second parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _end_of(child: int) -> int | None:
    """The exit code of a child; None: it hung, and it is killed with all that it has started."""
    handle = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([handle], [], [], LONGEST)
        if not ended:
            os.killpg(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code if ended else None
    finally:
        os.close(handle)
