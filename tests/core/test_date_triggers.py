"""Which moments of a family are owed: those that have come since the last look, and of many the latest."""

from datetime import timedelta

import pytest

from coopflow.core.date_rules import parse_date_rule
from coopflow.core.date_triggers import Moment, moments_of, owed
from coopflow.core.model import Family
from coopflow.core.timing import zone
from coopflow.core.workflow import Trigger
from tests.world import at

NEW_YORK = zone("America/New_York")
NOW = at("2026-03-20 12:00")
DATE = at("2026-04-03 09:00")  # of which the moments are so long before


def a_trigger(catch_up: str) -> Trigger:
    dates = tuple(parse_date_rule(f"{length} before renewal_date") for length in ("14 days", "3 days"))
    return Trigger(type="schedule", dates=dates, catch_up=catch_up)


def moments(*minutes_ago: int) -> list[Moment]:
    return [Moment(NOW - timedelta(minutes=minutes), str(minutes), DATE) for minutes in minutes_ago]


def test_moments_of_a_family_come_at_nine_in_their_order() -> None:
    family = Family(family_id="42", family_name="Martinez", attributes={"renewal_date": "2026-04-03"})
    found, problems = moments_of(a_trigger("once"), family, NEW_YORK)
    assert [moment.at for moment in found] == [at("2026-03-20 09:00"), at("2026-03-31 09:00")]
    assert {moment.of_the_date for moment in found} == {DATE}
    assert problems == []


@pytest.mark.parametrize(
    ("catch_up", "found"),
    [
        ("none", ["60", "0"]),  # what is older than an hour was missed
        ("all", ["90", "61", "60", "0"]),
        ("once", ["0"]),
    ],
)
def test_what_has_come_since_the_last_look_is_owed(catch_up: str, found: list[str]) -> None:
    passed = moments(120, 90, 61, 60, 0, -1)
    since = NOW - timedelta(minutes=120)
    assert [moment.key for moment in owed(passed, a_trigger(catch_up), done_until=since, now=NOW)] == found
