"""What happens in one family-month, drawn beforehand, so that a run that fails can be cut down to what matters.

An event of a plan is a moment, a kind and its arguments. Faults belong to events too: a tick that crashes at its third
commit is an event that says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from coopflow.core.durations import Duration
from coopflow.core.pressure import Cap, Limits
from tests.simulation.dice import Dice, some
from tests.simulation.grammar import touched_up, workflow
from tests.simulation.letters import BY_MAIL, BY_TEXT

MONTHS = ("2026-03-01", "2026-10-20", "2026-12-15", "2026-06-01", "2027-02-10")  # both changes of the clocks among them
DAYS = 28
LOOKED_BACK_ON = 18  # days: no rule of the grammar looks back further
GUARDED = 0.15  # of the months
PLACES = {  # zone → a phone number of it
    "America/New_York": "+12125550142",
    "America/Los_Angeles": "+12135550142",
    "Pacific/Honolulu": "+18085550142",
    "Europe/Dublin": "+35312345678",
    "Asia/Kathmandu": "+97714123456",
    "Australia/Sydney": "+61265631234",
}
CHANNELS = ("email", "sms", "http", "command")
BEST_HOURS = (9, 13, "17", 7, 20, "noon", 24)  # some are never open, some are none
NO_DATES = ("9999-12-31", "0001-01-01", "soon", "", 20260401, True, ["2026-04-01"], None)  # as they come out of lists
FAULTS = (  # what a server may do with a message
    "deferred",
    "deferred_for_hours",
    "refused",
    "refused_address",
    "refused_opted_out",
    "unavailable",
    "unknown_but_sent",
    "unknown_not_sent",
    "crash_before",
    "crash_between",
    "crash_after",
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a plan."""

    at: datetime
    kind: str
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value}" for key, value in self.given.items() if key != "data")
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {given}"


@dataclass(frozen=True, slots=True)
class Plan:
    """One family-month."""

    seed: int
    start: datetime
    families: dict[str, dict[str, Any]]
    workflows: list[dict[str, Any]]
    faults: tuple[str, ...]  # that are switched on
    fault_share: float  # of the messages
    dedupes: frozenset[str]  # channels that take the same key twice and send once
    limits: Limits
    spread: timedelta | None
    rest: timedelta | None
    guarded: bool  # nothing leaves before a person has said that it may
    happenings: tuple[Happening, ...]

    @property
    def end(self) -> datetime:
        """When the faults are over."""
        return self.start + timedelta(days=DAYS)

    def only(self, numbers: list[int] | None) -> list[Happening]:
        """The events that are left when the plan is cut down to these; None: all of them."""
        kept = range(len(self.happenings)) if numbers is None else numbers
        return [self.happenings[number] for number in kept]


def plan_of(seed: int) -> Plan:
    """The plan of a seed: always the same."""
    dice = Dice(seed)
    data, faults = dice.stream("data"), dice.stream("faults")
    start = datetime.fromisoformat(data.choice(MONTHS)).replace(hour=6, tzinfo=UTC)
    names = [f"w{number}" for number in range(data.randrange(1, 4))]
    families = {str(number): _family(data, number, start.date()) for number in range(1, data.randrange(2, 5))}
    workflows = [workflow(dice.stream("workflow", name), name, names) for name in names]
    events = [*_happenings(dice, start, list(families), names)]
    return Plan(
        seed=seed,
        start=start,
        families=families,
        workflows=workflows,
        faults=tuple(some(faults, FAULTS, share=0.5)),
        fault_share=faults.choice((0.1, 0.3, 0.6)),
        dedupes=frozenset(some(faults, CHANNELS, share=0.3)),
        limits=_limits(data),
        spread=timedelta(minutes=30) if data.random() < 0.2 else None,
        rest=timedelta(minutes=data.choice((20, 400, 1500))) if data.random() < 0.25 else None,
        guarded=dice.stream("guard").random() < GUARDED,
        happenings=tuple(sorted(events, key=lambda event: event.at)),
    )


