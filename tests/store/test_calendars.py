"""Imported calendars in the database, and how they come into the rules of time."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from coopflow.core.closed_days import CalendarKind, ClosedDay, KeptCalendar
from coopflow.core.model import Coop, Family
from coopflow.core.windows import Calendar
from coopflow.core.zones import zone
from coopflow.store.database import Database
from coopflow.store.store import Store

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CHRISTMAS, OBSERVED, BREAK = date(2026, 12, 25), date(2026, 7, 3), date(2026, 12, 21)
RULES = Calendar.default(zone("America/Chicago"))
COOP = Coop(
    organisation="Willow Creek",
    calendar=replace(RULES, closed_days={CHRISTMAS: ""}),
    coordinators={},
    known_events=frozenset(),
)
HOLIDAYS = KeptCalendar(
    name="US", kind=CalendarKind.HOLIDAYS, years=(2026, 2027), source="holidays 1.0", imported_at=NOW, days=2
)
BREAKS = KeptCalendar(name="breaks", kind=CalendarKind.OWN, years=(2026,), source="breaks.csv", imported_at=NOW, days=1)
HOLIDAY_NAMES = {CHRISTMAS: "Christmas Day", OBSERVED: "Independence Day (observed)"}


def keeps(store: Store, calendar: KeptCalendar, days: dict[date, str]) -> None:
    with store.transaction():
        store.keep_calendar(calendar, days)


def test_without_calendars_the_rules_are_the_configurations(db: Database) -> None:
    assert Store(db, COOP).coop == COOP


def test_what_is_kept_comes_back(db: Database) -> None:
    store = Store(db, COOP)
    keeps(store, HOLIDAYS, HOLIDAY_NAMES)
    keeps(store, BREAKS, {BREAK: "Winter break"})

    assert store.calendars.all() == [HOLIDAYS, BREAKS]
    assert store.calendars.find("US") == HOLIDAYS
    assert store.calendars.find("GB") is None
    assert store.calendars.days_of("US") == HOLIDAY_NAMES
    assert store.calendars.days() == [
        ClosedDay(OBSERVED, "US", "Independence Day (observed)"),
        ClosedDay(BREAK, "breaks", "Winter break"),
        ClosedDay(CHRISTMAS, "US", "Christmas Day"),
    ]


def test_a_store_knows_the_closed_days_of_the_configuration_and_of_every_calendar(
    open_it: Callable[[], Database],
) -> None:
    store = Store(open_it(), COOP)
    keeps(store, HOLIDAYS, HOLIDAY_NAMES)
    keeps(store, BREAKS, {BREAK: "Winter break"})

    for knowing in (store, Store(open_it(), COOP)):
        calendar = knowing.coop.calendar
        assert calendar.closed_days == {**HOLIDAY_NAMES, BREAK: "Winter break"}
        assert calendar.holidays_until == date(2027, 12, 31)
    assert COOP.calendar.closed_days == {CHRISTMAS: ""}


def test_an_own_calendar_alone_says_nothing_of_holidays(db: Database) -> None:
    store = Store(db, COOP)
    keeps(store, BREAKS, {BREAK: "Winter break"})
    assert store.coop.calendar.holidays_until is None


def test_keeping_a_calendar_again_replaces_its_days_and_no_others(db: Database) -> None:
    store = Store(db, COOP)
    keeps(store, HOLIDAYS, HOLIDAY_NAMES)
    keeps(store, BREAKS, {BREAK: "Winter break"})
    keeps(store, replace(BREAKS, source="new.csv"), {OBSERVED: "Picnic"})

    assert store.calendars.days_of("breaks") == {OBSERVED: "Picnic"}
    assert store.calendars.days_of("US") == HOLIDAY_NAMES
    assert store.coop.calendar.closed_days[OBSERVED] == "Independence Day (observed); Picnic"


def test_a_removed_calendar_closes_nothing_any_more(db: Database) -> None:
    store = Store(db, COOP)
    keeps(store, HOLIDAYS, HOLIDAY_NAMES)
    with store.transaction():
        store.remove_calendar("US")

    assert store.coop == COOP
    assert store.calendars.days() == []


@pytest.mark.parametrize(
    "name", ["\x1b[31mRed\x1b[0m", "\u202egnirps", "=HYPERLINK(1)", "'; DROP TABLE calendars; --", "{{ name }}", "节"]
)
def test_a_hostile_name_is_kept_as_it_is(db: Database, name: str) -> None:
    store = Store(db, COOP)
    keeps(store, BREAKS, {BREAK: name})
    assert store.calendars.days_of("breaks") == {BREAK: name}


# -- what the families' rows say of time ----------------------------------------------------------------------------


def zones_of(phone: str) -> tuple[str, ...]:
    return ("America/New_York",) if phone.startswith("+1212") else ()


def saved(store: Store, db: Database, family: Family) -> tuple[Family, str | None]:
    with store.transaction():
        store.save_families([family], now=NOW)
    row = db.execute_sql("SELECT phone_zones FROM families WHERE family_id = ?", (family.family_id,)).fetchone()
    return store.families([family.family_id])[family.family_id], row[0]


def test_the_zones_of_a_number_are_found_out_where_families_are_written(db: Database) -> None:
    store = Store(db, COOP, zones_of_phone=zones_of)
    family = Family(family_id="42", family_name="Martinez", phone="+12125550142")

    known, stored = saved(store, db, family)
    assert (known.phone_zones, json.loads(stored or "")) == (("America/New_York",), ["America/New_York"])

    known, stored = saved(store, db, replace(known, phone="+13125550142"))
    assert (known.phone_zones, stored) == ((), None)

    known, stored = saved(store, db, replace(family, phone=None, phone_zones=("America/New_York",)))
    assert (known.phone_zones, stored) == ((), None)


def test_until_when_a_family_is_handled_gently_is_kept(db: Database) -> None:
    store = Store(db, COOP)
    until = datetime(2026, 7, 1, 5, tzinfo=UTC)
    family = Family(family_id="42", family_name="Martinez", gentle_until=until)
    assert saved(store, db, family)[0].gentle_until == until
    assert saved(store, db, replace(family, gentle_until=None))[0].gentle_until is None
