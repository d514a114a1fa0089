"""One pass over everything that is due, top to bottom (design, section 6).

Decide → do → record: a batch is claimed, decided and written in one transaction; its messages go out between two, so
that the intent to send is on disk before the first byte leaves, and the outcome after the last.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from coopflow.batches import Engine as Engine
from coopflow.batches import Overtaken, change_all
from coopflow.batches import TickReport as TickReport
from coopflow.core import desk
from coopflow.core.case import Case
from coopflow.core.decide import decide
from coopflow.core.decisions import Send
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.model import Entry, Execution, Message
from coopflow.core.protocol import answered, answered_too_late, intend, out_of_the_house, under_way
from coopflow.core.resting import goes_to_rest, lay_down
from coopflow.core.settle import advance, doubt, fail, settle
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, StepStatus
from coopflow.leaving import keeps_back, look_for_room, tell_of_room
from coopflow.leftovers import INTERRUPTED, entry_at, escalate, may_go_again, warn_of_deadlines
from coopflow.leftovers import recover as recover
from coopflow.out_of_order import keep_in_mind, remembered
from coopflow.refusals import learn_from
from coopflow.replanning import replan_by_new_rules
from coopflow.schedules import start_what_is_owed
from coopflow.sending import Answered, Asked, Outgoing

A_MOMENT = timedelta(minutes=1)
BATCH = 500  # instances in one transaction: as fast as larger ones, and little is lost to a crash


def tick(
    engine: Engine, *, now: datetime, limit: int | None = None, out_of_time: Callable[[], bool] = lambda: False
) -> TickReport:
    """Carry out what is due at `now`; the caller holds the tick lock."""
    report = TickReport()
    engine.epoch = None
    recover(engine, report, now=now)
    engine.post.transports.recall(remembered(engine.store), now=now)
    start_what_is_owed(engine, report, now=now)
    replan_by_new_rules(engine, report, now=now)
    engine.room = look_for_room(engine.store, engine.way_out, limit=limit, now=now)
    while not report.limit_reached:
        room = BATCH if limit is None else min(BATCH, limit - report.advanced)
        outgoing, advanced = take_up(engine, report, room, now=now)
        if not advanced:
            break
        report.advanced += advanced
        hand_over(engine, report, outgoing, now=now)
        report.limit_reached = out_of_time() or (limit is not None and report.advanced >= limit)
    report.held = keep_in_mind(engine.store, engine.post.transports.troubles(), engine.post.transport_names(), now=now)
    escalate(engine, report, now=now)
    warn_of_deadlines(engine, report, now=now)
    report.asks += tell_of_room(engine.store, engine.room, now=now)
    return report


# -- decide -------------------------------------------------------------------------------------------------------


def take_up(engine: Engine, report: TickReport, room: int, *, now: datetime) -> tuple[list[Outgoing], int]:
    """Claim a batch and advance it: what stays in the house is done, and the intent to send is on record."""
    with engine.store.transaction():
        kept = engine.room.why_not if engine.room.full else None
        ids = engine.store.cases.due(now=now, limit=room, but_for=kept)
    parts = change_all(engine, report, ids, lambda cases: _advance_all(engine, cases, now=now), now=now)
    return [outgoing for part in parts for outgoing in part], len(ids)


def _advance_all(engine: Engine, cases: Sequence[Case], *, now: datetime) -> list[Outgoing]:
    return [outgoing for case in cases for outgoing in _advance_one(engine, case, now=now)]


def _advance_one(engine: Engine, case: Case, *, now: datetime) -> list[Outgoing]:
    intended: list[Outgoing] = []
    alone = True
    for entry, send in advance(case, now=now):
        if case.entries.get(entry.branch) is not entry:
            continue  # the message before it has ended the instance
        decision = send if alone else decide(case, entry, now=now)  # or it has taken the last room under a cap
        if decision != send:
            settle(case, entry, decision, now=now)
        elif not keeps_back(engine.room, case, entry):
            intended += _intend(engine, case, entry, send, now=now)
            alone = False
    outgoing = [found for found in intended if found.branch in case.entries]
    if case.instance.status is not InstanceStatus.PAUSED:
        return outgoing
    for held_back in outgoing:  # by a hold that another branch ran into: nothing has left yet
        _record(TickReport(), case, held_back, Withdrawn(), now=now)
    return []


def _intend(engine: Engine, case: Case, entry: Entry, send: Send, *, now: datetime) -> list[Outgoing]:
    """T1: the final words on record, or those that are on record already."""
    from coopflow.texts.messages import RenderError

    attempt = case.attempt(entry)
    moved = attempt is not None and (attempt.input_data or {}).get("to") != send.to
    unheard = case.handed_over(entry)
    if unheard and (moved or not may_go_again(engine, case.step(entry), send.channel)):
        why = "the address has changed since" if moved else "handing it over again could send it twice"
        doubt(case, entry, f"the tick that handed it over was interrupted, and {why}", now=now)
        return []
    if attempt is not None and moved:
        case.end(entry, StepStatus.SKIPPED, now=now, error="the address has changed")
        attempt = None
    if attempt is not None:
        message = engine.composer.again(case, attempt, send, now=now)
        if engine.post.dedupes(send.channel):
            out_of_the_house(case, entry, attempt, message, now=now)
    else:
        try:
            message = engine.composer.compose(case, entry, send, now=now)
        except RenderError as error:
            fail(case, entry, str(error), now=now)
            return []
        rests = goes_to_rest(case, entry)
        intend(case, entry, message, handed_over=engine.post.dedupes(send.channel) and not rests, now=now)
        if rests:
            lay_down(case, entry, now=now)
            return []
    under_way(entry, send.channel)
    return [Outgoing(case.instance.instance_id, entry.branch, message, perhaps_out=unheard)]


# -- do, and record -----------------------------------------------------------------------------------------------


def hand_over(engine: Engine, report: TickReport, outgoing: Sequence[Outgoing], *, now: datetime) -> None:
    """Send a batch's messages; what becomes of them is on record as soon as it is known."""
    if outgoing:  # a slow server or a machine that was asleep: by the time of the last call it may be night
        engine.post.deliver(
            outgoing, lambda asked, fates: _keep_book(engine, report, asked, fates, now=now + engine.elapsed())
        )


