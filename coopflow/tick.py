"""One pass over everything that is due, top to bottom (design, section 6).

Decide → do → record: a batch is claimed, decided and written in one transaction; its messages go out between two, so
that the intent to send is on disk before the first byte leaves, and the outcome after the last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coopflow.composing import Composer
from coopflow.core import desk
from coopflow.core.case import Case
from coopflow.core.decisions import Send
from coopflow.core.deliveries import Accepted, Delivery, Unknown
from coopflow.core.model import Entry, Execution
from coopflow.core.placing import may_go_now
from coopflow.core.settle import advance, answered, answered_too_late, doubt, fail, intend, under_way
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, StepStatus
from coopflow.sending import Outgoing, Post
from coopflow.store.failures import is_database_trouble
from coopflow.store.store import Store
from coopflow.triggers import save_cases

BATCH = 500  # instances in one transaction: as fast as larger ones, and little is lost to a crash
FAULT_PAUSE = timedelta(hours=1)  # an instance that trips over a fault of ours is left alone this long
FAULTS_BEFORE_HOLD = 3


@dataclass(slots=True)
class Engine:
    """What a tick works with."""

    store: Store
    post: Post
    composer: Composer


@dataclass(slots=True)
class TickReport:
    """What one pass did."""

    advanced: int = 0
    sent: int = 0
    not_sent: int = 0
    recovered: int = 0
    escalated: int = 0
    in_doubt: list[int] = field(default_factory=list)  # instances with a message whose fate is unknown
    faults: list[str] = field(default_factory=list)  # what went wrong in coopflow itself, an instance each
    limit_reached: bool = False


def tick(
    engine: Engine, *, now: datetime, limit: int | None = None, out_of_time: Callable[[], bool] = lambda: False
) -> TickReport:
    """Carry out what is due at `now`; the caller holds the tick lock."""
    report = TickReport()
    recover(engine, report, now=now)
    while not report.limit_reached:
        room = BATCH if limit is None else min(BATCH, limit - report.advanced)
        outgoing, advanced = take_up(engine, report, room, now=now)
        if not advanced:
            break
        report.advanced += advanced
        hand_over(engine, report, outgoing, now=now)
        report.limit_reached = out_of_time() or (limit is not None and report.advanced >= limit)
    escalate(engine, report, now=now)
    return report


# -- decide -------------------------------------------------------------------------------------------------------


def take_up(engine: Engine, report: TickReport, room: int, *, now: datetime) -> tuple[list[Outgoing], int]:
    """Claim a batch and advance it: what stays in the house is done, and the intent to send is on record."""
    try:
        with engine.store.transaction():
            ids = engine.store.cases.due(now=now, limit=room)
            return _advance_all(engine, ids, now=now), len(ids)
    except _OneBadInstance:
        pass  # the batch is rolled back and taken up one by one, so that the bad one is found and the others go on
    with engine.store.transaction():
        ids = engine.store.cases.due(now=now, limit=room)
    outgoing = []
    for instance_id in ids:
        outgoing += _advance_alone(engine, report, instance_id, now=now)
    return outgoing, len(ids)


class _OneBadInstance(Exception):
    """Something in the batch tripped over a fault."""


def _advance_all(engine: Engine, ids: Sequence[int], *, now: datetime) -> list[Outgoing]:
    cases = engine.store.cases.load(ids)
    outgoing = []
    try:
        for case in cases:
            outgoing += _advance_one(engine, case, now=now)
        save_cases(engine.store, cases, now=now)
    except Exception as error:
        if is_database_trouble(error):
            raise
        raise _OneBadInstance from error
    return outgoing


def _advance_alone(engine: Engine, report: TickReport, instance_id: int, *, now: datetime) -> list[Outgoing]:
    try:
        with engine.store.transaction():
            return _advance_all(engine, [instance_id], now=now)
    except _OneBadInstance as signal:
        fault = f"instance {instance_id}: {type(signal.__cause__).__name__}: {signal.__cause__}"
    report.faults.append(fault)
    with engine.store.transaction():
        _push_out(engine, instance_id, fault, now=now)
    return []


def _push_out(engine: Engine, instance_id: int, fault: str, *, now: datetime) -> None:
    """Record a fault of ours on the instance it met, and look at it again later; the third time a person must."""
    [case] = engine.store.cases.load([instance_id])
    case.instance.error_count += 1
    case.instance.last_error = fault
    for entry in [found for found in case.entries.values() if found.scheduled_for and found.scheduled_for <= now]:
        if case.instance.error_count >= FAULTS_BEFORE_HOLD:
            case.hold(entry, f"fault in coopflow: {fault}", now=now)
            break
        entry.scheduled_for, entry.reason = now + FAULT_PAUSE, fault
        case.note("step.deferred", now=now, step=entry.step_id, until=entry.scheduled_for, reason=fault)
    engine.store.cases.save([case], now=now)


def _advance_one(engine: Engine, case: Case, *, now: datetime) -> list[Outgoing]:
    outgoing = []
    for entry, send in advance(case, now=now):
        if entry.branch in case.entries:  # the message before it may have ended the instance
            outgoing += _intend(engine, case, entry, send, now=now)
    return outgoing


def _intend(engine: Engine, case: Case, entry: Entry, send: Send, *, now: datetime) -> list[Outgoing]:
    from coopflow.texts.messages import RenderError

    attempt = case.running.get((entry.branch, entry.visit, entry.attempts))
    if attempt is not None and (attempt.input_data or {}).get("to") != send.to:
        case.end(entry, StepStatus.SKIPPED, now=now, error="the address has changed")
        attempt = None
    if attempt is not None:
        message = engine.composer.again(case, attempt, send, now=now)
    else:
        try:
            message = engine.composer.compose(case, entry, send, now=now)
        except RenderError as error:
            fail(case, entry, str(error), now=now)
            return []
        intend(case, entry, message, handed_over=engine.post.dedupes(send.channel), now=now)
    under_way(entry, send.channel)
    return [Outgoing(case.instance.instance_id, entry.branch, message)]


# -- do -----------------------------------------------------------------------------------------------------------


def hand_over(engine: Engine, report: TickReport, outgoing: Sequence[Outgoing], *, now: datetime) -> None:
    """Send a batch's messages and record what became of each."""
    if not outgoing:
        return
    fates = engine.post.deliver(outgoing, lambda asked: _last_calls(engine, asked, now=now))
    with engine.store.transaction():
        _record(engine, report, fates, now=now)


