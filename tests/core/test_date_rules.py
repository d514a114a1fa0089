"""Moments that hang on a date of a family: before it, on it and after it, by the family's wall clock."""

from datetime import time

import pytest

from coopflow.core.date_rules import parse_date_rule, plain_day
from coopflow.core.instants import format_instant
from coopflow.core.timing import zone

NEW_YORK = zone("America/New_York")


@pytest.mark.parametrize(
    ("rule", "value", "moment"),
    [
        ("due_on", "2026-03-20", "2026-03-20T13:00:00Z"),
        ("due_on at 17:30", "2026-03-20", "2026-03-20T21:30:00Z"),
        ("7 days before due_on", "2026-03-12", "2026-03-05T14:00:00Z"),  # before the clocks change
        ("1 month after due_on", "2026-01-31", "2026-02-28T14:00:00Z"),
        ("36 hours before due_on", "2026-03-20", "2026-03-19T01:00:00Z"),
        ("36 hours after due_on", "2026-03-20", "2026-03-22T01:00:00Z"),
        ("1 day after due_on at 02:30", "2026-03-07", "2026-03-08T07:00:00Z"),  # a time that the clocks skip
        ("2 hours before due_on", "2026-03-20T18:00:00Z", "2026-03-20T16:00:00Z"),
    ],
)
def test_a_date_of_a_family_gives_a_moment(rule: str, value: str, moment: str) -> None:
    found = parse_date_rule(rule).moment(value, tz=NEW_YORK, default_time=time(9))
    assert format_instant(found) == moment


@pytest.mark.parametrize(
    "value",
    [
        *("2026-03-20", " 2026-03-20 ", "2026-03-20 00:00", "2026-03-20T00:00"),
        *("2026-03-20 00:00:00", "2026-03-20T00:00:00.000", "2026-03-20T00:00:00,000000"),
    ],
)
def test_a_midnight_as_spreadsheets_write_it_is_the_day(value: str) -> None:
    assert plain_day(value) == "2026-03-20"
    found = parse_date_rule("1 day before due_on").moment(value, tz=NEW_YORK, default_time=time(9))
    assert format_instant(found) == "2026-03-19T13:00:00Z"


@pytest.mark.parametrize("value", ["2026-03-20T00:01", "2026-03-20T00:00:00Z", "2026-03-20T00:00:00-04:00", "soon"])
def test_any_other_time_is_meant(value: str) -> None:
    assert plain_day(value) == value


@pytest.mark.parametrize("value", ["9999-12-31", "0001-01-01", "1969-12-31", "3000-01-01"])
@pytest.mark.parametrize("rule", ["due_on", "10 years before due_on", "10 years after due_on"])
def test_a_day_that_stands_for_none_is_refused_before_it_is_counted_with(rule: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"'{value}' is not between the years 1970 and 2999"):
        parse_date_rule(rule).moment(value, tz=NEW_YORK, default_time=time(9))


@pytest.mark.parametrize("value", ["1970-01-01", "2999-12-31"])
@pytest.mark.parametrize("rule", ["10 years before due_on", "10 years after due_on"])
def test_the_first_day_and_the_last_are_counted_with(rule: str, value: str) -> None:
    assert parse_date_rule(rule).moment(value, tz=NEW_YORK, default_time=time(9)).year in (1960, 1980, 2989, 3009)


def test_a_day_has_twenty_four_hours_of_sixty_minutes() -> None:
    assert parse_date_rule("due_on at 23:59").at == time(23, 59)
    for time_of_day in ("24:00", "23:60"):
        with pytest.raises(ValueError, match=f"{time_of_day} is not a time of day"):
            parse_date_rule(f"due_on at {time_of_day}")
