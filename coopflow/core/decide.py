"""What is next for a live branch: a pure function of the case and the instant, answering with a decision.

The order of the questions is the order in which a careful person would ask them: is there still a reason to act at
all, is it this step's turn, may it happen now, and only then what the step does.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, assert_never

from coopflow.core import rules
from coopflow.core.case import Case
from coopflow.core.decisions import (
    Decision,
    Defer,
    Fail,
    Finish,
    Fork,
    Hold,
    Jump,
    OpenTask,
    Send,
    Skip,
    Start,
    Wait,
)
from coopflow.core.durations import Duration
from coopflow.core.model import COORDINATOR, Entry
from coopflow.core.placing import due_at_the_desk, keeps_hours, may_go_now, reopen, too_late_after
from coopflow.core.reaching import send
from coopflow.core.states import Awaited, InstanceStatus, Outcome
from coopflow.core.timing import NeverOpens, add, instant_of, local_text
from coopflow.core.wording import shown
from coopflow.core.workflow import (
    CallStep,
    CommandStep,
    ConditionStep,
    EmailStep,
    EndStep,
    HttpStep,
    ParallelStep,
    RecommendedStep,
    SmsStep,
    StartStep,
    Step,
    TaskStep,
    WaitStep,
)
from coopflow.core.zones import is_zone

FORGOTTEN = "forgotten"  # the status of what remains of a family that was erased
NOT_CONTACTED = frozenset({"withdrawn", "deceased", "do_not_contact", "inactive", FORGOTTEN})  # these end a run
MOST_VISITS = 1000  # steps one branch may come to; beyond it the workflow is going round in circles
NEXT_LOOK = Duration(days=1)  # at others that have not ended; their end wakes it anyway
ONE_BUSINESS_DAY = Duration(business_days=1)  # the pattern's due date of a call


def decide(case: Case, entry: Entry, *, now: datetime) -> Decision:
    """Say what is next for a branch whose moment has come."""
    reason = reason_to_finish(case)
    if reason is not None:
        return reason
    step = case.step(entry)
    match entry.awaits:
        case Awaited.TURN | Awaited.APPROVED | Awaited.SEND:
            try:
                return _begin(case, entry, step, now=now)
            except NeverOpens as problem:
                return Hold(f"the turn of '{step.name}' never comes: {problem}")
        case Awaited.TIME:
            return _wait_is_over(case, entry, step)
        case Awaited.TASK | Awaited.APPROVAL:
            return Fail(f"nobody closed the task within {step.timeout}")
        case Awaited.BRANCHES | Awaited.PERSON | Awaited.DOUBT:
            return Hold(f"looked at while it awaits {entry.awaits}: this is a fault")
        case _:
            assert_never(entry.awaits)


def reason_to_finish(case: Case) -> Finish | None:
    """Why the whole instance is over, whatever its branches are at; None while it is not."""
    criteria = case.workflow.completion_criteria
    if criteria is not None and rules.holds(criteria, case.facts):
        return Finish(
            Outcome.SUCCESS, f"completion criteria met: {rules.met(criteria, case.facts)}", withdraw_work=True
        )
    if case.family.status in NOT_CONTACTED:
        return Finish(Outcome.CANCELLED, f"the family's status is {case.family.status}", withdraw_work=True)
    return None


def _begin(case: Case, entry: Entry, step: Step, *, now: datetime) -> Decision:
    if entry.visit > MOST_VISITS:
        return Hold(f"step '{step.id}' was reached after {MOST_VISITS} others: the workflow goes round in circles")
    if waits := _waits_for_others(case, now=now):
        return waits
    if step.only_if is not None and not rules.holds(step.only_if, case.facts):
        return Skip(f"only_if: {rules.sentence(step.only_if, case.facts)}")
    if keeps_hours(step):
        return (
            _nowhere(case)
            or _too_late(case, entry, step, now=now)
            or _not_now(case, step, now=now)
            or _with_approval(case, entry, step, now=now)
        )
    return _too_late(case, entry, step, now=now) or _with_approval(case, entry, step, now=now)


def _waits_for_others(case: Case, *, now: datetime) -> Defer | None:
    """One conversation at a time: an instance that queues does not begin while another one is with the family."""
    if not case.others or case.instance.status is not InstanceStatus.PENDING:
        return None
    names = ", ".join(f"{name} (instance {number})" for number, name in case.others)
    return Defer(add(NEXT_LOOK, to=now, tz=case.tz), f"waits for {names} to end")


def _nowhere(case: Case) -> Hold | None:
    """A family in a zone that the time-zone data does not have, or has no more: nobody knows what time it is there."""
    key = case.family.time_zone
    if key is None or is_zone(key):
        return None
    return Hold(
        f"family {case.family.family_id} is in the time zone {shown(key)}, which the time-zone data does not have;"
        " correct it with: coopflow family import, then: coopflow doctor"
    )


def _too_late(case: Case, entry: Entry, step: Step, *, now: datetime) -> Hold | None:
    limit = too_late_after(step)
    planned = entry.scheduled_for
    if limit is None or planned is None or now <= add(limit, to=planned, tz=case.tz, calendar=case.coop.calendar):
        return None
    return Hold(f"'{step.name}' was planned for {local_text(planned, case.tz)} and is more than {limit} late")


def _not_now(case: Case, step: Step, *, now: datetime) -> Defer | None:
    if may_go_now(step, case.setting, now=now):
        return None
    planned = reopen(now, step, case.setting)
    return Defer(planned.at, "; ".join(planned.reasons))


def _with_approval(case: Case, entry: Entry, step: Step, *, now: datetime) -> Decision:
    if step.approval and entry.awaits is Awaited.TURN:
        return OpenTask(
            task_type="approval",
            description=f"May '{step.name}' go to {case.family.family_name}?",
            due_date=due_at_the_desk(ONE_BUSINESS_DAY, case.coop.coordinator, case.coop, after=now),
            priority="high",
            assignee=case.coop.coordinator,
            awaits=Awaited.APPROVAL,
            until=_timeout(case, step, now=now),
        )
    return _carry_out(case, entry, step, now=now)


def _carry_out(case: Case, entry: Entry, step: Step, *, now: datetime) -> Decision:
    match step:
        case EmailStep():
            return send(case, entry, step, "email", case.family.email, kind=step.kind, now=now)
        case SmsStep():
            return send(case, entry, step, "sms", case.family.phone, kind=step.kind, now=now)
        case TaskStep():
            return _task(case, step, now=now)
        case WaitStep():
            return _wait(case, entry, step)
        case ConditionStep():
            held = rules.holds(step.condition, case.facts)
            return Jump((step.if_true if held else step.if_false) or step.next, {"result": held}, entry.scheduled_for)
        case EndStep():
            return Finish(step.outcome, step.notes or f"reached '{step.name}'")
        case ParallelStep():
            return Fork(step.branches)
        case RecommendedStep():
            return _recommended(case, step, now=now)
        case StartStep():
            return Start(step.workflow)
        case HttpStep():
            return Send("http", step.url)
        case CommandStep():
            return Send("command", step.command)
        case _:
            raise TypeError(f"no rule says how to carry out a step of the type {type(step).__name__}")


def _task(case: Case, step: TaskStep, *, now: datetime) -> OpenTask:
    return OpenTask(
        task_type=step.task_type,
        description=_described(step.description, case.facts.trigger.get("recommendations")),
        due_date=_due(case, step, now=now),
        priority=step.priority,
        assignee=case.coop.person(step.assign or COORDINATOR),
        awaits=Awaited.TASK if step.outcomes else None,
        until=_timeout(case, step, now=now) if step.outcomes else None,
    )


def _described(description: str, recommendations: Any) -> str:
    """A task's text with what the prediction recommends, so that the reason is at hand when the call is made."""
    advice = [action_text(item) for item in recommendations or ()]
    return f"{description} (recommended: {'; '.join(advice)})" if advice else description


