"""The page that says what was tried, and what came of it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coopflow import __version__
from tests.fuzz.guard import Finding

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "fuzzing.md"


@dataclass
class Tried:
    """What one target was given."""

    name: str
    by_chance: int = 0
    guided: int | None = None  # None: atheris is not installed
    findings: list[Finding] = field(default_factory=list)
    minutes: float = 0

    @property
    def row(self) -> tuple[str, ...]:
        """A line of the table."""
        guided = "–" if self.guided is None else f"{self.guided:,}"
        return self.name, f"{self.by_chance:,}", guided, f"{len(self.findings)}", f"{self.minutes:.1f}"


def page(tried: Sequence[Tried], today: str) -> str:
    """The whole page."""
    rows = "\n".join(f"| {' | '.join(one.row)} |" for one in tried)
    chance, guided = sum(one.by_chance for one in tried), sum(one.guided or 0 for one in tried)
    found, minutes = sum(len(one.findings) for one in tried), sum(one.minutes for one in tried)
    figures = {
        "run on": today,
        "coopflow": __version__,
        "Python": sys.version.split()[0],
        "cases": f"{chance + guided:,}",
        "findings": f"{found}",
        "took": f"{minutes:.0f} minutes in one process",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"{HEAD}\n| | |\n|---|---|\n{table}\n\n{TARGETS}{rows}\n\n{REST}"


HEAD = """# What nobody would write

Written by `python -m tests.fuzz --minutes 30 --page`. Everything that reads what others have written is given what
nobody would write: inputs of the corpus, changed by chance (hypothesis), and cases that are guided by the branches
that they reach (atheris, an extra: `pip install -e '.[test,fuzz]'`).
"""
TARGETS = """| target | cases by chance | guided cases | findings | minutes |
|---|---|---|---|---|
"""
REST = """## What counts as a finding

- an exception that is neither an error of coopflow's nor a sentence that coopflow itself has raised
- a sentence that cannot be printed as it is: a line end, ESC, or a mark that turns the direction of text
- more than 100 ms of the processor, best of four tries; for a whole command one second
- more than 64 MiB
- of a command: a fault, an exit code that is not documented, a traceback, ESC in what it writes

A case has at most 4,096 bytes. What was found is corrected, and the case goes into `tests/corpus/bad` or into the tests
of what was at fault; so a page with findings is one that was written before that.

## The targets

The strict reader of YAML; workflows, single steps, configuration, conditions and message templates; predictions and
events as JSONL, JSON and CSV; families; closed days as CSV and iCalendar; addresses, links and words that opt out;
phone numbers; instants, durations, windows, dates and recurrences; mails and web hooks that come in; what gateways and
Twilio answer; what a mail server says from its greeting to the end; command lines with their standard input.
"""
