from datetime import UTC, date, datetime, timedelta

import pytest

from coopflow.core.durations import Duration
from coopflow.core.timing import (
    ALWAYS,
    BUSINESS_HOURS,
    TEXT_HOURS,
    Calendar,
    NeverOpens,
    OpenHours,
    Planned,
    Window,
    add,
    business_due,
    is_open,
    next_open,
    parse_window,
    plan,
    scheduled,
    zone,
)

CHICAGO = zone("America/Chicago")
CALENDAR = Calendar.default(CHICAGO)
OPEN_DAYS = {}


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(wall, tz=CHICAGO, fold=0):
    """The instant of a wall time; no code is shared with what is tested."""
    return datetime.fromisoformat(wall).replace(tzinfo=tz, fold=fold).astimezone(UTC)


def wall(instant, tz=CHICAGO):
    return instant.astimezone(tz).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def moved(text, *windows, tz=CHICAGO, closed=OPEN_DAYS, fold=0):
    return wall(next_open(at(text, tz, fold), [OpenHours(tuple(windows), tz, closed)]).at, tz)


def later(duration, text, tz=CHICAGO, calendar=CALENDAR):
    return wall(add(Duration.parse(duration), to=at(text, tz), tz=tz, calendar=calendar), tz)


FRIDAY_EVENING = [f"2026-07-17 {hour}:{minute:02}" for hour in range(18, 24) for minute in (0, 15, 30, 45)]
WEEKEND = [f"2026-07-{day} {hour:02}:{minute}" for day in (18, 19) for hour in range(24) for minute in ("00", "45")]


@pytest.mark.parametrize("text", FRIDAY_EVENING + WEEKEND)
def test_friday_evening_and_the_whole_weekend_go_to_monday_at_nine(text):
    assert moved(text, BUSINESS_HOURS) == "2026-07-20 09:00"


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("2026-07-17 17:59", "2026-07-17 17:59"),
        ("2026-07-15 08:00", "2026-07-15 08:00"),
        ("2026-07-15 07:59", "2026-07-15 09:00"),
        ("2026-07-15 00:00", "2026-07-15 09:00"),
        ("2026-07-15 18:00", "2026-07-16 09:00"),
        ("2026-07-15 23:59", "2026-07-16 09:00"),
        ("2026-12-31 18:00", "2027-01-01 09:00"),
    ],
)
def test_inside_business_hours_stays_and_outside_goes_to_nine(text, opens):
    assert moved(text, BUSINESS_HOURS) == opens


def test_a_second_before_the_end_is_open_and_the_end_is_not():
    before = at("2026-07-15 18:00") - timedelta(seconds=1)
    assert next_open(before, [OpenHours((BUSINESS_HOURS,), CHICAGO, OPEN_DAYS)]) == Planned(before, ())
    assert is_open(before, [OpenHours((BUSINESS_HOURS,), CHICAGO, OPEN_DAYS)])
    assert not is_open(at("2026-07-15 18:00"), [OpenHours((BUSINESS_HOURS,), CHICAGO, OPEN_DAYS)])


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ("2026-07-18 21:00", "2026-07-19 08:00"),
        ("2026-07-18 20:59", "2026-07-18 20:59"),
        ("2026-07-18 03:00", "2026-07-18 08:00"),
    ],
)
def test_texts_go_out_from_eight_to_nine_in_the_evening_on_every_day(text, opens):
    assert moved(text, TEXT_HOURS) == opens


def test_the_familys_clock_counts_not_the_servers():
    """Friday 19:00 in New York is 13:00 in Honolulu."""
    honolulu, new_york = zone("Pacific/Honolulu"), zone("America/New_York")
    instant = at("2026-07-17 19:00", new_york)
    assert next_open(instant, [OpenHours((BUSINESS_HOURS,), honolulu, OPEN_DAYS)]).at == instant
    assert (
        wall(next_open(instant, [OpenHours((BUSINESS_HOURS,), new_york, OPEN_DAYS)]).at, new_york) == "2026-07-20 09:00"
    )


