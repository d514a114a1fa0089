"""What happened outside is put on record, and whatever waits for it is woken."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from coopflow.core.decide import FORGOTTEN
from coopflow.core.model import Event
from coopflow.core.workflow import WaitStep, Workflow
from coopflow.events import FAMILY_STATUS_AFTER, take_event
from coopflow.intake.events import EVENT_KEY, REQUIRED, EventReader, OutsideEvent
from coopflow.intake.fields import require_columns
from coopflow.intake.formats import BadRecord, Records
from coopflow.intake.line_by_line import take_in
from coopflow.intake.taking import BATCH, log_rejected, rolled_back
from coopflow.intake.unfit import Unfit, sentences
from coopflow.starts import Result
from coopflow.store.store import Store
from coopflow.triggers import require_family

RECORDED, SKIPPED, REJECTED = "recorded", "skipped", "rejected"
NOTED = "event.noted"  # what is on record of an event that came too late to count


class Happened(Struct, frozen=True, kw_only=True):
    """What became of one event."""

    line: int | None  # None: told by a person
    verdict: str  # recorded | skipped | rejected
    reason: str | None = None  # why not, or why it changed less than it might have
    kind: str | None = None
    family_id: str | None = None
    event_id: int | None = None
    touched: Sequence[int] = ()  # instances that it woke or ended
    results: Sequence[Result] = ()  # verdicts of the workflows that it may start

    @property
    def started(self) -> list[int]:
        """The instances that it started."""
        return [result.instance_id for result in self.results if result.instance_id is not None]


def take_events(
    store: Store, records: Records, *, actor: str, now: datetime, dry_run: bool = False
) -> Iterator[Happened]:
    """Record events in their order; a dry run leaves everything as it was."""
    require_columns(records, REQUIRED)
    reader = EventReader(store.known_events(), now=now)
    with rolled_back(store) if dry_run else nullcontext():
        found = iter(records.found)
        while batch := [(record.line, reader.read(record, records.kind)) for record in islice(found, BATCH)]:
            yield from take_in(
                store,
                batch,
                lambda lines: [_take(store, *line, records.name, actor=actor, now=now) for line in lines],
                lambda line, problem: _refuse(store, _as_bad(*line, problem), records.name, now=now),
            )


def _take(
    store: Store, line: int, read: OutsideEvent | BadRecord, source: str, *, actor: str, now: datetime
) -> Happened:
    taken = read if isinstance(read, BadRecord) else _record_if_fit(store, line, read, actor=actor, now=now)
    return taken if isinstance(taken, Happened) else _refuse(store, taken, source, now=now)


def _refuse(store: Store, bad: BadRecord, source: str, *, now: datetime) -> Happened:
    log_rejected(store, [bad], source=source, now=now)
    return Happened(
        line=bad.line,
        verdict=REJECTED,
        reason=sentences(bad.problems),
        kind=bad.known.get("kind"),
        family_id=bad.known.get("family_id"),
    )


def _as_bad(line: int, read: OutsideEvent | BadRecord, problem: Unfit) -> BadRecord:
    known = {} if isinstance(read, BadRecord) else {"kind": read.kind, "family_id": read.family_id}
    return BadRecord(line, (problem,), known)


def _record_if_fit(store: Store, line: int, event: OutsideEvent, *, actor: str, now: datetime) -> Happened | BadRecord:
    try:
        family = store.families([event.family_id], scores=False).get(event.family_id)
        if family is None:
            raise Unfit(f"there is no family '{event.family_id}'", field="family_id")
        if family.status == FORGOTTEN:
            raise Unfit(f"family {event.family_id} was forgotten", field="family_id")
        return replace(record_event(store, event, actor=actor, now=now), line=line)
    except Unfit as problem:
        return _as_bad(line, event, problem)


def record_event(store: Store, event: OutsideEvent, *, actor: str, now: datetime) -> Happened:
    """Record one event inside the caller's transaction, once; raise Unfit if its id was used for another one."""
    require_family(store, event.family_id)
    if (earlier := _earlier(store, event)) is not None:
        reason = f"it is on record already (event {earlier})"
        return Happened(
            line=None, verdict=SKIPPED, reason=reason, kind=event.kind, family_id=event.family_id, event_id=earlier
        )
    if younger := _too_old_for(store, event):
        return _note(store, event, younger, actor=actor, now=now)
    event_id, touched, results = take_event(store, event.kind, event.family_id, data=event.told(), actor=actor, now=now)
    return _recorded(event, event_id, touched, results)


def _recorded(
    event: OutsideEvent,
    event_id: int,
    touched: Sequence[int],
    results: Sequence[Result] = (),
    reason: str | None = None,
) -> Happened:
    return Happened(
        line=None,
        verdict=RECORDED,
        reason=reason,
        kind=event.kind,
        family_id=event.family_id,
        event_id=event_id,
        touched=touched,
        results=results,
    )


def _earlier(store: Store, event: OutsideEvent) -> int | None:
    """The id under which this event is on record, if its source has told of it before."""
    if event.key is None:
        return None
    for row in store.looking.events(family_id=event.family_id):
        told = row["personal"] or {}
        if event.kind in (row["kind"], row["data"].get("event")) and told.get(EVENT_KEY) == event.key:
            if told == event.told():
                return int(row["event_id"])
            raise Unfit(f"it is the id of event {row['event_id']}, which says something else", field="id")
    return None


def _too_old_for(store: Store, event: OutsideEvent) -> list[int]:
    """The active instances that look out for such an event, if all of them began after it had happened.

    That a family has left counts whenever it was.
    """
    if event.at is None or event.kind in FAMILY_STATUS_AFTER:
        return []
    cases = store.cases.load(store.active_instances(event.family_id))
    concerned = [case.instance for case in cases if _looks_out_for(store, case.workflow, event.kind)]
    younger = [instance.instance_id for instance in concerned if instance.trigger_date > event.at]
    return younger if len(younger) == len(concerned) else []


def _looks_out_for(store: Store, workflow: Workflow, kind: str) -> bool:
    waits = (step.until_event for step in workflow.steps.values() if isinstance(step, WaitStep))
    return kind in waits or kind in store.templates.fields(workflow.template_id)


def _note(store: Store, event: OutsideEvent, younger: Sequence[int], *, actor: str, now: datetime) -> Happened:
    """Put on record that it happened, under a name by which no condition counts it as an answer."""
    data = {"event": event.kind, "happened_at": event.at}
    [event_id] = store.log(
        [Event(at=now, kind=NOTED, actor=actor, family_id=event.family_id, data=data, personal=event.told())]
    )
    numbers = ", ".join(map(str, younger))
    return _recorded(event, event_id, [], reason=f"it happened before instance {numbers} began, so that goes on")
