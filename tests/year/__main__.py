"""`python -m tests.year --families 500 --years 10`: a co-op's life, judged by its checker; it goes into the docs.

After each year the page says what it has come to. With `--keep FOLDER` it can be stopped and taken up again: then the
folder holds what it takes to go on.
"""

import argparse
import pickle
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.world import World
from tests.year.checker import faults
from tests.year.life import FIRST, YEAR, Life
from tests.year.test_a_year import HOLIDAYS, begun, in_force

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "a-year.md"


def main() -> int:
    """Live the years, print what it came to, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=500)
    parser.add_argument("--years", type=int, default=1, help="10 at most: for more no holidays are known")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--keep", type=Path, help="a folder for what it takes to go on after a stop")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        life, minutes = _begun_or_taken_up(Path(folder), asked)
        found: list[str] = []
        for year in range(life.years):
            if life.now >= min(life.last, FIRST + (year + 1) * YEAR):
                continue  # lived before it was taken up again
            minutes += _lived(life, year)
            if asked.keep:
                _keep(life, minutes, asked.keep)
            found = _judged(life, f"{year + 1} of {life.years}", minutes)
        began = time.monotonic()
        life.world.check()
        found = _judged(life, str(life.years), minutes + (time.monotonic() - began) / 60)
        life.world.close()
    print("\n".join(found))
    return 1 if found else 0


def _judged(life: Life, years: str, minutes: float) -> list[str]:
    """What the checker says of all that has left so far; it goes into the page."""
    found = list(faults(life, HOLIDAYS))
    figures = {
        "run on": f"{datetime.now(UTC):%Y-%m-%d}",
        "families": f"{life.families:,}, in 11 time zones",
        "years": years,
        "seed": str(life.seed),
        "ticks with work": f"{life.ticks:,}",
        "messages that left": f"{len(life.sent):,}",
        "log entries": f"{life.entries():,}",
        "rules broken": str(len(found)),
        "took": f"{minutes:.0f} minutes",
    }
    rows = "\n".join(f"| {key} | {value} |" for key, value in figures.items())
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(f"{HEAD}\n| | |\n|---|---|\n{rows}\n", encoding="utf-8")
    print(rows, flush=True)
    return found


def _begun_or_taken_up(folder: Path, asked: argparse.Namespace) -> tuple[Life, float]:
    """The life, and how many minutes it has taken so far."""
    kept = asked.keep / "life.pickle" if asked.keep else None
    if kept is None or not kept.exists():
        return begun(folder, families=asked.families, seed=asked.seed, years=asked.years), 0
    shutil.copyfile(asked.keep / "coopflow.db", folder / "coopflow.db")
    life = Life(in_force(World(folder, wires=True, again=True)), families=0, seed=asked.seed)
    remembered, minutes = pickle.loads(kept.read_bytes())  # noqa: S301 - it was written here
    life.goes_back_to(remembered)
    if (life.families, life.seed, life.years) != (asked.families, asked.seed, asked.years):
        sys.exit(f"{asked.keep} holds {life.years} years of {life.families} families from seed {life.seed}")
    return life, minutes


def _lived(life: Life, year: int) -> float:
    """One year more; how many minutes it took."""
    began = time.monotonic()
    life.goes_on(min(life.last, FIRST + (year + 1) * YEAR))
    minutes = (time.monotonic() - began) / 60
    print(f"year {year + 1}: {len(life.sent):,} messages, {minutes:.1f} minutes", flush=True)
    return minutes


def _keep(life: Life, minutes: float, folder: Path) -> None:
    """Database and memory of the same moment: the memory last, since it says that both are there."""
    folder.mkdir(exist_ok=True)
    with _replacing(folder / "coopflow.db") as database:
        shutil.copyfile(life.world.folder / "coopflow.db", database)
    with _replacing(folder / "life.pickle") as memory:
        memory.write_bytes(pickle.dumps((life.remembered(), minutes)))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    new = path.with_suffix(".new")
    yield new
    new.replace(path)


HEAD = """# Years of a co-op

Written by `python -m tests.year --families 5000 --years 10 --keep FOLDER`, which can be stopped and taken up again.
Families with phones, best hours and renewal dates live through years of predictions, answers, payments, moves, times of
grief, opt-outs and a machine that is off for hours and days; a coordinator works off the tasks. Four workflows write to
them, two of them started by the clock. A checker that shares no code with coopflow looks at what the gateway saw: every
message inside the family's window and, for texts, inside the quiet hours of the number; none on a holiday; never more
than three in seven days; nothing to families that opted out or are treated gently; none later than a day (a text: 4 h).
One year of 30 families is part of every test run.
"""

if __name__ == "__main__":
    sys.exit(main())
