"""Which tests come by which line: the tests that could notice a change, the quickest first."""

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

from tests.mutation.mutants import ROOT, modules

KEPT = ROOT / ".mutation"  # what was found out about the tests, for the next time
TESTS = (  # those that run in one process; the rest comes by these lines too, more slowly
    *("tests/core", "tests/stories", "tests/pattern", "tests/reports", "tests/inbox", "tests/intake", "tests/alerts"),
    *("tests/workflows", "tests/texts", "tests/test_config.py", "tests/test_mailing.py"),
    *(f"tests/channels/test_{name}.py" for name in ("addresses", "outbox", "redirect", "sms", "http_gateway", "web")),
    *(f"tests/channels/test_{name}.py" for name in ("smtp", "smtp_answers", "smtp_faults", "smtp_row", "command")),
    *(f"tests/cli/test_{name}.py" for name in ("ahead", "task", "trigger", "verbs", "why")),
    *(f"tests/faults/test_{name}.py" for name in ("recovery", "last_call", "post", "rounds", "resting", "overlap")),
    *(f"tests/faults/test_{name}.py" for name in ("bad_instances", "clock_faults", "holes", "template_faults")),
)


@dataclass(frozen=True)
class Covering:
    """What is known of the tests."""

    tests: Mapping[str, Mapping[int, Sequence[str]]]  # module → line → tests
    seconds: Mapping[str, float]  # that a test takes

    def of(self, path: str, line: int) -> list[str]:
        """The tests of a line, first those of files that name its module, and of these the quickest.

        What runs when a module is loaded, or in a thread of a channel, is seen by none: any test of its module may
        notice it.
        """
        lines = self.tests.get(path, {})
        found = lines.get(line) or {name for names in lines.values() for name in names}
        module = path.removesuffix(".py").replace("/", ".")
        return sorted(
            found,
            key=lambda name: (module not in _imported(name.partition("::")[0]), self.seconds.get(name, 1.0), name),
        )


def covering(*, anew: bool = False) -> Covering:
    """What was found out before, or is now: that takes as long as the tests do, and as much again."""
    path = KEPT / "covering.json"
    if anew or not path.exists():
        KEPT.mkdir(exist_ok=True)
        path.write_text(json.dumps(_measured()))
    told = json.loads(path.read_text())
    tests = {module: {int(line): names for line, names in lines.items()} for module, lines in told["tests"].items()}
    return Covering(tests, told["seconds"])


@cache
def _imported(file: str) -> frozenset[str]:
    """What a file of tests imports from elsewhere: modules, and names in them."""
    path = ROOT / file
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.exists() else ()
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return frozenset(
        name for node in froms for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names))
    )


def in_memory() -> dict[str, str]:
    """Where tests keep their files: in memory if there is such a place, since they need no disk that lasts."""
    return {"TMPDIR": "/dev/shm"} if Path("/dev/shm").is_dir() else {}  # noqa: S108 - pytest makes a folder of its own


def _measured() -> dict[str, object]:
    began = time.monotonic()
    data, report = KEPT / "coverage", KEPT / "durations.xml"
    quiet = ("-q", "-p", "no:randomly", "--cov=coopflow", "--cov-context=test", "--cov-report=")
    command = (sys.executable, "-m", "pytest", *quiet, f"--junitxml={report}", *TESTS)
    environment = {**os.environ, "COVERAGE_FILE": str(data), **in_memory()}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    print(f"the tests were looked at for {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    found = CoverageData(str(data))
    found.read()
    tests = {path: _lines(found, ROOT / path) for path in modules()}
    return {"tests": tests, "seconds": _seconds(report)}


def _lines(found: CoverageData, path: Path) -> dict[int, list[str]]:
    contexts = found.contexts_by_lineno(str(path))
    return {
        line: sorted({name.rpartition("|")[0] for name in names if name.endswith("|run")})
        for line, names in contexts.items()
    }


def _seconds(report: Path) -> dict[str, float]:
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest has written it
    return {
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": float(case.get("time", 1))
        for case in cases
    }
