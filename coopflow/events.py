"""What happened outside: it is recorded, and wakes, ends or starts what it concerns, in one durable change.

Every function here expects to be called inside `Store.transaction()`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from coopflow.core.decide import reason_to_finish
from coopflow.core.hearing import hear
from coopflow.core.model import Event, Family
from coopflow.core.settle import advance
from coopflow.core.verdict import Answer
from coopflow.starts import Result, starting
from coopflow.store.store import Store
from coopflow.triggers import occasion_of, require_family, save_cases, told

FAMILY_STATUS_AFTER = {"family_withdrew": "withdrawn"}  # events that say how a family stands from now on


def take_event(
    store: Store, kind: str, family_id: str, *, data: Mapping[str, Any], actor: str, now: datetime
) -> tuple[int, list[int], list[Result]]:
    """Record what happened outside; wake the waits for it, end what it completes, start what it triggers.

    Answers with the event's id, the instances it touched and the verdicts of the workflows that it concerns.
    """
    family = require_family(store, family_id)
    [event_id] = store.log([Event(at=now, kind=kind, actor=actor, family_id=family_id, personal=data or None)])
    if kind in FAMILY_STATUS_AFTER:
        family = replace(family, status=FAMILY_STATUS_AFTER[kind])
        store.save_families([family], now=now)
    touched = _wake(store, family_id, kind, now=now)
    return event_id, touched, _start_by_event(store, kind, family, event_id, data=data, now=now)


def _wake(store: Store, family_id: str, kind: str, *, now: datetime) -> list[int]:
    cases = store.cases.load(store.active_instances(family_id))
    touched = [case for case in cases if hear(case, kind, now=now)]
    for case in touched:
        advance(case, now=now)  # what must be sent stays due for the tick
    save_cases(store, touched, now=now)
    return [case.instance.instance_id for case in touched]


def reconsider(store: Store, family_ids: Iterable[str], *, now: datetime) -> list[int]:
    """Finish the families' active instances that have no reason to go on, as after a change of their data."""
    cases = store.cases.load([number for family_id in family_ids for number in store.active_instances(family_id)])
    over = [(case, end) for case in cases if (end := reason_to_finish(case)) is not None]
    for case, end in over:
        case.finish(end.outcome, end.reason, now=now, withdraw_work=end.withdraw_work)
    save_cases(store, [case for case, _ in over], now=now)
    return [case.instance.instance_id for case, _ in over]


def _start_by_event(
    store: Store, kind: str, family: Family, event_id: int, *, data: Mapping[str, Any], now: datetime
) -> list[Result]:
    workflows = [workflow for workflow in store.templates.current() if workflow.trigger.event == kind]
    if not workflows:
        return []
    past = list(store.past_runs([family.family_id], now=now).get(family.family_id, ()))
    occasion = occasion_of(store, family, "event", given=data, past=past, event=kind)
    with starting(store, now=now) as starts:
        started = starts.all_of(occasion, workflows, f"event_id:{event_id}")
    if isinstance(started, str):
        result = Result(answer=Answer.SKIPPED, family_id=family.family_id, reason=started, event_id=event_id)
        store.log([told(result, now)])
        return [result]
    return [replace(result, event_id=event_id) for result in started]
