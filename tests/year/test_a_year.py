"""A year of a co-op: not one message at a wrong time, above the cap, on a holiday, or late without a person knowing.

Of more families and years it is a command of its own: `python -m tests.year --families 500 --years 10`.
"""

import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from coopflow.core.durations import Duration
from coopflow.core.model import Coop, Message
from coopflow.core.pressure import Cap, Limits
from coopflow.core.timing import Preference, parse_window
from coopflow.core.zones import zone, zone_or
from tests.world import World
from tests.year.checker import faults
from tests.year.life import DAY, FIRST, SPREAD, Life, Sent, sent_of

HOLIDAYS = {
    day: name
    for year in range(2026, 2041)
    for day, name in {
        date(year, 1, 19): "Martin Luther King Jr. Day",
        date(year, 5, 25): "Memorial Day",
        date(year, 7, 3): "Independence Day (observed)",
        date(year, 9, 7): "Labor Day",
        date(year, 11, 26): "Thanksgiving",
        **{date(year, 12, 21) + timedelta(number): "Winter break" for number in range(14)},
    }.items()
}
MESSAGES = {"hello": "---\nsubject: Hello\n---\nDear {{ family_name }}."}
ANSWERED = {"field": "email_response_received", "operator": "==", "value": True}
OUTREACH = [
    {"id": "mail", "type": "email", "template_id": "hello", "on_failure": "text"},
    {"id": "pause", "type": "wait", "duration": "3 days", "until": {"event": "email_response_received"}},
    {"id": "text", "type": "sms", "message": "Hi {{ family_name }}", "only_if": {"not": ANSWERED}},
    {"id": "call", "type": "call", "delay": "2 business days", "reason": "no answer"},
    {"id": "again", "type": "email", "template_id": "hello", "from": "start", "delay": "14 days"},
]
REMINDER = [
    {"id": "text", "type": "sms", "message": "A payment is overdue"},
    {"id": "mail", "type": "email", "template_id": "hello", "delay": "5 days"},
]
NEWS = [{"id": "mail", "type": "email", "template_id": "hello"}]
PAID = {"field": "payment_received", "operator": "==", "value": True}


@pytest.fixture(autouse=True)
def one_set_of_zone_data() -> None:
    """Commands that ran in this process may have chosen other zone data since coopflow read a zone."""
    zone.cache_clear()
    zone_or.cache_clear()
    ZoneInfo.clear_cache()


def has_workflows(world: World) -> None:
    likely = {"field": "predicted_probability", "operator": ">", "value": 0.5}
    world.has_workflow(
        "outreach",
        OUTREACH,
        messages=MESSAGES,
        priority=8,
        trigger={"type": "prediction", "conditions": likely, "cooldown": "30 days"},
        completion_criteria=ANSWERED,
        escalation={"levels": [{"after": "2 days", "assign": "director"}]},
    )
    world.has_workflow(
        "reminder",
        REMINDER,
        messages=MESSAGES,
        trigger={"type": "event", "event": "payment_overdue"},
        completion_criteria=PAID,
    )
    world.has_workflow(
        "news", NEWS, messages=MESSAGES, priority=2, trigger={"type": "schedule", "every": "monday 08:30"}
    )
    world.has_workflow(
        "renewal",
        NEWS,
        messages=MESSAGES,
        priority=6,
        trigger={"type": "schedule", "on": ["14 days before renewal_date", "3 days before renewal_date"]},
    )


def rules(world: World) -> Coop:
    """The co-op with everything that the rules of time know: holidays, best times, a spread, caps."""
    calendar = replace(world.coop.calendar, closed_days=HOLIDAYS, holidays_until=max(HOLIDAYS))
    best = Preference(parse_window("best", {"days": "tue-thu", "hours": "09:00-11:00"}), Duration(days=2))
    return replace(
        world.coop,
        calendar=calendar,
        preferred={"email": best},
        spread=SPREAD,
        limits=Limits(per_family=Cap(3, Duration(days=7)), per_channel={"sms": Cap(1, Duration(days=1))}),
    )


def lived(folder: Path, *, families: int, seed: int, years: int = 1) -> Life:
    """Some years from their first tick to their last."""
    life = begun(folder, families=families, seed=seed, years=years)
    life.goes_on()
    return life


def begun(folder: Path, *, families: int, seed: int, years: int) -> Life:
    """Some years in which nothing has happened yet."""
    world = in_force(World(folder, wires=True))
    has_workflows(world)
    life = Life(world, families=families, seed=seed, years=years)
    life.settle()
    return life


def in_force(world: World) -> World:
    """The world with its co-op's rules of time."""
    world.coop = world.store.coop = world.store.cases._coop = rules(world)
    return world


def test_a_year_of_a_co_op_breaks_no_rule(tmp_path: Path) -> None:
    life = lived(tmp_path, families=30, seed=2026)
    assert list(faults(life, HOLIDAYS)) == []
    assert len(life.sent) > 1_000
    assert {sent.channel for sent in life.sent} == {"email", "sms"}
    life.world.check()
    life.world.close()


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda sent: replace(sent, at=sent.at - timedelta(hours=9)), "came at"),
        (lambda sent: replace(sent, due=None), "was not due"),
        (lambda sent: replace(sent, due=sent.at - timedelta(days=2)), "had been due"),
    ],
)
def test_the_checker_sees_what_is_wrong(tmp_path: Path, spoil: Callable[[Sent], Sent], found: str) -> None:
    life = Life(World(tmp_path, wires=True), families=1, seed=1)
    life.settle()
    [(_, zone)] = life.zones["0"]
    noon = datetime(2026, 3, 18, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    message = Message(channel="email", to="a@example.org", text="", key="k", message_id="m", at=noon, family_id="0")
    sent = sent_of(message, noon, noon)
    life.sent = [sent]
    assert list(faults(life, HOLIDAYS)) == []
    life.sent = [spoil(sent)]
    assert found in next(iter(faults(life, HOLIDAYS)))
    life.sent = [replace(sent, at=noon + timedelta(minutes=number), message_id=str(number)) for number in range(4)]
    life.sent = [replace(one, due=one.at) for one in life.sent]
    assert ["4 messages" in fault for fault in faults(life, HOLIDAYS)] == [True]
    life.world.close()


def test_years_that_were_stopped_are_gone_on_with_as_if_they_had_not_been(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir()
    halves.mkdir()
    expected = lived(whole, families=3, seed=7)
    expected.world.close()

    first = begun(halves, families=3, seed=7, years=1)
    first.goes_on(FIRST + 100 * DAY)
    remembered = pickle.dumps(first.remembered())
    first.world.close()
    second = Life(in_force(World(halves, wires=True, again=True)), families=0, seed=0)
    second.goes_back_to(pickle.loads(remembered))  # noqa: S301 - it was written here
    second.goes_on()

    assert second.sent == expected.sent
    second.world.close()
