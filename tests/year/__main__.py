"""`python -m tests.year --families 500 --years 10`: a co-op's life, judged by its checker; it goes into the docs."""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.year.checker import faults
from tests.year.test_a_year import HOLIDAYS, lived

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "a-year.md"


def main() -> int:
    """Live the years, print what it came to, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=500)
    parser.add_argument("--years", type=int, default=1, help="10 at most: for more no holidays are known")
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        life = lived(Path(folder), families=asked.families, seed=asked.seed, years=asked.years)
        found = list(faults(life, HOLIDAYS))
        life.world.check()
        life.world.close()
    minutes = (time.monotonic() - began) / 60
    figures = {
        "run on": f"{datetime.now(UTC):%Y-%m-%d}",
        "families": f"{asked.families}, in 10 time zones",
        "years": str(asked.years),
        "seed": str(asked.seed),
        "ticks with work": f"{life.ticks:,}",
        "messages that left": f"{len(life.sent):,}",
        "log entries": f"{life.entries():,}",
        "rules broken": str(len(found)),
        "took": f"{minutes:.0f} minutes",
    }
    rows = "\n".join(f"| {key} | {value} |" for key, value in figures.items())
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(f"{HEAD}\n| | |\n|---|---|\n{rows}\n", encoding="utf-8")
    print(rows)
    print("\n".join(found))
    return 1 if found else 0


HEAD = """# Years of a co-op

Written by `python -m tests.year --families 500 --years 10`. Families with phones, best hours and renewal dates live
through years of predictions, answers, payments, moves, times of grief, opt-outs and a server that is away for hours and
days. Four workflows write to them, two of them started by the clock. A checker that shares no code with coopflow looks
at what the gateway saw: every message inside the family's window and, for texts, inside the quiet hours of the number;
none on a holiday; never more than three in seven days; nothing to families that opted out or are treated gently; none
later than 24 hours (a text: 4). One year of 30 families is part of every test run.
"""

if __name__ == "__main__":
    sys.exit(main())
