"""A co-op to run commands on: a configuration, a database, workflows and families, and a clock that stands still."""

import io
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from freezegun import freeze_time

from coopflow import clock
from coopflow.cli.main import run
from coopflow.core.wall_clock import Boot
from tests.world import World

NOON = "2026-03-20 13:00:00"  # UTC: Friday 09:00 on the co-op's wall clock
CONFIG = """\
organisation: Willow Creek
time_zone: America/New_York
country: US
coordinators: {sarah: {email: sarah@example.org}, mike: {}, director: {}}
events: [field_trip_booked]
"""


class Ran(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


@dataclass
class CoOp:
    """A folder with a co-op in it; `world` is the tests' own way into its database."""

    folder: Path
    world: World
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, input: str | bytes | None = None, at: str = NOON) -> Ran:  # noqa: A002
        """Run `coopflow ARGUMENTS` with this on its standard input; without any, as from cron."""
        given = input.encode() if isinstance(input, str) else input or b""
        self.capture.readouterr()
        with pytest.MonkeyPatch.context() as patch, freeze_time(at):
            patch.setattr(clock, "boot", lambda: Boot("test", int(time.time())))  # it stands still with the wall clock
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
            code = run(list(arguments))
        return Ran(int(code), *self.capture.readouterr())


@pytest.fixture
def co_op(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[CoOp]:
    """A co-op in the current directory, whose messages are written to an outbox, and Sarah at the keyboard."""
    (tmp_path / "coopflow.yaml").write_text(CONFIG)
    (tmp_path / "workflows.d").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOPFLOW_ACTOR", "sarah")
    for name in ("COOPFLOW_CONFIG", "COOPFLOW_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    world = World(tmp_path)
    yield CoOp(tmp_path, world, capsys)
    world.close()
