"""What each kind of thing changes, inside the transaction that puts it on record."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.core.case import Case
from coopflow.core.coming_back import came_back, left_after_all, postpone
from coopflow.core.incoming import Delivery, Fate, Incoming, ItemKind, Sent, says_more
from coopflow.core.model import Event, Task
from coopflow.core.stop_words import may_mean_stop
from coopflow.core.wording import shown
from coopflow.events import take_event
from coopflow.inbox.consenting import Said, has_opted_out, opt
from coopflow.inbox.matching import Match, failure_of
from coopflow.intake.events import OutsideEvent
from coopflow.intake.happening import record_event
from coopflow.store.store import Store
from coopflow.triggers import save_cases

ANSWERED = {"email": "email_response_received", "sms": "sms_response_received"}
FAILED = {"email": "email_bounced", "sms": "sms_failed"}


class Occasion(Struct, frozen=True, kw_only=True):
    """What is being taken in, whose it is, and when."""

    store: Store
    item_id: int
    item: Incoming
    source: str
    now: datetime


class Effect(Struct, frozen=True, kw_only=True):
    """What came of an item."""

    event_id: int  # under which its words are kept
    touched: Sequence[int] = ()  # instances that it woke, ended, moved or put off
    reason: str | None = None  # beside how it was matched
    task_id: int | None = None


def carry_out(occasion: Occasion, match: Match) -> Effect:
    """Let an item have its effect on the family that it belongs to."""
    return _EFFECTS[occasion.item.kind](occasion, match)


def words_of(occasion: Occasion) -> dict[str, Any]:
    """What somebody wrote, for the erasable part of an entry."""
    item = occasion.item
    told = {"from": item.sender, "subject": item.subject, "text": item.text, "item": occasion.item_id}
    return {name: value for name, value in told.items() if value}


def put_on_record(occasion: Occasion, *, reason: str, match: Match | None = None) -> int:
    """Write the entry of an item that is no event from outside by itself; answer with its id."""
    item = occasion.item
    data = {"item": occasion.item_id, "kind": item.kind, "channel": item.channel, "reason": reason}
    [event_id] = occasion.store.log(
        [
            Event(
                at=occasion.now,
                kind="inbox.taken",
                actor=occasion.source,
                family_id=match.family_id if match else None,
                instance_id=match.instance_id if match else None,
                data=data,
                personal=words_of(occasion),
            )
        ]
    )
    return event_id


def ask_a_person(occasion: Occasion, family_id: str, description: str) -> int:
    """Put a question about an item on the coordinator's desk."""
    store, now = occasion.store, occasion.now
    asked = [task for task in store.desk.tasks(family_id=family_id) if task.description == description]
    if asked and asked[0].task_id is not None:
        return asked[0].task_id
    task = Task(
        family_id=family_id,
        task_type="inbox",
        description=description,
        due_date=now,
        priority="high",
        assignee=store.coop.coordinator,
        created_date=now,
    )
    task_id = store.desk.add(task)
    data = {"task": task_id, "task_type": task.task_type, "assignee": task.assignee}
    told = {"description": description}
    event = Event(at=now, kind="task.opened", actor=occasion.source, family_id=family_id, data=data, personal=told)
    store.log([event])
    return task_id


# -- somebody wrote -----------------------------------------------------------------------------------------------


def _answer(occasion: Occasion, match: Match) -> Effect:
    store, item, now = occasion.store, occasion.item, occasion.now
    sent = match.sent
    if sent is not None:
        _change(occasion, sent.instance_id, lambda case: left_after_all(case, sent.message_id, now=now))
    event = OutsideEvent(
        kind=ANSWERED[item.channel],
        family_id=match.family_id,
        data=words_of(occasion),
        at=None if match.certain else item.at,  # an answer to a message cannot be older than the message
    )
    happened = record_event(store, event, actor=occasion.source, now=now)
    _works_after_all(occasion, match)
    task_id = None
    if may_mean_stop(item.text):
        task_id = ask_a_person(occasion, match.family_id, _perhaps_stop(occasion, match))
    assert happened.event_id is not None  # it has no id of its own that could be on record  # noqa: S101
    return Effect(event_id=happened.event_id, touched=happened.touched, reason=happened.reason, task_id=task_id)


