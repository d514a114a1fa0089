"""Messages that rest before they leave, so that a person can take them back (the `rest` of the configuration)."""

from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.decisions import Hold
from coopflow.core.holding import begin_again, paused_by_a_person, skip_step
from coopflow.core.model import Entry
from coopflow.core.placing import reopen
from coopflow.core.settle import settle
from coopflow.core.states import Awaited, EntryStatus, StepStatus
from coopflow.core.timing import NeverOpens
from coopflow.core.workflow import EmailStep, SmsStep
from coopflow.errors import NotAllowed


def goes_to_rest(case: Case, entry: Entry) -> bool:
    """Whether a message would lie in the house first; one that was handed over before and comes again does not."""
    to_people = isinstance(case.step(entry), EmailStep | SmsStep)
    return bool(case.coop.rest) and to_people and entry.attempts == 0 and case.attempt(entry) is None


def lay_down(case: Case, entry: Entry, *, now: datetime) -> None:
    """Let a message whose words are on record rest; it leaves at the first open moment after that."""
    step, rested = case.step(entry), now + case.coop.rest
    try:
        planned = reopen(rested, step, case.setting)
    except NeverOpens as problem:
        settle(case, entry, Hold(f"'{step.name}' rests, and its turn never comes: {problem}"), now=now)
        return
    words = f"rests, and can be taken back until then: coopflow recall {case.instance.instance_id}"
    entry.look_again(Awaited.SEND, planned.at, "; ".join((words, *planned.reasons)))
    case.note("message.resting", now=now, step=entry.step_id, until=planned.at)


def resting(case: Case) -> list[Entry]:
    """The branches with a message on record that no tick has taken up to send."""
    return [
        entry
        for entry in case.entries.values()
        if entry.awaits is Awaited.SEND
        and entry.status is not EntryStatus.PROCESSING
        and (attempt := case.attempt(entry)) is not None
        and attempt.status is StepStatus.PENDING
    ]


def recall(case: Case, *, go_on: bool, reason: str | None, now: datetime) -> None:
    """Take back what has not left; the instance is paused, or goes on with its next step."""
    entries = resting(case)
    if not entries:
        raise NotAllowed(_nothing(case))
    why = f"recalled by {case.actor}" + (f": {reason}" if reason else "")
    for entry in entries:
        attempt = case.attempt(entry)
        if attempt is None or case.entries.get(entry.branch) is not entry:
            continue  # going on without the one before it has taken this one back as well
        case.note("message.recalled", now=now, step=entry.step_id, message=attempt.message_id, reason=reason)
        if go_on:
            skip_step(case, entry, reason=why, now=now)
            continue
        case.close(attempt, StepStatus.SKIPPED, now=now, error=why)
        begin_again(case, entry, entry.step_id, now=now)
    if not go_on and not paused_by_a_person(case):
        case.pause(why, now=now)
        case.instance.outcome_notes = why  # also where a hold had paused it: it does not go on when that is settled


def _nothing(case: Case) -> str:
    number = case.instance.instance_id
    if any(entry.status is EntryStatus.PROCESSING for entry in case.entries.values()):
        return f"the message of instance {number} is on its way at this moment; it cannot be taken back any more"
    return f"no message of instance {number} rests; see what has left with: coopflow show {number} --messages"
