"""Command lines, given to coopflow in a small co-op, and what it answers: the exit code and its words."""

import contextlib
import io
import os
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from freezegun import freeze_time

from coopflow import clock
from coopflow.cli.main import run
from coopflow.core.wall_clock import Boot
from tests.world import World

NOON = "2026-03-20 13:00:00"
FILES = {
    "coopflow.yaml": "organisation: Willow Creek\ntime_zone: America/New_York\ncoordinators: {sarah: {}, mike: {}}\n",
    "bad.yaml": "organisation: 5\n",
    "empty": "",
    "text.db": "this is no database\n" * 100,
    "broken/w.yaml": "name: w\nsteps: [\n",
}


@contextlib.contextmanager
def co_op() -> Iterator[Path]:
    """A folder with a co-op: two families, an instance with a task, one that is done, one on hold."""
    before = Path.cwd()
    with TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in FILES.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        (folder / "workflows.d").mkdir()
        world = World(folder)
        world.has_workflow(
            "calls",
            [
                {"id": "call", "type": "call", "reason": "say hello", "outcomes": {"reached": "done"}},
                {"id": "done", "type": "end"},
            ],
        )
        world.has_workflow("writes", [{"id": "mail", "type": "email", "template_id": "hello"}])
        world.has_family("42")
        world.has_family("43", email=None)
        world.start("calls", family="42")
        world.start("writes", family="42")
        world.start("writes", family="43")
        world.tick()
        world.close()
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def saying(lines: list[str]) -> list[list[str]]:
    """What is said of each command line, in a co-op that none of them changes."""
    with co_op() as folder:
        return [[words.replace(str(folder), "CO-OP") for words in said(line)] for line in lines]


def said(line: str) -> list[str]:
    """The exit code, and every line of the answer's talk."""
    words, _, given = line.strip("\n").partition(" <<< ")
    arguments = shlex.split(words.encode().decode("unicode_escape") if "\\" in words else words)[1:]
    out, err = io.StringIO(), io.StringIO()
    environment = {"COOPFLOW_ACTOR": "sarah", "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    with (
        freeze_time(NOON),
        _instead(environment, given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(arguments)
    talk = [text.rstrip() for text in err.getvalue().splitlines() if text.strip()]
    return [f"exit {int(code)}", *(text for text in talk if not text.startswith(("Usage: ", "Try '")))]


@contextlib.contextmanager
def _instead(environment: dict[str, str], given: str) -> Iterator[None]:
    boot, stdin, before = clock.boot, sys.stdin, dict(os.environ)
    clock.boot = lambda: Boot("test", int(time.time()))
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8")
    os.environ.update(environment)
    try:
        yield
    finally:
        clock.boot, sys.stdin = boot, stdin
        os.environ.clear()
        os.environ.update(before)