LATE_START = parse_window("late_start", {"days": "every day", "hours": "08:30-20:00"})
BEST = parse_window("best", {"days": "tue-thu", "hours": "09:00-11:00"})
TWICE = parse_window("twice", {"days": "mon-fri", "hours": ["08:00-12:00", "13:00-17:00"], "resume_at": "13:30"})
LATE_RESUME = parse_window("late_resume", {"days": "mon-fri", "hours": "08:00-18:00", "resume_at": "10:00"})


@pytest.mark.parametrize(
    ("text", "windows", "opens"),
    [
        ("2026-07-17 19:00", [BUSINESS_HOURS, TEXT_HOURS], "2026-07-20 09:00"),
        ("2026-07-17 22:00", [TEXT_HOURS, BUSINESS_HOURS], "2026-07-20 09:00"),
        ("2026-07-17 19:00", [BUSINESS_HOURS, ALWAYS], "2026-07-20 09:00"),
        ("2026-07-17 10:00", [BUSINESS_HOURS, BEST], "2026-07-21 09:00"),
        ("2026-07-20 08:10", [BUSINESS_HOURS, LATE_START], "2026-07-20 08:30"),  # business hours never shut it out
        ("2026-07-20 07:10", [BUSINESS_HOURS, LATE_START], "2026-07-20 09:00"),  # here they did
        ("2026-07-20 07:10", [BUSINESS_HOURS, LATE_RESUME], "2026-07-20 10:00"),
        ("2026-07-20 06:00", [TWICE], "2026-07-20 08:00"),  # 13:30 is not in this opening
        ("2026-07-20 12:10", [TWICE], "2026-07-20 13:30"),
        ("2026-07-20 12:10", [], "2026-07-20 12:10"),
    ],
)
def test_several_windows_must_all_be_open(text, windows, opens):
    assert moved(text, *windows) == opens


INDEPENDENCE_DAY = {date(2026, 7, 6): "Independence Day, observed"}
WINTER_BREAK = dict.fromkeys([date(2026, 12, 21) + timedelta(days=number) for number in range(14)], "Winter break")


@pytest.mark.parametrize(
    ("text", "windows", "closed", "opens"),
    [
        ("2026-07-03 19:00", [BUSINESS_HOURS], INDEPENDENCE_DAY, "2026-07-07 09:00"),
        ("2026-07-06 12:00", [BUSINESS_HOURS], INDEPENDENCE_DAY, "2026-07-07 09:00"),
        ("2026-07-06 12:00", [TEXT_HOURS], INDEPENDENCE_DAY, "2026-07-07 08:00"),
        ("2026-07-06 12:00", [ALWAYS, TEXT_HOURS], INDEPENDENCE_DAY, "2026-07-07 08:00"),
        ("2026-07-06 12:00", [ALWAYS], INDEPENDENCE_DAY, "2026-07-06 12:00"),
        ("2026-07-06 12:00", [], INDEPENDENCE_DAY, "2026-07-06 12:00"),
        ("2026-12-18 18:00", [BUSINESS_HOURS], WINTER_BREAK, "2027-01-04 09:00"),
    ],
)
def test_closed_days_are_passed_over_unless_every_window_is_always(text, windows, closed, opens):
    assert moved(text, *windows, closed=closed) == opens


def test_a_closed_day_is_a_day_of_the_familys_calendar():
    auckland = zone("Pacific/Auckland")
    instant = at("2026-07-07 09:00", auckland)  # Monday the 6th in Chicago
    assert is_open(instant, [OpenHours((BUSINESS_HOURS,), auckland, INDEPENDENCE_DAY)])
    assert not is_open(instant, [OpenHours((TEXT_HOURS,), CHICAGO, INDEPENDENCE_DAY)])


def reasons(text, *windows, closed=OPEN_DAYS):
    return next_open(at(text), [OpenHours(tuple(windows), CHICAGO, closed)]).reasons


