"""Other processes for the tests of the store: real ones, as cron starts them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python program that imports coopflow; it is spoken to through its pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, *arguments: object) -> tuple[int, str]:
    """Run it to its end; answer with its exit status and all it said."""
    with start(program, *arguments) as process:
        said, complained = process.communicate(timeout=60)
    return process.returncode, said + complained


def line_from(process: subprocess.Popen[str]) -> str:
    """Wait for the next thing it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> None:
    """Let it end, and read what it left."""
    process.communicate(timeout=60)
