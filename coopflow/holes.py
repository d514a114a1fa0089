"""Messages that cannot be written for a family: found when an instance starts, so that a person mends it in time."""

from collections.abc import Collection, Iterator
from datetime import datetime

from coopflow.composing import words
from coopflow.core.case import TEXT_HOLE, Case
from coopflow.core.consent import refusal
from coopflow.core.durations import Duration
from coopflow.core.model import Task
from coopflow.core.placing import due_at_the_desk
from coopflow.core.timing import NeverOpens
from coopflow.core.workflow import EmailStep, RecommendedStep, SmsStep, Step
from coopflow.store.store import Store

A_DAY_AT_WORK = Duration(business_days=1)  # to give the value, or to change the text


def holes(case: Case) -> Iterator[tuple[Step, str]]:
    """Each step whose message cannot be written for the case's family, and why: in words that name the value."""
    for step in case.workflow.steps.values():
        if isinstance(step, EmailStep | SmsStep) and (problem := _problem(case, step)):
            yield step, problem


def tell_of_holes(case: Case, *, now: datetime) -> None:
    """Put a task on the desk for each hole of an instance that starts; its other steps are carried out all the same.

    What does not go to the family anyway needs no words. Steps with the same hole share a task.
    """
    told: set[str] = set()
    for step, problem in holes(case):
        if problem not in told and _would_go(case, step):
            told.add(problem)
            case.open_task(_to_mend(case, step, problem, now=now), now=now)


def close_mended_holes(store: Store, family_ids: Collection[str], *, now: datetime) -> None:
    """Take the tasks off the desk whose message can be written now, as after a change of the family's data."""
    cases = store.cases.load(store.desk.instances_with(TEXT_HOLE, family_ids))
    for case in cases:
        mended = [task for task in case.tasks if task.task_type == TEXT_HOLE and not _is_open(case, task)]
        case.withdraw_tasks(mended, "the message can be written now", now=now)
    store.cases.save(cases, now=now)


def _is_open(case: Case, task: Task) -> bool:
    step = case.workflow.steps.get(task.step_id or "")
    return isinstance(step, EmailStep | SmsStep) and _problem(case, step) is not None


def _problem(case: Case, step: EmailStep | SmsStep) -> str | None:
    from coopflow.texts.errors import RenderError

    try:
        words(case, step)
    except RenderError as problem:
        template = f"messages/{step.template_id}.md" if step.template_id else "its text"
        return f"{template}: {problem}"
    return None


def _would_go(case: Case, step: Step) -> bool:
    assert isinstance(step, EmailStep | SmsStep)  # nothing else has words  # noqa: S101
    if not _may_come(case, step):
        return False
    channel, address = ("email", case.family.email) if isinstance(step, EmailStep) else ("sms", case.family.phone)
    return bool(address) and refusal(case.family, channel, step.kind) is None


def _may_come(case: Case, step: Step) -> bool:
    """False for an action that the prediction did not recommend."""
    around = case.workflow.steps.get(step.parent or "")
    if not isinstance(around, RecommendedStep):
        return True
    advice = case.facts.trigger.get("recommendations") or ()
    return step.id in {around.actions.get(item["action"]) for item in advice}


def _to_mend(case: Case, step: Step, problem: str, *, now: datetime) -> Task:
    return Task(
        family_id=case.family.family_id,
        instance_id=case.instance.instance_id,
        step_id=step.id,
        branch=None,
        task_type=TEXT_HOLE,
        description=(
            f"The {step.type} '{step.name}' cannot be written: {problem}. Mend it before its turn comes, with: coopflow"
            f" family import; look at it with: coopflow preview {case.workflow.name} {step.id} --family"
            f" {case.family.family_id}"
        ),
        due_date=_due(case, now=now),
        priority="high",
        assignee=case.coop.coordinator,
        created_date=now,
    )


def _due(case: Case, *, now: datetime) -> datetime:
    try:
        return due_at_the_desk(A_DAY_AT_WORK, case.coop.coordinator, case.coop, after=now)
    except NeverOpens:
        return now