def test_every_rule_that_moved_a_moment_is_told_in_order():
    assert reasons("2026-07-15 12:00", BUSINESS_HOURS, TEXT_HOURS) == ()
    assert reasons("2026-07-17 19:00", BUSINESS_HOURS, TEXT_HOURS) == (
        "Fri 17 Jul 19:00 is outside business_hours → Mon 20 Jul 09:00",
    )
    assert reasons("2026-07-17 22:00", BUSINESS_HOURS, TEXT_HOURS) == (
        "Fri 17 Jul 22:00 is outside business_hours and text_hours → Mon 20 Jul 09:00",
    )
    assert reasons("2026-07-06 12:00", BUSINESS_HOURS, closed=INDEPENDENCE_DAY) == (
        "Mon 6 Jul is closed (Independence Day, observed) → Tue 7 Jul 09:00",
    )
    assert reasons("2026-07-03 19:00", BUSINESS_HOURS, closed=INDEPENDENCE_DAY) == (
        "Fri 3 Jul 19:00 is outside business_hours → Mon 6 Jul 09:00",
        "Mon 6 Jul is closed (Independence Day, observed) → Tue 7 Jul 09:00",
    )
    assert reasons("2026-12-18 18:00", BUSINESS_HOURS, closed=WINTER_BREAK) == (
        "Fri 18 Dec 18:00 is outside business_hours → Mon 21 Dec 09:00",
        "Mon 21 Dec to Sun 3 Jan are closed (Winter break) → Mon 4 Jan 09:00",
    )


def test_windows_that_never_open_together_are_said_so():
    weekend = parse_window("weekend", {"days": "sat-sun", "hours": "10:00-16:00"})
    with pytest.raises(NeverOpens) as problem:
        moved("2026-07-17 19:00", BUSINESS_HOURS, weekend)
    sentence = "there is no opening of business_hours and weekend within 366 days of Fri 17 Jul 2026"
    assert str(problem.value) == sentence


def test_an_opening_is_looked_for_a_year_ahead_and_no_further():
    year = dict.fromkeys([date(2026, 7, 20) + timedelta(days=number) for number in range(364)], "")
    assert moved("2026-07-17 19:00", BUSINESS_HOURS, closed=year) == "2027-07-19 09:00"
    with pytest.raises(NeverOpens, match="no opening of business_hours within 366 days of Mon 20 Jul 2026"):
        moved(
            "2026-07-17 19:00",
            BUSINESS_HOURS,
            closed=year | dict.fromkeys([date(2027, 7, 19), date(2027, 7, 20), date(2027, 7, 21)], ""),
        )


def hours(text, days="every day", resume_at=None):
    return parse_window("hours", {"days": days, "hours": text, "resume_at": resume_at})


@pytest.mark.parametrize(
    ("key", "text", "window", "opens"),
    [
        # the clocks skip 02:00-03:00
        ("America/Chicago", "2026-03-08 01:59", hours("02:30-09:00"), "2026-03-08 03:00"),
        ("America/Chicago", "2026-03-08 01:59", hours("02:00-03:00"), "2026-03-09 02:00"),
        ("America/Chicago", "2026-03-08 00:30", hours("01:00-09:00", resume_at="02:30"), "2026-03-08 03:00"),
        ("America/Chicago", "2026-03-06 19:00", BUSINESS_HOURS, "2026-03-09 09:00"),
        ("America/Chicago", "2026-10-30 19:00", BUSINESS_HOURS, "2026-11-02 09:00"),
        # a day without a midnight begins with its first instant
        ("America/Havana", "2024-03-09 23:59", hours("00:00-08:00"), "2024-03-10 01:00"),
        ("Asia/Beirut", "2024-03-30 23:59", hours("00:00-08:00"), "2024-03-31 01:00"),
        ("Pacific/Apia", "2011-12-29 19:00", BUSINESS_HOURS, "2012-01-02 09:00"),  # Friday the 30th never was
        ("Pacific/Apia", "2011-12-29 19:00", hours("00:00-24:00", "sat"), "2011-12-31 00:00"),
        ("Australia/Lord_Howe", "2026-10-04 01:59", hours("02:15-03:00"), "2026-10-04 02:30"),
        ("Antarctica/Troll", "2026-03-29 00:30", hours("02:00-04:00"), "2026-03-29 03:00"),
        ("Europe/Dublin", "2026-03-29 00:30", hours("01:00-02:00"), "2026-03-30 01:00"),
        ("Asia/Kathmandu", "2026-07-17 18:00", BUSINESS_HOURS, "2026-07-20 09:00"),
        ("America/St_Johns", "2026-07-17 18:00", BUSINESS_HOURS, "2026-07-20 09:00"),
    ],
)
def test_an_hour_that_the_clocks_skip_does_not_open(key, text, window, opens):
    assert moved(text, window, tz=zone(key)) == opens


