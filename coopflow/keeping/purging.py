"""What ended long ago moves into an archive; the audit trail stays whole, and says where each instance went."""

import calendar
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from coopflow.core.durations import Duration
from coopflow.core.instants import format_instant
from coopflow.core.model import Event
from coopflow.core.pressure import furthest_back
from coopflow.errors import NotAllowed
from coopflow.keeping.archives import archives_of, open_or_make_archive, remember_archive
from coopflow.store.archiving import attached, copy_over, purgeable, take_out
from coopflow.store.erasing import leave_no_trace, overwrite_what_is_deleted
from coopflow.store.store import Store

BATCH = 200  # instances in one transaction
EVERY = -1  # what LIMIT takes for no limit
YOUNGEST = timedelta(days=90)  # deadlines and the screens look back less far than this
A_DAY = timedelta(days=1)
SHORT_MONTHS = timedelta(days=3)  # by so much less than another a month before a date may be
KIND = "instance.archived"
GREATEST_ID = 2**63 - 1  # of SQLite


class Purged(Struct, frozen=True):
    """What was moved, or would be."""

    archive: Path
    before: datetime
    instances: int


def archive_beside(database: Path) -> Path:
    """`coopflow-archive.db` beside `coopflow.db`."""
    return database.with_name(f"{database.stem}-archive{database.suffix}")


def ago(length: Duration, *, now: datetime) -> datetime:
    """The moment so long ago; weekends are counted in where business days are meant, so it is rather longer ago."""
    year, month = divmod(now.year * 12 + now.month - 1 - length.months, 12)
    day = min(now.day, calendar.monthrange(year, month + 1)[1])
    days = length.days + 2 * length.business_days + (length.business_minutes > 0)
    return now.replace(year=year, month=month + 1, day=day) - timedelta(days=days, seconds=length.seconds)


def require_old_enough(store: Store, before: datetime, *, now: datetime) -> None:
    """Refuse to move what rules still look at: a workflow that starts again too soon would write to a family twice."""
    if before > now - YOUNGEST:
        raise NotAllowed(f"only what ended more than {YOUNGEST.days} days ago is purged; name an earlier day")
    counted = -(-furthest_back(store.coop.limits) // A_DAY)
    if before > now - counted * A_DAY:
        raise NotAllowed(
            f"the limits of coopflow.yaml count the messages of up to {counted} days, so those must stay;"
            f" purge what ended more than {counted} days ago"
        )
    for workflow in store.templates.current():
        cooldown = workflow.trigger.cooldown
        if cooldown is not None and before > ago(cooldown, now=now):
            raise NotAllowed(
                f"'{workflow.name}' does not start again within {cooldown}, so its runs of that time must stay;"
                f" purge what ended more than {cooldown} ago"
            )
        for rule in workflow.trigger.dates:  # as long as its date is ahead, only the run itself says that it was had
            if rule.direction == "before" and before > ago(rule.offset, now=now) - SHORT_MONTHS:
                raise NotAllowed(
                    f"'{workflow.name}' starts {rule}, and what it has started for a date that is still ahead must"
                    f" stay; purge what ended more than {rule.offset} and {SHORT_MONTHS.days} days ago"
                )


def to_purge(store: Store, archive: Path, before: datetime) -> Purged:
    """What `purge` would move."""
    return Purged(archive, before, len(purgeable(store.db, format_instant(before), limit=EVERY)))


def purge(store: Store, archive: Path, before: datetime, *, actor: str, now: datetime) -> Purged:
    """Move what ended before then, batch by batch; the caller holds the tick lock."""
    open_or_make_archive(archive, store).close()  # it is of the version of this database now
    with store.transaction():
        remember_archive(store, archive)
    overwrite_what_is_deleted(store.db)
    moved = 0
    with attached(store.db, archive):
        while ids := purgeable(store.db, format_instant(before), limit=BATCH):
            with store.transaction():
                copy_over(store.db, ids)
            with store.transaction():
                _take_out(store, ids, archive, actor=actor, now=now)
            moved += len(ids)
    if moved:
        leave_no_trace(store.db)
    return Purged(archive, before, moved)


def _take_out(store: Store, ids: list[int], archive: Path, *, actor: str, now: datetime) -> None:
    families = {row["instance_id"]: row["family_id"] for row in store.looking.instances(ids=ids)}
    take_out(store.db, ids)
    data = {"archive": archive.name}
    store.log(
        [
            Event(at=now, kind=KIND, actor=actor, family_id=families[number], instance_id=number, data=data)
            for number in ids
        ]
    )


def where_it_went(store: Store, instance_id: int) -> str | None:
    """How to look at an instance that was moved; None: it was not."""
    if instance_id > GREATEST_ID:
        return None
    moved = [row for row in store.looking.events(instance_id=instance_id) if row["kind"] == KIND]
    if not moved:
        return None
    name = moved[-1]["data"]["archive"]
    archive = next((path for path in archives_of(store) if path.name == name), name)
    return (
        f"instance {instance_id} was moved into the archive {name} on {moved[-1]['at']:%Y-%m-%d}; look at it with:"
        f" coopflow --database {archive} show {instance_id}"
    )
