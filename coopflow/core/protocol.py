"""The send protocol on the side of the rules (reliability, section 2.2): the intent to send, and what came of it.

Between the two lies the moment that nobody can take back. What was handed over and never answered is in doubt: it
goes to a person and is never sent again by itself.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, assert_never

from coopflow.core.case import Case
from coopflow.core.decisions import Hold
from coopflow.core.deliveries import Accepted, Deferred, Delivery, Refused, Unavailable, Unknown, Withdrawn
from coopflow.core.holding import MAYBE_OUT, paused_by_a_person, release
from coopflow.core.instants import format_instant
from coopflow.core.model import Entry, Execution, Message, Task
from coopflow.core.placing import reopen, too_late_after
from coopflow.core.pressure import Contact
from coopflow.core.retry import Retry
from coopflow.core.settle import doubt, fail, settle
from coopflow.core.states import Awaited, EntryStatus, InstanceStatus, StepStatus
from coopflow.core.timing import NeverOpens, add, local_text
from coopflow.core.wording import MESSAGE_WORDS

OUT_OF_ORDER_PAUSE = timedelta(minutes=15)  # when a transport is down, all its messages wait this long,
LONGEST_PAUSE = timedelta(hours=1)  # and then as long again as they have waited, up to this
TO_FAMILIES = frozenset({"email", "sms"})  # what counts towards the caps on messages to a family


def message_key(database_id: str, case: Case, entry: Entry) -> str:
    """The name of a logical message: the same for every attempt at one visit of one step, and of nothing else.

    The number alone does not say which instance it is: once a backup was restored, another one may get the number of
    one that began after the backup was made, and a server that dedupes must not take its message for one that it has.
    """
    instance = case.instance
    run = f"{instance.instance_id}/{instance.family_id}/{format_instant(instance.trigger_date)}"
    origin = f"{database_id}/{run}/{entry.branch}/{entry.step_id}/{_visits(case, entry)}"
    return hashlib.blake2b(origin.encode(), digest_size=16).hexdigest()


def _visits(case: Case, entry: Entry) -> str:
    """The visit, with those of the steps that split off its branch: a loop may split the same branch off once more."""
    names = entry.branch.split("/")
    above = ["/".join(names[:depth]) for depth in range(1, len(names))]
    return ".".join(str(visit) for visit in (*(case.entries[branch].visit for branch in above), entry.visit))


def intend(case: Case, entry: Entry, message: Message, *, handed_over: bool, now: datetime) -> None:
    """T1: the intent to send, with the final words, so that whatever happens next it is on record.

    `handed_over` is true for a transport that takes the same key twice without sending twice: it needs no last call,
    so from here on the message counts as out of the house.
    """
    given = {"to": message.to, "subject": message.subject, "text": message.text, "html": message.html}
    case.begin(
        entry,
        now=now,
        status=StepStatus.RUNNING if handed_over else StepStatus.PENDING,
        given=given,
        key=message.key,
        message_id=message.message_id,
    )
    entry.last_attempt_at = None
    _count(case, entry, message, now=now)
    case.note(
        "message.intended",
        now=now,
        step=entry.step_id,
        channel=message.channel,
        message=message.message_id,
        personal={"to": message.to, "content": _digest(message)},
    )


def out_of_the_house(case: Case, entry: Entry, attempt: Execution, message: Message, *, now: datetime) -> None:
    """Hand a message over: from here on it may be out, and it counts towards the caps as of now."""
    case.hand_over(attempt)
    entry.last_attempt_at = now if now > attempt.started_at else None
    _count(case, entry, message, now=now)


def _count(case: Case, entry: Entry, message: Message, *, now: datetime) -> None:
    if message.channel in TO_FAMILIES:
        family_id, instance_id, part = case.family.family_id, case.instance.instance_id, case.part(case.step(entry))
        contact = Contact(family_id, message.channel, message.to, now, message.message_id, instance_id, part)
        case.contacts.count(contact)


def _digest(message: Message) -> str:
    return hashlib.sha256(f"{message.subject}\0{message.text}\0{message.html}".encode()).hexdigest()


def under_way(entry: Entry, channel: str) -> None:
    """Mark a branch whose message is on its way, so that nothing else takes it up."""
    entry.status = EntryStatus.PROCESSING
    entry.look_again(Awaited.SEND, None, f"the {MESSAGE_WORDS.get(channel, channel)} is on its way")


def answered(case: Case, entry: Entry, delivery: Delivery, *, now: datetime) -> None:
    """T3: what came of the message, and where the branch goes from there."""
    paused, by_a_person = case.instance.status is InstanceStatus.PAUSED, paused_by_a_person(case)
    entry.status = EntryStatus.PAUSED if paused else EntryStatus.QUEUED
    match delivery:
        case Accepted(reference):
            case.end(entry, StepStatus.COMPLETED, now=now, output=_output(delivery))
            case.note("message.accepted", now=now, step=entry.step_id, reference=reference)
            case.leave(entry, case.step(entry).next, now=now)
        case Deferred(reason, retry_after):
            _try_again(case, entry, reason, not_before=now + (retry_after or timedelta()), now=now)
        case Unavailable(reason) if since := _too_long_under_way(case, entry, now=now):
            settle(
                case,
                entry,
                Hold(f"'{case.step(entry).name}' could not be handed over since {since}: {reason}"),
                now=now,
            )
        case Unavailable(reason):
            if _come_back(case, entry, now + _pause(case, entry, now=now), reason, awaits=Awaited.SEND, now=now):
                case.note("step.deferred", now=now, step=entry.step_id, until=entry.scheduled_for, reason=reason)
        case Refused(reason):
            case.note("message.refused", now=now, step=entry.step_id, reason=reason)
            fail(case, entry, reason, now=now)
        case Unknown(reason):
            doubt(case, entry, reason, now=now)
        case Withdrawn():
            entry.look_again(Awaited.SEND, now, "held back at the last call")
        case _:
            assert_never(delivery)
    if paused:  # the step on hold may have been in a branch that is not waited for any more
        release(case, "what held it was withdrawn", by_a_person=by_a_person, now=now)


def _pause(case: Case, entry: Entry, *, now: datetime) -> timedelta:
    """How long a message waits for its transport: the longer it has been out of order, the longer."""
    attempt = case.attempt(entry)
    waited = now - attempt.started_at if attempt else timedelta()
    return min(max(waited, OUT_OF_ORDER_PAUSE), LONGEST_PAUSE)


def _output(accepted: Accepted) -> dict[str, Any]:
    """What later conditions see of a message: `steps.ID.status`, and `steps.ID.output.NAME` if it was answered."""
    output = {} if accepted.output is None else {"output": accepted.output}
    return {"status": "accepted", "reference": accepted.reference, **output}


def _too_long_under_way(case: Case, entry: Entry, *, now: datetime) -> str | None:
    """Since when the transport has been out of order, if that is so long ago that a person must hear of it."""
    attempt, limit = case.attempt(entry), too_late_after(case.step(entry))
    if attempt is None or limit is None:
        return None
    patience = add(limit, to=attempt.started_at, tz=case.tz, calendar=case.coop.calendar)
    return local_text(attempt.started_at, case.tz) if patience < now else None


def answered_too_late(case: Case, attempt: Execution, delivery: Delivery, *, now: datetime) -> None:
    """The fate of a message whose branch was withdrawn meanwhile: a fact to record, and nothing to decide."""
    match delivery:
        case Accepted():
            case.close(attempt, StepStatus.COMPLETED, now=now, output=_output(delivery))
            case.note("message.accepted", now=now, step=attempt.step_id, message=attempt.message_id, late=True)
        case Unknown(reason):
            error = f"not known whether it left: {reason}"
            case.close(attempt, StepStatus.FAILED, now=now, output=MAYBE_OUT, error=error)
            case.note("step.in_doubt", now=now, step=attempt.step_id, reason=reason, late=True)
            _tell_of_late_doubt(case, attempt, reason, now=now)
        case Deferred(reason) | Unavailable(reason) | Refused(reason):
            case.close(attempt, StepStatus.FAILED, now=now, error=reason)
            case.note("message.withdrawn", now=now, step=attempt.step_id, message=attempt.message_id, late=True)
        case Withdrawn():
            case.close(attempt, StepStatus.SKIPPED, now=now, error="held back at the last call")
            case.note("message.withdrawn", now=now, step=attempt.step_id, message=attempt.message_id, late=True)
        case _:
            assert_never(delivery)


def _tell_of_late_doubt(case: Case, attempt: Execution, reason: str, *, now: datetime) -> None:
    case.open_task(
        Task(
            family_id=case.family.family_id,
            instance_id=case.instance.instance_id,
            step_id=attempt.step_id,
            branch=None,
            task_type="check",
            description=f"The instance went on without it; whether the {attempt.step_type} left is not known: {reason}",
            due_date=now,
            priority="high",
            assignee=case.coop.coordinator,
            created_date=now,
        ),
        now=now,
    )


def _try_again(case: Case, entry: Entry, reason: str, *, not_before: datetime, now: datetime) -> None:
    step = case.step(entry)
    policy = step.retry or case.workflow.retry
    key = f"{case.instance.instance_id}/{entry.branch}/{entry.visit}"
    answer = policy.decide(permanent=False, attempts=entry.attempts, reason=reason, now=now, key=key)
    if not isinstance(answer, Retry):
        fail(case, entry, answer.reason, now=now)
        return
    case.end(entry, StepStatus.FAILED, now=now, error=reason)
    case.instance.error_count += 1
    case.instance.last_error = reason
    awaits = Awaited.APPROVED if step.approval else Awaited.TURN  # the approval it had is still good
    if _come_back(case, entry, max(answer.at, not_before), reason, awaits=awaits, now=now):
        again = entry.attempts + 1
        case.note("step.retrying", now=now, step=step.id, reason=reason, at=entry.scheduled_for, attempt=again)


def _come_back(case: Case, entry: Entry, at: datetime, reason: str, *, awaits: Awaited, now: datetime) -> bool:
    """Plan another attempt inside the step's windows; False: they never open, and a person must decide."""
    try:
        planned = reopen(at, case.step(entry), case.setting)
    except NeverOpens as problem:
        settle(case, entry, Hold(f"{reason}; and there is no time for another try: {problem}"), now=now)
        return False
    entry.look_again(awaits, planned.at, "; ".join(("trying again", reason, *planned.reasons)))
    return True