def test_an_hour_that_comes_twice_is_open_twice():
    early = hours("01:00-01:30")
    first, second = utc("2026-11-01 06:00"), utc("2026-11-01 07:00")
    assert next_open(utc("2026-11-01 05:59"), [OpenHours((early,), CHICAGO, OPEN_DAYS)]).at == first
    assert next_open(utc("2026-11-01 06:29"), [OpenHours((early,), CHICAGO, OPEN_DAYS)]).reasons == ()
    assert next_open(utc("2026-11-01 06:30"), [OpenHours((early,), CHICAGO, OPEN_DAYS)]).at == second
    assert wall(next_open(utc("2026-11-01 07:30"), [OpenHours((early,), CHICAGO, OPEN_DAYS)]).at) == "2026-11-02 01:00"


def test_a_midnight_that_comes_twice_begins_the_day_with_the_first():
    havana = zone("America/Havana")
    planned = next_open(at("2024-11-02 23:00", havana), [OpenHours((hours("00:00-00:30"),), havana, OPEN_DAYS)])
    assert planned.at == utc("2024-11-03 04:00")


def test_where_the_clocks_go_back_over_midnight_tomorrow_begins_before_today_has_ended():
    """In St John's 00:01 on 29 October 2006 became 23:01 on the 28th."""
    st_johns = zone("America/St_Johns")
    both = hours("00:00-00:30, 23:05-23:10")
    planned = next_open(at("2006-10-28 23:20", st_johns), [OpenHours((both,), st_johns, OPEN_DAYS)])
    assert planned.at == utc("2006-10-29 02:30")


def test_where_the_clocks_go_back_over_midnight_yesterday_comes_once_more():
    """In St John's 00:01 on 29 October 2006 became 23:01 on the 28th."""
    st_johns = zone("America/St_Johns")
    late = hours("23:30-24:00")
    again = next_open(utc("2006-10-29 02:30"), [OpenHours((late,), st_johns, OPEN_DAYS)]).at
    assert (wall(again, st_johns), again) == ("2006-10-28 23:30", utc("2006-10-29 03:00"))
    closed = {date(2006, 10, 29): ""}
    planned = next_open(utc("2006-10-29 02:30"), [OpenHours((hours("23:30-24:00, 00:00-00:30"),), st_johns, closed)])
    assert planned.at == again
    assert planned.reasons == ("Sun 29 Oct is a closed day → Sat 28 Oct 23:30",)


@pytest.mark.parametrize(
    ("start", "one_day", "day_of_hours"),
    [
        ("2026-03-07 12:00", "2026-03-08 12:00", "2026-03-08 13:00"),
        ("2026-10-31 12:00", "2026-11-01 12:00", "2026-11-01 11:00"),
        ("2026-03-07 02:30", "2026-03-08 03:00", "2026-03-08 03:30"),
        ("2026-07-15 12:00", "2026-07-16 12:00", "2026-07-16 12:00"),
    ],
)
def test_a_day_keeps_the_wall_clock_and_24_hours_elapse(start, one_day, day_of_hours):
    assert later("1 day", start) == one_day
    assert later("24 hours", start) == day_of_hours


