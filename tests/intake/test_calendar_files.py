"""Closed days from iCalendar files and CSV, and the public holidays of a place."""
# ruff: noqa: E501 - sentences are as long as they are

import io
from datetime import date

import pytest

from coopflow.errors import CoopflowError, Invalid
from coopflow.intake.calendar_files import MOST_BYTES, read_closed_days
from coopflow.intake.public_holidays import asked_years, public_holidays

TODAY = date(2026, 6, 1)


def read(content: str | bytes, source: str = "closed.csv") -> dict[str, str]:
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    return {str(day): name for day, name in read_closed_days(stream, source, today=TODAY).items()}


def refused(content: str | bytes, source: str = "closed.csv") -> str:
    with pytest.raises(Invalid) as problem:
        read(content, source)
    return str(problem.value)


def ics(*events: str) -> str:
    """A calendar; each event is its lines with blanks between them, written from line 3 on."""
    body = [line for event in events for line in ("BEGIN:VEVENT", *event.split("|"), "END:VEVENT")]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *body, "END:VCALENDAR", ""])


# -- CSV ----------------------------------------------------------------------------------------------------------


def test_single_days_and_ranges_of_csv() -> None:
    assert read("day,name\n2026-11-27,Day after Thanksgiving\n") == {"2026-11-27": "Day after Thanksgiving"}
    assert read("from,to,name\n2026-12-30,2027-01-02,Winter break\n2026-10-09,,\n") == {
        "2026-10-09": "",
        "2026-12-30": "Winter break",
        "2026-12-31": "Winter break",
        "2027-01-01": "Winter break",
        "2027-01-02": "Winter break",
    }


def test_what_spreadsheets_write_is_read_too() -> None:
    assert read(b'\xef\xbb\xbfname,day\r\n"Caf\xc3\xa9, closed",2026-11-27\r\n,\r\n') == {"2026-11-27": "Café, closed"}


def test_a_day_that_is_there_twice_has_both_names() -> None:
    assert read("day,name\n2026-11-27,One\n2026-11-27,Two\n2026-11-27,One\n") == {"2026-11-27": "One; Two"}


def test_hostile_names_are_data() -> None:
    assert read("day,name\n2026-11-27,=1+1\n2026-11-28,\x1b[31mred\n") == {
        "2026-11-27": "=1+1",
        "2026-11-28": "\x1b[31mred",
    }


MEND = "\nNothing was imported: mend the file and import it again."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("day,name\n27.11.2026,x\n", "closed.csv:2: field 'day': '27.11.2026' is not a day; write it as in 2026-12-21" + MEND),
        ("day,name\n2026-02-30,x\n20261127,y\n", "closed.csv:2: field 'day': '2026-02-30' is not a day; write it as in 2026-12-21\nclosed.csv:3: field 'day': '20261127' is not a day; write it as in 2026-12-21" + MEND),
        ("from,to,name\n,2026-11-27,x\n", "closed.csv:2: field 'from': it is empty; write for example 2026-12-21" + MEND),
        ("from,to,name\n2027-01-02,2026-12-21,x\n", "closed.csv:2: 2027-01-02 to 2026-12-21 ends before it begins" + MEND),
        ("from,to,name\n2026-01-01,2027-01-02,x\n", "closed.csv:2: 2026-01-01 to 2027-01-02 is longer than a year" + MEND),
        ("day,name\n0226-01-01,x\n", "closed.csv:2: 0226-01-01 is not between 2000 and 2100" + MEND),
        (f"day,name\n2026-01-01,{'x' * 201}\n", "closed.csv:2: the name has 201 characters, and at most 200 are possible" + MEND),
        ("day,name\n2026-01-01\n", "closed.csv:2: the row has another number of cells than the header: 1, not 2" + MEND),
        (b"day,name\n2026-01-01,Caf\xe9\n", "closed.csv:2: its text is not valid UTF-8, or holds a NUL" + MEND),
        ("date,name\n", "closed.csv:1: there is a column 'date'; expected the header day,name or from,to,name, or an iCalendar file (.ics)"),
        ("days,name\n", "closed.csv:1: there is a column 'days' (did you mean 'day'?); expected the header day,name or from,to,name, or an iCalendar file (.ics)"),
        ("day,to,name\n", "closed.csv:1: the columns are day, to, name; expected the header day,name or from,to,name, or an iCalendar file (.ics)"),
        ("day;name\n", "closed.csv:1: the columns are separated by semicolons; save the file with commas between them"),
        ("day,name\n", "closed.csv: there is no closed day in it; to forget a calendar: coopflow calendar remove NAME"),
        ("", "closed.csv: the file is empty; expected an iCalendar file, or CSV with the header day,name"),
        ("day,name\n".encode("utf-16"), "closed.csv: it is written in UTF-16; save it as UTF-8"),
        (b"x" * (MOST_BYTES + 1), "closed.csv: the file is larger than 1,000,000 bytes; a calendar of closed days is small"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_line(content: str | bytes, words: str) -> None:
    assert refused(content) == words


def test_too_many_days_are_refused() -> None:
    ranges = "".join(f"{year}-01-01,{year}-12-31,x\n" for year in range(2000, 2011))
    assert refused(f"from,to,name\n{ranges}") == "closed.csv: 4,018 closed days; at most 4,000 are possible"


def test_of_very_many_problems_the_first_are_told() -> None:
    lines = refused("day,name\n" + "x,y\n" * 60).splitlines()
    assert (len(lines), lines[50]) == (52, "and 10 more")


# -- iCalendar ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "days"),
    [
        ("DTSTART;VALUE=DATE:20261127|SUMMARY:Rest", {"2026-11-27": "Rest"}),
        ("DTSTART;VALUE=DATE:20261127|DTEND;VALUE=DATE:20261127", {"2026-11-27": ""}),
        ("DTSTART;VALUE=DATE:20261127|DTEND;VALUE=DATE:20261129|SUMMARY:Rest\\, please", {"2026-11-27": "Rest, please", "2026-11-28": "Rest, please"}),
        ("DTSTART;VALUE=DATE:20261127|DURATION:P2D|SUMMARY:Two\\nlines", {"2026-11-27": "Two lines", "2026-11-28": "Two lines"}),
        ("DTSTART:20261127T000000|DTEND:20261128T000000|SUMMARY:Local", {"2026-11-27": "Local"}),
        ("DTSTART;VALUE=DATE:20200704|RRULE:FREQ=YEARLY|SUMMARY:Fourth", {"2026-07-04": "Fourth", "2027-07-04": "Fourth", "2028-07-04": "Fourth"}),
        ("DTSTART;VALUE=DATE:20200704|RRULE:FREQ=YEARLY|EXDATE;VALUE=DATE:20270704|SUMMARY:Fourth", {"2026-07-04": "Fourth", "2028-07-04": "Fourth"}),
        ("DTSTART;VALUE=DATE:20261231|DTEND;VALUE=DATE:20270102|RRULE:FREQ=YEARLY;COUNT=1|SUMMARY:Turn", {"2026-12-31": "Turn", "2027-01-01": "Turn"}),
    ],
)  # fmt: skip
def test_whole_day_events(event: str, days: dict[str, str]) -> None:
    assert read(ics(event), "closed.ics") == days