def _limits(random: Random) -> Limits:
    if random.random() < 0.6:
        return Limits()
    per_address = Cap(2, Duration(days=3)) if random.random() < 0.5 else None  # families share numbers here
    caps = {"sms": Cap(1, Duration(days=1))}
    return Limits(per_family=Cap(3, Duration(days=7)), per_channel=caps, per_address=per_address)


def _family(random: Random, number: int, first: date) -> dict[str, Any]:
    zone = random.choice(tuple(PLACES))
    attributes = {"renewal_date": _renewal(random, first)}
    if random.random() < 0.25:
        attributes["best_contact_hour"] = random.choice(BEST_HOURS)
    return {
        "family_name": f"Family {number}",
        "email": f"family{number}@example.org" if random.random() < 0.9 else None,
        "phone": PLACES[random.choice((zone, zone, *PLACES))] if random.random() < 0.9 else None,
        "time_zone": zone,
        "attributes": attributes,
        "engagement_score": random.randrange(100),
        "withdrawal_risk": random.random(),
    }


def _renewal(random: Random, first: date) -> Any:
    """A date, now and then with a time on the family's clock or one of UTC; or something that is none."""
    if random.random() < 0.1:
        return random.choice(NO_DATES)
    day = str(first + timedelta(days=random.randrange(2, 40)))
    return f"{day}{random.choice(('', '', '', 'T09:30', ' 18:15', 'T03:00:00Z'))}"


# -- events ---------------------------------------------------------------------------------------------------------


def _happenings(dice: Dice, start: datetime, families: list[str], names: list[str]) -> Iterator[Happening]:
    people, data, faults = dice.stream("people"), dice.stream("data", "events"), dice.stream("faults", "events")
    for family in families:
        for _ in range(data.randrange(1, 4)):
            yield Happening(_moment(data, start), "predicts", {"family": family, "data": _prediction(data)})
        for kind in data.choices(_OUTSIDE, k=3):
            yield Happening(_moment(data, start), "happens", {"family": family, "kind": kind})
        for kind in data.choices(_CHANGES):
            yield Happening(_moment(data, start), *_change(data, kind, family, start.date()))
    yield from _letters(dice.stream("letters"), start)
    yield from _guard(dice.stream("guard"), start)
    yield from _keeping(dice.stream("keeping"), start, names)
    forgetting = dice.stream("people", "forgetting")
    for family in some(forgetting, families, share=0.15):
        yield Happening(_moment(forgetting, start), "forgets", {"family": family})
    for name in names:
        for family in some(data, families, share=0.6):
            yield Happening(_moment(data, start), "orders", {"family": family, "workflow": name})
        if data.random() < 0.4:
            editor = dice.stream("workflow", name, "edited")
            began = workflow(dice.stream("workflow", name), name, names)
            edited = touched_up(editor, began) if editor.random() < 0.6 else workflow(editor, name, names)
            moment = _moment(data, start)
            yield Happening(moment, "edits", {"name": name, "data": edited})
            for _ in range(editor.randrange(4)):
                later = moment + timedelta(hours=editor.choice((0, 5, 60)))
                yield Happening(later, "migrates", {"draw": editor.random()})
    for verb in people.choices(_VERBS, k=people.randrange(4, 10)):
        yield Happening(_moment(people, start), "does", {"verb": verb, "draw": people.random()})
    for _ in range(people.randrange(4, 9)):
        yield Happening(_moment(people, start), "desk", {"verb": people.choice(_DESK), "draw": people.random()})
    for kind in faults.choices(tuple(_FAULTS), k=faults.randrange(1, 7)):
        yield Happening(_moment(faults, start), kind, _FAULTS[kind](faults))


def _letters(random: Random, start: datetime) -> Iterator[Happening]:
    """What comes in, by mail and by text; what has come in once may come again."""
    for _ in range(random.randrange(6)):
        given = {"by_mail": random.choice(BY_MAIL), "by_text": random.choice(BY_TEXT), "draw": random.random()}
        first = _moment(random, start)
        yield Happening(first, "comes_in", {**given, "again": False})
        if random.random() < 0.3:
            later = first + timedelta(hours=random.choice((0, 1, 50)))
            yield Happening(later, "comes_in", {**given, "again": True})