def _keep_book(engine: Engine, report: TickReport, asked: Asked, fates: Answered, *, now: datetime) -> Collection[str]:
    """T3 of some messages and T2 of others, in one transaction; answers with the keys of those that may go."""
    by_instance: dict[int, tuple[list[Outgoing], list[tuple[Outgoing, Delivery]]]] = defaultdict(lambda: ([], []))
    for outgoing in asked:
        by_instance[outgoing.instance_id][0].append(outgoing)
    for outgoing, fate in fates:
        by_instance[outgoing.instance_id][1].append((outgoing, fate))

    def write(cases: list[Case]) -> tuple[set[str], TickReport, list[tuple[Case, Message, Refused]]]:
        granted: set[str] = set()
        part = TickReport()
        refused: list[tuple[Case, Message, Refused]] = []
        for case in cases:
            questions, answers = by_instance[case.instance.instance_id]
            for outgoing, fate in answers:
                _record(part, case, outgoing, fate, now=now)
                if isinstance(fate, Refused):
                    refused.append((case, outgoing.message, fate))
            granted |= {outgoing.message.key for outgoing in questions if _last_call(case, outgoing, now=now)}
        return granted, part, refused

    try:
        parts = change_all(
            engine,
            report,
            list(by_instance),
            write,
            now=now,
            afterwards=lambda done: learn_from(engine.store, done[2], now=now),
        )
    except Overtaken:
        _record_late(engine, fates, now=now)
        raise
    for _, part, _ in parts:
        report.sent += part.sent
        report.not_sent += part.not_sent
        report.in_doubt += part.in_doubt
    return {key for granted, _, _ in parts for key in granted}


def _last_call(case: Case, outgoing: Outgoing, *, now: datetime) -> bool:
    """T2: look once more at every reason not to send, and say "sending" on record before the irrevocable moment."""
    attempt = _attempt(case, outgoing)
    stands = StepStatus.RUNNING if outgoing.perhaps_out else StepStatus.PENDING  # it stays known that it may be out
    if attempt is None or attempt.status is not stands or case.instance.status is InstanceStatus.PAUSED:
        return False
    entry = entry_at(case, attempt)
    wanted = Send(outgoing.message.channel, outgoing.message.to)
    if entry is None or decide(case, entry, now=now) != wanted:
        return False
    out_of_the_house(case, entry, attempt, outgoing.message, now=now)
    return True


def _record(part: TickReport, case: Case, outgoing: Outgoing, fate: Delivery, *, now: datetime) -> None:
    """T3: the outcome of a message, on a fresh copy of its case, since others may have changed it meanwhile."""
    attempt = _attempt(case, outgoing)
    if attempt is None:
        return  # withdrawn before it was handed over, and on record as such
    entry = entry_at(case, attempt)
    if outgoing.perhaps_out:
        if isinstance(fate, Deferred):  # another attempt would have another key, and might be a second message
            fate = Unavailable(fate.reason)
        if entry is None and isinstance(fate, Unavailable | Withdrawn):  # nobody will ask once more
            fate = Unknown(INTERRUPTED)
    elif isinstance(fate, Unavailable | Withdrawn):
        case.take_back(attempt)
    if entry is None:
        answered_too_late(case, attempt, fate, now=now)
    elif entry.awaits is Awaited.DOUBT:
        _clear_up(case, entry, fate, now=now)
    else:
        answered(case, entry, fate, now=now)
        advance(case, now=now)  # what must be sent stays due for the next claim
        if isinstance(fate, Withdrawn) and entry.status is EntryStatus.QUEUED and entry.awaits is Awaited.SEND:
            entry.scheduled_for = max(entry.scheduled_for or now, now + A_MOMENT)  # not in this tick again
    _count(part, case, fate)


def _clear_up(case: Case, entry: Entry, fate: Delivery, *, now: datetime) -> None:
    """An answer that came after all settles the doubt if it says that the message left; else a person must judge."""
    if isinstance(fate, Accepted):
        desk.resolve(case, entry, sent=True, now=now)


def _record_late(engine: Engine, fates: Answered, *, now: datetime) -> None:
    """What was accepted is a fact, even to a tick that has lost the lead: it settles the doubt that the other had."""
    with engine.store.transaction():
        for outgoing in [found for found, fate in fates if isinstance(fate, Accepted)]:
            [case] = engine.store.cases.load([outgoing.instance_id])
            attempt = _attempt(case, outgoing)
            entry = entry_at(case, attempt) if attempt else None
            if entry is not None and entry.awaits is Awaited.DOUBT:
                _clear_up(case, entry, Accepted(), now=now)
                engine.store.cases.save([case], now=now)


def _count(part: TickReport, case: Case, fate: Delivery) -> None:
    if isinstance(fate, Accepted):
        part.sent += 1
    else:
        part.not_sent += 1
    if any(entry.awaits is Awaited.DOUBT for entry in case.entries.values()):
        part.in_doubt.append(case.instance.instance_id)


def _attempt(case: Case, outgoing: Outgoing) -> Execution | None:
    key = outgoing.message.key
    return next((attempt for attempt in case.running.values() if attempt.idempotency_key == key), None)
