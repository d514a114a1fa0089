"""Whether a message goes to a family now: consent, an address and who shares it, the caps, the pace when late."""

from datetime import datetime, timedelta

from coopflow.core.case import Case
from coopflow.core.consent import OUTREACH, refusal
from coopflow.core.decisions import Decision, Defer, Fail, Hold, Send, Skip
from coopflow.core.durations import Duration
from coopflow.core.model import Entry
from coopflow.core.moments import start_of_day
from coopflow.core.placing import reopen
from coopflow.core.pressure import Contact, Room, must_wait_a_day, no_room_before, twin
from coopflow.core.timing import add, local_text
from coopflow.core.workflow import Step

A_WEEK = Duration(days=7)  # beyond one period of the cap: so long may caps put a message off before a person must know
NOBODY = ""  # the message id of what has not been intended yet


def send(
    case: Case, entry: Entry, step: Step, channel: str, address: str | None, *, kind: str = OUTREACH, now: datetime
) -> Decision:
    """Hand the step's message over, or say why not, or why not yet."""
    family_id = case.family.family_id
    if no := refusal(case.family, channel, kind):
        return Fail(no.reason) if step.on_failure else Skip(no.reason)
    if not address:
        return Fail(f"family {family_id} has no {'phone number' if channel == 'sms' else 'email address'}")
    if (problem := case.bad_addresses.get(address.lower())) is not None:
        return Fail(f"the {'number' if channel == 'sms' else 'address'} of family {family_id} does not work: {problem}")
    if case.coop.allowed is not None and (outside := case.coop.allowed.refusal(channel, address)):
        return Fail(f"nothing may go to family {family_id}: {outside}")
    attempt = case.attempt(entry)
    own = (attempt.message_id if attempt else None) or NOBODY
    message = Contact(family_id, channel, address, now, own, case.instance.instance_id, case.part(step))
    if other := twin(case.contacts, message, now=now):
        return Skip(f"family {other.family_id} gets it at the same address (instance {other.instance_id})")
    room = no_room_before(case.coop.limits, case.contacts, message, tz=case.tz, now=now)
    if room is not None:
        return _later(case, entry, step, room, now=now)
    if must_wait_a_day(case.contacts, message, planned=entry.scheduled_for, tz=case.tz, now=now):
        return _tomorrow(case, step, now=now)
    return Send(channel, address)


def _later(case: Case, entry: Entry, step: Step, room: Room, *, now: datetime) -> Decision:
    planned = reopen(room.at, step, case.setting)
    first = case.plan(step, arrived=entry.arrived_at or now).at
    patience = add(A_WEEK, to=add(room.cap.per, to=first, tz=case.tz), tz=case.tz)
    if planned.at > patience:
        return Hold(
            f"'{step.name}' was planned for {local_text(first, case.tz)} and found no room since: {room.reason}"
        )
    return Defer(planned.at, "; ".join((room.reason, *planned.reasons)))


def _tomorrow(case: Case, step: Step, *, now: datetime) -> Defer:
    tomorrow = start_of_day(now.astimezone(case.tz).date() + timedelta(days=1), tz=case.tz)
    planned = reopen(tomorrow, step, case.setting)
    return Defer(planned.at, "; ".join(("it is late, and the family has had a message today", *planned.reasons)))
