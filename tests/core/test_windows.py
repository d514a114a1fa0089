from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coopflow.core.timing import ALWAYS, BUSINESS_HOURS, TEXT_HOURS, Calendar, Window, parse_window, zone
from coopflow.core.windows import parse_days

CHICAGO = zone("America/Chicago")
OFFICE = ((480, 1080),)


def days_open(window):
    return "".join("x" if hours else "." for hours in window.days)


def test_business_hours_as_people_write_them_are_the_built_in_ones():
    spec = {"days": "mon-fri", "hours": "08:00-18:00", "resume_at": "09:00"}
    assert parse_window("business_hours", spec) == BUSINESS_HOURS
    assert parse_window("text_hours", {"days": "every day", "hours": "08:00-21:00"}) == TEXT_HOURS
    assert parse_window("always", {"days": "every day", "hours": "00:00-24:00"}) == ALWAYS


@pytest.mark.parametrize(
    ("days", "pattern"),
    [
        ("mon-fri", "xxxxx.."),
        ("mon,wed,fri", "x.x.x.."),
        ("sat-sun", ".....xx"),
        ("every day", "xxxxxxx"),
        ("Every Day", "xxxxxxx"),
        ("tuesday", ".x....."),
        ("mon-wed, sat", "xxx..x."),
        ("fri-mon", "x...xxx"),
        ("mon-sun", "xxxxxxx"),
        ("Tue – Thu", ".xxx..."),
        (["mon", "wed-thu"], "x.xx..."),
    ],
)
def test_days_are_named_ranged_or_listed(days, pattern):
    assert days_open(parse_window("w", {"days": days, "hours": "08:00-18:00"})) == pattern


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (BUSINESS_HOURS, "08:00-18:00 Mon-Fri"),
        (TEXT_HOURS, "08:00-21:00"),
        (
            Window("two", (((480, 600), (720, 800)), (), ((480, 600), (720, 800)), (), (), (), ())),
            "08:00-10:00, 12:00-13:20 Mon, Wed",
        ),
        (Window("mixed", (((480, 600),), ((540, 600),), (), (), (), (), ())), "mixed"),
        (Window("never", ((),) * 7), "never"),
    ],
)
def test_hours_are_told_with_their_days_unless_they_differ(window, text):
    assert window.hours_text() == text


def test_a_week_has_seven_days():
    assert parse_days("every day") == set(range(7))