def test_a_day_to_an_hour_that_comes_twice_is_the_first():
    assert add(Duration(days=1), to=at("2026-10-31 01:30"), tz=CHICAGO) == utc("2026-11-01 06:30")
    assert add(Duration(days=1), to=at("2026-11-01 01:30", fold=1), tz=CHICAGO) == at("2026-11-02 01:30")
    assert add(Duration(), to=utc("2026-11-01 07:30"), tz=CHICAGO) == utc("2026-11-01 07:30")


def test_days_come_before_hours():
    assert later("1 day 2 hours", "2026-03-07 01:30") == "2026-03-08 04:30"
    assert later("1 month 1 day 1 hour", "2026-01-31 09:00") == "2026-03-01 10:00"


def test_a_day_that_never_was_ends_with_its_first_instant_after():
    assert later("1 day", "2011-12-29 09:00", tz=zone("Pacific/Apia")) == "2011-12-31 00:00"
    assert later("24 hours", "2011-12-29 09:00", tz=zone("Pacific/Apia")) == "2011-12-31 09:00"


LAST_DAYS = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


def test_monthly_from_the_31st_is_the_last_day_of_each_month_for_ten_years():
    for number in range(121):
        year, month = 2026 + number // 12, number % 12 + 1
        last = 29 if month == 2 and year in (2028, 2032, 2036) else LAST_DAYS[month]
        assert later(f"{number} months", "2026-01-31 09:00") == f"{year}-{month:02}-{last} 09:00"


def test_yearly_from_29_february_is_the_28th_in_common_years():
    days = [later(f"{years} years", "2028-02-29 09:00")[5:10] for years in range(1, 9)]
    assert days == ["02-28", "02-28", "02-28", "02-29", "02-28", "02-28", "02-28", "02-29"]
    assert later("10 years", "2096-02-29 09:00") == "2106-02-28 09:00"
    assert later("4 years", "2096-02-29 09:00") == "2100-02-28 09:00"


@pytest.mark.parametrize(
    ("duration", "start", "end"),
    [
        ("1 business day", "2026-07-17 10:00", "2026-07-20 10:00"),
        ("2 business days", "2026-07-17 10:00", "2026-07-21 10:00"),
        ("1 business day", "2026-07-18 22:00", "2026-07-20 22:00"),
        ("5 business days", "2026-07-15 10:00", "2026-07-22 10:00"),
        ("1 business day", "2026-07-03 10:00", "2026-07-07 10:00"),
        ("1 day 1 business day", "2026-07-17 10:00", "2026-07-20 10:00"),
    ],
)
def test_business_days_pass_over_weekends_and_closed_days(duration, start, end):
    assert later(duration, start, calendar=Calendar(CALENDAR.windows, INDEPENDENCE_DAY, CHICAGO)) == end


def test_without_a_calendar_business_days_are_monday_to_friday():
    assert later("1 business day", "2026-07-03 10:00", calendar=None) == "2026-07-06 10:00"


def test_a_calendar_without_business_days_is_said_so():
    never = Calendar({"business_hours": Window("business_hours", ((),) * 7)}, {}, CHICAGO)
    with pytest.raises(NeverOpens, match="there is no business day within 366 days of Fri 17 Jul 2026"):
        later("1 business day", "2026-07-17 10:00", calendar=never)
    with pytest.raises(NeverOpens, match="2 business hours do not pass within 10 years of Fri 17 Jul 2026"):
        later("2 business hours", "2026-07-17 10:00", calendar=never)


def test_a_business_day_is_looked_for_a_year_ahead_to_the_day():
    wednesday = date(2026, 7, 15)

    def after_closed(days):
        closed = {wednesday + timedelta(days=number): "" for number in range(1, days + 1)}
        return later("1 business day", f"{wednesday} 10:00", calendar=Calendar(CALENDAR.windows, closed, CHICAGO))

    assert after_closed(365) == "2027-07-16 10:00"
    with pytest.raises(NeverOpens):
        after_closed(366)


def planned(delay, after, *windows, closed=OPEN_DAYS):
    calendar = Calendar(CALENDAR.windows, closed, CHICAGO)
    return plan(
        after=at(after),
        delay=Duration.parse(delay),
        hours=[OpenHours(windows, CHICAGO, closed)],
        tz=CHICAGO,
        calendar=calendar,
    )


