"""The example in `examples/` is run as a newcomer runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """The `coopflow` command, wherever it is installed."""
    path = tmp_path / "coopflow"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m coopflow "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def run(command: Path, folder: Path) -> str:
    done = subprocess.run(
        ["sh", EXAMPLES / "run.sh", folder],
        env={"PATH": "/usr/bin:/bin", "COOPFLOW": str(command), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def verdicts(folder: Path) -> list[list[str]]:
    """The verdicts on the 500 predictions, without the header and the Martinez family."""
    return [line.split("\t") for line in (folder / "verdicts.tsv").read_text(encoding="utf-8").splitlines()[2:]]


def test_the_example_tells_its_story_and_starts_nothing_the_second_time(command: Path, tmp_path: Path) -> None:
    folder = tmp_path / "co-op"

    first = run(command, folder)
    assert "55 started, 446 skipped, 0 rejected" in first
    assert "42\tstarted\thigh_risk_intervention\tpredicted_probability 0.87 > 0.8 and confidence_score 82 > 80" in first
    assert "Martinez (42), enrolled" in first
    started = [row[4] for row in verdicts(folder) if row[3] == "started"]
    assert (started.count("high_risk_intervention"), started.count("medium_risk_intervention")) == (16, 38)
    assert len([row for row in verdicts(folder) if row[3] == "skipped" and row[6]]) == 446

    second = run(command, folder)
    assert "0 started, 501 skipped, 0 rejected" in second