def _guard(random: Random, start: datetime) -> Iterator[Happening]:
    """A person says that messages may leave; after other channels were set up, somebody must say so again."""
    if random.random() < GUARDED:  # the same draw as that of the plan
        yield Happening(_moment(random, start), "goes_live")
        if random.random() < 0.5:
            yield Happening(_moment(random, start), "other_channels")
            yield Happening(_moment(random, start), "goes_live")


def _keeping(random: Random, start: datetime, names: list[str]) -> Iterator[Happening]:
    """What is done to the database and to workflows as wholes."""
    for name in some(random, names, share=0.1):
        yield Happening(_moment(random, start), "disables", {"name": name})
    if random.random() < 0.1:
        yield Happening(_moment(random, start) + timedelta(days=14), "purges", {"days": LOOKED_BACK_ON})
    if random.random() < 0.12:
        backup = _moment(random, start)
        yield Happening(backup, "backs_up")
        yield Happening(backup + timedelta(hours=random.choice((1, 20, 90, 200))), "restores")
    if random.random() < 0.1:
        yield Happening(_moment(random, start), "crashes", {"at": random.randrange(12), "again": None, "adopted": True})


def _moment(random: Random, start: datetime) -> datetime:
    """Any minute of the month; by day more often than by night, as things happen."""
    day = random.randrange(DAYS)
    hour = random.randrange(10, 22) if random.random() < 0.7 else random.randrange(24)
    return start.replace(hour=0) + timedelta(days=day, hours=hour + 6, minutes=random.randrange(60))


_OUTSIDE = (
    *("email_response_received", "sms_response_received", "payment_overdue", "payment_overdue", "payment_received"),
    *("email_bounced", "sms_failed", "call_reached", "family_withdrew"),
)
_CHANGES = (
    "renews",
    "moves",
    "moves",
    "changes_address",
    "opts_out",
    "opts_in",
    "gently",
    "not_gently",
    "closes",
    "scores",
)
_VERBS = (
    *("pause", "resume", "resume", "cancel", "retry", "skip", "goto", "snooze", "run_now", "note", "rehearse"),
    *("recall", "recall_and_go_on"),
)
_DESK = ("done", "done", "done", "done", "dismiss", "reopen", "snooze", "assign")


def _prediction(random: Random) -> dict[str, Any]:
    return {
        "predicted_probability": round(random.random(), 2),
        "confidence_score": round(random.random() * 100),
        "prediction_window_days": random.choice((None, 5, 32)),
        "recommendations": random.choice(
            (
                [],
                [{"action": "call_family"}],
                [{"action": "write"}, {"action": "bake_a_cake", "reason": "they like it"}],
            )
        ),
    }


def _change(random: Random, kind: str, family: str, first: date) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {"family": family}
    match kind:
        case "moves":
            given["zone"] = random.choice(tuple(PLACES))
        case "opts_out" | "opts_in":
            given["channels"] = random.choice((["email"], ["sms"], ["email", "sms"]))
        case "gently" | "closes":
            given["days"] = random.randrange(1, 12)
        case "changes_address":
            given["phone"] = PLACES[random.choice(tuple(PLACES))]
            given["number"] = random.randrange(100, 999)
        case "renews":
            given["renewal_date"] = _renewal(random, first)
        case "scores":
            given["withdrawal_risk"] = random.random()
    return kind, given


_FAULTS = {  # what goes wrong around the ticks
    "crashes": lambda random: {"at": random.randrange(12), "again": random.choice((None, 1, 3))},
    "overlaps": lambda random: {"draw": random.random()},
    "intrudes": lambda random: {"at": random.randrange(8), "verb": random.choice(_VERBS), "draw": random.random()},
    "offline": lambda random: {"hours": random.choice((1, 5, 30, 80))},
    "doubles": lambda _: {},
    "clock": lambda random: {"hours": random.choice((-30, -2, -0.05, 0.05, 2, 23, 70))},
    "limited": lambda random: {"limit": random.randrange(1, 4)},
    "late": lambda random: {"minutes": random.randrange(2, 120)},
}
