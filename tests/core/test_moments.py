"""Days and times as people type them."""

import re
from datetime import time

import pytest

from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.moments import due_before, end, moment
from coopflow.core.timing import zone

TZ = zone("America/New_York")


@pytest.mark.parametrize(
    ("text", "meant", "over"),
    [
        ("2026-03-20", "2026-03-20T04:00:00Z", "2026-03-21T04:00:00Z"),
        (" 2026-03-08 ", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),  # the clocks change: the day has 23 hours
        ("2026-12-01 09:00", "2026-12-01T14:00:00Z", "2026-12-01T14:00:00Z"),
        ("2026-12-01T09:00", "2026-12-01T14:00:00Z", "2026-12-01T14:00:00Z"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ("2026-12-01 09:00+01:00", "2026-12-01T08:00:00Z", "2026-12-01T08:00:00Z"),
        ("1970-01-01", "1970-01-01T05:00:00Z", "1970-01-02T05:00:00Z"),  # the first and the last that are moments
        ("2999-12-30", "2999-12-30T05:00:00Z", "2999-12-31T05:00:00Z"),
    ],
)
def test_a_day_or_a_time_is_one_of_the_co_ops_clock(text: str, meant: str, over: str) -> None:
    assert format_instant(moment(text, tz=TZ)) == meant
    assert format_instant(end(text, tz=TZ)) == over


def test_a_day_may_mean_another_time_of_it() -> None:
    assert format_instant(moment("2026-12-01", tz=TZ, of_day=time(17))) == "2026-12-01T22:00:00Z"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tomorrow", "'tomorrow' is not a date; write for example '2026-12-01', '2026-12-01 09:00'"),
        ("1.12.2026", "'1.12.2026' is not a date"),
        ("", "'' is not a date"),
        ("2026-02-30", "'2026-02-30' is not a date that exists"),
        ("2026-12-01 25:00", "is not a date and time"),
        ("1969-12-31", "is not between the years 1970 and 2999"),
        ("3000-01-01", "is not between the years"),
    ],
)
def test_what_is_no_date_is_said_with_an_example(text: str, problem: str) -> None:
    for read in (moment, end):
        with pytest.raises(ValueError, match=re.escape(problem)):
            read(text, tz=TZ)


@pytest.mark.parametrize(
    ("due", "before"),
    [
        ("overdue", "2026-03-20T13:00:00Z"),
        ("today", "2026-03-21T04:00:00Z"),
        ("week", "2026-03-27T04:00:00Z"),
    ],
)
def test_what_is_due_by_then(due: str, before: str) -> None:
    assert format_instant(due_before(due, tz=TZ, now=parse_instant("2026-03-20T13:00:00Z"))) == before
