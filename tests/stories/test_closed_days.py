"""Closed days that were imported: nothing leaves on them, and the reason says which day it was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from coopflow.core.closed_days import CalendarKind, KeptCalendar
from coopflow.intake.public_holidays import public_holidays
from tests.world import World, at, world

MAIL = [
    {"id": "rest", "type": "wait", "duration": "1 hour"},
    {"id": "mail", "type": "email", "template_id": "hello"},
    {"id": "done", "type": "end"},
]


@pytest.fixture
def coop(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.has_workflow("hello", MAIL)
        made.has_family("42")
        yield made


def closes(coop: World, name: str, days: dict[date, str], *years: int) -> None:
    kind = CalendarKind.HOLIDAYS if years else CalendarKind.OWN
    stamp = datetime(2026, 1, 1, tzinfo=UTC)
    kept = KeptCalendar(name=name, kind=kind, years=years, source="", imported_at=stamp, days=len(days))
    with coop.store.transaction():
        coop.store.keep_calendar(kept, days)


def planned(coop: World, instance: int) -> tuple[datetime | None, str]:
    [entry] = coop.case(instance).entries.values()
    return entry.scheduled_for, entry.reason or ""


def test_a_mail_on_the_evening_before_an_observed_holiday_leaves_on_monday(coop: World) -> None:
    """Independence Day 2026 is a Saturday: Friday 3 July is closed, and so is the weekend."""
    closes(coop, "US", dict(public_holidays("US", None, [2026]).days), 2026)
    coop.now = at("2026-07-02 18:30")
    instance = coop.start("hello", family="42")
    coop.tick()
    coop.tick("2026-07-02 19:30")

    when, reason = planned(coop, instance)
    assert when == at("2026-07-06 09:00")
    assert "Independence Day (observed)" in reason
    coop.ticks_until("2026-07-06 07:00", every=timedelta(hours=6))
    assert coop.mails() == []
    coop.tick("2026-07-06 09:00")
    assert len(coop.mails()) == 1


def test_two_weeks_of_break_are_waited_for(coop: World) -> None:
    first = date(2026, 12, 21)
    closes(coop, "breaks", {first + timedelta(number): "Winter break" for number in range(12)})
    coop.now = at("2026-12-18 18:30")
    instance = coop.start("hello", family="42")
    coop.tick()
    coop.tick("2026-12-18 19:30")

    when, reason = planned(coop, instance)
    assert when == at("2027-01-04 09:00")
    assert "Winter break" in reason


def test_a_calendar_that_is_removed_closes_nothing(coop: World) -> None:
    closes(coop, "breaks", {date(2026, 3, 23): "Rest"})
    with coop.store.transaction():
        coop.store.remove_calendar("breaks")
    coop.now = at("2026-03-20 18:30")
    instance = coop.start("hello", family="42")
    coop.tick()
    coop.tick("2026-03-20 19:30")
    assert planned(coop, instance)[0] == at("2026-03-23 09:00")
