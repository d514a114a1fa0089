"""One change at a time, each in a process forked from one that has loaded everything but coopflow."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Collection, Sequence
from enum import StrEnum
from itertools import islice, zip_longest
from types import ModuleType
from typing import Any

import pytest

from tests.mutation.covering import Covering, in_memory
from tests.mutation.mutants import ROOT, Mutant, mutated

LOADED = (  # what coopflow and its tests load, so that it is loaded once
    *("coverage", "dateutil.rrule", "dateutil.tz", "email_validator", "freezegun", "hypothesis.strategies", "jinja2"),
    *(
        "markdown_it",
        "peewee",
        "phonenumbers",
        "playhouse.sqlite_ext",
        "pydantic",
        "rich.cells",
        "typer.testing",
        "yaml",
    ),
)
FEW, MOST = 20, 1_000  # tests that are tried first; and after them
FILES = 3  # that the first ones come from, since each has to be loaded
SECONDS = 10  # of the processor that a change may take beside what its tests take
FACTOR = 4  # times that its tests may take what they take


class Fate(StrEnum):
    """What became of a change."""

    FAILED = "a test failed"
    TOO_LONG = "it did not end"
    BROKEN = "it could not be loaded"
    SURVIVED = "every test passed"
    UNTESTED = "no test comes by it"

    @property
    def killed(self) -> bool:
        """True where somebody would have noticed."""
        return self in (Fate.FAILED, Fate.TOO_LONG, Fate.BROKEN)


def load() -> None:
    """Load what is the same for all of them; to be called once, in a process that has not loaded coopflow."""
    for name in LOADED:
        importlib.import_module(name)
    assert not any(name.startswith("coopflow.") for name in sys.modules), "what is changed must be loaded by the child"


def fate(mutant: Mutant, known: Covering) -> Fate:
    """Try a change with the quickest few tests that come by it, and if none fails with many more."""
    tests = known.of(mutant.path, mutant.line)
    if not tests:
        return Fate.UNTESTED
    first = few(tests)
    found = _run(mutant, first, known)
    rest = many([name for name in tests if name not in first])
    return _run(mutant, rest, known) if found is Fate.SURVIVED and rest else found


def passes(tests: Sequence[str], known: Covering) -> bool:
    """True if tests pass here with nothing changed: else what they say of a change means nothing."""
    return _run(None, tests, known) is Fate.SURVIVED


def few(tests: Sequence[str]) -> list[str]:
    """The first, from few files."""
    files = list(dict.fromkeys(name.partition("::")[0] for name in tests))[:FILES]
    return [name for name in tests if name.partition("::")[0] in files][:FEW]


def many(tests: Sequence[str]) -> list[str]:
    """The first half as they come, then some from each file in turn: whoever tests just this may stand anywhere."""
    by_file: dict[str, list[str]] = {}
    for name in tests[MOST // 2 :]:
        by_file.setdefault(name.partition("::")[0], []).append(name)
    in_turn = (name for names in zip_longest(*by_file.values()) for name in names if name is not None)
    return [*tests[: MOST // 2], *islice(in_turn, MOST // 2)]


def _run(mutant: Mutant | None, tests: Sequence[str], known: Covering) -> Fate:
    seconds = SECONDS + FACTOR * sum(known.seconds.get(name, 1.0) for name in tests)
    child = os.fork()
    if child == 0:
        _be_the_child(mutant, tests, int(seconds))
    end = time.monotonic() + 10 * seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _by_status(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Fate.TOO_LONG


def _by_status(status: int) -> Fate:
    if os.WIFSIGNALED(status):
        return Fate.TOO_LONG
    match os.WEXITSTATUS(status):
        case pytest.ExitCode.OK:
            return Fate.SURVIVED
        case pytest.ExitCode.TESTS_FAILED:
            return Fate.FAILED
        case pytest.ExitCode.NO_TESTS_COLLECTED:
            return Fate.UNTESTED
        case _:
            return Fate.BROKEN


# -- in the child -----------------------------------------------------------------------------------------------------


def _be_the_child(mutant: Mutant | None, tests: Sequence[str], seconds: int) -> None:
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.environ |= in_memory()
        os.chdir(ROOT)
        if mutant is not None:
            sys.meta_path.insert(0, _Changed(mutant))
        files = sorted({name.partition("::")[0] for name in tests})
        quiet = ("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist")
        loaded = ("-W", "ignore:Module already imported")  # before pytest could look at it
        code = pytest.main([*quiet, *loaded, "--hypothesis-seed=1", *files], plugins=[_Only(tests)])
    finally:
        os._exit(int(code))


class _Only:
    """Leaves out every test but these."""

    def __init__(self, tests: Collection[str]) -> None:
        self._place = {name: number for number, name in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid in self._place), key=self._number)

    def _number(self, item: pytest.Item) -> int:
        return self._place[item.nodeid]


class _Changed(importlib.abc.MetaPathFinder):
    """Finds the one module that is changed."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._path = str(ROOT / mutant.path)
        self._source = mutated(mutant.path, mutant.number)

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:  # noqa: ARG002
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(name, self._path, loader=_Source(name, self._path, self._source))


class _Source(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> Any:  # noqa: ARG002
        return compile(self._source, self.path, "exec", dont_inherit=True)