@pytest.mark.parametrize(
    ("hours", "ranges"),
    [
        ("08:00-18:00", OFFICE),
        ("8:00 – 18:00", OFFICE),
        ("20:00-24:00", ((1200, 1440),)),
        (["13:00-17:30", "08:00-12:00"], ((480, 720), (780, 1050))),
        ("08:00-12:00, 13:00-17:30", ((480, 720), (780, 1050))),
        (["08:00-12:00", "12:00-18:00"], OFFICE),
        (["20:00-24:00", "00:00-02:00"], ((0, 120), (1200, 1440))),
    ],
)
def test_hours_are_a_range_or_several(hours, ranges):
    assert parse_window("w", {"days": "mon", "hours": hours}).days[0] == ranges


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"day": "mon"}, "there is no key 'day' (did you mean 'days'?) (the keys are days, hours, resume_at)"),
        ({1: "mon"}, "there is no key 1 (the keys are days, hours, resume_at)"),
        ({"hours": None}, "hours is empty, so it would never open"),
        ({"hours": []}, "hours is empty, so it would never open"),
        ({"days": []}, "days is empty, so it would never open"),
        ({"days": 5}, 'days: 5 is not text; write for example "mon-fri", in quotes'),
        ({"days": "mondy"}, "days: 'mondy' is not a day (did you mean 'monday'?)"),
        ({"days": "werktags"}, "days: 'werktags' is not a day; write mon-fri, mon,wed,fri or every day"),
        ({"days": "mon-wed-fri"}, "days: 'mon-wed-fri' is not a day or a range of days"),
        ({"days": "mon-fri,fri"}, "days: fri is named twice"),
        ({"hours": 540}, 'hours: 540 is not text; write for example "08:00-18:00", in quotes'),
        ({"hours": "8-18"}, "hours: '8-18' is not a range; write for example \"08:00-18:00\""),
        ({"hours": "08:00-25:00"}, "hours: '25:00' is not a time of day; write for example \"09:00\""),
        ({"hours": "08:60-18:00"}, "hours: '08:60' is not a time of day; write for example \"09:00\""),
        ({"hours": "09:00-09:00"}, "hours: '09:00-09:00' has no length, so it would never open"),
        (
            {"hours": "20:00-02:00"},
            'hours: \'20:00-02:00\' runs past midnight; write two ranges, "20:00-24:00" and "00:00-02:00"',
        ),
        (
            {"hours": "20:00-00:00"},
            "hours: '20:00-00:00' runs past midnight; midnight at its end is written \"20:00-24:00\"",
        ),
        ({"hours": ["08:00-12:00", "11:00-18:00"]}, "hours: 08:00-12:00 and 11:00-18:00 overlap"),
        ({"resume_at": 540}, 'resume_at: 540 is not text; write for example "09:00", in quotes'),
        ({"resume_at": "nine"}, "resume_at: 'nine' is not a time of day; write for example \"09:00\""),
        ({"resume_at": "18:00"}, "resume_at: 18:00 is outside the hours"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_a_sentence(changes, sentence):
    spec = {"days": "mon-fri", "hours": "08:00-18:00", **changes}
    with pytest.raises(ValueError, match="window 'mornings': ") as problem:
        parse_window("mornings", spec)
    assert str(problem.value) == f"window 'mornings': {sentence}"


def test_a_window_needs_days_and_hours():
    with pytest.raises(ValueError, match="window 'w': days and hours missing; write for example days: mon-fri"):
        parse_window("w", {"resume_at": "09:00"})


JUNK = st.text(alphabet="0123456789:-, monfrisatevryd", max_size=20)


@given(
    st.dictionaries(st.sampled_from(["days", "hours", "resume_at"]), JUNK | st.integers() | st.lists(JUNK, max_size=3))
)
def test_any_specification_is_a_window_that_opens_or_a_sentence(spec):
    try:
        window = parse_window("w", spec)
    except ValueError as problem:
        assert str(problem).startswith("window 'w': ")  # noqa: PT017 - a rare one is good
    else:
        assert any(start < end for hours in window.days for start, end in hours)


@pytest.mark.parametrize(("minute", "opening"), [(479, None), (480, (480, 1080)), (1079, (480, 1080)), (1080, None)])
def test_a_range_holds_its_start_and_not_its_end(minute, opening):
    assert BUSINESS_HOURS.opening(0, minute) == opening
    assert BUSINESS_HOURS.opening(5, minute) is None


def test_the_default_calendar_has_office_hours_text_hours_and_no_closed_days():
    calendar = Calendar.default(CHICAGO)
    assert calendar.tz is CHICAGO
    assert calendar.closed_days == {}
    assert [calendar.window(name) for name in ("business_hours", "text_hours", "always")] == [
        BUSINESS_HOURS,
        TEXT_HOURS,
        ALWAYS,
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("busines_hours", "there is no window 'busines_hours' (did you mean 'business_hours'?)"),
        ("nights", "there is no window 'nights'; there are always, business_hours, text_hours"),
    ],
)
def test_an_unknown_window_is_named_with_the_known_ones(name, sentence):
    with pytest.raises(LookupError) as problem:
        Calendar.default(CHICAGO).window(name)
    assert str(problem.value) == sentence


def test_a_business_day_is_one_on_which_business_hours_open():
    saturdays = Window("business_hours", (OFFICE, (), (), (), (), OFFICE, ()))
    calendar = Calendar({"business_hours": saturdays}, {date(2026, 7, 6): ""}, CHICAGO)
    week = [date(2026, 7, day) for day in range(6, 14)]
    assert [day.day for day in week if calendar.is_business_day(day)] == [11, 13]
