"""The search for the next opening against the plainest one there is: minute by minute, over the rule as it is worded.

The oracle shares no code with what it checks. It looks at the wall clock, the days and the hours, and nothing else.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from coopflow.core.timing import NeverOpens, OpenHours, Window, is_open, next_open

ZONES = [
    "Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Chicago", "America/Havana", "America/Phoenix",
    "America/Santiago", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Amman", "Asia/Beirut",
    "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Tehran", "Atlantic/Azores", "Australia/Lord_Howe", "Europe/Berlin",
    "Europe/Dublin", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Honolulu", "Pacific/Kwajalein",
    "UTC",
]  # fmt: skip
MINUTE = timedelta(minutes=1)
HORIZON = 4 * 24 * 60  # minutes that the oracle looks ahead


@cache
def changes(key):
    """Midnights (UTC) after which the offset of the zone is another, and one ordinary day."""
    tz, found = ZoneInfo(key), [datetime(2026, 7, 15, tzinfo=UTC)]
    midnight = datetime(1990, 1, 1, tzinfo=UTC)
    while midnight.year < 2040:
        following = midnight + timedelta(days=1)
        if midnight.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            found.append(midnight)
        midnight = following
    return found


@st.composite
def moments(draw):
    """A zone and an instant, mostly near a change of its clocks."""
    key = draw(st.sampled_from(ZONES))
    near = draw(st.sampled_from(changes(key)))
    return ZoneInfo(key), near + timedelta(seconds=draw(st.integers(-36 * 3600, 48 * 3600)))


NO_RESUME = st.none()
MINUTES = st.integers(0, 1440) | st.sampled_from([0, 1, 30, 60, 90, 120, 150, 180, 1380, 1410, 1439, 1440])


@st.composite
def hours_of_a_day(draw):
    marks = sorted(draw(st.sets(MINUTES, min_size=2, max_size=4)))
    return tuple(zip(marks[0::2], marks[1::2], strict=False))


@st.composite
def windows(draw, resume_at=NO_RESUME):
    hours, other = draw(hours_of_a_day()), draw(hours_of_a_day())
    days = tuple(draw(st.sampled_from([hours, hours, other, ()])) for _ in range(7))
    return Window(draw(st.sampled_from(["one", "two"])), days, draw(resume_at))


def is_open_in_words(at, chosen, tz, closed):
    """The rule: the wall clock shows a time within the hours of every window, on a day that is not closed."""
    local = at.astimezone(tz)
    shown = local.hour * 60 + local.minute
    if (local.year, local.month, local.day) in closed:
        return False
    return all(any(start <= shown < end for start, end in window.days[local.weekday()]) for window in chosen)


def first_open_minute(at, chosen, tz, closed):
    if is_open_in_words(at, chosen, tz, closed):
        return at
    minute = at.replace(second=0)
    for _ in range(HORIZON):
        minute += MINUTE
        if is_open_in_words(minute, chosen, tz, closed):
            return minute
    return None


def answer(at, chosen, tz, closed):
    try:
        return next_open(at, [OpenHours(tuple(chosen), tz, {date(*day): "" for day in closed})])
    except NeverOpens:
        return None


def closed_near(at, numbers):
    days = [at.date() + timedelta(days=number) for number in numbers]
    return {(day.year, day.month, day.day) for day in days}


CLOSED = st.sets(st.integers(-1, 3), max_size=2)


@settings(deadline=None, max_examples=250)
@given(moments(), st.lists(windows(), min_size=1, max_size=3), CLOSED)
def test_the_answer_is_the_first_open_minute(moment, chosen, numbers):
    tz, at = moment
    closed = closed_near(at, numbers)
    expected, planned = first_open_minute(at, chosen, tz, closed), answer(at, chosen, tz, closed)
    if expected is None:
        assert planned is None or planned.at > at + HORIZON * MINUTE - MINUTE
    else:
        assert planned is not None
        assert planned.at == expected
        assert bool(planned.reasons) == (expected != at)


@settings(deadline=None, max_examples=250)
@given(moments(), st.lists(windows(st.none() | st.integers(0, 1439)), min_size=1, max_size=3), CLOSED)
def test_the_answer_is_open_not_before_and_final_and_lies_in_the_next_opening(moment, chosen, numbers):
    tz, at = moment
    closed = closed_near(at, numbers)
    planned = answer(at, chosen, tz, closed)
    assume(planned is not None)
    assert planned.at >= at
    assert is_open_in_words(planned.at, chosen, tz, closed)
    assert answer(planned.at, chosen, tz, closed).at == planned.at
    assume(planned.at < at + HORIZON * MINUTE)
    minute = first_open_minute(at, chosen, tz, closed)
    while (
        minute < planned.at
    ):  # it may pass over the start of its opening, to `resume_at`, but over nothing that is shut
        assert is_open_in_words(minute, chosen, tz, closed)
        assert minute.astimezone(tz).date() == planned.at.astimezone(tz).date()
        minute += MINUTE


@settings(deadline=None)
@given(moments(), st.lists(windows(), min_size=1, max_size=3), CLOSED)
def test_the_question_whether_it_is_open_has_the_same_answer(moment, chosen, numbers):
    tz, at = moment
    closed = closed_near(at, numbers)
    days = {date(*day): "" for day in closed}
    whole_week = all(hours == ((0, 1440),) for window in chosen for hours in window.days)
    assume(not whole_week)
    assert is_open(at, [OpenHours(tuple(chosen), tz, days)]) == is_open_in_words(at, chosen, tz, closed)