def _last_calls(engine: Engine, asked: Sequence[Outgoing], *, now: datetime) -> set[str]:
    """T2: look once more at every reason not to send, and say "sending" on record before the irrevocable moment."""
    granted = set()
    with engine.store.transaction():
        cases = {case.instance.instance_id: case for case in engine.store.cases.load(_ids(asked))}
        for outgoing in asked:
            case = cases[outgoing.instance_id]
            attempt = _attempt(case, outgoing)
            entry = case.entries.get(outgoing.branch)
            if attempt is not None and entry is not None and _may_still_go(case, entry, outgoing, now=now):
                attempt.status = StepStatus.RUNNING
                case.journal.ended.append(attempt)
                granted.add(outgoing.message.key)
        engine.store.cases.save(cases.values(), now=now)
    return granted


def _may_still_go(case: Case, entry: Entry, outgoing: Outgoing, *, now: datetime) -> bool:
    allowed = case.family.consent.get(outgoing.message.channel, {}).get("allowed") is not False
    active = case.instance.active and case.instance.status is not InstanceStatus.PAUSED
    return allowed and active and may_go_now(case.step(entry), case.workflow, coop=case.coop, tz=case.tz, now=now)


# -- record -------------------------------------------------------------------------------------------------------


def _record(engine: Engine, report: TickReport, fates: Sequence[tuple[Outgoing, Delivery]], *, now: datetime) -> None:
    """T3: the outcome of every message, on a fresh copy of its case, since others may have changed it meanwhile."""
    cases = {case.instance.instance_id: case for case in engine.store.cases.load(_ids([out for out, _ in fates]))}
    for outgoing, fate in fates:
        case = cases[outgoing.instance_id]
        entry = case.entries.get(outgoing.branch)
        attempt = _attempt(case, outgoing)
        if attempt is None:
            continue  # withdrawn before it was handed over, and on record as such
        if entry is None or entry.awaits is not Awaited.SEND:
            answered_too_late(case, attempt, fate, now=now)
        else:
            answered(case, entry, fate, now=now)
            advance(case, now=now)  # what must be sent stays due for the next claim
        _count(report, case, fate)
    save_cases(engine.store, list(cases.values()), now=now)


def _count(report: TickReport, case: Case, fate: Delivery) -> None:
    if isinstance(fate, Accepted):
        report.sent += 1
    else:
        report.not_sent += 1
    if any(entry.awaits is Awaited.DOUBT for entry in case.entries.values()):
        report.in_doubt.append(case.instance.instance_id)


def _attempt(case: Case, outgoing: Outgoing) -> Execution | None:
    key = outgoing.message.key
    return next((attempt for attempt in case.running.values() if attempt.idempotency_key == key), None)


def _ids(outgoing: Sequence[Outgoing]) -> list[int]:
    return list(dict.fromkeys(item.instance_id for item in outgoing))


# -- what a crash left, and what nobody closed --------------------------------------------------------------------


def recover(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Take up the messages that a tick which died had under way (design, section 6.2)."""
    with engine.store.transaction():
        ids = engine.store.cases.under_way()
        cases = engine.store.cases.load(ids)
        for case in cases:
            for attempt in [found for found in case.running.values() if found.idempotency_key]:
                _take_up_again(engine, report, case, attempt, now=now)
        engine.store.cases.save(cases, now=now)


def _take_up_again(engine: Engine, report: TickReport, case: Case, attempt: Execution, *, now: datetime) -> None:
    entry = case.entries.get(attempt.branch)
    if entry is None or entry.awaits is not Awaited.SEND:
        if entry is None:
            answered_too_late(case, attempt, Unknown("the tick was interrupted"), now=now)
        return  # else it is in doubt, and a person has the task
    if entry.status is not EntryStatus.PROCESSING:
        return  # not left by a crash: it waits for its transport, or for its instance to be resumed
    paused = case.instance.status is InstanceStatus.PAUSED
    entry.status = EntryStatus.PAUSED if paused else EntryStatus.QUEUED
    if attempt.status is StepStatus.PENDING or engine.post.dedupes(attempt.step_type):
        entry.scheduled_for, entry.reason = now, "taken up again after a tick that was interrupted"
        report.recovered += 1
    else:
        doubt(case, entry, "the tick was interrupted between handing it over and hearing the answer", now=now)
        report.in_doubt.append(case.instance.instance_id)


def escalate(engine: Engine, report: TickReport, *, now: datetime) -> None:
    """Hand tasks that nobody has closed in time to the next person up."""
    with engine.store.transaction():
        tasks = engine.store.desk.to_escalate(now=now)
        cases = {case.instance.instance_id: case for case in engine.store.cases.load([id_ for _, id_ in tasks])}
        for task_id, instance_id in tasks:
            case = cases[instance_id]
            task = next(found for found in case.tasks if found.task_id == task_id)
            desk.escalate(case, task, now=now)
        engine.store.cases.save(cases.values(), now=now)
        report.escalated = len(tasks)