def action_text(recommendation: Mapping[str, Any]) -> str:
    """One recommended action in words: its name and, if it has one, its reason."""
    reason = recommendation.get("reason")
    words = str(recommendation["action"]).replace("_", " ")
    return f"{words}: {reason}" if reason else words


def _due(case: Case, step: TaskStep, *, now: datetime) -> datetime | None:
    if step.due_date is not None:
        return instant_of(datetime.combine(date.fromisoformat(step.due_date), time(17)), case.tz)
    due = step.due or (ONE_BUSINESS_DAY if isinstance(step, CallStep) else None)
    assignee = case.coop.person(step.assign or COORDINATOR)
    return due_at_the_desk(due, assignee, case.coop, after=now) if due else None


def _timeout(case: Case, step: Step, *, now: datetime) -> datetime | None:
    return add(step.timeout, to=now, tz=case.tz, calendar=case.coop.calendar) if step.timeout else None


def _wait(case: Case, entry: Entry, step: WaitStep) -> Decision:
    if step.until_event and case.facts.get(step.until_event) is True:
        return Jump(step.next, {"ended_by": step.until_event})
    began = entry.scheduled_for or entry.arrived_at
    length = step.duration or step.timeout
    assert began is not None  # a branch that has its turn has come to the step  # noqa: S101
    until = add(length, to=began, tz=case.tz, calendar=case.coop.calendar) if length is not None else None
    for_event = f"for {step.until_event}" if step.until_event else ""
    return Wait(until, " ".join(filter(None, ["waiting", for_event])))


def _wait_is_over(case: Case, entry: Entry, step: Step) -> Decision:
    assert isinstance(step, WaitStep)  # nothing else awaits time  # noqa: S101
    if step.until_event and case.facts.get(step.until_event) is True:
        return Jump(step.next, {"ended_by": step.until_event})
    return Jump(step.on_timeout or step.next, {"timed_out": True}, entry.scheduled_for)


def _recommended(case: Case, step: RecommendedStep, *, now: datetime) -> Decision:
    advice = list(case.facts.trigger.get("recommendations") or ())
    if not advice:
        return Skip("the prediction recommends nothing")
    known = dict.fromkeys(step.actions[item["action"]] for item in advice if item["action"] in step.actions)
    unknown = [item for item in advice if item["action"] not in step.actions]
    return Fork(tuple(known), tuple(_advised(case, item, now=now) for item in unknown))


def _advised(case: Case, item: Mapping[str, Any], *, now: datetime) -> OpenTask:
    return OpenTask(
        task_type="recommended",
        description=action_text(item),
        due_date=due_at_the_desk(ONE_BUSINESS_DAY, case.coop.coordinator, case.coop, after=now),
        priority="normal",
        assignee=case.coop.coordinator,
        awaits=None,
    )
