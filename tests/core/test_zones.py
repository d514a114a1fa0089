from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from coopflow.core.timing import instant_of, local_text, zone
from coopflow.core.zones import is_zone, next_change, zone_or


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_instant(key, wall):
    at = instant_of(datetime.fromisoformat(wall), zone(key))
    assert at.tzinfo is UTC
    return at.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


LEFT_OUT = ("Etc/", "SystemV/", "posix/", "right/")


def test_every_area_and_city_is_accepted():
    keys = [key for key in available_timezones() if "/" in key and not key.startswith(LEFT_OUT)]
    assert len(keys) > 400
    assert all(zone(key).key == key for key in keys)


@pytest.mark.parametrize(
    "key", ["UTC", "Etc/UTC", "US/Central", "America/Argentina/Buenos_Aires", "America/Port-au-Prince"]
)
def test_these_keys_are_accepted(key):
    assert zone(key).key == key


def test_a_zone_that_there_is_not_is_no_zone():
    assert is_zone("America/Chicago")
    assert not is_zone("America/Springfield")
    assert zone_or("America/Springfield", zone("UTC")) == zone_or(None, zone("UTC")) == zone("UTC")


def test_a_zone_is_looked_up_once():
    assert zone("America/Chicago") is zone("America/Chicago")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("EST", "'EST' is not a time zone (did you mean 'America/New_York'?)"),
        ("utc", "'utc' is not a time zone (did you mean 'UTC'?)"),
        ("UTC+5", "'UTC+5' is not a time zone: an offset alone does not know when the clocks change"),
        ("Etc/GMT+5", "'Etc/GMT+5' is not a time zone: an offset alone does not know when the clocks change"),
        ("CST6CDT", "'CST6CDT' is not a time zone: an offset alone does not know when the clocks change"),
        ("posixrules", "'posixrules' is not a time zone"),
        ("localtime", "'localtime' is not a time zone"),
        ("right/UTC", "'right/UTC' is not a time zone"),
        ("posix/America/Chicago", "'posix/America/Chicago' is not a time zone (did you mean 'America/Chicago'?)"),
        ("../x", "'../x' is not a time zone"),
        ("America/../Europe/Paris", "'America/../Europe/Paris' is not a time zone"),
        ("/etc/localtime", "'/etc/localtime' is not a time zone"),
        ("", "'' is not a time zone"),
        (" ", "' ' is not a time zone"),
        ("America/Chicago ", "'America/Chicago ' is not a time zone (did you mean 'America/Chicago'?)"),
        ("america/chicago", "'america/chicago' is not a time zone (did you mean 'America/Chicago'?)"),
        ("America/Chicgo", "'America/Chicgo' is not a time zone (did you mean 'America/Chicago'?)"),
        ("New York", "'New York' is not a time zone (did you mean 'America/New_York'?)"),
        ("America/Indiana", "'America/Indiana' is not a time zone"),
        ("Europe/\0", "'Europe/\\x00' is not a time zone"),
    ],
)
def test_what_is_no_zone_is_refused_with_the_one_that_was_meant(key, found):
    with pytest.raises(ValueError, match="is not a time zone") as problem:
        zone(key)
    assert str(problem.value).startswith(found)
    assert str(problem.value).endswith("; write Area/City, as in 'America/Chicago', or 'UTC'")


@pytest.mark.parametrize(
    ("key", "wall", "at"),
    [
        ("America/Chicago", "2026-07-15 09:00", "2026-07-15 14:00"),
        ("America/Chicago", "2026-03-08 02:30", "2026-03-08 08:00"),  # skipped: 03:00 is the first after it
        ("America/Chicago", "2026-03-08 02:00", "2026-03-08 08:00"),
        ("America/Chicago", "2026-03-08 03:00", "2026-03-08 08:00"),
        ("America/Chicago", "2026-11-01 01:30", "2026-11-01 06:30"),  # twice: the first
        ("America/Havana", "2024-03-10 00:00", "2024-03-10 05:00"),  # no midnight: the day begins at 01:00
        ("America/Havana", "2024-03-10 00:59", "2024-03-10 05:00"),
        ("America/Havana", "2024-11-03 00:30", "2024-11-03 04:30"),
        ("Asia/Beirut", "2024-03-31 00:00", "2024-03-30 22:00"),  # the same in Beirut
        ("Asia/Beirut", "2024-10-26 23:30", "2024-10-26 20:30"),  # midnight is set back to 23:00
        ("Africa/Cairo", "2024-04-26 00:30", "2024-04-25 22:00"),
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 10:00"),  # a day that never was
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # half an hour
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("Antarctica/Troll", "2026-03-29 01:30", "2026-03-29 01:00"),  # two hours
        ("Antarctica/Troll", "2026-03-29 02:59", "2026-03-29 01:00"),
        ("Antarctica/Troll", "2026-10-25 01:30", "2026-10-24 23:30"),
        ("Europe/Dublin", "2026-03-29 01:30", "2026-03-29 01:00"),  # its winter is the exception, not its summer
        ("Europe/Dublin", "2026-10-25 01:30", "2026-10-25 00:30"),
        ("Africa/Casablanca", "2024-03-10 02:30", "2024-03-10 01:30"),  # Ramadan begins
        ("Africa/Casablanca", "2024-04-14 02:30", "2024-04-14 02:00"),  # and ends
        ("Asia/Kathmandu", "2026-03-02 05:45", "2026-03-02 00:00"),
        ("America/St_Johns", "2006-10-29 00:00", "2006-10-29 02:30"),
        ("UTC", "2026-03-02 09:00", "2026-03-02 09:00"),
    ],
)
def test_a_wall_time_is_an_instant_skipped_the_next_twice_the_first(key, wall, at):
    assert first_instant(key, wall) == at


def test_the_second_of_two_wall_times_is_never_meant():
    wall = datetime.fromisoformat("2025-11-02 01:30").replace(fold=1)
    assert instant_of(wall, zone("America/Chicago")) == utc("2025-11-02 06:30")


def test_an_instant_is_not_taken_for_a_wall_time():
    with pytest.raises(ValueError, match="is an instant already"):
        instant_of(utc("2026-03-02 09:00"), zone("UTC"))


def test_no_change_of_the_clocks_is_found_where_there_is_none():
    begin = utc("2026-07-15 00:00")
    assert next_change(zone("America/Chicago"), begin, begin + timedelta(days=1)) == begin + timedelta(days=1)


@pytest.mark.parametrize(
    ("key", "text"),
    [("UTC", "Mon 9 Mar 14:05"), ("America/Chicago", "Mon 9 Mar 09:05"), ("Pacific/Auckland", "Tue 10 Mar 03:05")],
)
def test_an_instant_is_told_as_a_clock_on_the_wall_shows_it(key, text):
    assert local_text(utc("2026-03-09 14:05"), zone(key)) == text
