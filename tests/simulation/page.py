"""The page that says what was run, in however many goes, and what is checked."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coopflow import __version__
from tests.simulation.running import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "simulation.md"
COLUMNS = ("run on", "code", "seeds", "broken", "ticks", "commits", "messages", "crashes", "minutes")


@dataclass
class Figures:
    """What many seeds came to that were run in one go."""

    first: int
    seeds: int = 0
    failed: int = 0
    ticks: int = 0
    commits: int = 0
    messages: int = 0
    crashes: int = 0
    minutes: float = 0
    day: str = ""
    code: str = ""

    @property
    def last(self) -> int:
        """The seed that it ended with."""
        return self.first + self.seeds - 1

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.seeds += 1
        self.failed += outcome.problem is not None
        self.commits += outcome.commits
        self.messages += outcome.messages
        self.crashes += outcome.crashes
        self.ticks += outcome.ticks

    def rows(self) -> list[tuple[str, str]]:
        """As a table says it."""
        return [
            ("seeds", f"{self.seeds:,} (from {self.first})"),
            ("broken invariants", f"{self.failed:,}"),
            ("ticks that came to their end", f"{self.ticks:,}"),
            ("commits judged", f"{self.commits:,}"),
            ("messages that servers took", f"{self.messages:,}"),
            ("crashes", f"{self.crashes:,}"),
            ("took", f"{self.minutes:,.1f} minutes"),
        ]


def page(goes: Sequence[Figures]) -> str:
    """The whole page."""
    facts = "\n".join(f"| {name} | {value} |" for name, value in [("run on", goes[-1].day), *together(goes).rows()])
    lines = "\n".join(_line(go) for go in goes)
    titles = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    return f"{HEAD}\n| | |\n|---|---|\n{facts}\n\n## The goes\n\n{titles}\n{lines}\n\n{REST}"


def together(goes: Sequence[Figures]) -> Figures:
    """What all of them came to."""
    found = Figures(goes[0].first)
    for name in ("seeds", "failed", "ticks", "commits", "messages", "crashes", "minutes"):
        setattr(found, name, sum(getattr(go, name) for go in goes))
    return found


def before(first: int, text: str) -> list[Figures]:
    """The goes of a page that one from this seed on goes on with; refuses a gap and an overlap, starts anew with 1."""
    if first == 1:
        return []
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    _, _, *wanted = [cells for cells in rows if len(cells) == len(COLUMNS)] or [[], []]  # titles, and the line below
    if not wanted:
        raise SystemExit("the page tells of no goes yet: begin with seed 1")
    goes = [_go(cells) for cells in wanted]
    last = goes[-1].last
    if first != last + 1:
        raise SystemExit(
            f"the page ends with seed {last}: go on with {last + 1}, not with {first}, or start anew with 1"
        )
    return goes


def code() -> str:
    """The version that is run and, in a checkout, the commit."""
    asked = ("git", "rev-parse", "--short=10", "HEAD")
    told = subprocess.run(asked, cwd=PAGE.parent, capture_output=True, text=True, check=False)
    return f"{__version__} {told.stdout.strip()}".strip()


def _line(go: Figures) -> str:
    counts = (f"{count:,}" for count in (go.failed, go.ticks, go.commits, go.messages, go.crashes))
    return f"| {' | '.join((go.day, go.code, f'{go.first}–{go.last}', *counts, f'{go.minutes:,.1f}'))} |"


def _go(cells: Sequence[str]) -> Figures:
    day, code, seeds, *counts, minutes = (cell.strip().replace(",", "") for cell in cells)
    first, last = (int(part) for part in seeds.split("–"))
    return Figures(first, last - first + 1, *map(int, counts), float(minutes), day, code)


HEAD = """# A month of families, simulated

Written by `python -m tests.simulation --seeds 1-200000 --page`. It may be stopped after a while with `--minutes 10`,
and goes on where the page ends with a first seed that follows on the last one. One seed is one family-month: two to
four families, one to three workflows drawn from a grammar with every type of step, and all that happens to them. The
engine is the real one, on a real SQLite database in memory; time, chance and the servers are virtual. The servers keep
a truth log that the engine cannot see.
"""
REST = """## What happens in a month

