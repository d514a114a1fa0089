"""The calendars that were imported, and their closed days."""

import json
from collections.abc import Mapping
from datetime import date

from peewee import Database

from coopflow.core.audit import canonical_json
from coopflow.core.closed_days import CalendarKind, ClosedDay, KeptCalendar, merged
from coopflow.core.instants import format_instant, parse_instant
from coopflow.core.windows import Calendar

# All that the rules of time need, in one question; a calendar without days still says how far its years reach.
_RULES = """
SELECT c.calendar, c.kind, (SELECT max(value) FROM json_each(c.years)), d.day, d.name
FROM calendars c LEFT JOIN calendar_days d USING (calendar) ORDER BY d.day, c.calendar
"""
_ALL = """
SELECT calendar, kind, years, source, imported_at, (SELECT count(*) FROM calendar_days d WHERE d.calendar = c.calendar)
FROM calendars c ORDER BY calendar
"""
_SAVE = """
INSERT INTO calendars (calendar, kind, years, source, imported_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (calendar) DO UPDATE SET kind = excluded.kind, years = excluded.years, source = excluded.source,
       imported_at = excluded.imported_at
"""


def with_kept_days(db: Database, calendar: Calendar) -> Calendar:
    """The configuration's rules of time with the closed days that are kept here."""
    days, until = [], {}
    for name, kind, last_year, day, of_day in db.connection().execute(_RULES):
        if day is not None:
            days.append(ClosedDay(date.fromisoformat(day), name, of_day))
        if kind == CalendarKind.HOLIDAYS and last_year is not None:
            until[name] = last_year
    return merged(calendar, days, until.values()) if days or until else calendar


class Calendars:
    """Reads and replaces whole calendars. Changes are made through `Store`, which takes them into its rules."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[KeptCalendar]:
        """Every calendar, by name."""
        return [
            KeptCalendar(
                name=row[0],
                kind=CalendarKind(row[1]),
                years=tuple(sorted(json.loads(row[2]))),
                source=row[3],
                imported_at=parse_instant(row[4]),
                days=row[5],
            )
            for row in self._db.connection().execute(_ALL)
        ]

    def find(self, name: str) -> KeptCalendar | None:
        """One calendar, or None."""
        return next((one for one in self.all() if one.name == name), None)

    def days(self) -> list[ClosedDay]:
        """Every closed day of every calendar, in order."""
        rows = self._db.connection().execute("SELECT day, calendar, name FROM calendar_days ORDER BY day, calendar")
        return [ClosedDay(date.fromisoformat(day), calendar, name) for day, calendar, name in rows]

    def days_of(self, name: str) -> dict[date, str]:
        """The closed days of one calendar."""
        rows = self._db.connection().execute(
            "SELECT day, name FROM calendar_days WHERE calendar = ? ORDER BY day", (name,)
        )
        return {date.fromisoformat(day): of_day for day, of_day in rows}

    def replace(self, calendar: KeptCalendar, days: Mapping[date, str]) -> None:
        """Keep the calendar with exactly these days."""
        connection = self._db.connection()
        stamp = format_instant(calendar.imported_at)
        years = canonical_json(list(calendar.years))
        connection.execute(_SAVE, (calendar.name, calendar.kind, years, calendar.source, stamp))
        connection.execute("DELETE FROM calendar_days WHERE calendar = ?", (calendar.name,))
        connection.executemany(
            "INSERT INTO calendar_days (calendar, day, name) VALUES (?, ?, ?)",
            [(calendar.name, day.isoformat(), name) for day, name in sorted(days.items())],
        )

    def remove(self, name: str) -> None:
        """Forget the calendar and its days."""
        connection = self._db.connection()
        connection.execute("DELETE FROM calendar_days WHERE calendar = ?", (name,))
        connection.execute("DELETE FROM calendars WHERE calendar = ?", (name,))
