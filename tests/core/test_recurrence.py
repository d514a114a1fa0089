"""What comes round: by `every`, by RRULE, over clock changes, and never twice or not at all."""

import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coopflow.core.recurrence import LEEWAY, LOOKED_AT, Recurrence, next_occurrence, occurrences, parse_recurrence

NEW_YORK = ZoneInfo("America/New_York")
HAVANA = ZoneInfo("America/Havana")


def between(rule: Recurrence, first: str, last: str, tz: ZoneInfo = NEW_YORK) -> list[str]:
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=tz).astimezone(UTC) for text in (first, last))
    return [one.key for one in occurrences(rule, after=begin, until=end, tz=tz)]


@pytest.mark.parametrize(
    ("every", "found"),
    [
        ("monday 09:00", ["2026-03-09T09:00", "2026-03-16T09:00"]),
        ("Monday  9:00", ["2026-03-09T09:00", "2026-03-16T09:00"]),
        ("monday, thursday 09:00", ["2026-03-09T09:00", "2026-03-12T09:00", "2026-03-16T09:00"]),
        (
            "sat-mon 18:30",
            [
                "2026-03-07T18:30",
                "2026-03-08T18:30",
                "2026-03-09T18:30",
                "2026-03-14T18:30",
                "2026-03-15T18:30",
                "2026-03-16T18:30",
            ],
        ),
    ],
)
def test_every_names_days_and_a_time(every: str, found: list[str]) -> None:
    assert between(parse_recurrence(every=every), "2026-03-07T00:00", "2026-03-16T23:59") == found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=1", ["2026-02-01T09:00", "2026-03-01T09:00", "2026-04-01T09:00"]),
        (
            "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=17;BYMINUTE=30",
            ["2026-01-31T17:30", "2026-02-28T17:30", "2026-03-31T17:30", "2026-04-30T17:30"],
        ),
        ("FREQ=MONTHLY;BYDAY=2TU;BYHOUR=8", ["2026-02-10T08:00", "2026-03-10T08:00", "2026-04-14T08:00"]),
        ("FREQ=WEEKLY;INTERVAL=6;BYDAY=MO", ["2026-03-09T09:00", "2026-04-20T09:00"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["2026-01-31T09:00", "2026-03-31T09:00"]),
        (
            "FREQ=DAILY;BYDAY=SU;UNTIL=20260301T235900",
            ["2026-02-01T09:00", "2026-02-08T09:00", "2026-02-15T09:00", "2026-02-22T09:00", "2026-03-01T09:00"],
        ),
    ],
)
def test_a_rule_of_icalendar_is_read_on_the_wall_clock(rule: str, found: list[str]) -> None:
    assert between(parse_recurrence(rule=rule), "2026-01-30T00:00", "2026-04-30T23:59") == found


def test_a_day_has_twenty_four_hours_of_sixty_minutes() -> None:
    assert parse_recurrence(every="day 23:59").every == "day 23:59"
    for time_of_day in ("24:00", "23:60"):
        with pytest.raises(ValueError, match=f"{time_of_day} is not a time of day"):
            parse_recurrence(every=f"day {time_of_day}")


