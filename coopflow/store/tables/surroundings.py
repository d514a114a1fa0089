"""The database itself, and the calendar that it goes by."""

from peewee import CompositeKey, TextField

from coopflow.store.tables.fields import InstantField, JsonField, Row


class MetaRow(Row):
    """One thing said about the database as a whole."""

    TABLE = "meta"

    key = TextField(primary_key=True)
    value = TextField()


class CalendarRow(Row):
    """Where closed days come from."""

    TABLE = "calendars"

    calendar = TextField(primary_key=True)
    kind = TextField()
    years = JsonField()
    source = TextField()
    imported_at = InstantField()


class CalendarDayRow(Row):
    """A day on which nothing leaves and nothing is due."""

    TABLE = "calendar_days"

    calendar = TextField()
    day = TextField()
    name = TextField()

    class Meta:
        """Two columns name a row."""

        primary_key = CompositeKey("calendar", "day")
