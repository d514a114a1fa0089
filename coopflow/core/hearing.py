"""What an event from outside does to an instance: it may end it, or wake a wait for it."""

from datetime import datetime

from coopflow.core.case import Case
from coopflow.core.decide import reason_to_finish
from coopflow.core.states import Awaited
from coopflow.core.workflow import WaitStep


def hear(case: Case, kind: str, *, now: datetime) -> bool:
    """Let a case hear of an event that its facts know already; False: it is nothing to it."""
    over = reason_to_finish(case)
    if over is not None:
        case.finish(over.outcome, over.reason, now=now, withdraw_work=over.withdraw_work)
        return True
    woken = [
        entry
        for entry in case.entries.values()
        if entry.awaits is Awaited.TIME and _waits_for(case, entry.step_id, kind)
    ]
    for entry in woken:
        entry.scheduled_for, entry.reason = now, f"{kind} came"
    return bool(woken)


def _waits_for(case: Case, step_id: str, kind: str) -> bool:
    step = case.workflow.steps[step_id]
    return isinstance(step, WaitStep) and step.until_event == kind