def _perhaps_stop(occasion: Occasion, match: Match) -> str:
    item = occasion.item
    return (
        f"They wrote {shown(' '.join(item.text.split()))}. If they do not want to be written to:"
        f" coopflow family optout {match.family_id} --channel {item.channel}"
    )


def _stop(occasion: Occasion, match: Match) -> Effect:
    """The opt-out goes with the address: it holds for every family that has it."""
    store, item, now = occasion.store, occasion.item, occasion.now
    reason = "asked for with a keyword"
    event_id = put_on_record(occasion, reason=reason, match=match)
    sharing = store.inbox.families_at(item.channel, item.sender) if item.sender else []
    families = list(dict.fromkeys((match.family_id, *sharing)))
    words = item.text.splitlines()[0] if item.text else str(item.subject)
    said = Said(words, item.sender, occasion.source)
    touched = opt(store, families, item.channel, said, allowed=False, now=now)
    return Effect(event_id=event_id, touched=touched, reason=reason)


def _start(occasion: Occasion, match: Match) -> Effect:
    """It takes an opt-out back if consent was once on record; else a person must know that there is any."""
    store, item, now = occasion.store, occasion.item, occasion.now
    if not has_opted_out(store, match.family_id, item.channel):
        return _answer(occasion, match)  # they may be written to: it is a word like any other
    if not store.inbox.once_opted_in(match.family_id, item.channel):
        reason = "they ask to be written to again, and no consent is on record"
        event_id = put_on_record(occasion, reason=reason, match=match)
        command = f"coopflow family optin {match.family_id} --channel {item.channel} --reason 'how they agreed'"
        question = f"They sent {shown(item.text)} after an opt-out. If you have their consent: {command}"
        return Effect(event_id=event_id, reason=reason, task_id=ask_a_person(occasion, match.family_id, question))
    reason = "they may be written to again: consent was on record before"
    event_id = put_on_record(occasion, reason=reason, match=match)
    said = Said(item.text, item.sender, occasion.source)
    opt(store, [match.family_id], item.channel, said, allowed=True, now=now)
    _works_after_all(occasion, match)
    return Effect(event_id=event_id, reason=reason)


def _works_after_all(occasion: Occasion, match: Match) -> None:
    """An address from which a family writes may be written to, whatever came back from there before."""
    store, item = occasion.store, occasion.item
    if item.channel == "email" and item.sender is not None and store.inbox.clear_bad("email", item.sender):
        store.log([_about_address("address.cleared", occasion, match.family_id, reason="the family wrote from there")])


# -- a machine wrote ----------------------------------------------------------------------------------------------


def _automatic(occasion: Occasion, match: Match) -> Effect:
    store = occasion.store
    event_id = put_on_record(occasion, reason="an automatic reply, which is no answer", match=match)
    ids = [match.instance_id] if match.instance_id else store.active_instances(match.family_id)
    touched = [number for number in ids if _change(occasion, number, lambda case: postpone(case, now=occasion.now))]
    return Effect(event_id=event_id, touched=touched, reason="an automatic reply, which is no answer")


def _bounce(occasion: Occasion, match: Match) -> Effect:
    failure = failure_of(occasion.item, match.sent)
    event_id = put_on_record(occasion, reason=f"{failure.fate}: {failure.reason}", match=match)
    if failure.fate is Fate.DELAYED or match.sent is None:
        _note_delay(occasion, match.sent, failure.reason)
        return Effect(event_id=event_id, reason=f"it is late: {failure.reason}")
    if failure.fate is Fate.PERMANENT:
        _mark_bad(occasion, match.sent, failure.recipient, failure.reason)
    touched = _did_not_arrive(occasion, match.sent, failure.reason, permanent=failure.fate is Fate.PERMANENT)
    return Effect(event_id=event_id, touched=touched, reason=failure.reason)


def _note_delay(occasion: Occasion, sent: Sent | None, reason: str) -> None:
    if sent is not None:
        _change(
            occasion,
            sent.instance_id,
            lambda case: case.note("message.delayed", now=occasion.now, step=sent.step_id, reason=reason),
        )


