"""The page with the score of each module, and every change that no test has noticed."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coopflow import __version__
from tests.mutation.mutants import ROOT, Mutant
from tests.mutation.trial import Fate

PAGE = ROOT / "docs" / "evidence" / "mutation.md"
EQUIVALENT = Path(__file__).parent / "equivalent.txt"


@dataclass(frozen=True)
class Tried:
    """A change, and what became of it."""

    mutant: Mutant
    fate: Fate


def explained() -> Mapping[str, str]:
    """The changes that no test can notice → why; a line each, `name | why`."""
    lines = [line for line in EQUIVALENT.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {name.strip(): why.strip() for name, _, why in (line.rpartition(" | ") for line in lines)}


def score(tried: Sequence[Tried], known: Mapping[str, str]) -> str:
    """How many of those that a test can notice one has noticed."""
    judged = [one for one in tried if one.fate.killed or one.mutant.name not in known]
    killed = sum(one.fate.killed for one in judged)
    return f"{killed} of {len(judged)}" + (f" ({100 * killed / len(judged):.1f} %)" if judged else "")


def page(tried: Sequence[Tried], of: int, today: str) -> str:
    """The whole page."""
    known = explained()
    tried = sorted(tried, key=lambda one: (one.mutant.path, one.mutant.line))
    survived = [one for one in tried if not one.fate.killed]
    figures = {
        "run on": today,
        "coopflow": __version__,
        "Python": sys.version.split()[0],
        "changes that there are": f"{of:,}",
        "tried": f"{len(tried):,}",
        "noticed": score(tried, known),
        "no test can notice": f"{sum(one.mutant.name in known for one in survived)}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    paths = sorted({one.mutant.path for one in tried})
    scores = {path: score([one for one in tried if one.mutant.path == path], known) for path in paths}
    modules = "\n".join(f"| `{path}` | {noticed} |" for path, noticed in scores.items())
    left = [one for one in survived if one.mutant.name not in known]
    same = [one for one in survived if one.mutant.name in known]
    listed = "\n".join(f"- {_line(one.mutant)}: {one.fate}" for one in left) or "None."
    reasons = "\n".join(f"- {_line(one.mutant)}: {known[one.mutant.name]}" for one in same) or "None."
    return (
        f"{HEAD}\n| | |\n|---|---|\n{table}\n\n## By module\n\n| module | noticed |\n|---|---|\n{modules}\n\n"
        f"## Not noticed\n\n{listed}\n\n## Cannot be noticed\n\n{reasons}\n"
    )


def _line(mutant: Mutant) -> str:
    return f"`{mutant.path}:{mutant.line}` in `{mutant.within}`: `{mutant.before}` → `{mutant.after}`"


HEAD = """# Small changes to the rules

Written by `python -m tests.mutation --sample 300 --page`. One expression or statement of the rules, of the protocol by
which messages are sent, or of what takes up after a crash is turned into another that could stand there by mistake:
`<` into `<=`, `and` into `or`, a number into the next, a condition into its contrary, a statement into nothing. Then
the tests run that come by its line, those of its module first. A change that no test notices is listed; where none can,
because the program does the same with it, `tests/mutation/equivalent.txt` says why. The wording of sentences is not
changed: other tests hold it word for word. What went unnoticed has got a test since, where one can be written: the
score is that of the changes that were tried, and no estimate for the others. Runs with other seeds (`--seed 2`) add to
the page, and `--survivors` tries once more what was not noticed.
"""
