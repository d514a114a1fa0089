"""By what it is known that the rules of time have changed."""

from datetime import timedelta

from msgspec.structs import replace

from coopflow.core.replanning import rules_of_time
from coopflow.core.windows import BUSINESS_HOURS
from tests.world import World


def test_what_decides_when_a_turn_comes_has_one_fingerprint_and_nothing_else_has_a_part_in_it(coop: World) -> None:
    before = rules_of_time(coop.coop)
    assert len(before) == 16
    others = {"organisation": "Oak Hill", "coordinators": {}, "known_events": frozenset(), "footer": "Oak Hill"}
    assert rules_of_time(replace(coop.coop, **others)) == before
    changed = {"spread": timedelta(minutes=30), "rest": timedelta(minutes=5)}
    found = {rules_of_time(replace(coop.coop, **{name: value})) for name, value in changed.items()}
    assert len(found | {before}) == 3


def test_an_hour_of_one_day_makes_another_rule_of_time(coop: World) -> None:
    longer = (((8 * 60, 19 * 60),), *BUSINESS_HOURS.days[1:])
    found = {
        rules_of_time(replace(coop.coop, calendar=replace(coop.coop.calendar, windows={"business_hours": window})))
        for window in (BUSINESS_HOURS, replace(BUSINESS_HOURS, days=longer), replace(BUSINESS_HOURS, resume_at=600))
    }
    assert len(found) == 3
