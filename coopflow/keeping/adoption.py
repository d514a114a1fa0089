"""A person says that a database which was restored, copied or moved is the one to go on with.

What is overdue in it may have been done after the copy was made, so nothing of it is done unasked: a person decides.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from coopflow.core.case import Case
from coopflow.core.deliveries import Unknown
from coopflow.core.holding import withdraw_tasks_of
from coopflow.core.model import Entry, Event
from coopflow.core.protocol import answered_too_late
from coopflow.core.settle import doubt
from coopflow.core.states import EntryStatus
from coopflow.core.timing import local_text
from coopflow.errors import NotAllowed
from coopflow.keeping.place import ARCHIVE, PLACE, replace_head, take_place, why_not_in_place
from coopflow.leftovers import entry_at
from coopflow.schedules import count_as_started
from coopflow.store.meta import find_meta
from coopflow.store.store import Store
from coopflow.triggers import save_cases

BATCH = 500
EVERY = 1_000_000_000  # a limit that is none
WHILE_UNDER_WAY = "it was under way when the copy of this database was made"


class Overdue(Struct, frozen=True):
    """One branch that would have gone on by itself."""

    instance_id: int
    family_name: str
    workflow: str
    step: str
    due: datetime
    due_text: str  # on the family's clock


class Foreseen(Struct, frozen=True):
    """What adopting the database comes to."""

    reasons: Sequence[str]  # why it must be adopted; none: it need not
    overdue: Sequence[Overdue]  # what goes to a person
    under_way: Sequence[int]  # instances with a message of which nobody will know whether it left
    owed: Sequence[str]  # workflows that the clock would have started


def foresee_adoption(store: Store, *, now: datetime) -> Foreseen:
    """What `adopt_database` would do; nothing is changed."""
    if find_meta(store.db, PLACE) == ARCHIVE:
        raise NotAllowed(f"{store.path} is an archive: it is there to be looked at, and nothing is ever sent from it")
    with store.transaction():
        overdue = [one for case in _cases(store, _due(store, now)) for one in _overdue(case, now=now)]
        under_way = store.cases.under_way()
    reasons = list(why_not_in_place(store))
    return Foreseen(reasons, overdue, under_way, store.schedules.due(now=now) if reasons else ())


def adopt_database(store: Store, *, actor: str, now: datetime) -> Foreseen:
    """Go on with this database here: what is overdue waits for a person, all in one transaction."""
    with store.transaction():
        found = foresee_adoption(store, now=now)
        for number in found.under_way:
            _settle_under_way(store, number, now=now)
        for case in _cases(store, _due(store, now)):
            _hold(case, now=now)
            save_cases(store, [case], now=now)
        count_as_started(store, now=now)
        take_place(store)
        data = {"why": "; ".join(found.reasons), "held": len(found.overdue), "in_doubt": len(found.under_way)}
        store.log([Event(at=now, kind="database.adopted", actor=actor, data=data)])
    replace_head(store)
    return found


def _due(store: Store, now: datetime) -> list[int]:
    return store.cases.due(now=now, limit=EVERY)


def _cases(store: Store, ids: Sequence[int]) -> Iterator[Case]:
    for start in range(0, len(ids), BATCH):
        yield from store.cases.load(ids[start : start + BATCH])


def _due_entries(case: Case, *, now: datetime) -> list[tuple[Entry, datetime]]:
    waiting = [(entry, entry.scheduled_for) for entry in case.entries.values() if entry.status is EntryStatus.QUEUED]
    return [(entry, at) for entry, at in waiting if at is not None and at <= now]


def _overdue(case: Case, *, now: datetime) -> Iterator[Overdue]:
    for entry, at in _due_entries(case, now=now):
        number, name = case.instance.instance_id, case.family.family_name
        step = case.step(entry).name
        yield Overdue(number, name, case.workflow.name, step, at, local_text(at, case.tz))


def _hold(case: Case, *, now: datetime) -> None:
    for entry, at in _due_entries(case, now=now):
        name = case.step(entry).name
        reason = f"'{name}' was due on {local_text(at, case.tz)}, before this database was adopted; was it done then?"
        withdraw_tasks_of(case, entry, reason, now=now)
        entry.status = EntryStatus.PAUSED
        case.hold(entry, reason, now=now)


def _settle_under_way(store: Store, number: int, *, now: datetime) -> None:
    """Of a message that was about to leave when the copy was made, nobody knows by now whether it did."""
    [case] = store.cases.load([number])
    for attempt in [found for found in case.running.values() if found.idempotency_key]:
        entry = entry_at(case, attempt)
        if entry is None:
            answered_too_late(case, attempt, Unknown(WHILE_UNDER_WAY), now=now)
        elif entry.status is EntryStatus.PROCESSING:
            entry.status = EntryStatus.QUEUED
            case.hand_over(attempt)
            doubt(case, entry, WHILE_UNDER_WAY, now=now)
    save_cases(store, [case], now=now)