- predictions (each handed in twice), replies, payments, bounces, withdrawals; opt-outs and opt-ins; times of grief;
  moves to other zones, new addresses, new scores, new dates, and dates that are none (`9999-12-31`, `soon`); best
  hours, some of which are none; closed days that come and go; families that ask to be forgotten
- mails and texts that come in, as bytes and some of them twice: answers that name the message and answers that do not,
  STOP and START, notices of absence, receipts, mails that come back for good, for now or are late, reports of gateways
- workflows that are edited a little or wholly, disabled, and migrated to while instances run; months that begin before
  anybody has said that messages may leave, and in which the channels change
- a backup that is restored up to nine days later and adopted, a database that is adopted right after a crash, a purge
- people who pause, resume, cancel, retry, skip, go to a step, snooze, run now, recall what rests, leave notes,
  rehearse; who close, dismiss, reopen, snooze and assign tasks; who settle doubts, one time in five wrongly
- servers and programs that defer, defer for hours, refuse a message, an address or a family that has opted out there,
  are away, lose the reply of what they took and of what they did not take; some take the same key twice and do it once
- ticks that come late, twice, or not for days; that die before or after any commit and at any point of a delivery,
  and die again while the next one takes up what was left; that may take up one to three instances only; two ticks at
  work at once, changing places after commits; a person who acts between two commits of a tick
- a clock that is set forward and back

## What must hold

The numbers are those of the list that the simulation was built from. After every commit: each message at most once,
and a second one from the same step only if a person had a hand in it (1); each key that a server has is on record as
under way, in doubt or accepted (2); accepted means that a server has it, or a person has said so (3); in doubt means
an open task (4); nothing is without a future (5); at the last call the instance is neither paused nor ended, the
family has not opted out, left, or asked for time (6), no window is closed and no number in its quiet hours (7),
nothing is later than it may be (8), and the address is the one of now (18); never more instances at once than allowed
(9); steps are those of the version that the instance began with (10); one cause starts a workflow once (11); no more
attempts than retries allow (12); what has ended has nothing left to do (13); the audit trail has no hole, its chain
holds, and each change of state has one entry (14); the number of the tick that leads never falls (15); the next time
is the earliest of the branches, and a turn that the rules have set is the one that a walk over the wall clocks, a
quarter of an hour at a time, comes to (16); the words that left are those on record (17); an escalated task has an
owner (20); the state is the one that the audit trail tells (27). And, beyond the list: by the servers' own record no
family gets more than the caps on messages allow (29); one prediction begins one workflow of a group (30); no
workflow begins again within its cooldown (31); an answer counts once, and what a machine writes counts as none (32); an
address from which mails have come back for good, or that has said STOP, gets none (33); nothing leaves before a person
has said that it may (34); what left before a backup was restored that knows nothing of it leaves again only if a person
had a hand in it (35); a purge takes what ended before its day (36); nothing begins a disabled workflow (37); and
the clock starts nothing once more that it had started before a backup was restored (38).

Once a day, and at the end: no reference leads nowhere and every CHECK holds (28). A rehearsal writes nothing (22); a
second tick at the same moment writes nothing but its mark (23); what was due has been tried (5); no name, address or
number of a family that was forgotten is in any byte of the database (21). In the end
everything is healed, people go home, and 14 days pass: nothing is due, nothing in doubt without a task, nothing held
without a reason, nothing starved (25).

Not looked at here, because the servers are virtual, the database is in memory and no secret is needed; other tests do:

- headers on the wire (19): `tests/channels/test_mail.py`, which reads back what a real server took
- memory, descriptors and the write-ahead log (24): `tests/faults/test_signals_and_scarcity.py`, with few of either, and
  `tests/faults/test_storage.py`, where a reader keeps the log from being emptied
- secrets (26): `tests/channels/test_canary.py`

## A seed that fails

It is cut down to the events without which it would not fail, and printed with the line that replays it: `python -m
tests.simulation --seed 8812 --plan 17,203`. The same seed gives the same head of the audit trail, whatever
PYTHONHASHSEED says. 2,000 seeds are part of every test run.
"""
