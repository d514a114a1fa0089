"""Kills ticks by the thousand and lets them crowd, and writes down what came of it."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from coopflow import __version__
from tests.faults.crowding import FAMILIES, TICKS, crowd
from tests.faults.killing import Toll, kill_commands, kill_senders

T = TypeVar("T")
PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "kills.md"
MEMORY = Path("/dev/shm")  # noqa: S108
ROUND = 500  # kills of one co-op; then a new one, so that the log of each stays of a size that cron would see
INSTALLED = 25  # of them started as cron does


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000, help="so many, if there is time")
    parser.add_argument("--rounds", type=int, default=20, help=f"rounds of {TICKS} ticks at once")
    parser.add_argument("--minutes", type=float, default=600, help="kill no more after so long")
    parser.add_argument("-o", "--output", type=Path, default=PAGE, help="the page that is written")
    given = parser.parse_args()
    began = time.monotonic()
    messages = in_a_folder(lambda folder: crowd(folder, given.rounds))
    print(f"{given.rounds} rounds of {TICKS} ticks: {messages:,} messages, each once", flush=True)
    tolls = {"gateway": Toll(), "command": Toll(), "installed": Toll()}
    seed = 0
    while (left := given.kills - sum(toll.kills for toll in tolls.values())) > 0:
        seconds = given.minutes * 60 - (time.monotonic() - began)
        if seconds <= 0:
            break
        seed += 1
        _one_round(tolls, min(left, ROUND), seconds, seed)
        print(", ".join(f"{name} {toll.kills:,}" for name, toll in tolls.items()), flush=True)
    minutes = (time.monotonic() - began) / 60
    given.output.write_text(_page(tolls, given.rounds, messages, minutes), encoding="utf-8")
    return 0


def _one_round(tolls: dict[str, Toll], kills: int, seconds: float, seed: int) -> None:
    """Mostly ticks that cannot dedupe, since those can go wrong."""
    installed = max(1, kills * INSTALLED // ROUND)
    commands = kills // 4
    senders = kills - commands - installed
    add(tolls["gateway"], in_a_folder(lambda folder: kill_senders(folder, senders, seed=seed, seconds=seconds * 0.7)))
    add(tolls["command"], in_a_folder(lambda folder: kill_commands(folder, commands, seed=seed, seconds=seconds * 0.2)))
    add(
        tolls["installed"],
        in_a_folder(lambda folder: kill_commands(folder, installed, seed=seed, seconds=seconds * 0.1, installed=True)),
    )


def add(total: Toll, more: Toll) -> None:
    total.kills += more.kills
    total.ticks += more.ticks
    total.messages += more.messages
    total.in_doubt += more.in_doubt


def in_a_folder(work: Callable[[Path], T]) -> T:
    folder = Path(tempfile.mkdtemp(prefix="coopflow-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        return work(folder)
    finally:
        shutil.rmtree(folder)


def _page(tolls: dict[str, Toll], rounds: int, messages: int, minutes: float) -> str:
    names = {
        "gateway": "a tick that sends to an HTTP gateway that cannot dedupe",
        "command": "`coopflow tick` with its outbox",
        "installed": "`coopflow tick`, started as cron does",
    }
    rows = "\n".join(
        f"| {names[name]} | {toll.kills:,} | {toll.ticks:,} | {toll.messages:,} | {toll.in_doubt:,} | 0 | 0 |"
        for name, toll in tolls.items()
    )
    return f"""# Kills and crowds

Ticks in processes of their own are killed (SIGKILL) at a random moment of the time that a tick takes, one after the
other. After each kill of a tick that sends to a gateway the next tick must show as in doubt exactly the messages that
were between their last call and their outcome; a person then looks at the gateway's own record. In the end that record
must show every message once. Whatever is lost, doubled or not shown ends the run with an error and without this page,
which is written by

    python -m tests.faults --kills 10000

| | |
|---|---|
| date | {datetime.now(UTC):%Y-%m-%d} |
| coopflow | {__version__} |
| Python | {sys.version.split()[0]} |
| kills | {sum(toll.kills for toll in tolls.values()):,} |
| it took | {minutes:.0f} minutes |

| what was killed | kills | came to their end | messages | in doubt, shown by the next tick | lost | doubled |
|---|---|---|---|---|---|---|
{rows}

## {TICKS} ticks at once

{rounds} rounds with {FAMILIES} messages each, all ticks in the same moment: one works, the others end in silence
with 0. {messages:,} messages left, each once.
"""


if __name__ == "__main__":
    sys.exit(main())
