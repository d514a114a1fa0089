"""A whole run of a workflow for a family, tried out: the rules on the family's real data, nothing written or sent."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from coopflow.core.audit import canonical_json
from coopflow.core.foresight import Foreseen, Script, foresee
from coopflow.core.model import Family
from coopflow.core.wording import did_you_mean, shown
from coopflow.core.workflow import CallingStep, EmailStep, SmsStep, TaskStep, Workflow
from coopflow.errors import NotFound, Usage
from coopflow.holes import holes
from coopflow.reports.story import Happened, past
from coopflow.reports.trying import case_to_try
from coopflow.reports.words import Row, When
from coopflow.store.store import Store
from coopflow.triggers import facts_of

UNTOLD = frozenset({"message.intended"})  # the moment before a message leaves is no news here


class Simulation(Struct, frozen=True, kw_only=True):
    """What a run would come to."""

    family: Family
    workflow: Workflow
    told: list[Happened]
    ended: datetime | None  # None: it had not ended by then
    outcome: str | None
    messages: int
    deadline: datetime | None
    holes: list[str]  # messages that cannot be written for this family, a sentence each


def simulate(
    store: Store,
    workflow: Workflow,
    family: Family,
    given: Mapping[str, Any],
    script: Script,
    *,
    at: datetime,
    until: datetime,
    when: When,
) -> Simulation:
    """Start the workflow for the family at an instant, and walk it to its end or to another instant."""
    _require_steps(workflow, script)
    case = case_to_try(store, workflow, family, given, what_for="simulation", now=at)
    case.contacts = store.cases.contacts_of([family])
    found = [f"'{step.name}': {problem}" for step, problem in holes(case)]
    told = list(foresee([case], since=at, until=until, script=script))
    finished = case.instance
    return Simulation(
        family=family,
        workflow=workflow,
        told=past(_rows(told), [], _names(workflow), when=when, whole=False),
        ended=finished.completed_at,
        outcome=str(finished.outcome) if finished.outcome else None,
        messages=sum(found.event.kind == "message.accepted" for found in told),
        deadline=finished.deadline,
        holes=found,
    )


def given_by_the_latest_prediction(store: Store, family_id: str) -> dict[str, Any]:
    """What a prediction would bring along: the latest one about the family, if there is any."""
    latest = store.looking.latest_prediction(family_id)
    return {} if latest is None else facts_of(latest[0])


def _require_steps(workflow: Workflow, script: Script) -> None:
    """Refuse a script that speaks of steps or outcomes that there are not."""
    for step_id in (*script.refused, *script.outcomes):
        if step_id not in workflow.steps:
            hint = did_you_mean(step_id, workflow.steps) or f"; it has {', '.join(workflow.steps)}"
            raise NotFound(f"workflow '{workflow.name}' has no step {shown(step_id)}{hint}")
    for step_id in script.refused:
        if not isinstance(workflow.steps[step_id], EmailStep | SmsStep | CallingStep):
            raise Usage(f"--fail: '{step_id}' sends no message, so nothing can refuse it")
    for step_id, outcome in script.outcomes.items():
        step = workflow.steps[step_id]
        if not isinstance(step, TaskStep) or outcome not in step.outcomes:
            known = ", ".join(step.outcomes) if isinstance(step, TaskStep) and step.outcomes else "none"
            raise Usage(f"--outcome: '{step_id}' has no outcome {shown(outcome)}; it has {known}")


def _rows(told: Iterable[Foreseen]) -> list[Row]:
    """The events as the log would have them, with the reason for their time among what they say."""
    return [
        {
            "event_id": number,
            "at": found.event.at,
            "kind": found.event.kind,
            "actor": found.event.actor,
            "data": json.loads(canonical_json(found.event.data)),
            "personal": found.event.personal,
            "reason": found.reason,
        }
        for number, found in enumerate(told)
        if found.event.kind not in UNTOLD
    ]


def _names(workflow: Workflow) -> dict[str, str]:
    return {step.id: step.name for step in workflow.steps.values()}


def as_document(found: Simulation) -> dict[str, Any]:
    """The run for programs."""
    return {
        "workflow": found.workflow.name,
        "version": found.workflow.version,
        "family_id": found.family.family_id,
        "ended": found.ended,
        "outcome": found.outcome,
        "messages": found.messages,
        "deadline": found.deadline,
        "holes": found.holes,
        "events": [
            {"at": one.at, "kind": one.kind, "sentence": one.words, "detail": list(one.detail)} for one in found.told
        ],
    }
