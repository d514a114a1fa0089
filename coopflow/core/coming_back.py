"""What happens to an instance when a message that was accepted did not arrive, or a machine answered it."""

from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.desk import resolve
from coopflow.core.durations import Duration
from coopflow.core.incoming import Sent
from coopflow.core.model import Entry
from coopflow.core.settle import fail
from coopflow.core.states import Awaited, StepStatus
from coopflow.core.timing import add

ONE_BUSINESS_DAY = Duration(business_days=1)
POSTPONED = "an automatic reply came"


def came_back(case: Case, sent: Sent, reason: str, *, now: datetime) -> bool:
    """Go where the step's `on_failure` leads, if its branch still stands right after it; False: it has gone on."""
    entry = _right_after(case, sent)
    if entry is None:
        return False
    way = case.workflow.steps[sent.step_id].on_failure or case.workflow.on_failure
    if way.action == "continue":
        return False
    if case.attempt(entry) is not None:
        case.end(entry, StepStatus.SKIPPED, now=now, error=reason)
    entry.step_id, entry.attempts = sent.step_id, 0
    entry.visit += 1  # a new visit: what is sent again, if a person says so, is another message
    fail(case, entry, reason, now=now)
    return True


def _right_after(case: Case, sent: Sent) -> Entry | None:
    """The branch, if it waits at the step that followed the message and has done nothing there yet."""
    entry = case.entries.get(sent.branch)
    if not case.instance.active or entry is None or entry.visit != sent.visit + 1:
        return None
    waits = entry.awaits is Awaited.TIME or (entry.awaits is Awaited.TURN and case.attempt(entry) is None)
    return entry if waits else None


def postpone(case: Case, *, now: datetime) -> bool:
    """Put waits off by one business day, each once: whoever is away can answer when they are back."""
    waiting = [
        entry
        for entry in case.entries.values()
        if entry.awaits is Awaited.TIME and entry.scheduled_for and POSTPONED not in (entry.reason or "")
    ]
    for entry in waiting:
        assert entry.scheduled_for is not None  # as just looked for  # noqa: S101
        later = add(ONE_BUSINESS_DAY, to=entry.scheduled_for, tz=case.tz, calendar=case.coop.calendar)
        entry.scheduled_for = later
        entry.reason = "; ".join(filter(None, (entry.reason, f"{POSTPONED}: one business day more")))
        case.note("step.deferred", now=now, step=entry.step_id, until=later, reason=POSTPONED)
    return bool(waiting)


def left_after_all(case: Case, message_id: str, *, now: datetime) -> bool:
    """Settle the doubt about a message of which somebody outside has spoken: so it did leave."""
    for entry in list(case.entries.values()):
        attempt = case.attempt(entry)
        if entry.awaits is Awaited.DOUBT and attempt is not None and attempt.message_id == message_id:
            resolve(case, entry, sent=True, now=now)
            return True
    return False
