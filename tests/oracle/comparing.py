"""Both sides are asked the same questions, around every change of every clock; what they disagree on is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from tests.oracle.answers import Here, Oracle
from tests.oracle.clocks import DAY, Clock
from tests.oracle.rules import RULES, Rule
from tests.oracle.subject import Subject, zone_info

FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1970, 2101))
ORDINARY = int(datetime(2026, 7, 15, 5, tzinfo=UTC).timestamp())  # a moment without a change, for zones that know none
OTHERS = frozenset(  # where a phone number may belong
    {"America/Los_Angeles", "America/New_York", "America/St_Johns", "Asia/Tokyo", "Australia/Sydney", "Europe/London"}
)

Answerer = Callable[[Rule, ZoneInfo, ZoneInfo, int], Subject]


@dataclass(frozen=True)
class Disagreement:
    """One case in which the two sides do not say the same."""

    zone: str
    rule: str
    at: int
    expected: int | None
    found: int | str

    def __str__(self) -> str:
        times = [
            datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, int) else str(at)
            for at in (self.at, self.expected, self.found)
        ]
        return f"{self.zone}: {self.rule}: from {times[0]} expected {times[1]}, found {times[2]}"


@dataclass
class Result:
    """What came of a comparison."""

    cases: int = 0
    changes: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)

    def __add__(self, other: "Result") -> "Result":
        return Result(
            self.cases + other.cases,
            self.changes + other.changes,
            self.disagreements + other.disagreements,
        )


def compare(
    clocks: list[Clock],
    part: slice,
    *,
    seed: int,
    rules_each: int = len(RULES),
    starts: int,
    subject: Answerer = Subject,
) -> Result:
    """Compare for some of the zones: at every change so many rules, and for each of them so many moments."""
    others = [(clock, zone_info(clock)) for clock in clocks if OTHERS.intersection(clock.names)]
    result = Result()
    for number, clock in list(enumerate(clocks))[part]:
        home, random = zone_info(clock), Random(f"{seed} {clock.key}")  # noqa: S311 - a seed makes it repeatable
        for change in changes(clock):
            result.changes += 1
            other, other_zone = others[(number + result.changes) % len(others)]
            here = Here(clock, other, change)
            first = random.randrange(len(RULES))
            for rule in [RULES[(first + turn) % len(RULES)] for turn in range(rules_each)]:
                asked = subject(rule, home, other_zone, here.day)
                _ask(Oracle(here, rule), asked, _starts(rule, change, random, starts), result)
    return result


def changes(clock: Clock) -> list[int]:
    """When it changes; a moment like any other for a clock that never does."""
    return [change for change in clock.changes if FIRST <= change < LAST] or [ORDINARY]


def _starts(rule: Rule, change: int, random: Random, count: int) -> list[int]:
    """Moments around the change, to the second; for months those that come to it."""
    back = {1: 31 * DAY, 12: 365 * DAY}.get(rule.length.months, 0)
    near = [change + random.randint(-3 * DAY, 3 * DAY) for _ in range(count)]
    near[0] = change + random.choice((-DAY, -7200, -3600, -60, -1, 0, 1, 60, 3600, 7200, 12 * 3600))
    return [at - back for at in near]


def _ask(oracle: Oracle, asked: Subject, starts: list[int], result: Result) -> None:
    for at in starts:
        expected, found = oracle.answer(at), _answer(asked, at)
        result.cases += 1
        if not _agree(oracle, at, expected, found):
            result.disagreements.append(Disagreement(oracle.here.home.key, oracle.rule.name, at, expected, found))


def _answer(asked: Subject, at: int) -> int | str:
    try:
        return asked.answer(at)
    except Exception as fault:  # noqa: BLE001 - a fault is a disagreement, and is told with its moment
        return f"{type(fault).__name__}: {fault}"


def _agree(oracle: Oracle, at: int, expected: int | None, found: int | str) -> bool:
    if isinstance(found, str):
        return False
    if expected is None:  # past the end of the tables
        return found >= oracle.here.end
    if oracle.rule.question == "spread":  # any whole minute of the same opening will do
        return (found - at) % 60 == 0 and (found == at or at < found < min(expected, at + oracle.rule.length.seconds))
    return found == expected
