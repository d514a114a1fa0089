from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.render import ago, duration, instant, moment, percent
from coopflow.render.words import day

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # Sunday, 09:00 in Chicago
CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=1), "in a moment"),
        (timedelta(seconds=60), "in 1 minute"),
        (timedelta(minutes=-59, seconds=-59), "59 minutes ago"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(hours=-23, minutes=-59), "23 hours ago"),
        (timedelta(days=1), "in 1 day"),
        (timedelta(days=-3), "3 days ago"),
        (timedelta(days=60), "in 60 days"),
        (timedelta(days=-61), "2 months ago"),
        (timedelta(days=365), "in 12 months"),
        (timedelta(days=-731), "2 years ago"),
    ],
)
def test_a_distance_is_told_in_one_unit(distance, words):
    assert ago(NOW + distance, NOW) == words


def test_days_are_those_of_the_calendar_in_the_zone():
    sunday_evening = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)  # Sunday 21:30 in Chicago
    tuesday_morning = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    assert ago(tuesday_morning, sunday_evening, CHICAGO) == "in 2 days"
    assert ago(tuesday_morning, sunday_evening) == "in 1 day"
    assert ago(datetime(2026, 11, 25, 3, 30, tzinfo=UTC), sunday_evening, CHICAGO) == "in 2 days"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), "Tue 24 Nov 09:00 (in 2 days)"),
        (datetime(2026, 11, 22, 14, 59, 30, tzinfo=UTC), "Sun 22 Nov 08:59 (just now)"),
        (datetime(2027, 1, 4, 15, 0, tzinfo=UTC), "Mon 4 Jan 2027 09:00 (in 43 days)"),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), "Sun 1 Nov 01:30 CDT (21 days ago)"),
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), "Sun 1 Nov 01:30 CST (21 days ago)"),
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), "Sun 8 Mar 03:00 (8 months ago)"),
    ],
)
def test_a_moment_is_the_time_on_the_wall_with_the_distance_beside_it(at, words):
    assert moment(at, CHICAGO, NOW) == words


def test_the_year_is_told_when_it_is_another_in_the_zone():
    new_year = datetime(2027, 1, 1, 3, 0, tzinfo=UTC)
    assert moment(new_year, CHICAGO, NOW).startswith("Thu 31 Dec 21:00 ")
    assert moment(new_year, ZoneInfo("Asia/Tokyo"), NOW).startswith("Fri 1 Jan 2027 12:00 ")


def test_a_date_has_no_time():
    assert day(date(2026, 12, 25), date(2026, 11, 22)) == "Fri 25 Dec"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "1 minute 30 seconds"),
        (timedelta(hours=36), "1 day 12 hours"),
        (timedelta(days=90), "90 days"),
        (timedelta(days=1, minutes=5), "1 day"),
        (timedelta(minutes=-5), "minus 5 minutes"),
    ],
)
def test_a_duration_has_at_most_two_units(length, words):
    assert duration(length) == words


def test_data_has_one_form_of_an_instant():
    assert instant(datetime(2026, 3, 2, 0, 0, 0, 999_999, tzinfo=CHICAGO)) == "2026-03-02T06:00:00Z"
    with pytest.raises(ValueError, match="has no time zone"):
        instant(datetime(2026, 3, 2))  # noqa: DTZ001


def test_a_share_is_shown_as_per_cent():
    assert percent(0.87) == "87 %"


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)), st.sampled_from([UTC, CHICAGO]))  # noqa: DTZ001
def test_what_lies_ahead_is_in_and_what_lies_behind_is_ago(at, zone):
    at = at.replace(tzinfo=UTC)
    words = ago(at, NOW, zone)
    assert words.startswith("in ") if at > NOW else words.endswith((" ago", "just now"))
