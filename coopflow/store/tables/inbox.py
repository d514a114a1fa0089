"""What came in from outside."""

from peewee import AutoField, IntegerField, TextField

from coopflow.core.incoming import ItemKind, ItemStatus
from coopflow.store.tables.fields import InstantField, Row, WordField


class InboxItemRow(Row):
    """One thing that came in from outside."""

    TABLE = "inbox_items"

    item_id = AutoField()
    source = TextField()
    provider_id = TextField()
    mail_id = TextField(null=True)
    kind = WordField(ItemKind)
    channel = TextField()
    received_at = InstantField()
    taken_at = InstantField()
    status = WordField(ItemStatus)
    reason = TextField()
    family_id = TextField(null=True)
    instance_id = IntegerField(null=True)
    event_id = IntegerField()
    task_id = IntegerField(null=True)
