"""The log, and what of it can be erased."""

from peewee import AutoField, BlobField, IntegerField, TextField

from coopflow.store.tables.fields import InstantField, JsonField, Row


class EventRow(Row):
    """One entry of the log, to be read; `store.log` alone writes them."""

    TABLE = "event_log"

    event_id = AutoField()
    at = InstantField()
    kind = TextField()
    family_id = TextField(null=True)
    instance_id = IntegerField(null=True)
    actor = TextField()
    data = JsonField()
    prev_hash = TextField()
    hash = TextField()


class PersonalRow(Row):
    """The erasable part of an entry."""

    TABLE = "event_personal"

    event_id = IntegerField(primary_key=True)
    family_id = TextField(null=True)
    salt = BlobField()
    data = JsonField()
