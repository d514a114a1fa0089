from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.instants import format_instant, parse_instant, parse_outside_instant

AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def test_an_instant_has_one_text_form():
    assert format_instant(AT) == "2026-03-02T06:00:00Z"
    assert format_instant(datetime(1, 2, 3, tzinfo=UTC)) == "0001-02-03T00:00:00Z"


@given(st.datetimes().map(lambda at: at.replace(microsecond=0, tzinfo=UTC)))
def test_what_is_written_is_read_again(at):
    again = parse_instant(format_instant(at))
    assert again == at
    assert again.tzinfo is UTC


@given(*[st.datetimes().map(lambda at: at.replace(microsecond=0, tzinfo=UTC))] * 2)
def test_instants_sort_as_text(one, other):
    assert (one < other) == (format_instant(one) < format_instant(other))


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (AT.replace(tzinfo=None), "2026-03-02T06:00:00 is not in UTC"),
        (AT.astimezone(ZoneInfo("Europe/London")), "2026-03-02T06:00:00+00:00 is not in UTC"),
        (AT.astimezone(timezone(timedelta(hours=5))), "2026-03-02T11:00:00+05:00 is not in UTC"),
        (AT.replace(microsecond=1), "2026-03-02T06:00:00.000001+00:00 is not a whole second"),
    ],
)
def test_what_would_sort_wrongly_is_not_written(at, sentence):
    with pytest.raises(ValueError, match="is not") as problem:
        format_instant(at)
    assert str(problem.value) == sentence


@pytest.mark.parametrize(
    "text",
    ["", "2026-03-02", "2026-03-02 06:00:00Z", "2026-03-02T06:00:00", "2026-03-02T06:00:00+00:00",
     "2026-W10-1T06:00:00Z", "2026-03-02T06:00Z", "2026-03-02T06:00:00.0Z", "2026-03-02t06:00:00z",
     "2026-03-02T06:00:00Z ", "٢026-03-02T06:00:00Z"],
)  # fmt: skip
def test_only_the_stored_form_is_read_from_the_store(text):
    with pytest.raises(ValueError, match="is not an instant; one looks like '2026-03-02T06:00:00Z'"):
        parse_instant(text)


def test_a_stored_instant_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'2026-02-30T06:00:00Z' is not a date and time that exists"):
        parse_instant("2026-02-30T06:00:00Z")


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T06:00:00Z", "2026-03-02T00:00:00-06:00", "2026-03-02 00:00-06:00", "2026-03-02T11:45:00+0545",
     "2026-03-02T06:00:00.987654Z", "2026-03-02T06:00:00,9Z", "2026-03-02T06:00+00", " 2026-03-02T06:00:00Z\n"],
)  # fmt: skip
def test_an_instant_from_outside_becomes_utc_in_whole_seconds(text):
    assert parse_outside_instant(text) == AT
    assert parse_outside_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "2026-03-02T06:00:00",
            "'2026-03-02T06:00:00' does not say its offset from UTC; "
            "write '2026-03-02T06:00:00Z' or '2026-03-02T06:00:00-06:00'",
        ),
        ("10", "'10' is not a date and time; write for example '2026-03-02T09:00:00-06:00'"),
        ("2026-03-02", "'2026-03-02' is not a date and time; write for example '2026-03-02T09:00:00-06:00'"),
        ("03/02/2026 9:00", "'03/02/2026 9:00' is not a date and time; write for example '2026-03-02T09:00:00-06:00'"),
        (
            "2016-12-31T23:59:60Z",
            "'2016-12-31T23:59:60Z' is a leap second, which no clock here can show; write ':59'",
        ),
        ("9999-12-31T23:59:59-14:00", "'9999-12-31T23:59:59-14:00' is not between the years 1970 and 2999"),
        ("1969-12-31T23:59:59Z", "'1969-12-31T23:59:59Z' is not between the years 1970 and 2999"),
        ("0001-01-01T00:00:00+14:00", "'0001-01-01T00:00:00+14:00' is not between the years 1970 and 2999"),
    ],
)
def test_what_is_no_instant_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=r".") as problem:
        parse_outside_instant(text)
    assert str(problem.value) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T06:00:00Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T06:60:00Z",
        "2026-03-02T06:00:61Z",
        "2026-03-02T06:00+25:00",
    ],
)
def test_a_date_and_time_that_does_not_exist_is_refused(text):
    with pytest.raises(ValueError, match="is not a date and time that exists"):
        parse_outside_instant(text)


@pytest.mark.parametrize("text", ["2038-01-19T03:14:08Z", "2100-02-28T23:59:59Z", "1970-01-01T00:00:00Z"])
def test_the_ends_of_other_clocks_are_nothing_special(text):
    assert format_instant(parse_outside_instant(text)) == text


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_a_sentence(text):
    try:
        parse_outside_instant(text)
    except ValueError as problem:
        assert "date and time" in str(problem)  # noqa: PT017 - a rare text is an instant
