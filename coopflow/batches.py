"""Many cases changed in one transaction; when one trips over a fault, each in its own, and the bad one is set aside.

Every change of a tick goes through here, so it is also here that a tick finds out that another one has taken the lead.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct, field

from coopflow.composing import Composer
from coopflow.core.case import Case
from coopflow.core.decisions import Hold
from coopflow.core.leaving import Room, WayOut
from coopflow.core.model import Entry
from coopflow.core.settle import settle
from coopflow.core.states import EntryStatus
from coopflow.errors import Temporary, in_one_line
from coopflow.one_by_one import in_batch_or_one_by_one
from coopflow.sending import Post
from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store
from coopflow.triggers import save_cases

FAULT_PAUSE = timedelta(hours=1)  # an instance that trips over a fault of ours is left alone this long
FAULTS_BEFORE_HOLD = 3

Done = TypeVar("Done")


class Engine(Struct):
    """What a tick works with."""

    store: Store
    post: Post
    composer: Composer
    zone_data: str | None = None  # the version of the time-zone data; None: it does not say
    elapsed: Callable[[], timedelta] = timedelta  # since the tick began, the machine's sleep included; whole seconds
    epoch: int | None = None  # the number of this tick among all that have changed something; None: it has not yet
    way_out: WayOut = field(default_factory=WayOut)  # how messages leave, as far as somebody must agree to it
    room: Room = field(default_factory=Room)  # how many may leave in this tick


class TickReport(Struct):
    """What one pass did."""

    started: int = 0  # instances that the clock began
    advanced: int = 0
    sent: int = 0
    not_sent: int = 0
    recovered: int = 0
    escalated: int = 0
    replanned: int = 0  # branches that got another time, since the rules of time have changed
    in_doubt: list[int] = field(default_factory=list)  # instances with a message whose fate is unknown
    held: list[str] = field(default_factory=list)  # transports that have got out of order, in words
    faults: list[str] = field(default_factory=list)  # what went wrong in coopflow itself, an instance each
    unread: list[str] = field(default_factory=list)  # what is new about an inbox that cannot be read, told already
    limit_reached: bool = False
    asks: list[str] = field(default_factory=list)  # what a person must say before messages leave; told once


class Overtaken(Temporary):
    """Another tick has begun to work although this one is not done: its lock must have been taken away."""

    def __init__(self) -> None:
        super().__init__("another tick has taken over, although this one held the lock; was the lock file deleted?")


def change_all(
    engine: Engine,
    report: TickReport,
    ids: Sequence[int],
    change: Callable[[list[Case]], Done],
    *,
    now: datetime,
    afterwards: Callable[[Done], None] = lambda _: None,
) -> list[Done]:
    """Load these instances, change them and save them; answer with what the change came to, in one part or in many.

    What is done `afterwards` is part of the same transaction, and finds them saved.
    """
    if not ids:
        return []
    if engine.epoch is None:
        with engine.store.transaction():
            engine.epoch = engine.store.cases.take_the_lead()

    def set_aside(instance_id: int, fault: Exception) -> list[Done]:
        _set_aside(engine, report, instance_id, in_one_line(fault), now=now)
        return []

    return in_batch_or_one_by_one(
        engine.store, ids, lambda some: _change(engine, some, change, afterwards, now=now), set_aside
    )


def _change(
    engine: Engine,
    ids: Sequence[int],
    change: Callable[[list[Case]], Done],
    afterwards: Callable[[Done], None],
    *,
    now: datetime,
) -> Done:
    if engine.store.cases.leader() != engine.epoch:
        raise Overtaken
    cases = engine.store.cases.load(ids, now=now)
    done = change(cases)
    save_cases(engine.store, cases, now=now)
    afterwards(done)
    return done


def _set_aside(engine: Engine, report: TickReport, instance_id: int, problem: str, *, now: datetime) -> None:
    """Record a fault on the instance it met, and look at it again later; the third time a person must."""
    fault = f"instance {instance_id}: {problem}"
    report.faults.append(fault)
    try:
        with engine.store.transaction():
            [case] = engine.store.cases.load([instance_id])
            _put_off(case, fault, now=now)
            engine.store.cases.save([case], now=now)
    except Exception as error:
        if is_database_trouble(error):
            raise
        with engine.store.transaction():
            engine.store.cases.put_off_unread(
                instance_id, fault, until=now + FAULT_PAUSE, most=FAULTS_BEFORE_HOLD, now=now
            )


def _put_off(case: Case, fault: str, *, now: datetime) -> None:
    case.instance.error_count += 1
    case.instance.last_error = fault
    for task in [found for found in case.tasks if found.escalate_at and found.escalate_at <= now]:
        task.escalate_at = now + FAULT_PAUSE
        case.journal.changed.append(task)
    for entry in [found for found in case.entries.values() if _is_stuck(found, now)]:
        if case.instance.error_count >= FAULTS_BEFORE_HOLD:
            entry.status = EntryStatus.QUEUED
            settle(case, entry, Hold(f"fault in coopflow: {fault}"), now=now)
            return
        if (
            entry.status is EntryStatus.QUEUED
        ):  # else its message is under way, and the next tick finds out what became of it
            entry.scheduled_for, entry.reason = now + FAULT_PAUSE, fault
            case.note("step.deferred", now=now, step=entry.step_id, until=entry.scheduled_for, reason=fault)


def _is_stuck(entry: Entry, now: datetime) -> bool:
    due = entry.status is EntryStatus.QUEUED and entry.scheduled_for is not None and entry.scheduled_for <= now
    return due or entry.status is EntryStatus.PROCESSING