def test_an_event_that_was_moved_counts_where_it_is_now() -> None:
    series = "UID:1|DTSTART;VALUE=DATE:20260704|RRULE:FREQ=YEARLY|SUMMARY:Fourth"
    moved = "UID:1|RECURRENCE-ID;VALUE=DATE:20270704|DTSTART;VALUE=DATE:20270705|SUMMARY:Fourth"
    assert list(read(ics(series, moved))) == ["2026-07-04", "2027-07-05", "2028-07-04"]


def test_what_was_cancelled_does_not_count() -> None:
    open_again = "DTSTART;VALUE=DATE:20261127|STATUS:CANCELLED"
    assert list(read(ics(open_again, "DTSTART;VALUE=DATE:20261128"))) == ["2026-11-28"]


def test_a_calendar_with_hours_in_it_is_refused_whole() -> None:
    """It is probably the calendar of what the co-op does, and its days are not closed."""
    meeting = "DTSTART:20261127T190000Z|DTEND:20261127T200000Z|SUMMARY:Board meeting"
    assert refused(ics("DTSTART;VALUE=DATE:20261128", meeting), "all.ics") == (
        "all.ics:6: the event 'Board meeting': it has hours, and a closed day is a whole day; "
        f"make it an all-day event, or take it out{MEND}"
    )


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("DTSTART;VALUE=DATE:20261301|SUMMARY:x", "DTSTART cannot be read"),
        ("SUMMARY:x", "it has no beginning (DTSTART)"),
        ("DTSTART;VALUE=DATE:20261127|DTEND;VALUE=DATE:20261120|SUMMARY:x", "it ends before it begins"),
        ("DTSTART;VALUE=DATE:20261127|DURATION:PT36H|SUMMARY:x", "it has hours"),
        ("DTSTART:20261127T000000Z|DTEND:20261128T000000Z|SUMMARY:x", "it has hours"),
        ("DTSTART;VALUE=DATE:20261127|RRULE:FREQ=WEEKLY|SUMMARY:x", "it comes back weekly"),
        ("DTSTART;VALUE=DATE:20261127|RRULE:FREQ=FOO|SUMMARY:x", "RRULE cannot be read"),
        ("DTSTART;VALUE=DATE:20261127|RDATE;VALUE=DATE:20261128|SUMMARY:x", "it comes back on a list of days"),
        ("DTSTART;VALUE=DATE:20261127|RRULE:FREQ=YEARLY|RRULE:FREQ=YEARLY;COUNT=2|SUMMARY:x", "it has two rules"),
        ("DTSTART;VALUE=DATE:20261127|rubbish|SUMMARY:x", "a line cannot be read"),
    ],
)
def test_an_event_that_is_no_closed_day_is_named_with_its_line(event: str, words: str) -> None:
    assert refused(ics(event), "closed.ics").startswith(f"closed.ics:3: the event 'x': {words}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("BEGIN:VCALENDAR\nrubbish\nEND:VCALENDAR", "closed.ics: this is not a whole iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\n", "closed.ics: the file is cut off"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\n", "closed.ics: there is no closed day in it"),
        ("day,name\n2026-11-27,x\n", "closed.ics:1: this is not an iCalendar file"),
        (b"BEGIN:VCALENDAR\nSUMMARY:Caf\xe9\n", "closed.ics:2: the text is not valid UTF-8"),
        ("BEGIN:VCALENDAR\nX:\0\n", "closed.ics:2: the text holds a NUL"),
    ],
)
def test_what_is_no_icalendar_file_is_refused(content: str | bytes, words: str) -> None:
    assert refused(content, "closed.ics").startswith(words)


