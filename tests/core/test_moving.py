"""How far messages to many are spread: by whole minutes, over what is open, and no farther."""

from datetime import timedelta

from coopflow.core.moving import spread
from coopflow.core.timing import BUSINESS_HOURS, OpenHours, zone
from tests.world import at

OFFICE = [OpenHours((BUSINESS_HOURS,), zone("America/New_York"), {})]
KEYS = [f"key {number}" for number in range(400)]
HALF_AN_HOUR = timedelta(minutes=30)


def test_what_has_no_hours_is_spread_over_all_of_it() -> None:
    begin = at("2026-03-20 23:50")
    found = {spread(begin, (), HALF_AN_HOUR, key).at - begin for key in KEYS}
    assert found == {timedelta(minutes=number) for number in range(30)}


def test_what_has_hours_stays_within_its_opening() -> None:
    begin = at("2026-03-20 17:50")
    found = {spread(begin, OFFICE, HALF_AN_HOUR, key).at - begin for key in KEYS}
    assert found == {timedelta(minutes=number) for number in range(10)}


def test_the_same_key_gets_the_same() -> None:
    begin = at("2026-03-20 09:00")
    assert spread(begin, OFFICE, HALF_AN_HOUR, "key") == spread(begin, OFFICE, HALF_AN_HOUR, "key")