def test_intervals_count_from_the_day_that_is_named() -> None:
    rule = parse_recurrence(rule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", starting=date(2026, 3, 9))
    assert between(rule, "2026-03-01T00:00", "2026-04-10T00:00") == [
        "2026-03-09T09:00",
        "2026-03-23T09:00",
        "2026-04-06T09:00",
    ]


def test_intervals_keep_their_beat_from_whichever_week_one_looks() -> None:
    rule = parse_recurrence(rule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", starting=date(2026, 3, 9))
    assert between(rule, "2026-03-17T00:00", "2026-04-10T00:00") == ["2026-03-23T09:00", "2026-04-06T09:00"]


@pytest.mark.parametrize("freq", ["HOURLY", "DAILY"])
def test_what_is_not_counted_is_looked_for_where_it_is_asked_for_and_not_from_its_beginning(freq: str) -> None:
    rule = parse_recurrence(rule=f"FREQ={freq};BYMINUTE=0,30", starting=date(1970, 1, 1))
    began = time.process_time()
    found = next_occurrence(rule, after=datetime(2926, 3, 9, 14, tzinfo=UTC), tz=NEW_YORK)
    assert found is not None
    assert time.process_time() - began < 0.5


def test_29_february_comes_in_leap_years_only() -> None:
    rule = parse_recurrence(rule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
    assert between(rule, "2026-01-01T00:00", "2033-01-01T00:00") == ["2028-02-29T09:00", "2032-02-29T09:00"]


def test_a_time_that_the_clocks_skip_comes_at_the_first_instant_after() -> None:
    [one] = occurrences(
        parse_recurrence(every="day 02:30"),
        after=datetime(2026, 3, 8, 5, tzinfo=UTC),
        until=datetime(2026, 3, 9, 5, tzinfo=UTC),
        tz=NEW_YORK,
    )
    assert (one.key, one.at) == ("2026-03-08T02:30", datetime(2026, 3, 8, 7, tzinfo=UTC))


def test_a_midnight_that_the_clocks_skip_is_not_left_out() -> None:
    assert between(parse_recurrence(every="day 00:00"), "2026-03-07T12:00", "2026-03-09T12:00", HAVANA) == [
        "2026-03-08T00:00",
        "2026-03-09T00:00",
    ]


def test_a_time_that_the_clocks_show_twice_comes_once_at_the_first() -> None:
    [one] = occurrences(
        parse_recurrence(every="day 01:30"),
        after=datetime(2026, 11, 1, 4, tzinfo=UTC),
        until=datetime(2026, 11, 2, 4, tzinfo=UTC),
        tz=NEW_YORK,
    )
    assert (one.key, one.at) == ("2026-11-01T01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC))


def test_no_two_occurrences_come_at_one_instant() -> None:
    hourly = parse_recurrence(rule="FREQ=HOURLY")
    begin = datetime(2026, 3, 8, 5, tzinfo=UTC)
    found = occurrences(hourly, after=begin, until=begin + timedelta(hours=6), tz=NEW_YORK)
    assert len({one.at for one in found}) == len(found) == 6


def test_the_next_one_is_told_and_that_there_is_none() -> None:
    rule = parse_recurrence(rule="FREQ=DAILY;UNTIL=20260310T120000")
    at = datetime(2026, 3, 9, 14, tzinfo=UTC)
    found = next_occurrence(rule, after=at, tz=NEW_YORK)
    assert found is not None
    assert found.key == "2026-03-10T09:00"
    assert next_occurrence(rule, after=found.at, tz=NEW_YORK) is None


def test_the_next_one_is_looked_for_to_the_end_of_what_is_looked_at() -> None:
    rule = parse_recurrence(rule="FREQ=YEARLY", starting=date(2036, 3, 9))
    first = datetime(2036, 3, 9, 9, tzinfo=UTC)
    after = first - LOOKED_AT + LEEWAY
    found = next_occurrence(rule, after=after, tz=ZoneInfo("UTC"))
    assert found is not None
    assert found.at == first
    assert next_occurrence(rule, after=after - timedelta(minutes=1), tz=ZoneInfo("UTC")) is None


RULES = st.sampled_from(
    [
        parse_recurrence(every="day 02:30"),
        parse_recurrence(every="mon-fri 00:00"),
        parse_recurrence(rule="FREQ=HOURLY"),
        parse_recurrence(rule="FREQ=MONTHLY;BYMONTHDAY=-1"),
    ]
)
ZONES = st.sampled_from(["America/New_York", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"])
CUTS = st.lists(st.integers(0, 60 * 24 * 40), min_size=2, max_size=6).map(sorted)


@settings(deadline=None)
@given(rule=RULES, key=ZONES, year=st.sampled_from([2011, 2026]), month=st.sampled_from([3, 10, 12]), cuts=CUTS)
def test_pieces_of_a_span_have_together_what_the_span_has(
    rule: Recurrence, key: str, year: int, month: int, cuts: list[int]
) -> None:
    tz, begin = ZoneInfo(key), datetime(year, month, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=cut) for cut in cuts]
    pieces = [one for first, last in pairwise(moments) for one in occurrences(rule, after=first, until=last, tz=tz)]
    assert pieces == occurrences(rule, after=moments[0], until=moments[-1], tz=tz)
    assert all(first.at < second.at for first, second in pairwise(pieces))


@settings(deadline=None)
@given(rule=RULES, key=ZONES, minutes=st.integers(0, 60 * 24 * 365))
def test_the_next_one_is_the_first_of_those_after(rule: Recurrence, key: str, minutes: int) -> None:
    tz, at = ZoneInfo(key), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert (
        next_occurrence(rule, after=at, tz=tz) == occurrences(rule, after=at, until=at + timedelta(days=40), tz=tz)[0]
    )


@pytest.mark.parametrize("year", [2026, 2027])
@pytest.mark.parametrize("freq", ["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
def test_what_never_comes_round_is_refused_at_once(freq: str, year: int) -> None:
    began = time.process_time()
    with pytest.raises(ValueError, match="never comes round within ten years"):
        parse_recurrence(rule=f"FREQ={freq};BYMONTH=2;BYMONTHDAY=30", starting=date(year, 1, 1))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("year", [1999, 2024, 2031, 2095])
def test_a_rule_comes_round_from_whatever_year_it_begins(year: int) -> None:
    rule = "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"
    assert parse_recurrence(rule=rule, starting=date(year, 2, 28)).rrule == rule


def test_a_rule_that_ended_before_it_began_never_comes_round() -> None:
    with pytest.raises(ValueError, match="never comes round within ten years"):
        parse_recurrence(rule="FREQ=DAILY;UNTIL=20200101T000000")