def test_a_beginning_hidden_in_a_name_does_not_move_the_lines() -> None:
    event = "DTSTART;VALUE=DATE:20261127|SUMMARY:x\u2028BEGIN:VEVENT"
    assert list(read(ics(event), "closed.ics")) == ["2026-11-27"]


# -- public holidays ----------------------------------------------------------------------------------------------


def test_the_public_holidays_of_a_state_with_their_names() -> None:
    found = public_holidays("US", "TX", [2026, 2027])

    assert found.calendar == "US-TX"
    assert found.source.startswith("holidays 0.")
    assert found.days[date(2026, 7, 3)] == "Independence Day (observed)"
    assert found.days[date(2026, 3, 2)] == "Texas Independence Day"
    assert {day.year for day in found.days} == {2026, 2027}
    assert date(2026, 3, 2) not in public_holidays("US", None, [2026]).days


@pytest.mark.parametrize(("country", "subdivision", "name"), [("us", None, "US"), ("UK", None, "GB"), ("DE", "Bayern", "DE-BY"), ("US", "US-TX", "US-TX")])  # fmt: skip
def test_a_place_may_be_written_otherwise(country: str, subdivision: str | None, name: str) -> None:
    assert public_holidays(country, subdivision, [2026]).calendar == name


@pytest.mark.parametrize(
    ("country", "subdivision", "words"),
    [
        ("USA", None, "no public holidays are known for the country 'USA' (did you mean 'US'?); write its two letters, as in US"),
        ("Germany", None, "no public holidays are known for the country 'Germany' (did you mean 'DE'?); write its two letters, as in US"),
        ("Germani", None, "no public holidays are known for the country 'Germani' (did you mean 'DE'?); write its two letters, as in US"),
        ("XX", None, "no public holidays are known for the country 'XX'; write its two letters, as in US"),
        ("US", "Texs", "US has no subdivision 'Texs' (did you mean 'TX'?)"),
        ("MT", "XX", "MT has the same public holidays everywhere; leave out the subdivision 'XX'"),
    ],
)  # fmt: skip
def test_a_place_that_is_not_known_is_refused(country: str, subdivision: str | None, words: str) -> None:
    with pytest.raises(CoopflowError) as problem:
        public_holidays(country, subdivision, [2026])
    assert str(problem.value) == words


def test_a_year_without_any_holiday_is_one_of_which_nothing_is_known() -> None:
    with pytest.raises(CoopflowError, match="no public holidays of SS are known for 2005"):
        public_holidays("SS", None, [2005, 2026])


def test_all_subdivisions_are_named_where_none_is_near() -> None:
    with pytest.raises(
        CoopflowError, match=r"AU has no subdivision 'ZZ'; there are ACT, NSW, NT, QLD, SA, TAS, VIC, WA"
    ):
        public_holidays("AU", "ZZ", [2026])


@pytest.mark.parametrize(
    ("texts", "years"),
    [([], [2026, 2027]), (["2028"], [2028]), (["2027", "2026-2028"], [2026, 2027, 2028])],
)
def test_the_years_that_are_asked_for(texts: list[str], years: list[int]) -> None:
    assert asked_years(texts, today=TODAY) == years


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("27", "--year: '27' is not a year; write 2027, or 2026-2028"),
        ("2028-2026", "--year: '2028-2026' ends before it begins"),
        ("1999", "--year: '1999' is not between 2000 and 2100"),
        ("2026-2101", "--year: '2026-2101' is not between 2000 and 2100"),
        ("2026-2046", "--year: 21 years; at most 20 at once are possible"),
    ],
)
def test_other_years_are_refused(text: str, words: str) -> None:
    with pytest.raises(CoopflowError) as problem:
        asked_years([text], today=TODAY)
    assert str(problem.value) == words
