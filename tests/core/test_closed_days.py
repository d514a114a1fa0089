"""Calendars that were imported: what they add to the rules of time, and until when they are known."""

from datetime import UTC, date, datetime

import pytest

from coopflow.core.closed_days import (
    CalendarKind,
    ClosedDay,
    KeptCalendar,
    coverage,
    differences,
    merged,
    place_options,
    years_text,
)
from coopflow.core.recurring_days import recurring_days
from coopflow.core.windows import Calendar
from coopflow.core.zones import zone

RULES = Calendar.default(zone("America/Chicago"))
LABOR_DAY = date(2026, 9, 7)


def kept(name: str, *years: int, kind: CalendarKind = CalendarKind.HOLIDAYS) -> KeptCalendar:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return KeptCalendar(name=name, kind=kind, years=years, source="", imported_at=at, days=0)


def test_a_day_has_the_names_of_all_the_calendars_that_close_it() -> None:
    rules = Calendar(RULES.windows, {date(2026, 12, 24): "", LABOR_DAY: ""}, RULES.tz)
    days = [
        ClosedDay(LABOR_DAY, "US", "Labor Day"),
        ClosedDay(LABOR_DAY, "US-TX", "Labor Day"),
        ClosedDay(LABOR_DAY, "outings", "Picnic; Race"),
        ClosedDay(date(2026, 7, 3), "US", "Independence Day (observed)"),
    ]
    found = merged(rules, days, [])
    assert list(found.closed_days.items()) == [
        (date(2026, 7, 3), "Independence Day (observed)"),
        (LABOR_DAY, "Labor Day; Picnic; Race"),
        (date(2026, 12, 24), ""),
    ]
    assert rules.closed_days == {date(2026, 12, 24): "", LABOR_DAY: ""}


@pytest.mark.parametrize(
    ("years", "until"), [([], None), ([2027], date(2027, 12, 31)), ([2028, 2027], date(2027, 12, 31))]
)
def test_holidays_are_known_until_the_first_calendar_of_them_ends(years: list[int], until: date | None) -> None:
    assert merged(RULES, [], years).holidays_until == until


@pytest.mark.parametrize(
    ("calendars", "country", "today", "words"),
    [
        ([], None, "2026-05-01", []),
        (
            [],
            "US",
            "2026-05-01",
            ["country is US, but no public holidays have been imported; run: coopflow calendar import"],
        ),
        (
            [kept("breaks", 2026, kind=CalendarKind.OWN)],
            "US",
            "2026-12-31",
            ["country is US, but no public holidays have been imported; run: coopflow calendar import"],
        ),
        ([kept("US-TX", 2026, 2027)], "US", "2027-10-01", []),
        (
            [kept("US-TX", 2026, 2027)],
            "US",
            "2027-10-02",
            ["public holidays are known until 31 Dec 2027 only; run: coopflow calendar import --year 2028"],
        ),
        (
            [kept("US-TX", 2026)],
            "US",
            "2028-03-01",
            ["public holidays are known until 31 Dec 2026 only; run: coopflow calendar import --year 2027-2028"],
        ),
        (
            [kept("DE-BY", 2026)],
            None,
            "2027-02-01",
            [
                "public holidays of DE-BY are known until 31 Dec 2026 only; run: "
                "coopflow calendar import --country DE --subdivision BY --year 2027"
            ],
        ),
    ],
)
def test_a_person_is_told_ninety_days_before_holidays_are_known_no_more(
    calendars: list[KeptCalendar], country: str | None, today: str, words: list[str]
) -> None:
    assert coverage(calendars, country=country, subdivision="TX", today=date.fromisoformat(today)) == words


@pytest.mark.parametrize(
    ("years", "text"),
    [([], ""), ([2027], "2027"), ([2026, 2027, 2028, 2030], "2026-2028, 2030"), ([2028, 2027], "2027-2028")],
)
def test_years_in_a_row_are_written_as_a_range(years: list[int], text: str) -> None:
    assert years_text(years) == text


def test_the_options_of_a_place() -> None:
    assert (place_options("US"), place_options("US-TX")) == ("--country US", "--country US --subdivision TX")


def test_what_differs_between_two_calendars() -> None:
    one, two, three = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)
    assert differences({one: "a", two: "b"}, {two: "c", three: "d"}) == ([three], [one], [two])


@pytest.mark.parametrize(
    ("rule", "first", "days"),
    [
        ("FREQ=YEARLY", "2025-05-04", ["2025-05-04", "2026-05-04", "2027-05-04", "2028-05-04"]),
        ("FREQ=YEARLY;COUNT=2", "2025-05-04", ["2025-05-04", "2026-05-04"]),
        ("FREQ=YEARLY;UNTIL=20270504", "2025-05-04", ["2025-05-04", "2026-05-04", "2027-05-04"]),
        ("FREQ=YEARLY;UNTIL=20270504T000000Z", "2025-05-04", ["2025-05-04", "2026-05-04", "2027-05-04"]),
        ("FREQ=YEARLY;INTERVAL=2", "2024-05-04", ["2024-05-04", "2026-05-04", "2028-05-04"]),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-11-26", ["2026-11-26", "2027-11-25", "2028-11-23"]),
        ("FREQ=YEARLY", "2024-02-29", ["2024-02-29", "2028-02-29"]),
    ],
)
def test_days_that_come_back_every_year(rule: str, first: str, days: list[str]) -> None:
    found = recurring_days(rule, date.fromisoformat(first), until=date(2028, 12, 31))
    assert [str(day) for day in found] == days


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=WEEKLY", "comes back weekly; a closed day may come back every year only"),
        ("", "comes back ; a closed day|comes back"),
        ("FREQ=YEARLY;BYHOUR=9", "comes back by BYHOUR, which is not possible here"),
        ("FREQ=YEARLY;BYMONTHDAY=1", "comes back every month"),
        ("FREQ=YEARLY;UNTIL=soon", "its rule 'FREQ=YEARLY;UNTIL=soon' cannot be read"),
        ("FREQ=YEARLY;BYDAY=XX;BYMONTH=1", "cannot be read"),
    ],
)
def test_any_other_rule_is_refused(rule: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(recurring_days(rule, date(2026, 1, 1), until=date(2028, 12, 31)))