def _mark_bad(occasion: Occasion, sent: Sent, recipient: str | None, reason: str) -> None:
    """The address that was written to; where another one failed, that one got it from there, and it works."""
    if sent.to is None or recipient not in (None, sent.to.lower()):
        return
    occasion.store.inbox.mark_bad(sent.channel, sent.to, reason, now=occasion.now)
    occasion.store.log([_about_address("address.failed", occasion, sent.family_id, reason=reason)])


def _about_address(kind: str, occasion: Occasion, family_id: str, *, reason: str) -> Event:
    data = {"channel": occasion.item.channel, "item": occasion.item_id, "reason": reason}
    return Event(at=occasion.now, kind=kind, actor=occasion.source, family_id=family_id, data=data)


def _report(occasion: Occasion, match: Match) -> Effect:
    item, sent, now = occasion.item, match.sent, occasion.now
    assert sent is not None and item.delivery is not None  # as reports are read and matched  # noqa: S101, PT018
    known = sent.output.get("delivery")
    if not says_more(item.delivery, known):
        return Effect(event_id=put_on_record(occasion, reason=f"known as {known}", match=match), reason="nothing new")
    event_id = put_on_record(occasion, reason=item.delivery, match=match)
    _change(occasion, sent.instance_id, lambda case: left_after_all(case, sent.message_id, now=now))
    told = {"delivery": item.delivery, **({"delivery_reason": item.reason} if item.reason else {})}
    occasion.store.inbox.record_output(sent.execution_id, {**_output(occasion, sent), **told})
    reason = item.reason or "the gateway does not say why"
    if item.delivery is Delivery.UNDELIVERED:
        if item.permanent:
            _mark_bad(occasion, sent, None, reason)
        touched = _did_not_arrive(occasion, sent, reason, permanent=item.permanent)
        return Effect(event_id=event_id, touched=touched, reason=f"not delivered: {reason}")
    _change(
        occasion,
        sent.instance_id,
        lambda case: case.note("message.reported", now=now, step=sent.step_id, delivery=item.delivery),
    )
    return Effect(event_id=event_id, reason=item.delivery)


def _output(occasion: Occasion, sent: Sent) -> Mapping[str, Any]:
    """What the step gave: a doubt that has just been settled has written it anew."""
    again = occasion.store.inbox.sent_as([sent.message_id])
    return again.output if again is not None else sent.output


def _did_not_arrive(occasion: Occasion, sent: Sent, reason: str, *, permanent: bool) -> list[int]:
    """Record the event, then go where the step's `on_failure` leads if nothing has happened since."""
    what = "the mail came back" if sent.channel == "email" else "the text was not delivered"

    data = {"permanent": permanent, "reason": reason, "step": sent.step_id, "instance": sent.instance_id}
    event = {**data, "item": occasion.item_id}
    _, touched, _ = take_event(
        occasion.store, FAILED[sent.channel], sent.family_id, data=event, actor=occasion.source, now=occasion.now
    )
    moved = False

    def go_back(case: Case) -> None:
        nonlocal moved
        case.note("message.returned", now=occasion.now, step=sent.step_id, reason=reason, permanent=permanent)
        moved = came_back(case, sent, f"{what}: {reason}", now=occasion.now)

    _change(occasion, sent.instance_id, go_back)
    return list(dict.fromkeys([*touched, *([sent.instance_id] if moved else [])]))


def _change(occasion: Occasion, instance_id: int, verb: Callable[[Case], object]) -> bool:
    """Change an instance; what is due by then is left to the tick. False: the verb found nothing to change."""
    [case] = occasion.store.cases.load([instance_id], actor=occasion.source)
    if not verb(case) and not case.journal.events:
        return False
    save_cases(occasion.store, [case], now=occasion.now)
    return True


_EFFECTS: Mapping[ItemKind, Callable[[Occasion, Match], Effect]] = {
    ItemKind.REPLY: _answer,
    ItemKind.STOP: _stop,
    ItemKind.START: _start,
    ItemKind.AUTOMATIC: _automatic,
    ItemKind.BOUNCE: _bounce,
    ItemKind.REPORT: _report,
}