def test_a_step_comes_after_its_delay_when_its_windows_are_open():
    assert planned("0 minutes", "2026-07-17 09:00", BUSINESS_HOURS) == Planned(at("2026-07-17 09:00"), ())
    assert planned("3 days", "2026-07-14 09:00", BUSINESS_HOURS) == Planned(at("2026-07-17 09:00"), ())
    assert planned("3 days", "2026-07-15 12:00", BUSINESS_HOURS) == Planned(
        at("2026-07-20 09:00"), ("Sat 18 Jul 12:00 is outside business_hours → Mon 20 Jul 09:00",)
    )
    assert planned("2 hours", "2026-07-03 17:00", BUSINESS_HOURS, closed=INDEPENDENCE_DAY) == Planned(
        at("2026-07-07 09:00"),
        (
            "Fri 3 Jul 19:00 is outside business_hours → Mon 6 Jul 09:00",
            "Mon 6 Jul is closed (Independence Day, observed) → Tue 7 Jul 09:00",
        ),
    )


def test_a_skipped_hour_is_a_reason_too():
    skipped = "Sun 8 Mar 02:30 does not exist there, the clocks skip it → Sun 8 Mar 03:00"
    assert planned("1 day", "2026-03-07 02:30", ALWAYS) == Planned(at("2026-03-08 03:00"), (skipped,))
    assert planned("1 day", "2026-03-07 02:30", BUSINESS_HOURS) == Planned(
        at("2026-03-09 09:00"),
        (skipped, "Sun 8 Mar 03:00 is outside business_hours → Mon 9 Mar 09:00"),
    )


@pytest.mark.parametrize(
    ("duration", "after", "due"),
    [
        ("1 business day", "2026-07-16 15:00", "2026-07-17 15:00"),
        ("1 business day", "2026-07-17 15:00", "2026-07-20 15:00"),
        ("1 business day", "2026-07-17 20:00", "2026-07-21 09:00"),
        ("1 day", "2026-07-17 15:00", "2026-07-20 09:00"),
        ("4 hours", "2026-07-17 15:00", "2026-07-20 09:00"),
        ("0 minutes", "2026-07-17 15:00", "2026-07-17 15:00"),
    ],
)
def test_a_task_is_due_within_business_hours(duration, after, due):
    instant = business_due(Duration.parse(duration), after=at(after), tz=CHICAGO, calendar=CALENDAR)
    assert wall(instant) == due


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-07-15T09:00", "2026-07-15 14:00"),
        ("2026-07-15 09:00:30", "2026-07-15 14:00:30"),
        ("2026-07-15T09:00Z", "2026-07-15 09:00"),
        ("2026-07-15T09:00-06:00", "2026-07-15 15:00"),
        ("2026-03-08T02:30", "2026-03-08 08:00"),
        ("2026-11-01T01:30", "2026-11-01 06:30"),
    ],
)
def test_a_scheduled_time_without_an_offset_is_read_on_the_familys_clock(text, instant):
    assert scheduled(text, CHICAGO) == utc(instant)


@pytest.mark.parametrize("text", ["2026-07-15", "09:00", "tomorrow", "99", "2026-02-30T09:00", "2016-12-31T23:59:60"])
def test_a_scheduled_time_that_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a date and time|is a leap second"):
        scheduled(text, CHICAGO)


def test_business_hours_pass_by_the_calendars_own_hours_and_closed_days():
    hours = parse_window("business_hours", {"days": "mon-fri", "hours": "10:00-12:00"})
    calendar = Calendar({"business_hours": hours}, {date(2026, 7, 21): "closed"}, CHICAGO)
    since = at("2026-07-20 11:00")  # a Monday: an hour is left of it, Tuesday is closed
    assert add(Duration(business_minutes=120), to=since, tz=CHICAGO, calendar=calendar) == at("2026-07-22 11:00")
    assert add(Duration(business_minutes=120), to=since, tz=CHICAGO) == at("2026-07-20 13:00")
